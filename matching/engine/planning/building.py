"""From the options of all lines to an instance of the portfolio problem, and the names in it.

Capacities are `session:CODE` (seats), `capacity:CODE` (units of a window) and `provider:CODE` (lines served); budgets
are `total` and `funder:CODE`; `apart:...` are rules about partners, `ceiling:REQUEST` about what the lines of a request cost together; groups are `ldc`, `lldc`, `sids`, `agency:CODE`, and `lock:LINE` for a line whose offer
is fixed while its date is still free.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from matching.engine.catalogue import UNKNOWN
from matching.engine.errors import EngineError
from matching.engine.planning.candidates import LineOptions, Option, PlanLine, tie_of
from matching.engine.planning.ceilings import ceilings_of
from matching.engine.planning.teamwork import apart_rules, lead_links
from matching.engine.planning.together import Leaning
from matching.engine.planning.types import AGENCY, COUNTRY_GROUPS, TOTAL, PlanMark, PlanParameters, ProviderLoad
from matching.engine.policy import Policy
from matching.engine.portfolio import (
    APART_RULE,
    BudgetLimit,
    Capacity,
    Floor,
    Instance,
    NeedEntry,
    Pair,
    build_instance,
)
from matching.engine.reference.places import PlaceIndex
from matching.engine.types import NeedLine

PROVIDER, FUNDER, LOCK = "provider:", "funder:", "lock:"
TOTAL_BUDGET = "total"


@dataclass(frozen=True, slots=True)
class FailedLock:
    """A lock that cannot hold: the offer is not on the market (`mask` 0) or fails hard constraints for the line."""

    mark: PlanMark
    mask: int


def groups_of(requester: str, line: NeedLine, places: PlaceIndex) -> frozenset[str]:
    """Return the groups of a line: its agency, and the special needs of its country."""
    found = {AGENCY + requester}
    if line.country is not None:
        country = places.country(line.country)
        found |= {name for name in COUNTRY_GROUPS if getattr(country, name)}
    return frozenset(found)


def failed_locks(lines: Sequence[PlanLine], parameters: PlanParameters) -> tuple[FailedLock, ...]:
    """Return the locks that no plan can keep. Raises EngineError(bad_instance) for a line that is not planned."""
    by_key = {line.options.key: line.options for line in lines}
    for mark in (*parameters.locks, *parameters.bans):
        if mark.key not in by_key:
            raise EngineError("bad_instance", mark.key, "this line is not among those that are planned")
    found = []
    for mark in sorted(parameters.locks, key=lambda entry: entry.key):
        options = by_key[mark.key]
        if not any(option.offer == mark.offer for option in options.options):
            found.append(FailedLock(mark, options.fails.get(mark.offer, 0)))
    return tuple(found)


def instance_of(
    lines: Sequence[PlanLine],
    parameters: PlanParameters,
    policy: Policy,
    previous: Mapping[str, tuple[str, str]],
    leanings: Sequence[Leaning] = (),
) -> Instance:
    """Build the instance; `leanings` name options that come only together with others. Raises EngineError(bad_instance), for a floor of a group without needs among others."""
    locks, bans, fixed = _wishes(lines, parameters)
    rules, ceilings = apart_rules(lines), ceilings_of(lines, policy)
    groups = {line.options.key: line.groups | ({LOCK + line.options.key} & fixed) for line in lines}
    for floor in parameters.floors:
        if not any(floor.group in line.groups for line in lines):
            raise EngineError("bad_instance", floor.group, "no planned line belongs to this group")
    return build_instance(
        [NeedEntry(line.options.key, line.priority_class, groups[line.options.key]) for line in lines],
        [
            *_capacities(lines, parameters),
            *(Capacity(name, 1, rule=APART_RULE) for name in sorted(rules.names)),
            *ceilings.capacities(),
        ],
        _pairs(
            lines,
            parameters,
            policy,
            previous,
            lambda line, option: (*rules.of(line, option), *ceilings.of(line, option)),
        ),
        budgets=[BudgetLimit(budget_id(limit.funder), limit.cents) for limit in parameters.budgets],
        floors=[
            *(Floor(floor.group, floor.minimum) for floor in parameters.floors),
            *(Floor(group, 1) for group in sorted(fixed)),
        ],
        locks=locks,
        bans=bans,
        links=[*leanings, *lead_links(lines)],
    )


def budget_id(funder: str) -> str:
    """Return the name of a budget in the instance."""
    return TOTAL_BUDGET if funder == TOTAL else FUNDER + funder


def _wishes(
    lines: Sequence[PlanLine], parameters: PlanParameters
) -> tuple[list[tuple[str, str]], list[tuple[str, str]], frozenset[str]]:
    """Return locked pairs, banned pairs and the groups of lines that must be served by one of several pairs."""
    locked = {mark.key: mark.offer for mark in parameters.locks}
    out = {(mark.key, mark.offer) for mark in parameters.bans}
    locks, bans, fixed = [], [], set()
    for line in lines:
        key = line.options.key
        wanted = locked.get(key)
        inside = [option for option in line.options.options if option.offer == wanted]
        bans += [
            (key, option.label)
            for option in line.options.options
            if (key, option.offer) in out or (wanted is not None and option.offer != wanted)
        ]
        if len(inside) == 1:
            locks.append((key, inside[0].label))
        elif inside:
            fixed.add(LOCK + key)
    return locks, bans, frozenset(fixed)


def _capacities(lines: Sequence[PlanLine], parameters: PlanParameters) -> list[Capacity]:
    free = {option.capacity: option.free for line in lines for option in line.options.options if option.capacity}
    limits = _loads(lines, parameters)
    return [
        *(Capacity(name, amount) for name, amount in sorted(free.items())),
        *(
            Capacity(PROVIDER + load.provider, len(lines) if load.maximum is None else load.maximum, load.minimum)
            for load in limits.values()
            if load.minimum <= (len(lines) if load.maximum is None else load.maximum)
        ),
    ]


def _loads(lines: Sequence[PlanLine], parameters: PlanParameters) -> dict[str, ProviderLoad]:
    limits = {load.provider: load for load in parameters.loads}
    for load in limits.values():
        if load.maximum is None and load.minimum > len(lines):
            raise EngineError("bad_instance", load.provider, "its smallest load is more than there are lines to plan")
    if parameters.most_lines is not None:
        named = {option.provider for line in lines for option in line.options.options}
        limits |= {code: ProviderLoad(code, 0, parameters.most_lines) for code in sorted(named - set(limits))}
    return limits


def _pairs(
    lines: Sequence[PlanLine],
    parameters: PlanParameters,
    policy: Policy,
    previous: Mapping[str, tuple[str, str]],
    ruled: Callable[[LineOptions, Option], tuple[tuple[str, int], ...]],
) -> Iterator[Pair]:
    limited = set(_loads(lines, parameters))
    funders = {limit.funder for limit in parameters.budgets}
    for line in lines:
        options = line.options
        payers = [payer for payer in (TOTAL, options.entry.funder) if payer is not None and payer in funders]
        for option in options.options:
            yield Pair(
                need=options.key,
                candidate=option.label,
                score=option.score,
                uses=(*_uses(option, limited), *ruled(options, option)),
                costs=tuple((budget_id(payer), option.cents) for payer in payers if option.cents != UNKNOWN),
                previous=previous.get(options.key) == (option.offer, option.slot),
                tie=tie_of(policy, options, option.label),
            )


def _uses(option: Option, limited: set[str]) -> tuple[tuple[str, int], ...]:
    seats = ((option.capacity, option.units),) if option.capacity else ()
    load = ((PROVIDER + option.provider, 1),) if option.provider in limited else ()
    return (*seats, *load)
