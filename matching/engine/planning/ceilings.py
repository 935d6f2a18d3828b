"""The secured ceiling of a request in the plan: what all its lines cost together stays within it, as in a team of its ranking.

A ceiling is a capacity in cents that the options of the request's lines use up. An option whose cost is not known uses
nothing: it is served with a flag, as everywhere else.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from matching.engine.planning.candidates import LineOptions, Option, PlanLine, by_request
from matching.engine.policy import Policy
from matching.engine.portfolio import CEILING_RULE, Capacity
from matching.engine.portfolio.instance import AMOUNT_TOP
from matching.engine.screening.pricing import ceiling_cents

CEILING = "ceiling:"


@dataclass(frozen=True, slots=True)
class Ceilings:
    """The ceilings that could bind, by request: in cents of its currency, or in `unit` cents where that is too many to count."""

    limits: Mapping[str, int] = field(default_factory=dict)
    unit: Mapping[str, int] = field(default_factory=dict)

    def capacities(self) -> list[Capacity]:
        """Return the ceilings as capacities of an instance."""
        return [
            Capacity(CEILING + name, limit // self.unit[name], rule=CEILING_RULE)
            for name, limit in sorted(self.limits.items())
        ]

    def of(self, line: LineOptions, option: Option) -> tuple[tuple[str, int], ...]:
        """Return what an option uses up of the ceiling of its request; parts of a unit count as one."""
        name = line.entry.reference
        if name not in self.limits:
            return ()
        unit = self.unit[name]
        used = min(-(-_cents(line, option) // unit), self.limits[name] // unit)
        return ((CEILING + name, used),) if used else ()


def ceilings_of(lines: Sequence[PlanLine], policy: Policy) -> Ceilings:
    """Find the requests whose lines could cost more together than their secured ceiling, tolerance included, allows."""
    found = {}
    for group in by_request(lines):
        limit = ceiling_cents(group[0].options.entry.need, policy)
        dearest = [max((_cents(line.options, one) for one in line.options.options), default=0) for line in group]
        if limit is not None and sum(dearest) > limit:
            found[group[0].options.entry.reference] = limit
    return Ceilings(found, {name: max(1, -(-limit // AMOUNT_TOP)) for name, limit in found.items()})


def _cents(line: LineOptions, option: Option) -> int:
    """Return the cost of an option in cents of the request's currency, 0 where it is not known."""
    return max(0, int(line.scored.found.cost[option.position]))
