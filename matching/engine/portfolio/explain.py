"""The face of the explanations: one call gives everything that is said of a plan, another answers "why not this one?"."""

from collections.abc import Mapping

from matching.engine.portfolio.account import Wishes, account
from matching.engine.portfolio.greedy import greedy
from matching.engine.portfolio.instance import Instance
from matching.engine.portfolio.mixed_integer import Deadline, Helper
from matching.engine.portfolio.report import PlanReport, WhyNot
from matching.engine.portfolio.resolving import Resolver
from matching.engine.portfolio.results import Progress, Settings, Solution
from matching.engine.portfolio.solve import solve
from matching.engine.portfolio.why import answer


def explain_plan(
    instance: Instance,
    solution: Solution,
    settings: Settings,
    *,
    alternates: int = 3,
    limit_resolves: int = 40,
    providers: Mapping[str, str] | None = None,
    currency: str = "USD",
    progress: Progress | None = None,
) -> PlanReport:
    """Say everything about a plan: alternates, reasons, fairness, prices, the difference from greedy.

    `alternates`: how many for each served need; `limit_resolves`: how many changed problems may be solved again, each
    within a tenth of the time that the settings allow and all of them within that time (what is beyond is given as a
    bound and says so, and the report counts it); `providers`: candidate -> provider, for exposure (a candidate without
    one stands for itself); `currency`: of the budgets' cents; `progress` is told what is being explained. The same
    inputs give the same report where the limit of time is not met. A plan that is infeasible gets a report without
    lines whose sentences name what cannot hold together.
    """
    deadline = Deadline.after(settings.time_limit_seconds)
    with Helper() as process:

        def again(changed: Instance, chosen: Settings) -> Solution:
            return solve(changed, chosen, helper=process)

        return account(
            instance,
            solution,
            settings,
            greedy=greedy(instance),
            resolver=Resolver(again, limit_resolves, deadline),
            wishes=Wishes(alternates, providers or {}, currency),
            progress=progress,
        )


def why_not(instance: Instance, solution: Solution, settings: Settings, *, need: str, candidate: str) -> WhyNot:
    """Solve the plan again with the pair forced and say what that changes, or why it cannot be.

    Raises EngineError(bad_instance) when the two are no pair of the instance.
    """

    def again(changed: Instance, chosen: Settings) -> Solution:
        return solve(changed, chosen, start=solution.chosen)

    return answer(instance, solution, settings, need=need, candidate=candidate, solver=again)
