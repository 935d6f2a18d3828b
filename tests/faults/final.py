"""The state at the end, read through the API once everything has come to rest; the witness adds what no API shows."""

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.faults import witness
from tests.faults.cast import Cast
from tests.faults.client import Body
from tests.faults.history import History
from tests.faults.load import FEED_READERS
from tests.faults.receiver import OWNERS
from tests.faults.shapes import Shape

REST_SECONDS, LOOK_SECONDS = 120.0, 0.5
SOON = timedelta(minutes=15)  # a job due within it is one that is tried again, not one that waits for a deadline
READERS_OF_NOTICES = ("demo-focal-en", "demo-focal-iom", "demo-officer", "demo-provider")

Rows = list[dict[str, Any]]


@dataclass
class Final:
    """What is there in the end; ``feeds`` and ``notices`` by login."""

    since: str = ""
    feeds: dict[str, Rows] = field(default_factory=dict)
    audit: Rows = field(default_factory=list)  # oldest first
    open_jobs: Rows = field(default_factory=list)  # waiting, running or dead when everything should be done
    runs: Rows = field(default_factory=list)
    requests: Rows = field(default_factory=list)  # as their agencies see them, drafts included
    proposals: Rows = field(default_factory=list)
    sessions: Rows = field(default_factory=list)
    windows: Rows = field(default_factory=list)
    engagements: Rows = field(default_factory=list)
    notices: dict[str, Rows] = field(default_factory=dict)
    outbox: Rows = field(default_factory=list)  # witness
    hooks: dict[str, Rows] = field(default_factory=dict)  # what the owner of a webhook finds in the feed, by owner
    hooks_begin: dict[str, int] = field(
        default_factory=dict
    )  # the sequence after which the webhook must get everything
    holds: Rows = field(default_factory=list)  # witness
    keys: Rows = field(default_factory=list)  # witness: keys with more than one stored answer

    def write(self, path: Path) -> None:
        """Keep it, so that it can be checked again."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> "Final":
        """Read what was kept."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))


def rest(cast: Cast) -> bool:
    """Wait until no job is left that would run soon and the feed stands still; tells whether that came about."""
    give_up_at = time.monotonic() + REST_SECONDS
    quiet, head = 0, -1
    while time.monotonic() < give_up_at:
        events = cast.officer.get(f"/events?after={max(head, 0)}&limit=1000")["after"]
        quiet = quiet + 1 if not unfinished(cast) and events == head else 0
        head = events
        if quiet == 2:
            return True
        time.sleep(LOOK_SECONDS)
    return False


def unfinished(cast: Cast) -> Rows:
    """List the jobs that wait for nothing but a worker, run, or died; deadlines of next week are not among them."""
    soon = datetime.now(UTC) + SOON
    jobs = cast.officer.all("/jobs?state=queued,running,dead&page_size=200")
    return [job for job in jobs if job["state"] != "queued" or datetime.fromisoformat(job["due_at"]) < soon]


def read(cast: Cast, shape: Shape, since: str) -> Final:
    """Read everything that the checkers look at."""
    whole: Callable[[str], str] = "/{}?page_size=200".format
    officer = cast.officer
    final = Final(
        since=since,
        feeds={login: _feed(cast, login) for login in FEED_READERS},
        audit=cast.client("demo-auditor").all(f"/audit?page_size=200&since={since}")[::-1],
        open_jobs=unfinished(cast),
        runs=officer.all(whole("match-runs")),
        requests=[one for agency in ("UNDP", "IOM") for one in cast.requester(agency).all(whole("requests"))],
        proposals=[_brief(one) for one in officer.all("/proposals?page_size=200")],
        sessions=officer.all(whole("sessions")),
        windows=officer.all(whole("capacity-windows")),
        engagements=officer.all(whole("engagements")),
        hooks={owner: _feed(cast, login) for owner, login in OWNERS.items()},
        notices={login: cast.client(login).all(whole("notifications")) for login in READERS_OF_NOTICES},
    )
    for name, rows in witness.look(shape.database_url).items():
        setattr(final, name, rows)
    return final


def _feed(cast: Cast, login: str) -> Rows:
    events: Rows = []
    after = 0
    while True:
        page = cast.client(login).get(f"/events?after={after}&limit=1000")
        if not page["results"]:
            return events
        events += page["results"]
        after = page["after"]


def _brief(proposal: Body) -> Body:
    """Leave the reasons out; they are most of a proposal's text."""
    return {name: value for name, value in proposal.items() if name not in ("reasons", "breakdown", "links")}


def wait_for_readers(history: History, final: Final, seconds: float = 20.0) -> None:
    """Let the readers of the feed come to the end of it."""
    ends = {login: events[-1]["sequence"] if events else 0 for login, events in final.feeds.items()}
    give_up_at = time.monotonic() + seconds
    while time.monotonic() < give_up_at:
        read_to = {
            login: max((p.events[-1][0] for p in history.pages if p.reader == login), default=0) for login in ends
        }
        if all(read_to[login] >= end for login, end in ends.items()):
            return
        time.sleep(LOOK_SECONDS)
