"""Looking for needs that one joint session would serve."""

from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.kernel.errors import DomainError
from matching.engine import ENGINE_VERSION, EngineError, canonical, pool
from matching.operations import policies, pooling
from matching.queries import inputs
from matching.queries.plan_names import PlanNames, name_of
from matching.queries.portfolio import open_needs
from matching.tasks.beginning import begin_run, end_run

FORMAT = 1  # of the snapshot


def prepare_pooling(payload: dict[str, Any], *, at: datetime, progress: Any) -> pooling.ComputedPools | str | None:
    """Search for pools; gives None for a run that has ended and text for one that cannot be computed."""
    run = begin_run(UUID(payload["run"]), at=at)
    if run is None:
        return None
    progress(0, 2, "reading")
    try:
        market = inputs.market(at=at)
        found = open_needs(at=at)
        progress(1, 2, "pooling")
        policy, day = policies.engine_policy(run.policy), at.date()
        needs = tuple(entry.need for entry in found.needs)
        pools = pool(needs, market.catalogue, policy, as_of=day, rates=market.rates)
    except (EngineError, DomainError) as error:  # the same inputs would fail again: say so instead of trying on
        return str(error)
    content = canonical(
        {
            "format": FORMAT,
            "engine_version": ENGINE_VERSION,
            "mode": pooling.MODE,
            "as_of": day,
            "needs": sorted(needs, key=lambda need: need.id),
            "supply": market.supply.digest,
            "policy": policy,
            "rates": market.rates,
        }
    )
    return pooling.ComputedPools(
        snapshot=content,
        supply=market.supply,
        as_of=day,
        pools=pools,
        searched=len(found.needs),
        names=PlanNames(
            {entry.need.id: entry.reference for entry in found.needs}
            | {key: name_of(row) for key, row in market.rows.items()}
        ),
        left_out=found.left_out,
    )


def write_pooling(payload: dict[str, Any], *, at: datetime, prepared: Any, **_: object) -> None:
    """Write the answer of a search, or why there is none."""
    end_run(payload, prepared, at=at, write=pooling.write_pools)
