"""What a partner reads of a request because it is asked ends when nothing asks it any more, whatever the way there."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine

from fulfilment import operations as fulfilment
from marketplace.accounts.models import Organization
from marketplace.events.models import EventAudience, OutboxEvent
from marketplace.work.registry import job_kind
from matching import operations
from matching.models import MatchProposal, ProposalPart
from requests_app import operations as requests
from requests_app import queries as request_queries
from requests_app.models import RequestShare, TrainingRequest
from tests.factories.accounts import AT, OrganizationFactory, member
from tests.factories.matching import MarketScene, accepted, approved, consulted, later, ranked, refused, work
from tests.factories.requests import SYSTEM
from tests.kit.api import ApiClient
from tests.matching.test_late_answers import ENDINGS, TWO

pytestmark = pytest.mark.django_db
FAR = AT + timedelta(days=400)


def reads(request: TrainingRequest, organization: Organization) -> bool:
    """Tell whether the staff of a partner read the body, today and in a year, and are in its events."""
    staff = member(organization, "viewer")
    found = {
        request_queries.requests_readable_by(staff, at=at).filter(pk=request.pk).exists() for at in (later(30), FAR)
    }
    again = TrainingRequest.objects.get(pk=request.pk)
    [answer] = found | {organization.pk in again.event_scope(at=FAR).organization_ids}
    return answer


def retract(scene: MarketScene, part: ProposalPart) -> None:
    operations.retract_approval(actor=scene.officer, at=AT, proposal_id=part.proposal_id)


def refuse_other_terms(scene: MarketScene, part: ProposalPart) -> None:
    terms = operations.CounterTerms(terms="Two trainers")
    operations.counter_part(actor=scene.provider(part.offering), at=AT, part_id=part.pk, terms=terms)
    refused(scene, part)


def let_lapse(scene: MarketScene, part: ProposalPart) -> None:
    work(later(29))


def withdraw_need(scene: MarketScene, part: ProposalPart) -> None:
    ENDINGS["withdrawn"](scene)
    work()


def lose_after_acceptance(scene: MarketScene, part: ProposalPart) -> None:
    accepted(scene, part)
    other = scene.parts(part.proposal)[1]
    assert part.provider_id != other.provider_id
    ENDINGS["cancelled"](scene)
    work()


ENDS: dict[str, tuple[Callable[[MarketScene, ProposalPart], object], int]] = {
    "retracted": (retract, 1),
    "refused": (refused, 1),
    "refused after other terms": (refuse_other_terms, 1),
    "lapsed": (let_lapse, 1),
    "need withdrawn": (withdraw_need, 1),
    "released after it had accepted": (lose_after_acceptance, 2),
}


@pytest.mark.parametrize("end", sorted(ENDS))
def test_who_is_not_asked_any_more_reads_the_request_no_longer(end: str) -> None:
    way, themes = ENDS[end]
    scene = ranked(themes=TWO[:themes], visibility="agency")
    part = scene.parts(approved(scene))[0]
    partner = part.provider.organization
    assert reads(scene.request, partner)
    way(scene, part)
    assert not reads(scene.request, partner)
    share = RequestShare.objects.get(request=scene.request, organization=partner)
    assert share.ended_at is not None
    told = OutboxEvent.objects.filter(type="training_request.unshared")
    assert EventAudience.objects.filter(event__in=told, organization_id=partner.pk).count() == 1


def test_who_offers_other_terms_or_is_party_to_an_agreement_reads_on() -> None:
    scene = ranked(visibility="agency")
    [part] = scene.parts(approved(scene))
    partner = part.provider.organization
    terms = operations.CounterTerms(terms="Two trainers")
    operations.counter_part(actor=scene.provider(part.offering), at=AT, part_id=part.pk, terms=terms)
    assert reads(scene.request, partner)
    operations.consent_counter(actor=scene.officer, at=AT, part_id=part.pk, agree=False)
    fulfilment.accept_part(actor=scene.provider(part.offering), at=AT, part_id=part.pk)
    work()
    operations.end_unasked_shares(at=later(1))
    assert MatchProposal.objects.get(pk=part.proposal_id).state == "confirmed"
    assert reads(scene.request, partner)


def test_who_is_asked_by_another_part_as_well_reads_on_until_that_ends_too() -> None:
    scene = ranked(themes=TWO, offerings_per_theme=1, visibility="agency")
    first, second = scene.parts(approved(scene))
    partner, staff = first.provider.organization, scene.provider(first.offering)
    ProposalPart.objects.filter(pk=second.pk).update(provider=first.provider)
    answer: dict[str, Any] = {"actor": staff, "at": AT, "reason_code": "no_capacity"}
    operations.refuse_part(part_id=first.pk, **answer)
    assert reads(scene.request, partner)
    operations.refuse_part(part_id=second.pk, **answer)
    assert not reads(scene.request, partner)


def test_who_is_asked_again_reads_again() -> None:
    scene = ranked(visibility="agency")
    [part] = scene.parts(approved(scene))
    retract(scene, part)
    proposal = MatchProposal.objects.get(pk=part.proposal_id)
    step: dict[str, Any] = {"actor": scene.officer, "at": later(1), "proposal_id": proposal.pk}
    operations.consult_proposal(**step)
    operations.prefer_proposal(**{**step, "actor": scene.focal})
    operations.approve_proposal(**step)
    assert reads(scene.request, part.provider.organization)
    assert RequestShare.objects.filter(organization=part.provider.organization).count() == 2


def test_who_was_shown_the_request_before_it_was_asked_keeps_what_it_was_shown() -> None:
    scene = ranked(visibility="agency")
    proposal = consulted(scene)
    [part] = scene.parts(proposal)
    partner = part.provider.organization
    requests.share_with(actor=scene.focal, at=AT, request_id=scene.request.pk, organization=partner.code, sees="body")
    operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk)
    retract(scene, part)
    share = RequestShare.objects.get(organization=partner)
    assert (share.reason, share.sees, share.may, share.ended_at) == ("shared", "body", "read", None)
    assert requests.revoke_share(actor=scene.focal, at=AT, share_id=share.pk).ended_at == AT


def test_refused_partner_reads_its_own_answer_and_nothing_of_the_request() -> None:
    with time_machine.travel(AT, tick=False):
        scene = ranked(visibility="agency", title={"en": "Secret of the ministry", "fr": "Secret du ministère"})
        proposal = approved(scene)
        [part] = scene.parts(proposal)
        partner = ApiClient.of(scene.provider(part.offering).user, AT)  # type: ignore[arg-type]
        assert partner.get(f"/requests/{scene.request.reference}").status_code == 200
        refused(scene, part)
        assert partner.get(f"/requests/{scene.request.reference}").status_code == 404
        seen = partner.get(f"/proposals/{proposal.public_id}?expand=decisions")
        assert seen.status_code == 200
        assert seen.body["request"] == scene.request.reference_text
        assert (seen.body["reasons"], seen.body["decisions"]) == ({}, [])
        assert "Secret" not in str(seen.body)


def test_share_that_was_left_behind_is_found_and_ended() -> None:
    scene = ranked(visibility="agency")
    [part] = scene.parts(approved(scene))
    partner = part.provider.organization
    operations.end_unasked_shares(at=AT)
    assert reads(scene.request, partner)  # it is asked
    refused(scene, part)
    RequestShare.objects.update(ended_at=None)  # as it was when nothing ended it
    other = OrganizationFactory.create()
    requests.share_with(actor=SYSTEM, at=AT, request_id=scene.request.pk, organization=other.code)
    kind = job_kind("matching.end_unasked_shares")
    for _ in range(2):
        kind.effect({}, at=later(1), prepared=None, claim=None)  # type: ignore[arg-type]
    assert not reads(scene.request, partner)
    assert RequestShare.objects.get(organization=partner).ended_at == later(1)
    assert reads(scene.request, other)
    assert operations.end_unasked_shares(at=later(1)) == 0
