"""What the clients do all the time: real stories from a need to a closed engagement, and contests for the same thing."""

import itertools
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial

from tests.faults.cast import Cast
from tests.faults.client import Body, RefusedError, UnknownError

AGENCIES = ("UNDP", "IOM")
OFFERING, OTHER_OFFERING = "JEJU-PROTECTION", "JEJU-INTENSIVE"
RUN_SECONDS, PAUSE = 90.0, 0.25
THINK_SECONDS = 0.15  # at most, between two steps
EARLY_MILESTONES = ("needs_analysis", "terms_of_reference", "nominations")
_numbers = itertools.count(1)


class AbandonedError(Exception):
    """The story cannot go on: what it needs did not come about in time."""


@dataclass
class Need:
    """A need of one agency: the body of its request, and the word by which strangers would betray themselves."""

    agency: str
    canary: str
    body: Body


def need(cast: Cast, agency: str, begins: datetime) -> Need:
    """Write a need that a session beginning on that day meets, and no other one."""
    canary = f"CANARY-{agency}-{next(_numbers)}"
    window = {"start": f"{begins - timedelta(days=3):%Y-%m-%d}", "end": f"{begins + timedelta(days=7):%Y-%m-%d}"}
    line = {
        "theme": "trafficking-victims",
        "audience": "local_regional_authorities",
        "country": "PHL",
        "language": "en",
        "participants": {"min": 12, "max": 20},
        "governance_level": "regional",
        "level": "intermediate",
    }
    body = {
        "title": {"en": f"Towns that protect {canary}"},
        "need_statement": {"en": f"Local staff need it to do their work. {canary}"},
        "language": "en",
        "lines": [line],
        "languages": {"must": ["en"], "may": []},
        "forms": ["seminar", "workshop", "blended"],
        "modalities": ["in_person", "blended"],
        "window": {**window, "precision": "day"},
        "place": {"preference": "any"},
        "budget": {"funding_state": "none"},
        "award": "participation",
        "visibility": "agency",
    }
    return Need(agency, canary, body)


def think(cast: Cast) -> None:
    """Take the time that a person takes."""
    time.sleep(cast.chance.random() * THINK_SECONDS)


# --- the steps ----------------------------------------------------------------------------------------------------
def session(cast: Cast, offering: str, begins: datetime, seats: int) -> Body:
    """Plan and open a session of five days."""
    period = {"start": f"{begins:%Y-%m-%d}", "end": f"{begins + timedelta(days=4):%Y-%m-%d}", "precision": "day"}
    facts = {"offering": offering, "period": period, "languages": ["en"], "seats_total": seats, "seats_min": 10}
    planned = cast.partner.post("/sessions", {**facts, "city": "Jeju", "country": "KOR"})
    return cast.partner.post(f"/sessions/{planned['id']}/open")


def opened(cast: Cast, wanted: Need) -> Body:
    """Draft, submit and open a request."""
    requester = cast.requester(wanted.agency)
    draft = requester.post("/requests", wanted.body)
    think(cast)
    requester.post(f"/requests/{draft['id']}/submit")
    think(cast)
    return cast.officer.post(f"/requests/{draft['id']}/open")


def ranked(cast: Cast, request: Body) -> list[Body]:
    """Ask for a ranking, wait for it, and read the proposals; raises AbandonedError."""
    run = cast.officer.post("/match-runs", {"request": request["reference"]})
    give_up_at = time.monotonic() + RUN_SECONDS
    while cast.officer.get(f"/match-runs/{run['id']}")["state"] in ("queued", "running"):
        if time.monotonic() > give_up_at:
            raise AbandonedError(f"run {run['id']} has not ended")
        time.sleep(PAUSE)
    found = cast.officer.all(f"/requests/{request['id']}/proposals")
    return [one for one in found if one["state"] == "suggested"]


def pick(found: list[Body], offering: str) -> Body:
    """Pick the proposal that has this offering alone; raises AbandonedError."""
    for one in found:
        if [part["offering"] for part in one["parts"]] == [offering]:
            return one
    raise AbandonedError(f"no proposal with {offering}")


