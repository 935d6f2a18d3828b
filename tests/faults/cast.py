"""Who takes part: the accounts that the product wrote down at its set-up, each with a client for each thread."""

import itertools
import random
import threading
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from tests.faults.client import Body, Client
from tests.faults.history import History

FIRST_DAY, DAYS_APART = 120, 11  # from today; between the sessions of two stories, so that none meets another


class Calendar:
    """Hands out days on which nothing else of this run takes place."""

    def __init__(self) -> None:
        self._days = itertools.count(FIRST_DAY, DAYS_APART)
        self._lock = threading.Lock()

    def next_day(self) -> date:
        """Give the next free day."""
        with self._lock:
            return datetime.now(UTC).date() + timedelta(days=next(self._days))


@dataclass
class Cast:
    """The people of one thread."""

    base_url: str
    accounts: list[Body]
    history: History
    chance: random.Random
    stop: threading.Event
    calendar: Calendar
    repeats: bool = True
    watches: bool = True
    _clients: dict[str, Client] = field(default_factory=dict)

    def client(self, login: str) -> Client:
        """Give the client of an account."""
        if login not in self._clients:
            token = next(one["token"] for one in self.accounts if one["login"] == login)
            self._clients[login] = Client(
                self.base_url, login, token, self.history, self.chance, self.stop, self.repeats, self.watches
            )
        return self._clients[login]

    def requester(self, agency: str) -> Client:
        """The focal point of an agency."""
        return self.client({"UNDP": "demo-focal-en", "IOM": "demo-focal-iom"}[agency])

    @property
    def officer(self) -> Client:
        """An officer of the secretariat who belongs to no partner."""
        return self.client("demo-officer")

    @property
    def head(self) -> Client:
        """The head of the secretariat, who may be the second of four eyes."""
        return self.client("demo-head")

    @property
    def partner(self) -> Client:
        """Staff of the provider CIFAL-JEJU."""
        return self.client("demo-provider")

    def close(self) -> None:
        """Let all connections go."""
        for client in self._clients.values():
            client.close()


OFFICERS = ("demo-officer", "demo-officer-2", "demo-head", "demo-auditor")  # see what anybody submits
PARTNER = "demo-provider"
OWN_CANARIES = {"demo-focal-en": "UNDP", "demo-focal-iom": "IOM"}
STRANGERS = ("demo-focal-iom", "demo-focal-en", "demo-viewer", "demo-provider-fr")
