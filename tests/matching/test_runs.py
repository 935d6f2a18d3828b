"""Rankings in the background: asked for once, repeatable, honest about failure, never lost."""

from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from marketplace.lifecycles import deadlines as clock
from matching import operations, tasks
from matching.engine import EngineError
from matching.models import MatchProposal, MatchRun
from matching.queries import inputs
from matching.tasks import ranking
from requests_app import operations as requests
from requests_app.models import TrainingRequest
from tests.factories.accounts import AT, member, secretariat
from tests.factories.matching import MarketScene, approved, consulted, later, market, ranked, work
from tests.factories.requests import SYSTEM, line, opened, submitted
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


def run_of(scene: MarketScene) -> MatchRun:
    return MatchRun.objects.filter(request=scene.request).latest("id")


def ask(scene: MarketScene, *, at: datetime = AT, **changes: Any) -> MatchRun:
    return operations.request_run(actor=scene.officer, at=at, request_id=scene.request.pk, **changes)


def change(scene: MarketScene, *, at: datetime = AT, **changes: Any) -> None:
    content = requests.content_of(TrainingRequest.objects.get(pk=scene.request.pk))
    requests.change_request(actor=SYSTEM, at=at, request_id=scene.request.pk, content=replace(content, **changes))


# --- asked for ----------------------------------------------------------------------------------------------------


def test_request_that_opens_is_ranked_without_anybody_asking() -> None:
    scene = ranked()
    run = run_of(scene)
    assert run.state == "complete", run.error
    assert (run.requested_by, run.request_content_version) == ("matching", 1)
    assert [proposal.rank for proposal in scene.proposals()] == [1, 2]
    assert scene.request.ranked_at == AT
    assert (scene.request.step, scene.request.waiting_for) == ("proposal.shortlist", "secretariat")


def test_writing_reads_each_fact_once_however_many_proposals() -> None:
    scene = market()
    payload = {"run": str(ask(scene).public_id)}
    answer = tasks.prepare_ranking(payload, at=AT, progress=lambda *_: None)
    with CaptureQueriesContext(connection) as taken:
        tasks.write_ranking(payload, at=AT, prepared=answer)
    assert len(scene.proposals()) == 2
    reads = [query["sql"] for query in taken if query["sql"].startswith("SELECT")]
    for table in ("accounts_organizationrole", "providers_offeringpartner"):  # for four eyes and recusal
        assert sum(f'FROM "{table}"' in sql or f'JOIN "{table}"' in sql for sql in reads) == 1


def test_run_under_way_is_given_instead_of_a_second_one() -> None:
    scene = market()
    first = ask(scene)
    assert ask(scene) == first
    assert MatchRun.objects.count() == 1


def test_run_under_way_for_former_content_is_cancelled() -> None:
    scene = market()
    former = ask(scene)
    change(scene, languages_may=("en",))
    fresh = ask(scene)
    former.refresh_from_db()
    assert (former.state, fresh.state, fresh.request_content_version) == ("cancelled", "queued", 2)


def test_same_inputs_give_the_same_bytes_and_other_capacity_others() -> None:
    scene = ranked()
    first = run_of(scene)
    ask(scene)
    work()
    second = run_of(scene)
    assert second != first
    assert (second.snapshot_digest, second.output_digest) == (first.snapshot_digest, first.output_digest)
    scene.sessions[0].seats_total = 20
    scene.sessions[0].updated_at = later(1)
    scene.sessions[0].version += 1
    scene.sessions[0].save()
    ask(scene)
    work()
    assert run_of(scene).snapshot_digest != first.snapshot_digest


def test_preview_of_a_submitted_request_leaves_no_proposals() -> None:
    scene = market()
    request = submitted(scene.requester)
    preview = operations.request_run(actor=scene.officer, at=AT, request_id=request.pk, mode="preview")
    work()
    preview.refresh_from_db()
    assert preview.state == "complete", preview.error
    assert preview.result["proposals"]
    assert not MatchProposal.objects.filter(request=request).exists()


def test_submitted_request_is_not_ranked_for_good() -> None:
    scene = market()
    request = submitted(scene.requester)
    with refusal(ErrorCode.WRONG_STATE):
        operations.request_run(actor=scene.officer, at=AT, request_id=request.pk)


