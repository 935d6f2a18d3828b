"""Which hypothetical offering is best, alone and together with others: a total order, and greedy maximum coverage."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from matching.engine.gaps.candidates import Matrix
from matching.engine.gaps.results import Closing, GapStep, Hypothetical, UnmetLine
from matching.engine.reference.concepts import ThemeScheme
from matching.engine.reference.places import PlaceIndex
from matching.engine.sentences import Sentence

GUARANTEE_PERMILLE = 632  # 1 - 1/e, rounded down


class Order:
    """The documented, total order of offerings by what they close."""

    def __init__(
        self,
        lines: Sequence[UnmetLine],
        offerings: Sequence[Hypothetical],
        closes: Matrix,
        scheme: ThemeScheme,
        places: PlaceIndex,
    ) -> None:
        self.lines, self.offerings, self.closes = lines, offerings, closes
        self.participants = np.array([entry.participants for entry in lines], dtype=np.int64)
        classes = np.array([entry.priority_class for entry in lines], dtype=np.int64)
        self.classes = sorted({entry.priority_class for entry in lines})
        self.of_class = [classes == number for number in self.classes]
        themes = np.array([scheme.index(entry.need.line(entry.line).theme) for entry in lines], dtype=np.int64)
        self.exact = np.array([scheme.index(o.theme) for o in offerings], dtype=np.int64)[:, None] == themes
        self.sizes = [len(places.members[offering.region]) for offering in offerings]

    def key(self, number: int, within: Matrix) -> tuple[object, ...]:
        """Return the sort key of an offering among the lines that count."""
        closed = self.closes[number] & within
        return (
            -int(closed.sum()),
            tuple(-int((closed & part).sum()) for part in self.of_class),
            -int(self.participants[closed].sum()),
            -int((closed & self.exact[number]).sum()),
            self.sizes[number],
            self.offerings[number].code,
        )

    def distinct(self) -> list[int]:
        """Return the offerings that close anything, best first, one for each set of lines."""
        everything = np.ones(len(self.lines), dtype=np.bool_)
        useful = np.flatnonzero(self.closes.any(axis=1)).tolist()
        first: dict[bytes, int] = {}
        for number in sorted(useful, key=lambda entry: self.key(entry, everything)):
            first.setdefault(np.packbits(self.closes[number]).tobytes(), number)
        return list(first.values())

    def closing(self, number: int, within: Matrix | None = None) -> Closing:
        """Return what an offering closes among the lines that count."""
        closed = self.closes[number] if within is None else self.closes[number] & within
        entries = [self.lines[position] for position in np.flatnonzero(closed).tolist()]
        offering = self.offerings[number]
        counts = Counter(entry.priority_class for entry in entries)
        participants = sum(entry.participants for entry in entries)
        return Closing(
            offering=offering,
            audiences=tuple(sorted({entry.need.line(entry.line).audience for entry in entries})),
            lines=tuple(entry.key for entry in entries),
            needs=len({entry.need.id for entry in entries}),
            participants=participants,
            by_class={number: counts[number] for number in sorted(counts)},
            sentence=would_close(offering, len(entries), participants),
        )


def choose_together(order: Order, distinct: Sequence[int], steps: int) -> tuple[GapStep, ...]:
    """Choose greedily; the bound of a step is the least over all earlier states (see the head of the module)."""
    if not distinct:
        return ()
    table = order.closes[distinct]
    closable = int(table.any(axis=0).sum())
    left = np.ones(len(order.lines), dtype=np.bool_)
    bounds = [closable] * steps
    found: list[GapStep] = []
    for position in range(min(steps, len(distinct))):
        gains = table[:, left].sum(axis=1)
        closed = int((~left).sum())
        reach = np.cumsum(np.sort(gains)[::-1])
        for size in range(position, steps):
            bounds[size] = min(bounds[size], closed + int(reach[min(size, len(reach) - 1)]))
        if not gains.max():
            break
        best = np.flatnonzero(gains == gains.max()).tolist()
        number = min((distinct[entry] for entry in best), key=lambda entry: order.key(entry, left))
        adds = order.closing(number, left)
        left = left & ~order.closes[number]
        closed = int((~left).sum())
        found.append(
            GapStep(
                adds=adds,
                closed=closed,
                closed_participants=int(order.participants[~left].sum()),
                bound=bounds[position],
                proven=closed == bounds[position],
            )
        )
    return tuple(found)


def would_close(offering: Hypothetical, lines: int, participants: int) -> Sentence:
    """Say what one more offering would close."""
    params: dict[str, str | int] = {
        "theme": offering.theme,
        "language": offering.language,
        "region": offering.region,
        "form": offering.form,
        "lines": lines,
        "participants": participants,
    }
    if offering.level is None:
        return Sentence("gap.would_close", params)
    return Sentence("gap.would_close_at_level", {**params, "level": offering.level})
