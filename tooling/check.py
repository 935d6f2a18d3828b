"""Everything that is checked beside the tests: all steps run, each with its ✓ or ✗, one exit code at the end.

`python -m tooling.check [word ...]` runs only the steps whose name holds one of the words.
"""

import difflib
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from tests.kit.servers import ServerUnavailableError, postgres_server
from tooling import audit, breaking, clients, requirements, translations
from tooling.both_engines import in_ci

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
SCHEMA = ROOT / "openapi" / "marketplace-v1.yaml"
REDOCLY = ROOT / "node_modules" / ".bin" / "redocly"
SPECTRAL = ROOT / "node_modules" / ".bin" / "spectral"
# Labels of our own apps; what Django's and guardian's migrations do is theirs.
APPS = (
    *("accounts", "api", "audit", "events", "files", "notifications", "search", "vocabularies", "work"),
    *("requests_app", "providers", "matching", "fulfilment"),
)
# As on a server, so that Django's deployment checks look at what production would run.
PRODUCTION = {"PRODUCTION": "1", "DEBUG": "0", "TESTING": "0", "ALLOWED_HOSTS": "marketplace.example.org"}


@dataclass(frozen=True)
class Finding:
    """What one step found: nothing to say when it passed."""

    passed: bool
    output: str = ""
    note: str = ""  # a line beside the ✓ or ✗


@dataclass(frozen=True)
class Step:
    """One thing to check, by the name a person reads."""

    name: str
    check: Callable[[], Finding] = field(repr=False)