def test_run_where_no_line_is_left_to_place_is_refused() -> None:
    scene = ranked()
    approved(scene)
    with refusal(ErrorCode.RULE_BROKEN):
        ask(scene)


@pytest.mark.parametrize("role", ["focal_point", "provider_staff", "viewer"])
def test_only_the_secretariat_asks_for_runs(role: str) -> None:
    scene = market()
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.request_run(actor=member(scene.requester, role), at=AT, request_id=scene.request.pk)


# --- the answer ---------------------------------------------------------------------------------------------------


def test_need_that_nobody_serves_names_what_stands_in_the_way() -> None:
    scene = ranked(offerings_per_theme=0, with_sessions=False)
    run = run_of(scene)
    assert run.state == "no_solution"
    assert run.snapshot_digest
    [answer] = run.result["lines"]
    assert answer["conflict"]["reasons"] == ["no_theme", "no_language"]
    assert answer["conflict"]["sentence"]["code"] == "conflict.closed"
    assert not scene.proposals()


def test_need_that_one_concession_would_serve_says_which() -> None:
    scene = ranked(forms=("study_visit",))
    run = run_of(scene)
    assert run.state == "no_solution"
    [answer] = run.result["lines"]
    assert answer["conflict"]["relaxations"][0]["codes"] == ["form_mismatch"]
    assert answer["conflict"]["relaxations"][0]["opens"] == 2


def test_earlier_suggestions_are_superseded_by_a_newer_run() -> None:
    scene = ranked()
    former = {proposal.pk for proposal in scene.proposals()}
    ask(scene)
    work()
    states = {proposal.pk: proposal.state for proposal in scene.proposals()}
    assert {states[pk] for pk in former} == {"superseded"}
    assert sorted(state for pk, state in states.items() if pk not in former) == ["suggested", "suggested"]
    assert sorted(MatchRun.objects.values_list("state", flat=True)) == ["complete", "superseded"]


def test_way_that_is_being_decided_on_is_not_suggested_twice() -> None:
    scene = ranked()
    chosen = consulted(scene)
    ask(scene)
    work()
    live = [proposal for proposal in scene.proposals() if proposal.state not in ("superseded",)]
    assert chosen in live
    assert len(live) == len({proposal.combination for proposal in live}) == 2


def test_need_that_changed_while_the_engine_computed_is_ranked_anew() -> None:
    scene = market()
    run = ask(scene)
    prepared = tasks.prepare_ranking({"run": str(run.public_id)}, at=AT, progress=lambda *_: None)
    change(scene, languages_may=("en",))
    tasks.write_ranking({"run": str(run.public_id)}, at=AT, prepared=prepared)
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert not scene.proposals()
    work()
    assert run_of(scene).state == "complete"
    assert run_of(scene).request_content_version == 2


# --- what goes wrong ----------------------------------------------------------------------------------------------


def test_run_that_a_dead_worker_began_is_taken_up_again() -> None:
    scene = market()
    run = ask(scene)
    tasks.prepare_ranking({"run": str(run.public_id)}, at=AT, progress=lambda *_: None)  # and then it died
    run.refresh_from_db()
    assert run.state == "running"
    work()
    run.refresh_from_db()
    assert run.state == "complete", run.error


def test_engine_error_ends_the_run_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_args: object, **_kwargs: object) -> None:
        raise EngineError("bad_need", "line 1", "the theme is unknown")

    scene = market()
    monkeypatch.setattr(ranking, "rank", refuse)
    work()
    run = run_of(scene)
    assert run.state == "failed"
    assert "the theme is unknown" in run.error
    assert run.finished_at == AT


def test_failed_run_can_be_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = market()
    with monkeypatch.context() as patch:
        patch.setattr(inputs, "need", _fail)
        work()
    run = run_of(scene)
    assert run.state == "failed"
    operations.retry_run(actor=scene.officer, at=AT, run_id=run.pk)
    work()
    run.refresh_from_db()
    assert (run.state, run.error) == ("complete", "")


def _fail(*_args: object, **_kwargs: object) -> None:
    raise EngineError("bad_need", "x", "no")


