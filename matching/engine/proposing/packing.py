"""Packing: how the lines given to each offer fill its slots, within seats, capacity, smallest groups and the ceiling.

Every line first gets its minimum, in its best slot with room (else split over several), so that nobody is
crowded out; then all are raised towards their maximum. One offer for several lines at one slot is one delivery,
participants summed, or more deliveries where one is too small. Capacity that offers share is counted once.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from matching.engine.catalogue import UNKNOWN, Catalogue, Slot, SlotKind
from matching.engine.policy import CRITERIA, Criterion, Policy
from matching.engine.reference.rates import Rates
from matching.engine.scoring import Scored
from matching.engine.scoring.criteria import cost_value, group_value
from matching.engine.screening.pricing import ceiling_cents, cost_in_currency
from matching.engine.types import Need

GROUP, COST = CRITERIA.index(Criterion.GROUP), CRITERIA.index(Criterion.COST)


@dataclass(frozen=True, slots=True)
class Task:
    """One request with its scored lines; lines are known by their position in `scored`."""

    need: Need
    catalogue: Catalogue
    policy: Policy
    rates: Rates
    scored: tuple[Scored, ...]

    def rows(self, line: int, offer: int) -> tuple[int, ...]:
        """Return the slots at which an offer can serve a line, best first."""
        found = self.scored[line].found.rows
        return tuple(int(found[position]) for position in self.scored[line].by_offer[offer])

    def position(self, line: int, offer: int, row: int) -> int:
        """Return the position of a slot in the scored line."""
        found = self.scored[line].found.rows
        return next(p for p in self.scored[line].by_offer[offer] if int(found[p]) == row)

    def slot(self, row: int) -> Slot:
        """Return a slot."""
        return self.catalogue.slots.slots[row]

    def largest(self, row: int) -> int:
        """Return how many one delivery takes."""
        slot = self.slot(row)
        return max(1, slot.free) if slot.kind is SlotKind.SESSION else self.catalogue.offer_at(row).participants_max

    def may_meet(self, offers: Iterable[int]) -> bool:
        """Tell whether no two of the parties behind the offers (rows) must be kept apart."""
        if not self.need.kept_apart:
            return True
        return self.need.may_unite(frozenset().union(*(self.catalogue.offers[offer].parties for offer in offers)))

    def may_lead(self, offers: Iterable[int]) -> bool:
        """Tell whether one of the offers (rows) accepts to lead, where that is required."""
        return not self.need.lead_required or any(self.catalogue.offers[offer].can_lead for offer in offers)

    def room(self, assigned: Mapping[int, int]) -> bool:
        """Tell quickly whether the minima of the lines can fit the offers they are given to (necessary, not enough)."""
        for offer in set(assigned.values()):
            lines = [line for line, chosen in assigned.items() if chosen == offer]
            available: dict[int, int] = {}
            for line in lines:
                found = self.scored[line].found
                for position in self.scored[line].by_offer[offer]:
                    available[int(found.rows[position])] = int(found.available[position])
            if sum(self.scored[line].line.minimum for line in lines) > sum(available.values()):
                return False
        return True


@dataclass(slots=True)
class Packing:
    """Participants by slot and line; with the score of each line as packed and the weighted sum of them."""

    assigned: Mapping[int, int]
    people: dict[int, dict[int, int]] = field(default_factory=dict)  # slot -> line -> participants
    values: dict[int, list[int]] = field(default_factory=dict)  # line -> values of the criteria
    weighted: int = 0
    cost: int = UNKNOWN

    def total(self, row: int) -> int:
        """Return the participants at a slot."""
        return sum(self.people.get(row, {}).values())

    def of_line(self, line: int) -> int:
        """Return the participants of a line."""
        return sum(entry.get(line, 0) for entry in self.people.values())

    def rows_of(self, line: int) -> list[int]:
        """Return the slots that serve a line, the one with most of its participants first."""
        return sorted(
            (row for row, entry in self.people.items() if entry.get(line)),
            key=lambda row: (-self.people[row][line], row),
        )

    def add(self, row: int, line: int, number: int) -> None:
        """Seat participants."""
        entry = self.people.setdefault(row, {})
        entry[line] = entry.get(line, 0) + number

    def copy(self) -> "Packing":
        """Return an independent copy of the seating."""
        return Packing(self.assigned, {row: dict(entry) for row, entry in self.people.items()})


def pack(task: Task, assigned: Mapping[int, int]) -> Packing | None:
    """Seat the lines at the offers assigned to them; None where it cannot be done."""
    least = Packing(dict(sorted(assigned.items())))
    if not all(_seat_minimum(task, least, line) for line in least.assigned):
        return None
    if not all(_fill_group(task, least, row) for row in sorted(least.people)):
        return None
    full = least.copy()
    for line in full.assigned:
        _raise(task, full, line)
    for packing in (full, least):
        if all(_even_out(task, packing, row) for row in sorted(packing.people)) and _affordable(task, packing):
            _score(task, packing)
            return packing
    return None


def deliveries_at(task: Task, packing: Packing, row: int) -> int:
    """Return the deliveries that the participants at a slot need."""
    return max(1, -(-packing.total(row) // task.largest(row)))


def cost_at(task: Task, packing: Packing, row: int) -> int:
    """Return the estimate in cents of what happens at a slot, -1 where it is not known."""
    figures = [
        np.array([number], dtype=np.int64)
        for number in (task.catalogue.slots.offer.item(row), packing.total(row), deliveries_at(task, packing, row))
    ]
    return int(cost_in_currency(task.need, task.catalogue, task.policy, task.rates, *figures)[0])


def _left(task: Task, packing: Packing, row: int) -> int:
    """Return how many more participants a slot can take, after what others take from the same capacity."""
    slot, taken = task.slot(row), packing.total(row)
    if slot.kind is SlotKind.SESSION:
        return slot.free - taken
    if slot.kind is SlotKind.ON_REQUEST:
        return task.policy.max_deliveries * task.largest(row) - taken
    used = sum(
        deliveries_at(task, packing, other) * task.slot(other).per_delivery
        for other in packing.people
        if other != row
        and slot.code
        and task.slot(other).code == slot.code
        and task.slot(other).kind is SlotKind.CAPACITY
    )
    return (slot.free - used) // max(1, slot.per_delivery) * task.largest(row) - taken


def _seat_minimum(task: Task, packing: Packing, line: int) -> bool:
    missing = task.scored[line].line.minimum
    rows = task.rows(line, packing.assigned[line])
    whole = next((row for row in rows if _left(task, packing, row) >= missing), None)
    for row in rows if whole is None else (whole,):
        seated = max(0, min(missing, _left(task, packing, row)))
        if seated:
            packing.add(row, line, seated)
            missing -= seated
    return missing == 0


def _spare(task: Task, packing: Packing, line: int) -> int:
    """Return how many more of a line may come: not beyond what its main slot was planned for when alone."""
    main = packing.rows_of(line)[0]
    entry = task.scored[line]
    planned = int(entry.found.seats[task.position(line, packing.assigned[line], main)])
    return max(planned, entry.line.minimum) - packing.of_line(line)


def _fill_group(task: Task, packing: Packing, row: int) -> bool:
    """Raise lines at a slot until its smallest group is reached."""
    for line in sorted(packing.people[row]):
        missing = deliveries_at(task, packing, row) * task.slot(row).group_min - packing.total(row)
        spare = min(missing, _left(task, packing, row), task.scored[line].line.maximum - packing.of_line(line))
        if spare > 0:
            packing.add(row, line, spare)
    return packing.total(row) >= task.slot(row).group_min


def _raise(task: Task, packing: Packing, line: int) -> None:
    for row in packing.rows_of(line):
        more = min(_left(task, packing, row), _spare(task, packing, line))
        if more > 0:
            packing.add(row, line, more)


def _even_out(task: Task, packing: Packing, row: int) -> bool:
    """See that each delivery at a slot has its smallest group; one delivery fewer where the last would be too small."""
    runs, smallest = deliveries_at(task, packing, row), task.slot(row).group_min
    excess = packing.total(row) - (runs - 1) * task.largest(row)
    if packing.total(row) >= runs * smallest:
        return True
    if runs == 1:
        return False
    for line in sorted(packing.people[row], reverse=True):
        spare = min(excess, packing.people[row][line], packing.of_line(line) - task.scored[line].line.minimum)
        packing.people[row][line] -= spare
        excess -= spare
    return excess == 0


def _affordable(task: Task, packing: Packing) -> bool:
    costs = [cost_at(task, packing, row) for row in sorted(packing.people)]
    packing.cost = UNKNOWN if UNKNOWN in costs else sum(costs)
    limit = ceiling_cents(task.need, task.policy)
    return limit is None or packing.cost <= limit


def _score(task: Task, packing: Packing) -> None:
    for line, offer in packing.assigned.items():
        entry = task.scored[line]
        rows = packing.rows_of(line)
        values = [int(value) for value in entry.values.value[task.position(line, offer, rows[0])]]
        seats = np.array([packing.of_line(line)], dtype=np.int64)
        costs = [cost_at(task, packing, row) for row in rows]
        cost = np.array([UNKNOWN if UNKNOWN in costs else sum(costs)], dtype=np.int64)
        values[GROUP] = int(group_value(entry.line, seats)[0])
        values[COST] = int(cost_value(task.need, cost)[0][0])
        packing.values[line] = values
        score = sum(task.policy.weights[criterion] * value for criterion, value in zip(CRITERIA, values, strict=True))
        packing.weighted += entry.line.maximum * score
