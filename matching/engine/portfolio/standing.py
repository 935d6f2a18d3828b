"""How a plan stands: what it uses and has left, which pairs are possible, and what stands in the way of one."""

from collections.abc import Iterable
from functools import cached_property
from itertools import pairwise

import numpy as np

from matching.engine.portfolio.instance import Flags, Instance, Ints, Link
from matching.engine.portfolio.results import OPTIMAL, Settings, Solution

NOBODY = -1


class Entries:
    """What pairs use or cost, as lists: one pair after the other is read from them faster than from arrays."""

    def __init__(self, start: Ints, thing: Ints, amount: Ints) -> None:
        self._start, self._thing, self._amount = start.tolist(), thing.tolist(), amount.tolist()

    def of(self, pair: int) -> list[tuple[int, int]]:
        """Return the things of a pair, each with its amount."""
        span = slice(self._start[pair], self._start[pair + 1])
        return list(zip(self._thing[span], self._amount[span], strict=True))


class Standing:
    """A plan laid over its instance. Pair, need, capacity and budget are numbers of the instance everywhere."""

    def __init__(self, instance: Instance, solution: Solution, settings: Settings) -> None:
        self.instance, self.solution, self.settings = instance, solution, settings
        self.proven = solution.status == OPTIMAL
        self.chosen = np.array(solution.chosen, dtype=np.int64)
        self.pair_of = np.full(len(instance.needs), NOBODY, dtype=np.int64)
        self.pair_of[instance.pairs.need[self.chosen]] = self.chosen
        self.used = np.zeros(len(instance.capacities), dtype=np.int64)
        self.spent = np.zeros(len(instance.budgets), dtype=np.int64)
        for pair in solution.chosen:
            for capacity, amount in self.uses(pair):
                self.used[capacity] += amount
            for budget, cents in self.costs(pair):
                self.spent[budget] += cents

    @property
    def least_score(self) -> int:
        """Return the score below which no pair may be chosen if the worst-served need is not to be worse off."""
        worst = self.solution.worst_score
        return worst if self.settings.worst_served and worst is not None else 0

    @cached_property
    def maximum(self) -> Ints:
        """Return the maxima of the capacities. [capacities]"""
        return np.array([entry.maximum for entry in self.instance.capacities], dtype=np.int64)

    @cached_property
    def minimum(self) -> Ints:
        """Return the minima of the capacities. [capacities]"""
        return np.array([entry.minimum for entry in self.instance.capacities], dtype=np.int64)

    @cached_property
    def limit(self) -> Ints:
        """Return the limits of the budgets in cents. [budgets]"""
        return np.array([entry.maximum for entry in self.instance.budgets], dtype=np.int64)

    @cached_property
    def locked_need(self) -> Flags:
        """Tell of each need whether a lock decides it. [needs]"""
        flags = np.zeros(len(self.instance.needs), dtype=np.bool_)
        flags[self.instance.pairs.need[sorted(self.instance.locked)]] = True
        return flags

    @cached_property
    def possible(self) -> Flags:
        """Tell of each pair whether neither a ban nor another lock of its need rules it out. [pairs]"""
        flags = ~self.locked_need[self.instance.pairs.need]
        flags[sorted(self.instance.locked)] = True
        flags[sorted(self.instance.banned)] = False
        return flags

    def pairs_of(self, need: int) -> range:
        """Return the pairs of a need."""
        start = self.instance.pairs.need_start
        return range(int(start[need]), int(start[need + 1]))

    def eligible(self, need: int) -> list[int]:
        """Return the pairs of a need that are not banned, best score first, then by candidate."""
        return self._ranked[need]

    @cached_property
    def _ranked(self) -> list[list[int]]:
        pairs, banned = self.instance.pairs, self.instance.banned
        order = np.lexsort((-pairs.score, pairs.need)).tolist()
        return [
            [pair for pair in order[start:end] if pair not in banned]
            for start, end in pairwise(pairs.need_start.tolist())
        ]

    def uses(self, pair: int) -> list[tuple[int, int]]:
        """Return the capacities that a pair uses, each with its amount."""
        return self._uses.of(pair)

    @cached_property
    def _uses(self) -> "Entries":
        pairs = self.instance.pairs
        return Entries(pairs.use_start, pairs.use_capacity, pairs.use_amount)

    def costs(self, pair: int) -> list[tuple[int, int]]:
        """Return the budgets that a pair draws on, each with its cents."""
        return self._costs.of(pair)

    @cached_property
    def _costs(self) -> "Entries":
        pairs = self.instance.pairs
        return Entries(pairs.cost_start, pairs.cost_budget, pairs.cost_amount)

    def current(self, need: int) -> int | None:
        """Return the pair that serves a need, or None."""
        pair = int(self.pair_of[need])
        return None if pair == NOBODY else pair

    def full(self, pair: int) -> list[int]:
        """Return the capacities that have no room for the pair, everything else staying as it is."""
        now = self.current(int(self.instance.pairs.need[pair]))
        back = dict(self.uses(now)) if now is not None else {}
        return [c for c, amount in self.uses(pair) if self.used[c] - back.get(c, 0) + amount > self.maximum[c]]

    def overspent(self, pair: int) -> list[int]:
        """Return the budgets that cannot pay for the pair, everything else staying as it is."""
        now = self.current(int(self.instance.pairs.need[pair]))
        back = dict(self.costs(now)) if now is not None else {}
        return [b for b, cents in self.costs(pair) if self.spent[b] - back.get(b, 0) + cents > self.limit[b]]

    def fits(self, pair: int, *, raised: int | None = None) -> bool:
        """Tell whether the pair could take the place of what its need has now, everything else staying as it is.

        `raised`: a capacity or nothing whose maximum does not count.
        """
        if not self.possible[pair] or set(self.full(pair)) - {raised} or self.overspent(pair):
            return False
        return self.keeps_minima(pair) and self.keeps_links(pair)

    def keeps_links(self, pair: int) -> bool:
        """Tell whether the pair has one of those that it leans on, and giving up what its need has leaves nobody alone."""
        if not self._leans and not self._leant_on:
            return True
        now, chosen = self.current(int(self.instance.pairs.need[pair])), self._chosen
        concerned = [*self._leans.get(pair, ())]
        if now is not None:
            concerned += [link for link in self._leant_on.get(now, ()) if link.pair in chosen and link.pair != now]
        return all(any(one == pair or (one in chosen and one != now) for one in link.one_of) for link in concerned)

    def leans_on(self, pair: int) -> list[int]:
        """Return the pairs of which one must be chosen with a pair."""
        return sorted({one for link in self._leans.get(pair, ()) for one in link.one_of})

    @cached_property
    def _chosen(self) -> frozenset[int]:
        return frozenset(self.solution.chosen)

    @cached_property
    def _leans(self) -> dict[int, list[Link]]:
        found: dict[int, list[Link]] = {}
        for link in self.instance.links:
            found.setdefault(link.pair, []).append(link)
        return found

    @cached_property
    def _leant_on(self) -> dict[int, list[Link]]:
        found: dict[int, list[Link]] = {}
        for link in self.instance.links:
            for one in link.one_of:
                found.setdefault(one, []).append(link)
        return found

    def keeps_minima(self, pair: int) -> bool:
        """Tell whether giving up what the need has now leaves the minima of the capacities used."""
        now = self.current(int(self.instance.pairs.need[pair]))
        stays = dict(self.uses(pair))
        gone = [] if now is None else self.uses(now)
        return all(self.used[c] - amount + stays.get(c, 0) >= self.minimum[c] for c, amount in gone)

    def shortfall(self, pair: int, capacity: int) -> int:
        """Return how many units of a capacity the pair lacks, everything else staying as it is; 0 or less: none."""
        now = self.current(int(self.instance.pairs.need[pair]))
        back = dict(self.uses(now)) if now is not None else {}
        asked = dict(self.uses(pair)).get(capacity, 0)
        return int(self.used[capacity] - back.get(capacity, 0) + asked - self.maximum[capacity])

    def missing_cents(self, pair: int, budget: int) -> int:
        """Return how many cents of a budget the pair lacks, everything else staying as it is; 0 or less: none."""
        now = self.current(int(self.instance.pairs.need[pair]))
        back = dict(self.costs(now)) if now is not None else {}
        asked = dict(self.costs(pair)).get(budget, 0)
        return int(self.spent[budget] - back.get(budget, 0) + asked - self.limit[budget])

    def attractive(self, pair: int) -> bool:
        """Tell whether the pair's need has nothing, or something of a lower score."""
        now = self.current(int(self.instance.pairs.need[pair]))
        return now is None or bool(self.instance.pairs.score[pair] > self.instance.pairs.score[now])

    def holders(self, capacities: Iterable[int], *, besides: int) -> list[int]:
        """Return the needs whose chosen pairs use one of the capacities, one need left out."""
        wanted = set(capacities)
        needs = {
            int(self.instance.pairs.need[pair])
            for capacity in sorted(wanted)
            for pair in self.chosen_by_capacity.get(capacity, ())
        }
        return sorted(needs - {besides})

    @cached_property
    def chosen_by_capacity(self) -> dict[int, list[int]]:
        """Return for each capacity in use the chosen pairs that use it."""
        found: dict[int, list[int]] = {}
        for pair in self.solution.chosen:
            for capacity, _ in self.uses(pair):
                found.setdefault(capacity, []).append(pair)
        return found

    @cached_property
    def users(self) -> dict[int, list[int]]:
        """Return for each capacity the pairs that use it."""
        found: dict[int, list[int]] = {}
        pairs = self.instance.pairs
        for pair, capacity in zip(pairs.use_pair().tolist(), pairs.use_capacity.tolist(), strict=True):
            found.setdefault(capacity, []).append(pair)
        return found

    def payees(self, budgets: Iterable[int], *, besides: int) -> list[int]:
        """Return the needs whose chosen pairs draw on one of the budgets, one need left out."""
        wanted = set(budgets)
        needs = {
            int(self.instance.pairs.need[pair])
            for pair in self.solution.chosen
            if any(budget in wanted for budget, _ in self.costs(pair))
        }
        return sorted(needs - {besides})

    def need_ids(self, needs: Iterable[int]) -> tuple[str, ...]:
        """Return the ids of needs."""
        return tuple(self.instance.needs[need].id for need in needs)

    def supplies(self, capacities: Iterable[int]) -> list[int]:
        """Return those capacities that are supplies and no rules, rising."""
        return sorted(capacity for capacity in capacities if not self.instance.capacities[capacity].rule)

    def capacity_ids(self, capacities: Iterable[int]) -> tuple[str, ...]:
        """Return the ids of capacities."""
        return tuple(self.instance.capacities[capacity].id for capacity in capacities)
