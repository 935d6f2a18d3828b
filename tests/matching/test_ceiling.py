"""The secured ceiling of a request at the moment of approval: all that is asked for and agreed counts, in every proposal."""

import json
import zlib
from decimal import Decimal
from typing import Any

import pytest

from marketplace.kernel.errors import ErrorCode
from marketplace.kernel.money import Money, convert
from marketplace.vocabularies import queries as vocabularies
from matching import operations
from matching.models import MatchingPolicy, MatchProposal, MatchRun, PlanLine, ProposalPart
from matching.queries import spending
from matching.queries.replay import replay_run
from providers.models import CapacityHold
from requests_app.models import LineClaim, TrainingRequest
from tests.factories.accounts import AT
from tests.factories.matching import (
    MarketScene,
    accepted,
    approved,
    consulted,
    ranked,
    refused,
    work,
)
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
TWO = ("mainstreaming", "trafficking")
EACH = Decimal(24000)  # what one delivery of the scene costs


def scene_of(ceiling: int, **changes: Any) -> MarketScene:
    facts = {"themes": TWO, "offerings_per_theme": 1, "funding_state": "secured", "budget_ceiling": Decimal(ceiling)}
    return ranked(**{**facts, **changes})


def approve(scene: MarketScene, proposal: MatchProposal) -> MatchProposal:
    return operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk)


def one_for_each_line(scene: MarketScene) -> list[MatchProposal]:
    """Two proposals of one part each, for different lines."""
    found = [proposal for proposal in scene.proposals() if proposal.parts.count() == 1]
    assert {part.offering for proposal in found for part in scene.parts(proposal)} == set(scene.offerings)
    return found


def test_second_proposal_that_would_exceed_the_ceiling_is_refused_and_leaves_nothing() -> None:
    scene = scene_of(40_000)
    first, second = one_for_each_line(scene)
    approved(scene, first)
    consulted(scene, second)
    claims, holds = LineClaim.objects.count(), CapacityHold.objects.count()
    with refusal(ErrorCode.CEILING_EXCEEDED) as caught:
        approve(scene, second)
    named = {"cost": "USD 24,000.00", "ceiling": "USD 40,000.00", "left": "USD 16,000.00"}
    assert (caught.value.kind.status, caught.value.params) == (409, named)
    second.refresh_from_db()
    assert (second.state, second.approved_at) == ("consulting", None)
    assert (LineClaim.objects.count(), CapacityHold.objects.count()) == (claims, holds)


def test_ceiling_to_the_cent_is_kept() -> None:
    scene = scene_of(48_000)
    best = consulted(scene)
    ProposalPart.objects.filter(pk=scene.parts(best)[0].pk).update(cost_amount=EACH + Decimal("0.01"))
    with refusal(ErrorCode.CEILING_EXCEEDED):
        approve(scene, best)
    ProposalPart.objects.filter(pk=scene.parts(best)[0].pk).update(cost_amount=EACH)
    assert approve(scene, best).state == "approved"


@pytest.mark.parametrize("facts", [{"funding_state": "sought"}, {"budget_ceiling": None}])
def test_funding_that_is_not_secured_stops_nobody(facts: dict[str, Any]) -> None:
    scene = scene_of(48_000)
    first = consulted(scene)
    TrainingRequest.objects.filter(pk=scene.request.pk).update(**facts)
    ProposalPart.objects.filter(proposal=first).update(cost_amount=Decimal(90_000))
    assert approve(scene, first).state == "approved"


def test_price_that_nobody_knows_counts_nothing() -> None:
    scene = scene_of(48_000)
    first = consulted(scene)
    part, other = scene.parts(first)
    ProposalPart.objects.filter(pk=part.pk).update(cost_amount=None, cost_currency="")
    ProposalPart.objects.filter(pk=other.pk).update(cost_amount=Decimal(48_000))
    assert approve(scene, first).state == "approved"


def test_tolerance_of_the_policy_that_proposed_it_counts() -> None:
    scene = scene_of(48_000)
    first = consulted(scene)
    ProposalPart.objects.filter(pk=scene.parts(first)[0].pk).update(cost_amount=EACH + 480)
    policy = MatchingPolicy.objects.get(pk=first.run.policy_id)  # type: ignore[union-attr]
    MatchingPolicy.objects.filter(pk=policy.pk).update(settings={**policy.settings, "cost_tolerance_permille": 9})
    with refusal(ErrorCode.CEILING_EXCEEDED):
        approve(scene, first)
    MatchingPolicy.objects.filter(pk=policy.pk).update(settings={**policy.settings, "cost_tolerance_permille": 10})
    assert approve(scene, first).state == "approved"


