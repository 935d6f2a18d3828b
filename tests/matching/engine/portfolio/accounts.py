"""The account of a plan made with the exhaustive solver, and what a changed plan is really worth."""

from matching.engine.portfolio.account import Wishes, account
from matching.engine.portfolio.instance import Instance
from matching.engine.portfolio.report import Change, PlanReport
from matching.engine.portfolio.resolving import Resolver, difference, order
from matching.engine.portfolio.results import Settings, Solution
from tests.matching.engine.portfolio import exhaustive


def report_of(instance: Instance, chosen: Settings, *, alternates: int = 3, limit: int = 10) -> PlanReport:
    """Return the account of the best plan."""
    return report_on(instance, exhaustive.best(instance, chosen), chosen, alternates=alternates, limit=limit)


def report_on(
    instance: Instance, plan: Solution, chosen: Settings, *, alternates: int = 3, limit: int = 10
) -> PlanReport:
    """Return the account of a plan."""
    resolver = Resolver(exhaustive.best, limit)
    return account(instance, plan, chosen, greedy=None, resolver=resolver, wishes=Wishes(alternates))


def agrees(claimed: Change, plan: Solution, again: Solution, chosen: Settings) -> bool:
    """Tell whether a claim holds: exactly, or as a bound up to the first objective that differs."""
    real = difference(plan, again, chosen)
    if claimed.exact:
        return claimed == real
    return first(real) <= first(claimed)


def first(change: Change) -> tuple[int, ...]:
    """Return the key of a change up to the first objective that differs; smaller is better."""
    key = order(change)
    for place, value in enumerate(key):
        if value:
            return key[: place + 1]
    return key
