"""What every test stands on: an explicit clock, a database of its own, empty caches, and loud words about what did not run."""

import gc
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import hypothesis
import pytest
import structlog
from django.conf import settings
from django.core.cache import cache
from django.core.management.commands.migrate import Command as MigrateCommand
from django.db import connections
from django.test import TransactionTestCase
from django.utils import translation
from xdist.scheduler import LoadScopeScheduling

from marketplace.work import registry
from tests.kit.examples import PROFILE, examples
from tests.kit.flushing import Beginning
from tests.kit.templates import PostgresTemplate, SqliteTemplate, Template

HOUSE = ("marketplace", "requests_app", "providers", "matching", "fulfilment")
# What these keep in memory is true in every test.
WITHOUT_DATABASE = (
    "matching.engine.",
    "marketplace.kernel.",
    "marketplace.manual.",
    "marketplace.rest.start",
    "marketplace.api.deprecations",
    "marketplace.bulk.columns",
    "marketplace.bulk.targets",
    "marketplace.events.catalogue",
)
# The periodic jobs that bring about what others wait for; the rest, such as purges, tidies up.
MOVING = frozenset({"lifecycles.sweep", "providers.lapse_holds", "providers.lapse_standing", "notifications.digests"})
NEEDS_POSTGRES = "NEEDS POSTGRESQL"
NEEDS_REDIS = "NEEDS REDIS"
OF_THE_PRODUCT = connections["default"].settings_dict["NAME"]  # the name of the database that no test may touch

# What several files share because it is dear to start: the running product.
TOGETHER = ("tests/e2e",)
# What mostly waits for processes that it has started: one worker is for these, beside those that keep the cores busy.
WAITING = (
    "tests/e2e",
    "tests/upkeep/test_backups.py",
    "tests/work/test_celery.py",
    "tests/concurrency/test_races.py",
    "tests/work/test_poison.py",
    "tests/matching/test_processes.py",
    "tests/work/test_processes.py",
    "tests/bulk/test_killed.py",
    "tests/notifications/test_mail_processes.py",
    "tests/upkeep/test_tracing.py",
    "tests/events/test_feed_processes.py",
    "tests/identity/test_sign_on.py",
)
# Groups of half a minute and more on one core, longest first.
LONGEST = {
    group: number
    for number, group in enumerate(
        (
            *WAITING,
            "tests/access/test_matrix.py",
            "tests/matching/test_machine.py",
            "tests/access/test_canaries.py",
            "tests/fuzz/test_openapi.py",
            "tests/matching/test_replay.py",
            "tests/demo/test_setup.py",
            "tests/matching/engine/portfolio/test_optimum.py",
        )
    )
}

hypothesis.settings.register_profile(PROFILE, deadline=None, print_blob=True, max_examples=examples(100))
hypothesis.settings.load_profile(PROFILE)


def vendor() -> str:
    return str(connections["default"].vendor)


# --- the run ------------------------------------------------------------------------------------------------------
def pytest_report_header() -> str:
    return f"engine: {vendor()}, doorbell: {'redis' if settings.REDIS_URL else 'none (embedded worker)'}"


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("postgres") and vendor() != "postgresql":
        pytest.skip(f"{NEEDS_POSTGRES}: this run is on {vendor()}")
    if item.get_closest_marker("redis") and not settings.REDIS_URL:
        pytest.skip(f"{NEEDS_REDIS}: this run has no REDIS_URL")


class Groups(LoadScopeScheduling):  # type: ignore[misc]
    """Keeps the tests of a file on one core, and those of several files that share what is dear to start.

    (xdist's own `--dist loadgroup` renames tests in a way that pytest 9.2 no longer takes, and so groups nothing.)
    """

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)

    def _assign_work_unit(self, node: Any) -> None:
        """Give the last of three workers and more what waits, and the others the rest, as long as there is of each."""
        waits = len(self.nodes) > 2 and node is self.nodes[-1]
        fitting = next((group for group in self.workqueue if (group in WAITING) == waits), None)
        if fitting:
            self.workqueue.move_to_end(fitting, last=False)
        super()._assign_work_unit(node)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Groups:
    return Groups(config, log)


def group_of(nodeid: str) -> str:
    path = nodeid.partition("::")[0]
    return next((folder for folder in TOGETHER if path.startswith(f"{folder}/")), path)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest groups, so that no core ends the run alone with one of them; the rest stays as it was shuffled."""
    items.sort(key=lambda item: LONGEST.get(group_of(item.nodeid), len(LONGEST)))


def pytest_collection_finish() -> None:
    """Leave all that was imported out of every later garbage collection, and look less often for the little that is left."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    skipped = [str(report.longrepr) for report in terminalreporter.stats.get("skipped", [])]
    for need in (NEEDS_POSTGRES, NEEDS_REDIS):
        count = sum(need in reason for reason in skipped)
        if count:
            terminalreporter.write_line(
                f"NOT RUN HERE: {count} TESTS: {need} (`make test` RUNS BOTH ENGINES)", yellow=True
            )


