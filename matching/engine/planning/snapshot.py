"""The inputs of a planning run as bytes, the same for the same inputs in whatever order."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from matching.engine.keeping.reading import decode
from matching.engine.keeping.snapshot import FORMAT, Supply, canonical
from matching.engine.planning.results import Planned
from matching.engine.planning.types import MarketChanges, PlanNeed, PlanParameters, PlanTask
from matching.engine.policy import Policy
from matching.engine.reference.rates import Rates


@dataclass(frozen=True, slots=True)
class PlanInputs:
    """All inputs of a planning run; `supply` is the digest of what `decode_supply` reads, `instance` that of the problem.

    The market is as it was, without the changes of a "what if": those are told apart.
    """

    format: int
    engine_version: str
    as_of: date
    needs: tuple[PlanNeed, ...]
    parameters: PlanParameters
    changes: MarketChanges
    previous: Mapping[str, tuple[str, str]]
    supply: str
    policy: Policy
    rates: Rates
    instance: str

    @property
    def task(self) -> PlanTask:
        """Return what was planned."""
        return PlanTask(self.needs, self.parameters, self.changes, self.previous)


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
    inputs = PlanInputs(
        format=FORMAT,
        engine_version=engine_version,
        as_of=as_of,
        needs=task.needs,
        parameters=task.parameters,
        changes=task.changes,
        previous=task.previous,
        supply=supply.digest,
        policy=policy,
        rates=rates,
        instance=instance_digest,
    )
    return canonical(inputs)


def decode_plan(content: bytes) -> PlanInputs:
    """Read what `plan_snapshot` wrote. Raises EngineError(bad_snapshot, other_engine)."""
    return decode(PlanInputs, content)


def plan_bytes(planned: Planned) -> bytes:
    """Return a plan as canonical JSON, to compare a replay with the run."""
    return canonical(planned)
