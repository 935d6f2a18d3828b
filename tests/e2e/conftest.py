"""One running product for all walks of a run; its processes' last words beside every failure."""

import os
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings

from tests.e2e.story import Demo
from tests.kit.stack import Stack, running_demo
from tests.kit.templates import PostgresTemplate, Template

STACK = pytest.StashKey[Stack]()


@pytest.fixture(scope="package")  # processes that nobody asks any more would take the cores from the tests that follow
def demo(
    request: pytest.FixtureRequest,
    django_db_setup: None,
    template: Template | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Demo]:
    """The demo on the engine of this run; `DEMO_JSON=var/demo.json` walks through one that runs already.

    On SQLite it starts from nothing, as for a new user; on PostgreSQL the migrations of the run need not run once more.
    """
    given = os.environ.get("DEMO_JSON")
    if given:
        yield from _walked(Path(given))
        return
    root, folder = Path(settings.BASE_DIR), tmp_path_factory.mktemp("demo")
    servers = {"database_url": settings.DATABASE_URL, "redis_url": settings.REDIS_URL}
    if isinstance(template, PostgresTemplate):
        servers["template"] = template.name
    with letters_soon(), running_demo(root, folder, **servers) as stack:
        request.config.stash[STACK] = stack
        yield from _walked(stack.told)


@contextmanager
def letters_soon() -> Iterator[None]:
    """What starts meanwhile waits a second, not a minute, whether a notice is read before it is mailed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MAIL_DELAY_SECONDS", "1")
        yield


def _walked(told: Path) -> Iterator[Demo]:
    demo = Demo.read(told)
    yield demo
    demo.close()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, "pytest.CallInfo[None]", None]:
    """Show the logs of the processes with a failure."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.failed and STACK in item.config.stash:
        report.sections.append(("logs of the running demo", item.config.stash[STACK].logs()))
