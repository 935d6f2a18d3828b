"""The steps of the walk, in the words of the domain; each is one or a few calls of somebody who may make them."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from tests.kit.caller import Body, Caller

RUN_SECONDS, FEED_SECONDS, PAUSE = 60, 30, 0.2
AHEAD = count(120, 11)  # days from today on which the next session of this walk begins: none meets another


@dataclass
class Demo:
    """The running demo: its address and its accounts, as `demo.json` tells them."""

    base_url: str
    accounts: list[Body]
    callers: dict[str, Caller] = field(default_factory=dict)

    @classmethod
    def read(cls, file: Path) -> "Demo":
        """Read the file that the demo wrote."""
        told = json.loads(file.read_text(encoding="utf-8"))
        return cls(told["base_url"], told["accounts"])

    def account(self, role: str, organization: str = "", nth: int = 0) -> Body:
        """Find the account of a role; of several, the nth."""
        fitting = [one for one in self.accounts if one["role"] == role and organization in ("", one["organization"])]
        return fitting[nth]

    def caller(self, role: str, organization: str = "", nth: int = 0) -> Caller:
        """Speak with the account's token."""
        account = self.account(role, organization, nth)
        login = account["login"]
        if login not in self.callers:
            self.callers[login] = Caller(self.base_url, account["token"], login)
        return self.callers[login]

    @contextmanager
    def anybody(self, token: str = "", **headers: str) -> Iterator[Caller]:
        """Speak without an account of the demo."""
        caller = Caller(self.base_url, token, "anybody", **headers)
        yield caller
        caller.close()

    def close(self) -> None:
        """Let all connections go."""
        for caller in self.callers.values():
            caller.close()

    @property
    def requester(self) -> Caller:
        """The focal point of UNDP."""
        return self.caller("focal_point", "UNDP")

    @property
    def stranger(self) -> Caller:
        """The focal point of another agency."""
        return self.caller("focal_point", "IOM")

    @property
    def officer(self) -> Caller:
        """The officer of the secretariat who belongs to no partner."""
        return self.caller("secretariat_officer", nth=0)

    @property
    def recused_officer(self) -> Caller:
        """The officer who also belongs to UNITAR-HMP, a partner of the platform HMLP."""
        return self.caller("secretariat_officer", nth=1)

    @property
    def head(self) -> Caller:
        """The head of the secretariat."""
        return self.caller("secretariat_head")

    @property
    def jeju(self) -> Caller:
        """Staff of the provider CIFAL-JEJU."""
        return self.caller("provider_staff", "CIFAL-JEJU")

    @property
    def platform(self) -> Caller:
        """Staff of the provider HMLP."""
        return self.caller("provider_staff", "HMLP")


def today() -> date:
    """Give the day on which the demo runs."""
    return datetime.now(UTC).date()


# --- what is offered ----------------------------------------------------------------------------------------------
def plan_session(staff: Caller, offering: str, *, seats: int, begins: date | None = None, **place: str) -> Body:
    """Plan and open a session of five days, so far ahead that lead times and enrolment allow it."""
    begins = begins or today() + timedelta(days=next(AHEAD))
    facts = {
        "offering": offering,
        "period": {"start": str(begins), "end": str(begins + timedelta(days=4)), "precision": "day"},
        "languages": ["en"],
        "seats_total": seats,
        "seats_min": 10,
        **place,
    }
    session = staff.post("/sessions", facts, expect=201)
    return staff.post(f"/sessions/{session['id']}/open")


# --- what is asked ------------------------------------------------------------------------------------------------
def line(theme: str, audience: str, country: str, participants: tuple[int, int]) -> Body:
    """Write one line of a need, in English."""
    return {
        "theme": theme,
        "audience": audience,
        "country": country,
        "language": "en",
        "participants": {"min": participants[0], "max": participants[1]},
        "governance_level": "regional",
        "level": "intermediate",
    }


def need(title: str, lines: list[Body], window: tuple[str, str], **more: Any) -> Body:
    """Write a need for a time between two days."""
    return {
        "title": {"en": title},
        "need_statement": {"en": f"{title}: local staff need it to do their work."},
        "language": "en",
        "lines": lines,
        "languages": {"must": ["en"], "may": []},
        "forms": ["seminar", "workshop", "blended"],
        "modalities": ["in_person", "blended"],
        "window": {"start": window[0], "end": window[1], "precision": "day"},
        "place": {"preference": "any"},
        "budget": {"funding_state": "none"},
        "award": "participation",
        "visibility": "agency",
        **more,
    }


