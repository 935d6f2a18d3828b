"""Looking, for a need that has become visible, which saved searches it meets."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.work.operations import NewJob, enqueue_many
from matching.operations import watches
from matching.operations.policies import current_policy, engine_policy
from matching.queries.watches import met_by, untold, watches_to_tell
from requests_app import queries as requests

BATCH = 50  # searches in one job and one transaction
TELL = "matching.tell_watches"


def spread(payload: dict[str, Any], *, at: datetime) -> None:
    """Have the searches that were not told of a need yet looked at, a batch in a job."""
    request_id = requests.request_id_of(UUID(payload["resource_id"]))
    if request_id is not None and requests.is_open(request_id):
        enqueue_many(_jobs(request_id, payload), at=at)


def _jobs(request_id: int, payload: dict[str, Any]) -> Iterator[NewJob]:
    waiting = watches_to_tell(request_id)
    for start in range(0, len(waiting), BATCH):
        work = {"request": payload["resource_id"], "watches": waiting[start : start + BATCH]}
        yield NewJob(TELL, work, f"{TELL}:{payload['event']}:{start}")


def prepare_telling(payload: dict[str, Any], *, at: datetime, progress: Any) -> list[int]:
    """Look which searches of a batch a need meets; one that was closed meanwhile is news for nobody."""
    request_id = requests.request_id_of(UUID(payload["request"]))
    if request_id is None or not requests.is_open(request_id):
        return []
    rows = list(untold(payload["watches"], request_id))
    progress(0, len(rows), "weighing")
    met = met_by(rows, request_id, engine_policy(current_policy(at=at)), at=at)
    return [watch.pk for watch, _ in met]


def tell_watches(payload: dict[str, Any], *, at: datetime, prepared: Any, **_: object) -> None:
    """Tell the searches that were found; each is looked at once more, for what is told is seen at this moment."""
    request_id = requests.request_id_of(UUID(payload["request"]))
    if request_id is not None and prepared:
        watches.tell_watches(watch_ids=prepared, request_id=request_id, at=at)
