"""What leaves says so on its answers and in the description, and only there where it is used."""

from datetime import UTC, date, datetime
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar

import pytest
from django.test import override_settings
from django.urls import include, path
from drf_spectacular.generators import SchemaGenerator
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.deprecations import Deprecation, leaving, members_of, sent_in, shown_by
from marketplace.api.permissions import Public
from marketplace.api.serializers import Out, StrictSerializer
from marketplace.manual.pages import LANGUAGES, page_of
from marketplace.rest.programmes import ContextEventOut, ContextEventViewSet
from marketplace.urls import urlpatterns as ours
from tests.factories.accounts import ContextEventFactory
from tests.kit.api import ApiClient
from tests.kit.people import SmallGroup

SOON = Deprecation(date(2026, 1, 1), "get-old", date(2027, 1, 1))
OPEN_END = Deprecation(date(2026, 6, 1), "olderresult")


class OldIn(StrictSerializer):
    example: ClassVar[dict[str, object]] = {"word": "a"}
    deprecated: ClassVar[dict[str, Deprecation]] = {"word": OPEN_END}
    word = serializers.CharField(required=False, max_length=10)
    text = serializers.CharField(required=False, max_length=10)


class OldOut(Out):
    example: ClassVar[dict[str, object]] = {"answer": "b", "older": "c"}
    deprecated: ClassVar[dict[str, Deprecation]] = {"older": OPEN_END}
    answer = serializers.CharField()
    older = serializers.CharField()


class AroundOut(Out):
    example: ClassVar[dict[str, object]] = {"parts": [OldOut.example]}
    parts = OldOut(many=True)


class OldView(ApiView):
    """All of it leaves."""

    tag = "Start"
    deprecated = SOON
    contracts: ClassVar[dict[str, Contract]] = {"get": Contract("Read", Public("a test"), operation_id="old_read")}

    def get(self, request: Request) -> Response:
        return Response({})


class BesideView(ApiView):
    """Members leave, and one of two operations."""

    tag = "Start"
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract("Read", Public("a test"), out=AroundOut, operation_id="beside_read"),
        "post": Contract(
            "Write", Public("a test"), body=OldIn, status=200, operation_id="beside_write", deprecated=SOON
        ),
        "put": Contract("Put", Public("a test"), body=OldIn, status=200, operation_id="beside_put"),
    }

    def get(self, request: Request) -> Response:
        return Response({"parts": []})

    def post(self, request: Request) -> Response:
        return Response({})

    def put(self, request: Request) -> Response:
        return Response({})


urlpatterns = [
    path("api/v1/old", OldView.as_view()),
    path("api/v1/beside", BesideView.as_view()),
    path("", include(ours)),
]

pytestmark = [pytest.mark.django_db]


@pytest.fixture
def api() -> Any:
    with override_settings(ROOT_URLCONF=__name__):
        yield ApiClient()


def test_route_that_leaves_says_so_on_every_answer(api: ApiClient) -> None:
    for answer in (api.get("/old"), api.get("/old?nonsense=1")):
        assert answer["Deprecation"] == f"@{int(datetime(2026, 1, 1, tzinfo=UTC).timestamp())}"
        assert parsedate_to_datetime(answer["Sunset"]) == datetime(2027, 1, 1, tzinfo=UTC)
        link = '<http://testserver/docs/en/changelog#get-old>; rel="deprecation"; type="text/html"'
        assert answer["Link"] == link
    assert "/docs/fr/changelog#get-old" in api.get("/old", Accept_Language="fr")["Link"]


def test_unchanged_answer_says_so_too(api: ApiClient) -> None:
    again = api.get("/old", If_None_Match=api.get("/old")["ETag"])
    assert (again.status_code, again["Sunset"]) == (304, api.get("/old")["Sunset"])


def test_one_operation_leaves_the_others_stay(api: ApiClient) -> None:
    assert "Deprecation" in api.post("/beside", {})
    assert "Deprecation" not in api.call("PUT", "/beside", {})


