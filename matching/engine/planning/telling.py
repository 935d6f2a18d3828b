"""The solved plan told line by line: choices with their reasons, alternates, and why a line is not served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matching.engine.catalogue import UNKNOWN
from matching.engine.explaining.ceiling import left_of_ceiling
from matching.engine.explaining.explanation import breakdown, evidence_share, flags, slot_choice
from matching.engine.planning.building import LOCK, PROVIDER, FailedLock
from matching.engine.planning.candidates import LEAST, LineOptions, Market, Option, PlanLine, pair_of
from matching.engine.planning.keeping import KeptPlan
from matching.engine.planning.results import (
    SERVED,
    UNMET,
    PlanConflict,
    Planned,
    PlannedAlternate,
    PlannedChoice,
    PlannedLine,
    Shortage,
)
from matching.engine.portfolio import INFEASIBLE, Instance, Solution
from matching.engine.portfolio.report import NeedServed, NeedUnmet, PlanReport
from matching.engine.reference.places import PlaceIndex
from matching.engine.reference.rates import to_amount
from matching.engine.results import COMPLETE, NO_SOLUTION, Relaxation
from matching.engine.screening.constraints import UNMET_REASONS, Fail, codes_of
from matching.engine.sentences import Sentence
from matching.engine.types import NeedLine

OTHER = "other"  # code list `unmet_reasons`
NO_FUNDING = UNMET_REASONS[Fail.COST_OVER_CEILING]
RELAXATIONS = 3  # of a line without any candidate: enough to act on


@dataclass(frozen=True, slots=True)
class _Told:
    """What the report says of each line, by its name."""

    served: Mapping[str, NeedServed]
    unmet: Mapping[str, NeedUnmet]


def told(
    lines: Sequence[PlanLine], kept: KeptPlan, report: PlanReport, market: Market, engine_version: str, digest: str
) -> Planned:
    """Tell a solved plan; lines in the order of priority class, request and number."""
    instance, solution = kept.instance, kept.solution
    feasible = solution.status != INFEASIBLE
    by_key = _Told({entry.need: entry for entry in report.served}, {entry.need: entry for entry in report.unmet})
    found = tuple(_line(line, by_key, market) for line in _ordered(lines)) if feasible else ()
    served = [line.choice for line in found if line.choice is not None]
    return Planned(
        engine_version=engine_version,
        policy_version=market.policy.version,
        as_of=market.as_of,
        outcome=COMPLETE if served else NO_SOLUTION,
        status=solution.status,
        lines=found,
        served_by_class=solution.served_by_class,
        worst_score=solution.worst_score,
        total_score=solution.total_score,
        kept=solution.kept,
        stages=solution.stages,
        instance_digest=digest,
        sizes={
            "requests": len({line.options.entry.reference for line in lines}),
            "lines": len(lines),
            "pairs": len(instance.pairs),
            "capacities": len(instance.capacities),
        },
        conflict=None if feasible else _conflict(instance, solution, report),
        spent=_spent(instance, solution),
        cost_unknown=sum(choice.cents is None for choice in served),
        fairness=report.fairness if feasible else None,
        capacity_prices=report.capacity_prices,
        budget_prices=report.budget_prices,
        greedy=report.greedy,
        resolves=report.resolves,
        refused=report.refused,
        sentences=report.sentences,
    )


def refused(lines: Sequence[PlanLine], failed: Sequence[FailedLock], market: Market, engine_version: str) -> Planned:
    """Tell that no plan can keep the locks, before anything was solved: their offers cannot serve their lines."""
    sentences = tuple(sentence for entry in failed for sentence in _lock_sentences(entry))
    return Planned(
        engine_version=engine_version,
        policy_version=market.policy.version,
        as_of=market.as_of,
        outcome=NO_SOLUTION,
        status=INFEASIBLE,
        lines=(),
        served_by_class={},
        worst_score=None,
        total_score=0,
        kept=0,
        stages=(),
        instance_digest="",
        sizes={"requests": len({line.options.entry.reference for line in lines}), "lines": len(lines)},
        conflict=PlanConflict(locks=tuple((entry.mark.key, entry.mark.offer) for entry in failed), sentences=sentences),
        spent={},
        cost_unknown=0,
        fairness=None,
        capacity_prices=(),
        budget_prices=(),
        greedy=None,
        resolves=0,
        refused=0,
        sentences=sentences,
    )


def _lock_sentences(failed: FailedLock) -> tuple[Sentence, ...]:
    names = {"need": failed.mark.key, "offering": failed.mark.offer}
    if not failed.mask:
        return (Sentence("plan.lock_not_on_offer", names),)
    return (Sentence("plan.lock_not_eligible", names), *constraint_sentences(failed.mask))


def constraint_sentences(mask: int) -> tuple[Sentence, ...]:
    """Say each hard constraint of a mask that an offer fails."""
    return tuple(Sentence(f"constraint.{code}") for code in codes_of(mask))


def _ordered(lines: Sequence[PlanLine]) -> list[PlanLine]:
    return sorted(lines, key=lambda line: (line.priority_class, line.options.entry.reference, line.options.line.number))


def _line(line: PlanLine, reports: _Told, market: Market) -> PlannedLine:
    options, entry = line.options, line.options.entry
    served, unmet = reports.served.get(options.key), reports.unmet.get(options.key)
    by_label = {option.label: option for option in options.options}
    choice = _choice(options, market, by_label[served.candidate]) if served else None
    reason, sentences, relaxations = ("", served.sentences, ()) if served else _why(options, unmet, market)
    if choice is not None and choice.together:
        others = tuple(str(number) for number in choice.together)
        sentences = (*sentences, Sentence("choice.together", {"lines": others}))
    return PlannedLine(
        key=options.key,
        need=entry.need.id,
        reference=entry.reference,
        content_version=entry.content_version,
        line=options.line.number,
        priority_class=line.priority_class,
        groups=tuple(sorted(line.groups)),
        theme=options.line.theme,
        country=options.line.country,
        region=region_of(options.line, market.catalogue.places),
        language=options.line.language,
        forms=tuple(sorted(entry.need.forms)),
        outcome=SERVED if choice else UNMET,
        eligible=options.eligible,
        best_score=options.best_score,
        choice=choice,
        alternates=_alternates(options, market, served, by_label),
        unmet_reason=reason,
        shortage=_shortage(unmet),
        relaxations=relaxations,
        sentences=tuple(sentences),
    )


def region_of(line: NeedLine, places: PlaceIndex) -> str:
    """Return the area named, else the nearest one around the country."""
    return places.chain_of(country=line.country, region=line.region)[0]


def _choice(options: LineOptions, market: Market, option: Option) -> PlannedChoice:
    pair = pair_of(options, market, option.position)
    return PlannedChoice(
        candidate=option.label,
        offer=option.offer,
        provider=option.provider,
        slot=slot_choice(pair),
        participants=pair.seats,
        least=option.label.endswith(LEAST),
        score=option.score,
        breakdown=breakdown(pair),
        evidence=evidence_share(pair),
        flags=flags(pair),
        cost=None if pair.cost == UNKNOWN else to_amount(pair.cost),
        currency=pair.currency,
        cents=None if option.cents == UNKNOWN else option.cents,
        capacity=option.capacity,
        units=option.units,
        together=option.together,
        can_lead=option.can_lead,
    )


def _alternates(
    options: LineOptions, market: Market, served: NeedServed | None, by_label: Mapping[str, Option]
) -> tuple[PlannedAlternate, ...]:
    if served is None:
        return ()
    found = []
    for entry in served.alternates:
        option = by_label[entry.candidate]
        found.append(
            PlannedAlternate(
                candidate=option.label,
                offer=option.offer,
                provider=option.provider,
                slot=slot_choice(pair_of(options, market, option.position)),
                participants=option.seats,
                score=option.score,
                change=entry.change,
                sentence=entry.sentence,
            )
        )
    return tuple(found)


def _why(
    options: LineOptions, unmet: NeedUnmet | None, market: Market
) -> tuple[str, tuple[Sentence, ...], tuple[Relaxation, ...]]:
    """Return reason code, sentences and what could be given up; without any candidate the hard constraints know."""
    if options.conflict is not None:
        found = options.conflict
        reason = next(iter(found.reasons), OTHER)
        return reason, (found.sentence, *_left(options, reason, market)), found.relaxations[:RELAXATIONS]
    if unmet is None:
        return OTHER, (), ()
    reason = unmet.unmet_reason or OTHER
    return reason, (*unmet.sentences, *_left(options, reason, market)), ()


def _left(options: LineOptions, reason: str, market: Market) -> tuple[Sentence, ...]:
    """Say what is left of the ceiling of the request, where money is what is missing and a part of it is taken already."""
    left = left_of_ceiling(options.entry.need, market.policy) if reason == NO_FUNDING else {}
    return (Sentence("proposal.ceiling_left", left),) if left else ()


def _shortage(unmet: NeedUnmet | None) -> Shortage | None:
    if unmet is None:
        return None
    return Shortage(
        reason=unmet.reason,
        competing=unmet.competing,
        capacities=unmet.capacities,
        budgets=unmet.budgets,
        demand=unmet.demand,
        supply=unmet.supply,
    )


def _conflict(instance: Instance, solution: Solution, report: PlanReport) -> PlanConflict:
    """Name what cannot hold together in the planner's own words: a fixed line is a lock, whatever the solver calls it."""
    found = solution.conflict
    if found is None:
        return PlanConflict(sentences=report.sentences)
    locks = [instance.pair_name(number) for number in found.locks]
    fixed = [group.removeprefix(LOCK) for group in found.floors if group.startswith(LOCK)]
    return PlanConflict(
        locks=tuple(
            sorted([*((need, label.split("|", 1)[0]) for need, label in locks), *((need, "") for need in fixed)])
        ),
        floors=tuple(group for group in found.floors if not group.startswith(LOCK)),
        loads=tuple(name.removeprefix(PROVIDER) for name in found.minima),
        sentences=report.sentences,
    )


def _spent(instance: Instance, solution: Solution) -> dict[str, int]:
    pairs = instance.pairs
    spent = {limit.id: 0 for limit in instance.budgets}
    for number in solution.chosen:
        for at in range(int(pairs.cost_start[number]), int(pairs.cost_start[number + 1])):
            spent[instance.budgets[int(pairs.cost_budget[at])].id] += int(pairs.cost_amount[at])
    return spent
