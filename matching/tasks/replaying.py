"""Computing a run again: the long half outside of any transaction."""

import time
from datetime import datetime
from typing import Any
from uuid import UUID

from marketplace.kernel.errors import DomainError
from matching.models import MatchRun
from matching.operations import replaying
from matching.queries import replay

SECONDS_BETWEEN_WORDS = 1.0  # of progress


class Words:
    """Tells the job how far the replay is, not more than once a second."""

    def __init__(self, progress: Any) -> None:
        self._progress, self._told = progress, 0.0

    def tell(self, done: int, total: int, stage: str) -> None:
        """Pass a word on. Raises what the job's own word raises: LeaseLost, ShuttingDown."""
        now = time.monotonic()
        if now - self._told >= SECONDS_BETWEEN_WORDS:
            self._told = now
            self._progress(done, total, stage)


def prepare_replay(payload: dict[str, Any], *, at: datetime, progress: Any) -> replaying.Replayed:
    """Compute a run again and compare, or say by its code why that cannot be done."""
    run_id = _run_id(payload)
    began = time.monotonic()
    try:
        found, refusal = replay.replay_run(run_id, progress=Words(progress).tell), ""
    except DomainError as error:  # it would be refused again: say so instead of trying on
        found, refusal = None, error.errors[0].code if error.errors else error.code.value
    return replaying.Replayed(found, refusal, round(time.monotonic() - began, 3))


def write_replay(payload: dict[str, Any], *, at: datetime, prepared: Any, **_: object) -> None:
    """Note what was found."""
    replaying.note_replay(_run_id(payload), payload, prepared, at=at)


def _run_id(payload: dict[str, Any]) -> int:
    return MatchRun.objects.values_list("pk", flat=True).get(public_id=UUID(payload["run"]))
