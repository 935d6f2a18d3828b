"""`fields=` with dots, facets and highlights: allow-listed, and never more than the caller sees."""

from datetime import datetime
from typing import Any

import pytest

from marketplace.kernel.errors import ErrorCode as C
from tests.factories.providers import OfferingFactory
from tests.factories.requests import RequestLineFactory, TrainingRequestFactory
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db


def counts(page: Any, facet: str) -> dict[str, int]:
    return {row["code"]: row["count"] for row in page["facets"][facet]}


def test_nested_fields_leave_the_rest_out_in_lists_and_single_things(group: SmallGroup, at: datetime) -> None:
    request = TrainingRequestFactory.create(requesting_organization=group.requester)
    api = ApiClient.of(group.focal_point, at)
    query = "fields=reference,participants.min,requesting_organization.code,place.city"
    wanted = {
        "reference": request.reference,
        "participants": {"min": 0},
        "requesting_organization": {"code": group.requester.code},
        "place": {"city": request.place_city},
    }
    asked = "fields=reference,requesting_organization.code,place.city"
    del wanted["participants"]
    assert api.get(f"/requests/{request.public_id}?{asked}").body == wanted
    assert api.get(f"/requests?{asked}").body["results"] == [wanted]
    body = check_problem(api.get(f"/requests?{query}"), C.INVALID_INPUT)  # a computed member has no declared inside
    assert "place.city" in body["errors"][0]["allowed"]


def test_nested_fields_of_expanded_things(group: SmallGroup, at: datetime) -> None:
    line = RequestLineFactory.create(request__requesting_organization=group.requester)
    api = ApiClient.of(group.focal_point, at)
    path = f"/requests/{line.request.public_id}"
    assert api.get(f"{path}?expand=lines&fields=lines.theme,lines.participants.max").body == {
        "lines": [{"theme": line.theme, "participants": {"max": line.participants_max}}]
    }
    assert set(api.get(f"{path}?expand=lines&fields=id,place.city").body) == {"id", "place", "lines"}


def test_facets_count_what_matches_and_what_the_caller_sees(group: SmallGroup, at: datetime) -> None:
    for theme in ("gender", "gender", "statistics"):
        RequestLineFactory.create(theme=theme, request__requesting_organization=group.requester)
    RequestLineFactory.create(theme="gender", state="dropped", request__requesting_organization=group.requester)
    RequestLineFactory.create(
        theme="gender", request__visibility="agency", request__requesting_organization=group.stranger
    )
    api = ApiClient.of(group.focal_point, at)
    page = api.get("/requests?facets=theme,state&page_size=1").body
    assert counts(page, "theme") == {"gender": 2, "statistics": 1}
    assert page["facets"]["theme"][0]["label"] != ""
    assert sum(counts(page, "state").values()) == 4
    assert counts(api.get("/requests?facets=theme&theme=statistics").body, "theme") == {"statistics": 1}
    assert "facets" not in api.get("/requests").body


def test_facets_of_offerings_follow_their_lists(group: SmallGroup, at: datetime) -> None:
    from providers.operations.offerings import facets_of

    offering = OfferingFactory.create(themes=["gender"], languages=["en", "fr"])
    for facet, code in facets_of(offering):
        offering.facets.get_or_create(facet=facet, code=code)
    page = ApiClient.of(group.officer, at).get("/offerings?facets=language,provider").body
    assert counts(page, "language") == {"en": 1, "fr": 1}
    assert counts(page, "provider") == {offering.provider.code: 1}


def test_unknown_facet_is_refused_with_the_allowed_ones(group: SmallGroup, at: datetime) -> None:
    body = check_problem(ApiClient.of(group.viewer, at).get("/offerings?facets=colour"), C.INVALID_INPUT)
    assert "theme" in body["errors"][0]["allowed"]
    check_problem(ApiClient.of(group.viewer, at).get("/memberships?facets=kind"), C.UNKNOWN_PARAMETER)


def test_highlights_are_plain_text_with_places(group: SmallGroup, at: datetime) -> None:
    from requests_app.operations.indexing import index_request

    request = TrainingRequestFactory.create(
        requesting_organization=group.requester,
        title={"en": "Shelter <b>policies</b> for cities"},
        need_statement={"fr": "Réfugiés en ville"},
    )
    index_request(request)
    api = ApiClient.of(group.focal_point, at)
    page = api.get("/requests?q=policy&highlights=true").body
    found = page["highlights"][0]
    assert [(one["field"], one["language"]) for one in found] == [("title", "en")]
    first, last = found[0]["matches"][0]
    assert found[0]["text"][first:last] == "policies"
    assert "highlights" not in api.get("/requests?q=policy").body
    assert (
        api.get("/requests?q=refugie&highlights=true&fields=need_statement").body["highlights"][0][0]["field"]
        == "need_statement"
    )
    check_problem(api.get("/requests?highlights=perhaps"), C.INVALID_INPUT)


def test_highlights_cut_long_texts_at_words() -> None:
    from marketplace.api.finding import highlights

    text = f"{'before ' * 40}migration {'after ' * 40}"
    ((found,),) = highlights([{"title": {"en": text}}], ("title",), "migrations")
    first, last = found["matches"][0]
    assert found["text"][first:last] == "migration"
    assert found["text"].startswith("before")
    assert found["text"].endswith("after")
    assert len(found["text"]) <= 180
    assert highlights([{"title": None}, {}], ("title",), "x y") == [[], []]


def test_search_ranks_the_newest_matches_and_counts_all(
    group: SmallGroup, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    from providers.operations.indexing import index_offering

    monkeypatch.setattr("marketplace.api.reading.MOST_RANKED", 2)
    made = [OfferingFactory.create(titles={"en": f"Shelter {number}"}) for number in range(3)]
    for offering in made:
        index_offering(offering)
    api = ApiClient.of(group.officer, at)
    ranked = api.get("/offerings?q=shelter&with_count=true&facets=provider&fields=id").body
    assert {row["id"] for row in ranked["results"]} == {str(offering.public_id) for offering in made[1:]}
    assert ranked["count"] == 3
    assert sum(counts(ranked, "provider").values()) == 3
    assert len(api.get("/offerings?q=shelter&ordering=created_at").body["results"]) == 3
    shown = api.get("/offerings?q=shelter&expand=provider&with_count=true").body
    assert (len(shown["results"]), shown["count"]) == (2, 3)
