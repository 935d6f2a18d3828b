"""Web server of `make serve` and of the image; every number can be set from the environment (.env.example)."""

import atexit
import gc
import multiprocessing
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

# What a start makes, stays: looking for rubbish among it takes a fifth of the start.
gc.set_threshold(50_000, 20, 50)
bind = os.environ.get("BIND", f"127.0.0.1:{os.environ.get('PORT', '8000')}")
# Sync workers (this is one) with persistent database connections were the fastest of six arrangements measured for this stack.
worker_class = "marketplace.api.worker.ProblemWorker"
workers = int(os.environ.get("WEB_CONCURRENCY", str(min(2 * multiprocessing.cpu_count() + 1, 9))))
# The master reads the code once and forks: a start, or a worker in the place of one that died, costs that much less. New
# code therefore wants a restart, not a reload.
preload_app = True
timeout = int(os.environ.get("WEB_TIMEOUT_SECONDS", "30"))
graceful_timeout = timeout
# Workers are renewed now and then, not all at once, so that no slow leak lives for ever.
max_requests = 10_000
max_requests_jitter = 1_000
# Long enough for the longest query string that the API allows; longer ones gunicorn refuses itself.
limit_request_line = 8190
accesslog = None  # requests are logged by the application, structured and with their id
control_socket_disable = True  # no second way in


# The processes of this server put their numbers together in a folder of their own (`/api/v1/metrics`).
SHARED_NUMBERS = tempfile.mkdtemp(prefix=f"gmg-metrics-{os.getpid()}-")
os.environ["PROMETHEUS_MULTIPROC_DIR"] = SHARED_NUMBERS
atexit.register(shutil.rmtree, SHARED_NUMBERS, ignore_errors=True)
# A server that was killed could not tidy up: its folder goes when the next one begins.
for left_behind in Path(tempfile.gettempdir()).glob("gmg-metrics-*-*"):
    process = Path("/proc", left_behind.name.split("-")[2])
    if process.parent.is_dir() and not process.exists():
        shutil.rmtree(left_behind, ignore_errors=True)


def child_exit(server, worker):
    """Forget the gauges of a process that has ended; what it counted stays."""
    from prometheus_client import multiprocess

    multiprocess.mark_process_dead(worker.pid)


def when_ready(server: Any) -> None:
    """Take what has been read out of the garbage collection, before the workers are forked.

    They share that memory then, and end at once instead of tidying it up (0.6 s of work each, during which nobody serves).
    While they serve, rubbish is looked for every few calls: seldom enough that what a page is made of is not looked through
    again and again, often enough that no call waits longer for it than a millisecond or two.
    """
    gc.freeze()
    gc.set_threshold(1_500, 20, 50)
