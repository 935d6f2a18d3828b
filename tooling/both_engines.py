"""Run the whole suite twice: on PostgreSQL with Redis, then on SQLite with the embedded worker.

`python -m tooling.both_engines [sqlite|servers ...] [-- pytest arguments]`; without a name both run. `DATABASE_URL` and
`REDIS_URL`, when given, are the servers of the second run; otherwise throw-away servers are started for it.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tests.kit.servers import ServerUnavailableError, postgres_server, redis_server

RUNS = ("servers", "sqlite")
TITLES = {"sqlite": "SQLITE, EMBEDDED WORKER", "servers": "POSTGRESQL AND REDIS"}
SQLITE_URL = "sqlite:///var/marketplace.sqlite3"  # names the engine; each run tests on a file of its own
# Once is enough where both runs are asked for: what no database can change goes with the quicker run, and what walks
# every route or every life cycle at length, whose queries the rest runs on both, with the one that is nearer to production.
ON_SQLITE_ONLY = (
    "tests/guards",
    "tests/kernel",
    "tests/manual",
    "tests/tooling",
    "tests/faults",
    "tests/matching/engine",
    "tests/api/test_promises.py",  # reads the description of the API
    "tests/demo/test_loading.py",  # what the demo tells is the same on either engine; on servers the walks and faults start it
    "tests/demo/test_reading.py",
    "tests/demo/test_setup.py",
    "tests/demo/test_unmet_answers.py",
    "tests/access/test_examples.py",  # the same calls as those of the matrix, which goes with the servers
    "tests/matching/test_replay.py",  # what is read back is compared byte by byte; both engines keep such bytes in other tests
    "tests/e2e/test_command_line.py",
    "tests/e2e/test_clients.py",  # generated once, against the product as a new user starts it
    "tests/identity/test_sign_on.py",  # against a provider of identities, in processes of its own
)
ON_SERVERS_ONLY = (
    "tests/access/test_canaries.py",
    "tests/access/test_matrix.py",
    "tests/demo/test_planning.py",
    "tests/fulfilment/test_machine.py",
    "tests/fuzz",
    "tests/hostile/test_in_process.py",  # PostgreSQL is the stricter of the two
    "tests/matching/test_machine.py",
    "tests/requests_app/test_machine.py",
    "tests/upkeep/test_tracing.py",
)
NO_TESTS = 5  # pytest's exit code when nothing was collected
WORKERS = "3"  # two cores, and one for what waits (tests/conftest.py)
# The tests of a group share what is dear to start, such as the running product; the longest begin first (tests/conftest.py).
GROUPED = ("--dist", "loadscope", "--no-loadscope-reorder")


@dataclass(frozen=True)
class Outcome:
    """How one run ended, in one word and as a line for a person."""

    run: str
    passed: bool
    line: str
    ran: bool = True


def main(arguments: list[str]) -> int:
    """Run the named engines and return the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    names, extra = split(arguments)
    unknown = [name for name in names if name not in RUNS]
    if unknown:
        print(f"unknown run {unknown[0]!r}: choose from {', '.join(RUNS)}", file=sys.stderr)
        return 2
    try:
        outcomes = run_all(names or list(RUNS), extra)
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    print()
    for outcome in outcomes:
        print(f"{'✓' if outcome.passed else '✗'} {TITLES[outcome.run]}: {outcome.line}")
    return 0 if all(outcome.passed for outcome in outcomes) else 1


def split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Separate names of runs from the arguments for pytest behind `--`."""
    if "--" not in arguments:
        return arguments, []
    at = arguments.index("--")
    return arguments[:at], arguments[at + 1 :]


def run_all(names: list[str], extra: list[str]) -> list[Outcome]:
    """Run the named engines one after the other; of what is needed once, each leaves to the other what is the other's."""
    outcomes: list[Outcome] = []
    for name in names:
        elsewhere = {"servers": ON_SQLITE_ONLY, "sqlite": ON_SERVERS_ONLY}[name]
        # Servers may be impossible to come by; SQLite never is.
        shared = any(outcome.ran for outcome in outcomes) or (name == "servers" and "sqlite" in names)
        outcomes.append(run(name, [*extra, *passing_over(elsewhere if shared else ())]))
    return outcomes


def passing_over(places: tuple[str, ...]) -> list[str]:
    """Give pytest the places to pass over, and say so."""
    if places:
        print(f"\nIn the run on the other engine: {', '.join(places)}")
    return [f"--ignore={place}" for place in places]


def run(name: str, extra: list[str]) -> Outcome:
    """Run the suite once, on the engine that `name` stands for."""
    print(f"\n{'=' * 24} {TITLES[name]} {'=' * 24}", flush=True)
    try:
        with environment(name) as variables:
            return pytest_outcome(name, extra, variables)
    except ServerUnavailableError as error:
        # In CI both engines must run; on a person's machine the first run still says a lot.
        return Outcome(name, not in_ci(), f"NOT RUN: {error}".upper(), ran=False)


def pytest_outcome(name: str, extra: list[str], variables: dict[str, str]) -> Outcome:
    """Run pytest as a process of its own with `variables` as its whole environment."""
    command = [sys.executable, "-m", "pytest", "-n", os.environ.get("PYTEST_WORKERS", WORKERS), *GROUPED, *extra]
    code = subprocess.run(command, env=variables, check=False).returncode
    if code == NO_TESTS:
        return Outcome(name, False, "no test was found")
    return Outcome(name, code == 0, "passed" if code == 0 else f"FAILED (pytest exit code {code})")


@contextmanager
def environment(name: str) -> Iterator[dict[str, str]]:
    """Yield the environment of a run; starts the servers that the run needs and that nobody named."""
    given = {key: os.environ.get(key, "") for key in ("DATABASE_URL", "REDIS_URL")}
    # Named outright, because a `.env` in the checkout would fill what is absent.
    variables = {**os.environ, "TESTING": "1", "DATABASE_URL": SQLITE_URL, "REDIS_URL": ""}
    with ExitStack() as servers:
        if name == "servers":
            variables["DATABASE_URL"] = given["DATABASE_URL"] or servers.enter_context(postgres_server())
            variables["REDIS_URL"] = given["REDIS_URL"] or servers.enter_context(redis_server())
            whose = {key: "given" if given[key] else "throw-away" for key in given}
            print(f"PostgreSQL: {whose['DATABASE_URL']}, Redis: {whose['REDIS_URL']}", flush=True)
        yield variables


def in_ci() -> bool:
    """Say whether a machine, not a person, reads the result."""
    return os.environ.get("CI", "").lower() in {"1", "true", "yes"}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
