"""The inputs of a planning run as bytes, the same for the same inputs in whatever order."""

from datetime import date

from matching.engine.planning.results import Planned
from matching.engine.planning.types import PlanTask
from matching.engine.policy import Policy
from matching.engine.rates import Rates
from matching.engine.snapshot import FORMAT, Supply, canonical


def plan_snapshot(
    task: PlanTask,
    supply: Supply,
    policy: Policy,
    *,
    as_of: date,
    rates: Rates,
    engine_version: str,
    instance_digest: str,
) -> bytes:
    """Return all inputs of `plan_all` as canonical JSON; the supply (as it is, without changes) by its digest."""
    return canonical(
        {
            "format": FORMAT,
            "kind": "plan",
            "engine_version": engine_version,
            "as_of": as_of,
            "needs": task.needs,
            "parameters": task.parameters,
            "changes": task.changes,
            "previous": task.previous,
            "supply": supply.digest,
            "policy": policy,
            "rates": rates,
            "instance": instance_digest,
        }
    )


def plan_bytes(planned: Planned) -> bytes:
    """Return a plan as canonical JSON, to compare a replay with the run."""
    return canonical(planned)
