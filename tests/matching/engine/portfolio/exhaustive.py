"""A solver that looks at every plan there is, written from the definition alone, and small instances to try it on."""

from collections.abc import Iterator
from itertools import product

from hypothesis import strategies as st

from matching.engine.portfolio.building import build_instance
from matching.engine.portfolio.instance import BudgetLimit, Capacity, Floor, Instance, NeedEntry, Pair
from matching.engine.portfolio.results import INFEASIBLE, OPTIMAL, Settings, Solution


def plans(instance: Instance) -> Iterator[tuple[int, ...]]:
    """Return every plan that keeps all hard constraints."""
    start = instance.pairs.need_start.tolist()
    options = []
    for need in range(len(instance.needs)):
        pairs = [pair for pair in range(start[need], start[need + 1]) if pair not in instance.banned]
        options.append([None, *pairs])
    for choice in product(*options):
        chosen = tuple(pair for pair in choice if pair is not None)
        if instance.locked <= set(chosen) and keeps_limits(instance, chosen):
            yield chosen


def keeps_limits(instance: Instance, chosen: tuple[int, ...]) -> bool:
    """Add up uses, costs and groups anew."""
    pairs = instance.pairs
    used = [0] * len(instance.capacities)
    spent = [0] * len(instance.budgets)
    for pair in chosen:
        for row in range(pairs.use_start[pair], pairs.use_start[pair + 1]):
            used[pairs.use_capacity[row]] += int(pairs.use_amount[row])
        for row in range(pairs.cost_start[pair], pairs.cost_start[pair + 1]):
            spent[pairs.cost_budget[row]] += int(pairs.cost_amount[row])
    groups = [instance.needs[int(pairs.need[pair])].groups for pair in chosen]
    return (
        all(entry.minimum <= amount <= entry.maximum for entry, amount in zip(instance.capacities, used, strict=True))
        and all(cents <= entry.maximum for entry, cents in zip(instance.budgets, spent, strict=True))
        and all(sum(floor.group in names for names in groups) >= floor.minimum for floor in instance.floors)
        and all(link.pair not in chosen or set(link.one_of) & set(chosen) for link in instance.links)
    )


def figures(instance: Instance, chosen: tuple[int, ...]) -> Solution:
    """Return a plan with its figures."""
    pairs = instance.pairs
    served: dict[int, int] = {entry.priority_class: 0 for entry in instance.needs}
    for pair in chosen:
        served[instance.needs[int(pairs.need[pair])].priority_class] += 1
    scores = [int(pairs.score[pair]) for pair in chosen]
    kept = sum(bool(pairs.previous[pair]) for pair in chosen)
    return Solution(chosen, served, min(scores, default=None), sum(scores), kept, OPTIMAL)


def worth(instance: Instance, settings: Settings, chosen: tuple[int, ...]) -> tuple[object, ...]:
    """Return the objectives of a plan in their order."""
    plan = figures(instance, chosen)
    return (
        [plan.served_by_class[name] for name in sorted(plan.served_by_class)],
        (plan.worst_score or 0) if settings.worst_served else 0,
        plan.total_score,
        plan.kept if settings.stability else 0,
        -sum(int(instance.pairs.tie[pair]) for pair in chosen) if settings.unique else 0,
        chosen,
    )


def best(instance: Instance, settings: Settings) -> Solution:
    """Return the best of all plans, or that there is none."""
    found = max(plans(instance), key=lambda chosen: worth(instance, settings, chosen), default=None)
    if found is None:
        return Solution((), {entry.priority_class: 0 for entry in instance.needs}, None, 0, 0, INFEASIBLE)
    return figures(instance, found)


settings_drawn = st.builds(Settings, worst_served=st.booleans(), stability=st.booleans())


