"""The portfolio: all open needs planned at once, exactly, under seats, trainer days, budgets, floors, locks and bans.

    instance = build_instance(needs, capacities, pairs, budgets=..., floors=..., locks=..., bans=..., links=...)
    solution = solve(instance, Settings())
    [instance.pair_name(number) for number in solution.chosen]
    report = explain_plan(instance, solution, Settings())        # alternates, reasons, fairness, prices
    why_not(instance, solution, Settings(), need=..., candidate=...)

Objectives, each only among the plans that are best in all before it: needs served by priority class, the score of the
worst-served need, total fit, pairs kept from the last published plan, and a hash that makes the plan unique.
"""

from matching.engine.portfolio.account import EXPLAINED
from matching.engine.portfolio.building import build_instance, build_instance_from_columns
from matching.engine.portfolio.explain import explain_plan, why_not
from matching.engine.portfolio.greedy import greedy
from matching.engine.portfolio.instance import (
    APART_RULE,
    CEILING_RULE,
    BudgetLimit,
    Capacity,
    Floor,
    Instance,
    Link,
    NeedEntry,
    Pair,
    PairArrays,
    PairColumns,
)
from matching.engine.portfolio.reading import plan_document, read_portfolio
from matching.engine.portfolio.report import (
    Alternate,
    BudgetPrice,
    CapacityPrice,
    Change,
    Exposure,
    FairnessReport,
    GreedyDifference,
    GroupShare,
    Move,
    NeedServed,
    NeedUnmet,
    PlanReport,
    WhyNot,
)
from matching.engine.portfolio.results import (
    FEASIBLE,
    INFEASIBLE,
    OPTIMAL,
    UNKNOWN,
    Conflict,
    Progress,
    Settings,
    Solution,
    StageResult,
)
from matching.engine.portfolio.solve import solve
from matching.engine.portfolio.verify import PlanError, verify

__all__ = [
    "APART_RULE",
    "CEILING_RULE",
    "EXPLAINED",
    "FEASIBLE",
    "INFEASIBLE",
    "OPTIMAL",
    "UNKNOWN",
    "Alternate",
    "BudgetLimit",
    "BudgetPrice",
    "Capacity",
    "CapacityPrice",
    "Change",
    "Conflict",
    "Exposure",
    "FairnessReport",
    "Floor",
    "GreedyDifference",
    "GroupShare",
    "Instance",
    "Link",
    "Move",
    "NeedEntry",
    "NeedServed",
    "NeedUnmet",
    "Pair",
    "PairArrays",
    "PairColumns",
    "PlanError",
    "PlanReport",
    "Progress",
    "Settings",
    "Solution",
    "StageResult",
    "WhyNot",
    "build_instance",
    "build_instance_from_columns",
    "explain_plan",
    "greedy",
    "plan_document",
    "read_portfolio",
    "solve",
    "verify",
    "why_not",
]
