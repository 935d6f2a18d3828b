"""When does it work again? A probe asks for a matching run and waits for its end: one write, one event, one job."""

import time
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime

import httpx

from tests.faults import story
from tests.faults.cast import Cast
from tests.faults.client import Body
from tests.kit.caller import TRUST

GIVE_UP_SECONDS, LOOK_SECONDS, ANSWER_SECONDS = 60.0, 0.1, 3.0
UNDER_WAY = ("queued", "running")


@dataclass
class Probe:
    """Asks for a run of one request of its own, again and again."""

    base_url: str
    token: str
    reference: str
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        """Open the connection."""
        self.http = httpx.Client(
            base_url=f"{self.base_url}/api/v1",
            headers={"Authorization": f"Bearer {self.token}"},
            timeout=ANSWER_SECONDS,
            trust_env=False,
            verify=TRUST,
        )

    @classmethod
    def prepare(cls, cast: Cast) -> "Probe":
        """Open the request that is ranked."""
        begins = datetime.combine(cast.calendar.next_day(), datetime.min.time(), UTC)
        request = story.opened(cast, story.need(cast, "UNDP", begins))
        return cls(cast.base_url, cast.officer.token, request["reference"])

    def wait_until_well(self) -> float | None:
        """Give the moment at which a write had succeeded and its job had ended; None where that took too long."""
        give_up_at = time.monotonic() + GIVE_UP_SECONDS
        key, run = uuid.uuid4().hex, ""
        while time.monotonic() < give_up_at:
            if not run:
                run = self._ask(key)
            elif self._has_ended(run):
                return time.time()
            time.sleep(LOOK_SECONDS)
        return None

    def _ask(self, key: str) -> str:
        answer = self._call("POST", "/match-runs", {"request": self.reference}, {"Idempotency-Key": key})
        return str(answer["id"]) if answer else ""

    def _has_ended(self, run: str) -> bool:
        answer = self._call("GET", f"/match-runs/{run}")
        return answer is not None and answer["state"] not in UNDER_WAY

    def _call(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> Body | None:
        try:
            answer = self.http.request(method, path, json=body, headers=headers)
        except httpx.TransportError:
            return None
        found: Body | None = answer.json() if answer.status_code < 300 else None
        return found

    def close(self) -> None:
        """Let the connection go."""
        self.http.close()