def consulted(cast: Cast, wanted: Need, proposal: Body) -> str:
    """Shortlist, ask the requester, who prefers it; gives the path."""
    path = f"/proposals/{proposal['id']}"
    cast.officer.post(f"{path}/shortlist")
    cast.officer.post(f"{path}/consult")
    think(cast)
    cast.requester(wanted.agency).post(f"{path}/prefer", {"preference": "preferred", "comment": "The nearest."})
    return path


def approved(cast: Cast, wanted: Need, path: str) -> Body:
    """Approve, by two people where four eyes are due; the partner learns of the need by it."""
    cast.history.grant(cast.partner.login, wanted.canary)
    first = cast.officer.decide(f"{path}/approve", {"reason_text": "Best by score."})
    if first["state"] == "awaiting_second_approval":
        return cast.head.decide(f"{path}/approve", {"reason_text": "Agreed."})
    return first


def part_path(proposal: Body) -> str:
    """Give the path of the only part."""
    return f"/proposals/{proposal['id']}/parts/{proposal['parts'][0]['id']}"


def prepared(cast: Cast, seats: int, *agencies: str) -> tuple[list[Need], list[Body]]:
    """Open one need for each agency, all for the same days and the same session; gives needs and requests."""
    begins = datetime.combine(cast.calendar.next_day(), datetime.min.time(), UTC)
    session(cast, OFFERING, begins, seats)
    needs = [need(cast, agency, begins) for agency in agencies]
    return needs, [opened(cast, one) for one in needs]


# --- the stories --------------------------------------------------------------------------------------------------
def whole_way(cast: Cast) -> None:
    """From the need to the closed engagement."""
    (wanted,), (request,) = prepared(cast, 30, cast.chance.choice(AGENCIES))
    proposal = pick(ranked(cast, request), OFFERING)
    given = approved(cast, wanted, consulted(cast, wanted, proposal))
    answer = cast.partner.post(f"{part_path(given)}/accept")
    carried_out(cast, wanted, f"/engagements/{answer['engagement']}")


def carried_out(cast: Cast, wanted: Need, path: str) -> None:
    """Agree, prepare, deliver, confirm, evaluate and close."""
    requester = cast.requester(wanted.agency)
    cast.partner.post(f"{path}/agree")
    for milestone in cast.officer.all(f"{path}/milestones"):
        if milestone["kind"] in EARLY_MILESTONES:
            cast.officer.post(f"{path}/milestones/{milestone['id']}/complete", {"note": "Done."})
    cast.partner.post(f"{path}/start")
    for delivery in cast.officer.all(f"{path}/deliveries"):
        delivered(cast, f"{path}/deliveries/{delivery['id']}", delivery["state"])
    think(cast)
    requester.post(f"{path}/confirm")
    for level in cast.officer.get(path)["missing_levels"]:
        requester.post(f"{path}/evaluations", evaluation(level))
    cast.officer.decide(f"{path}/close")


def delivered(cast: Cast, path: str, state: str) -> None:
    """Hold one delivery and report it with its numbers."""
    if state == "planned":
        cast.partner.post(f"{path}/start")
    attended = {"stage": "attended", "total": 18, "breakdown": {"sex": {"female": 10, "male": 8}}}
    cast.partner.post(f"{path}/participation", {"participation": [attended]})
    cast.partner.post(f"{path}/deliver", {"report": {"en": "All modules held, eighteen participants."}})


def evaluation(level: int) -> Body:
    """Say what the participants said, or what they had learnt."""
    return {
        "level": level,
        "source": "participants",
        "method": "survey" if level == 1 else "test",
        "instrument": "objective_test",
        "invited": 18,
        "answered": 16,
        "value": "4.40",
        "scale_min": "1",
        "scale_max": "5",
        "collected_on": f"{datetime.now(UTC):%Y-%m-%d}",
        "findings": {"en": "The case work was valued most."},
    }


