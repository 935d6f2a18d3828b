"""What the command-line client does when nobody, or the wrong one, answers."""

import json
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from clients.cli import __main__ as shell
from clients.cli import commands, showing, words
from clients.cli.connection import Marketplace, RefusedError, UnreachableError
from tooling import clients

Said = tuple[int, dict[str, str], bytes]
EVENT = {"sequence": 7, "time": "2026-11-23T09:00:00Z", "type": "engagement.created", "reference": "ENG-2026-0001"}
PAGE = {"results": [EVENT], "after": 9, "wait_ended": "events"}


def said(status: int, body: object, **headers: str) -> Said:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode()


@contextmanager
def answering(*answers: Said) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """A server that gives these answers, one a call; with its address and the paths and tokens that it saw."""
    seen: list[tuple[str, str]] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers.get("Authorization", "")))
            status, headers, body = left.pop(0)
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the parent's name
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", seen
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def shell_of_a_reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("MARKETPLACE_TOKEN", "gmg_secret")
    yield
    words.speak("en")


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    def run(url: str, *typed: str) -> int:
        monkeypatch.setenv("MARKETPLACE_URL", url)
        return shell.main(list(typed))

    return run


def test_watch_waits_out_a_busy_server_and_says_where_to_go_on(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    busy = said(503, {"code": "busy", "status": 503, "title": "Busy", "detail": "Later."}, Retry_After="0")
    with answering(busy, busy, said(200, PAGE)) as (url, seen):
        assert run(url, "watch", "--after", "5", "--until", "engagement.created") == 0
    assert [path.partition("after=")[2] for path, _ in seen] == ["5", "5", "5"]
    told = capsys.readouterr()
    assert "engagement.created  ENG-2026-0001" in told.out
    assert told.err.count("trying again") == 2
    assert "--after 7" in told.err


def test_watch_ends_where_waiting_cannot_help(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    gone = said(410, {"code": "", "status": 410, "title": "Gone", "detail": "Too old."})
    with answering(gone) as (url, _):
        assert run(url, "watch", "--after", "5") == 1
    assert "Too old." in capsys.readouterr().err


def test_token_follows_no_redirect_and_no_address_elsewhere(run: Callable[..., int]) -> None:
    with answering(said(200, PAGE)) as (elsewhere, robbed), answering(said(302, {}, Location=elsewhere)) as (url, seen):
        assert run(url, "show", "requests", "x") == 1
        with pytest.raises(UnreachableError, match="the token stays here"):
            Marketplace(url, "gmg_secret", "en").get(f"{elsewhere}/api/v1/requests")
    assert [token for _, token in seen] == ["Bearer gmg_secret"]
    assert robbed == []


@pytest.mark.parametrize("body", [b"<html>Welcome</html>", b"[]", b"\xff"])
def test_what_is_no_marketplace_is_not_taken_for_one(
    body: bytes, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with answering((200, {}, body)) as (url, _):
        assert run(url, "show", "requests", "x") == 3
    assert "what answers there" in capsys.readouterr().err


def test_list_of_what_is_one_thing_is_told_to_be_none(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(said(200, {"id": "x"})) as (url, _):
        assert run(url, "list", "requests/x") == 2
    assert "use show" in capsys.readouterr().err


def test_refusal_of_a_proxy_that_speaks_html_is_told(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with answering((502, {}, b"<html>")) as (url, _):
        assert run(url, "show", "requests", "x") == 1
    assert "Bad Gateway (502)" in capsys.readouterr().err


def test_name_of_a_thing_stays_one_part_of_the_path() -> None:
    assert commands.below("/requests/", "../me?x#y") == "requests/..%2Fme%3Fx%23y"


@pytest.mark.parametrize("url", ["", "ftp://127.0.0.1", "127.0.0.1:8000"])
def test_address_that_is_none_is_refused_before_any_call(url: str, run: Callable[..., int]) -> None:
    assert run(url, "list", "requests") in (2, 3)


@pytest.mark.parametrize(
    ("variables", "language"),
    [
        ({}, "en"),
        ({"LANG": "fr_CH.UTF-8"}, "fr"),
        ({"LANG": "fr_FR", "LC_ALL": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LC_MESSAGES": "fr", "LANG": "en_US"}, "fr"),
    ],
)
def test_language_is_that_of_the_shell(
    variables: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert words.preferred() == language


def test_control_characters_are_taken_out_and_brackets_are_text(capsys: pytest.CaptureFixture[str]) -> None:
    problem = {"status": 409, "code": "", "title": "\x1b[31mRed", "detail": "[bold]no[/bold]\x07\x9b2J"}
    showing.refusal(RefusedError(problem), "")
    told = capsys.readouterr().err
    assert "[31mRed" in told
    assert "[bold]no[/bold]2J" in told
    assert not {"\x1b", "\x07", "\x9b"} & set(told)


# --- its own words, and the one file ---------------------------------------------------------------------------------
ENGLISH = ("usage:", "positional", "show this", "required", "invalid", "expected", "error", "unrecognized")


@pytest.mark.parametrize(
    "typed", [["--help"], ["list", "--help"], ["match", "--help"], ["list"], ["show", "a", "b", "c"], ["dance"]]
)
@pytest.mark.parametrize("way", [{"LANG": "fr_FR.UTF-8"}, {"LC_ALL": "fr_CH.UTF-8", "LANG": "en_GB.UTF-8"}])
def test_parser_speaks_french_where_the_shell_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], typed: list[str], way: dict[str, str]
) -> None:
    for name, value in way.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        shell.main(typed)
    assert ended.value.code == (0 if "--help" in typed else 2)
    told = "".join(capsys.readouterr())
    assert "usage : marketplace" in told
    assert [word for word in ENGLISH if word in told.replace("usage : ", "")] == []


def test_parser_speaks_english_otherwise(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        shell.main(["--help"])
    assert "show this help message and exit" in capsys.readouterr().out


def test_one_file_runs_anywhere_in_both_languages(tmp_path: Path) -> None:
    clients.make_cli(tmp_path / "cli")
    file = tmp_path / "cli" / "marketplace.pyz"
    assert [path.name for path in file.parent.iterdir()] == ["marketplace.pyz"]

    def typed(*words: str, **shell: str) -> subprocess.CompletedProcess[str]:
        # -I -S: neither this checkout nor what is installed beside it can help out.
        return subprocess.run(
            [sys.executable, "-I", "-S", str(file), *words],
            cwd=tmp_path,
            env=shell,
            capture_output=True,
            text=True,
            check=False,
        )

    assert "show this help message" in typed("--help").stdout
    french = typed("list", "--help", LANG="fr_FR.UTF-8")
    assert (french.returncode, french.stderr) == (0, "")
    assert "usage : marketplace" in french.stdout
    with answering(said(200, {"results": [{"id": "1", "code": "IOM"}], "next": None})) as (url, _):
        listed = typed("list", "organizations", MARKETPLACE_URL=url, MARKETPLACE_TOKEN="gmg_secret")
    assert (listed.returncode, "IOM" in listed.stdout) == (0, True), listed.stderr
