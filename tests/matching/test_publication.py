"""Plans published in the background: nothing twice, nothing lost, and honest about what was left."""

from collections.abc import Iterator
from datetime import datetime

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.actors import Actor
from marketplace.accounts.queries import actor_again, names_of_actor
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.work import operations as jobs
from marketplace.work.models import Job, JobState
from matching import operations, tasks
from matching.models import MatchProposal, MatchRun
from matching.operations import publishing
from matching.queries import inputs
from providers.models import Session
from requests_app import operations as requests
from tests.factories.accounts import AT, ServiceClientFactory
from tests.factories.matching import later, work
from tests.factories.requests import SYSTEM
from tests.kit.api import ApiClient
from tests.matching.plan_scenes import PlanScene, crowded, planned, publication_carried_out, published
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def ask(scene: PlanScene, run: MatchRun, *, at: datetime = AT) -> MatchRun:
    return operations.publish_plan(actor=scene.officer, at=at, run_id=run.pk)


def publishing_job(run: MatchRun) -> Job:
    return Job.objects.get(kind="matching.publish", payload__run=str(run.public_id))


def write_first(run: MatchRun) -> int:
    """Do what a worker does before it dies: write the proposal of the first request, give its key."""
    lines = publishing.planned_lines(run.pk)
    first = publishing.served_requests(lines)[0]
    job = publishing_job(run).payload["job"]
    assert publishing.publish_request(run.pk, job, 0, lines[first], inputs.market(at=AT).rows, at=AT)
    return first


def suggested() -> list[int]:
    return list(MatchProposal.objects.order_by("request_id").values_list("request_id", flat=True))


def keys(scene: PlanScene) -> list[int]:
    return sorted(request.pk for request in scene.requests)


def test_plan_asked_to_be_published_is_published_by_a_worker() -> None:
    scene = crowded(wishes=2)
    run = ask(scene, planned(scene))
    assert (run.state, run.published_at, suggested()) == ("complete", None, [])
    assert (run.progress_done, run.progress_total, run.progress_stage) == (0, 2, "publishing")
    work()
    run.refresh_from_db()
    assert publishing_job(run).state == JobState.DONE
    assert (run.published_at, run.published_by) == (AT, scene.officer.label)
    assert (run.progress_done, run.progress_total, run.progress_stage) == (2, 2, "")
    assert run.publication["proposals"] + run.publication["live_already"] == 2


def test_who_asked_is_named_in_the_record_of_the_publication() -> None:
    scene = crowded(wishes=2)
    run = published(scene, planned(scene), at=later(1))
    actions = AuditRecord.objects.filter(resource="match_run", actor_id=scene.officer.public_id)
    assert list(actions.order_by("id").values_list("action", "at"))[-2:] == [
        ("publication_asked", later(1)),
        ("publish", later(1)),
    ]
    event = OutboxEvent.objects.get(type="match_run.published")
    assert event.resource_id == run.public_id
    assert {name: event.data[name] for name in ("proposals", "live_already", "skipped")} == {
        "proposals": 2,
        "live_already": 0,
        "skipped": 0,
    }


@pytest.mark.parametrize("kind", ["client", "system"])
def test_actor_of_a_job_is_the_one_who_asked(kind: str) -> None:
    actor = (
        Actor.system("planning")
        if kind == "system"
        else Actor.for_client(ServiceClientFactory.create(), acting_for="A. Person")
    )
    again = actor_again(names_of_actor(actor))
    assert (again.kind, again.public_id, again.label, again.acting_for) == (
        actor.kind,
        actor.public_id,
        actor.label,
        actor.acting_for,
    )


def test_plan_asked_twice_to_be_published_has_one_job() -> None:
    scene = crowded(wishes=1)
    run = ask(scene, planned(scene))
    again = ask(scene, run, at=later(1))
    assert (again.version, again.publication) == (run.version, run.publication)
    assert publishing_job(run).state == JobState.QUEUED


def test_request_that_closes_meanwhile_is_skipped_and_named() -> None:
    scene = crowded(wishes=2)
    run = ask(scene, planned(scene))
    gone, stays = scene.requests
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=gone.pk, reason_text="no more")
    run = publication_carried_out(run, at=AT)
    assert run.published_at == AT
    assert suggested() == [stays.pk]
    assert run.publication["skipped"] == [{"code": "need_changed", "request": gone.reference}]
    owner = scene.officer.user
    assert owner is not None
    [shown] = ApiClient.of(owner, AT).get(f"/match-runs/{run.public_id}").body["publication"]["skipped"]
    assert shown["request"] == gone.reference
    assert gone.reference in shown["words"]


