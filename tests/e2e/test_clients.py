"""The generated clients walk the whole way through the running product, and say in words why they are refused."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from tests.e2e.story import Demo
from tooling import clients
from tooling.both_engines import in_ci

pytestmark = pytest.mark.e2e

SECONDS = 120
STEPS = ("need", "match", "first approval", "second approval", "engagement", "delivered", "closed", "event")


def python_walk() -> tuple[Sequence[str], dict[str, str]]:
    """Give the command that walks with the Python client, made anew where the API description has changed."""
    folder = clients.made("python")
    return (sys.executable, str(clients.WALKS / "python" / "walk.py")), {"PYTHONPATH": str(folder)}


def typescript_walk() -> tuple[Sequence[str], dict[str, str]]:
    """The same with the TypeScript client; where there is no Node.js that is said aloud, and fails in CI."""
    missing = clients.without_node()
    if missing and not in_ci():
        pytest.skip(f"THE TYPESCRIPT CLIENT WAS NOT RUN: {missing}")
    return ("node", str(clients.made("typescript") / "walk.js")), {}


Walk = Callable[[], tuple[Sequence[str], dict[str, str]]]
WALKS = pytest.mark.parametrize("walk", [python_walk, typescript_walk])


@pytest.fixture
def told(demo: Demo, tmp_path: Path) -> Path:
    """The address and the accounts of the demo, as its `demo.json` has them."""
    file = tmp_path / "demo.json"
    file.write_text(json.dumps({"base_url": demo.base_url, "accounts": demo.accounts}), encoding="utf-8")
    return file


def walked(walk: Walk, told: Path) -> "subprocess.CompletedProcess[str]":
    """Run a walk to its end."""
    command, more = walk()
    outside = {name: value for name, value in os.environ.items() if name not in ("TESTING", "DJANGO_SETTINGS_MODULE")}
    return subprocess.run(
        [*command, str(told)],
        env={**outside, **more},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


@WALKS
def test_client_walks_from_a_need_to_a_closed_engagement(walk: Walk, told: Path, demo: Demo) -> None:
    done = walked(walk, told)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line.partition(": ")[0] for line in lines] == list(STEPS)
    assert lines[STEPS.index("first approval")].endswith(" awaiting_second_approval")
    assert lines[STEPS.index("second approval")].endswith(" approved")
    reference = lines[STEPS.index("closed")].split()[1]
    # What the client says is what the product holds.
    assert demo.officer.get(f"/engagements/{reference}")["state"] == "closed"


@WALKS
def test_client_says_why_it_is_refused(walk: Walk, told: Path) -> None:
    wrong = json.loads(told.read_text("utf-8"))
    for account in wrong["accounts"]:
        account["token"] = "gmg_000000000000_wrong"
    told.write_text(json.dumps(wrong), "utf-8")
    done = walked(walk, told)
    assert done.returncode == 1
    assert "401 token_invalid: " in done.stderr
    assert "need: " not in done.stdout


def test_postman_collection_is_read_by_postmans_library_and_its_readings_are_answered(demo: Demo) -> None:
    missing = clients.without_node()
    if missing and not in_ci():
        pytest.skip(f"THE POSTMAN COLLECTION WAS NOT READ: {missing}")
    token = demo.account("secretariat_head")["token"]
    done = subprocess.run(
        ["node", str(clients.WALKS / "postman" / "check.mjs"), demo.base_url, token],
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads(done.stdout)
    assert told["requests"] > 200
    assert told["sent"] > 30


def test_first_client_of_the_page_lists_what_its_caller_sees(demo: Demo, tmp_path: Path) -> None:
    page = (clients.ROOT / "docs" / "clients.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    script = tmp_path / "first.py"
    script.write_text(code, encoding="utf-8")
    folder = str(clients.made("python"))
    given = {"MARKETPLACE_URL": demo.base_url, "MARKETPLACE_TOKEN": demo.account("secretariat_officer")["token"]}
    done = subprocess.run(
        [sys.executable, str(script)],
        env={**os.environ, **given, "PYTHONPATH": folder},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=True,
    )
    seen = demo.officer.get("/requests?page_size=5")["results"]
    assert [line.split()[0] for line in done.stdout.splitlines()] == [one["reference"] for one in seen]
