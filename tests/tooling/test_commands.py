"""What `make test` and `make check` promise when something is missing or fails."""

import io
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from rich.console import Console

from tests.kit.servers import ServerUnavailableError
from tooling import both_engines, check


@pytest.fixture
def no_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    def start() -> NoReturn:
        raise ServerUnavailableError("no room")

    for name in ("DATABASE_URL", "REDIS_URL", "CI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(both_engines, "postgres_server", start)


@pytest.mark.usefixtures("no_servers")
def test_run_without_servers_says_so_in_capitals_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    at_home = both_engines.run("servers", [])
    monkeypatch.setenv("CI", "true")
    in_ci = both_engines.run("servers", [])

    assert at_home == both_engines.Outcome("servers", True, "NOT RUN: NO ROOM", ran=False)
    assert not in_ci.passed


def test_environment_of_the_sqlite_run_hides_given_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/db")
    monkeypatch.setenv("REDIS_URL", "redis://somewhere/0")

    with both_engines.environment("sqlite") as variables:
        assert variables["DATABASE_URL"].startswith("sqlite:")
        assert variables["REDIS_URL"] == ""


def test_environment_of_the_server_run_uses_given_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somewhere/db")
    monkeypatch.setenv("REDIS_URL", "redis://somewhere/0")

    with both_engines.environment("servers") as variables:
        assert (variables["DATABASE_URL"], variables["REDIS_URL"]) == ("postgres://somewhere/db", "redis://somewhere/0")


def test_main_with_unknown_run_is_refused() -> None:
    assert both_engines.main(["oracle"]) == 2


@pytest.mark.parametrize(
    ("names", "servers_there", "expected"),
    [
        (["sqlite"], True, {"sqlite": ()}),
        (["servers"], True, {"servers": ()}),
        (
            list(both_engines.RUNS),
            True,
            {"servers": both_engines.ON_SQLITE_ONLY, "sqlite": both_engines.ON_SERVERS_ONLY},
        ),
        (list(both_engines.RUNS), False, {"servers": both_engines.ON_SQLITE_ONLY, "sqlite": ()}),
    ],
)
def test_what_is_needed_once_runs_on_one_engine_and_never_on_none(
    monkeypatch: pytest.MonkeyPatch, names: list[str], servers_there: bool, expected: dict[str, tuple[str, ...]]
) -> None:
    asked: dict[str, tuple[str, ...]] = {}

    def run(name: str, extra: list[str]) -> both_engines.Outcome:
        asked[name] = tuple(option.removeprefix("--ignore=") for option in extra)
        return both_engines.Outcome(name, True, "passed", ran=servers_there or name == "sqlite")

    monkeypatch.setattr(both_engines, "run", run)
    both_engines.run_all(names, [])
    assert asked == expected


@pytest.mark.parametrize("place", [*both_engines.ON_SQLITE_ONLY, *both_engines.ON_SERVERS_ONLY])
def test_what_runs_once_is_there_and_needs_no_other_engine(place: str, project_root: Path) -> None:
    path = project_root / place
    files = [path] if path.is_file() else list(path.rglob("*.py"))
    assert files
    others = ("@pytest.mark.postgres", "@pytest.mark.redis") if place in both_engines.ON_SQLITE_ONLY else ()
    assert not [str(file) for file in files if set(file.read_text("utf-8").split()) & set(others)]


def test_split_hands_what_follows_the_dashes_to_pytest() -> None:
    assert both_engines.split(["sqlite", "--", "-k", "x"]) == (["sqlite"], ["-k", "x"])


def test_step_that_fails_shows_its_output_and_a_crash_is_a_failure() -> None:
    def crash() -> check.Finding:
        raise OSError("no such program")

    page = io.StringIO()
    check.report(Console(file=page), *check.timed(check.Step("broken", crash)))

    assert "✗ broken" in page.getvalue()
    assert "no such program" in page.getvalue()


def test_command_that_exits_with_an_error_does_not_pass() -> None:
    finding = check.command(sys.executable, "-c", "print('why'); raise SystemExit(1)")

    assert finding == check.Finding(False, "why\n")


def test_schema_lint_without_redocly_is_loud_and_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check, "REDOCLY", check.ROOT / "node_modules" / "absent")
    monkeypatch.delenv("CI", raising=False)
    at_home = check.schema_lint()
    monkeypatch.setenv("CI", "true")

    assert at_home.passed
    assert "NOT LINTED" in at_home.note
    assert not check.schema_lint().passed


def test_main_with_unknown_step_lists_the_steps() -> None:
    assert check.main(["no such step"]) == 2
