"""The kit's own parts: its notebook, its client, the documents it reads, and that it knows nothing of the product."""

import ast
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tests.faults import documents, kinds, report, run, verdict
from tests.faults.client import Client, RefusedError, StoppedError, UnknownError
from tests.faults.history import OK, REFUSED, UNKNOWN, Fault, History
from tests.faults.profiles import PROFILES, Profile
from tests.faults.shapes import EMBEDDED, PRODUCTION

HOUSE = ("marketplace", "requests_app", "providers", "matching", "fulfilment", "django")


class Flaky(BaseHTTPRequestHandler):
    """A server that fails in the ways of `script`, one for each call, and answers well afterwards."""

    script: ClassVar[list[str]] = []
    keys: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.keys.append(self.headers["Idempotency-Key"])
        act = self.script.pop(0) if self.script else "well"
        if act == "hang up":
            self.close_connection = True
            return
        status, body = ANSWERS[act]
        payload = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(payload)))
        self.end_headers()
        self.wfile.write(payload)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


ANSWERS: dict[str, tuple[int, dict[str, str]]] = {
    "well": (201, {"id": "thing", "state": "draft"}),
    "away": (503, {"code": "service_unavailable"}),
    "in flight": (409, {"code": "idempotency_in_flight"}),
    "taken": (409, {"code": "line_taken"}),
}


@contextmanager
def client_of(*script: str) -> Iterator[Client]:
    Flaky.script, Flaky.keys = list(script), []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Flaky)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    client = Client(url, "demo-focal-en", "token", History(), random.Random(2), threading.Event(), repeats=False)
    try:
        yield client
    finally:
        client.close()
        server.shutdown()
        server.server_close()


def test_client_repeats_with_its_key_until_it_is_answered() -> None:
    with client_of("hang up", "away", "in flight") as client:
        assert client.post("/requests", {})["id"] == "thing"
    (call,) = client.history.calls.values()
    assert [attempt.status for attempt in call.attempts] == [None, 503, 409, 201]
    assert set(Flaky.keys) == {call.key}
    assert (call.outcome, call.thing) == (OK, "thing")


def test_client_takes_a_refusal_for_an_answer() -> None:
    with client_of("taken") as client, pytest.raises(RefusedError, match="line_taken"):
        client.post("/proposals/p/approve")
    assert [call.outcome for call in client.history.calls.values()] == [REFUSED]


def test_client_without_patience_leaves_a_call_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.faults.client.IMPATIENT_SHARE", 1.0)
    with client_of("hang up") as client, pytest.raises(UnknownError):
        client.post("/requests", {})
    assert [call.outcome for call in client.history.calls.values()] == [UNKNOWN]


def test_client_that_is_stopped_sends_nothing_more() -> None:
    with client_of() as client:
        client.stop.set()
        with pytest.raises(StoppedError):
            client.post("/requests", {})
    assert Flaky.keys == []


def test_history_read_again_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "history.jsonl"
    with path.open("w") as file:
        history = History(file, run="r")
        call = history.call("demo-officer", "POST", "/requests/x/open", "key")
        history.sent(call)
        attempt = history.sent(call)
        attempt.status = 200
        history.answered(call, attempt, {"id": "x", "state": "open", "title": "left out"})
        history.sight("demo-viewer", "/requests", ["CANARY-UNDP-1"])
        history.grant("demo-provider", "CANARY-UNDP-1")
        history.fault(Fault(1, PRODUCTION, "redis_kill", 1.0, 2.0, 3.5))
    again = History.read(path)
    assert again.calls == history.calls
    assert (again.sights, again.grants, again.faults) == (history.sights, history.grants, history.faults)
    assert again.calls[1].facts == {"id": "x", "state": "open"}
    assert again.calls[1].attempts[0].status is None  # sent, and never answered


def test_documented_life_cycles_are_read() -> None:
    request = documents.cycles()["training_request"]
    assert request.initial == "draft"
    assert documents.Move("submit", "draft", "submitted", "training_request.submitted") in request.moves
    approve = {(move.source, move.target) for move in documents.cycles()["proposal"].moves if move.verb == "approve"}
    assert ("consulting", "awaiting_second_approval") in approve
    assert all(cycle.initial and cycle.moves for cycle in documents.cycles().values())


def test_kit_imports_nothing_of_the_product() -> None:
    seen = []
    for path in Path(__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = [one.name for one in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            seen += [f"{path.name}: {name}" for name in names if name.partition(".")[0] in HOUSE]
    assert seen == []


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_profile_brings_every_kind_in_an_order_that_follows_from_the_seed(profile: Profile) -> None:
    for shape in (PRODUCTION, EMBEDDED):
        drawn = profile.schedule(shape, 1)
        assert {kind.name for kind in drawn} == {kind.name for kind in kinds.of_shape(shape)}
        assert drawn == profile.schedule(shape, 1)
    assert profile.schedule(PRODUCTION, 1) != profile.schedule(PRODUCTION, 2)


def test_full_profile_has_a_hundred_faults_of_eight_kinds() -> None:
    drawn = [kind for shape in (PRODUCTION, EMBEDDED) for kind in PROFILES["full"].schedule(shape, 1)]
    assert len(drawn) >= 100
    assert len({kind.name for kind in drawn}) >= 8


# --- the verdict --------------------------------------------------------------------------------------------------
def summary_of(*rows: verdict.Row, troubles: tuple[str, ...] = ()) -> report.Summary:
    outcome = run.Outcome(PRODUCTION, list(rows), troubles=list(troubles))
    return report.Summary("full", 1, [outcome], 60.0)


def well(**more: object) -> verdict.Row:
    return verdict.Row(PRODUCTION, "web_kill", faults=3, calls=9, acknowledged=8, recoveries=[1.0, 2.0, 3.0], **more)  # type: ignore[arg-type]


def test_verdict_on_a_good_run_is_good() -> None:
    assert summary_of(well()).failures() == []


@pytest.mark.parametrize("figure", ["lost", "doubled", "broken", "unrecovered"])
def test_verdict_on_any_violation_is_bad(figure: str) -> None:
    assert summary_of(well(**{figure: 1})).failures() == [f"1 {figure}"]


def test_verdict_on_slow_recovery_or_a_run_that_proved_nothing_is_bad() -> None:
    slow = verdict.Row(PRODUCTION, "web_kill", faults=2, recoveries=[11.0, 12.0])
    assert "above 10 s" in summary_of(slow).failures()[0]
    assert summary_of().failures() == ["no fault was recovered from"]
    assert summary_of(well(), troubles=("the clients broke",)).failures() == ["the clients broke"]


def test_page_keeps_what_stands_around_the_figures(tmp_path: Path) -> None:
    page = tmp_path / "faults.md"
    page.write_text(f"before\n{report.BEGIN}\nold\n{report.END}\nafter\n")
    report.write_page(summary_of(well()), page)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert "| production | `web_kill` | 3 | 9 | 8 | 0 | 0 | 0 |" in text
