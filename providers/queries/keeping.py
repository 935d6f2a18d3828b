"""Rows of large tables that a process has read, and how it finds out which of them to read again.

Versions only grow, so the sum of the versions in a block of a thousand keys grows with every change in it; the number of rows
and the highest key tell of what came and went. A hundred sums are looked at instead of a hundred thousand rows, and only the
blocks that moved are looked at row by row.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import Any, Generic, TypeVar

from django.db.models import Count, F, Max, Q, QuerySet, Sum
from django.db.models.expressions import Combinable

BLOCK = 1000  # keys
FEW = 500  # rows read by their keys; beyond it all that are looked at are read
FEW_BLOCKS = 20  # read by their ranges; beyond it the whole table is

Mark = tuple[object, ...]  # changes with all that the facts of a row hang on
Facts = TypeVar("Facts")
Blocks = dict[int, Mark]


@dataclass(slots=True)
class KeptRows(Generic[Facts]):
    """Facts of the rows of one table by key, each with the mark of the row that they were read from; a mark begins with the owner."""

    facts: dict[int, tuple[Mark, Facts]] = field(default_factory=dict)
    owned: dict[int, set[int]] = field(default_factory=lambda: defaultdict(set))
    blocks: Blocks = field(default_factory=dict)

    def of_owner(self, owner: int) -> Iterator[tuple[int, Facts]]:
        """Give key and facts of the rows of one owner."""
        return ((key, self.facts[key][1]) for key in self.owned.get(owner, ()))

    def put(self, key: int, mark: Mark, facts: Facts) -> None:
        """Keep the facts of a row."""
        self.drop(key)
        self.facts[key] = (mark, facts)
        self.owned[_owner(mark)].add(key)

    def drop(self, key: int) -> None:
        """Forget a row, if it is known."""
        known = self.facts.pop(key, None)
        if known is not None:
            self.owned[_owner(known[0])].discard(key)


@dataclass(frozen=True, slots=True)
class Stale:
    """What of a table has to be looked at row by row: some blocks of keys, or (None) all of it."""

    blocks: frozenset[int] | None

    @property
    def nothing(self) -> bool:
        """Tell whether nothing has changed."""
        return self.blocks is not None and not self.blocks

    def __or__(self, other: "Stale") -> "Stale":
        return Stale(None if self.blocks is None or other.blocks is None else self.blocks | other.blocks)

    def within(self, column: str) -> Q:
        """Give the condition that a key lies in what is looked at."""
        if self.blocks is None or len(self.blocks) > FEW_BLOCKS:
            return Q()
        ranges = (
            Q(**{f"{column}__gte": block * BLOCK, f"{column}__lt": (block + 1) * BLOCK})
            for block in sorted(self.blocks)
        )
        return reduce(or_, ranges, Q())

    def of(self, keys: Collection[int]) -> Iterable[int]:
        """Give those of the keys that are looked at."""
        if self.blocks is None or len(self.blocks) > FEW_BLOCKS:
            return keys
        return [key for block in self.blocks for key in range(block * BLOCK, (block + 1) * BLOCK) if key in keys]


ALL = Stale(None)


def sums(rows: QuerySet[Any], *versions: str, key: str = "pk") -> Blocks:
    """Sum up the versions of rows, and of what they hang on, by blocks of a key; one query."""
    weight: Combinable = F(versions[0])
    for version in versions[1:]:
        weight = weight + F(version)
    found = rows.order_by().values_list(F(key) / BLOCK).annotate(count=Count("pk"), highest=Max("pk"), sum=Sum(weight))
    return {block: tuple(rest) for block, *rest in found}


def stale(known: Mapping[int, Mark], now: Mapping[int, Mark]) -> Stale:
    """Tell which blocks are not what they were."""
    return Stale(frozenset(block for block in known.keys() | now.keys() if known.get(block) != now.get(block)))


def bring_up_to_date(
    kept: KeptRows[Facts],
    looked_at: Stale,
    wanted: QuerySet[Any],
    mark: tuple[str, ...],
    read: Callable[[QuerySet[Any]], Iterable[tuple[int, Facts]]],
    beside: Mapping[int, Iterable[object]] | None = None,
) -> set[int]:
    """Read what changed of the wanted rows, forget what is wanted no longer, and give the owners of all that is not as it was.

    `mark` names the columns of a mark, the owner's key first; `beside` has what else belongs to the mark of a row.
    """
    if looked_at.nothing:
        return set()
    rows = wanted.filter(looked_at.within("pk"))
    marks: dict[int, Mark] = {
        row[0]: (*row[1:], *(beside.get(row[0], ()) if beside else ())) for row in rows.values_list("pk", *mark)
    }
    owners = set()
    for key in [key for key in looked_at.of(kept.facts.keys()) if key not in marks]:
        owners.add(_owner(kept.facts[key][0]))
        kept.drop(key)
    changed = [key for key, seen in marks.items() if key not in kept.facts or kept.facts[key][0] != seen]
    owners |= {_owner(kept.facts[key][0]) for key in changed if key in kept.facts}
    for key, facts in read(rows.filter(pk__in=changed) if len(changed) <= FEW else rows) if changed else ():
        # A row that came between the two queries has no mark yet: it is read the next time.
        if key in marks:
            kept.put(key, marks[key], facts)
    return owners | {_owner(marks[key]) for key in changed}


def _owner(mark: Mark) -> int:
    return mark[0]  # type: ignore[return-value]  # a key, by the order of the columns
