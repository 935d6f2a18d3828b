"""Reading the market ahead, so that no run has to wait for it: seconds with thousands of offerings."""

from datetime import datetime

from marketplace.work.registry import warm_up
from matching.operations.supplies import keep_ahead
from matching.queries import inputs


@warm_up("matching.market")
def read_market(*, at: datetime) -> None:
    """Bring the market that this process keeps up to date; reads little where little changed, and next to nothing else."""
    keep_ahead(inputs.market(at=at).supply)
