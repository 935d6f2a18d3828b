"""A run computed again from what it kept: the same bytes, or a plain word on where and why not."""

import json
import random
import zlib
from collections.abc import Callable, Iterator
from datetime import timedelta
from io import StringIO
from typing import Any, cast

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.actors import Actor
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.work.loop import run_until_idle
from marketplace.work.models import Job
from matching import operations, tasks
from matching.engine import ENGINE_VERSION, canonical, digest
from matching.models import MatchProposal, MatchRun, PartLine, ProposalPart, SupplySnapshot
from matching.queries.replay import (
    REPLAYERS,
    SHORT,
    Difference,
    first_difference,
    replay_plan,
    replay_ranking,
    replay_run,
)
from providers.models import CapacityWindow, Session
from requests_app.models import RequestLine
from tests.conftest import memory_caches
from tests.factories.accounts import AT, MembershipFactory, OrganizationFactory, member
from tests.factories.matching import MarketScene, later, market, ranked, work
from tests.factories.providers import CapacityWindowFactory
from tests.kit.api import ApiClient, check_problem, places
from tests.matching.plan_scenes import PlanScene, carried_out, crowded
from tests.requests_app.refusals import pointers, refusal

pytestmark = pytest.mark.django_db
TWO = ("mainstreaming", "trafficking")


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def run_of(scene: MarketScene) -> MatchRun:
    return MatchRun.objects.filter(request=scene.request).latest("id")


def preview(scene: MarketScene) -> MatchRun:
    run = operations.request_run(actor=scene.officer, at=AT, request_id=scene.request.pk, mode="preview")
    work()
    run.refresh_from_db()
    assert run.state == "complete", run.error
    return run


def rewrite(run: MatchRun, change: Callable[[Any], None], *, honest: bool = True) -> None:
    """Change the inputs that a run kept; `honest`: with the digest that belongs to them."""
    assert run.snapshot is not None
    document = json.loads(zlib.decompress(run.snapshot))
    change(document)
    content = canonical(document)
    run.snapshot = zlib.compress(content)
    run.snapshot_digest = digest(content) if honest else run.snapshot_digest
    run.save(update_fields=["snapshot", "snapshot_digest"])


def prefer_dates(document: Any) -> None:
    document["policy"]["weights"]["theme"] -= 100
    document["policy"]["weights"]["dates"] += 100


# --- the same -----------------------------------------------------------------------------------------------------


def test_run_replayed_gives_the_same_bytes() -> None:
    run = run_of(ranked(themes=TWO))
    found = replay_run(run.pk)
    assert found.same
    assert found.replayed_digest == found.output_digest == run.output_digest
    assert (found.engine_version, found.mode, found.difference) == (ENGINE_VERSION, "request", None)


def test_preview_replayed_gives_the_same_bytes() -> None:
    found = replay_run(preview(market()).pk)
    assert found.same
    assert found.mode == "preview"


def test_need_that_nobody_serves_is_replayed_too() -> None:
    run = run_of(ranked(forms=("study_visit",)))
    assert run.state == "no_solution"
    assert replay_run(run.pk).same


def test_replay_does_not_look_at_what_has_changed_since() -> None:
    scene = ranked()
    first = run_of(scene)
    for session in scene.sessions:
        session.seats_total, session.version, session.updated_at = 20, session.version + 1, later(1)
        session.save()
    operations.request_run(actor=scene.officer, at=AT, request_id=scene.request.pk)
    work()
    weights = {**first.policy.weights, "theme": first.policy.weights["theme"] - 10}
    weights["dates"] += 10
    operations.publish_policy(actor=scene.head, at=AT, names={"en": "Dates"}, weights=weights)
    first.refresh_from_db()
    assert first.state == "superseded"
    assert run_of(scene).output_digest != first.output_digest
    assert replay_run(first.pk).same


