"""Why there is no plan: the smallest set of locks, floors and minima that cannot hold together.

QuickXplain (Junker 2004): halves of the wishes are set aside as long as the rest still cannot hold. Without any wish
the empty plan holds, so there is always something to name.
"""

from collections.abc import Callable
from typing import Literal

from matching.engine.portfolio.instance import Instance
from matching.engine.portfolio.model import Wishes, all_wishes
from matching.engine.portfolio.results import Conflict

Wish = tuple[Literal["minimum", "floor", "lock"], int]


def find_conflict(instance: Instance, holds: Callable[[Wishes], bool]) -> Conflict:
    """Find a smallest conflict of an instance without a plan; `holds` tells whether some wishes can hold together."""
    wishes = all_wishes(instance)
    listed: list[Wish] = [
        *(("minimum", place) for place in sorted(wishes.minima)),
        *(("floor", place) for place in sorted(wishes.floors)),
        *(("lock", number) for number in sorted(wishes.locks)),
    ]
    found = _explain([], listed, lambda some: holds(_as_wishes(some)), changed=False)
    return Conflict(
        locks=tuple(sorted(place for kind, place in found if kind == "lock")),
        floors=tuple(sorted(instance.floors[place].group for kind, place in found if kind == "floor")),
        minima=tuple(sorted(instance.capacities[place].id for kind, place in found if kind == "minimum")),
    )


def _as_wishes(some: list[Wish]) -> Wishes:
    return Wishes(
        locks=frozenset(place for kind, place in some if kind == "lock"),
        floors=frozenset(place for kind, place in some if kind == "floor"),
        minima=frozenset(place for kind, place in some if kind == "minimum"),
    )


def _explain(
    behind: list[Wish], listed: list[Wish], holds: Callable[[list[Wish]], bool], *, changed: bool
) -> list[Wish]:
    """Return those of `listed` that are in a smallest conflict, given that those `behind` stay."""
    if changed and not holds(behind):
        return []
    if len(listed) <= 1:
        return listed
    half = len(listed) // 2
    first, second = listed[:half], listed[half:]
    of_second = _explain([*behind, *first], second, holds, changed=bool(first))
    of_first = _explain([*behind, *of_second], first, holds, changed=bool(of_second))
    return [*of_first, *of_second]
