"""What can take part, prepared for the search: cells renumbered by rarity, the lead as one more cell."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from matching.engine.team_search.bounds import Worth
from matching.engine.team_search.instance import Ints, TeamInstance

LEAD = -1


@dataclass(frozen=True, slots=True)
class Field:
    """The groups that can take part, with the cells renumbered: bit 0 is the rarest. Cells nobody offers have no bit.

    `rows` are their rows in the groups of the instance, and a place is a number of this table; the lead, where one is
    needed, is one more cell.
    """

    instance: TeamInstance
    order: tuple[int, ...]  # bit -> number of the cell, or LEAD
    lead: int  # the bit of the lead, 0 where none is needed or none is there
    rows: Ints
    partner: tuple[int, ...]
    masks: Ints
    once: Ints
    by_cell: Ints
    cost: Ints
    fixed: bool  # the cost of a row is the same whatever it serves

    @property
    def foes(self) -> Mapping[int, frozenset[int]]:
        """Return for each partner those it must not meet."""
        return self.instance.groups.foes

    @property
    def partners(self) -> int:
        """Return how many partners can take part."""
        return len(set(self.partner))

    @property
    def whole(self) -> int:
        """Return all cells that somebody offers, the lead included."""
        return (1 << len(self.order)) - 1

    def bits_of(self, cells: int) -> int:
        """Translate a mask of the instance; cells nobody offers fall away."""
        return sum(1 << bit for bit, cell in enumerate(self.order) if cell != LEAD and cells >> cell & 1)

    def cells_of(self, bits: int) -> int:
        """Translate back; the lead falls away."""
        return sum(1 << cell for bit, cell in enumerate(self.order) if cell != LEAD and bits >> bit & 1)

    def worth(self, price: int) -> Worth:
        """Return what groups are worth after a price for each unit of cost."""
        return Worth(len(self.order), self.masks, self.once - price * self.cost, self.by_cell, self.lead, self.fixed)

    def thrift(self) -> Worth:
        """Return groups as worth the less the more they cost."""
        none = np.zeros((len(self.rows), 0), dtype=np.int64)
        return Worth(len(self.order), self.masks, -self.cost, none, self.lead, self.fixed)


def field_of(instance: TeamInstance) -> Field:
    """Prepare an instance: who is left, and in which order cells are tried."""
    groups = instance.groups
    live = np.ones(len(groups.partner), dtype=np.bool_)
    if instance.excluded:
        out = np.array([name in instance.excluded for name in groups.partners], dtype=np.bool_)
        live &= ~out[groups.partner]
    if instance.budget is not None:
        live &= groups.cost <= instance.budget
    rows = np.flatnonzero(live)
    masks = groups.masks[rows]
    held = [(number, (masks >> number) & 1) for number in range(len(instance.cells))]
    if instance.needs_lead:
        held.append((LEAD, groups.leads[rows].astype(np.int64)))
    ordered = sorted((entry for entry in held if entry[1].any()), key=lambda entry: (int(entry[1].sum()), entry[0]))
    renumbered = np.zeros(len(rows), dtype=np.int64)
    for bit, (_, column) in enumerate(ordered):
        renumbered |= column << bit
    order = tuple(number for number, _ in ordered)
    return Field(
        instance=instance,
        order=order,
        lead=1 << order.index(LEAD) if LEAD in order else 0,
        rows=rows,
        partner=tuple(groups.partner[rows].tolist()),
        masks=renumbered,
        once=groups.once[rows] - groups.tie[rows],
        by_cell=_by_bit(groups.by_cell[rows], order),
        cost=groups.cost[rows],
        fixed=instance.budget is None or bool(groups.whole[rows].all()),
    )


def _by_bit(by_cell: Ints, order: tuple[int, ...]) -> Ints:
    """Put the columns in the order of the bits; to lead is worth nothing by itself."""
    found = np.zeros((len(by_cell), len(order) if by_cell.shape[1] else 0), dtype=np.int64)
    for bit in range(found.shape[1]):
        if order[bit] != LEAD:
            found[:, bit] = by_cell[:, order[bit]]
    return found
