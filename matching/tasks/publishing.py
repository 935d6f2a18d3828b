"""Publishing a plan: request by request, each in a short transaction of its own."""

import time
from datetime import datetime
from typing import Any
from uuid import UUID

from matching.models import MatchRun
from matching.operations import publishing
from matching.operations.writing import Rows
from matching.queries import inputs
from matching.queries.publication import STAGE

SECONDS_BETWEEN_WORDS = 1.0  # of progress to the job; the run itself counts every request
MARKET_EVERY = 25  # requests: so long an offering may be gone unnoticed, as in any other transaction of that length


def prepare_publication(payload: dict[str, Any], *, at: datetime, progress: Any) -> None:
    """Write the suggestions that are not written yet; ends early where the plan was superseded."""
    run_id = _run_id(payload)
    lines = publishing.planned_lines(run_id)
    served = publishing.served_requests(lines)
    kept = MatchRun.objects.values_list("publication", flat=True).get(pk=run_id)
    first, told = kept.get("done", 0), 0.0
    rows: Rows = {}
    for position in range(first, len(served)):
        if time.monotonic() - told >= SECONDS_BETWEEN_WORDS:
            told = time.monotonic()
            progress(position, len(served), STAGE)
        if (position - first) % MARKET_EVERY == 0:
            rows = inputs.market(at=at).rows
        planned = lines[served[position]]
        if not publishing.publish_request(run_id, payload["job"], position, planned, rows, at=at):
            return


def close_publication(payload: dict[str, Any], *, at: datetime, **_: object) -> None:
    """End the publication in the transaction that ends the job."""
    publishing.close_publication(_run_id(payload), payload, at=at)


def _run_id(payload: dict[str, Any]) -> int:
    return MatchRun.objects.values_list("pk", flat=True).get(public_id=UUID(payload["run"]))
