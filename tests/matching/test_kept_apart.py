"""Partners that must not deliver together, and teams that need somebody to lead: from the request to its replacements."""

from dataclasses import replace
from typing import Any

import pytest

from matching.models import MatchRun, ProposalPart
from providers.models import Offering
from requests_app import operations as requests
from requests_app.models import TrainingRequest
from tests.factories.accounts import AT, OrganizationFactory
from tests.factories.matching import MarketScene, accepted, approved, market, ranked, refused, work
from tests.factories.providers import OfferingPartnerFactory
from tests.factories.requests import SYSTEM

pytestmark = pytest.mark.django_db
TWO = ("mainstreaming", "trafficking")


def code(offering: Offering) -> str:
    return offering.provider.organization.code


def change(scene: MarketScene, **changes: Any) -> None:
    content = requests.content_of(TrainingRequest.objects.get(pk=scene.request.pk))
    requests.change_request(actor=SYSTEM, at=AT, request_id=scene.request.pk, content=replace(content, **changes))


def open_reasons(scene: MarketScene) -> list[list[str]]:
    run = MatchRun.objects.filter(request=scene.request).latest("pk")
    return [entry["reasons"] for entry in run.result["open_lines"]]


def teams(scene: MarketScene) -> list[set[str]]:
    live = [one for one in scene.proposals() if one.state == "suggested"]
    return [{code(part.offering) for part in scene.parts(proposal)} for proposal in live]


def test_partners_kept_apart_are_in_no_proposal_together_and_the_open_line_says_why() -> None:
    scene = market(themes=TWO, offerings_per_theme=1)
    first, second = map(code, scene.offerings)
    change(scene, kept_apart=((second, first),))
    work()
    assert all(len(team) == 1 for team in teams(scene))
    assert open_reasons(scene) == [["kept_apart"]]


def test_partner_of_an_offering_is_kept_apart_like_its_provider() -> None:
    scene = market(themes=TWO, offerings_per_theme=2)
    joined, other = OrganizationFactory.create(), scene.offerings[2]
    OfferingPartnerFactory.create(offering=scene.offerings[0], organization=joined)
    change(scene, kept_apart=((joined.code, code(other)),))
    work()
    found = teams(scene)
    assert {code(scene.offerings[0]), code(other)} not in found
    assert {code(scene.offerings[1]), code(other)} in found


def test_team_without_anybody_who_leads_is_not_proposed() -> None:
    scene = market(themes=TWO, offerings_per_theme=1)
    Offering.objects.update(accepts_lead=False)
    change(scene, lead_required=True)
    work()
    assert teams(scene) == []
    assert open_reasons(scene) == [["lead"], ["lead"]]
    leader = scene.offerings[1]
    leader.accepts_lead, leader.version = True, leader.version + 1
    leader.save()
    change(scene, languages_may=("en",))
    work()
    [best, *_] = [one for one in scene.proposals() if one.state == "suggested"]
    assert (len(scene.parts(best)), best.lead) == (2, leader.provider)


def test_replacement_is_kept_apart_from_the_partner_that_stays() -> None:
    scene = ranked(themes=TWO, offerings_per_theme=3)
    proposal = approved(scene)
    first, second = scene.parts(proposal)
    rest = [one for one in scene.offerings if one.themes == first.offering.themes and one != first.offering]
    change(scene, kept_apart=tuple((code(one), code(second.offering)) for one in rest[:1]))
    work()
    refused(scene, ProposalPart.objects.get(pk=first.pk))
    work()
    assert ProposalPart.objects.get(replaces=first).offering == rest[1]


def test_partner_that_must_now_be_kept_apart_from_one_asked_before_is_replaced() -> None:
    scene = ranked(themes=TWO, offerings_per_theme=2)
    proposal = approved(scene)
    first, second = scene.parts(proposal)
    change(scene, kept_apart=((code(first.offering), code(second.offering)),))
    work()
    states = {part.pk: part.state for part in scene.parts(proposal)}
    assert (states[first.pk], states[second.pk]) == ("asked", "lapsed")
    replacement = ProposalPart.objects.get(replaces=second)
    assert replacement.offering.themes == second.offering.themes
    accepted(scene, ProposalPart.objects.get(pk=first.pk))
    assert ProposalPart.objects.get(pk=first.pk).state == "accepted"
