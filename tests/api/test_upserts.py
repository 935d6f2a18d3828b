"""The same thing written again under the caller's own id: nothing happens; and only on the version that was seen, where one says so."""

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode as C
from providers.models import Provider
from requests_app.models import TrainingRequest
from tests.factories.providers import OfferingFactory, ProviderFactory
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import EVER, SmallGroup, small_group

pytestmark = pytest.mark.django_db
KINDS = ("requests", "offerings", "sessions")


@pytest.fixture
def group() -> SmallGroup:
    made = small_group(EVER)
    ProviderFactory.create(code="PRO", organization=made.provider)
    return made


def bodies(kind: str) -> dict[str, Any]:
    start = timezone.now().date() + timedelta(days=90)
    window = {"start": start.isoformat(), "end": (start + timedelta(days=120)).isoformat()}
    if kind == "requests":
        line = {"theme": "mainstreaming", "audience": "national_government", "country": "MLI", "language": "fr"}
        lines = [{**line, "participants": {"min": 15, "max": 30}}, {**line, "theme": "fair-recruitment"}]
        need = {"title": {"en": "Need"}, "need_statement": {"en": "Why"}, "language": "en", "window": window}
        return {**need, "external_id": "sync-1", "lines": lines, "visibility": "group"}
    if kind == "offerings":
        return {"provider": "PRO", "external_id": "sync-1", "source": "lms", "titles": {"en": "Course"}}
    offering = OfferingFactory.create(provider=Provider.objects.get(code="PRO"))
    return {"offering": str(offering.public_id), "external_id": "sync-1", "period": window, "seats_total": 30}


def writer(group: SmallGroup, kind: str) -> ApiClient:
    return ApiClient.of(group.focal_point if kind == "requests" else group.provider_staff, timezone.now())


@pytest.mark.parametrize("kind", KINDS)
def test_same_call_again_changes_nothing(group: SmallGroup, kind: str) -> None:
    client, body = writer(group, kind), bodies(kind)
    first = client.post(f"/{kind}", body)
    assert first.status_code == 201, first.content
    for _ in range(3):
        again = client.post(f"/{kind}", body)
        assert again.status_code == 200
        assert (again.body["id"], again.body["version"]) == (first.body["id"], 1)
    assert OutboxEvent.objects.filter(resource_id=first.body["id"]).count() == 1


def test_nightly_sync_of_an_open_request_starts_no_matching_anew(group: SmallGroup) -> None:
    client, officer, body = writer(group, "requests"), ApiClient.of(group.officer, timezone.now()), bodies("requests")
    made = client.post("/requests", body).body["id"]
    assert client.post(f"/requests/{made}/submit").status_code == 200
    assert officer.post(f"/requests/{made}/open").status_code == 200
    events = OutboxEvent.objects.filter(resource_id=made).count()
    for _ in range(3):
        again = client.post("/requests", body)
        assert (again.status_code, again.body["content_version"]) == (200, 1), again.content
    request = TrainingRequest.objects.get(public_id=made)
    assert [(line.number, line.state) for line in request.lines.order_by("number")] == [(1, "open"), (2, "open")]
    assert OutboxEvent.objects.filter(resource_id=made).count() == events
    changed = client.post("/requests", {**body, "lines": [{**body["lines"][0], "language": "en"}, body["lines"][1]]})
    assert (changed.status_code, changed.body["content_version"]) == (200, 2)
    lines = request.lines.order_by("number").values_list("number", "language", "state")
    assert list(lines) == [(1, "en", "open"), (2, "fr", "open")]


@pytest.mark.parametrize("kind", KINDS)
def test_write_on_a_version_that_is_no_more_is_refused(group: SmallGroup, kind: str) -> None:
    client, body = writer(group, kind), bodies(kind)
    check_problem(client.post(f"/{kind}", body, if_match='"1.ab"'), C.PRECONDITION_FAILED)
    keyless = {name: value for name, value in body.items() if name != "external_id"}
    check_problem(client.post(f"/{kind}", keyless, if_match='"1.ab"'), C.PRECONDITION_FAILED)
    first = client.post(f"/{kind}", body)
    seen = first.headers["ETag"]
    others: dict[str, dict[str, Any]] = {"requests": {"award": "completion"}, "offerings": {"duration_hours": 7}}
    other = others.get(kind, {"city": "Dakar"})
    changed = client.post(f"/{kind}", {**body, **other}, if_match=seen)
    assert (changed.status_code, changed.body["version"]) == (200, 2), changed.content
    check_problem(client.post(f"/{kind}", body, if_match=seen), C.PRECONDITION_FAILED)
    assert client.get(f"/{kind}/{first.body['id']}").body["version"] == 2
