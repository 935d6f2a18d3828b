"""Engagements that were to come about after the need, a session, an offering or a provider had gone."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from fulfilment import operations
from fulfilment.models import Delivery, Engagement
from fulfilment.operations import ChangeTerms, DeliveryTerms
from fulfilment.operations.creation import in_lock_order
from marketplace.accounts.actors import Actor
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from matching import operations as matching
from matching.models import MatchProposal, ProposalPart
from matching.queries import AgreedPart
from providers import operations as providers
from providers.models import CapacityHold, Offering, Provider, Session
from requests_app import operations as requests
from requests_app.models import LineClaim
from tests.factories.accounts import AT, OrganizationFactory
from tests.factories.fulfilment import terms_for
from tests.factories.matching import MarketScene, accepted, approved, ranked, work
from tests.factories.providers import SessionFactory
from tests.factories.requests import opened
from tests.kit.copies import copied
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


@copied
def asked(**changes: Any) -> tuple[MarketScene, ProposalPart]:
    """One partner is asked."""
    made = ranked(**changes)
    [part] = made.parts(approved(made))
    return made, part


@copied
def confirmed() -> tuple[MarketScene, MatchProposal, ProposalPart]:
    """A proposal is confirmed, and the job that makes its engagement has not run."""
    made, part = asked()
    return made, accepted(made, part), part


def withdraw(made: MarketScene) -> None:
    requests.withdraw_request(actor=made.focal, at=AT, request_id=made.request.pk)


def cancel(made: MarketScene) -> None:
    requests.cancel_request(actor=made.officer, at=AT, request_id=made.request.pk, reason_code="other")


ENDINGS = {"cancelled": cancel, "withdrawn": withdraw}


def nothing_is_kept(made: MarketScene) -> None:
    assert not Engagement.objects.exists()
    assert not LineClaim.objects.filter(line__request=made.request, released_at=None).exists()
    assert not CapacityHold.objects.filter(state__in=["held", "confirmed"]).exists()
    assert not Session.objects.exclude(seats_held=0, seats_confirmed=0).exists()


# --- the need is gone -------------------------------------------------------------------------------------------------


def to_accept(made: MarketScene, part: ProposalPart) -> Callable[[], object]:
    partner = made.provider(part.offering)
    return lambda: operations.accept_part(actor=partner, at=AT, part_id=part.pk)


def to_consent(made: MarketScene, part: ProposalPart) -> Callable[[], object]:
    terms = matching.CounterTerms(participants=18)
    matching.counter_part(actor=made.provider(part.offering), at=AT, part_id=part.pk, terms=terms)
    operations.consent_counter(actor=made.focal, at=AT, part_id=part.pk, agree=True)
    return lambda: operations.consent_counter(actor=made.officer, at=AT, part_id=part.pk, agree=True)


@pytest.mark.parametrize("ending", sorted(ENDINGS))
@pytest.mark.parametrize("last_word", [to_accept, to_consent])
def test_last_word_after_the_end_makes_no_engagement_though_one_job_has_run_and_the_other_is_late(
    last_word: Callable[[MarketScene, ProposalPart], Callable[[], object]], ending: str
) -> None:
    made, part = asked()
    say = last_word(made, part)
    ENDINGS[ending](made)
    assert operations.cancel_for_request(actor=SYSTEM, at=AT, request_id=made.request.public_id) == 0
    with refusal(ErrorCode.WRONG_STATE) as caught:
        say()
    assert (caught.value.params["state"], caught.value.params["allowed_actions"]) == (ending, ())
    assert not Engagement.objects.exists()
    work()
    nothing_is_kept(made)


def test_engagement_is_made_for_no_request_that_has_ended() -> None:
    request = opened(OrganizationFactory.create(roles=["member"]))
    session = SessionFactory.create()
    terms = terms_for(request, session.offering.provider.organization, sessions=[session])
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=request.pk)
    with refusal(ErrorCode.WRONG_STATE) as caught:
        operations.create_engagement(actor=SYSTEM, at=AT, terms=terms)
    said = caught.value.params
    assert (said["verb"], said["state"], said["resource"]) == ("engage", "withdrawn", "training_request")
    assert not Engagement.objects.exists()


@pytest.mark.parametrize("ending", sorted(ENDINGS))
def test_proposal_confirmed_before_the_end_gets_no_engagement_after_it_and_gives_back_what_it_held(ending: str) -> None:
    made, proposal, part = confirmed()
    ENDINGS[ending](made)
    assert operations.engage_confirmed(actor=SYSTEM, at=AT, proposal_id=proposal.public_id) is None
    nothing_is_kept(made)
    assert CapacityHold.objects.get(holder=part.public_id).state == "released"
    told = OutboxEvent.objects.count()
    assert operations.engage_confirmed(actor=SYSTEM, at=AT, proposal_id=proposal.public_id) is None
    assert OutboxEvent.objects.count() == told
    work()
    nothing_is_kept(made)


def test_engagement_made_before_the_end_is_left_to_what_follows_the_end() -> None:
    made, part = asked()
    engagement = operations.accept_part(actor=made.provider(part.offering), at=AT, part_id=part.pk).engagement
    assert engagement is not None
    withdraw(made)
    assert engagement.proposal_id is not None
    assert operations.engage_confirmed(actor=SYSTEM, at=AT, proposal_id=engagement.proposal_id) == engagement
    work()
    engagement.refresh_from_db()
    assert (engagement.state, engagement.cancel_reason) == ("cancelled", "requester_withdrew")


# --- a session, an offering or a provider is gone ---------------------------------------------------------------------

GONE: dict[str, Callable[[ProposalPart], object]] = {
    "session_cancelled": lambda part: providers.cancel_session(
        actor=SYSTEM, at=AT, session_id=part.session_id or 0, reason_code="other"
    ),
    "offering_suspended": lambda part: providers.suspend_offering(
        actor=SYSTEM, at=AT, offering_id=part.offering_id, reason_code="other"
    ),
    "provider_suspended": lambda part: providers.suspend_provider(
        actor=SYSTEM, at=AT, provider_id=part.provider_id, reason_code="other"
    ),
}


@pytest.mark.parametrize("reason", sorted(GONE))
def test_engagement_of_what_is_gone_by_then_is_put_on_hold(reason: str) -> None:
    _made, proposal, part = confirmed()
    GONE[reason](part)
    operations.hold_for_session(actor=SYSTEM, at=AT, session_id=Session.objects.get(pk=part.session_id or 0).public_id)
    operations.hold_for_provider(actor=SYSTEM, at=AT, provider_id=part.provider.public_id)
    operations.hold_for_offering(actor=SYSTEM, at=AT, offering_id=part.offering.public_id)
    engagement = operations.engage_confirmed(actor=SYSTEM, at=AT, proposal_id=proposal.public_id)
    assert engagement is not None
    engagement.refresh_from_db()
    assert (engagement.state, engagement.hold_reason, engagement.held_from) == ("on_hold", reason, "planned")
    assert (engagement.waiting_for, engagement.step) == ("secretariat", "engagement.rebook")
    session = Session.objects.get(pk=part.session_id or 0)
    taken = 0 if reason == "session_cancelled" else part.participants
    assert (session.seats_held, session.seats_confirmed) == (0, taken)
    version = engagement.version
    assert operations.engage_confirmed(actor=SYSTEM, at=AT, proposal_id=proposal.public_id) == engagement
    work()
    engagement.refresh_from_db()
    assert (engagement.state, engagement.version) == ("on_hold", version)


MODELS: dict[str, Callable[[ProposalPart], object]] = {
    "session_cancelled": lambda part: Session.objects.filter(pk=part.session_id or 0).update(state="cancelled"),
    "offering_suspended": lambda part: Offering.objects.filter(pk=part.offering_id).update(state="suspended"),
    "provider_suspended": lambda part: Provider.objects.filter(pk=part.provider_id).update(state="suspended"),
}


@pytest.mark.parametrize("reason", sorted(MODELS))
def test_what_goes_at_the_moment_of_the_last_word_is_seen_by_the_job_that_follows_it(reason: str) -> None:
    made, part = asked()
    engagement = operations.accept_part(actor=made.provider(part.offering), at=AT, part_id=part.pk).engagement
    assert engagement is not None
    MODELS[reason](part)  # by somebody whose own job saw no engagement yet
    work()
    engagement.refresh_from_db()
    assert (engagement.state, engagement.hold_reason) == ("on_hold", reason)


def test_engagement_whose_session_was_moved_before_it_came_about_is_put_on_hold() -> None:
    _made, proposal, part = confirmed()
    session = Session.objects.get(pk=part.session_id or 0)
    moved = session.start_on + timedelta(days=30), session.end_on + timedelta(days=30)  # type: ignore[operator]
    Session.objects.filter(pk=session.pk).update(start_on=moved[0], end_on=moved[1])
    engagement = operations.engage_confirmed(actor=SYSTEM, at=AT, proposal_id=proposal.public_id)
    assert engagement is not None
    engagement.refresh_from_db()
    assert (engagement.state, engagement.hold_reason, engagement.start_on) == (
        "on_hold",
        "session_moved",
        part.start_on,
    )


def test_engagement_whose_session_was_cancelled_before_it_is_rebooked_with_firm_seats() -> None:
    made, proposal, part = confirmed()
    GONE["session_cancelled"](part)
    work()
    engagement = Engagement.objects.get(proposal_id=proposal.public_id)
    other = SessionFactory.create(offering=part.offering, seats_total=40)
    change = ChangeTerms(deliveries=(DeliveryTerms(1, session_id=other.pk),))
    operations.propose_change(
        actor=made.provider(part.offering), at=AT, engagement_id=engagement.pk, terms=change, reason_text="Rebooked"
    )
    for actor in (made.focal, made.officer):
        operations.agree_change(actor=actor, at=AT, engagement_id=engagement.pk)
    other.refresh_from_db()
    assert (other.seats_held, other.seats_confirmed) == (0, part.participants)
    assert Delivery.objects.get(engagement=engagement).session == other
    assert operations.resume_engagement(actor=made.officer, at=AT, engagement_id=engagement.pk).state == "planned"


def test_capacity_is_made_firm_sessions_before_windows_and_by_key() -> None:
    def part(session: int | None, window: int | None) -> AgreedPart:
        return AgreedPart(
            part_id=OrganizationFactory.build().public_id,
            provider_id=1,
            organization_id=1,
            offering_id=1,
            form="workshop",
            lines=(),
            session_id=session,
            window_id=window,
        )

    mixed = [part(None, 1), part(9, None), part(None, None), part(None, 4), part(2, None)]
    slots = [(one.session_id, one.window_id) for one in in_lock_order(mixed)]
    assert slots == [(None, None), (2, None), (9, None), (None, 1), (None, 4)]
