"""Throw-away servers start, answer, and leave nothing behind."""

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psycopg
import pytest
import redis

from tests.kit import servers, trees

HOLD = """
import time
from tests.kit.servers import postgres_server, redis_server
with postgres_server() as database, redis_server() as broker:
    print(database, broker, flush=True)
    time.sleep(60)
"""


def test_postgres_server_in_its_block_folds_case_and_gives_fresh_databases() -> None:
    with servers.postgres_server() as url, servers.fresh_database(url) as fresh:
        with psycopg.connect(fresh) as connection:
            assert connection.execute("SELECT lower('É')").fetchone() == ("é",)
        name = fresh.rsplit("/", 1)[1]
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(url, connect_timeout=2)
    assert name not in url


def test_redis_server_after_its_block_is_gone() -> None:
    with servers.redis_server() as url, redis.Redis.from_url(url) as client:
        assert client.ping()
    with pytest.raises(redis.ConnectionError), redis.Redis.from_url(url) as client:
        client.ping()


def test_server_that_cannot_start_tells_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no disk'); raise SystemExit(3)"]
    account = servers.Account(None, None)
    server = servers.Server("", command, tmp_path / "log", account, signal.SIGTERM, lambda: False)
    with pytest.raises(servers.ServerUnavailableError, match="no disk"), servers.running(server):
        pytest.fail("a dead server was taken for a running one")


def test_postgres_after_a_crash_has_what_it_answered() -> None:
    with servers.postgres(servers.DURABLE) as server:
        with psycopg.connect(server.url, autocommit=True) as connection:
            connection.execute("CREATE TABLE kept (n integer)")
            connection.execute("INSERT INTO kept VALUES (1)")
            trees.kill(server.pid)
        assert not server.ready()
        server.start()
        server.wait_until_ready()
        with psycopg.connect(server.url) as connection:
            assert connection.execute("SELECT n FROM kept").fetchone() == (1,)


def test_frozen_valkey_answers_again_once_thawed() -> None:
    with servers.valkey() as server:
        trees.freeze(server.pid)
        with pytest.raises(redis.TimeoutError), redis.Redis.from_url(server.url, socket_timeout=0.2) as client:
            client.ping()
        trees.thaw(server.pid)
        server.wait_until_ready()


def test_absent_package_is_a_reason_not_a_crash() -> None:
    with pytest.raises(servers.ServerUnavailableError, match="not installed"):
        servers.package_folder("no_such_package_here")


def test_servers_of_a_killed_run_die_with_it(project_root: Path) -> None:
    run = subprocess.Popen([sys.executable, "-c", HOLD], cwd=project_root, stdout=subprocess.PIPE, text=True)
    assert run.stdout is not None
    database, broker = run.stdout.readline().split()
    run.kill()
    run.wait()
    run.stdout.close()
    deadline = time.monotonic() + servers.STOP_SECONDS
    while servers.accepts_postgres(database) or servers.accepts_redis(broker):
        assert time.monotonic() < deadline, "a server outlived its run"
        time.sleep(0.1)
    for prefix in ("gmg-postgres-", "gmg-valkey-"):
        servers.sweep(prefix)
        owners = [owner.read_text() for owner in Path(tempfile.gettempdir()).glob(f"{prefix}*/owner")]
        assert str(run.pid) not in owners
