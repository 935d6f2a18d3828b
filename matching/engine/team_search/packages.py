"""What one partner can do for a set of cells: which of its candidates serve which, for what worth and at what cost."""

from collections.abc import Iterator
from dataclasses import dataclass

from matching.engine.team_search.field import LEAD, Field
from matching.engine.team_search.instance import SCALE


@dataclass(frozen=True, slots=True)
class Package:
    """One way for one partner to serve some cells: `serves` pairs candidates (by row) with bits of the field."""

    worth: int  # in steps of SCALE, less the tie number of the partner
    cost: int
    serves: tuple[tuple[int, int], ...]


def packages(field: Field, place: int, cells: int) -> list[Package]:
    """Return the ways of a group (by its place in the field) to serve exactly these cells, best worth first.

    The group can serve each of the cells. Only ways that no other one beats in worth and cost are kept; without a
    budget, the best alone.
    """
    groups = field.instance.groups
    row = int(field.rows[place])
    if len(groups.members[row]) == 1:
        return [_with(field, Package(-int(groups.tie[row]), 0, ()), groups.members[row][0], cells)]
    known: dict[int, list[Package]] = {0: [Package(-int(groups.tie[row]), 0, ())]}
    for number in groups.members[row]:
        taken = [
            (served | part, [_with(field, way, number, part) for way in ways])
            for served, ways in known.items()
            for part in _parts(field, number, cells & ~served)
        ]
        if groups.whole[row]:  # whoever leaves one out is another group
            known = {}
        for served, ways in taken:
            known[served] = _kept(field, [*known.get(served, []), *ways])
    return known.get(cells, [])


def _parts(field: Field, number: int, cells: int) -> Iterator[int]:
    """Yield the sets of the given cells that a candidate can serve; to lead and serve nothing is none."""
    candidate = field.instance.candidates[number]
    own = field.bits_of(candidate.cells)
    if field.lead and field.instance.leads(candidate):
        own |= field.lead
    open_cells = own & cells
    part = open_cells
    while part:
        if part != field.lead:
            yield part
        part = (part - 1) & open_cells


def _with(field: Field, way: Package, number: int, part: int) -> Package:
    candidate = field.instance.candidates[number]
    value = candidate.value
    if candidate.values:
        value += sum(candidate.values[cell] for bit, cell in enumerate(field.order) if cell != LEAD and part >> bit & 1)
    return Package(way.worth + value * SCALE, way.cost + candidate.cost, (*way.serves, (number, part)))


def _kept(field: Field, ways: list[Package]) -> list[Package]:
    ordered = sorted(ways, key=lambda way: (-way.worth, way.cost, way.serves))
    if field.instance.budget is None:
        return ordered[:1]
    kept: list[Package] = []
    for way in ordered:
        if not kept or way.cost < kept[-1].cost:
            kept.append(way)
    return kept
