from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import override_settings

from marketplace.kernel.errors import CATALOGUE, ErrorCode
from marketplace.kernel.errors import ErrorCode as C
from marketplace.rest import readiness
from tests.factories.machinery import WorkerHeartbeatFactory
from tests.kit.api import ApiClient, check_problem

pytestmark = pytest.mark.django_db


def test_index_links_only_what_is_there() -> None:
    api = ApiClient()
    links = api.get("/").body["links"]
    assert {"organizations", "vocabularies", "events", "docs"} <= set(links)
    for name, url in links.items():
        assert api.get(url, Accept="*/*").status_code in (200, 302, 401), name


def test_unknown_urls_answer_json_everywhere() -> None:
    api = ApiClient()
    for path in ("/nonsense", "/api/nonsense", "/api/v1/organizations/", "/api/v2/organizations"):
        check_problem(api.call("GET", path), C.NOT_FOUND)
    page = api.call("GET", "http://testserver/nonsense", headers={"Accept": "text/html"})
    assert page.status_code == 404
    assert "<html" in page.content.decode()


def test_every_error_has_a_page_in_both_languages() -> None:
    api = ApiClient()
    listed = api.get("/errors").body["results"]
    assert [row["code"] for row in listed] == sorted(code.value for code in ErrorCode)
    for code in ErrorCode:
        row = api.get(f"/errors/{code.value}").body
        assert (row["code"], row["status"]) == (code.value, CATALOGUE[code].status)
    page = api.get("/errors/wrong_state", Accept="text/html,*/*;q=0.8", Accept_Language="fr")
    assert (page.status_code, page["Location"]) == (303, "/docs/fr/errors#wrong_state")
    check_problem(api.get("/errors/nonsense"), C.NOT_FOUND)


def test_description_comes_as_json_and_yaml() -> None:
    api = ApiClient()
    described = api.get("/schema").body
    assert described["openapi"].startswith("3.1")
    assert described["paths"]
    yaml = api.get("/schema", Accept="application/yaml")
    assert yaml.content.startswith(b"openapi: 3.1")


def test_try_it_page_uses_only_what_is_served_here() -> None:
    page = ApiClient().get("/docs", Accept="text/html")
    text = page.content.decode()
    assert page.status_code == 200
    assert "swagger-ui-bundle.js" in text
    assert "http://" not in text
    assert "https://" not in text
    assert "<style" not in text
    assert "script-src 'self'" in page["Content-Security-Policy"]


def test_live_answers_without_anything() -> None:
    assert ApiClient().get("/health/live").body == {"status": "ok"}


def checks(answer: object) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in answer.body["checks"]}  # type: ignore[attr-defined]


def both_processes(at: datetime) -> None:
    for role in ("worker", "dispatcher"):
        WorkerHeartbeatFactory.create(role=role, beat_at=at)


def test_ready_once_a_worker_is_alive(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_more", [])
    api = ApiClient()
    with time_machine.travel(at, tick=False):
        waiting = api.get("/health/ready")
        assert waiting.status_code == 503
        assert waiting["Retry-After"]
        assert checks(waiting) == {"database": True, "migrations": True, "worker": False, "broker": True}
        both_processes(at)
        ready = api.get("/health/ready")
        assert (ready.status_code, ready.body["status"]) == (200, "ready")
    with time_machine.travel(at + timedelta(minutes=5), tick=False):
        assert api.get("/health/ready").status_code == 503


def test_ready_asks_the_rooms_above_too(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_more", [lambda at: readiness.Finding("demo", ok=False, detail="not loaded")])
    both_processes(at)
    with time_machine.travel(at, tick=False):
        answer = ApiClient().get("/health/ready")
    assert answer.status_code == 503
    assert checks(answer)["demo"] is False


def test_ready_goes_on_without_the_doorbell(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "_more", [])
    both_processes(at)
    with time_machine.travel(at, tick=False), override_settings(REDIS_URL="redis://127.0.0.1:1/0"):
        answer = ApiClient().get("/health/ready")
    assert answer.status_code == 200
    assert checks(answer)["broker"] is False