# --- the database -------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Give each run, and each xdist worker, a SQLite file of its own: runs side by side must not share one."""
    database = connections["default"]
    if database.vendor == "sqlite":
        database.settings_dict["TEST"]["NAME"] = str(tmp_path_factory.mktemp("database") / "test.sqlite3")
        # What a test wrote need not survive a power cut.
        options = database.settings_dict["OPTIONS"]
        options["init_command"] = f"{options.get('init_command', '')} PRAGMA synchronous=OFF;"
    else:
        database.settings_dict.setdefault("OPTIONS", {})["options"] = "-c synchronous_commit=off"


@pytest.fixture(scope="session")
def template(django_db_modify_db_settings: None, testrun_uid: str, worker_id: str) -> Template | None:
    if vendor() == "sqlite":
        return SqliteTemplate()
    return None if worker_id == "master" else PostgresTemplate(testrun_uid)  # nobody else is there to copy from it


@pytest.fixture(scope="session")
def django_db_keepdb(template: Template | None) -> bool:
    """Begin with a copy of a database on which the same migrations have run before; tell whether there was one."""
    copied = template is not None and template.begin()
    if copied and "__mutmut_" in os.environ.get("MUTANT_UNDER_TEST", ""):
        # One of a thousand mutants (tooling/mutation.py): the run before them has migrated and left the template.
        pytest.MonkeyPatch().setattr(MigrateCommand, "handle", lambda *_, **__: None)
    return copied


@pytest.fixture(scope="session")
def django_db_setup(
    django_db_setup: None, django_db_keepdb: bool, django_db_blocker: Any, template: Template | None
) -> Iterator[None]:
    """Keep the migrated database, empty as it is, for the other workers; have what tests commit taken back quickly."""
    made = connections["default"].settings_dict["NAME"] != OF_THE_PRODUCT  # else no test here needs one
    if template is not None:
        template.keep(django_db_keepdb or not made)
    with pytest.MonkeyPatch.context() as patch:
        if made:
            with django_db_blocker.unblock():
                beginning = Beginning()
            patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: beginning.restore())
        yield
    if template is not None:
        template.end(django_db_keepdb or not made)


# --- one test -----------------------------------------------------------------------------------------------------
@pytest.fixture
def at() -> datetime:
    """The moment at which a test plays: Monday 23 November 2026, 09:00 UTC."""
    return datetime(2026, 11, 23, 9, tzinfo=UTC)


@pytest.fixture(autouse=True)
def short_schedule(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the periodic jobs, do only those that move lives on; tests of the others ask for the ``whole_schedule``."""
    if "whole_schedule" not in request.fixturenames:
        jobs = [job for job in registry.periodic_jobs() if job.kind in MOVING]
        monkeypatch.setattr(registry, "periodic_jobs", lambda: jobs)


@pytest.fixture
def whole_schedule() -> None:
    """Have every periodic job done where a test lets the background catch up."""


@pytest.fixture
def is_postgres() -> bool:
    return vendor() == "postgresql"


@pytest.fixture
def project_root() -> Path:
    return Path(settings.BASE_DIR)


@pytest.fixture(autouse=True)
def clean_slate() -> Iterator[None]:
    """Caches, log context and language of one test never reach the next."""
    yield
    cache.clear()
    for forget in memory_caches():
        forget()
    structlog.contextvars.clear_contextvars()
    translation.activate(settings.LANGUAGE_CODE)


_memory_caches: dict[int, list[Callable[[], None]]] = {}


def memory_caches() -> list[Callable[[], None]]:
    """Every `functools.cache` at the top of a module that may know the database, found again whenever modules were added."""
    loaded = len(sys.modules)
    if loaded not in _memory_caches:
        _memory_caches.clear()
        _memory_caches[loaded] = [clear for module in house_modules() for clear in cached_functions(module)]
    return _memory_caches[loaded]


def house_modules() -> list[ModuleType]:
    return [module for name, module in list(sys.modules.items()) if name.partition(".")[0] in HOUSE]


def cached_functions(module: ModuleType) -> list[Callable[[], None]]:
    """Those that the module holds, wherever they come from."""
    candidates = [value for value in vars(module).values() if callable(value) and hasattr(value, "cache_parameters")]
    ours = [value for value in candidates if value.__module__.partition(".")[0] in HOUSE]
    return [value.cache_clear for value in ours if not value.__module__.startswith(WITHOUT_DATABASE)]