def test_replay_writes_nothing() -> None:
    run = run_of(ranked())
    with CaptureQueriesContext(connection) as queries:
        replay_run(run.pk)
    assert [query["sql"] for query in queries if not query["sql"].startswith("SELECT")] == []


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_rows_in_another_order_give_the_same_bytes(seed: int) -> None:
    """Sessions, windows and lines are entered anew in another order, with new primary keys and the same public ids."""
    scene = market(themes=(*TWO, "diaspora"), offerings_per_theme=3)
    for offering in scene.offerings[:3]:
        CapacityWindowFactory.create(provider=offering.provider)
        CapacityWindowFactory.create(provider=offering.provider, quantity=7)
    first = preview(scene)
    chance = random.Random(seed)
    for written in (PartLine, ProposalPart, MatchProposal):
        written._default_manager.all().delete()
    for model in (Session, CapacityWindow, RequestLine):
        enter_anew(model, chance)
    for forget in memory_caches():
        forget()
    second = preview(scene)
    assert second.pk != first.pk
    assert (second.snapshot_digest, second.output_digest) == (first.snapshot_digest, first.output_digest)
    assert second.supply == first.supply


def enter_anew(model: type[Model], chance: random.Random) -> None:
    rows = list(model._default_manager.order_by("pk"))
    assert len(rows) > 1
    model._default_manager.all().delete()
    chance.shuffle(rows)
    for row in rows:
        row.pk = None
        row._state.adding = True
    model._default_manager.bulk_create(rows)


@pytest.mark.parametrize("mode", ["portfolio", "what_if"])
def test_plan_replayed_gives_the_same_bytes(mode: str) -> None:
    scene = crowded(wishes=3, seats=40)
    run = carried_out(scene.ask(mode=mode))
    found = replay_run(run.pk)
    assert (found.same, found.mode, found.difference) == (True, mode, None)
    assert found.replayed_digest == run.output_digest


def test_plan_of_a_market_with_changes_is_replayed_with_them() -> None:
    scene = crowded(wishes=2)
    session = str(scene.sessions[0].public_id)
    run = carried_out(scene.ask(mode="what_if", changes={"capacities": [{"session": session, "free": 15}]}))
    other = carried_out(scene.ask(mode="what_if"))
    assert replay_run(run.pk).same
    assert run.output_digest != other.output_digest


# --- not the same -------------------------------------------------------------------------------------------------


def test_answer_that_other_inputs_would_give_differs_at_a_place() -> None:
    run = run_of(ranked())
    rewrite(run, prefer_dates)
    found = replay_run(run.pk)
    assert not found.same
    assert found.replayed_digest != found.output_digest == run.output_digest
    assert found.difference is not None
    assert found.difference.pointer.startswith("/lines/0/candidates/0/breakdown/")
    assert found.difference.kept != found.difference.replayed


def test_answer_that_somebody_changed_in_the_table_differs_though_the_digests_agree() -> None:
    run = run_of(ranked())
    run.result["lines"][0]["considered"] += 1
    run.save(update_fields=["result"])
    found = replay_run(run.pk)
    assert not found.same
    assert found.replayed_digest == found.output_digest
    assert found.difference == Difference("/lines/0/considered", "3", "2")


def test_plan_that_other_inputs_would_give_differs_at_a_place() -> None:
    run = carried_out(crowded(wishes=3).ask())
    rewrite(run, prefer_dates)
    found = replay_run(run.pk)
    assert not found.same
    assert found.difference is not None
    assert found.difference.pointer.startswith("/")


def test_digest_that_is_not_of_this_answer_differs_at_no_place_that_is_kept() -> None:
    run = run_of(ranked())
    run.output_digest = "0" * 64
    run.save(update_fields=["output_digest"])
    found = replay_run(run.pk)
    assert (found.same, found.difference) == (False, None)


