"""Building an instance: everything checked and sorted by id, so that the order of the input changes nothing."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from matching.engine.policy import SCORE_TOP
from matching.engine.portfolio.instance import (
    AMOUNT_TOP,
    LAST_CLASS,
    TIE_BITS,
    BudgetLimit,
    Capacity,
    Flags,
    Floor,
    Instance,
    Ints,
    Link,
    NeedEntry,
    Pair,
    PairArrays,
    PairColumns,
    refusal,
)

PairName = tuple[str, str]  # need, candidate


def build_instance(
    needs: Iterable[NeedEntry],
    capacities: Iterable[Capacity],
    pairs: Iterable[Pair],
    *,
    budgets: Iterable[BudgetLimit] = (),
    floors: Iterable[Floor] = (),
    locks: Iterable[PairName] = (),
    bans: Iterable[PairName] = (),
    links: Iterable[tuple[PairName, Iterable[PairName]]] = (),
) -> Instance:
    """Check and sort an instance; locks and bans are (need, candidate). The pairs may come from a generator.

    A link says of a pair that it is chosen only together with one of others. Raises EngineError(bad_instance) for doubled
    or unknown ids, numbers out of their range, and a pair that is locked and banned.
    """
    need_list, capacity_list, budget_list = list(needs), list(capacities), list(budgets)
    columns = _Columns(_places("need", need_list), _places("capacity", capacity_list), _places("budget", budget_list))
    for pair in pairs:
        columns.add(pair)
    return build_instance_from_columns(
        need_list,
        capacity_list,
        columns.done(),
        budgets=budget_list,
        floors=floors,
        locks=locks,
        bans=bans,
        links=links,
    )


def build_instance_from_columns(
    needs: Sequence[NeedEntry],
    capacities: Sequence[Capacity],
    columns: PairColumns,
    *,
    budgets: Sequence[BudgetLimit] = (),
    floors: Iterable[Floor] = (),
    locks: Iterable[PairName] = (),
    bans: Iterable[PairName] = (),
    links: Iterable[tuple[PairName, Iterable[PairName]]] = (),
) -> Instance:
    """Check and sort an instance whose pairs are columns; otherwise like `build_instance`."""
    _check_needs(needs)
    _check_capacities(capacities)
    _check_budgets(budgets)
    instance = Instance(
        needs=tuple(sorted(needs, key=lambda entry: entry.id)),
        capacities=tuple(sorted(capacities, key=lambda entry: entry.id)),
        budgets=tuple(sorted(budgets, key=lambda entry: entry.id)),
        floors=_floors(floors, needs),
        pairs=_sorted_pairs(columns, _ranks("need", needs), _ranks("capacity", capacities), _ranks("budget", budgets)),
        locked=frozenset(),
        banned=frozenset(),
    )
    _check_pairs(instance)
    return _with_links(_with_wishes(instance, locks, bans), links)


def _with_links(instance: Instance, links: Iterable[tuple[PairName, Iterable[PairName]]]) -> Instance:
    found = {
        Link(instance.pair_number(*pair), tuple(sorted({instance.pair_number(*other) for other in others})))
        for pair, others in links
    }
    for link in sorted(found, key=lambda entry: entry.pair):
        if link.pair in link.one_of:
            raise refusal(" / ".join(instance.pair_name(link.pair)), "is linked to itself")
    return replace(instance, links=tuple(sorted(found, key=lambda entry: (entry.pair, entry.one_of))))


def _with_wishes(instance: Instance, locks: Iterable[PairName], bans: Iterable[PairName]) -> Instance:
    locked = frozenset(instance.pair_number(*names) for names in locks)
    banned = frozenset(instance.pair_number(*names) for names in bans)
    for number in sorted(locked & banned):
        raise refusal(" / ".join(instance.pair_name(number)), "is locked and banned")
    return replace(instance, locked=locked, banned=banned)


def _places(what: str, entries: Sequence[Any]) -> dict[str, int]:
    """Return where each id stands. Raises EngineError(bad_instance) for a doubled or empty id."""
    places = {entry.id: place for place, entry in enumerate(entries)}
    if len(places) != len(entries):
        doubled = next(entry.id for place, entry in enumerate(entries) if places[entry.id] != place)
        raise refusal(str(doubled), f"is there twice as a {what}")
    if "" in places:
        raise refusal(what, "has an empty id")
    return places


def _ranks(what: str, entries: Sequence[Any]) -> Ints:
    """Return for each entry its place when sorted by id. [entries]"""
    places = _places(what, entries)
    ranks = np.empty(len(entries), dtype=np.int64)
    for rank, name in enumerate(sorted(places)):
        ranks[places[name]] = rank
    return ranks


class _Columns:
    """Collects pairs into flat arrays, so that the pairs themselves can go."""

    def __init__(self, needs: Mapping[str, int], capacities: Mapping[str, int], budgets: Mapping[str, int]) -> None:
        self._needs, self._capacities, self._budgets = needs, capacities, budgets
        self._candidates: list[str] = []
        self._pairs = [array("q") for _ in range(4)]
        self._uses = [array("q") for _ in range(3)]
        self._costs = [array("q") for _ in range(3)]

    def add(self, pair: Pair) -> None:
        """Take one pair. Raises EngineError(bad_instance) for unknown names and for numbers that are none."""
        number, name = len(self._candidates), f"{pair.need} / {pair.candidate}"
        self._candidates.append(pair.candidate)
        need = _known(self._needs, pair.need, name, "need")
        _append(self._pairs, need, _whole(pair.score, name, "score"), pair.previous, _whole(pair.tie, name, "tie"))
        for capacity, amount in pair.uses:
            place = _known(self._capacities, capacity, name, "capacity")
            _append(self._uses, number, place, _whole(amount, name, "amount"))
        for budget, cents in pair.costs:
            place = _known(self._budgets, budget, name, "budget")
            _append(self._costs, number, place, _whole(cents, name, "cost"))

    def done(self) -> PairColumns:
        """Return the columns."""
        need, score, previous, tie = map(_ints, self._pairs)
        use_pair, use_capacity, use_amount = map(_ints, self._uses)
        cost_pair, cost_budget, cost_amount = map(_ints, self._costs)
        return PairColumns(
            need=need,
            candidate=self._candidates,
            score=score,
            use_pair=use_pair,
            use_capacity=use_capacity,
            use_amount=use_amount,
            cost_pair=cost_pair,
            cost_budget=cost_budget,
            cost_amount=cost_amount,
            previous=previous.astype(np.bool_),
            tie=tie,
        )


def _append(columns: Sequence["array[int]"], *row: int) -> None:
    for column, value in zip(columns, row, strict=True):
        column.append(value)


def _ints(numbers: "array[int]") -> Ints:
    return np.array(numbers, dtype=np.int64)


def _known(places: Mapping[str, int], name: str, pair: str, what: str) -> int:
    if name not in places:
        raise refusal(pair, f"names the {what} {name!r}, which is not in the instance")
    return places[name]


def _whole(value: object, subject: str, what: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise refusal(subject, f"has a {what} that is no whole number")
    if not 0 <= value < 1 << TIE_BITS:
        raise refusal(subject, f"has the {what} {value}, which is out of range")
    return value


def _check_needs(needs: Sequence[NeedEntry]) -> None:
    for entry in needs:
        if not 1 <= _whole(entry.priority_class, entry.id, "priority class") <= LAST_CLASS:
            raise refusal(entry.id, f"has a priority class outside 1..{LAST_CLASS}")


def _check_capacities(capacities: Sequence[Capacity]) -> None:
    for entry in capacities:
        if _whole(entry.maximum, entry.id, "maximum") > AMOUNT_TOP:
            raise refusal(entry.id, f"has a maximum above {AMOUNT_TOP}")
        if _whole(entry.minimum, entry.id, "minimum") > entry.maximum:
            raise refusal(entry.id, f"has the minimum {entry.minimum} above its maximum {entry.maximum}")


def _check_budgets(budgets: Sequence[BudgetLimit]) -> None:
    for entry in budgets:
        if _whole(entry.maximum, entry.id, "maximum") > AMOUNT_TOP:
            raise refusal(entry.id, f"has a maximum above {AMOUNT_TOP}")


def _floors(floors: Iterable[Floor], needs: Iterable[NeedEntry]) -> tuple[Floor, ...]:
    found = sorted(floors, key=lambda floor: (floor.group, floor.minimum))
    known = {group for entry in needs for group in entry.groups}
    for index, floor in enumerate(found):
        _whole(floor.minimum, floor.group, "minimum")
        if floor.group not in known and floor.minimum:
            raise refusal(floor.group, "has a floor, but no need belongs to this group")
        if index and found[index - 1].group == floor.group:
            raise refusal(floor.group, "has two floors")
    return tuple(floor for floor in found if floor.minimum)


def _sorted_pairs(columns: PairColumns, needs: Ints, capacities: Ints, budgets: Ints) -> PairArrays:
    count = len(columns.candidate)
    need = needs[columns.need] if count else np.zeros(0, dtype=np.int64)
    ranks = {name: rank for rank, name in enumerate(sorted(set(columns.candidate)))}
    rank = np.fromiter((ranks[name] for name in columns.candidate), np.int64, count)
    names = list(ranks)
    order = np.lexsort((rank, need))
    need, rank = need[order], rank[order]
    twice = np.flatnonzero((need[1:] == need[:-1]) & (rank[1:] == rank[:-1]))
    if len(twice):
        raise refusal(names[rank[twice[0]]], "is there twice as a candidate of one need")
    place = np.empty(count, dtype=np.int64)
    place[order] = np.arange(count)
    use_start, use_capacity, use_amount = _rows(
        place, columns.use_pair, capacities, columns.use_capacity, columns.use_amount
    )
    cost_start, cost_budget, cost_amount = _rows(
        place, columns.cost_pair, budgets, columns.cost_budget, columns.cost_amount
    )
    return PairArrays(
        need=need,
        score=columns.score[order],
        previous=columns.previous[order],
        tie=columns.tie[order],
        need_start=np.searchsorted(need, np.arange(len(needs) + 1)),
        use_start=use_start,
        use_capacity=use_capacity,
        use_amount=use_amount,
        cost_start=cost_start,
        cost_budget=cost_budget,
        cost_amount=cost_amount,
        candidate=tuple(names[number] for number in rank),
    )


def _rows(place: Ints, pair: Ints, ranks: Ints, thing: Ints, amount: Ints) -> tuple[Ints, Ints, Ints]:
    """Sort (pair, thing, amount) rows into start, thing, amount; nothing of a thing is no row."""
    if (amount < 0).any():
        raise refusal("pairs", "use or cost less than nothing")
    some = amount > 0
    pair, thing, amount = place[pair[some]], ranks[thing[some]], amount[some]
    order = np.lexsort((thing, pair))
    start = np.searchsorted(pair[order], np.arange(len(place) + 1))
    return start, thing[order], amount[order]


def _check_pairs(instance: Instance) -> None:
    pairs = instance.pairs
    if len(pairs) == 0:
        return
    _refuse_first(instance, (pairs.score < 0) | (pairs.score > SCORE_TOP), f"has a score outside 0..{SCORE_TOP}")
    _refuse_first(instance, (pairs.tie < 0) | (pairs.tie >= 1 << TIE_BITS), f"has a tie beyond {TIE_BITS} bits")
    numbers = np.arange(len(pairs))
    for what, pair, thing, amount in (
        ("use", pairs.use_pair(), pairs.use_capacity, pairs.use_amount),
        ("cost", pairs.cost_pair(), pairs.cost_budget, pairs.cost_amount),
    ):
        _refuse_first(instance, np.isin(numbers, pair[amount > AMOUNT_TOP]), f"has too large a {what}")
        twice = (pair[1:] == pair[:-1]) & (thing[1:] == thing[:-1])
        _refuse_first(instance, np.isin(numbers, pair[1:][twice]), f"names a {what} twice")


def _refuse_first(instance: Instance, wrong: Flags, detail: str) -> None:
    if wrong.any():
        raise refusal(" / ".join(instance.pair_name(int(np.argmax(wrong)))), detail)
