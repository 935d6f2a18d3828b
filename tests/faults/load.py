"""The load: threads that live stories one after the other, readers of the feed, and strangers who look around."""

import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from tests.faults import cast, story
from tests.faults.cast import Calendar, Cast
from tests.faults.client import Body, RefusedError, StoppedError, UnknownError
from tests.faults.history import History, Page

FEED_PAUSE, STRANGER_PAUSE, STORY_PAUSE = 0.4, 2.0, 0.3
FEED_READERS = ("demo-officer", "demo-focal-en", "demo-provider")
STRANGERS_LOOK_AT = (
    "/requests?page_size=100",
    "/proposals?page_size=50",
    "/engagements?page_size=50",
    "/notifications",
)
END_SECONDS = 90.0
log = structlog.get_logger(__name__)


@dataclass
class Load:
    """All threads of the clients of one shape."""

    base_url: str
    accounts: list[Body]
    history: History
    seed: int
    tellers: int
    calendar: Calendar = field(default_factory=Calendar)
    stop: threading.Event = field(default_factory=threading.Event)  # at once, whatever is under way
    finish: threading.Event = field(default_factory=threading.Event)  # after the stories under way
    stories: dict[str, int] = field(default_factory=dict)
    abandoned: dict[str, int] = field(default_factory=dict)
    broken: list[str] = field(default_factory=list)
    _tellers: list[threading.Thread] = field(default_factory=list)
    _readers: list[threading.Thread] = field(default_factory=list)

    def cast(self, name: str, *, repeats: bool = True, watches: bool = True) -> Cast:
        """Make the people of a new thread; chance follows from the seed and the thread's name."""
        chance = random.Random(f"{self.seed}/{name}")
        return Cast(self.base_url, self.accounts, self.history, chance, self.stop, self.calendar, repeats, watches)

    def start(self) -> None:
        """Start everybody."""
        for number in range(self.tellers):
            self._thread(self._tellers, f"teller-{number}", self._tell)
        for login in FEED_READERS:
            self._thread(self._readers, login, self._read_feed)
        for login in cast.STRANGERS:
            self._thread(self._readers, login, self._look_around)

    def end(self) -> None:
        """Let the stories end, then the readers; whoever does not end in time is stopped in the middle."""
        self.finish.set()
        give_up_at = time.monotonic() + END_SECONDS
        for thread in self._tellers:
            thread.join(max(0.0, give_up_at - time.monotonic()))

    def stop_all(self) -> None:
        """Stop everybody."""
        self.finish.set()
        self.stop.set()
        for thread in (*self._tellers, *self._readers):
            thread.join(30)

    def _thread(self, threads: list[threading.Thread], name: str, run: Callable[[str], None]) -> None:
        def guarded() -> None:
            try:
                run(name)
            except StoppedError:
                return
            except Exception as error:  # told at the end of the run: a broken client would hide what it no longer does
                self.broken.append(f"{name}: {type(error).__name__}: {error}")
                log.exception("client.broken", name=name)

        thread = threading.Thread(target=guarded, name=name, daemon=True)
        threads.append(thread)
        thread.start()

    # --- those who write ---
    def _tell(self, name: str) -> None:
        own = self.cast(name)
        tales, weights = zip(*story.STORIES, strict=True)
        while not self.finish.is_set():
            (tale,) = own.chance.choices(tales, weights)
            try:
                tale(own)
                self._count(self.stories, tale.__name__)
            except (RefusedError, UnknownError, story.AbandonedError) as end:
                self._count(self.abandoned, f"{tale.__name__}: {describe(end)}")
            self.finish.wait(STORY_PAUSE)
        own.close()

    @staticmethod
    def _count(counts: dict[str, int], name: str) -> None:
        counts[name] = counts.get(name, 0) + 1

    # --- those who read ---
    def _read_feed(self, login: str) -> None:
        client = self.cast(f"feed-{login}", watches=False).client(login)
        after = 0
        while not self.stop.wait(FEED_PAUSE):
            try:
                page = client.get(f"/events?after={after}&limit=500")
            except (UnknownError, json.JSONDecodeError):
                continue
            if page["results"]:
                events = [(event["sequence"], event["id"]) for event in page["results"]]
                self.history.page(Page(login, after, events))
                after = page["after"]

    def _look_around(self, login: str) -> None:
        own = self.cast(f"stranger-{login}")
        while not self.stop.wait(STRANGER_PAUSE):
            path = own.chance.choice(STRANGERS_LOOK_AT)
            try:
                own.client(login).answer(path)
            except (UnknownError, RefusedError):
                continue


def describe(end: Exception) -> str:
    """Say in a few words why a story ended early."""
    return end.code if isinstance(end, RefusedError) else type(end).__name__