@pytest.mark.parametrize(
    ("kept", "replayed", "expected"),
    [
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 2}]}, None),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, Difference("/a/1/b", "2", "3")),
        ({"a": [1]}, {"a": [1, 2]}, Difference("/a/1", "", "2")),
        ({"a": None}, {}, Difference("/a", "null", "")),
        ({"b": 1, "a": 1}, {"b": 2, "a": 2}, Difference("/a", "1", "2")),
        ({"a/b~c": 1}, {"a/b~c": 2}, Difference("/a~1b~0c", "1", "2")),
        ({"a": 1}, {"a": True}, Difference("/a", "1", "true")),
        ({"a": 0}, {"a": []}, Difference("/a", "0", "[]")),
        ("x", "y", Difference("", '"x"', '"y"')),
    ],
)
def test_first_difference_is_named_by_its_pointer(kept: Any, replayed: Any, expected: Difference | None) -> None:
    assert first_difference(kept, replayed) == expected


# --- cannot -------------------------------------------------------------------------------------------------------


def test_run_without_an_answer_cannot_be_replayed() -> None:
    scene = market()
    run = operations.request_run(actor=scene.officer, at=AT, request_id=scene.request.pk)
    with refusal(ErrorCode.WRONG_STATE):
        replay_run(run.pk)


def test_run_of_another_engine_is_refused_by_name() -> None:
    run = run_of(ranked())
    run.engine_version = "0.9.0"
    run.save(update_fields=["engine_version"])
    with pytest.raises(DomainError) as refused:
        replay_run(run.pk)
    [error] = refused.value.errors
    assert (error.pointer, error.code) == ("/engine_version", "other_engine")
    assert error.params == {"made": "0.9.0", "present": ENGINE_VERSION}


def test_inputs_that_somebody_changed_are_refused() -> None:
    run = run_of(ranked())
    rewrite(run, prefer_dates, honest=False)
    with pytest.raises(DomainError) as refused:
        replay_run(run.pk)
    assert pointers(refused.value) == ["/snapshot_digest"]


def test_inputs_that_are_no_inputs_are_refused() -> None:
    run = run_of(ranked())
    rewrite(run, lambda document: document.pop("need"))
    with pytest.raises(DomainError) as refused:
        replay_run(run.pk)
    assert pointers(refused.value) == ["/snapshot_digest"]


def test_bytes_that_cannot_be_unpacked_are_refused() -> None:
    run = run_of(ranked())
    MatchRun.objects.filter(pk=run.pk).update(snapshot=b"no zlib")
    with pytest.raises(DomainError) as refused:
        replay_run(run.pk)
    assert pointers(refused.value) == ["/snapshot_digest"]


def test_supply_of_another_day_is_refused() -> None:
    run = run_of(ranked())
    content = canonical({"format": 1, "offers": []})
    other = SupplySnapshot.objects.create(digest=digest(content), content=zlib.compress(content), first_used_at=AT)
    MatchRun.objects.filter(pk=run.pk).update(supply=other)
    with pytest.raises(DomainError) as refused:
        replay_run(run.pk)
    assert pointers(refused.value) == ["/snapshot_digest"]


# --- the command --------------------------------------------------------------------------------------------------


