"""The read layer answers what the serializers answer, for every row of the demo and every kind of reader."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts import operations as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import AccessToken, Membership, User
from marketplace.api.reading import Reading
from providers.api import views as catalogue
from requests_app.api import views as needs
from requests_app.models import TrainingRequest
from tests.kit.api import ApiClient

pytestmark = pytest.mark.usefixtures("loaded")
VIEWS: dict[str, Any] = {
    "requests": needs.RequestViewSet,
    "offerings": catalogue.OfferingViewSet,
    "providers": catalogue.ProviderViewSet,
    "sessions": catalogue.SessionViewSet,
    "capacity-windows": catalogue.WindowViewSet,
}
ROLES = ("secretariat_officer", "focal_point", "provider_staff", "viewer", "auditor")


@pytest.fixture
def now(loaded: datetime) -> Iterator[datetime]:
    at = loaded + timedelta(days=1)
    with time_machine.travel(at, tick=False):
        yield at


def reader(role: str, now: datetime) -> ApiClient:
    user = User.objects.filter(memberships__role=role).order_by("pk").first()
    assert user is not None, role
    return ApiClient.of(user, now)


def all_pages(api: ApiClient, path: str) -> list[dict[str, Any]]:
    found, url = [], f"{path}{'&' if '?' in path else '?'}page_size=200"
    while url:
        page = api.get(url).body
        found += page["results"]
        url = page["next"]
    return found


@pytest.mark.django_db
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("resource", VIEWS)
def test_fast_answers_equal_those_of_the_serializer(
    resource: str, role: str, now: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    api = reader(role, now)
    fast = all_pages(api, f"/{resource}")
    things = [api.get(f"/{resource}/{row['id']}").body for row in fast[:5]]
    some = api.get(f"/{resource}?fields=id,links&page_size=3").body["results"]
    monkeypatch.setattr(VIEWS[resource], "rows", None)
    assert fast == all_pages(api, f"/{resource}")
    assert things == [api.get(f"/{resource}/{row['id']}").body for row in fast[:5]] == fast[:5]
    assert some == api.get(f"/{resource}?fields=id,links&page_size=3").body["results"]
    assert fast or (resource, role) in {("capacity-windows", "focal_point"), ("capacity-windows", "viewer")}


@pytest.mark.django_db
@pytest.mark.parametrize("resource", VIEWS)
def test_list_takes_the_same_few_queries_for_any_page(resource: str, now: datetime) -> None:
    api, counts, last = reader("secretariat_officer", now), set(), 0
    for size in (1, 50, 50, 50):  # the third time it is kept, the fourth it is asked so
        with CaptureQueriesContext(connection) as queries:
            assert api.get(f"/{resource}?page_size={size}").status_code == 200
        counts.add(len(queries))
        last = len(queries)
    assert max(counts) <= 6  # the first call of a token notes its use
    assert last <= 5


@pytest.mark.django_db
def test_kept_statement_asks_with_the_moment_and_the_cursor_of_the_call(now: datetime) -> None:
    api = reader("secretariat_officer", now)
    whole = [row["id"] for row in all_pages(api, "/offerings?ordering=created_at")]
    for _ in range(3):
        seen, url = [], "/offerings?ordering=created_at&page_size=7"
        while url:
            page = api.get(url).body
            seen += [row["id"] for row in page["results"]]
            url = page["next"]
        assert seen == whole


@pytest.mark.django_db
def test_share_that_has_run_out_shows_nothing_though_the_statement_was_kept(now: datetime) -> None:
    membership = Membership.objects.filter(role="provider_staff").order_by("pk").first()
    assert membership is not None
    api = ApiClient.of(membership.user, now)
    known = {row["id"] for row in all_pages(api, "/requests?fields=id")}
    hidden = TrainingRequest.objects.exclude(state="draft").exclude(public_id__in=known).order_by("pk")[0]
    hidden.shares.create(
        organization=membership.organization,
        reason="shared",
        sees="body",
        shared_at=now,
        created_at=now,
        updated_at=now,
        expires_at=now + timedelta(minutes=10),
    )
    for _ in range(4):
        assert {row["id"] for row in all_pages(api, "/requests?fields=id")} == known | {str(hidden.public_id)}
    with time_machine.travel(now + timedelta(minutes=11), tick=False):
        assert {row["id"] for row in all_pages(api, "/requests?fields=id")} == known


@pytest.mark.django_db
def test_end_of_a_role_or_token_is_honoured_at_once_by_kept_statements(now: datetime) -> None:
    membership = Membership.objects.filter(role="focal_point").order_by("pk").first()
    assert membership is not None
    api = ApiClient.of(membership.user, now)
    counts = [len(api.get("/requests").body["results"]) for _ in range(4)]
    assert counts[0]
    assert len(set(counts)) == 1
    membership.user.memberships.all().delete()
    assert api.get("/requests").status_code == 403
    token = AccessToken.objects.filter(user=membership.user).latest("created_at")
    accounts.revoke_token(token, actor=Actor.system("test"), at=now)
    assert api.get("/requests").status_code == 401


def test_only_these_views_read_by_rows_and_all_of_them_are_compared() -> None:
    def below(kind: Any) -> set[Any]:
        found: set[Any] = set()
        for one in kind.__subclasses__():
            found |= {one, *below(one)}
        return found

    assert {view for view in below(Reading) if getattr(view, "rows", None) is not None} == set(VIEWS.values())