def test_offering_that_is_gone_meanwhile_is_named_with_each_request() -> None:
    scene = crowded(wishes=1)
    run = ask(scene, planned(scene))
    Session.objects.update(state="cancelled", version=9)
    run = publication_carried_out(run, at=AT)
    [skipped] = run.publication["skipped"]
    assert (skipped["code"], skipped["request"]) == ("offering_changed", scene.requests[0].reference)
    assert skipped["offering"] == scene.offerings[0].reference_text
    assert suggested() == []


def test_worker_goes_on_where_a_dead_one_ended() -> None:
    scene = crowded(wishes=2)
    run = ask(scene, planned(scene))
    first = write_first(run)
    assert suggested() == [first]
    assert write_first(run) == first  # a second worker with the same job at the same request
    assert suggested() == [first]
    run = publication_carried_out(run, at=AT)
    assert suggested() == keys(scene)
    assert (run.publication["proposals"], run.publication["live_already"]) == (2, 0)


def test_way_that_is_live_already_is_counted_as_such() -> None:
    scene = crowded(wishes=1)
    run = scene.ask()
    work()
    run = published(scene, run, at=AT)
    assert (run.publication["proposals"], run.publication["live_already"]) == (0, 1)


def test_publication_whose_job_was_given_up_goes_on_when_asked_for_again() -> None:
    scene = crowded(wishes=2)
    run = ask(scene, planned(scene))
    first = write_first(run)
    jobs.cancel(publishing_job(run), at=AT)
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=first, reason_text="no more")  # through already
    ask(scene, run, at=later(1))
    run = publication_carried_out(run, at=later(1))
    assert (run.published_at, run.publication["proposals"], run.publication["skipped"]) == (later(1), 2, [])
    assert sorted(suggested()) == keys(scene)


def test_job_that_was_given_up_writes_nothing_more() -> None:
    scene = crowded(wishes=2)
    run = ask(scene, planned(scene))
    old = publishing_job(run)
    jobs.cancel(old, at=AT)
    ask(scene, run, at=later(1))
    tasks.prepare_publication(old.payload, at=AT, progress=lambda *_: None)
    tasks.close_publication(old.payload, at=AT)
    run.refresh_from_db()
    assert (suggested(), run.published_at, run.publication["done"]) == ([], None, 0)


def test_plan_superseded_while_it_is_published_leaves_the_rest_and_says_so() -> None:
    scene = crowded(wishes=2)
    run = ask(scene, planned(scene))
    first = write_first(run)
    planned(scene)
    run = publication_carried_out(run, at=later(1))
    assert (run.state, run.published_at, run.publication["stopped"]) == ("superseded", None, "superseded")
    assert (run.progress_done, run.progress_total, run.progress_stage) == (1, 2, "")
    assert suggested() == [first]
    assert MatchProposal.objects.get().state == "suggested"
    assert OutboxEvent.objects.filter(type="match_run.publication_stopped").count() == 1
    assert not OutboxEvent.objects.filter(type="match_run.published").exists()
    with refusal(ErrorCode.WRONG_STATE):
        ask(scene, run, at=later(1))


def test_publication_closed_twice_is_recorded_once() -> None:
    scene = crowded(wishes=1)
    run = published(scene, planned(scene), at=AT)
    again = publication_carried_out(run, at=later(1))
    assert (again.version, again.published_at) == (run.version, AT)
    assert OutboxEvent.objects.filter(type="match_run.published").count() == 1


def test_queries_of_asking_do_not_grow_with_the_plan() -> None:
    counts = []
    for wishes in (1, 4):
        scene = crowded(wishes=wishes, seats=120)
        run = planned(scene)
        inputs.market(at=AT)  # warm
        with CaptureQueriesContext(connection) as asked:
            ask(scene, run)
        counts.append(len(asked))
    assert counts[1] <= counts[0]


def test_plan_of_another_version_than_the_one_read_is_not_published() -> None:
    scene = crowded(wishes=1)
    run = planned(scene)
    with pytest.raises(DomainError) as error:
        operations.publish_plan(actor=scene.officer, at=AT, run_id=run.pk, expected_version=run.version + 1)
    assert error.value.code is ErrorCode.PRECONDITION_FAILED
    assert not Job.objects.filter(kind="matching.publish").exists()
