"""The plan of all open needs: lines scored, an instance built, solved, explained, and told line by line."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from matching.engine.catalogue import Catalogue
from matching.engine.keeping.snapshot import digest
from matching.engine.planning.building import failed_locks, groups_of, instance_of
from matching.engine.planning.candidates import Market, PlanLine, add_least, contested, options_of, screened
from matching.engine.planning.keeping import KeptPlan, instance_bytes
from matching.engine.planning.market import changed_catalogue, changed_policy
from matching.engine.planning.results import Planned
from matching.engine.planning.telling import refused, told
from matching.engine.planning.together import Leaning, add_together
from matching.engine.planning.types import PlanParameters, PlanTask, line_key
from matching.engine.policy import Policy
from matching.engine.policy.priority import priority
from matching.engine.portfolio import EXPLAINED, Instance, Settings, explain_plan, solve
from matching.engine.reference.rates import Rates

STAGES = ("reading", "scoring", "solving", "explaining", "writing")
LINES_BETWEEN_WORDS = 50  # of progress
# Beyond this size ties are left to the solver, which gives the same answer for the same instance: to prove which of all
# best plans has the smallest hashes would take longer than the plan.
PAIRS_UNIQUE = 2_000
# Changed problems that are solved again to explain a plan: many small ones, few large ones.
MOST_RESOLVES, LEAST_RESOLVES, PAIRS_RESOLVED = 40, 6, 80_000

Progress = Callable[[int, int, str], None]  # done, total, stage


@dataclass(frozen=True, slots=True)
class PlanAnswer:
    """A plan and, unless locks made it impossible beforehand, what it was solved from."""

    planned: Planned
    kept: KeptPlan | None


def plan_all(
    task: PlanTask,
    catalogue: Catalogue,
    policy: Policy,
    *,
    as_of: date,
    rates: Rates,
    engine_version: str,
    progress: Progress | None = None,
    timings: dict[str, float] | None = None,
) -> PlanAnswer:
    """Plan all needs of a task at once, as on a day. Same inputs, same answer, in whatever order they are given.

    `progress` is told (done, total, stage); whatever it raises ends the work. `timings` receives seconds by stage of
    the solver. Raises EngineError(bad_instance, bad_weights, unknown_concept, unknown_country, unknown_region).
    """
    tell = progress or _silent
    tell(0, 1, "reading")
    market = Market(
        changed_catalogue(catalogue, task.changes),
        changed_policy(policy, task.changes),
        rates,
        as_of,
        task.parameters.currency,
    )
    lines, leanings = _lines(task, market, tell)
    failed = failed_locks(lines, task.parameters)
    if failed:
        return PlanAnswer(refused(lines, failed, market, engine_version), None)
    instance = instance_of(lines, task.parameters, market.policy, task.previous, leanings)
    settings = settings_of(task.parameters, len(instance.pairs))
    tell(0, 1, "solving")
    steps = _steps(instance, settings)
    solution = solve(
        instance, settings, progress=lambda _, done: tell(done, max(steps, done + 1), "solving"), timings=timings
    )
    tell(0, 1, "explaining")
    report = explain_plan(
        instance,
        solution,
        settings,
        alternates=task.parameters.alternates,
        limit_resolves=max(LEAST_RESOLVES, min(MOST_RESOLVES, PAIRS_RESOLVED // max(1, len(instance.pairs)))),
        providers=_providers(lines),
        currency=task.parameters.currency,
        progress=lambda _, done: tell(done, len(EXPLAINED), "explaining"),
    )
    kept = KeptPlan(instance, settings, solution)
    planned = told(lines, kept, report, market, engine_version, digest(instance_bytes(instance)))
    return PlanAnswer(planned, kept)


def settings_of(parameters: PlanParameters, pairs: int) -> Settings:
    """Return how the solver is to work on so many pairs."""
    return Settings(
        worst_served=parameters.worst_served,
        unique=pairs <= PAIRS_UNIQUE,
        time_limit_seconds=parameters.time_limit_seconds,
    )


def _steps(instance: Instance, settings: Settings) -> int:
    """Count the steps of a solve: model, classes, total fit, proof, and the goals that are on; a budget may ask for more."""
    classes = {need.priority_class for need in instance.needs}
    return 3 + len(classes) + settings.worst_served + settings.stability + settings.unique


def _silent(done: int, total: int, stage: str) -> None:
    """Tell nobody."""


def _providers(lines: Sequence[PlanLine]) -> Mapping[str, str]:
    return {option.label: option.provider for line in lines for option in line.options.options}


def _lines(task: PlanTask, market: Market, tell: Progress) -> tuple[list[PlanLine], list[Leaning]]:
    """Score every line of every need in the classes asked for, and say which options lean on others.

    Deliveries for several lines of a request are added, and ways into scarce slots with smallest groups.
    """
    asked, banned, most = _asked(task), _banned(task), task.parameters.candidates
    total = sum(len(entry.need.lines) for entry in task.needs)
    found: list[PlanLine] = []
    leanings: list[Leaning] = []
    done = said = 0
    for entry in task.needs:
        if done >= said:
            tell(done, total, "scoring")
            said = done + LINES_BETWEEN_WORDS
        done += len(entry.need.lines)
        number = priority(entry.need, market.catalogue.places, as_of=market.as_of).priority_class
        if number not in task.parameters.classes:
            continue
        alone = {line.number: screened(entry.need, line, market) for line in entry.need.lines}
        options = [
            options_of(entry, line, market, alone[line.number], most=most, asked=asked[key], banned=banned[key])
            for line in entry.need.lines
            for key in (line_key(entry.reference, line.number),)
        ]
        leanings += add_together(options, alone, market, most=most)
        requester, places = entry.need.requester, market.catalogue.places
        found += [PlanLine(one, number, groups_of(requester, one.line, places)) for one in options]
    _share(found, market)
    return found, leanings


def _share(lines: Sequence[PlanLine], market: Market) -> None:
    scarce = contested(line.options for line in lines)
    for line in lines:
        add_least(line.options, market, scarce)


def _asked(task: PlanTask) -> Mapping[str, set[str]]:
    """Return for each line the offers that must be among its candidates if they are eligible at all."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    for mark in task.parameters.locks:
        found[mark.key].add(mark.offer)
    for key, (offer, _slot) in task.previous.items():
        found[key].add(offer)
    return found


def _banned(task: PlanTask) -> Mapping[str, set[str]]:
    found: defaultdict[str, set[str]] = defaultdict(set)
    for mark in task.parameters.bans:
        found[mark.key].add(mark.offer)
    return found