def test_member_that_leaves_is_announced_to_who_sends_it(api: ApiClient) -> None:
    sent = api.call("PUT", "/beside", {"word": "a"})
    assert sent["Deprecation"] == f"@{int(datetime(2026, 6, 1, tzinfo=UTC).timestamp())}"
    assert "Sunset" not in sent
    assert "Deprecation" not in api.call("PUT", "/beside", {"text": "a"})


def test_nested_member_that_leaves_is_announced_to_who_is_shown_it(api: ApiClient) -> None:
    assert "#olderresult" in api.get("/beside")["Link"]


def test_what_stays_says_nothing(api: ApiClient) -> None:
    answer = api.get("/errors")
    assert not {"Deprecation", "Sunset"} & set(answer.headers)


def test_list_keeps_its_pages_beside_the_announcement(
    group: SmallGroup, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    ContextEventFactory.create_batch(2)
    monkeypatch.setattr(ContextEventOut, "deprecated", {"code": SOON})
    members_of.cache_clear()
    try:
        api = ApiClient.of(group.head, at)
        assert ContextEventViewSet.reads is ContextEventOut
        shown = api.get("/context-events?page_size=1")
        assert 'rel="next"' in shown["Link"]
        assert 'rel="deprecation"' in shown["Link"]
        assert "Deprecation" not in api.get("/context-events?fields=id")
        assert "Deprecation" in api.get("/context-events?fields=id,code")
    finally:
        members_of.cache_clear()


def test_description_says_it(api: ApiClient) -> None:
    described = SchemaGenerator(urlconf=__name__).get_schema(request=None, public=True)
    old = described["paths"]["/api/v1/old"]["get"]
    assert (old["deprecated"], old["x-sunset"]) == (True, "2027-01-01")
    assert {"Deprecation", "Sunset", "Link"} <= set(old["responses"]["200"]["headers"])
    beside = described["paths"]["/api/v1/beside"]
    assert [name for name, one in beside.items() if one.get("deprecated")] == ["post"]
    shapes = described["components"]["schemas"]
    assert shapes["Old"]["properties"]["older"]["deprecated"] is True
    assert "x-sunset" not in shapes["Old"]["properties"]["older"]
    assert "deprecated" not in shapes["Old"]["properties"]["answer"]
    assert {"Deprecation", "Sunset"} <= set(described["components"]["headers"])


def test_members_are_found_at_any_depth() -> None:
    assert dict(leaving(AroundOut)) == {"parts.older": OPEN_END}
    assert (
        shown_by(AroundOut, None)
        == shown_by(AroundOut, ["parts"])
        == shown_by(AroundOut, ["parts.older"])
        == [OPEN_END]
    )
    assert shown_by(AroundOut, ["parts.answer"]) == []
    assert sent_in(AroundOut, {"parts": [{"answer": "a"}, {"older": "b"}]}) == [OPEN_END]
    assert sent_in(AroundOut, {"parts": [{"answer": "a"}]}) == sent_in(AroundOut, "text") == []


def test_end_before_the_beginning_is_refused() -> None:
    with pytest.raises(ValueError, match="before it is gone"):
        Deprecation(date(2026, 1, 2), "a", date(2026, 1, 1))


def unexplained(entries: set[str]) -> set[str]:
    pages = [page_of("changelog", language, "").html for language in LANGUAGES]
    return {one for one in entries if any(f'id="{one}"' not in html for html in pages)}


def test_every_entry_that_is_linked_is_in_the_changelog() -> None:
    from tests.api.test_promises import api_routes

    linked: set[str] = set()
    for _path, callback in api_routes():
        view = callback.cls
        shapes = [getattr(view, "reads", None), *(one.out for one in view.contracts.values())]
        own = [view.deprecated, *(one.deprecated for one in view.contracts.values())]
        linked |= {one.entry for one in own if one} | {one.entry for shape in shapes for _path, one in leaving(shape)}
    assert unexplained(linked) == set()
    assert unexplained({"get-old"}) == {"get-old"}, "a planted one is seen"
