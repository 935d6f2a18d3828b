"""The receiver in docs/webhooks.md runs as it is printed, and is short."""

import os
import re
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from standardwebhooks import Webhook as Signer

from marketplace.webhooks.transport import call
from tests.factories.webhooks import SECRET
from tests.kit.people import SmallGroup
from tests.kit.servers import free_port
from tests.webhooks.receiver import Receiver
from tests.webhooks.scene import scene

PAGE = Path(__file__).resolve().parents[2] / "docs" / "webhooks.md"


def printed() -> str:
    found = re.search(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def test_receiver_is_short() -> None:
    assert len([line for line in printed().splitlines() if line.strip()]) <= 15


@pytest.mark.django_db
def test_printed_receiver_takes_what_is_sent_and_refuses_what_is_not_signed(
    receiver: Receiver, group: SmallGroup, at: datetime, tmp_path: Path
) -> None:
    program, port = tmp_path / "receiver.py", free_port()
    program.write_text(printed(), "utf-8")
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", str(program)],
        env={**os.environ, "SECRET": SECRET, "PORT": str(port)},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        receiver.url = f"http://127.0.0.1:{port}/"
        until_it_listens(receiver.url)
        # The printed receiver looks at the clock: what is sent to it is sent now.
        now = datetime.now(UTC)
        sent = scene(receiver, group.requester, now)
        event = sent.publish("A")
        sent.work()
        assert sent.statuses() == ["delivered"]
        body, headers = (
            b'{"type":"x","subject":"y"}',
            {"webhook-id": "1", "webhook-timestamp": str(int(now.timestamp()))},
        )
        forged = {**headers, "webhook-signature": Signer("whsec_b3RoZXI=").sign("1", now, body.decode())}
        assert call(receiver.url, body=body, headers=forged).status == 401
    finally:
        process.send_signal(signal.SIGKILL)
    told, _ = process.communicate(timeout=10)
    assert told == f"training_request.opened training_request/{event.resource_id}\n"


def until_it_listens(url: str) -> None:
    give_up_at = time.monotonic() + 20
    while call(url, body=b"", headers={}).problem == "unreachable":
        assert time.monotonic() < give_up_at
        time.sleep(0.05)