def window_around(session: Body) -> tuple[str, str]:
    """Give a window in which the session lies, and no other of this walk."""
    period = session["period"]
    margin = timedelta(days=3)
    return str(date.fromisoformat(period["start"]) - margin), str(date.fromisoformat(period["end"]) + margin)


def open_need(demo: Demo, body: Body) -> Body:
    """Draft, submit and open a request."""
    draft = demo.requester.post("/requests", body, expect=201)
    submitted = demo.requester.post(f"/requests/{draft['id']}/submit")
    return demo.officer.post(f"/requests/{submitted['reference']}/open")


def rank(demo: Demo, reference: str) -> Body:
    """Ask for a matching run and wait for its answer, as long as its `Retry-After` says between two looks."""
    asked = demo.officer.call("POST", "/match-runs", {"request": reference}, expect=202)
    deadline = time.monotonic() + RUN_SECONDS
    while True:
        run = demo.officer.get(asked.headers["Location"])
        if run["state"] not in ("queued", "running"):
            return run
        assert time.monotonic() < deadline, f"the run has not ended: {run}"
        time.sleep(PAUSE)


def proposals(demo: Demo, reference: str) -> list[Body]:
    """Read the proposals for a request that nothing has taken the place of, best first."""
    found = demo.officer.all(f"/requests/{reference}/proposals")
    return [one for one in found if one["state"] != "superseded"]


def matched(demo: Demo, body: Body) -> tuple[Body, list[Body]]:
    """Open a need, have it ranked, and give request and proposals."""
    request = open_need(demo, body)
    run = rank(demo, request["reference"])
    assert run["state"] == "complete", run
    return request, proposals(demo, request["reference"])


def by_offerings(found: list[Body], *offerings: str) -> Body:
    """Pick the proposal that has exactly these offerings."""
    fitting = [one for one in found if sorted(part["offering"] for part in one["parts"]) == sorted(offerings)]
    assert fitting, [[part["offering"] for part in one["parts"]] for one in found]
    return fitting[0]


# --- what is decided ----------------------------------------------------------------------------------------------
def consult(demo: Demo, proposal: Body) -> str:
    """Shortlist, ask the requester, who prefers it; gives the path of the proposal."""
    path = f"/proposals/{proposal['id']}"
    demo.officer.post(f"{path}/shortlist")
    demo.officer.post(f"{path}/consult")
    demo.requester.post(f"{path}/prefer", {"preference": "preferred", "comment": "The nearest to our staff."})
    return path


def approve(demo: Demo, path: str) -> Body:
    """Approve, by two people where four eyes are due."""
    first = demo.officer.decide(f"{path}/approve", {"reason_text": "Best by score."})
    if first["state"] == "awaiting_second_approval":
        return demo.head.decide(f"{path}/approve", {"reason_text": "Agreed."})
    return first


def part_of(proposal: Body, offering: str) -> str:
    """Give the path of the part with an offering."""
    part = next(part for part in proposal["parts"] if part["offering"] == offering)
    return f"/proposals/{proposal['id']}/parts/{part['id']}"


def agreed_engagement(demo: Demo, title: str) -> tuple[Body, Body]:
    """Take a need of one line all the way to an agreed engagement with CIFAL-JEJU; gives request and engagement."""
    session = plan_session(demo.jeju, "JEJU-PROTECTION", seats=30, city="Jeju", country="KOR")
    lines = [line("trafficking-victims", "local_regional_authorities", "PHL", (12, 20))]
    request, found = matched(demo, need(title, lines, window_around(session)))
    path = consult(demo, by_offerings(found, "JEJU-PROTECTION"))
    approved = approve(demo, path)
    answer = demo.jeju.post(f"{part_of(approved, 'JEJU-PROTECTION')}/accept")
    engagement = demo.jeju.post(f"/engagements/{answer['engagement']}/agree")
    return request, engagement


# --- what became true ---------------------------------------------------------------------------------------------
def feed(caller: Caller, *, until: str = "") -> list[Body]:
    """Read the whole feed, page by page; with ``until``, wait for an event of that type to be published."""
    events: list[Body] = []
    url = "/events?after=0&limit=100"
    deadline = time.monotonic() + FEED_SECONDS
    while True:
        page = caller.get(url)
        events += page["results"]
        url = page["next"]
        if page["results"]:
            continue
        if not until or any(event["type"] == until for event in events):
            return events
        assert time.monotonic() < deadline, f"no {until} in the feed of {caller.name}"
        time.sleep(PAUSE)
