"""The two shapes of the product, each whole: its servers, its processes, its demo data, its accounts."""

import json
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from tests.faults.client import Body
from tests.faults.processes import Service, Supervisor
from tests.faults.receiver import CALL_SECONDS, RETRY_SECONDS, Receiver
from tests.kit.caller import TRUST
from tests.kit.servers import DURABLE, Server, postgres, valkey
from tests.kit.stack import outside_of_tests

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
WEB_PROCESSES, CELERY_NODES, CELERY_PROCESSES = 3, 2, 2
PREPARE_SECONDS, READY_SECONDS = 600, 180
PRODUCTION, EMBEDDED = "production", "embedded"


class ShapeError(RuntimeError):
    """The product did not get going; the message has its last words."""


@dataclass
class Shape:
    """A running product."""

    name: str
    base_url: str
    database_url: str
    folder: Path
    supervisor: Supervisor
    postgres: Server | None = None
    redis: Server | None = None
    receiver: Receiver | None = None
    absence_seconds: float = 30.0  # of Redis, where it is away for longer
    frozen_seconds: float = 18.0  # of processes that work; leases last for 15
    accounts: list[Body] = field(default_factory=list)

    @property
    def database(self) -> Server:
        """The server of PostgreSQL; the shape has one."""
        assert self.postgres is not None
        return self.postgres

    @property
    def hooks(self) -> Receiver:
        """The receivers of webhooks; the run brings them."""
        assert self.receiver is not None
        return self.receiver

    @property
    def broker(self) -> Server:
        """The server of Redis; the shape has one."""
        assert self.redis is not None
        return self.redis


@contextmanager
def production(folder: Path, port: int) -> Iterator[Shape]:
    """Run gunicorn, dispatcher, two Celery workers and beat on a PostgreSQL and a Valkey of their own."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as servers:
        database, broker = servers.enter_context(postgres(DURABLE)), servers.enter_context(valkey())
        with _running(PRODUCTION, folder, port, database.url, broker.url, _production_services) as shape:
            shape.postgres, shape.redis = database, broker
            yield shape


@contextmanager
def embedded(folder: Path, port: int) -> Iterator[Shape]:
    """Run gunicorn and the embedded worker on SQLite."""
    folder.mkdir(parents=True, exist_ok=True)
    url = f"sqlite:///{folder}/faults.sqlite3"
    with _running(EMBEDDED, folder, port, url, "", _embedded_services) as shape:
        yield shape


SHAPES = {PRODUCTION: production, EMBEDDED: embedded}
Services = Callable[[Path, dict[str, str]], list[Service]]


@contextmanager
def _running(
    name: str, folder: Path, port: int, database_url: str, redis_url: str, services: Services
) -> Iterator[Shape]:
    variables = {
        **outside_of_tests(),
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "VAR_DIR": str(folder),
        "TMPDIR": str(folder / "tmp"),  # what a killed process leaves behind goes with the run
        "PORT": str(port),
        "BIND": f"127.0.0.1:{port}",
        "WEB_CONCURRENCY": str(WEB_PROCESSES),
        "PRODUCTION": "1",
        "SECURE_SSL_REDIRECT": "0",  # no proxy in front
        "ALLOWED_HOSTS": "127.0.0.1",
        "TRUST_REQUEST_ID": "1",  # so that what an attempt did names the attempt
        "WEBHOOKS_TO_LOOPBACK": "1",  # the receivers are on this machine
        "WEBHOOK_SECONDS": str(CALL_SECONDS),
        "WEBHOOK_RETRY_SECONDS": str(RETRY_SECONDS),
        "SECRET_KEY": secrets.token_urlsafe(48),
    }
    (folder / "tmp").mkdir(exist_ok=True)
    _prepare(folder, variables)
    supervisor = Supervisor(services(folder, variables))
    shape = Shape(name, f"http://127.0.0.1:{port}", database_url, folder, supervisor)
    shape.accounts = json.loads((folder / "demo.json").read_text(encoding="utf-8"))["accounts"]
    supervisor.start()
    try:
        _wait_until_ready(shape)
        yield shape
    finally:
        supervisor.stop()


def _prepare(folder: Path, variables: dict[str, str]) -> None:
    """Migrate and load the demo data, which brings organizations, offerings and accounts with tokens."""
    command = [sys.executable, "manage.py", "demo", "--no-serve", "--var", str(folder)]
    with (folder / "prepare.log").open("wb") as output:
        try:
            code = subprocess.run(
                command, cwd=ROOT, env=variables, stdout=output, stderr=output, timeout=PREPARE_SECONDS, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
    if code:
        raise ShapeError((folder / "prepare.log").read_text(errors="replace")[-3000:])


def _production_services(folder: Path, variables: dict[str, str]) -> list[Service]:
    celery = [sys.executable, "-m", "celery", "-A", "marketplace"]
    quiet = ["--loglevel", "INFO", "--without-mingle", "--without-gossip"]
    nodes = [
        (f"celery-{number}", [*celery, "worker", *quiet, "--concurrency", str(CELERY_PROCESSES), "-n", f"{number}@%h"])
        for number in range(1, CELERY_NODES + 1)
    ]
    beat = [*celery, "beat", "--loglevel", "INFO", "--schedule", str(folder / "celerybeat"), "--pidfile="]
    commands = [
        ("web", [str(BIN / "gunicorn"), "marketplace.wsgi:application"]),
        ("dispatcher", [sys.executable, "manage.py", "run_dispatcher"]),
        *nodes,
        ("beat", beat),
    ]
    return [Service(name, command, ROOT, variables, folder / f"{name}.log") for name, command in commands]


def _embedded_services(folder: Path, variables: dict[str, str]) -> list[Service]:
    commands = [
        ("web", [str(BIN / "gunicorn"), "marketplace.wsgi:application"]),
        ("worker", [sys.executable, "manage.py", "run_worker"]),
    ]
    return [Service(name, command, ROOT, variables, folder / f"{name}.log") for name, command in commands]


def _wait_until_ready(shape: Shape) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not _ready(shape.base_url):
        if time.monotonic() > deadline:
            logs = "\n".join(path.read_text(errors="replace")[-2000:] for path in sorted(shape.folder.glob("*.log")))
            raise ShapeError(f"{shape.name} did not become ready\n{logs}")
        time.sleep(0.2)


def _ready(base_url: str) -> bool:
    try:
        answer = httpx.get(f"{base_url}/api/v1/health/ready", timeout=5, trust_env=False, verify=TRUST)
    except httpx.TransportError:
        return False
    return answer.status_code == httpx.codes.OK
