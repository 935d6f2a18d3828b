"""What the running demo promises beside the walk: webhooks to this machine, letters in its log, its own address, needs for providers."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from email import message_from_string
from email.message import Message
from pathlib import Path

import pytest

from tests.e2e.conftest import STACK
from tests.e2e.story import Demo, feed, line, need, today
from tests.kit.caller import Body
from tests.webhooks.receiver import Receiver, receiving

pytestmark = pytest.mark.e2e

SECONDS, PAUSE = 30, 0.2
TRAFFICKED = ("trafficking-victims", "local_regional_authorities", "PHL")
SOON = (str(today() + timedelta(days=120)), str(today() + timedelta(days=240)))
LONG_OVERDUE = "GMG-TUN-2026-0009"  # a need of the demo data that the secretariat was to look at long ago
RULE = "-" * 79  # after each letter of Django's console


def until(ready: Callable[[], bool]) -> None:
    give_up_at = time.monotonic() + SECONDS
    while not ready():
        assert time.monotonic() < give_up_at
        time.sleep(PAUSE)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as running:
        yield running


@pytest.fixture
def webhook(demo: Demo, receiver: Receiver) -> Iterator[Body]:
    """A webhook of UNDP to this machine."""
    wanted = {"organization": "UNDP", "url": receiver.url, "types": ["training_request.*"]}
    made = demo.requester.post("/webhooks", wanted, expect=201)
    yield made
    demo.requester.call("DELETE", f"/webhooks/{made['id']}", expect=204, version="*")


@pytest.fixture
def logs(demo: Demo, request: pytest.FixtureRequest) -> Path:
    """The folder of the logs; letters are looked for in all of them, whichever worker sends them."""
    if STACK not in request.config.stash:
        pytest.skip("walking through a demo that runs already: its logs lie beside it")
    return request.config.stash[STACK].folder / "log"


def letters(logs: Path) -> list[Message]:
    """Read the letters that the workers wrote into their logs."""
    said = "".join(file.read_text("utf-8") for file in sorted(logs.glob("*.log")))
    parts = [part for part in said.split(RULE) if "\nSubject: " in part]
    return [message_from_string(part[part.index("Content-Type: multipart") :]) for part in parts]


def test_webhook_to_this_machine_is_pinged_with_a_valid_signature(
    demo: Demo, webhook: Body, receiver: Receiver
) -> None:
    demo.requester.call("POST", f"/webhooks/{webhook['id']}/ping", expect=200)
    until(lambda: bool(receiver.calls))
    (event,) = receiver.events(webhook["secret"])
    assert event["type"] == "webhook.ping"
    assert event["source"] == f"{demo.base_url}/api/v1/events"


def test_events_name_the_address_at_which_the_demo_serves(demo: Demo) -> None:
    for event in feed(demo.officer):
        assert event["source"] == f"{demo.base_url}/api/v1/events"
        assert event["dataschema"].startswith(f"{demo.base_url}/")


def test_notice_of_a_call_is_mailed_into_the_log_and_nobody_is_written_to_about_the_past(
    demo: Demo, logs: Path
) -> None:
    draft = demo.requester.post("/requests", need("Told by mail", [line(*TRAFFICKED, (12, 20))], SOON), expect=201)
    reference = demo.requester.post(f"/requests/{draft['id']}/submit")["reference"]
    until(lambda: any(reference in str(letter) for letter in letters(logs)))
    letter = next(letter for letter in letters(logs) if reference in str(letter))
    assert str(letter["To"]).endswith("@example.org")
    assert f"{demo.base_url}/go/training_request/{draft['id']}" in str(letter)
    told = [notice for notice in demo.officer.all("/notifications") if LONG_OVERDUE in str(notice)]
    assert told
    assert not any(LONG_OVERDUE in str(letter) for letter in letters(logs))


@pytest.mark.parametrize(("login", "provider"), [("jeju", "CIFAL-JEJU"), ("platform", "HMLP")])
def test_provider_finds_a_need_that_it_could_serve(demo: Demo, login: str, provider: str) -> None:
    found = getattr(demo, login).all(f"/providers/{provider}/needs?fit=eligible")
    assert found
    assert found[0]["best"]["score"] > 0
