"""Changes after matching: dates, place, scope, partner, budget; capacity moves all or nothing."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from fulfilment import operations
from fulfilment.models import Change, Delivery, Milestone
from fulfilment.operations import ChangeTerms, DeliveryTerms, LineTerms
from marketplace.kernel.errors import DomainError, ErrorCode
from providers import operations as providers
from providers.models import CapacityWindow, Session
from requests_app.models import RequestLine
from tests.factories.accounts import MembershipFactory, OrganizationFactory, member
from tests.factories.fulfilment import AT, BEGUN, REPORTED, SYSTEM, Scene, attended, brought_to, report_all, scene
from tests.factories.providers import CapacityWindowFactory, OfferingFactory, ProviderFactory, SessionFactory

pytestmark = pytest.mark.django_db
LATER_DATES = ChangeTerms(deliveries=(DeliveryTerms(1, start_on=date(2027, 4, 12), end_on=date(2027, 4, 14)),))


def propose(made: Scene, terms: ChangeTerms) -> Change:
    return operations.propose_change(actor=made.provider, at=AT, engagement_id=made.id, terms=terms, reason_text="Why.")


def agree_all(made: Scene) -> Change:
    operations.agree_change(actor=made.focal, at=AT, engagement_id=made.id)
    return operations.agree_change(actor=made.officer, at=AT, engagement_id=made.id)


def carried_out(made: Scene, terms: ChangeTerms) -> Change:
    propose(made, terms)
    return agree_all(made)


def broken(call: object) -> str:
    assert callable(call)
    with pytest.raises(DomainError) as caught:
        call()
    assert caught.value.code == ErrorCode.RULE_BROKEN, caught.value
    return caught.value.errors[0].code


def seats(session: Session) -> tuple[int, int]:
    session.refresh_from_db()
    return session.seats_held, session.seats_confirmed


def test_proposed_change_waits_for_the_sides_that_did_not_propose_it() -> None:
    made = scene()
    change = propose(made, LATER_DATES)

    assert (change.state, change.waiting_for) == ("proposed", "requester_and_secretariat")
    operations.agree_change(actor=made.focal, at=AT, engagement_id=made.id)
    change.refresh_from_db()
    assert (change.state, change.waiting_for) == ("proposed", "secretariat")
    assert made.fresh().start_on == date(2027, 3, 8)


def test_last_agreement_applies_dates_to_delivery_engagement_and_milestones() -> None:
    made = scene()

    change = carried_out(made, LATER_DATES)

    delivery = made.deliveries()[0]
    assert (delivery.start_on, delivery.end_on) == (date(2027, 4, 12), date(2027, 4, 14))
    assert (made.fresh().start_on, made.fresh().end_on) == (date(2027, 4, 12), date(2027, 4, 14))
    nominations = Milestone.objects.get(engagement=made.engagement, kind="nominations")
    assert nominations.due_at is not None
    assert nominations.due_at.date() == date(2027, 3, 13)
    assert change.former["deliveries"][0]["start_on"] == "2027-03-08"


def test_other_session_moves_the_seats_and_takes_its_dates_and_place() -> None:
    made = scene()
    former = made.sessions[0]
    other = SessionFactory.create(
        offering=former.offering, start_on=date(2027, 5, 3), end_on=date(2027, 5, 5), city="Bamako", country="MLI"
    )

    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, session_id=other.pk),)))

    assert seats(former) == (0, 0)
    assert seats(other) == (0, 20)
    delivery = made.deliveries()[0]
    assert (delivery.session_id, delivery.start_on, delivery.city) == (other.pk, date(2027, 5, 3), "Bamako")


def test_full_session_refuses_the_change_and_leaves_everything_as_it_was() -> None:
    made = scene()
    former = made.sessions[0]
    full = SessionFactory.create(offering=former.offering, seats_total=10)
    propose(made, ChangeTerms(deliveries=(DeliveryTerms(1, session_id=full.pk),)))
    operations.agree_change(actor=made.focal, at=AT, engagement_id=made.id)

    with pytest.raises(DomainError) as caught:
        operations.agree_change(actor=made.officer, at=AT, engagement_id=made.id)

    assert caught.value.code == ErrorCode.CAPACITY_EXHAUSTED
    assert (seats(former), seats(full)) == ((0, 20), (0, 0))
    assert made.deliveries()[0].session_id == former.pk
    assert Change.objects.get().missing_sides == ("secretariat",)


def test_scope_change_resizes_claim_and_seats() -> None:
    made = scene()
    terms = ChangeTerms(
        lines=(LineTerms(line_number=1, participants=25),), deliveries=(DeliveryTerms(1, seats=25, capacity=25),)
    )

    carried_out(made, terms)

    assert RequestLine.objects.get(request=made.request).claimed == 25
    assert seats(made.sessions[0]) == (0, 25)
    assert made.deliveries()[0].seats == 25


def test_scope_beyond_the_line_is_refused() -> None:
    made = scene()
    propose(made, ChangeTerms(lines=(LineTerms(line_number=1, participants=31),)))
    operations.agree_change(actor=made.focal, at=AT, engagement_id=made.id)

    with pytest.raises(DomainError) as caught:
        operations.agree_change(actor=made.officer, at=AT, engagement_id=made.id)

    assert caught.value.code == ErrorCode.LINE_TAKEN
    assert RequestLine.objects.get(request=made.request).claimed == 20


def test_other_partner_takes_the_part_over() -> None:
    made = scene()
    provider = ProviderFactory.create()
    offering = OfferingFactory.create(provider=provider, published=True, form="course")
    session = SessionFactory.create(offering=offering)

    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, offering_id=offering.pk, session_id=session.pk),)))

    delivery = made.deliveries()[0]
    assert (delivery.provider_id, delivery.offering_id, delivery.form) == (provider.pk, offering.pk, "course")
    assert seats(made.sessions[0]) == (0, 0)
    assert seats(session) == (0, 20)
    assert made.fresh().parties.filter(organization=provider.organization, role="member").exists()
    assert made.fresh().missing_levels == [1, 2]


def test_budget_change_keeps_what_it_replaced() -> None:
    made = scene()

    change = carried_out(made, ChangeTerms(budget_amount=Decimal("20000.00"), budget_currency="EUR"))

    assert (made.fresh().budget_amount, made.fresh().budget_currency) == (Decimal("20000.00"), "EUR")
    assert change.former == {"budget": {"amount": "24000.00", "currency": "USD"}}


def test_new_proposal_takes_the_place_of_the_open_one() -> None:
    made = scene()
    first = propose(made, LATER_DATES)
    second = propose(made, ChangeTerms(budget_amount=Decimal(1), budget_currency="USD"))

    first.refresh_from_db()
    assert (first.state, second.state) == ("superseded", "proposed")


def test_declined_change_leaves_what_was_agreed() -> None:
    made = scene()
    propose(made, LATER_DATES)

    declined = operations.decline_change(actor=made.focal, at=AT, engagement_id=made.id, reason_text="Holidays.")

    assert declined.state == "declined"
    assert made.fresh().start_on == date(2027, 3, 8)
    assert broken(lambda: operations.agree_change(actor=made.officer, at=AT, engagement_id=made.id)) == "no_open_change"


def test_agreeing_twice_is_already_answered() -> None:
    made = scene()
    propose(made, LATER_DATES)
    operations.agree_change(actor=made.focal, at=AT, engagement_id=made.id)

    with pytest.raises(DomainError) as caught:
        operations.agree_change(actor=made.focal, at=AT, engagement_id=made.id)

    assert caught.value.code == ErrorCode.ALREADY_ANSWERED


def test_officer_who_belongs_to_a_partner_is_recused() -> None:
    made = scene()
    propose(made, LATER_DATES)
    operations.agree_change(actor=made.focal, at=AT, engagement_id=made.id)
    MembershipFactory.create(user=made.officer.user, organization=made.lead, role="viewer")
    again = type(made.officer).for_user(made.officer.user)  # type: ignore[arg-type]

    with pytest.raises(DomainError) as caught:
        operations.agree_change(actor=again, at=AT, engagement_id=made.id)

    assert caught.value.code == ErrorCode.RECUSED


def test_stranger_may_not_propose() -> None:
    made = scene()
    stranger = member(OrganizationFactory.create(), "provider_staff")

    with pytest.raises(DomainError) as caught:
        operations.propose_change(actor=stranger, at=AT, engagement_id=made.id, terms=LATER_DATES)

    assert caught.value.code == ErrorCode.PERMISSION_DENIED


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        (ChangeTerms(), "empty_change"),
        (ChangeTerms(deliveries=(DeliveryTerms(9, seats=3),)), "unknown_delivery"),
        (ChangeTerms(deliveries=(DeliveryTerms(1, end_on=date(2027, 1, 1)),)), "period_reversed"),
        (ChangeTerms(deliveries=(DeliveryTerms(1, precision="week"),)), "unknown_code"),
        (ChangeTerms(lines=(LineTerms(line_number=7, participants=3),)), "unknown_line"),
        (ChangeTerms(lines=(LineTerms(line_number=1, participants=0),)), "not_positive"),
        (ChangeTerms(budget_amount=Decimal(-1), budget_currency="USD"), "negative"),
    ],
)
def test_terms_that_cannot_be_carried_out_are_refused_at_once(terms: ChangeTerms, code: str) -> None:
    made = scene()

    assert broken(lambda: propose(made, terms)) == code


def test_session_of_another_offering_is_refused() -> None:
    made = scene()
    other = SessionFactory.create()

    terms = ChangeTerms(deliveries=(DeliveryTerms(1, session_id=other.pk),))

    assert broken(lambda: propose(made, terms)) == "other_offering"


def test_delivery_that_has_begun_does_not_change() -> None:
    made = brought_to("in_delivery")

    assert broken(lambda: propose(made, LATER_DATES)) == "delivery_begun"


def test_agreed_engagement_is_due_at_the_changed_first_day() -> None:
    made = brought_to("agreed")

    carried_out(made, LATER_DATES)

    due = made.fresh().due_at
    assert due is not None
    assert due.date() == date(2027, 4, 12)


def test_delivery_on_hold_is_rebooked_and_resumed() -> None:
    made = brought_to("agreed")
    former = made.sessions[0]
    other = SessionFactory.create(offering=former.offering)
    Session.objects.filter(pk=former.pk).update(state="cancelled")
    assert operations.hold_for_session(actor=SYSTEM, at=AT, session_id=former.public_id) == 1

    assert broken(lambda: operations.resume_engagement(actor=made.officer, at=AT, engagement_id=made.id)) == (
        "session_cancelled"
    )
    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, session_id=other.pk),)))
    resumed = operations.resume_engagement(actor=made.officer, at=AT, engagement_id=made.id)

    assert resumed.state == "agreed"
    assert seats(other) == (0, 20)
    assert operations.start_engagement(actor=made.provider, at=BEGUN, engagement_id=made.id).state == "in_delivery"
    assert Delivery.objects.get(engagement=made.engagement).state == "running"


# --- in which unit ---------------------------------------------------------------------------------------------------------


def taken(window: CapacityWindow) -> int:
    window.refresh_from_db()
    return window.held + window.confirmed


def to_window(made: Scene, unit: str = "trainer_days", **terms: Any) -> CapacityWindow:
    window: CapacityWindow = CapacityWindowFactory.create(
        provider=made.deliveries()[0].provider, unit=unit, quantity=30
    )
    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, window_id=window.pk, **terms),)))
    return window


@pytest.mark.parametrize(("unit", "needed"), [("trainer_days", 3), ("parallel_deliveries", 1)])
def test_delivery_that_leaves_its_session_takes_of_a_window_what_it_needs(unit: str, needed: int) -> None:
    made = scene()  # twenty seats, fourteen hours

    window = to_window(made, unit)

    assert (taken(window), seats(made.sessions[0])) == (needed, (0, 0))
    assert (made.deliveries()[0].capacity, made.deliveries()[0].seats) == (needed, 20)
    assert Change.objects.get().former["deliveries"][0]["capacity"] == "20"


def test_delivery_takes_the_capacity_that_is_said() -> None:
    assert taken(to_window(scene(), capacity=5)) == 5


def test_delivery_that_moves_from_a_window_into_a_session_takes_a_seat_for_everybody() -> None:
    made = scene()
    window = to_window(made, capacity=3)
    session = SessionFactory.create(offering=made.sessions[0].offering)

    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, session_id=session.pk),)))

    assert (taken(window), seats(session)) == (0, (0, 20))


def test_session_with_fewer_seats_than_participants_is_full() -> None:
    made = scene()
    window = to_window(made, capacity=3)
    session = SessionFactory.create(offering=made.sessions[0].offering, seats_total=3, seats_min=1)
    propose(made, ChangeTerms(deliveries=(DeliveryTerms(1, session_id=session.pk),)))

    with pytest.raises(DomainError) as caught:
        agree_all(made)

    assert caught.value.code == ErrorCode.CAPACITY_EXHAUSTED
    assert (taken(window), seats(session)) == (3, (0, 0))


def test_more_participants_take_more_seats_and_fewer_give_them_back() -> None:
    made = scene()
    for number in (28, 15):
        carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, seats=number),), lines=(LineTerms(1, number),)))

        assert seats(made.sessions[0]) == (0, number)
        assert made.deliveries()[0].seats == number


def test_more_participants_take_no_more_trainer_days() -> None:
    made = scene()
    window = to_window(made, capacity=5)

    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, seats=28),)))

    assert (taken(window), made.deliveries()[0].seats) == (5, 28)


def test_other_training_takes_the_trainer_days_of_its_own_hours() -> None:
    made = scene()
    window = to_window(made, capacity=5)
    longer = OfferingFactory.create(provider=window.provider, published=True, duration_hours=25)

    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, offering_id=longer.pk, window_id=window.pk),)))

    assert taken(window) == 5
    shorter = OfferingFactory.create(provider=window.provider, published=True, duration_hours=None)
    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, offering_id=shorter.pk, window_id=window.pk),)))
    assert taken(window) == 1


def test_other_partner_without_a_place_of_the_catalogue_takes_none() -> None:
    made = scene()
    offering = OfferingFactory.create(published=True)

    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, offering_id=offering.pk),)))

    assert (seats(made.sessions[0]), made.deliveries()[0].capacity) == ((0, 0), 0)


def test_other_session_takes_what_the_former_took() -> None:
    made = scene()
    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, capacity=25),)))
    other = SessionFactory.create(offering=made.sessions[0].offering)

    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, session_id=other.pk),)))

    assert (seats(made.sessions[0]), seats(other)) == ((0, 0), (0, 25))


def test_what_took_nothing_of_its_session_goes_on_taking_nothing() -> None:
    made = scene()
    [delivery] = made.deliveries()
    Delivery.objects.filter(pk=delivery.pk).update(capacity=0)
    providers.release_holds(actor=SYSTEM, at=AT, holder=delivery.part_id)

    carried_out(made, ChangeTerms(deliveries=(DeliveryTerms(1, seats=28),)))

    assert (seats(made.sessions[0]), made.deliveries()[0].seats) == ((0, 0), 28)


@pytest.mark.parametrize(
    "terms",
    [DeliveryTerms(1, capacity=19), DeliveryTerms(1, seats=25, capacity=24), DeliveryTerms(1, seats=0, capacity=-1)],
)
def test_fewer_seats_than_participants_are_refused(terms: DeliveryTerms) -> None:
    made = scene()

    with pytest.raises(DomainError) as caught:
        propose(made, ChangeTerms(deliveries=(terms,)))

    [error] = caught.value.errors
    assert (error.pointer, error.code) == ("/deliveries/0/capacity", "too_few_seats")


def test_fewer_seats_than_participants_are_refused_in_the_session_that_is_asked_for() -> None:
    made = scene()
    offering = made.sessions[0].offering
    to_window(made, capacity=3)
    session = SessionFactory.create(offering=offering)

    assert broken(
        lambda: propose(made, ChangeTerms(deliveries=(DeliveryTerms(1, session_id=session.pk, capacity=3),)))
    ) == ("too_few_seats")
    assert propose(made, ChangeTerms(deliveries=(DeliveryTerms(1, capacity=2),))).state == "proposed"


# --- what is delivered changes no more -------------------------------------------------------------------------------------


def budget(amount: int) -> ChangeTerms:
    return ChangeTerms(budget_amount=Decimal(amount), budget_currency="USD")


def test_change_that_is_open_when_all_is_reported_falls_away() -> None:
    made = brought_to("in_delivery")
    change = operations.propose_change(actor=made.provider, at=BEGUN, engagement_id=made.id, terms=budget(5))

    report_all(made)

    change.refresh_from_db()
    assert made.fresh().state == "delivered"
    assert (change.state, change.waiting_for, change.due_at) == ("superseded", "nobody", None)


def test_change_that_is_open_stays_until_the_last_delivery_is_reported() -> None:
    made = brought_to("in_delivery", parts=2)
    change = operations.propose_change(actor=made.provider, at=BEGUN, engagement_id=made.id, terms=budget(5))
    first, second = made.deliveries()
    operations.deliver_delivery(actor=made.provider, at=REPORTED, delivery_id=first.pk, participation=attended())
    change.refresh_from_db()
    assert change.state == "proposed"

    operations.cancel_delivery(actor=made.officer, at=REPORTED, delivery_id=second.pk, reason_code="other")

    change.refresh_from_db()
    assert (made.fresh().state, change.state) == ("delivered", "superseded")


def test_contested_report_opens_the_way_for_another_change() -> None:
    made = brought_to("delivered")
    operations.contest_engagement(actor=made.focal, at=REPORTED, engagement_id=made.id, reason_code="numbers")

    change = operations.propose_change(actor=made.provider, at=REPORTED, engagement_id=made.id, terms=budget(5))

    assert change.state == "proposed"
