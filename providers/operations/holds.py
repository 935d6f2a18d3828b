"""Reserving seats and capacity: never more than there is, under any concurrency (domain rule 2).

Each step is one conditional UPDATE, which the database runs one after another for the same row; nothing is read first
and written later. Locks are taken in one order: the holder's holds, then sessions by key, then windows by key. Who may
ask for capacity is decided by the callers, matching and fulfilment; the actor here is for the audit trail.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from django.db import transaction
from django.db.models import F

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles import operations as lifecycles
from providers.lifecycle import BOOKABLE_SESSIONS
from providers.models import CapacityHold, CapacityWindow, Session
from providers.models.capacity import SEATS
from providers.queries import live_holds

CLOCK = Actor.system("capacity")


@dataclass(frozen=True, slots=True)
class Want:
    """So many seats of a session, or so much of a window in its unit; keys are primary keys, exactly one is given."""

    quantity: int
    session_id: int | None = None
    window_id: int | None = None

    def __post_init__(self) -> None:
        if self.quantity < 1 or (self.session_id is None) == (self.window_id is None):
            raise ValueError("a want has a quantity of at least one and either a session or a window")

    @property
    def place(self) -> "Place":
        """Where the capacity is wanted."""
        return Place(1, self.window_id) if self.window_id is not None else Place(0, self.session_id or 0)


class Place(NamedTuple):
    """A session (0) or a window (1) by key; sorting gives the order of locks."""

    kind: int
    pk: int


@transaction.atomic
def place_holds(
    *, actor: Actor, at: datetime, holder: UUID, wants: Sequence[Want], expires_at: datetime
) -> list[CapacityHold]:
    """Reserve everything in ``wants`` for ``holder`` until ``expires_at``, or nothing.

    A holder that has all of it already gets it again; one that holds something else raises DomainError(conflict): use
    `move_holds`. Raises DomainError(capacity_exhausted) with asked, free and unit.
    """
    wanted = _by_place(wants)
    present = _lock_holds(holder)
    if present:
        if {_place(hold): hold.quantity for hold in present} == wanted:
            return present
        raise DomainError(ErrorCode.CONFLICT)
    for place, quantity in wanted.items():
        _shift(place, held=quantity)
    return [_insert(place, quantity, holder, expires_at, actor, at) for place, quantity in wanted.items()]


@transaction.atomic
def confirm_holds(*, actor: Actor, at: datetime, holder: UUID) -> list[CapacityHold]:
    """Make the reservations of ``holder`` firm; those that are firm already stay so.

    Raises DomainError(capacity_exhausted) when a session was cancelled or is over, DomainError(conflict) when nothing is
    held any more (the holds have lapsed).
    """
    holds = _lock_holds(holder)
    if not holds:
        raise DomainError(ErrorCode.CONFLICT)
    for hold in holds:
        if hold.state == "held":
            _shift(_place(hold), held=-hold.quantity, confirmed=hold.quantity)
            lifecycles.transition(hold, "confirm", actor=actor, at=at)
    return holds


@transaction.atomic
def release_holds(*, actor: Actor, at: datetime, holder: UUID) -> list[CapacityHold]:
    """Give back all that ``holder`` holds or has confirmed; safe to repeat."""
    holds = _lock_holds(holder)
    for hold in holds:
        _give_back(hold, "release", actor=actor, at=at)
    return holds


@transaction.atomic
def extend_holds(*, actor: Actor, at: datetime, holder: UUID, expires_at: datetime) -> list[CapacityHold]:
    """Give the reservations of ``holder`` that are not confirmed a new end."""
    holds = [hold for hold in _lock_holds(holder) if hold.state == "held"]
    for hold in holds:
        before, hold.expires_at = hold.expires_at, expires_at
        changes = {"expires_at": [str(before), str(expires_at)]}
        lifecycles.record_change(hold, "extended", actor=actor, at=at, changes=changes)
    return holds


@transaction.atomic
def move_holds(
    *, actor: Actor, at: datetime, holder: UUID, wants: Sequence[Want], expires_at: datetime | None = None
) -> list[CapacityHold]:
    """Put ``wants`` in the place of all that ``holder`` has: the old given back and the new taken, all or nothing.

    What stays where it was does not pass through other hands, not even in a full session. Confirmed capacity stays
    confirmed at its new place; what was held keeps the earliest end unless ``expires_at`` is given.
    Raises DomainError(capacity_exhausted) with asked, free and unit; DomainError(conflict) when nothing is held.
    """
    present = _lock_holds(holder)
    if not present:
        raise DomainError(ErrorCode.CONFLICT)
    confirmed = all(hold.state == "confirmed" for hold in present)
    ends = expires_at or min((hold.expires_at for hold in present if hold.expires_at), default=at)
    wanted = _by_place(wants)
    leaving = [hold for hold in present if wanted.get(_place(hold)) != hold.quantity or _differs(hold, confirmed)]
    staying = {_place(hold): hold for hold in present if hold not in leaving}
    arriving = {place: quantity for place, quantity in wanted.items() if place not in staying}
    _exchange(leaving, arriving, confirmed=confirmed)
    for hold in leaving:
        lifecycles.transition(hold, "release", actor=actor, at=at)
    for place, quantity in arriving.items():
        hold = _insert(place, quantity, holder, ends, actor, at)
        if confirmed:
            lifecycles.transition(hold, "confirm", actor=actor, at=at)
        staying[place] = hold
    return [staying[place] for place in wanted]


def lapse_expired_holds(*, at: datetime) -> int:
    """End the reservations whose time has come, each in a transaction of its own; returns how many."""
    expired = CapacityHold.objects.filter(state="held", expires_at__lte=at).order_by("pk")
    return sum(_lapse(pk, at) for pk in expired.values_list("pk", flat=True))


@transaction.atomic
def _lapse(hold_id: int, at: datetime) -> bool:
    rows = CapacityHold.objects.select_related(
        "session__offering__provider__organization", "window__provider__organization"
    )
    hold = lifecycles.lock(rows.filter(pk=hold_id))
    if hold.state != "held" or hold.expires_at is None or hold.expires_at > at:
        return False
    _give_back(hold, "lapse", actor=CLOCK, at=at)
    return True


# --- the parts ---------------------------------------------------------------------------------------------------


def _by_place(wants: Iterable[Want]) -> dict[Place, int]:
    """Sum the wants by place, in the order of locks."""
    total: Counter[Place] = Counter()
    for want in wants:
        total[want.place] += want.quantity
    return dict(sorted(total.items()))


def _lock_holds(holder: UUID) -> list[CapacityHold]:
    holds = list(live_holds(holder).select_for_update(of=("self",)).order_by("pk"))
    return sorted(holds, key=_place)


def _place(hold: CapacityHold) -> Place:
    return Place(1, hold.window_id) if hold.window_id is not None else Place(0, hold.session_id or 0)


def _differs(hold: CapacityHold, confirmed: bool) -> bool:
    return confirmed != (hold.state == "confirmed")


def _insert(
    place: Place, quantity: int, holder: UUID, expires_at: datetime, actor: Actor, at: datetime
) -> CapacityHold:
    hold = CapacityHold(holder=holder, quantity=quantity, expires_at=expires_at)
    if place.kind:
        hold.window = CapacityWindow.objects.select_related("provider__organization").get(pk=place.pk)
    else:
        hold.session = Session.objects.select_related("offering__provider__organization").get(pk=place.pk)
    lifecycles.create(hold, actor=actor, at=at, bump_root=True)
    return hold


def _give_back(hold: CapacityHold, verb: str, *, actor: Actor, at: datetime) -> None:
    if hold.state == "confirmed":
        _shift(_place(hold), confirmed=-hold.quantity)
    else:
        _shift(_place(hold), held=-hold.quantity)
    lifecycles.transition(hold, verb, actor=actor, at=at)


def _exchange(leaving: Sequence[CapacityHold], arriving: Mapping[Place, int], *, confirmed: bool) -> None:
    """Change every place by the difference of what leaves and what arrives, in the order of locks."""
    held: Counter[Place] = Counter()
    firm: Counter[Place] = Counter()
    for hold in leaving:
        (firm if hold.state == "confirmed" else held)[_place(hold)] -= hold.quantity
    for place, quantity in arriving.items():
        (firm if confirmed else held)[place] += quantity
    for place in sorted({*held, *firm}):
        _shift(place, held=held[place], confirmed=firm[place])


def _shift(place: Place, *, held: int = 0, confirmed: int = 0) -> None:
    """Change what is held and confirmed of one place, if what is free allows it, in one statement."""
    growth = held + confirmed
    if place.kind:
        windows = CapacityWindow.objects.filter(pk=place.pk)
        if growth > 0:
            windows = windows.filter(quantity__gte=F("held") + F("confirmed") + growth)
        done = windows.update(held=F("held") + held, confirmed=F("confirmed") + confirmed)
    else:
        sessions = Session.objects.filter(pk=place.pk)
        if growth > 0 or confirmed > 0:
            sessions = sessions.filter(
                seats_total__gte=F("seats_held") + F("seats_confirmed") + growth,
                state__in=BOOKABLE_SESSIONS if growth > 0 else (*BOOKABLE_SESSIONS, "running"),
            )
        done = sessions.update(seats_held=F("seats_held") + held, seats_confirmed=F("seats_confirmed") + confirmed)
    if not done:
        raise _exhausted(place, max(growth, confirmed))


def _exhausted(place: Place, asked: int) -> DomainError:
    if place.kind:
        window = CapacityWindow.objects.filter(pk=place.pk).first()
        free, unit = (window.free, window.unit) if window else (0, "")
    else:
        session = Session.objects.filter(pk=place.pk).first()
        bookable = session is not None and session.state in BOOKABLE_SESSIONS
        free, unit = (session.seats_free if session and bookable else 0), SEATS
    return DomainError(ErrorCode.CAPACITY_EXHAUSTED, asked=asked, free=free, unit=unit)
