"""What the command-line client does when nobody, or the wrong one, answers."""

import io
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest

from clients.cli import __main__ as shell
from clients.cli import commands, showing, words
from clients.cli.connection import Marketplace, RefusedError, UnreachableError
from tooling import clients

Said = tuple[int, dict[str, str], bytes]
EVENT = {"sequence": 7, "time": "2026-11-23T09:00:00Z", "type": "engagement.created", "reference": "ENG-2026-0001"}
PAGE = {"results": [EVENT], "after": 9, "wait_ended": "events"}
SILENCE: Said = (0, {}, b"")  # whoever should answer dies
# As deploy/nginx.conf says it where a web server is gone, perhaps after it has written.
AWAY = {"code": "service_unavailable", "status": 503, "title": "Not ready", "detail": "A part does not answer."}


class Call(NamedTuple):
    """What a server saw of a call."""

    path: str
    token: str
    key: str

    @property
    def query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query)


def said(status: int, body: object, **headers: str) -> Said:
    return status, {name.replace("_", "-"): value for name, value in headers.items()}, json.dumps(body).encode()


@contextmanager
def answering(*answers: Said) -> Iterator[tuple[str, list[Call]]]:
    """A server that gives these answers, one a call; with its address and the calls that it saw."""
    seen: list[Call] = []
    left = list(answers)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            seen.append(Call(self.path, self.headers.get("Authorization", ""), self.headers.get("Idempotency-Key", "")))
            status, headers, body = left.pop(0)
            if not status:
                return
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

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
    monkeypatch.setattr(commands, "PAUSE", 0.01)
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
    assert [call.path.partition("after=")[2] for call in seen] == ["5", "5", "5"]
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
    assert [call.token for call in seen] == ["Bearer gmg_secret"]
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


@pytest.mark.parametrize(
    "url",
    ["", "ftp://127.0.0.1", "127.0.0.1:8000", "http://[::1", "http://a..b", "http://127.0.0.1:99999", "http://h:x"],
)
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


# --- writing: what became of it ---------------------------------------------------------------------------------------
@pytest.fixture
def need(tmp_path: Path) -> str:
    file = tmp_path / "need.json"
    file.write_text("{}", "utf-8")
    return str(file)