@st.composite
def flows(draw: st.DrawFn, *, wishes: bool = True) -> Instance:
    """Draw needs that each take one place in a session, inside the load of its provider."""
    providers = [Capacity(f"load{n}", draw(st.integers(0, 3))) for n in range(draw(st.integers(1, 2)))]
    sessions = []
    for number in range(draw(st.integers(1, 4))):
        maximum = draw(st.integers(0, 2))
        minimum = draw(st.sampled_from([0, 0, 0, 1])) if wishes else 0
        sessions.append(Capacity(f"session{number}", maximum, min(minimum, maximum)))
    home = {session.id: draw(st.sampled_from([*(p.id for p in providers), None])) for session in sessions}
    unit = {entry.id: draw(st.sampled_from([1, 1, 2])) for entry in sessions}
    needs, pairs = [], []
    for number in range(draw(st.integers(1, 5))):
        need = NeedEntry(f"n{number}", draw(st.integers(1, 3)))
        needs.append(need)
        for session in draw(st.lists(st.sampled_from(sessions), unique_by=lambda entry: entry.id, max_size=3)):
            outer = home[session.id]
            uses = ((session.id, unit[session.id]), *(((outer, 1),) if outer else ()))
            pairs.append(_pair(draw, need.id, f"offer-{session.id}", uses))
        if draw(st.integers(0, 5)) == 0:
            pairs.append(_pair(draw, need.id, "open-access", ()))
    locks, bans = _wishes(draw, pairs if wishes else [])
    return build_instance(needs, [*providers, *sessions], pairs, locks=locks, bans=bans)


@st.composite
def mixed(draw: st.DrawFn) -> Instance:
    """Draw needs of unequal size, with budgets, floors, minima and pairs that lean on others."""
    capacities = []
    for number in range(draw(st.integers(1, 3))):
        maximum = draw(st.integers(0, 6))
        capacities.append(Capacity(f"c{number}", maximum, draw(st.sampled_from([0, 0, 0, min(2, maximum)]))))
    budgets = [BudgetLimit("total", draw(st.integers(0, 900)))] if draw(st.booleans()) else []
    needs, pairs = [], []
    for number in range(draw(st.integers(1, 5))):
        groups = draw(st.frozensets(st.sampled_from(["agency:A", "agency:B", "ldc"])))
        need = NeedEntry(f"n{number}", draw(st.integers(1, 3)), groups)
        needs.append(need)
        for place in draw(st.lists(st.integers(0, 3), unique=True, max_size=3)):
            used = draw(st.lists(st.sampled_from(capacities), unique_by=lambda entry: entry.id, max_size=2))
            uses = tuple((entry.id, draw(st.integers(1, 4))) for entry in used)
            costs = tuple((budget.id, draw(st.integers(0, 500))) for budget in budgets)
            pairs.append(_pair(draw, need.id, f"offer{place}", uses, costs))
    known = sorted({group for need in needs for group in need.groups})
    floors = [Floor(draw(st.sampled_from(known)), 1)] if known and draw(st.integers(0, 3)) == 0 else []
    locks, bans = _wishes(draw, pairs)
    links = _links(draw, pairs)
    return build_instance(needs, capacities, pairs, budgets=budgets, floors=floors, locks=locks, bans=bans, links=links)


def _pair(
    draw: st.DrawFn,
    need: str,
    candidate: str,
    uses: tuple[tuple[str, int], ...],
    costs: tuple[tuple[str, int], ...] = (),
) -> Pair:
    # Few different scores, so that ties and worst-served needs matter.
    score = draw(st.sampled_from([0, 1, 2, 3, 500, 501, 999_999, 1_000_000]))
    return Pair(need, candidate, score, uses, costs, draw(st.integers(0, 4)) == 0, draw(st.integers(0, 1 << 20)))


Names = list[tuple[str, str]]


def _links(draw: st.DrawFn, pairs: list[Pair]) -> list[tuple[tuple[str, str], Names]]:
    names = [(pair.need, pair.candidate) for pair in pairs]
    if len(names) < 2 or draw(st.booleans()):
        return []
    one, other, *rest = draw(st.lists(st.sampled_from(names), min_size=2, max_size=4, unique=True))
    return [(one, [other, *rest]), *([(other, [one])] if draw(st.booleans()) else [])]


def _wishes(draw: st.DrawFn, pairs: list[Pair]) -> tuple[Names, Names]:
    names = [(pair.need, pair.candidate) for pair in pairs]
    locks = [draw(st.sampled_from(names))] if names and draw(st.integers(0, 5)) == 0 else []
    bans = [draw(st.sampled_from(names))] if names and draw(st.integers(0, 4)) == 0 else []
    return locks, [name for name in bans if name not in locks]
