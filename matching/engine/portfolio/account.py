"""The account of a plan: every need, fairness, prices and the difference from greedy put together."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from matching.engine.portfolio.against_greedy import against_greedy
from matching.engine.portfolio.alternates import PartView, alternates_of_part
from matching.engine.portfolio.fairness import fairness, regret
from matching.engine.portfolio.instance import CEILING_RULE, Instance
from matching.engine.portfolio.parts import split
from matching.engine.portfolio.prices import budget_prices, capacity_prices
from matching.engine.portfolio.report import Alternate, NeedServed, NeedUnmet, PlanReport
from matching.engine.portfolio.resolving import Resolver, impossible
from matching.engine.portfolio.results import INFEASIBLE, WORST_SCORE, Conflict, Progress, Settings, Solution
from matching.engine.portfolio.shortage import Shortages
from matching.engine.portfolio.standing import Standing
from matching.engine.portfolio.why import conflict_sentences
from matching.engine.portfolio.wording import NAMED, gap_sentence
from matching.engine.sentences import Param, Sentence

EXPLAINED = ("fairness", "prices", "alternates", "unmet", "greedy")


@dataclass(frozen=True, slots=True)
class Wishes:
    """How much is asked for. `providers`: candidate -> provider; `currency`: of the budgets' cents."""

    alternates: int = 3
    providers: Mapping[str, str] = field(default_factory=dict)
    currency: str = "USD"


