"""Solving changed instances for explanations: bounded in number, each asked once, and compared with the plan."""

from collections.abc import Callable
from dataclasses import replace

from matching.engine.portfolio.instance import LAST_CLASS, Instance
from matching.engine.portfolio.mixed_integer import Deadline
from matching.engine.portfolio.report import Change
from matching.engine.portfolio.results import INFEASIBLE, OPTIMAL, UNKNOWN, Settings, Solution
from matching.engine.portfolio.standing import Standing

NO_CHANGE = Change(served={}, worst_score=0, total_score=0, kept=0)
SHARE_OF_TIME = 0.1  # of the time that the plan itself may take, for each changed plan
NEVER = Deadline()
COUNT_BITS = 32  # more than any number of needs

Solver = Callable[[Instance, Settings], Solution]


class Resolver:
    """Solves at most `limit` changed instances until a deadline; `count` says how many, `refused` how many not."""

    def __init__(self, solver: Solver, limit: int, deadline: Deadline = NEVER) -> None:
        self._solver, self.limit, self._deadline = solver, limit, deadline
        self.count = self.refused = 0

    @property
    def spent(self) -> bool:
        """Tell whether nothing more may be solved."""
        return self.count >= self.limit or self._deadline.passed()

    def portion(self, most: int) -> "Resolver":
        """Return a solver of at most so many instances, and of no more than are left; `charge` it afterwards."""
        return Resolver(self._solver, max(0, min(most, self.limit - self.count)), self._deadline)

    def charge(self, portion: "Resolver") -> None:
        """Count what a portion has solved and refused."""
        self.count += portion.count
        self.refused += portion.refused

    def solve(self, instance: Instance, settings: Settings) -> Solution | None:
        """Solve an instance; None when a limit is reached. The tie hash is left out: only figures are asked for."""
        if self.spent:
            self.refused += 1
            return None
        self.count += 1
        seconds = settings.time_limit_seconds
        shorter = None if seconds is None else min(seconds * SHARE_OF_TIME, self._deadline.left())
        return self._solver(instance, replace(settings, unique=False, time_limit_seconds=shorter))


def forced(instance: Instance, pair: int) -> Instance:
    """Return the instance with one pair locked."""
    return replace(instance, locked=instance.locked | {pair})


def change(standing: Standing, after: Solution) -> Change:
    """Return what differs from the plan to another solution of a changed instance, which must be feasible.

    Objectives that the settings leave out count 0.
    """
    return difference(standing.solution, after, standing.settings)


def difference(before: Solution, after: Solution, settings: Settings) -> Change:
    """Return what differs from one plan to another."""
    classes = sorted(set(before.served_by_class) | set(after.served_by_class))
    served = {name: after.served_by_class.get(name, 0) - before.served_by_class.get(name, 0) for name in classes}
    worst = 0
    if settings.worst_served and before.worst_score is not None and after.worst_score is not None:
        worst = after.worst_score - before.worst_score
    return Change(
        served={name: count for name, count in served.items() if count},
        worst_score=worst,
        total_score=after.total_score - before.total_score,
        kept=after.kept - before.kept if settings.stability else 0,
        exact=before.status == OPTIMAL and after.status == OPTIMAL,
    )


def order(given: Change) -> tuple[int, int, int, int]:
    """Return a key by which better changes come first, in the order of the objectives."""
    served = sum(count << (COUNT_BITS * (LAST_CLASS - name)) for name, count in given.served.items())
    return -served, -given.worst_score, -given.total_score, -given.kept


def impossible(solution: Solution) -> bool:
    """Tell whether a solution has no plan: there is none, or none was found in time."""
    return solution.status in (INFEASIBLE, UNKNOWN)
