"""The command-line client against the running product: six commands, words for people, JSON for programs."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from tests.e2e.story import Demo, feed, line, need, today
from tests.kit.caller import Body, Caller
from tests.kit.servers import free_port

pytestmark = pytest.mark.e2e

SECONDS = 90
MATCHED = "match_run.completed"
TRAFFICKED = ("trafficking-victims", "local_regional_authorities", "PHL")
SOON = (str(today() + timedelta(days=120)), str(today() + timedelta(days=240)))


def environment(demo: Demo, caller: Caller | None, **more: str) -> dict[str, str]:
    shell = {name: value for name, value in os.environ.items() if name not in ("LC_ALL", "LC_MESSAGES")}
    token = "" if caller is None else caller.http.headers["Authorization"].removeprefix("Bearer ")
    who = {"MARKETPLACE_URL": demo.base_url, "MARKETPLACE_TOKEN": token, "NO_PROXY": "127.0.0.1", "LANG": "C"}
    return {**shell, **who, **more}


def typed(
    demo: Demo, caller: Caller | None, *words: str, stdin: str = "", **more: str
) -> "subprocess.CompletedProcess[str]":
    """Type a command as somebody and wait for its end."""
    return subprocess.run(
        [sys.executable, "-m", "clients.cli", *words],
        cwd=settings.BASE_DIR,
        env=environment(demo, caller, **more),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )


def told(demo: Demo, caller: Caller, *words: str, stdin: str = "") -> list[Body]:
    """Type a command that goes well with --json and give what it said."""
    done = typed(demo, caller, *words, "--json", stdin=stdin)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.fixture
def watching(demo: Demo) -> Iterator["subprocess.Popen[str]"]:
    """A reader of the feed that stops with the first run of the engine that it learns of."""
    after = str(feed(demo.officer)[-1]["sequence"])
    command = [sys.executable, "-m", "clients.cli", "watch", "--json", "--after", after, "--until", MATCHED]
    process = subprocess.Popen(
        command,
        cwd=settings.BASE_DIR,
        env=environment(demo, demo.officer),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    yield process
    process.kill()
    process.communicate()


def test_need_is_created_submitted_matched_and_watched(demo: Demo, watching: "subprocess.Popen[str]") -> None:
    body = need("From a shell", [line(*TRAFFICKED, (12, 20))], SOON, visibility="group")
    (draft,) = told(demo, demo.requester, "create", "requests", stdin=json.dumps(body))
    (submitted,) = told(demo, demo.requester, "submit", "requests", draft["id"])
    reference = submitted["reference"]
    demo.officer.post(f"/requests/{reference}/open")
    found = typed(demo, demo.officer, "match", reference)
    assert found.returncode in (0, 4), found.stderr
    (shown,) = told(demo, demo.officer, "show", "requests", reference)
    assert (shown["id"], shown["state"]) == (draft["id"], "open")

    said, cursor = watching.communicate(timeout=SECONDS)
    events = [json.loads(one) for one in said.splitlines()]
    assert {"training_request.submitted", "training_request.opened"} <= {one["type"] for one in events}
    assert events[-1]["type"] == MATCHED
    assert f"--after {events[-1]['sequence']}" in cursor


def test_list_takes_filters_and_ends_at_the_limit_over_pages(demo: Demo) -> None:
    every = demo.officer.all("/offerings?page_size=200")
    found = told(demo, demo.officer, "list", "offerings", "page_size=2", "--limit", "5")
    assert [one["id"] for one in found] == [one["id"] for one in every[:5]]
    shown = typed(demo, demo.officer, "list", "requests", "state=open", "--limit", "2").stdout.splitlines()
    assert shown[0].split("\t") == ["Reference", "State", "Title", "Waiting for", "Due"]
    assert {row.split("\t")[1] for row in shown[1:]} == {"open"}


def test_refusal_says_in_the_readers_language_what_is_wrong_and_what_to_do(demo: Demo) -> None:
    body = json.dumps({"titel": {}, "lines": [{"theme": "nope"}]})
    french = typed(demo, demo.requester, "create", "requests", stdin=body, LANG="fr_FR.UTF-8")
    assert (french.returncode, french.stdout) == (1, "")
    assert "400 invalid_input" in french.stderr
    assert "/titel: Ce champ" in french.stderr
    assert "Admis : award, " in french.stderr
    assert "/lines/0/theme" in french.stderr
    english = typed(demo, demo.officer, "--language", "en", "list", "requests", "stat=open", LANG="fr_FR.UTF-8")
    assert "Did you mean: state" in english.stderr
    remedy = demo.officer.get("/errors/unknown_parameter")["remedy"]
    assert remedy in english.stderr


def test_refusal_is_json_for_programs(demo: Demo) -> None:
    done = typed(demo, demo.officer, "show", "requests", "GMG-XXX-2000-0001", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["code"] == "not_found"
    nobody = typed(demo, None, "list", "requests")
    assert "401 not_authenticated" in nobody.stderr


def test_silence_is_told_apart_from_refusal_and_names_the_key_to_repeat_with(demo: Demo) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    done = typed(demo, demo.requester, "create", "requests", "--key", "k-1", stdin="{}", MARKETPLACE_URL=nowhere)
    assert done.returncode == 3
    assert "--key k-1" in done.stderr


def test_repeated_with_its_key_a_need_is_created_once(demo: Demo) -> None:
    body = json.dumps(need("Typed twice", [line(*TRAFFICKED, (12, 20))], SOON))
    key = f"shell-{time.monotonic_ns()}"
    (first,), (again,) = (told(demo, demo.requester, "create", "requests", "--key", key, stdin=body) for _ in range(2))
    assert first["id"] == again["id"]


@pytest.mark.parametrize(
    ("words", "stdin", "why"),
    [
        (("list", "requests", "open"), "", "name=value"),
        (("create", "requests"), "{", "is no JSON"),
        (("create", "requests", "nowhere.json"), "", "nowhere.json: No such file"),
    ],
)
def test_what_cannot_be_meant_is_said_and_ends_with_2(demo: Demo, words: tuple[str, ...], stdin: str, why: str) -> None:
    done = typed(demo, demo.officer, *words, stdin=stdin)
    assert done.returncode == 2
    assert why in done.stderr


def test_what_others_wrote_does_not_command_the_terminal(demo: Demo, tmp_path: Path) -> None:
    body = need("Red \x1b[31m[bold]alert[/]", [line(*TRAFFICKED, (12, 20))], SOON)
    file = tmp_path / "need.json"
    file.write_text(json.dumps(body), encoding="utf-8")
    done = typed(demo, demo.requester, "create", "requests", str(file))
    # Either end may take the sequence away; it must not come through, and brackets are text.
    assert "\x1b" not in done.stdout + done.stderr
