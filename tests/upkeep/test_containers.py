"""What the files of the containers say fits together, and fits the product; running them takes an engine (docs/operations.md)."""

import re
from typing import Any

import pytest
import yaml
from django.conf import settings
from environ import Env

COMPOSE: dict[str, Any] = yaml.safe_load((settings.BASE_DIR / "compose.yaml").read_text("utf-8"))["services"]
PROXY = (settings.BASE_DIR / "deploy" / "nginx.conf").read_text("utf-8")
EXAMPLE = (settings.BASE_DIR / ".env.example").read_text("utf-8")
IMAGE = (settings.BASE_DIR / "Dockerfile").read_text("utf-8")
OURS = ("prepare", "web", "dispatcher", "worker", "beat")


@pytest.mark.parametrize("name", [*OURS, "proxy"])
def test_process_has_no_rights_and_writes_nowhere_but_where_it_must(name: str) -> None:
    service = COMPOSE[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service.get("user", "10001").partition(":")[0] in {"10001", "101"}
    assert "\nUSER 10001\n" in IMAGE


def test_only_the_database_begins_as_root_with_what_it_takes_to_step_down() -> None:
    for service in COMPOSE.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    assert {name: service["cap_add"] for name, service in COMPOSE.items() if "cap_add" in service} == {
        "postgres": ["CHOWN", "DAC_OVERRIDE", "FOWNER", "SETGID", "SETUID"]
    }
    assert COMPOSE["redis"]["user"] == "redis"


@pytest.mark.parametrize("name", COMPOSE)
def test_no_container_takes_the_machine_and_the_example_tells_its_limits(name: str) -> None:
    for key in ("pids_limit", "mem_limit"):
        found = re.fullmatch(r"\$\{([A-Z_]+_LIMIT):-(\w+)\}", COMPOSE[name][key])
        assert found is not None
        assert f"#{found[1]}={found[2]}\n" in EXAMPLE


def test_files_are_where_a_job_may_be_done() -> None:
    documents = {name for name, service in COMPOSE.items() if "documents:/app/var" in service.get("volumes", ())}
    assert documents == {"web", "worker", "dispatcher"}  # the last stands in for the pool (marketplace.work.crew)
    assert COMPOSE["web"]["environment"]["VAR_DIR"] == "/app/var"


def test_calls_under_way_may_end_when_a_web_server_is_stopped() -> None:
    found = re.search(r'"WEB_TIMEOUT_SECONDS", "(\d+)"', (settings.BASE_DIR / "gunicorn.conf.py").read_text("utf-8"))
    assert found is not None
    for name in ("web", "proxy"):
        assert int(COMPOSE[name]["stop_grace_period"].removesuffix("s")) >= int(found[1]) + 5


@pytest.mark.parametrize("name", OURS)
def test_password_of_the_database_may_have_any_characters(name: str) -> None:
    """It is no part of an address, where some would mean something else, and libpq, also that of `pg_dump`, finds it."""
    environment = COMPOSE[name]["environment"]
    assert "$" not in environment["DATABASE_URL"]
    assert environment["PGPASSWORD"] == COMPOSE["postgres"]["environment"]["POSTGRES_PASSWORD"]
    assert not Env.db_url_config(environment["DATABASE_URL"])["PASSWORD"]


@pytest.mark.parametrize("name", OURS)
def test_what_the_file_of_settings_says_reaches_each_process(name: str) -> None:
    assert COMPOSE[name]["env_file"] == [{"path": ".env", "required": False}]
    hosts = COMPOSE[name]["environment"]["ALLOWED_HOSTS"]
    assert hosts.split(",")[0] == "127.0.0.1"  # the health check calls it by this name
    assert COMPOSE[name]["environment"]["BIND"] == "0.0.0.0:8000"


def test_only_the_image_of_web_servers_has_a_health_check_that_asks_one() -> None:
    stages = dict(re.findall(r"^FROM \S+ AS (\w+)\n(.*?)(?=^FROM |\Z)", IMAGE, re.MULTILINE | re.DOTALL))
    assert [name for name, lines in stages.items() if "\nHEALTHCHECK " in lines] == ["web"]
    assert {name: COMPOSE[name]["image"] for name in OURS if name != "web"} == dict.fromkeys(
        set(OURS) - {"web"}, COMPOSE["prepare"]["image"]
    )
    assert (COMPOSE["prepare"]["build"]["target"], COMPOSE["web"]["build"]["target"]) == ("work", "web")


def test_programs_of_the_backup_are_those_of_the_server() -> None:
    found = re.search(r"postgresql-client-(\d+)", IMAGE)
    assert found is not None
    assert COMPOSE["postgres"]["image"].startswith(f"postgres:{found[1]}-")


def test_proxy_lets_through_what_the_product_takes_and_keeps_the_port() -> None:
    found = re.search(r"client_max_body_size (\d+)m;", PROXY)
    assert found is not None
    assert int(found[1]) * 1024 * 1024 > max(settings.TABLE_BYTES, settings.FILE_BYTES)
    assert "proxy_set_header Host $http_host;" in PROXY
    assert 'proxy_set_header X-Forwarded-Host "";' in PROXY


def test_proxy_is_reached_from_this_machine_alone_until_told_otherwise() -> None:
    """It speaks HTTP until it is given a certificate."""
    assert [port.split("}:")[0] for port in COMPOSE["proxy"]["ports"]] == ["${LISTEN:-127.0.0.1"] * 2
    assert not [name for name in OURS if "ports" in COMPOSE[name]]
