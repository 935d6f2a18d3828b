"""The six commands; each gives the exit code."""

import argparse
import json
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

from clients.cli import showing
from clients.cli.connection import Answer, Body, Marketplace, RefusedError, UnreachableError
from clients.cli.words import gettext as _

PAUSE, LONGEST_PAUSE = 1.0, 30.0  # seconds between two tries while nobody answers
WAIT = 20  # seconds that one call waits in the feed
RUNNING = ("queued", "running")
BUSY = (429, 503)
OK, UNMET = 0, 4


class WordsError(Exception):
    """What was typed cannot be meant; the message says why."""


def below(*names: str) -> str:
    """Give the path of a thing; its name may hold anything."""
    return "/".join([names[0].strip("/"), *(quote(name, safe="") for name in names[1:])])


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
    query = dict(_pair(word) for word in given.filter)
    found = islice(_pages(place, below(given.things), {"page_size": min(given.limit, 200), **query}), given.limit)
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


def _pages(place: Marketplace, path: str, query: Body) -> Iterator[Body]:
    page = place.get(path, query)
    if "results" not in page:
        raise WordsError(_("%s is one thing, no list: use show.") % path)
    yield from page["results"]
    while page.get("next"):
        page = place.get(page["next"])
        yield from page["results"]


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


def _post_once(place: Marketplace, path: str, body: object, key: str) -> Answer:
    """Post under a key, so that nobody who repeats it after silence does it twice."""
    key = key or str(uuid4())
    try:
        return place.post(path, body, Idempotency_Key=key)
    except UnreachableError as error:
        hint = _("Whether it was done is not known. Repeat it with --key %s: it is never done twice.") % key
        raise UnreachableError(f"{error}\n{hint}") from None


def _read(file: str) -> object:
    try:
        text = sys.stdin.read() if file == "-" else Path(file).read_text(encoding="utf-8")
        return json.loads(text)
    except OSError as error:
        raise WordsError(f"{file}: {error.strerror}") from None
    except ValueError as error:
        raise WordsError(_("%(file)s is no JSON: %(why)s") % {"file": file, "why": error}) from None


# --- matching -----------------------------------------------------------------------------------------------------
def match(place: Marketplace, given: argparse.Namespace) -> int:
    """Rank what is on offer for a request, wait for it, show the proposals, best first."""
    run = _post_once(place, "match-runs", {"request": given.request}, given.key).body
    deadline = time.monotonic() + given.timeout
    while run["state"] in RUNNING:
        if time.monotonic() > deadline:
            raise UnreachableError(_("The run has not ended yet; look again: show match-runs %s") % run["id"])
        time.sleep(PAUSE / 2)
        run = place.get(below("match-runs", run["id"]))
    found = [one for one in _pages(place, below("requests", given.request, "proposals"), {}) if _is_live(one)]
    if given.json:
        showing.as_json({"run": run, "proposals": found})
    else:
        showing.proposals(found)
    return OK if run["state"] == "complete" and found else UNMET


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


def _wait_out(error: RefusedError | UnreachableError, pause: float) -> float:
    """Sleep before the next try and give the pause after that; what another try cannot mend is raised on."""
    if isinstance(error, RefusedError):
        if error.problem["status"] not in BUSY:
            raise error
        pause = float(error.retry_after) if error.retry_after.isdigit() else pause
    showing.err().print(_("Nobody answers; trying again in %d seconds.") % pause)
    time.sleep(pause)
    return min(pause * 2, LONGEST_PAUSE)
