"""The six commands; each gives the exit code."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from string import punctuation
from urllib.parse import quote
from uuid import uuid4

from clients.cli import showing
from clients.cli.connection import Answer, Body, Marketplace, RefusedError, UnreachableError
from clients.cli.words import gettext as _

PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between two tries while nobody answers
WAIT = 20  # seconds that one call waits in the feed
RUNNING = ("queued", "running")
LONGEST_ASKED = 3600.0  # seconds that we wait because an answer says so
BUSY = (429, 502, 503, 504)  # too much is asked, or a proxy has nobody behind it: later it may be well
IN_FLIGHT = "idempotency_in_flight"  # code of the refusal while a call with the same key is under way
MOST_ON_PAGE = 200
OK, UNMET = 0, 4


class WordsError(Exception):
    """What was typed cannot be meant; the message says why."""


class UnknownError(UnreachableError):
    """Whether a write was done is not known: `hint` says how to repeat it, `problem` says all to programs, and `refused`
    is the failure where one was told.
    """

    def __init__(self, why: RefusedError | UnreachableError, key: str) -> None:
        self.hint = _hint(key)
        super().__init__(f"{why}\n{self.hint}")
        self.refused = why if isinstance(why, RefusedError) else None
        told = why.problem if isinstance(why, RefusedError) else {"code": "", "detail": str(why)}
        self.problem: Body = {**told, "idempotency_key": key}


def below(*names: str) -> str:
    """Give the path of a thing; its name may hold anything, what comes before it is a path already."""
    return "/".join([quote(names[0].strip("/"), safe=punctuation), *(quote(name, safe="") for name in names[1:])])


def show(one: Body, *, json_wanted: bool) -> int:
    """Show one thing in the form that was asked for."""
    if json_wanted:
        showing.as_json(one)
    else:
        showing.one(one)
    return OK


# --- reading ------------------------------------------------------------------------------------------------------
def list_things(place: Marketplace, given: argparse.Namespace) -> int:
    """List things page by page until there are enough."""
    query: dict[str, list[str]] = {}
    for name, value in map(_pair, given.filter):  # one name may come several times
        query.setdefault(name, []).append(value)
    found = islice(_pages(place, below(given.things), query, given.limit), min(given.limit, sys.maxsize))
    if given.json:
        for thing in found:  # one by one, so that a reader may stop early
            showing.as_json(thing)
    else:
        showing.table(list(found))
    return OK


def _pair(word: str) -> tuple[str, str]:
    name, equals, value = word.partition("=")
    if not name or not equals:
        raise WordsError(_("A filter is written name=value, not %s.") % word)
    return name, value


def _pages(place: Marketplace, path: str, query: Body, wanted: int = 0) -> Iterator[Body]:
    page = _first_page(place, path, query, min(wanted, MOST_ON_PAGE))
    if "results" not in page:
        raise WordsError(_("%s is one thing, no list: use show.") % path)
    yield from page["results"]
    while page.get("next") and page["results"]:  # the feed always has a next page; an empty one is its end for now
        page = place.get(page["next"])
        yield from page["results"]


def _first_page(place: Marketplace, path: str, query: Body, size: int) -> Body:
    """Read the first page, with ``size`` things where that is not 0; lists that know no size of a page give all at once."""
    try:
        return place.get(path, {"page_size": size, **query})
    except RefusedError as error:
        if "page_size" in query or not _knows_no_size(error.problem):
            raise
    return place.get(path, query)


def _knows_no_size(problem: Body) -> bool:
    return problem["code"] == "unknown_parameter" and any(
        one.get("parameter") == "page_size" for one in problem.get("errors") or []
    )


def show_thing(place: Marketplace, given: argparse.Namespace) -> int:
    """Show one thing by id, reference or code."""
    return show(place.get(below(given.things, given.name)), json_wanted=given.json)


# --- writing ------------------------------------------------------------------------------------------------------
def create(place: Marketplace, given: argparse.Namespace) -> int:
    """Create a thing from JSON in a file or on standard input."""
    return show(_post_once(place, below(given.things), _read(given.file), given.key).body, json_wanted=given.json)


def submit(place: Marketplace, given: argparse.Namespace) -> int:
    """Submit a draft."""
    path = below(given.things, given.name, "submit")
    return show(_post_once(place, path, None, given.key).body, json_wanted=given.json)


def _post_once(place: Marketplace, path: str, body: object, key: str | None) -> Answer:
    """Post under a key, so that nobody who repeats it after silence does it twice. Raises RefusedError, UnknownError."""
    key = key or str(uuid4())
    try:
        return place.post(path, body, Idempotency_Key=key)
    except RefusedError as error:
        if _is_refusal(error.problem):
            raise
        raise UnknownError(error, key) from None
    except UnreachableError as error:
        raise UnknownError(error, key) from None
    except KeyboardInterrupt:  # who lost patience needs the key as well
        showing.err().print(_hint(key), markup=False)
        raise


def _is_refusal(problem: Body) -> bool:
    # A web server may die after it has written, and the proxy then answers 5xx for it; a call under way may yet be done.
    return bool(problem["status"] < HTTPStatus.INTERNAL_SERVER_ERROR and problem["code"] != IN_FLIGHT)


def _hint(key: str) -> str:
    return _("Whether it was done is not known. Repeat it with --key %s: it is never done twice.") % key


def _read(file: str) -> object:
    try:
        # Bytes, since JSON is UTF-8 whatever the shell writes.
        return json.loads(sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes())
    except OSError as error:
        raise WordsError(f"{file}: {_(error.strerror or str(error))}") from None
    except (ValueError, RecursionError) as error:
        raise WordsError(_("%(file)s is no JSON: %(why)s") % {"file": file, "why": error}) from None


# --- matching -----------------------------------------------------------------------------------------------------
def match(place: Marketplace, given: argparse.Namespace) -> int:
    """Rank what is on offer for a request, wait for it, show the proposals, best first."""
    run = _post_once(place, "match-runs", {"request": given.request}, given.key).body
    run = _ended(place, run, time.monotonic() + given.timeout)
    found = [one for one in _pages(place, below("requests", given.request, "proposals"), {}) if _is_live(one)]
    if given.json:
        showing.as_json({"run": run, "proposals": found})
    else:
        showing.proposals(found)
    return OK if run["state"] == "complete" and found else UNMET


def _ended(place: Marketplace, run: Body, deadline: float) -> Body:
    """Wait for the end of a run and give it; silence is waited out. Raises UnreachableError after ``deadline``."""
    pause = PAUSE
    while run["state"] in RUNNING:
        left = deadline - time.monotonic()
        if left < 0:
            raise UnreachableError(_("The run has not ended yet; look again: show match-runs %s") % run["id"])
        time.sleep(PAUSE / 2)
        try:
            run, pause = place.get(below("match-runs", run["id"])), PAUSE
        except (RefusedError, UnreachableError) as error:
            pause = _wait_out(error, pause, left)
    return run


def _is_live(proposal: Body) -> bool:
    return bool(proposal["state"] != "superseded")


# --- watching -----------------------------------------------------------------------------------------------------
def watch(place: Marketplace, given: argparse.Namespace) -> int:
    """Show events as they become true, until stopped or until one of the type ``until``; silence is waited out."""
    cursor = given.after
    try:
        for page in _feed(place, given):
            for told in page["results"]:
                _tell(told, json_wanted=given.json)
                cursor = told["sequence"]
                if told["type"] == given.until:
                    return OK
            cursor = page["after"]
    finally:
        showing.err().print(_("Go on from here with --after %d.") % cursor)
    return OK


def _tell(told: Body, *, json_wanted: bool) -> None:
    if json_wanted:
        showing.as_json(told)
    else:
        showing.event(told)


def _feed(place: Marketplace, given: argparse.Namespace) -> Iterator[Body]:
    after, pause = given.after, PAUSE
    chosen = {"type": given.type, "resource_id": given.resource_id, "wait": WAIT}
    while True:
        try:
            page = place.get("events", {**chosen, "after": after})
        except (RefusedError, UnreachableError) as error:
            pause = _wait_out(error, pause)
            continue
        yield page
        after, pause = page["after"], PAUSE
        if page["wait_ended"] == "no_room":  # others wait already
            time.sleep(PAUSE)


def _wait_out(error: RefusedError | UnreachableError, pause: float, most: float = LONGEST_ASKED) -> float:
    """Sleep ``most`` seconds at most before the next try and give the pause after that; what another try cannot mend is
    raised on.
    """
    if isinstance(error, RefusedError):
        if error.problem["status"] not in BUSY:
            raise error
        # Not less than a pause: after "in 0 seconds" nobody who stays away would be asked without end.
        pause = max(float(error.retry_after), PAUSE) if error.retry_after.isdecimal() else pause
    pause = min(pause, most)
    showing.err().print(_("Nobody answers; trying again in %d seconds.") % pause)
    time.sleep(pause)
    return min(pause * 2, LONGEST_PAUSE)