def last_seats(cast: Cast) -> None:
    """Two agencies want the only twenty seats at the same moment: one gets them, the other one is told so."""
    needs, requests = prepared(cast, 20, *AGENCIES)
    paths = [
        consulted(cast, wanted, pick(ranked(cast, request), OFFERING))
        for wanted, request in zip(needs, requests, strict=True)
    ]
    at_once([partial(approved, wanted=wanted, path=path) for wanted, path in zip(needs, paths, strict=True)], cast)
    for path in paths:
        if cast.officer.get(path)["state"] == "awaiting_second_approval":
            cast.officer.decide(
                f"{path}/decline", {"reason_code": "better_alternative", "reason_text": "No seats left."}
            )


def one_line_two_ways(cast: Cast) -> None:
    """Two proposals for the same line are approved at the same moment: one is, the line is taken for the other."""
    (wanted,), (request,) = prepared(cast, 30, cast.chance.choice(AGENCIES))
    begins = datetime.fromisoformat(wanted.body["window"]["start"]) + timedelta(days=3)
    session(cast, OTHER_OFFERING, begins, 30)
    found = ranked(cast, request)
    paths = [consulted(cast, wanted, pick(found, code)) for code in (OFFERING, OTHER_OFFERING)]
    at_once([partial(approved, wanted=wanted, path=path) for path in paths], cast)


def countered(cast: Cast) -> None:
    """The partner asks for more; requester and secretariat consent at the same moment."""
    (wanted,), (request,) = prepared(cast, 30, cast.chance.choice(AGENCIES))
    given = approved(cast, wanted, consulted(cast, wanted, pick(ranked(cast, request), OFFERING)))
    path = part_path(given)
    cast.partner.post(f"{path}/counter", {"cost": {"amount": "27000.00", "currency": "EUR"}, "reason": "Two trainers."})
    at_once([partial(consented, path=path, agency=agency) for agency in (wanted.agency, "")], cast)


def consented(cast: Cast, path: str, agency: str) -> Body:
    """Agree to what the partner asks for: the agency, or the secretariat where none is named."""
    own = cast.requester(agency) if agency else cast.officer
    return own.post(f"{path}/consent", {"agree": True})


def refused(cast: Cast) -> None:
    """The partner refuses; the requester gives the need up."""
    (wanted,), (request,) = prepared(cast, 30, cast.chance.choice(AGENCIES))
    given = approved(cast, wanted, consulted(cast, wanted, pick(ranked(cast, request), OFFERING)))
    cast.partner.post(
        f"{part_path(given)}/refuse", {"reason_code": "no_capacity", "reason_text": "Our trainers are away."}
    )
    think(cast)
    cast.requester(wanted.agency).post(f"/requests/{request['id']}/withdraw", {"reason_code": "need_changed"})


def drafted(cast: Cast) -> None:
    """A draft is written, changed twice and given up; nobody else ever hears of it."""
    agency = cast.chance.choice(AGENCIES)
    begins = datetime.combine(cast.calendar.next_day(), datetime.min.time(), UTC)
    wanted, requester = need(cast, agency, begins), cast.requester(agency)
    draft = requester.post("/requests", wanted.body)
    for word in ("better", "best"):
        think(cast)
        requester.patch(f"/requests/{draft['id']}", {"title": {"en": f"{word} {wanted.canary}"}})
    requester.post(f"/requests/{draft['id']}/withdraw", {"reason_code": "need_changed"})


Story = Callable[[Cast], None]
STORIES: tuple[tuple[Story, int], ...] = (
    (whole_way, 4),
    (last_seats, 3),
    (one_line_two_ways, 2),
    (countered, 2),
    (refused, 1),
    (drafted, 1),
)


def at_once(steps: list[Callable[[Cast], object]], cast: Cast) -> None:
    """Take several steps at the same moment, each with connections of its own; losers are refused, and that is right."""
    casts = [replace(cast, _clients={}) for _ in steps]

    def take(step: Callable[[Cast], object], own: Cast) -> None:
        with suppress(RefusedError, UnknownError):
            step(own)

    with ThreadPoolExecutor(len(steps)) as pool:
        done = [pool.submit(take, step, own) for step, own in zip(steps, casts, strict=True)]
    for own in casts:
        own.close()
    for one in done:
        one.result()
