"""What a request asks of its partners as a team: two that must not deliver together, and somebody who leads.

Kept apart: of two lines at the most one goes to either side, a capacity of 1 for each two lines and each order. To lead:
whoever does not accept to lead leans on a partner of another line who does.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import permutations

from matching.engine.planning.candidates import LineOptions, Option, PlanLine, by_request
from matching.engine.planning.together import Leaning

APART = "apart:"


@dataclass(frozen=True, slots=True)
class ApartRules:
    """Which rules bind an option of a line: by the name of the line, the organization and the names of the rules."""

    by_line: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)

    @property
    def names(self) -> frozenset[str]:
        """Return the names of all rules."""
        return frozenset(name for rules in self.by_line.values() for _, name in rules)

    def of(self, line: LineOptions, option: Option) -> tuple[tuple[str, int], ...]:
        """Return what an option uses up: one unit of each rule about one of its parties."""
        rules = self.by_line.get(line.key, ())
        return tuple((name, 1) for name in sorted({name for party, name in rules if party in option.parties}))


def apart_rules(lines: Sequence[PlanLine]) -> ApartRules:
    """Make the rules of requests that keep organizations apart."""
    found: dict[str, list[tuple[str, str]]] = {}
    for group in by_request(lines):
        need = group[0].options.entry.need
        for pair in sorted(need.kept_apart):
            for (one, first), (other, second) in permutations(
                [(line.options, party) for line in group for party in pair], 2
            ):
                if one.line.number < other.line.number and first != second:
                    name = f"{APART}{first}/{second} ({one.key}, {other.line.number})"
                    found.setdefault(one.key, []).append((first, name))
                    found.setdefault(other.key, []).append((second, name))
    return ApartRules(found)


def lead_links(lines: Sequence[PlanLine]) -> Iterator[Leaning]:
    """Yield for each option whose partner does not lead those of other lines of its request whose partners do."""
    for group in by_request(lines):
        if not group[0].options.entry.need.lead_required:
            continue
        leaders = [
            (line.options.key, option.label) for line in group for option in line.options.options if option.can_lead
        ]
        for line in group:
            key = line.options.key
            others = [name for name in leaders if name[0] != key]
            yield from (((key, option.label), others) for option in line.options.options if not option.can_lead)
