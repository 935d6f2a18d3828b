"""A run computed again from what it kept: the same bytes, or a plain word on where and why not."""

import json
import random
import zlib
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode
from matching import operations
from matching.engine import ENGINE_VERSION, canonical, digest
from matching.models import MatchProposal, MatchRun, PartLine, ProposalPart, SupplySnapshot
from matching.queries.replay import Difference, first_difference, replay_run
from providers.models import CapacityWindow, Session
from requests_app.models import RequestLine
from tests.conftest import memory_caches
from tests.factories.accounts import AT, MembershipFactory, OrganizationFactory, member
from tests.factories.matching import MarketScene, later, market, ranked, work
from tests.factories.providers import CapacityWindowFactory
from tests.kit.api import ApiClient, check_problem, places
from tests.matching.plan_scenes import carried_out, crowded
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


def test_plan_that_took_long_is_not_replayed_while_somebody_waits() -> None:
    scene = crowded()
    run = carried_out(scene.ask())
    officer = speak(scene.officer)
    MatchRun.objects.filter(pk=run.pk).update(timings={"scoring": 2.0, "solving": 7.5, "solver.total": 7.4})
    assert officer.post(path(run)).body["same"] is True
    MatchRun.objects.filter(pk=run.pk).update(timings={"scoring": 4.0, "solving": 7.5, "solver.total": 7.4})
    problem = check_problem(officer.post(path(run)), ErrorCode.RULE_BROKEN)
    assert places(problem) == {"/timings": "too_long"}
    assert "12 seconds" in problem["errors"][0]["detail"]


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
