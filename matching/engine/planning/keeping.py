"""The solved instance as bytes, kept with its run: questions about the plan are answered without reading the market.

Canonical JSON, columns of whole numbers: the same instance gives the same bytes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from matching.engine.errors import EngineError
from matching.engine.keeping.snapshot import canonical
from matching.engine.portfolio import (
    BudgetLimit,
    Capacity,
    Conflict,
    Floor,
    Instance,
    NeedEntry,
    PairColumns,
    Settings,
    Solution,
    StageResult,
    build_instance_from_columns,
)

FORMAT = 2
PAIR_COLUMNS = ("need", "score", "previous", "tie")
USE_COLUMNS = ("use_capacity", "use_amount", "cost_budget", "cost_amount")


@dataclass(frozen=True, slots=True)
class KeptPlan:
    """An instance, how it was solved, and the answer."""

    instance: Instance
    settings: Settings
    solution: Solution


def instance_bytes(instance: Instance) -> bytes:
    """Return an instance as canonical JSON."""
    return canonical({"format": FORMAT, "instance": _columns(instance)})


def keep(plan: KeptPlan) -> bytes:
    """Return instance, settings and answer as canonical JSON."""
    limit = plan.settings.time_limit_seconds
    settings = {
        "worst_served": plan.settings.worst_served,
        "stability": plan.settings.stability,
        "unique": plan.settings.unique,
        "time_limit_ms": None if limit is None else round(limit * 1000),
    }
    return canonical(
        {"format": FORMAT, "instance": _columns(plan.instance), "settings": settings, "solution": plan.solution}
    )


def kept(content: bytes) -> KeptPlan:
    """Read back what `keep` wrote. Raises EngineError(bad_instance) for anything else."""
    try:
        data = json.loads(content)
        if data["format"] != FORMAT:
            raise EngineError("bad_instance", str(data["format"]), f"this engine reads format {FORMAT}")
        return KeptPlan(_instance(data["instance"]), _settings(data["settings"]), _solution(data["solution"]))
    except (KeyError, TypeError, ValueError) as error:
        if isinstance(error, EngineError):
            raise
        raise EngineError("bad_instance", "kept plan", str(error)) from error


def _columns(instance: Instance) -> dict[str, Any]:
    pairs = instance.pairs
    return {
        "needs": [[entry.id, entry.priority_class, sorted(entry.groups)] for entry in instance.needs],
        "capacities": [[entry.id, entry.maximum, entry.minimum, entry.rule] for entry in instance.capacities],
        "budgets": [[entry.id, entry.maximum] for entry in instance.budgets],
        "floors": [[entry.group, entry.minimum] for entry in instance.floors],
        "locked": sorted(instance.locked),
        "banned": sorted(instance.banned),
        "links": [[link.pair, list(link.one_of)] for link in instance.links],
        "candidates": list(pairs.candidate),
        **{name: getattr(pairs, name).astype(np.int64).tolist() for name in (*PAIR_COLUMNS, *USE_COLUMNS)},
        "uses": np.diff(pairs.use_start).tolist(),
        "costs": np.diff(pairs.cost_start).tolist(),
    }


def _instance(data: Mapping[str, Any]) -> Instance:
    count = len(data["candidates"])
    numbers = np.arange(count, dtype=np.int64)
    columns = PairColumns(
        candidate=data["candidates"],
        need=_ints(data["need"]),
        score=_ints(data["score"]),
        previous=_ints(data["previous"]).astype(np.bool_),
        tie=_ints(data["tie"]),
        use_pair=np.repeat(numbers, _ints(data["uses"])),
        use_capacity=_ints(data["use_capacity"]),
        use_amount=_ints(data["use_amount"]),
        cost_pair=np.repeat(numbers, _ints(data["costs"])),
        cost_budget=_ints(data["cost_budget"]),
        cost_amount=_ints(data["cost_amount"]),
    )
    needs = [NeedEntry(name, number, frozenset(groups)) for name, number, groups in data["needs"]]

    def name(number: int) -> tuple[str, str]:
        return needs[data["need"][number]].id, data["candidates"][number]

    return build_instance_from_columns(
        needs,
        [Capacity(*entry) for entry in data["capacities"]],
        columns,
        budgets=[BudgetLimit(*entry) for entry in data["budgets"]],
        floors=[Floor(*entry) for entry in data["floors"]],
        locks=[name(number) for number in data["locked"]],
        bans=[name(number) for number in data["banned"]],
        links=[(name(pair), [name(one) for one in one_of]) for pair, one_of in data["links"]],
    )


def _ints(values: list[int]) -> NDArray[np.int64]:
    return np.array(values, dtype=np.int64)


def _settings(data: Mapping[str, Any]) -> Settings:
    limit = data["time_limit_ms"]
    return Settings(
        worst_served=data["worst_served"],
        stability=data["stability"],
        unique=data["unique"],
        time_limit_seconds=None if limit is None else limit / 1000,
    )


def _solution(data: Mapping[str, Any]) -> Solution:
    facts = {name: data[name] for name in ("worst_score", "total_score", "kept", "status")}
    return Solution(
        chosen=tuple(data["chosen"]),
        served_by_class={int(number): count for number, count in data["served_by_class"].items()},
        stages=tuple(StageResult(**entry) for entry in data["stages"]),
        conflict=None if (found := data["conflict"]) is None else _conflict(found),
        **facts,
    )


def _conflict(data: Mapping[str, Any]) -> Conflict:
    return Conflict(**{name: tuple(values) for name, values in data.items()})
