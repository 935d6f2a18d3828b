"""Which processes serve the marketplace: web and embedded worker, or web, dispatcher, Celery worker and beat."""

import http.client
import os
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command

from marketplace.demo import children
from marketplace.demo.children import Child

HOST = "127.0.0.1"
WEB_PROCESSES = "3"  # of the demo, unless WEB_CONCURRENCY says otherwise
ANSWER_SECONDS = 60.0
CONSOLE = "django.core.mail.backends.console.EmailBackend"  # of `consolemail://`


class DemoError(Exception):
    """The demo cannot start or go on; the message says why and what to do."""


def check_port(port: int) -> None:
    """Raise DemoError naming the port unless it is free."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise DemoError(
                f"Port {port} is taken ({error.strerror}). Choose another one: make demo PORT={port + 1}"
            ) from error


def start_web(*, port: int, folder: Path) -> Child:
    """Start the web server; its log goes to ``folder``."""
    os.environ.setdefault("BIND", f"{HOST}:{port}")
    os.environ.setdefault("WEB_CONCURRENCY", WEB_PROCESSES)
    return children.start("web", _web, folder=folder)


def start_workers(*, folder: Path) -> list[Child]:
    """Start what works in the background; the logs go to ``folder``."""
    return [children.start(name, run, folder=folder) for name, run in _workers(folder)]


def letters(folder: Path) -> Path | None:
    """Give the file in which letters can be read: the log of the worker that sends them; None where a mail server is named."""
    if settings.EMAIL_BACKEND != CONSOLE:
        return None
    return folder / ("celery.log" if settings.REDIS_URL else "worker.log")


def _workers(folder: Path) -> list[tuple[str, Callable[[], None]]]:
    if not settings.REDIS_URL:
        return [("worker", _embedded_worker)]
    celery = ("-m", "celery", "-A", "marketplace")
    schedule = str(folder / "celerybeat")
    return [
        ("dispatcher", _dispatcher),
        (
            "celery",
            children.command(*celery, "worker", "--loglevel", "INFO", "--without-mingle", "--without-gossip"),
        ),
        ("beat", children.command(*celery, "beat", "--loglevel", "INFO", "--schedule", schedule, "--pidfile=")),
    ]


def _embedded_worker() -> None:
    call_command("run_worker")


def _dispatcher() -> None:
    call_command("run_dispatcher")


def _web() -> None:
    from gunicorn.app.wsgiapp import run

    os.chdir(settings.BASE_DIR)  # where gunicorn.conf.py lies
    sys.argv = ["gunicorn", "marketplace.wsgi:application"]
    run()


def check_alive(running: list[Child]) -> None:
    """Raise DemoError with the end of its log when a process has ended by itself."""
    for child in running:
        if child.has_ended():
            raise DemoError(f"The {child.name} process has ended. The end of {child.log}:\n{child.tail()}")


def check_done(child: Child) -> None:
    """Raise DemoError with the end of its log when a process that has ended has not done its work."""
    if child.status:
        raise DemoError(f"The {child.name} process has failed. The end of {child.log}:\n{child.tail()}")


def wait_for_answer(running: list[Child], *, port: int) -> None:
    """Wait until the web server answers. Raises DemoError."""
    give_up_at = time.monotonic() + ANSWER_SECONDS
    while not _answers(port):
        check_alive(running)
        if time.monotonic() > give_up_at:
            raise DemoError(f"The web server does not answer. The end of {running[0].log}:\n{running[0].tail()}")
        time.sleep(0.1)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        connection.request("GET", "/api/v1/health/live")
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()
