"""What the files of the containers say fits together, and fits the product; running them takes an engine (docs/operations.md)."""

import re
from typing import Any

import pytest
import yaml
from django.conf import settings

COMPOSE: dict[str, Any] = yaml.safe_load((settings.BASE_DIR / "compose.yaml").read_text("utf-8"))["services"]
PROXY = (settings.BASE_DIR / "deploy" / "nginx.conf").read_text("utf-8")
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
