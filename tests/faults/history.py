"""What the clients did and saw, as it happened: one JSON object a line, written before and after each attempt."""

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

OK, REFUSED, UNKNOWN = "ok", "refused", "unknown"
COLLECTIONS = ("requests", "sessions", "match-runs", "evaluations")
FACTS = ("id", "reference", "state", "version")  # of an answer, kept beside its digest

Record = dict[str, Any]


@dataclass
class Attempt:
    """One request on the wire; without ``status`` no answer came."""

    request_id: str
    sent: float
    answered: float | None = None
    status: int | None = None
    digest: str = ""
    replayed: bool = False
    error: str = ""

    @property
    def accepted(self) -> bool:
        """Whether it was answered with 2xx."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def refused(self) -> bool:
        """Whether it was answered with a refusal, which changes nothing."""
        return self.status is not None and 400 <= self.status < 500


@dataclass
class Call:
    """One wish of a client, with the key that makes its attempts one."""

    number: int
    client: str
    method: str
    path: str
    key: str
    attempts: list[Attempt] = field(default_factory=list)
    facts: Record = field(default_factory=dict)

    @property
    def outcome(self) -> str:
        """What the client may believe: done, not done, or nobody knows."""
        if any(attempt.accepted for attempt in self.attempts):
            return OK
        if self.attempts and all(attempt.refused for attempt in self.attempts):
            return REFUSED
        return UNKNOWN

    @property
    def verb(self) -> str:
        """The last word of the path where it is a verb of a thing, "created" for a POST to a collection."""
        if self.method == "PATCH":
            return "changed"
        word = self.path.rpartition("/")[2]
        return "created" if word in COLLECTIONS else word

    @property
    def thing(self) -> str:
        """Public id or reference of the thing that it was about; of a creation, the id of what came of it."""
        if self.verb == "created":
            return str(self.facts.get("id", ""))
        words = self.path.strip("/").split("/")
        return words[-1] if self.method == "PATCH" else words[-2]

    @property
    def span(self) -> tuple[float, float]:
        """From the first word to the last one."""
        ends = [attempt.answered or attempt.sent for attempt in self.attempts]
        return self.attempts[0].sent, max(ends)


@dataclass
class Page:
    """One page of the feed: where the reader stood and what came, as (sequence, id)."""

    reader: str
    after: int
    events: list[tuple[int, str]]


@dataclass
class Arrival:
    """A call of a webhook's receiver, at the moment of its answer; ``sequence`` 0 is a ping."""

    owner: str  # code of the organization
    event: str
    subject: str
    sequence: int
    valid: bool  # the signature
    status: int  # what it was answered
    at: float


@dataclass
class Sight:
    """A canary that a reader saw in an answer."""

    reader: str
    path: str
    canary: str
    at: float


@dataclass
class Grant:
    """From this moment on the reader may see the canary."""

    reader: str
    canary: str
    at: float


@dataclass
class Fault:
    """One fault: when it began and ended, and when a write and a job had succeeded again."""

    number: int
    shape: str
    kind: str
    began: float
    ended: float
    recovered: float | None = None

    @property
    def recovery(self) -> float | None:
        """Seconds from its end until the product worked again; None where it did not."""
        return None if self.recovered is None else self.recovered - self.ended


class History:
    """The memory of a run, and the file that outlives it."""

    def __init__(self, file: TextIO | None = None, *, run: str = "run") -> None:
        self.run = run
        self.calls: dict[int, Call] = {}
        self.pages: list[Page] = []
        self.sights: list[Sight] = []
        self.grants: list[Grant] = []
        self.arrivals: list[Arrival] = []
        self.faults: list[Fault] = []
        self._file = file
        self._lock = threading.Lock()

    # --- what happens ---
    def call(self, client: str, method: str, path: str, key: str) -> Call:
        """Note that a client wants something."""
        with self._lock:
            call = Call(len(self.calls) + 1, client, method, path, key)
            self.calls[call.number] = call
        self._write("call", {"number": call.number, "client": client, "method": method, "path": path, "key": key})
        return call

    def sent(self, call: Call) -> Attempt:
        """Note, before it goes out, an attempt; its request id names it in the product's audit trail."""
        attempt = Attempt(f"{self.run}-{call.number}-{len(call.attempts) + 1}", time.time())
        call.attempts.append(attempt)
        self._write("sent", {"number": call.number, "request_id": attempt.request_id, "sent": attempt.sent})
        return attempt

    def answered(self, call: Call, attempt: Attempt, facts: Record | None = None) -> None:
        """Note how an attempt ended."""
        attempt.answered = time.time()
        if facts and not call.facts:
            call.facts = {name: facts[name] for name in FACTS if name in facts}
        self._write("answered", {"number": call.number, "facts": call.facts, **asdict(attempt)})

    def page(self, page: Page) -> None:
        """Note a page of the feed."""
        self.pages.append(page)
        self._write("page", asdict(page))

    def sight(self, reader: str, path: str, canaries: Iterable[str]) -> None:
        """Note the canaries in an answer."""
        for canary in canaries:
            seen = Sight(reader, path, canary, time.time())
            self.sights.append(seen)
            self._write("sight", asdict(seen))

    def grant(self, reader: str, canary: str) -> None:
        """Note that a reader is about to be told of the canary's thing."""
        grant = Grant(reader, canary, time.time())
        self.grants.append(grant)
        self._write("grant", asdict(grant))

    def arrival(self, arrival: Arrival) -> None:
        """Note what a receiver got, before it is answered."""
        self.arrivals.append(arrival)
        self._write("arrival", asdict(arrival))

    def fault(self, fault: Fault) -> None:
        """Note a fault and its recovery."""
        self.faults.append(fault)
        self._write("fault", asdict(fault))

    def _write(self, kind: str, facts: Record) -> None:
        if self._file is not None:
            line = json.dumps({"record": kind, **facts}, separators=(",", ":"))
            with self._lock:
                self._file.write(f"{line}\n")
                self._file.flush()

    # --- what was written ---
    @classmethod
    def read(cls, path: Path) -> "History":
        """Read a history again, to check it again."""
        history = cls()
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                facts = json.loads(line)
                READERS[facts.pop("record")](history, facts)
        return history


def _read_call(history: History, facts: Record) -> None:
    history.calls[facts["number"]] = Call(**facts)


def _read_sent(history: History, facts: Record) -> None:
    number = facts.pop("number")
    history.calls[number].attempts.append(Attempt(**facts))


def _read_answered(history: History, facts: Record) -> None:
    call = history.calls[facts.pop("number")]
    call.facts = facts.pop("facts")
    places = [attempt.request_id for attempt in call.attempts]
    call.attempts[places.index(facts["request_id"])] = Attempt(**facts)


def _read_page(history: History, facts: Record) -> None:
    events = [(number, name) for number, name in facts.pop("events")]
    history.pages.append(Page(**facts, events=events))


def _read_sight(history: History, facts: Record) -> None:
    history.sights.append(Sight(**facts))


def _read_grant(history: History, facts: Record) -> None:
    history.grants.append(Grant(**facts))


def _read_arrival(history: History, facts: Record) -> None:
    history.arrivals.append(Arrival(**facts))


def _read_fault(history: History, facts: Record) -> None:
    history.faults.append(Fault(**facts))


READERS: dict[str, Callable[[History, Record], None]] = {
    "call": _read_call,
    "sent": _read_sent,
    "answered": _read_answered,
    "page": _read_page,
    "sight": _read_sight,
    "grant": _read_grant,
    "arrival": _read_arrival,
    "fault": _read_fault,
}
