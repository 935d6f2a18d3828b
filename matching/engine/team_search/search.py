"""The search itself: branch and bound on the rarest cell that is still open.

A partner is chosen for the rarest open cell, together with all the cells it serves; the rest is left to one partner
fewer. What cannot beat the best team found, nor fit the budget at the least cost, is cut. Where the budget binds, a
price on each unit of cost (Lagrange relaxation; Geoffrion 1974) makes the bounds tight again.
"""

from dataclasses import dataclass, field

from matching.engine.team_search.bounds import NEVER, POSSIBLE, Bounds, bounds_for
from matching.engine.team_search.field import Field
from matching.engine.team_search.packages import Package, packages

TRIAL_NODES = 1000  # before a price is put on the budget
PRICE_TOP = 2**55  # a price times the budget stays below this


@dataclass(frozen=True, slots=True)
class Found:
    """A team: worth in steps of SCALE less the ties, cost, and the package of each partner (by its number)."""

    worth: int = 0
    cost: int = 0
    packages: tuple[tuple[int, Package], ...] = ()

    def bars(self, field: Field, partner: int) -> bool:
        """Tell whether a partner is in the team, or must not meet one who is."""
        foes = field.foes.get(partner, frozenset())
        return any(member == partner or member in foes for member, _ in self.packages)

    def with_package(self, partner: int, package: Package) -> "Found":
        """Return the team with one more partner."""
        return Found(self.worth + package.worth, self.cost + package.cost, (*self.packages, (partner, package)))


@dataclass(slots=True)
class Search:
    """One search: the nodes it may spend and the best team found. `first`: any team is good enough."""

    ground: Field
    nodes: int
    first: bool = False
    spent: int = 0
    best: Found | None = None
    price: int = 0
    bounds: Bounds = field(init=False)
    costs: Bounds | None = field(init=False)
    unpriced: Bounds = field(init=False)
    lists: dict[int, list[tuple[int, int]]] = field(default_factory=dict)
    ways: dict[tuple[int, int], list[Package]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.bounds = self.unpriced = bounds_for(self.ground.worth(0))
        self.costs = None if self.ground.instance.budget is None else bounds_for(self.ground.thrift())

    @property
    def exhausted(self) -> bool:
        """Tell whether the search ran out of nodes before its end."""
        return self.spent >= self.nodes or self.unpriced.cut or self.bounds.cut

    @property
    def over(self) -> bool:
        """Tell whether nothing more is to be looked for."""
        return self.exhausted or (self.first and self.best is not None)

    @property
    def budget(self) -> int:
        """Return the budget, 0 where there is none."""
        return self.ground.instance.budget or 0

    def bound(self, partners: int, cells: int) -> int:
        """Return the most a team of exactly so many partners is worth that serves exactly these cells."""
        reach = self.bounds.reach(partners, cells)
        return reach + self.price * self.budget if reach > POSSIBLE else NEVER

    def look(self, partners: int, targets: list[int]) -> None:
        """Search the teams of exactly so many partners that serve exactly one of the target sets; keep the best."""
        hopeful = [cells for cells in targets if self._affordable(partners, cells, 0)]
        if self.costs is None or not hopeful:
            self._pass(partners, hopeful)
            return
        nodes = self.nodes
        self.nodes = min(nodes, self.spent + TRIAL_NODES)
        self._pass(partners, hopeful)
        unfinished, self.nodes = self.exhausted, nodes
        if unfinished and not self.over:
            self._set_price(self._best_price(partners, hopeful))
            self._pass(partners, hopeful)

    def reset_price(self) -> None:
        """Forget the price of the budget: another number of partners has another one."""
        if self.price:
            self._set_price(0)

    def _pass(self, partners: int, targets: list[int]) -> None:
        ordered = sorted((-self.bound(partners, cells), cells) for cells in targets)
        for bound, cells in ordered:
            if -bound <= max(self._floor(Found()) + self.price * self.budget, POSSIBLE) or self.over:
                return
            self._descend(partners, cells, Found())

    def _floor(self, team: Found) -> int:
        """Return what the rest must be worth more than, after the price, for the team to become the best."""
        best = NEVER if self.best is None else self.best.worth
        return best - team.worth + self.price * (team.cost - self.budget)

    def _affordable(self, partners: int, cells: int, cost: int) -> bool:
        """Tell whether the budget allows for the least cost of the rest."""
        if self.costs is None:
            return True
        if not partners:
            return cost <= self.budget
        least = self.costs.reach(partners, cells)
        return least > POSSIBLE and cost - least <= self.budget

    def _descend(self, partners: int, cells: int, team: Found) -> None:
        """Split the open cells between the partner of the rarest one and the rest, the most promising way first."""
        for total, part, tail in self.bounds.splits(partners, cells, self._floor(team)):
            if total <= self._floor(team) or self.over:
                return
            if self._affordable(partners - 1, cells ^ part, team.cost):
                self._choose(partners - 1, (cells ^ part, part, tail), team)

    def _choose(self, left: int, split: tuple[int, int, int], team: Found) -> None:
        """Try the partners that can serve the part, the best first, each with its packages."""
        rest, part, tail = split
        for worth, place in self._list(part):
            if worth + tail <= self._floor(team) or self.over:
                return
            partner = self.ground.partner[place]
            if team.bars(self.ground, partner):
                continue
            for package in self._packages(place, part):
                self.spent += 1
                trial = team.with_package(partner, package)
                if self._affordable(left, rest, trial.cost):
                    self._go_on(left, rest, trial)

    def _go_on(self, left: int, rest: int, trial: Found) -> None:
        if left:
            self._descend(left, rest, trial)
        elif self.best is None or trial.worth > self.best.worth:
            self.best = trial

    def _list(self, part: int) -> list[tuple[int, int]]:
        """Return the partners that can serve the part, with what they are worth there after the price, best first."""
        if part not in self.lists:
            rows, worth = self.ground.worth(self.price).of(part)
            order = (-worth).argsort(kind="stable")
            self.lists[part] = list(zip(worth[order].tolist(), rows[order].tolist(), strict=True))
        return self.lists[part]

    def _packages(self, place: int, part: int) -> list[Package]:
        key = (place, part)
        if key not in self.ways:
            self.ways[key] = packages(self.ground, place, part)
        return self.ways[key]

    def _set_price(self, price: int) -> None:
        self.price = price
        self.bounds = bounds_for(self.ground.worth(price)) if price else self.unpriced
        self.lists.clear()

    def _best_price(self, partners: int, targets: list[int]) -> int:
        """Return a price at which the bound is low: the bound is convex in it, so first the power of two, then around it."""

        def bound(price: int) -> int:
            self._set_price(price)
            return max(self.bound(partners, cells) for cells in targets)

        top = (PRICE_TOP // (self.budget + 1)).bit_length() - 1
        low, high = 0, max(0, top)
        while high - low > 1:
            middle = (low + high) // 2
            if bound(1 << middle) <= bound(1 << (middle + 1)):
                high = middle
            else:
                low = middle + 1
        around = [0, *((1 << max(low, 0)) * step // 4 for step in range(1, 9))]
        return min(around, key=lambda price: (bound(price), price))