def command(run: str, *options: str) -> tuple[int, str]:
    """The exit code of `manage.py replay` and what it printed, errors included."""
    out = StringIO()
    try:
        call_command("replay", run, *options, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue() + str(error)
    except SystemExit as end:
        return int(end.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_command_prints_both_digests_and_ends_well() -> None:
    run = run_of(ranked())
    code, said = command(str(run.public_id))
    assert code == 0, said
    assert said.count(run.output_digest) == 2
    assert said.count(f"engine {ENGINE_VERSION}") == 2
    assert "The same, computed in" in said


def test_command_ends_with_1_and_shows_where_it_differs() -> None:
    run = run_of(ranked())
    rewrite(run, prefer_dates)
    code, said = command(str(run.public_id), "--show")
    assert code == 1
    assert "NOT the same" in said
    assert "First difference at /lines/0/candidates/0/breakdown/" in said
    code, said = command(str(run.public_id))
    assert "First difference" not in said


def test_command_says_that_the_rest_differs() -> None:
    run = run_of(ranked())
    MatchRun.objects.filter(pk=run.pk).update(output_digest="0" * 64)
    code, said = command(str(run.public_id), "--show")
    assert code == 1
    assert "the rest of it was not" in said


def test_command_gives_json_for_scripts() -> None:
    run = run_of(ranked())
    code, said = command(str(run.public_id), "--json")
    found = json.loads(said)
    assert (code, found["same"], found["replayed_digest"]) == (0, True, run.output_digest)


@pytest.mark.parametrize(
    ("text", "words"),
    [("nonsense", "is not the id of a run"), ("00000000-0000-7000-8000-000000000000", "There is no run")],
)
def test_command_ends_with_2_for_what_is_no_run(text: str, words: str) -> None:
    code, said = command(text)
    assert code == 2
    assert words in said


def test_command_ends_with_2_for_another_engine() -> None:
    run = run_of(ranked())
    MatchRun.objects.filter(pk=run.pk).update(engine_version="0.9.0")
    code, said = command(str(run.public_id))
    assert code == 2
    assert f"made by engine 0.9.0; this is {ENGINE_VERSION}" in said


def test_command_ends_with_2_for_a_run_without_an_answer() -> None:
    scene = market()
    run = operations.request_run(actor=scene.officer, at=AT, request_id=scene.request.pk)
    code, said = command(str(run.public_id))
    assert code == 2
    assert "`replay` is not open in the state `queued`" in said


# --- over HTTP ----------------------------------------------------------------------------------------------------


def speak(actor: Actor, *scopes: str) -> ApiClient:
    owner = actor.user or actor.client
    assert owner is not None
    return ApiClient.of(owner, AT, *scopes)


def path(run: MatchRun) -> str:
    return f"/match-runs/{run.public_id}/replay"


def do_jobs() -> None:
    """Do what was asked for, and nothing that follows from its events."""
    run_until_idle(worker="test", clock=lambda: AT)


def begun(scene: PlanScene, mode: str = "portfolio") -> MatchRun:
    """A run of all needs, with its answer."""
    run = operations.request_pooling(actor=scene.officer, at=AT) if mode == "pooling" else scene.ask(mode=mode)
    do_jobs()
    run.refresh_from_db()
    assert run.output_digest, run.error
    return run


def test_secretariat_and_auditor_replay_a_run() -> None:
    scene = ranked()
    run = run_of(scene)
    auditor = Actor.for_user(MembershipFactory.create(organization=scene.office, role="auditor").user)
    for actor in (scene.officer, scene.head, auditor):
        answer = speak(actor).post(path(run))
        assert answer.status_code == 200, answer.content
        assert answer.body["same"] is True
        assert answer.body["output_digest"] == answer.body["replayed_digest"] == run.output_digest
        assert answer.body["difference"] is None
        assert answer.body["seconds"] >= 0
    run.refresh_from_db()
    assert (run.state, run.version) == ("complete", run_of(scene).version)


def test_requester_does_not_replay_and_a_stranger_finds_nothing() -> None:
    scene = ranked()
    run = run_of(scene)
    check_problem(speak(scene.focal).post(path(run)), ErrorCode.PERMISSION_DENIED)
    check_problem(speak(member(OrganizationFactory.create())).post(path(run)), ErrorCode.NOT_FOUND)
    check_problem(ApiClient().post(path(run)), ErrorCode.NOT_AUTHENTICATED)


def test_replay_over_http_names_where_the_answers_part() -> None:
    scene = ranked()
    run = run_of(scene)
    rewrite(run, prefer_dates)
    answer = speak(scene.officer).post(path(run))
    assert (answer.status_code, answer.body["same"]) == (200, False)
    assert answer.body["difference"]["pointer"].startswith("/lines/0/")


def test_ranking_that_took_long_is_replayed_in_the_background() -> None:
    scene = ranked()
    run, officer = run_of(scene), speak(scene.officer)
    assert run.started_at is not None
    MatchRun.objects.filter(pk=run.pk).update(finished_at=run.started_at + SHORT)
    assert officer.post(path(run)).status_code == 200
    MatchRun.objects.filter(pk=run.pk).update(finished_at=run.started_at + SHORT + timedelta(seconds=1))
    assert officer.post(path(run)).status_code == 202
    do_jobs()
    assert officer.get(f"/match-runs/{run.public_id}").body["replay"]["same"] is True


def test_short_replay_leaves_nothing_on_the_run() -> None:
    scene = ranked()
    run = run_of(scene)
    assert speak(scene.officer).post(path(run)).status_code == 200
    assert speak(scene.officer).get(f"/match-runs/{run.public_id}").body["replay"] is None
    assert not Job.objects.filter(kind="matching.replay").exists()


@pytest.mark.parametrize("mode", ["portfolio", "what_if", "pooling"])
def test_plan_is_replayed_in_the_background_and_the_run_tells_the_outcome(mode: str) -> None:
    scene = crowded(wishes=3)
    run = begun(scene, mode)
    auditor = Actor.for_user(MembershipFactory.create(organization=scene.office, role="auditor").user)
    for actor in (scene.officer, auditor):
        client = speak(actor)
        answer = client.post(path(run))
        assert answer.status_code == 202, answer.content
        assert answer["Retry-After"] == "1"
        assert answer["Location"].endswith(f"/match-runs/{run.public_id}")
        pending = client.get(answer["Location"]).body
        assert (pending["replay"]["at"], pending["replay"]["same"], pending["replay"]["outcome"]) == (None, None, "")
        do_jobs()
        told = client.get(answer["Location"]).body
        assert told["state"] == pending["state"] == run.state
        assert told["version"] > pending["version"] > run.version
        assert told["replay"] | {"seconds": 0} == {
            "asked_at": "2026-11-23T09:00:00Z",
            "at": "2026-11-23T09:00:00Z",
            "outcome": "same",
            "same": True,
            "words": "The same inputs gave the same answer, to the byte.",
            "digest": run.output_digest,
            "difference": None,
            "refusal": "",
            "seconds": 0,
        }
        run = MatchRun.objects.get(pk=run.pk)


def test_long_replay_with_a_key_is_asked_for_once() -> None:
    scene = crowded()
    run, officer = begun(scene), speak(scene.officer)
    first, second = (officer.post(path(run), idempotency_key="once") for _ in range(2))
    assert (first.status_code, second.status_code, second["Idempotency-Replayed"]) == (202, 202, "true")
    assert (second["Location"], second["Retry-After"]) == (first["Location"], "1")
    assert Job.objects.filter(kind="matching.replay").count() == 1


@pytest.mark.django_db(transaction=True)
def test_short_replay_with_a_key_is_computed_outside_of_the_transaction_of_the_key(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    scene = ranked()
    run, seen = run_of(scene), []

    def watched(content: bytes, supply: bytes, progress: Any) -> object:
        seen.append(connection.in_atomic_block)
        return replay_ranking(content, supply, progress)

    monkeypatch.setitem(cast("dict[str, Any]", REPLAYERS), "request", watched)
    answer = speak(scene.officer).post(path(run), idempotency_key="once")
    assert (answer.status_code, answer.body["same"]) == (200, True)
    assert seen == [False]


@pytest.mark.django_db(transaction=True)
def test_long_replay_is_computed_outside_of_any_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = crowded()
    run, seen = begun(scene), []

    def watched(content: bytes, supply: bytes, progress: Any) -> object:
        seen.append(connection.in_atomic_block)
        return replay_plan(content, supply, progress)

    monkeypatch.setitem(cast("dict[str, Any]", REPLAYERS), "portfolio", watched)
    operations.ask_replay(actor=scene.officer, at=AT, run_id=run.pk)
    do_jobs()
    assert seen == [False]
    assert MatchRun.objects.get(pk=run.pk).replay_outcome == "same"


def test_replay_under_way_is_given_instead_of_a_second_one() -> None:
    scene = crowded()
    run, officer = begun(scene), speak(scene.officer)
    first, second = (officer.post(path(run)).body for _ in range(2))
    assert first["version"] == second["version"] == run.version + 1
    assert Job.objects.filter(kind="matching.replay").count() == 1


def test_replay_whose_job_died_is_asked_for_again() -> None:
    scene = crowded()
    run, officer = begun(scene), speak(scene.officer)
    officer.post(path(run))
    Job.objects.filter(kind="matching.replay").update(state="dead", finished_at=AT, last_error="lost")
    officer.post(path(run))
    assert Job.objects.filter(kind="matching.replay").count() == 2
    do_jobs()
    assert officer.get(f"/match-runs/{run.public_id}").body["replay"]["same"] is True


def test_job_of_an_older_replay_leaves_the_newer_one_alone() -> None:
    scene = crowded()
    run = begun(scene)
    operations.ask_replay(actor=scene.officer, at=AT, run_id=run.pk)
    old = Job.objects.get(kind="matching.replay")
    Job.objects.filter(pk=old.pk).update(state="dead", finished_at=AT, last_error="lost")
    operations.ask_replay(actor=scene.officer, at=AT, run_id=run.pk)
    prepared = tasks.prepare_replay(old.payload, at=AT, progress=lambda *_: None)
    tasks.write_replay(old.payload, at=AT, prepared=prepared)
    assert MatchRun.objects.get(pk=run.pk).replayed_at is None


def test_replay_in_the_background_leaves_audit_records_and_events() -> None:
    scene = crowded()
    run = begun(scene)
    operations.ask_replay(actor=scene.officer, at=AT, run_id=run.pk)
    do_jobs()
    mine = AuditRecord.objects.filter(resource_id=run.public_id, action__startswith="replay").order_by("pk")
    assert [(row.action, row.actor_kind) for row in mine] == [("replay_asked", "user"), ("replayed", "system")]
    events = OutboxEvent.objects.filter(resource_id=run.public_id, type__contains="replay").order_by("pk")
    assert [event.type for event in events] == ["match_run.replay_asked", "match_run.replayed"]
    assert events[1].data["outcome"] == "same"


def test_plan_whose_answer_was_changed_differs_in_the_background() -> None:
    scene = crowded(wishes=3)
    run, officer = begun(scene), speak(scene.officer)
    run.result["total_score"] += 1
    run.save(update_fields=["result"])
    officer.post(path(run))
    do_jobs()
    told = officer.get(f"/match-runs/{run.public_id}").body["replay"]
    assert (told["outcome"], told["same"], told["difference"]["pointer"]) == ("differs", False, "/total_score")


def test_pool_whose_rank_was_changed_differs_at_its_place() -> None:
    run = begun(crowded(wishes=3), "pooling")
    assert run.state == "complete"
    assert replay_run(run.pk).same
    run.result["pools"][0]["rank"] += 1
    run.save(update_fields=["result"])
    found = replay_run(run.pk)
    assert found.difference is not None
    assert (found.outcome, found.difference.pointer) == ("differs", "/pools/0/rank")


def test_plan_that_became_damaged_while_its_replay_waited_is_impossible() -> None:
    scene = crowded()
    run, officer = begun(scene), speak(scene.officer)
    officer.post(path(run))
    MatchRun.objects.filter(pk=run.pk).update(snapshot=b"no zlib")
    do_jobs()
    told = officer.get(f"/match-runs/{run.public_id}", accept_language="fr").body["replay"]
    assert (told["outcome"], told["same"], told["refusal"]) == ("impossible", None, "damaged_snapshot")
    assert told["words"].startswith("La réponse ne peut pas être recalculée")


@pytest.mark.parametrize(
    ("change", "place"),
    [({"engine_version": "0.9.0"}, "/engine_version"), ({"snapshot_digest": "0" * 64}, "/snapshot_digest")],
)
def test_plan_that_cannot_be_replayed_is_refused_at_once(change: dict[str, str], place: str) -> None:
    scene = crowded()
    run = begun(scene)
    MatchRun.objects.filter(pk=run.pk).update(**change)
    problem = check_problem(speak(scene.officer).post(path(run)), ErrorCode.RULE_BROKEN)
    assert list(places(problem)) == [place]
    assert not Job.objects.filter(kind="matching.replay").exists()


def test_plan_is_replayed_by_nobody_else() -> None:
    scene = crowded()
    run = begun(scene)
    stranger = member(OrganizationFactory.create())
    check_problem(speak(stranger).post(path(run)), ErrorCode.NOT_FOUND)
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.ask_replay(actor=stranger, at=AT, run_id=run.pk)
    viewer = Actor.for_user(MembershipFactory.create(organization=scene.office, role="viewer").user)
    assert speak(viewer).post(path(run)).status_code in (403, 404)
    assert not Job.objects.filter(kind="matching.replay").exists()


# --- plans whose time ended ---------------------------------------------------------------------------------------


def cut_short(run: MatchRun, status: str = "feasible") -> MatchRun:
    """Make of a plan one that a slower computer had to leave unproven."""
    run.result["status"] = status
    run.output_digest = "0" * 64
    run.save(update_fields=["result", "output_digest"])
    return run


@pytest.mark.parametrize("status", ["feasible", "unknown"])
def test_plan_whose_time_ended_and_that_replays_otherwise_proves_nothing(status: str) -> None:
    scene = crowded()
    run, officer = cut_short(begun(scene), status), speak(scene.officer)
    found = replay_run(run.pk)
    assert (found.same, found.outcome) == (False, "inconclusive")
    officer.post(path(run))
    do_jobs()
    english = officer.get(f"/match-runs/{run.public_id}").body["replay"]
    french = officer.get(f"/match-runs/{run.public_id}", accept_language="fr").body["replay"]
    assert (english["outcome"], english["same"]) == (french["outcome"], french["same"]) == ("inconclusive", False)
    assert "a time limit ended the search" in english["words"]
    assert "une limite de temps a mis fin à la recherche" in french["words"]


def test_plan_whose_time_ended_and_that_was_changed_afterwards_differs() -> None:
    run = begun(crowded())
    run.result["status"] = "feasible"  # the digest is that of the true answer: time explains nothing
    run.save(update_fields=["result"])
    assert replay_run(run.pk).outcome == "differs"


def test_command_ends_with_3_for_a_plan_whose_time_ended() -> None:
    run = cut_short(begun(crowded()))
    code, said = command(str(run.public_id))
    assert code == 3
    assert "Inconclusive, computed in" in said
    assert "a time limit ended the search" in said
    code, said = command(str(run.public_id), "--json")
    assert (code, json.loads(said)["outcome"]) == (3, "inconclusive")


# --- refusals over HTTP -------------------------------------------------------------------------------------------


def test_replay_of_a_run_under_way_is_the_wrong_state() -> None:
    scene = market()
    run = operations.request_run(actor=scene.officer, at=AT, request_id=scene.request.pk)
    problem = check_problem(speak(scene.officer).post(path(run)), ErrorCode.WRONG_STATE)
    assert problem["allowed_actions"] == ["cancel"]


def test_replay_of_another_engine_s_run_is_refused_in_two_languages() -> None:
    scene = ranked()
    run = run_of(scene)
    MatchRun.objects.filter(pk=run.pk).update(engine_version="0.9.0")
    officer = speak(scene.officer)
    english = check_problem(officer.post(path(run)), ErrorCode.RULE_BROKEN)
    french = check_problem(officer.post(path(run), accept_language="fr"), ErrorCode.RULE_BROKEN)
    assert places(english) == places(french) == {"/engine_version": "other_engine"}
    assert "0.9.0" in english["errors"][0]["detail"]
    assert "moteur 0.9.0" in french["errors"][0]["detail"]
