"""A client as the API asks for: a key for each write, the same key for each repetition, patience, and a notebook."""

import hashlib
import json
import random
import re
import threading
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.faults.history import OK, Attempt, Call, History
from tests.kit.caller import TRUST

CANARY = re.compile(r"CANARY-[A-Z]+-\d+")
CONNECT_SECONDS, ANSWER_SECONDS = 3.0, 12.0
PATIENCE_SECONDS = 60.0  # for one call with all its repetitions
IMPATIENT_SHARE = 0.04  # of the writes that are not repeated when no answer comes
REPEATED_SHARE = 0.06  # of the writes after which an old one is sent again
TRY_AGAIN = {409: "idempotency_in_flight", 429: ""}  # status and code that mean: not yet

Body = dict[str, Any]


class RefusedError(Exception):
    """The product refused; ``code`` says why."""

    def __init__(self, call: Call, code: str) -> None:
        super().__init__(f"{call.client} {call.method} {call.path}: {code}")
        self.code = code


class UnknownError(Exception):
    """No answer came, and the client went away: the thing may have happened or not."""


class StoppedError(Exception):
    """The run is over."""


@dataclass
class Sent:
    """What is needed to send a call again, word for word."""

    call: Call
    body: object
    headers: dict[str, str]


@dataclass
class Client:
    """One account, in one thread."""

    base_url: str
    login: str
    token: str
    history: History
    chance: random.Random
    stop: threading.Event
    repeats: bool = True
    watches: bool = True  # whether the canaries that it sees are noted
    done: list[Sent] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Open the connection."""
        self.http = httpx.Client(
            base_url=f"{self.base_url}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=httpx.Timeout(ANSWER_SECONDS, connect=CONNECT_SECONDS),
            trust_env=False,
            verify=TRUST,
        )

    def close(self) -> None:
        """Let the connection go."""
        self.http.close()

    # --- reading ---
    def answer(self, path: str) -> httpx.Response:
        """Read, again and again until it is answered; raises RefusedError, UnknownError, StoppedError."""
        give_up_at = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            self._go_on()
            try:
                answer = self.http.get(path)
            except httpx.TransportError:
                time.sleep(self._pause())
                continue
            if answer.status_code < 300:
                self.history.sight(self.login, path, set(CANARY.findall(answer.text)) if self.watches else ())
                return answer
            if answer.status_code < 500 and answer.status_code != httpx.codes.TOO_MANY_REQUESTS:
                raise RefusedError(Call(0, self.login, "GET", path, ""), code_of(answer))
            time.sleep(self._pause(answer))
        raise UnknownError(path)

    def get(self, path: str) -> Body:
        """Read one thing."""
        body: Body = self.answer(path).json()
        return body

    def all(self, path: str) -> list[Body]:
        """Read every page of a list."""
        found: list[Body] = []
        url: str | None = path
        while url:
            page = self.get(url)
            found += page["results"]
            url = page["next"]
        return found

    # --- writing ---
    def post(self, path: str, body: object = None, *, version: str = "") -> Body:
        """Create, or carry out a verb; raises RefusedError, UnknownError."""
        return self._write("POST", path, body, {"If-Match": version} if version else {})

    def decide(self, path: str, body: object = None) -> Body:
        """Carry out a verb of the thing above it, naming the version that was read."""
        return self.post(path, body, version=self.answer(path.rpartition("/")[0]).headers["ETag"])

    def patch(self, path: str, body: object) -> Body:
        """Change a thing as it was read; without an answer nobody knows, and a repetition is refused as stale."""
        return self._write("PATCH", path, body, {"If-Match": self.answer(path).headers["ETag"]})

    def _write(self, method: str, path: str, body: object, headers: dict[str, str]) -> Body:
        key = uuid.UUID(int=self.chance.getrandbits(128)).hex if method == "POST" else ""
        if key:
            headers = {**headers, "Idempotency-Key": key}
        sent = Sent(self.history.call(self.login, method, path, key), body, headers)
        answer = self._until_answered(sent)
        if sent.call.outcome == OK:
            self._repeat_an_old_one(sent)
            written: Body = answer.json()
            return written
        raise RefusedError(sent.call, code_of(answer))

    def _until_answered(self, sent: Sent) -> httpx.Response:
        patience = 0.0 if self.chance.random() < IMPATIENT_SHARE else PATIENCE_SECONDS
        give_up_at = time.monotonic() + patience
        while True:
            self._go_on()
            answer = self._attempt(sent)
            if answer is not None and not wants_repetition(answer):
                return answer
            if time.monotonic() > give_up_at:
                raise UnknownError(f"{self.login} {sent.call.method} {sent.call.path}")
            time.sleep(self._pause(answer))

    def _attempt(self, sent: Sent) -> httpx.Response | None:
        attempt = self.history.sent(sent.call)
        headers = {**sent.headers, "X-Request-ID": attempt.request_id}
        try:
            answer = self.http.request(sent.call.method, sent.call.path, json=sent.body, headers=headers)
        except httpx.TransportError as error:
            attempt.error = type(error).__name__
            self.history.answered(sent.call, attempt)
            return None
        self._note(sent.call, attempt, answer)
        return answer

    def _note(self, call: Call, attempt: Attempt, answer: httpx.Response) -> None:
        attempt.status = answer.status_code
        attempt.digest = hashlib.sha256(answer.content).hexdigest()[:16]
        attempt.replayed = "Idempotency-Replayed" in answer.headers
        if not attempt.accepted:
            attempt.error = code_of(answer)
        facts = answer.json() if attempt.accepted and answer.content else None
        self.history.answered(call, attempt, facts)

    def _repeat_an_old_one(self, sent: Sent) -> None:
        """Send an acknowledged call again, as a client does whose memory of the answer was lost."""
        if not (self.repeats and sent.call.key):
            return
        self.done.append(sent)
        if self.chance.random() < REPEATED_SHARE:
            self._attempt(self.chance.choice(self.done[-200:]))

    # --- patience ---
    def _go_on(self) -> None:
        if self.stop.is_set():
            raise StoppedError

    def _pause(self, answer: httpx.Response | None = None) -> float:
        asked = float(answer.headers.get("Retry-After", "0")) if answer is not None else 0.0
        return max(min(asked, 3.0), 0.1 + 0.3 * self.chance.random())


def code_of(answer: httpx.Response) -> str:
    """Give the code of a problem; the status where the answer is none."""
    try:
        return str(answer.json()["code"])
    except (json.JSONDecodeError, KeyError, TypeError):
        return str(answer.status_code)


def wants_repetition(answer: httpx.Response) -> bool:
    """Tell whether the same call may be sent again with its key: the server failed, or says "not yet"."""
    if answer.status_code >= 500:
        return True
    wanted = TRY_AGAIN.get(answer.status_code)
    return wanted is not None and wanted in ("", code_of(answer))