def account(
    instance: Instance,
    solution: Solution,
    settings: Settings,
    *,
    greedy: Solution | None,
    resolver: Resolver,
    wishes: Wishes,
    progress: Progress | None = None,
) -> PlanReport:
    """Return everything that is said of a plan; `resolver` solves changed instances, `greedy` is the greedy plan."""
    standing = Standing(instance, solution, settings)
    if impossible(solution):
        return _nothing(standing, resolver, wishes)
    told = progress or _silent
    told(EXPLAINED[0], 0)
    shares = fairness(standing, providers=wishes.providers, resolver=resolver)
    told(EXPLAINED[1], 1)
    views = tuple(PartView(standing, part) for part in split(standing))
    # A quarter of what is left goes to the budgets, then half to the capacities, the rest to the alternates.
    portion = resolver.portion((resolver.limit - resolver.count) // 4)
    budgets = budget_prices(views, resolver=portion, currency=wishes.currency)
    resolver.charge(portion)
    portion = resolver.portion((resolver.limit - resolver.count) // 2)
    capacities = capacity_prices(views, resolver=portion)
    resolver.charge(portion)
    told(EXPLAINED[2], 2)
    others: dict[int, tuple[Alternate, ...]] = {}
    for view in views:
        others |= alternates_of_part(view, count=wishes.alternates, resolver=resolver)
    served = tuple(_served(standing, need, others.get(need, ())) for need in _in_order(standing, served=True))
    told(EXPLAINED[3], 3)
    unmet = _unmet(standing, views, wishes.currency)
    told(EXPLAINED[4], 4)
    return PlanReport(
        served=served,
        unmet=unmet,
        fairness=shares,
        capacity_prices=capacities,
        budget_prices=budgets,
        greedy=None if greedy is None else against_greedy(standing, greedy),
        resolves=resolver.count,
        refused=resolver.refused,
        sentences=(*_summary(standing), *_limits(resolver)),
    )


def _silent(stage: str, done: int) -> None:
    """Tell nobody."""


def _in_order(standing: Standing, *, served: bool) -> list[int]:
    """Return the served or the unserved needs, the first class first, then by id."""
    needs = standing.instance.needs
    found = [need for need in range(len(needs)) if (standing.current(need) is not None) == served]
    return sorted(found, key=lambda need: (needs[need].priority_class, need))


def _served(standing: Standing, need: int, alternates: tuple[Alternate, ...]) -> NeedServed:
    pairs, entry, now = standing.instance.pairs, standing.instance.needs[need], int(standing.pair_of[need])
    eligible = standing.eligible(need)
    return NeedServed(
        need=entry.id,
        priority_class=entry.priority_class,
        candidate=pairs.candidate[now],
        score=int(pairs.score[now]),
        best_candidate=pairs.candidate[eligible[0]],
        best_score=int(pairs.score[eligible[0]]),
        regret=regret(standing, need),
        eligible=len(eligible),
        alternates=alternates,
        sentences=_reasons(standing, need, now, eligible),
    )


def _reasons(standing: Standing, need: int, now: int, eligible: list[int]) -> tuple[Sentence, ...]:
    """Say why this candidate, and where the best one went if it is another."""
    pairs = standing.instance.pairs
    chosen, best = pairs.candidate[now], pairs.candidate[eligible[0]]
    lost = regret(standing, need)
    if now in standing.instance.locked:
        return (Sentence("choice.locked", {"candidate": chosen}),)
    if not lost:
        figures: dict[str, Param] = {"candidate": chosen, "eligible": len(eligible), "points": int(pairs.score[now])}
        return (Sentence("choice.best", figures),)
    return (
        Sentence("choice.regret", {"candidate": chosen, "points": lost, "best": best}),
        _hindrance(standing, need, eligible[0]),
    )


def _hindrance(standing: Standing, need: int, best: int) -> Sentence:
    """Say what keeps the best candidate from being chosen."""
    full, overspent = standing.full(best), standing.overspent(best)
    name, supplies = standing.instance.pairs.candidate[best], standing.supplies(full)
    if full and not supplies:
        return _against_rule(standing, need, name, full)
    full = supplies
    holders = standing.need_ids(standing.holders(full, besides=need)[:NAMED])
    if full and holders:
        names = standing.capacity_ids(full)
        return Sentence("choice.best_full", {"best": name, "capacities": names, "needs": holders})
    if full:
        return Sentence("choice.best_no_room", {"best": name, "capacities": standing.capacity_ids(full)})
    if overspent:
        budgets = tuple(standing.instance.budgets[budget].id for budget in overspent)
        return Sentence("choice.best_costs", {"best": name, "budgets": budgets})
    return Sentence("choice.best_elsewhere", {"best": name})


def _against_rule(standing: Standing, need: int, best: str, rules: list[int]) -> Sentence:
    """Say which rule the best candidate would break beside which needs."""
    kinds = {standing.instance.capacities[rule].rule for rule in rules}
    names = standing.need_ids(standing.holders(rules, besides=need)[:NAMED])
    return Sentence(
        "choice.best_over_ceiling" if CEILING_RULE in kinds else "choice.best_apart", {"best": best, "needs": names}
    )


def _unmet(standing: Standing, views: tuple[PartView, ...], currency: str) -> tuple[NeedUnmet, ...]:
    shortages = Shortages(standing, currency=currency)
    view_of = {need: view for view in views for need in view.part.needs.tolist()}
    return tuple(shortages.explain(need, is_flow=view_of[need].is_flow) for need in _in_order(standing, served=False))


def _summary(standing: Standing) -> tuple[Sentence, ...]:
    solution = standing.solution
    figures = {"served": len(solution.chosen), "needs": len(standing.instance.needs), "points": solution.total_score}
    open_stages = [stage for stage in solution.stages if not stage.proven]
    proof = Sentence("plan.proven")
    if open_stages:
        proof = gap_sentence(open_stages[0])
    elif not standing.proven:
        proof = Sentence("plan.unproven")
    said = [Sentence("plan.served", figures), proof]
    if standing.settings.worst_served and solution.worst_score is not None:
        lifted = standing.proven or any(stage.name == WORST_SCORE and stage.proven for stage in solution.stages)
        said.append(Sentence("plan.worst" if lifted else "plan.worst_so_far", {"points": solution.worst_score}))
    return tuple(said)


def _limits(resolver: Resolver) -> tuple[Sentence, ...]:
    """Say how much was left as a bound."""
    if not resolver.refused:
        return ()
    return (Sentence("plan.explained_within_limits", {"solved": resolver.count, "more": resolver.refused}),)


def _nothing(standing: Standing, resolver: Resolver, wishes: Wishes) -> PlanReport:
    """Return the report of an instance that has no plan."""
    conflict = standing.solution.conflict or Conflict()
    first = Sentence("plan.conflict" if standing.solution.status == INFEASIBLE else "plan.unknown")
    return PlanReport(
        served=(),
        unmet=(),
        fairness=fairness(standing, providers=wishes.providers, resolver=resolver.portion(0)),
        capacity_prices=(),
        budget_prices=(),
        greedy=None,
        resolves=resolver.count,
        refused=0,
        sentences=(first, *conflict_sentences(standing.instance, conflict)),
    )
