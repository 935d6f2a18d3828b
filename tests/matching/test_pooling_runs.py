"""Looking for needs that one joint session would serve: asked for over HTTP, computed in the background, shown in the run."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
import time_machine

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import ErrorCode
from matching import operations, tasks
from matching.models import MatchProposal, MatchRun
from requests_app.models import TrainingRequest
from tests.factories.accounts import AT, OrganizationFactory, member
from tests.factories.matching import MarketScene, market, work
from tests.factories.requests import line, opened
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.copies import copied

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def speak(actor: Actor) -> ApiClient:
    assert actor.user is not None
    return ApiClient.of(actor.user, AT)


@copied
def twins() -> tuple[MarketScene, list[TrainingRequest]]:
    """Two agencies ask for the same training for twelve people each; one session has room for all of them."""
    few: dict[str, Any] = {"lines": (line(participants_min=5, participants_max=12),)}
    scene = market()
    for offering in scene.offerings:
        offering.cost_per_delivery, offering.currency = Decimal(12_000), "USD"
        offering.save()
    others = [opened(OrganizationFactory.create(roles=["member"]), **few) for _ in range(2)]
    return scene, others


def searched(scene: MarketScene) -> dict[str, Any]:
    asked = speak(scene.officer).post("/match-runs", {"mode": "pooling"})
    assert asked.status_code == 202, asked.content
    assert (asked.body["mode"], asked.body["state"]) == ("pooling", "queued")
    work()
    run: dict[str, Any] = speak(scene.officer).get(asked["Location"] + "?expand=result").body
    return run


def test_similar_needs_of_two_agencies_come_out_as_one_pool_with_exact_shares() -> None:
    scene, others = twins()
    run = searched(scene)
    assert run["state"] == "complete", run["error"]
    [pool] = run["result"]["pools"]
    members = {entry["request"] for entry in pool["members"]}
    assert {request.reference for request in others} <= members
    assert sum(Decimal(entry["share"]) for entry in pool["members"]) == Decimal(pool["cost"])
    assert Decimal(pool["saving"]) > 0
    assert pool["theme"] == "mainstreaming"


def test_sentences_of_a_pool_name_requests_by_reference_in_both_languages() -> None:
    scene, others = twins()
    [pool] = searched(scene)["result"]["pools"]
    texts = [entry["text"] for entry in pool["sentences"]]
    for language in ("en", "fr"):
        words = " ".join(text[language] for text in texts)
        for request in others:
            assert request.reference_text in words
            assert str(request.public_id) not in words


def test_search_changes_nothing_but_its_run() -> None:
    scene, others = twins()
    work()
    before = MatchProposal.objects.count()
    versions = [TrainingRequest.objects.get(pk=request.pk).version for request in others]
    searched(scene)
    assert MatchProposal.objects.count() == before
    assert [TrainingRequest.objects.get(pk=request.pk).version for request in others] == versions


def test_search_that_finds_nothing_says_so() -> None:
    run = searched(market())
    assert (run["state"], run["result"]["outcome"], run["result"]["pools"]) == ("no_solution", "no_solution", [])


def test_same_needs_give_the_same_digests_and_the_later_search_supersedes_the_earlier() -> None:
    scene, _others = twins()
    work()
    first, second = searched(scene), searched(scene)
    assert first["output_digest"] == second["output_digest"]
    assert first["snapshot_digest"] == second["snapshot_digest"]
    assert MatchRun.objects.get(public_id=first["id"]).state == "superseded"


def test_search_under_way_is_given_instead_of_a_second_one() -> None:
    scene = market()
    client = speak(scene.officer)
    first, second = (client.post("/match-runs", {"mode": "pooling"}).body["id"] for _ in range(2))
    assert first == second


def test_search_is_cancelled_and_asked_for_again() -> None:
    scene, _others = twins()
    client = speak(scene.officer)
    run = client.post("/match-runs", {"mode": "pooling"}).body
    cancelled = client.post(f"/match-runs/{run['id']}/cancel").body
    assert (cancelled["state"], cancelled["allowed_actions"]) == ("cancelled", ["retry"])
    work()
    assert MatchRun.objects.get(public_id=run["id"]).state == "cancelled"
    assert client.post(f"/match-runs/{run['id']}/retry").body["state"] == "queued"
    work()
    assert MatchRun.objects.get(public_id=run["id"]).state == "complete"


def test_search_cancelled_while_it_is_computed_is_not_written() -> None:
    scene, _others = twins()
    run = operations.request_pooling(actor=scene.officer, at=AT)
    payload = {"run": str(run.public_id)}
    prepared = tasks.prepare_pooling(payload, at=AT, progress=lambda *_: None)
    operations.cancel_run(actor=scene.officer, at=AT, run_id=run.pk)
    tasks.write_pooling(payload, at=AT, prepared=prepared)
    run.refresh_from_db()
    assert (run.state, run.result, run.output_digest) == ("cancelled", {}, "")


def test_search_that_a_dead_worker_began_is_taken_up_by_another() -> None:
    scene, _others = twins()
    run = operations.request_pooling(actor=scene.officer, at=AT)
    payload = {"run": str(run.public_id)}
    tasks.prepare_pooling(payload, at=AT, progress=lambda *_: None)
    run.refresh_from_db()
    assert run.state == "running"
    work()
    run.refresh_from_db()
    assert run.state == "complete"


@pytest.mark.parametrize("extra", [{"request": "GMG-MLI-2026-0001"}, {"parameters": {}}])
def test_search_takes_nothing_beside_its_mode(extra: dict[str, Any]) -> None:
    answer = speak(market().officer).post("/match-runs", {"mode": "pooling", **extra})
    assert places(check_problem(answer, ErrorCode.INVALID_INPUT)) == {f"/{next(iter(extra))}": "not_with_mode"}


def test_agency_neither_asks_for_a_search_nor_reads_one() -> None:
    scene, _others = twins()
    run = searched(scene)
    for actor in (scene.focal, member(OrganizationFactory.create(roles=["member"]))):
        check_problem(speak(actor).post("/match-runs", {"mode": "pooling"}), ErrorCode.PERMISSION_DENIED)
        check_problem(speak(actor).get(f"/match-runs/{run['id']}"), ErrorCode.NOT_FOUND)
