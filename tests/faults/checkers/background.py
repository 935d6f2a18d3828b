"""What goes on behind the calls: every job ends, every run ends, each consequence comes once; and nobody sees too much."""

from collections import Counter
from typing import Any

from tests.faults.cast import OFFICERS, OWN_CANARIES
from tests.faults.checkers import Violation, broken, doubled, lost
from tests.faults.checkers.effects import plain
from tests.faults.final import Final
from tests.faults.history import History

UNDER_WAY = ("queued", "running")
HONEST_FAILURES = (502, 503, 504)  # "not now": the rest of 5xx is a mistake of the product's


def work(history: History, final: Final) -> list[Violation]:
    """See that nothing waits, runs or died, and that each consequence of an event came once."""
    found = [lost(f"job {one['kind']} {one['id']} is {one['state']}: {_last(one)}") for one in final.open_jobs]
    found += [lost(f"run {run['id']} is still {run['state']}") for run in final.runs if run["state"] in UNDER_WAY]
    found += [broken(f"run {run['id']} failed: {run['error']}") for run in final.runs if run["state"] == "failed"]
    return [*found, *_notices(final), *_first_runs(final)]


def _last(job: dict[str, Any]) -> str:
    lines = str(job["last_error"]).strip().splitlines()
    return lines[0] if lines else "no error"


def _notices(final: Final) -> list[Violation]:
    found = []
    for login, notices in final.notices.items():
        counts = Counter(
            (one["subject"], one["step"], one["about"]["id"], one["due_at"], one["created_at"]) for one in notices
        )
        found += [doubled(f"{login} was told {count} times: {what}") for what, count in counts.items() if count > 1]
    return found


def _first_runs(final: Final) -> list[Violation]:
    """See that the opening of a request was followed by one run of the engine's own accord."""
    opened = Counter(plain(event["request_id"]) for event in final.outbox if event["type"] == "training_request.opened")
    begun = Counter(plain(row["request_id"]) for row in final.audit if _is_own_run(row))
    return [
        doubled(f"{begun[request]} runs follow from the opening in {request}")
        for request in opened
        if request and begun[request] > 1
    ]


def _is_own_run(row: dict[str, Any]) -> bool:
    return bool(row["resource"] == "match_run" and row["action"] == "created" and row["actor_kind"] == "system")


def tenancy(history: History, final: Final) -> list[Violation]:
    """See that no reader saw the canary of a thing that is neither theirs nor shown to them."""
    granted = {(grant.reader, grant.canary): grant.at for grant in reversed(history.grants)}
    found = []
    for sight in history.sights:
        owner = sight.canary.split("-")[1]
        if sight.reader in OFFICERS or OWN_CANARIES.get(sight.reader) == owner:
            continue
        since = granted.get((sight.reader, sight.canary))
        if since is None or sight.at < since:
            found.append(broken(f"{sight.reader} saw {sight.canary} in {sight.path}", sight.at))
    return found


def answers(history: History, final: Final) -> list[Violation]:
    """See that no call, whatever was away, was answered with a mistake of the product's."""
    return [
        broken(f"call {call.number} ({call.method} {call.path}) was answered with {attempt.status}", attempt.sent)
        for call in history.calls.values()
        for attempt in call.attempts
        if attempt.status is not None and attempt.status >= 500 and attempt.status not in HONEST_FAILURES
    ]
