"""Changes after matching: dates, place, scope, partner, budget; capacity moves all or nothing."""

from datetime import date
from decimal import Decimal

import pytest

from fulfilment import operations
from fulfilment.models import Change, Delivery, Milestone
from fulfilment.operations import ChangeTerms, DeliveryTerms, LineTerms
from marketplace.kernel.errors import DomainError, ErrorCode
from providers.models import Session
from requests_app.models import RequestLine
from tests.factories.accounts import MembershipFactory, OrganizationFactory, member
from tests.factories.fulfilment import AT, BEGUN, SYSTEM, Scene, brought_to, scene
from tests.factories.providers import OfferingFactory, ProviderFactory, SessionFactory

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
