"""Who fares how in a plan: shares of the groups, regret, evenness over agencies and providers, the price of fairness."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from matching.engine.portfolio.report import MILLION, Exposure, FairnessReport, GroupShare
from matching.engine.portfolio.resolving import Resolver, impossible
from matching.engine.portfolio.results import Solution
from matching.engine.portfolio.standing import Standing
from matching.engine.sentences import Param, Sentence

AGENCY = "agency:"


def jain(values: Sequence[int]) -> int | None:
    """Return Jain's index (sum x)^2 / (n * sum x^2) in millionths, floored; None for fewer than two values or all 0.

    Source: R. Jain, D. Chiu, W. Hawe, "A Quantitative Measure of Fairness and Discrimination", DEC-TR-301, 1984.
    """
    squares = sum(value * value for value in values)
    if len(values) < 2 or squares == 0:
        return None
    return MILLION * sum(values) ** 2 // (len(values) * squares)


def fairness(standing: Standing, *, providers: Mapping[str, str], resolver: Resolver) -> FairnessReport:
    """Return the report; `providers`: candidate -> provider. The plain plan is solved when the limit allows."""
    groups = _groups(standing)
    shares = [entry.share for entry in groups if entry.group.startswith(AGENCY)]
    exposed = exposure(standing, providers)
    plain = _plain(standing, resolver)
    regrets = [regret(standing, need) for need in range(len(standing.instance.needs))]
    total, now = (None if plain is None else plain.total_score), standing.solution.total_score
    agencies, evenness = jain(shares), jain([entry.chosen for entry in exposed])
    return FairnessReport(
        groups=groups,
        plain_served=None if plain is None else len(plain.chosen),
        plain_total=total,
        price=None if total is None else total - now,
        price_share=None if not total else (total - now) * MILLION // total,
        regret_total=sum(regrets),
        regret_highest=max(regrets, default=0),
        jain_agencies=agencies,
        jain_providers=evenness,
        exposure=exposed,
        sentences=(
            *_price_sentences(standing, plain),
            Sentence("fairness.regret", {"points": sum(regrets), "highest": max(regrets, default=0)}),
            *([] if agencies is None else [Sentence("fairness.agencies", {"share": agencies})]),
            *([] if evenness is None else [Sentence("fairness.providers", {"share": evenness})]),
        ),
    )


def regret(standing: Standing, need: int) -> int:
    """Return the points between the best eligible candidate of a served need and its chosen one; 0 if not served."""
    now = standing.current(need)
    if now is None:
        return 0
    score = standing.instance.pairs.score
    return int(score[standing.eligible(need)[0]] - score[now])


def exposure(standing: Standing, providers: Mapping[str, str]) -> tuple[Exposure, ...]:
    """Return for each provider how many needs it could serve (no ban) and how many assignments it has."""
    pairs = standing.instance.pairs
    offered: Counter[str] = Counter()
    chosen: Counter[str] = Counter()
    for need in range(len(standing.instance.needs)):
        names = [pairs.candidate[pair] for pair in standing.pairs_of(need) if pair not in standing.instance.banned]
        offered.update({providers.get(name, name) for name in names})
    for pair in standing.solution.chosen:
        name = pairs.candidate[pair]
        chosen[providers.get(name, name)] += 1
    return tuple(Exposure(name, offered[name], chosen[name]) for name in sorted(offered))


def _groups(standing: Standing) -> tuple[GroupShare, ...]:
    needs, score = standing.instance.needs, standing.instance.pairs.score
    members: dict[str, list[int]] = {}
    for need, entry in enumerate(needs):
        for group in entry.groups:
            members.setdefault(group, []).append(need)
    found = []
    for group in sorted(members):
        pairs = [pair for need in members[group] if (pair := standing.current(need)) is not None]
        mean = int(score[pairs].sum()) // len(pairs) if pairs else None
        figures: dict[str, Param] = {"group": group, "served": len(pairs), "needs": len(members[group])}
        found.append(
            GroupShare(
                group=group,
                needs=len(members[group]),
                served=len(pairs),
                share=MILLION * len(pairs) // len(members[group]),
                mean_score=mean,
                sentence=Sentence("fairness.group", figures)
                if mean is None
                else Sentence("fairness.group_mean", figures | {"points": mean}),
            )
        )
    return tuple(found)


def _plain(standing: Standing, resolver: Resolver) -> Solution | None:
    """Return the plan without floors and without the worst-served rule: most needs by class, then the best total."""
    if impossible(standing.solution):
        return None
    if not standing.settings.worst_served and not standing.instance.floors:
        return standing.solution
    plain = resolver.solve(replace(standing.instance, floors=()), replace(standing.settings, worst_served=False))
    return None if plain is None or impossible(plain) else plain


def _price_sentences(standing: Standing, plain: Solution | None) -> list[Sentence]:
    if plain is None:
        return []
    served, price = len(standing.solution.chosen), plain.total_score - standing.solution.total_score
    if len(plain.chosen) != served:
        return [Sentence("fairness.price_served", {"plain": len(plain.chosen), "served": served})]
    if price <= 0:
        return [Sentence("fairness.free")]
    return [Sentence("fairness.price", {"points": price, "share": price * MILLION // plain.total_score})]