def test_what_a_lost_partner_would_have_cost_is_free_for_the_next() -> None:
    scene = scene_of(48_000, themes=TWO[:1], offerings_per_theme=2, budget_ceiling=EACH)
    [part] = scene.parts(approved(scene))
    refused(scene, part)
    work()
    new = ProposalPart.objects.get(proposal=part.proposal, state="replacement")
    assert new.cost_amount == EACH
    operations.approve_replacement(actor=scene.officer, at=AT, part_id=new.pk)
    new.refresh_from_db()
    assert new.state == "asked"


def test_replacement_beyond_the_ceiling_is_refused() -> None:
    scene = scene_of(48_000, offerings_per_theme=2)
    first, second = scene.parts(approved(scene))
    accepted(scene, second)
    refused(scene, first)
    work()
    new = ProposalPart.objects.get(proposal=first.proposal, state="replacement")
    ProposalPart.objects.filter(pk=new.pk).update(cost_amount=EACH + 1)
    with refusal(ErrorCode.CEILING_EXCEEDED):
        operations.approve_replacement(actor=scene.officer, at=AT, part_id=new.pk)
    new.refresh_from_db()
    assert new.state == "replacement"


def test_other_terms_are_weighed_beside_the_other_proposals_too() -> None:
    scene = scene_of(40_000)
    first, second = one_for_each_line(scene)
    approved(scene, first)
    request = TrainingRequest.objects.filter(pk=scene.request.pk)
    request.update(funding_state="sought")
    approved(scene, second)
    request.update(funding_state="secured", budget_ceiling=2 * EACH)
    [part] = scene.parts(first)
    terms: dict[str, Any] = {"actor": scene.provider(part.offering), "at": AT, "part_id": part.pk}
    dearer = operations.CounterTerms(cost_amount=EACH + 1, cost_currency="USD")
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        operations.counter_part(**terms, terms=dearer)
    assert [error.code for error in caught.value.errors] == ["over_ceiling"]
    operations.counter_part(**terms, terms=operations.CounterTerms(cost_amount=EACH, cost_currency="USD"))


def ranked_again(scene: MarketScene) -> MatchRun:
    run = operations.request_run(actor=scene.officer, at=AT, request_id=scene.request.pk)
    work()
    return MatchRun.objects.get(pk=run.pk)


def one_approved(ceiling: int) -> tuple[MarketScene, MatchProposal]:
    """The proposal of one line approved, then the ceiling that is wanted."""
    scene = scene_of(40_000)
    first, _ = one_for_each_line(scene)
    approved(scene, first)
    TrainingRequest.objects.filter(pk=scene.request.pk).update(budget_ceiling=Decimal(ceiling))
    return scene, first


def test_line_that_is_left_is_ranked_by_what_is_left_of_the_ceiling() -> None:
    scene, _ = one_approved(60_000)
    run = ranked_again(scene)
    [best] = MatchProposal.objects.filter(run=run)
    [left] = [entry for entry in best.reasons["sentences"] if entry["code"] == "proposal.ceiling_left"]
    assert left["params"] == {"ceiling": "60000.00 USD", "committed": "24000.00 USD", "left": "36000.00 USD"}
    assert json.loads(zlib.decompress(bytes(run.snapshot or b"")))["need"]["budget"]["committed"] == "24000.00"
    assert replay_run(run.pk).outcome == "same"


def test_nothing_is_proposed_for_a_line_that_costs_more_than_is_left() -> None:
    scene, _ = one_approved(40_000)
    run = ranked_again(scene)
    assert (run.state, MatchProposal.objects.filter(run=run).count()) == ("no_solution", 0)
    run = planned_again(scene)
    [line] = PlanLine.objects.filter(run=run)
    assert (line.outcome, line.unmet_reason) == ("unmet", "no_funding")
    assert "proposal.ceiling_left" in {entry["code"] for entry in line.reasons}


def test_price_in_another_currency_takes_its_worth_of_the_ceiling() -> None:
    scene, first = one_approved(60_000)
    ProposalPart.objects.filter(proposal=first).update(cost_currency="EUR")
    worth = convert(Money(EACH, "EUR"), "USD", vocabularies.rates(AT.date()))
    assert worth is not None
    assert worth.amount != EACH
    assert spending.committed([scene.request.pk], at=AT) == {scene.request.pk: worth.amount}
    ProposalPart.objects.filter(proposal=first).update(cost_currency="", cost_amount=None)
    assert spending.committed([scene.request.pk], at=AT) == {}


def planned_again(scene: MarketScene) -> MatchRun:
    run = operations.request_plan(actor=scene.officer, at=AT, mode="portfolio", parameters={})
    work()
    return MatchRun.objects.get(pk=run.pk)