def test_retry_reads_the_request_as_it_is_now() -> None:
    scene = market()
    run = ask(scene)
    operations.cancel_run(actor=scene.officer, at=AT, run_id=run.pk)
    change(scene, languages_may=("en",))
    again = operations.retry_run(actor=scene.officer, at=AT, run_id=run.pk)
    assert again.request_content_version == 2


def test_retry_beside_a_run_under_way_is_a_conflict() -> None:
    scene = market()
    run = ask(scene)
    operations.cancel_run(actor=scene.officer, at=AT, run_id=run.pk)
    ask(scene)
    with refusal(ErrorCode.CONFLICT):
        operations.retry_run(actor=scene.officer, at=AT, run_id=run.pk)


def test_cancelled_run_leaves_nothing() -> None:
    scene = market()
    run = ask(scene)
    operations.cancel_run(actor=scene.officer, at=AT, run_id=run.pk)
    tasks.write_ranking({"run": str(run.public_id)}, at=AT, prepared=None)
    assert tasks.prepare_ranking({"run": str(run.public_id)}, at=AT, progress=lambda *_: None) is None
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert not scene.proposals()
    with refusal(ErrorCode.WRONG_STATE):
        operations.cancel_run(actor=scene.officer, at=AT, run_id=run.pk)


def test_run_that_nobody_finishes_fails_after_its_day() -> None:
    scene = market()
    run = ask(scene)
    run.refresh_from_db()
    assert run.due_at is not None
    clock.meet_deadline(resource="match_run", public_id=UUID(str(run.public_id)), at=run.due_at)
    run.refresh_from_db()
    assert (run.state, run.error) == ("failed", "not finished in time")
    event = OutboxEvent.objects.filter(type="match_run.failed").latest("id")
    assert event.audience == "secretariat"


def test_run_of_a_request_that_goes_away_is_cancelled() -> None:
    scene = market()
    run = ask(scene)
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=scene.request.pk, reason_text="no more")
    work()
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert not scene.proposals()


# --- policies -----------------------------------------------------------------------------------------------------


def test_first_run_publishes_the_engine_s_own_policy_once() -> None:
    scene = ranked()
    ask(scene)
    policy = run_of(scene).policy
    assert (policy.number, policy.current, sum(policy.weights.values())) == (1, True, 1000)


def test_new_policy_counts_from_the_next_run_and_old_ones_stay() -> None:
    scene = ranked()
    former = run_of(scene).policy
    weights = {**former.weights, "theme": former.weights["theme"] - 10, "dates": former.weights["dates"] + 10}
    policy = operations.publish_policy(actor=scene.head, at=AT, names={"en": "Dates"}, weights=weights)
    ask(scene)
    work()
    former.refresh_from_db()
    assert (policy.number, policy.current, former.current) == (2, True, False)
    assert run_of(scene).policy == policy


@pytest.mark.parametrize(
    ("weights", "settings"),
    [
        ({"theme": 999}, {}),
        ({"charm": 1000}, {}),
        (None, {"moods": True}),
    ],
)
def test_policy_that_the_engine_refuses_is_not_published(
    weights: dict[str, int] | None, settings: dict[str, object]
) -> None:
    current = operations.current_policy(at=AT)
    with refusal(ErrorCode.RULE_BROKEN):
        operations.publish_policy(
            actor=secretariat("secretariat_head"),
            at=AT,
            names={"en": "x"},
            weights=weights or current.weights,
            settings=settings,
        )
    assert operations.current_policy(at=AT) == current


def test_officer_publishes_no_policy() -> None:
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.publish_policy(actor=secretariat(), at=AT, names={"en": "x"}, weights={})


# --- lines --------------------------------------------------------------------------------------------------------


def test_divisible_line_that_is_short_of_its_group_is_ranked_for_the_rest() -> None:
    request = opened(lines=(line(participants_min=20, participants_max=30, divisible=True),))
    [row] = request.lines.all()
    share = requests.LineShare(row.pk, 12)
    requests.claim_lines(actor=SYSTEM, at=AT, claimant=UUID(int=7), claims=[share])
    wanted = inputs.need(request.pk, at=AT)
    assert [(entry.number, entry.minimum, entry.maximum) for entry in wanted.lines] == [(1, 8, 18)]
