"""From the partners' last word to the engagement: in one transaction, by whatever way it comes."""

import pytest
import time_machine

from fulfilment import operations
from fulfilment.models import Delivery, Engagement
from marketplace.accounts.actors import Actor
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from matching import operations as matching
from matching.models import MatchProposal, ProposalPart
from providers.models import CapacityHold
from requests_app.models import RequestLine
from tests.factories.accounts import AT, OrganizationFactory, member
from tests.factories.matching import MarketScene, ranked
from tests.kit.api import ApiClient, check_problem
from tests.kit.copies import copied

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


@copied
def approved(**changes: object) -> tuple[MarketScene, MatchProposal, list[ProposalPart]]:
    made = ranked(**changes)  # type: ignore[arg-type]
    best = made.best()
    matching.shortlist_proposal(actor=made.officer, at=AT, proposal_id=best.pk)
    matching.consult_proposal(actor=made.officer, at=AT, proposal_id=best.pk)
    matching.prefer_proposal(actor=made.focal, at=AT, proposal_id=best.pk)
    proposal = matching.approve_proposal(actor=made.officer, at=AT, proposal_id=best.pk)
    return made, proposal, made.parts(proposal)


def test_last_acceptance_makes_the_engagement_with_its_capacity_and_lines() -> None:
    made, proposal, [part] = approved()

    answer = operations.accept_part(actor=made.provider(part.offering), at=AT, part_id=part.pk)

    engagement = answer.engagement
    assert engagement is not None
    assert (answer.proposal.state, answer.part.state) == ("confirmed", "accepted")
    assert engagement.proposal_id == proposal.public_id
    assert engagement.lead_organization_id == part.provider.organization_id
    assert [row.part_id for row in Delivery.objects.filter(engagement=engagement)] == [part.public_id]
    assert set(RequestLine.objects.filter(request=made.request).values_list("state", flat=True)) == {"agreed"}
    assert set(CapacityHold.objects.filter(holder=part.public_id).values_list("state", flat=True)) == {"confirmed"}


def test_parties_are_told_that_their_engagement_begins() -> None:
    made, _proposal, [part] = approved()
    operations.accept_part(actor=made.provider(part.offering), at=AT, part_id=part.pk)
    told = OutboxEvent.objects.get(type="engagement.created")
    parties = {part.provider.organization_id, made.request.requesting_organization_id}
    assert parties <= set(told.addressees.values_list("organization_id", flat=True))
    assert str(told.countries).split() == sorted({line.country for line in made.request.lines.all()})


def test_event_of_the_confirmation_finds_the_engagement_already_there() -> None:
    made, proposal, [part] = approved()
    operations.accept_part(actor=made.provider(part.offering), at=AT, part_id=part.pk)

    again = operations.engage_confirmed(actor=SYSTEM, at=AT, proposal_id=proposal.public_id)

    assert again == Engagement.objects.get()


def test_proposal_confirmed_without_an_acceptance_gets_its_engagement_by_the_event() -> None:
    made, proposal, [part] = approved()
    matching.accept_part(actor=made.provider(part.offering), at=AT, part_id=part.pk)
    assert not Engagement.objects.exists()

    made_now = operations.engage_confirmed(actor=SYSTEM, at=AT, proposal_id=proposal.public_id)

    assert made_now is not None
    assert made_now.proposal_id == proposal.public_id


def test_proposal_that_is_not_confirmed_gets_none() -> None:
    _made, proposal, _parts = approved()

    assert operations.engage_confirmed(actor=SYSTEM, at=AT, proposal_id=proposal.public_id) is None


def test_stranger_may_not_accept() -> None:
    _made, _proposal, [part] = approved()
    stranger = member(OrganizationFactory.create(), "provider_staff")

    with pytest.raises(DomainError) as caught:
        operations.accept_part(actor=stranger, at=AT, part_id=part.pk)

    assert caught.value.code == ErrorCode.PERMISSION_DENIED
    assert not Engagement.objects.exists()


def test_accepting_over_http_shows_the_engagement() -> None:
    made, proposal, [part] = approved()
    staff = made.provider(part.offering).user
    assert staff is not None
    with time_machine.travel(AT, tick=False):
        client = ApiClient.of(staff, AT)
        path = f"/proposals/{proposal.public_id}/parts/{part.public_id}/accept"
        answer = client.post(path)
        again = client.post(path)

    assert answer.status_code == 200, answer.body
    assert answer.body["proposal"]["state"] == "confirmed"
    assert answer.body["engagement"] == Engagement.objects.get().reference
    check_problem(again, ErrorCode.WRONG_STATE)


def test_counter_needs_both_consents_and_the_last_makes_the_engagement() -> None:
    made, _proposal, [part] = approved()
    terms = matching.CounterTerms(participants=18)
    matching.counter_part(actor=made.provider(part.offering), at=AT, part_id=part.pk, terms=terms)

    first = operations.consent_counter(actor=made.focal, at=AT, part_id=part.pk, agree=True)
    last = operations.consent_counter(actor=made.officer, at=AT, part_id=part.pk, agree=True)

    assert first.engagement is None
    assert last.engagement is not None
    assert Delivery.objects.get(engagement=last.engagement).seats == 18
