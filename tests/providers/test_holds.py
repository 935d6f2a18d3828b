"""Holds on seats and capacity: counted right, all or nothing, safe to repeat."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction

from marketplace.accounts.actors import Actor
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from providers import operations
from providers.models import CapacityHold, CapacityWindow, Session
from providers.operations import Want
from providers.queries import live_holds, trainer_days_needed
from tests.factories.providers import CapacityWindowFactory, SessionFactory

SYSTEM = Actor.system("test")


@pytest.fixture
def holder() -> UUID:
    return uuid4()


def place(holder: UUID, at: datetime, *wants: Want) -> list[CapacityHold]:
    return operations.place_holds(actor=SYSTEM, at=at, holder=holder, wants=wants, expires_at=at + timedelta(days=14))


def seats(session: Session) -> tuple[int, int]:
    session.refresh_from_db()
    return session.seats_held, session.seats_confirmed


def days(window: CapacityWindow) -> tuple[int, int]:
    window.refresh_from_db()
    return window.held, window.confirmed


def test_place_confirm_and_release_count_on_the_session(holder: UUID, at: datetime) -> None:
    session = SessionFactory.create(seats_total=30)
    [hold] = place(holder, at, Want(20, session_id=session.pk))
    assert (hold.state, seats(session), session.seats_free, session.version) == ("held", (20, 0), 10, 2)
    operations.confirm_holds(actor=SYSTEM, at=at, holder=holder)
    assert (seats(session), session.version) == ((0, 20), 3)
    operations.release_holds(actor=SYSTEM, at=at, holder=holder)
    assert (seats(session), session.seats_free) == ((0, 0), 30)
    assert not live_holds(holder)


def test_place_confirm_and_release_count_on_the_window(holder: UUID, at: datetime) -> None:
    window = CapacityWindowFactory.create(quantity=20)
    place(holder, at, Want(trainer_days_needed(14, 2), window_id=window.pk))
    assert days(window) == (6, 0)
    operations.confirm_holds(actor=SYSTEM, at=at, holder=holder)
    assert days(window) == (0, 6)
    operations.release_holds(actor=SYSTEM, at=at, holder=holder)
    assert days(window) == (0, 0)


def test_holds_leave_one_audit_record_and_one_event_for_each_change(holder: UUID, at: datetime) -> None:
    [hold] = place(holder, at, Want(5, session_id=SessionFactory.create().pk))
    operations.confirm_holds(actor=SYSTEM, at=at, holder=holder)
    operations.release_holds(actor=SYSTEM, at=at, holder=holder)
    types = ["capacity_hold.created", "capacity_hold.confirmed", "capacity_hold.released"]
    events = OutboxEvent.objects.filter(resource_id=hold.public_id).order_by("pk")
    assert [event.type for event in events] == types
    assert AuditRecord.objects.filter(resource_id=hold.public_id).count() == 3


def test_place_more_than_is_free_says_what_is_free(holder: UUID, at: datetime) -> None:
    session = SessionFactory.create(seats_total=30, seats_held=10, seats_confirmed=5)
    with pytest.raises(DomainError) as refused:
        place(holder, at, Want(16, session_id=session.pk))
    assert refused.value.code is ErrorCode.CAPACITY_EXHAUSTED
    assert refused.value.params == {"asked": 16, "free": 15, "unit": "seats"}
    assert seats(session) == (10, 5)


def test_place_in_two_places_is_all_or_nothing(holder: UUID, at: datetime) -> None:
    session = SessionFactory.create(seats_total=30)
    window = CapacityWindowFactory.create(quantity=2)
    with pytest.raises(DomainError) as refused:
        place(holder, at, Want(3, window_id=window.pk), Want(20, session_id=session.pk))
    assert refused.value.params == {"asked": 3, "free": 2, "unit": "trainer_days"}
    assert (seats(session), days(window)) == ((0, 0), (0, 0))
    assert not CapacityHold.objects.exists()


@pytest.mark.parametrize("state", ["running", "completed", "cancelled"])
def test_place_on_a_session_that_takes_no_bookings_finds_nothing_free(holder: UUID, at: datetime, state: str) -> None:
    session = SessionFactory.create(state=state)
    with pytest.raises(DomainError) as refused:
        place(holder, at, Want(1, session_id=session.pk))
    assert refused.value.params == {"asked": 1, "free": 0, "unit": "seats"}


def test_place_again_gives_the_same_holds(holder: UUID, at: datetime) -> None:
    session = SessionFactory.create(seats_total=30)
    first = place(holder, at, Want(20, session_id=session.pk))
    assert place(holder, at, Want(20, session_id=session.pk)) == first
    assert seats(session) == (20, 0)
    with pytest.raises(DomainError) as refused:
        place(holder, at, Want(21, session_id=session.pk))
    assert refused.value.code is ErrorCode.CONFLICT


def test_place_sums_wants_of_one_place(holder: UUID, at: datetime) -> None:
    session = SessionFactory.create(seats_total=30)
    [hold] = place(holder, at, Want(10, session_id=session.pk), Want(5, session_id=session.pk))
    assert hold.quantity == 15


def test_confirm_and_release_are_safe_to_repeat(holder: UUID, at: datetime) -> None:
    session = SessionFactory.create(seats_total=30)
    place(holder, at, Want(20, session_id=session.pk))
    for _ in range(2):
        operations.confirm_holds(actor=SYSTEM, at=at, holder=holder)
    assert seats(session) == (0, 20)
    for _ in range(2):
        operations.release_holds(actor=SYSTEM, at=at, holder=holder)
    assert seats(session) == (0, 0)


def test_confirm_after_the_session_was_cancelled_is_refused(holder: UUID, at: datetime) -> None:
    session = SessionFactory.create()
    place(holder, at, Want(20, session_id=session.pk))
    operations.cancel_session(actor=SYSTEM, at=at, session_id=session.pk, reason_code="security")
    with pytest.raises(DomainError) as refused:
        operations.confirm_holds(actor=SYSTEM, at=at, holder=holder)
    assert refused.value.code is ErrorCode.CAPACITY_EXHAUSTED
    operations.release_holds(actor=SYSTEM, at=at, holder=holder)
    assert seats(session) == (0, 0)


def test_confirm_what_has_lapsed_is_a_conflict(holder: UUID, at: datetime) -> None:
    session = SessionFactory.create()
    place(holder, at, Want(20, session_id=session.pk))
    assert operations.lapse_expired_holds(at=at + timedelta(days=13)) == 0
    assert operations.lapse_expired_holds(at=at + timedelta(days=14)) == 1
    assert operations.lapse_expired_holds(at=at + timedelta(days=15)) == 0
    assert seats(session) == (0, 0)
    with pytest.raises(DomainError) as refused:
        operations.confirm_holds(actor=SYSTEM, at=at, holder=holder)
    assert refused.value.code is ErrorCode.CONFLICT


def test_confirmed_holds_never_lapse(holder: UUID, at: datetime) -> None:
    session = SessionFactory.create()
    place(holder, at, Want(20, session_id=session.pk))
    operations.confirm_holds(actor=SYSTEM, at=at, holder=holder)
    assert operations.lapse_expired_holds(at=at + timedelta(days=100)) == 0
    assert seats(session) == (0, 20)


def test_extend_gives_held_capacity_a_later_end(holder: UUID, at: datetime) -> None:
    place(holder, at, Want(20, session_id=SessionFactory.create().pk))
    operations.extend_holds(actor=SYSTEM, at=at, holder=holder, expires_at=at + timedelta(days=20))
    assert operations.lapse_expired_holds(at=at + timedelta(days=15)) == 0


def test_move_to_another_session_is_one_step(holder: UUID, at: datetime) -> None:
    old, new = SessionFactory.create(), SessionFactory.create()
    place(holder, at, Want(20, session_id=old.pk))
    [hold] = operations.move_holds(actor=SYSTEM, at=at, holder=holder, wants=[Want(25, session_id=new.pk)])
    assert (hold.state, hold.expires_at) == ("held", at + timedelta(days=14))
    assert (seats(old), seats(new)) == ((0, 0), (25, 0))


def test_move_of_confirmed_capacity_stays_confirmed(holder: UUID, at: datetime) -> None:
    session, window = SessionFactory.create(), CapacityWindowFactory.create()
    place(holder, at, Want(20, session_id=session.pk))
    operations.confirm_holds(actor=SYSTEM, at=at, holder=holder)
    [hold] = operations.move_holds(actor=SYSTEM, at=at, holder=holder, wants=[Want(6, window_id=window.pk)])
    assert (hold.state, seats(session), days(window)) == ("confirmed", (0, 0), (0, 6))


def test_move_without_room_leaves_everything_as_it_was(holder: UUID, at: datetime) -> None:
    old, full = SessionFactory.create(), SessionFactory.create(seats_total=10, seats_held=10)
    place(holder, at, Want(20, session_id=old.pk))
    with pytest.raises(DomainError) as refused:
        operations.move_holds(actor=SYSTEM, at=at, holder=holder, wants=[Want(1, session_id=full.pk)])
    assert refused.value.code is ErrorCode.CAPACITY_EXHAUSTED
    assert (seats(old), live_holds(holder).count()) == ((20, 0), 1)


def test_move_within_a_full_session_needs_only_the_difference(holder: UUID, at: datetime) -> None:
    session = SessionFactory.create(seats_total=30, seats_confirmed=8)
    place(holder, at, Want(20, session_id=session.pk))
    operations.move_holds(actor=SYSTEM, at=at, holder=holder, wants=[Want(22, session_id=session.pk)])
    assert seats(session) == (22, 8)
    with pytest.raises(DomainError):
        operations.move_holds(actor=SYSTEM, at=at, holder=holder, wants=[Want(23, session_id=session.pk)])
    operations.move_holds(actor=SYSTEM, at=at, holder=holder, wants=[Want(5, session_id=session.pk)])
    assert seats(session) == (5, 8)


def test_move_that_changes_nothing_writes_nothing(holder: UUID, at: datetime) -> None:
    session = SessionFactory.create()
    [hold] = place(holder, at, Want(20, session_id=session.pk))
    [same] = operations.move_holds(actor=SYSTEM, at=at, holder=holder, wants=[Want(20, session_id=session.pk)])
    assert same == hold
    assert OutboxEvent.objects.filter(resource="capacity_hold").count() == 1


@pytest.mark.parametrize(("hours", "deliveries", "expected"), [(6, 1, 1), (7, 1, 2), (14, 2, 6), (1, 3, 3), (40, 1, 7)])
def test_trainer_days_needed_rounds_each_delivery_up(hours: int, deliveries: int, expected: int) -> None:
    assert trainer_days_needed(hours, deliveries) == expected


@pytest.mark.parametrize(
    "wrong", [{"quantity": 0, "session_id": 1}, {"quantity": 1}, {"quantity": 1, "session_id": 1, "window_id": 1}]
)
def test_want_of_nothing_or_nowhere_is_a_mistake(wrong: dict[str, int]) -> None:
    with pytest.raises(ValueError, match="a want has"):
        Want(**wrong)


def test_database_refuses_overbooking_whatever_the_code_does() -> None:
    session, window = SessionFactory.create(seats_total=30), CapacityWindowFactory.create(quantity=20)
    with pytest.raises(IntegrityError), transaction.atomic():
        Session.objects.filter(pk=session.pk).update(seats_held=20, seats_confirmed=11)
    with pytest.raises(IntegrityError), transaction.atomic():
        CapacityWindow.objects.filter(pk=window.pk).update(held=21)
