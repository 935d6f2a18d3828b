"""Receivers of webhooks: two organizations have one each, on this machine; both are slow or fail when they are told to."""

import json
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from standardwebhooks import Webhook, WebhookVerificationError

from tests.faults.cast import Cast
from tests.faults.history import Arrival, History

OWNERS = {"UNDP": "demo-focal-en", "IOM": "demo-focal-iom"}  # organization, and the login that set its webhook up
TAKEN, NOT_NOW, FORGED = 204, 500, 401
CALL_SECONDS = 2.0  # after which the product gives a call up (WEBHOOK_SECONDS)
RETRY_SECONDS = 0.5  # the product's first pause (WEBHOOK_RETRY_SECONDS)
SETTLE_SECONDS, LOOK_SECONDS = 60.0, 0.5


class Server(ThreadingHTTPServer):
    """Listens again at once on the port that it had."""

    allow_reuse_address = True
    daemon_threads = True


@dataclass
class Receiver:
    """One server for all webhooks; each has a path of its own and verifies with its own secret."""

    history: History
    port: int = 0
    delay: float = 0.0
    fails: bool = False
    secrets: dict[str, str] = field(default_factory=dict)
    _server: Server | None = None
    _thread: threading.Thread | None = None

    # --- as a server ---
    def start(self) -> None:
        """Listen: at first on a free port, later on the same one."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                status = receiver.take(urlsplit(self.path).path.rpartition("/")[2], dict(self.headers), body)
                with suppress(OSError):  # whoever called may have been killed meanwhile
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = Server(("127.0.0.1", self.port), Handler)
        self.port = self._server.server_port
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Be away: nobody listens on the port."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._server.server_close()
            self._thread.join(5)
            self._server = None

    def take(self, owner: str, headers: dict[str, str], body: bytes) -> int:
        """Verify and note what came, and say whether it is taken."""
        event = json.loads(body)
        time.sleep(self.delay)
        valid = self._is_signed(owner, headers, body)
        status = NOT_NOW if self.fails else TAKEN if valid else FORGED
        arrival = Arrival(owner, event["id"], event["subject"], event.get("sequence", 0), valid, status, time.time())
        self.history.arrival(arrival)
        return status

    def _is_signed(self, owner: str, headers: dict[str, str], body: bytes) -> bool:
        try:
            Webhook(self.secrets[owner]).verify(body, headers)
        except (WebhookVerificationError, KeyError, ValueError):
            return False
        return True

    def wait_for_calls(self, number: int, seconds: float) -> None:
        """Wait until so many more calls have come, so that a fault meets some; after that many seconds at the latest."""
        give_up_at, before = time.monotonic() + seconds, len(self.history.arrivals)
        while len(self.history.arrivals) < before + number and time.monotonic() < give_up_at:
            time.sleep(0.05)

    # --- as an integrator ---
    def subscribe(self, cast: Cast) -> dict[str, int]:
        """Set up a webhook for each owner; gives the sequence after which each must get everything."""
        begins = {}
        for owner, login in OWNERS.items():
            facts = {"organization": owner, "url": f"http://127.0.0.1:{self.port}/hook/{owner}", "name": "faults"}
            made = cast.client(login).post("/webhooks", facts)
            self.secrets[owner] = made["secret"]
            begins[owner] = cast.client(login).get("/events?after=0&limit=1000")["after"]
        return begins

    @staticmethod
    def settle(cast: Cast) -> bool:
        """Wait until nothing is to be delivered any more; tells whether that came about."""
        give_up_at = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < give_up_at:
            if not any(pending(cast, login) for login in OWNERS.values()):
                return True
            time.sleep(LOOK_SECONDS)
        return False


def pending(cast: Cast, login: str) -> bool:
    """Tell whether a delivery of the owner's webhooks is still to come."""
    client = cast.client(login)
    hooks = client.all("/webhooks")
    return any(client.get(f"/webhooks/{hook['id']}/deliveries?status=pending&page_size=1")["results"] for hook in hooks)
