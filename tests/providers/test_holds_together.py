"""Many at once on the last seats: separate processes on both engines, never overbooked, losers are told."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier
from uuid import uuid4

import pytest
from django.db import connections

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError
from providers import operations
from providers.models import CapacityHold, CapacityWindow, Session
from providers.operations import Want
from tests.factories.providers import CapacityWindowFactory, SessionFactory

SYSTEM = Actor.system("test")
FORK = get_context("fork")
TOGETHER = 8


pytestmark = pytest.mark.django_db(transaction=True)


def run_together(work: Callable[[int], object]) -> Counter[str]:
    """Run ``work(number)`` in TOGETHER processes that start at the same moment; count the answers."""
    connections.close_all()  # a forked child must not speak on its parent's connection
    barrier, answers = FORK.Barrier(TOGETHER), FORK.SimpleQueue()
    children = [FORK.Process(target=_child, args=(work, number, barrier, answers)) for number in range(TOGETHER)]
    for child in children:
        child.start()
    counted = Counter(answers.get() for _ in children)
    for child in children:
        child.join(30)
    return counted


def _child(work: Callable[[int], object], number: int, barrier: Barrier, answers: "SimpleQueue[str]") -> None:
    barrier.wait(30)
    try:
        work(number)
        answer = "done"
    except DomainError as refused:
        answer = str(refused.code)
    except Exception as error:
        answer = f"{type(error).__name__}: {error}"
    finally:
        connections.close_all()
    answers.put(answer)


def place(at: datetime, *wants: Want) -> None:
    operations.place_holds(actor=SYSTEM, at=at, holder=uuid4(), wants=wants, expires_at=at + timedelta(days=14))


def test_last_seat_goes_to_one(at: datetime) -> None:
    session = SessionFactory.create(seats_total=30, seats_confirmed=29)
    answers = run_together(lambda _: place(at, Want(1, session_id=session.pk)))
    assert answers == {"done": 1, "capacity_exhausted": TOGETHER - 1}
    session.refresh_from_db()
    assert (session.seats_held, session.seats_free, CapacityHold.objects.count()) == (1, 0, 1)


def test_window_takes_as_many_as_fit(at: datetime) -> None:
    window = CapacityWindowFactory.create(quantity=20)
    answers = run_together(lambda _: place(at, Want(6, window_id=window.pk)))
    assert answers == {"done": 3, "capacity_exhausted": TOGETHER - 3}
    window.refresh_from_db()
    assert (window.held, window.free) == (18, 2)


def test_wants_in_opposite_orders_neither_deadlock_nor_overbook(at: datetime) -> None:
    one, other = SessionFactory.create(seats_total=10, seats_min=1), SessionFactory.create(seats_total=10, seats_min=1)
    window = CapacityWindowFactory.create(quantity=10)
    wants = [Want(3, session_id=one.pk), Want(3, session_id=other.pk), Want(3, window_id=window.pk)]
    answers = run_together(lambda number: place(at, *(wants if number % 2 else reversed(wants))))
    assert answers == {"done": 3, "capacity_exhausted": TOGETHER - 3}
    assert set(Session.objects.values_list("seats_held", flat=True)) == {9}
    assert CapacityWindow.objects.get().held == 9


def test_moves_between_two_sessions_keep_every_seat_counted(at: datetime) -> None:
    one, other = SessionFactory.create(seats_total=20, seats_min=1), SessionFactory.create(seats_total=20, seats_min=1)
    holders = [uuid4() for _ in range(TOGETHER)]
    for number, holder in enumerate(holders):
        wants = [Want(5, session_id=(one if number % 2 else other).pk)]
        operations.place_holds(actor=SYSTEM, at=at, holder=holder, wants=wants, expires_at=at + timedelta(days=14))

    def swap(number: int) -> None:
        wants = [Want(5, session_id=(other if number % 2 else one).pk)]
        operations.move_holds(actor=SYSTEM, at=at, holder=holders[number], wants=wants)

    answers = run_together(swap)
    assert set(answers) <= {"done", "capacity_exhausted"}
    for session in Session.objects.all():
        live = CapacityHold.objects.filter(session=session, state="held")
        assert session.seats_held == 5 * live.count() <= session.seats_total
    assert CapacityHold.objects.filter(state="held").count() == TOGETHER


def test_release_and_lapse_of_the_same_hold_give_back_once(at: datetime) -> None:
    session, holder = SessionFactory.create(seats_total=30), uuid4()
    operations.place_holds(actor=SYSTEM, at=at, holder=holder, wants=[Want(20, session_id=session.pk)], expires_at=at)

    def give_back(number: int) -> None:
        if number % 2:
            operations.release_holds(actor=SYSTEM, at=at, holder=holder)
        else:
            operations.lapse_expired_holds(at=at)

    assert run_together(give_back) == {"done": TOGETHER}
    session.refresh_from_db()
    assert session.seats_held == 0