def command(*words: str | Path, env: dict[str, str] | None = None) -> Finding:
    """Run a command at the root of the checkout, on SQLite and without a broker; it passes when it exits with 0."""
    neutral = {"TESTING": "1", "DATABASE_URL": "sqlite:///var/check.sqlite3", "REDIS_URL": "", "COLUMNS": "140"}
    done = subprocess.run(
        [str(word) for word in words],
        cwd=ROOT,
        env={**os.environ, **neutral, **(env or {})},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return Finding(done.returncode == 0, done.stdout)


def manage(*words: str | Path, env: dict[str, str] | None = None) -> Finding:
    """Run one management command."""
    return command(sys.executable, "manage.py", *words, env=env)


# Written before the first release: no old code serves beside them, and the tables that they change hold no more than a
# demo's rows. To be emptied with the first release.
SHARES = "0003_shares_and_consents"
TEST_MODE = ("0004_test_mode", "0005_test_mode")
TWO_WAY = ("0004_two_way_subjects", "0005_open_requests_by_opening", "0007_two_way")
BEFORE_RELEASE = (
    *("0002_plans", "0003_chain", "0004_replays", "0005_publications", "0006_grants"),
    *(SHARES, *TEST_MODE, *TWO_WAY),
)


def safe_migrations() -> Finding:
    """Lint what the migrations do to PostgreSQL; the initial ones make empty tables and cannot harm."""
    rules = ("--ignore-initial-migrations", "--warnings-as-errors", "--ignore-name", *BEFORE_RELEASE)
    words = ("lintmigrations", "--include-apps", *APPS, *rules)
    try:
        with postgres_server() as url:
            return manage(*words, "--quiet", "ok", "ignore", "--no-cache", env={"DATABASE_URL": url})
    except ServerUnavailableError as error:
        return Finding(not in_ci(), note=f"MIGRATIONS NOT LINTED: {error}".upper())


def deployment() -> Finding:
    """Run Django's deployment checks with production's environment."""
    key = secrets.token_urlsafe(64)
    return manage("check", "--deploy", "--fail-level", "WARNING", env={**PRODUCTION, "SECRET_KEY": key})


def schema_drift() -> Finding:
    """Write the API description anew, valid and without a warning, and compare it with the committed one."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / SCHEMA.name
        written = manage("spectacular", "--validate", "--fail-on-warn", "--file", fresh)
        if not written.passed:
            return written
        if not SCHEMA.is_file():
            return Finding(False, f"{SCHEMA.relative_to(ROOT)} is absent: run `make schema`")
        before, after = (path.read_text(encoding="utf-8").splitlines() for path in (SCHEMA, fresh))
    drift = list(difflib.unified_diff(before, after, "committed", "from the code", lineterm="", n=2))
    return Finding(not drift, "\n".join([*drift[:200], "run `make schema` and commit what it wrote"]))


def schema_lint() -> Finding:
    """Lint the committed API description with Redocly's recommended rules; a warning fails too."""
    if not REDOCLY.is_file():
        return not_installed("REDOCLY")
    quiet = {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}
    return command(REDOCLY, "lint", "--max-problems", "50", "--format", "stylish", SCHEMA, env=quiet)


def clients_typed() -> Finding:
    """Make the clients of the API where it has changed, and check the types of those and of their walks."""
    try:
        clients.made("python")
        clients.check_python()
        missing = clients.without_node()
        if missing:
            return Finding(not in_ci(), note=f"THE TYPESCRIPT CLIENT WAS NOT MADE: {missing.upper()}")
        clients.made("typescript")
    except clients.ClientError as error:
        return Finding(False, str(error))
    return Finding(True)


def schema_security() -> Finding:
    """Lint it with Spectral's own rules and those after OWASP; `spectral.yaml` gives the reason of each exception."""
    if not SPECTRAL.is_file():
        return not_installed("SPECTRAL")
    rules = ("--ruleset", ROOT / "spectral.yaml", "--fail-severity", "warn", "--format", "text", "--quiet")
    return command(SPECTRAL, "lint", *rules, SCHEMA, env={"NO_COLOR": "1"})


def not_installed(linter: str) -> Finding:
    """Say that a linter from npm is absent; in CI that fails."""
    reason = "npm is absent" if shutil.which("npm") is None else "`npm ci` did not succeed"
    return Finding(not in_ci(), note=f"API DESCRIPTION NOT LINTED: {linter} IS NOT INSTALLED ({reason.upper()})")


def known_holes() -> Finding:
    """Look up holes in what we stand on; where nobody can be asked that is said, and nothing fails."""
    outcome = audit.ask(ROOT / "requirements" / "base.txt")
    note = f"KNOWN HOLES WERE NOT LOOKED UP: {outcome.unasked}".upper() if outcome.unasked else ""
    return Finding(not outcome.holes, "\n".join(outcome.holes), note)


def listed(problems: Iterable[str]) -> Finding:
    """Turn a list of problems into a finding."""
    lines = list(problems)
    return Finding(not lines, "\n".join(lines))


STEPS = (
    Step("types: mypy strict", partial(command, BIN / "mypy")),
    Step("style: ruff", partial(command, BIN / "ruff", "check", ".")),
    Step("format: ruff", partial(command, BIN / "ruff", "format", "--check", ".")),
    Step("imports: import-linter", partial(command, BIN / "lint-imports", "--no-logo")),
    Step("dependencies: deptry", partial(command, BIN / "deptry", "--no-ansi", ".")),
    Step("dependencies: locked as declared", lambda: listed(requirements.problems(ROOT))),
    Step("dependencies: known holes", known_holes),
    Step("house: guards", partial(command, BIN / "pytest", "tests/guards", "-q", "-p", "no:randomly", "-n", "0")),
    Step("migrations: complete", partial(manage, "makemigrations", "--check", "--dry-run")),
    Step("migrations: linear, system checks", partial(manage, "check", "--fail-level", "WARNING")),
    Step("migrations: safe", safe_migrations),
    Step("deployment: check --deploy", deployment),
    Step("schema: fresh, valid, no warning", schema_drift),
    Step("schema: Redocly recommended", schema_lint),
    Step("clients: Python and TypeScript made and typed", clients_typed),
    Step("schema: Spectral, OWASP", schema_security),
    Step("schema: breaks nothing unannounced", lambda: listed(breaking.unannounced())),
    Step("life cycles: diagrams fresh", partial(manage, "lifecycle_diagrams", "--check")),
    Step("access: matrix fresh", partial(manage, "access_matrix", "--check")),
    Step("translations: complete, compiled", lambda: listed(translations.problems(ROOT))),
)


def timed(step: Step) -> tuple[Step, Finding, float]:
    """Run one step and measure it in seconds; a step that crashes has failed."""
    start = time.monotonic()
    try:
        finding = step.check()
    except (OSError, ValueError) as error:
        finding = Finding(False, f"{type(error).__name__}: {error}")
    return step, finding, time.monotonic() - start


def report(console: Console, step: Step, finding: Finding, seconds: float) -> None:
    """Print one step's mark, and its whole output when it failed."""
    mark = "[green]✓[/]" if finding.passed else "[red]✗[/]"
    note = f"  [bold yellow]{escape(finding.note)}[/]" if finding.note else ""
    console.print(f"{mark} {step.name} [dim]({seconds:.1f} s)[/]{note}", soft_wrap=True)
    if not finding.passed and finding.output:
        console.print(escape(finding.output.rstrip()), soft_wrap=True, highlight=False)


def main(words: list[str]) -> int:
    """Run the steps, two at a time, and return the exit code."""
    console = Console()
    steps = [step for step in STEPS if not words or any(word in step.name for word in words)]
    if not steps:
        console.print(f"no step is named {' or '.join(words)}; they are: {', '.join(step.name for step in STEPS)}")
        return 2
    results: list[tuple[Step, Finding, float]] = []
    with ThreadPoolExecutor(max_workers=2) as pool:
        for future in as_completed([pool.submit(timed, step) for step in steps]):
            results.append(future.result())
            report(console, *results[-1])
    failed = [step.name for step, finding, _ in results if not finding.passed]
    for _, finding, _ in results:
        if finding.note:
            console.print(f"[bold yellow]{escape(finding.note)}[/]", soft_wrap=True)
    console.print(
        f"{len(results) - len(failed)} checks passed, {len(failed)} failed{': ' if failed else ''}{', '.join(failed)}"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