@pytest.mark.parametrize(
    "answer",
    [
        said(503, AWAY, Retry_After="5"),
        (502, {}, b"<html>"),
        said(504, {}),
        said(500, {"code": "internal_error", "detail": "Ours."}),
        said(409, {"code": "idempotency_in_flight", "status": 409, "title": "Under way", "detail": "Not yet."}),
        (200, {}, b"<html>"),
        SILENCE,
    ],
)
@pytest.mark.parametrize("typed", [["create", "requests"], ["submit", "requests", "R-1"], ["match", "R-1"]])
def test_write_whose_outcome_nobody_knows_names_its_key_and_is_no_refusal(
    answer: Said, typed: list[str], need: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    words = [*typed, need] if typed[0] == "create" else typed
    with answering(answer) as (url, seen):
        assert run(url, *words) == 3
    (call,) = seen
    assert call.key
    assert f"Repeat it with --key {call.key}" in capsys.readouterr().err


def test_write_that_the_proxy_gave_up_says_what_was_answered(
    need: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(said(503, {**AWAY, "request_id": "abc"}, Retry_After="5")) as (url, _):
        run(url, "create", "requests", need, "--key", "k:on:1")
    told = capsys.readouterr()
    assert told.out == ""
    for part in ("Not ready (503 service_unavailable)", "A part does", "in 5 seconds", "--key k:on:1:", "number: abc"):
        assert part in told.err


@pytest.mark.parametrize("answer", [said(503, AWAY), said(502, {"detail": "x"}), SILENCE])
def test_write_whose_outcome_nobody_knows_gives_its_key_to_programs(
    answer: Said, need: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(answer) as (url, seen):
        assert run(url, "create", "requests", need, "--json") == 3
    told = capsys.readouterr()
    problem = json.loads(told.out)
    assert problem["idempotency_key"] == seen[0].key
    assert problem["detail"]
    assert problem.get("status", 0) == answer[0]
    assert seen[0].key in told.err


@pytest.mark.parametrize("status", [400, 409, 422, 429])
def test_refused_write_is_done_never_and_names_no_key(
    status: int, need: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(said(status, {"code": "", "detail": "No."})) as (url, _):
        assert run(url, "create", "requests", need, "--json") == 1
    told = capsys.readouterr()
    assert "--key" not in told.err
    assert "idempotency_key" not in json.loads(told.out)


def test_write_that_is_stopped_names_its_key(
    monkeypatch: pytest.MonkeyPatch, need: str, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Marketplace, "post", stopped)
    assert run("http://127.0.0.1", "create", "requests", need, "--key", "k-1") == 130
    assert "--key k-1" in capsys.readouterr().err


def test_repetition_is_typed_with_the_key_before_or_behind_the_file(need: str, run: Callable[..., int]) -> None:
    with answering(said(201, {"id": "x"}), said(201, {"id": "x"})) as (url, seen):
        assert run(url, "create", "requests", need, "--key", "k-1") == 0
        assert run(url, "create", "requests", "--key", "k-1", need) == 0
    assert [call.key for call in seen] == ["k-1", "k-1"]


def test_match_waits_out_a_proxy_without_servers_while_its_run_goes_on(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    going, ended = ({"id": "m-1", "state": state} for state in ("running", "complete"))
    proposals = {"results": [{"id": "p-1", "state": "proposed"}], "next": None}
    away: list[Said] = [said(503, AWAY), SILENCE, (502, {}, b"")]
    with answering(said(201, going), *away, said(200, ended), said(200, proposals)) as (url, seen):
        assert run(url, "match", "R-1", "--json") == 0
    assert [call.path for call in seen[1:5]] == ["/api/v1/match-runs/m-1"] * 4
    assert json.loads(capsys.readouterr().out)["run"] == ended


def test_match_that_nobody_answers_names_its_run_in_time(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    answers: list[Said] = [said(201, {"id": "m-1", "state": "queued"}), *[said(503, AWAY, Retry_After="60")] * 20]
    with answering(*answers) as (url, _):
        assert run(url, "match", "R-1", "--timeout", "0.2") == 3
    assert time.monotonic() - began < 30
    assert "show match-runs m-1" in capsys.readouterr().err


# --- reading: all that was asked for ----------------------------------------------------------------------------------
def test_filter_that_is_repeated_is_sent_as_often(run: Callable[..., int]) -> None:
    with answering(said(200, {"results": [], "next": None})) as (url, seen):
        assert run(url, "list", "offerings", "theme=a", "q=x y", "theme=b") == 0
    assert seen[0].query == {"page_size": ["50"], "theme": ["a", "b"], "q": ["x y"]}


def test_filters_may_stand_before_and_behind_the_options(run: Callable[..., int]) -> None:
    with answering(said(200, {"results": [], "next": None})) as (url, seen):
        assert run(url, "list", "offerings", "theme=a", "--limit", "3", "theme=b", "q=x") == 0
    assert seen[0].query == {"page_size": ["3"], "theme": ["a", "b"], "q": ["x"]}


def test_size_of_a_page_that_was_typed_is_that_one(run: Callable[..., int]) -> None:
    with answering(said(200, {"results": [], "next": None})) as (url, seen):
        assert run(url, "list", "offerings", "page_size=2") == 0
    assert seen[0].query == {"page_size": ["2"]}


def test_list_that_knows_no_size_of_a_page_is_asked_without(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    unknown = {"code": "unknown_parameter", "errors": [{"parameter": "page_size"}]}
    with answering(said(400, unknown), said(200, {"results": [{"code": "MLI"}, {"code": "SEN"}]})) as (url, seen):
        assert run(url, "list", "countries", "region=x", "--limit", "1", "--json") == 0
    assert seen[1].query == {"region": ["x"]}
    assert json.loads(capsys.readouterr().out) == {"code": "MLI"}


def test_size_of_a_page_that_was_typed_and_is_unknown_is_refused(run: Callable[..., int]) -> None:
    unknown = {"code": "unknown_parameter", "errors": [{"parameter": "page_size"}]}
    with answering(said(400, unknown), said(404, {})) as (url, seen):
        assert run(url, "list", "countries", "page_size=2") == 1
    assert seen[0].query == {"page_size": ["2"]}


def test_table_names_what_has_neither_reference_nor_code(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    things = [{"alpha3": "MLI", "m49": "466"}, {"type": "match_run.completed"}, {"content_version": 2, "changed": []}]
    with answering(said(200, {"results": [*things, {"type": "x", "id": "7"}], "next": None})) as (url, _):
        assert run(url, "list", "countries") == 0
    shown = [row.split("\t")[0] for row in capsys.readouterr().out.splitlines()[1:]]
    assert shown == ["MLI", "match_run.completed", "2", "7"]


def test_list_of_the_feed_ends_where_it_has_nothing_new(run: Callable[..., int]) -> None:
    page = {"results": [EVENT], "next": "/api/v1/events?after=7"}
    with answering(said(200, page), said(200, {**page, "results": []})) as (url, seen):
        assert run(url, "list", "events") == 0
    assert len(seen) == 2


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_watch_waits_out_whatever_passes(
    status: int, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with answering((status, {}, b"<html>"), SILENCE, said(200, PAGE)) as (url, seen):
        assert run(url, "watch", "--until", "engagement.created") == 0
    assert len(seen) == 3
    assert capsys.readouterr().err.count("trying again") == 2


@pytest.mark.parametrize(
    ("asked", "slept", "after"),
    [("0", 1, 2), ("7", 7, 14), ("99999999999", 3600, 30), ("9" * 400, 3600, 30), ("\xb2", 4, 8), ("", 4, 8)],
)
def test_pause_is_what_the_answer_asks_within_reason(
    asked: str, slept: float, after: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(commands, "PAUSE", 1.0)
    monkeypatch.setattr("clients.cli.commands.time.sleep", pauses.append)
    assert commands._wait_out(RefusedError({"status": 503}, asked), 4) == after
    assert pauses == [slept]


def test_refusal_that_breaks_off_and_one_of_another_kind_are_told(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    broken = (502, {"Content-Length": "99"}, b'{"det')
    with answering(broken, said(404, {"status": "none", "code": 7}), said(404, {})) as (url, _):
        assert run(url, "show", "requests", "x") == 1
        assert run(url, "show", "requests", "x") == 1
    told = capsys.readouterr().err
    assert "Bad Gateway (502)" in told
    assert "Not Found (404 7)" in told


# --- what cannot be meant ---------------------------------------------------------------------------------------------
IMPOSSIBLE = [
    (["list", "requests", "--limit", "-5"], "-5", ""),
    (["list", "requests", "--limit", "0"], "from 1 on is wanted, not 0", "à partir de 1, et non 0"),
    (["list", "requests", "--limit", "many"], "many", ""),
    (["list", "requests", "--limit", "9" * 5000], "999", ""),
    (["watch", "--after", "-1"], "from 0 on is wanted, not -1", "à partir de 0, et non -1"),
    (["match", "R-1", "--timeout", "nan"], "seconds from 0 on", "secondes à partir de 0"),
    (["match", "R-1", "--timeout=-1"], "-1", ""),
    (["match", "R-1", "--timeout", "inf"], "inf", ""),
    (["match", "R-1", "--timeout", "soon"], "soon", ""),
    (["submit", "requests", "R-1", "--key", "clé"], "without accents", "sans accents"),
    (["submit", "requests", "R-1", "--key", "a\nb"], "1 to 200", "de 1 à 200"),
    (["submit", "requests", "R-1", "--key", ""], "1 to 200", ""),
    (["submit", "requests", "R-1", "--key", "k" * 201], "1 to 200", ""),
    (["create", "requests", "--key", "k", "a.json", "b.json"], "a.json b.json", "arguments inconnus"),
    (["list", "requests", "--limt", "5"], "--limt 5", ""),
    (["show", "requests", "--json", "x", "y"], "y", ""),
]


@pytest.mark.parametrize(("typed", "english", "french"), IMPOSSIBLE)
def test_option_that_cannot_be_meant_is_refused_in_the_language_of_the_shell(
    typed: list[str],
    english: str,
    french: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("MARKETPLACE_URL", "http://127.0.0.1:1")
    for language, sentence in (("en_GB.UTF-8", english), ("fr_FR.UTF-8", french)):
        monkeypatch.setenv("LANG", language)
        with pytest.raises(SystemExit) as ended:
            shell.main(typed)
        assert ended.value.code == 2
        told = capsys.readouterr().err
        assert sentence in told
        if language.startswith("fr"):
            assert [word for word in ENGLISH if word in told] == []


def test_limit_beyond_all_counting_lists_all(run: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    with answering(said(200, {"results": [{"id": "1"}], "next": None})) as (url, seen):
        assert run(url, "list", "requests", "--limit", "9" * 30, "--json") == 0
    assert seen[0].query == {"page_size": ["200"]}
    assert json.loads(capsys.readouterr().out) == {"id": "1"}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"[" * 200_000, "est pas du JSON"),
        (b"\xff{}", "est pas du JSON"),
        (b"", "est pas du JSON"),
        (None, "fichier ou dossier introuvable"),
    ],
)
def test_file_that_is_none_or_no_json_is_told_in_french(
    content: bytes | None,
    why: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    file = tmp_path / "need.json"
    if content is not None:
        file.write_bytes(content)
    assert run("http://127.0.0.1:1", "create", "requests", str(file)) == 2
    assert why in capsys.readouterr().err


def test_json_is_utf8_whatever_the_shell_writes_and_whatever_stands_before_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = '\ufeff{"title": "é"}'.encode()
    (tmp_path / "need.json").write_bytes(text)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text), "latin-1"))
    assert commands._read(str(tmp_path / "need.json")) == commands._read("-") == {"title": "é"}


def test_path_may_have_accents_and_bytes_that_are_no_text_are_refused(
    run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(said(404, {})) as (url, seen):
        assert run(url, "list", "prêts à", "q=é") == 1
        assert run(url, "list", "requests", "q=\udce9") == 2
    assert [call.path for call in seen] == ["/api/v1/pr%C3%AAts%20%C3%A0?page_size=50&q=%C3%A9"]
    assert "cannot be part of an address" in capsys.readouterr().err


@pytest.mark.parametrize("token", ["gmg_…", "gmg_a\nb", "gmg a"])
def test_token_that_is_none_is_told_and_not_shown(
    token: str, monkeypatch: pytest.MonkeyPatch, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MARKETPLACE_TOKEN", token)
    assert run("http://127.0.0.1:1", "list", "requests") == 2
    told = capsys.readouterr().err
    assert "copy it once more" in told
    assert token not in told


def test_token_may_end_as_lines_do(monkeypatch: pytest.MonkeyPatch, run: Callable[..., int]) -> None:
    monkeypatch.setenv("MARKETPLACE_TOKEN", "gmg_secret\r\n")
    with answering(said(200, {})) as (url, seen):
        assert run(url, "show", "requests", "x") == 0
    assert seen[0].token == "Bearer gmg_secret"


def test_silence_is_told_in_french(
    monkeypatch: pytest.MonkeyPatch, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LANG", "fr_FR.UTF-8")
    assert run("http://127.0.0.1:1", "list", "requests") == 3
    with answering((200, {}, b"[]"), (200, {}, b"<html>"), SILENCE) as (url, _):
        assert [run(url, "list", "requests") for _ in range(3)] == [3, 3, 3]
    told = capsys.readouterr().err
    for part in ("connexion refusée", "la place de marché", "ne parle pas JSON", "sans répondre"):
        assert part in told


# --- whoever reads ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("typed", [["list", "x"], ["list", "x", "--json"], ["show", "x", "y"], ["--help"]])
def test_reader_who_has_seen_enough_is_no_failure(typed: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with answering(said(200, {"id": "1", "results": [{"id": "1"}], "next": None})) as (url, _):
        done = subprocess.run(
            [sys.executable, "-m", "clients.cli", *typed],
            env={"MARKETPLACE_URL": url, "PATH": os.environ["PATH"]},
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
        )
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize(("answer", "code"), [(said(404, {}), 1), (said(503, AWAY), 3), (SILENCE, 3)])
@pytest.mark.parametrize("unread", [("stdout",), ("stderr",), ("stdout", "stderr")])
def test_failure_that_nobody_reads_is_one(answer: Said, code: int, unread: tuple[str, ...], need: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with answering(answer, said(404, {})) as (url, _):
        done = subprocess.run(
            [sys.executable, "-m", "clients.cli", "create", "requests", need, "--key", "k-1", "--json"],
            env={"MARKETPLACE_URL": url, "PATH": os.environ["PATH"]},
            stdout=writing if "stdout" in unread else subprocess.PIPE,
            stderr=writing if "stderr" in unread else subprocess.PIPE,
            check=False,
        )
    os.close(writing)
    assert done.returncode == code
    assert "stderr" in unread or code == 1 or b"--key k-1" in done.stderr


@pytest.mark.parametrize(
    ("typed", "shown"), [(["list", "x"], "? é"), (["list", "x", "--json"], r"\u0623 "), (["show", "x", "y"], "? é")]
)
def test_shell_of_few_letters_shows_what_it_has(typed: list[str], shown: str) -> None:
    body = {"id": "1", "results": [{"id": "1", "title": "\u0623 é"}], "next": None, "title": "\u0623 é"}
    with answering(said(200, body)) as (url, _):
        done = subprocess.run(
            [sys.executable, "-m", "clients.cli", *typed],
            env={"MARKETPLACE_URL": url, "PATH": os.environ["PATH"], "PYTHONIOENCODING": "latin-1"},
            capture_output=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, b"")
    assert shown in done.stdout.decode("latin-1")


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
