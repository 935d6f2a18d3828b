"""Small portfolios at random: networks, nested capacities, unequal use, budgets, floors, minima, locks and bans."""

from dataclasses import replace

from hypothesis import strategies as st

from matching.engine.portfolio import BudgetLimit, Capacity, Floor, Instance, NeedEntry, Pair, build_instance
from tests.matching.engine.portfolio.oracle import Problem

GROUPS = ("agency:IOM", "agency:UNHCR", "ldc")
SCORES = st.integers(0, 12).map(lambda tens: tens * 80_000) | st.integers(0, 10**6)


@st.composite
def problems(
    draw: st.DrawFn,
    *,
    unequal: bool = False,
    nested: bool = False,
    budgets: int = 0,
    wishes: bool = False,
    links: bool = False,
    most_needs: int = 7,
) -> Problem:
    """Draw a problem; with `wishes` also floors, minima, locks and bans, which may contradict one another."""
    needs = [
        NeedEntry(f"need-{place}", draw(st.integers(1, 3)), draw(st.frozensets(st.sampled_from(GROUPS), max_size=2)))
        for place in range(draw(st.integers(1, most_needs)))
    ]
    sessions = [f"session-{place}" for place in range(draw(st.integers(1, 4)))]
    capacities = [Capacity(name, draw(st.integers(0, 8 if unequal else 2))) for name in sessions]
    if nested:
        capacities += [Capacity("load-even", draw(st.integers(0, 3))), Capacity("load-odd", draw(st.integers(0, 3)))]
    limits = [BudgetLimit(f"funder-{place}", draw(st.integers(0, 1500))) for place in range(budgets)]
    pairs = [
        draw(pair_of(need.id, name, unequal=unequal, nested=nested, budgets=limits))
        for need in needs
        for name in [*sessions, "on-request"]
        if draw(st.integers(0, 3))
    ]
    problem = Problem(needs, capacities, pairs, limits)
    if links:
        problem = replace(problem, links=draw(links_of(problem)))
    return draw(with_wishes(problem)) if wishes else problem


@st.composite
def links_of(draw: st.DrawFn, problem: Problem) -> list[tuple[tuple[str, str], list[tuple[str, str]]]]:
    """Draw pairs that lean on others, some of them on each other as lines of one delivery do, some on nothing."""
    names = [(pair.need, pair.candidate) for pair in problem.pairs]
    if not names:
        return []
    some = st.lists(st.sampled_from(names), max_size=3, unique=True)
    found = [
        (name, [other for other in draw(some) if other != name])
        for name in draw(st.lists(st.sampled_from(names), max_size=4, unique=True))
    ]
    both = draw(st.lists(st.sampled_from(names), min_size=2, max_size=3, unique=True)) if len(names) > 1 else []
    together = [(name, [other]) for name in both for other in both if other != name]
    return [*found, *together]


@st.composite
def pair_of(draw: st.DrawFn, need: str, name: str, *, unequal: bool, nested: bool, budgets: list[BudgetLimit]) -> Pair:
    uses: tuple[tuple[str, int], ...] = ()
    if name != "on-request":
        uses = ((name, draw(st.integers(1, 5)) if unequal else 1),)
        if nested:
            uses = (*uses, ("load-even" if int(name[-1]) % 2 == 0 else "load-odd", 1))
    costs = tuple((budget.id, draw(st.integers(0, 700))) for budget in budgets)
    return Pair(need, name, draw(SCORES), uses, costs, draw(st.booleans()), draw(st.integers(0, (1 << 60) - 1)))


@st.composite
def with_wishes(draw: st.DrawFn, problem: Problem) -> Problem:
    names = [(pair.need, pair.candidate) for pair in problem.pairs]
    present = sorted({group for entry in problem.needs for group in entry.groups})
    some = st.lists(st.sampled_from(names), max_size=2, unique=True) if names else st.just([])
    locks = draw(some)
    return replace(
        problem,
        capacities=[
            replace(entry, minimum=draw(st.integers(0, min(1, entry.maximum)))) for entry in problem.capacities
        ],
        floors=[Floor(group, draw(st.integers(0, 2))) for group in present],
        locks=locks,
        bans=[pair for pair in draw(some) if pair not in locks],
    )


def built(problem: Problem) -> Instance:
    """Build the instance of a problem."""
    return build_instance(
        problem.needs,
        problem.capacities,
        problem.pairs,
        budgets=problem.budgets,
        floors=problem.floors,
        locks=problem.locks,
        bans=problem.bans,
        links=problem.links,
    )
