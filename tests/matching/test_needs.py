"""The open needs that a provider could serve."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.kernel.errors import ErrorCode
from matching.queries import serving
from requests_app import operations as requests
from requests_app.models import TrainingRequest
from requests_app.operations import LineContent
from tests.factories.accounts import AT, OrganizationFactory, member, secretariat
from tests.factories.matching import MarketScene, approved, market, offering_for, ranked, refused
from tests.factories.requests import SYSTEM, RequestShareFactory, line, listed, opened
from tests.kit.api import ApiClient, check_problem, places
from tests.matching.test_api import speak

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def staff(scene: MarketScene, number: int = 0) -> ApiClient:
    return speak(scene.provider(scene.offerings[number]))


def asking(*lines: LineContent, **changes: Any) -> MarketScene:
    """A market whose request has these lines, shared with the first provider."""
    scene = market()
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=scene.request.pk)
    made = opened(scene.requester, lines=lines or (line(),), visibility="agency", **changes)
    scene.request = TrainingRequest.objects.get(pk=made.pk)
    shared(scene)
    return scene


def needs(client: ApiClient, scene: MarketScene, number: int = 0, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/providers/{scene.offerings[number].provider.code}/needs{query}")
    assert answer.status_code == 200, answer.content
    return list(answer.body["results"])


def shared(scene: MarketScene, sees: str = "body", number: int = 0) -> None:
    RequestShareFactory.create(
        request=scene.request,
        organization=scene.offerings[number].provider.organization,
        sees=sees,
        reason="shared",
        may="read",
    )


def test_need_that_is_shared_is_found_with_score_and_reasons_of_the_ranking() -> None:
    scene = ranked()
    shared(scene)
    [need] = needs(staff(scene), scene)
    assert (need["request"], need["line"], need["fit"]) == (scene.request.reference, 1, "eligible")
    offering = need["best"]
    assert offering["offering_id"] == str(scene.offerings[0].public_id)
    assert sum(entry["contribution"] for entry in offering["breakdown"]) == offering["score"] == need["score"]
    assert offering["breakdown"][0]["sentence"]["text"].keys() == {"en", "fr"}
    assert need["allowed_actions"] == ["offer"]
    proposal = next(row for row in scene.proposals() if row.lead == scene.offerings[0].provider)
    ours = {entry["criterion"]: entry["contribution"] for entry in offering["breakdown"]}
    theirs = {entry["criterion"]: entry["contribution"] for entry in proposal.breakdown}
    assert ours.pop("text") <= 20_000
    theirs.pop("text")  # compared with the words of one's own offerings only
    assert ours == theirs


def test_near_miss_says_what_to_change_and_who_can() -> None:
    scene = asking(line(language="ar"))
    [need] = needs(staff(scene), scene)
    assert (need["fit"], need["score"], need["best"]) == ("near_miss", None, None)
    [miss] = need["near_misses"]
    assert (miss["offering_id"], miss["codes"]) == (str(scene.offerings[0].public_id), ["language_not_deliverable"])
    ways = {change["code"]: change for way in miss["ways"] for change in way["changes"]}
    assert (ways["give_language"]["actor"], ways["accept_language"]["actor"]) == ("provider", "requester")
    assert ways["give_language"]["sentence"]["text"].keys() == {"en", "fr"}


def test_need_of_another_field_of_themes_is_no_near_miss() -> None:
    scene = asking(line(theme="trafficking"))
    assert needs(staff(scene), scene) == []


def test_need_that_is_not_visible_is_not_found_whoever_looks_for_it() -> None:
    scene = market(visibility="agency")
    assert needs(staff(scene), scene) == []
    assert needs(staff(scene), scene, query="?q=mainstreaming&theme=mainstreaming&country=MLI") == []
    shared(scene, number=1)
    assert needs(staff(scene), scene) == []
    assert len(needs(staff(scene, 1), scene, 1)) == 1


def test_need_in_summary_tells_nothing_of_its_body_and_is_not_weighed() -> None:
    scene = market()
    request = listed(scene.requester, lines=(line(level="advanced"), line(country="SEN", language="ar")))
    [need] = needs(staff(scene), scene)
    assert (need["request"], need["summary_only"], need["fit"]) == (request.reference, True, "undetermined")
    assert need["themes"] == ["mainstreaming"]
    assert need["places"] == ["MLI", "SEN"]
    for member_of_body in ("line", "audience", "audience_label", "language", "level", "divisible", "score", "best"):
        assert need[member_of_body] is None, member_of_body
    assert need["others"] == need["near_misses"] == []
    assert needs(staff(scene), scene, query="?language=ar") == []  # which no summary tells
    assert len(needs(staff(scene), scene, query="?language=fr&fit=undetermined")) == 1


def test_who_is_ruled_out_learns_nothing_of_it() -> None:
    scene = asking()
    assert len(needs(staff(scene), scene)) == 1
    scene.request.excluded_organizations.add(scene.offerings[0].provider.organization)
    serving.supply._supply.cache_clear()
    assert needs(staff(scene), scene) == []


def test_closed_placed_and_refused_needs_are_gone() -> None:
    scene = ranked()
    shared(scene)
    best = scene.best()
    mine = next(number for number, offering in enumerate(scene.offerings) if offering.provider == best.lead)
    if mine != 0:
        shared(scene, number=mine)
    client = staff(scene, mine)
    assert len(needs(client, scene, mine)) == 1
    approved(scene, best)
    assert needs(client, scene, mine) == []  # the line is held
    refused(scene, scene.parts(best)[0])
    assert needs(client, scene, mine) == []  # they said no to this very need
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=scene.request.pk)
    assert needs(client, scene, mine) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("theme=mainstreaming", 2),
        ("theme=trafficking", 0),
        ("country=SEN", 1),
        ("region=011", 2),
        ("language=ar", 1),
        ("form=workshop", 2),
        ("form=online_course", 0),
        ("modality=in_person", 2),
        ("window_from=2027-07-01", 0),
        ("window_to=2027-02-28", 0),
        ("fit=eligible", 1),
        ("fit=near_miss", 1),
        ("fit=eligible,near_miss", 2),
        ("q=planning", 2),
        ("q=fishery", 0),
    ],
)
def test_filters_leave_what_was_asked(query: str, found: int) -> None:
    scene = asking(line(), line(country="SEN", language="ar"))
    assert len(needs(staff(scene), scene, query=f"?{query}")) == found


def test_facets_count_what_is_shown_of_all_needs_and_highlights_tell_where_words_stand() -> None:
    scene = asking(line(), line(country="SEN", language="ar"), title={"en": "Planning with migration"})
    listed(scene.requester, lines=(line(country="SEN", language="ar"), line(country="TCD", language="ar")))
    path = f"/providers/{scene.offerings[0].provider.code}/needs"

    def counts(query: str) -> dict[str, dict[str, int]]:
        facets = staff(scene).get(f"{path}?page_size=1&{query}").body["facets"]
        return {name: {row["code"]: row["count"] for row in rows} for name, rows in facets.items()}

    asked = "facets=theme,country,language"
    told = counts(asked)
    assert told["theme"] == {"mainstreaming": 3}
    assert told["country"] == {"SEN": 2, "MLI": 1, "TCD": 1}
    assert told["language"] == {"fr": 2, "ar": 1}  # of the summary, what the request needs
    assert counts(f"{asked}&country=MLI&fit=eligible") == {
        "theme": {"mainstreaming": 1},
        "country": {"MLI": 1},
        "language": {"fr": 1},
    }
    page = staff(scene).get(f"{path}?q=planning&highlights=true&facets=country", Accept_Language="fr").body
    assert page["facets"]["country"][0]["label"] == "Sénégal"
    [found] = page["highlights"][0]
    assert found == {"field": "title", "language": "en", "text": "Planning with migration", "matches": [[0, 8]]}
    assert staff(scene).get(path).body.keys() == {"results", "next", "previous"}
    check_problem(staff(scene).get(f"{path}?facets=fit"), ErrorCode.INVALID_INPUT)


def test_unknown_fit_and_ordering_are_refused_by_name() -> None:
    scene = market()
    path = f"/providers/{scene.offerings[0].provider.code}/needs"
    assert places(check_problem(staff(scene).get(f"{path}?fit=best"), ErrorCode.INVALID_INPUT)) == {
        "fit": "invalid_choice"
    }
    check_problem(staff(scene).get(f"{path}?ordering=score"), ErrorCode.UNKNOWN_PARAMETER)
    check_problem(staff(scene).get(f"{path}?cursor=abc"), ErrorCode.INVALID_CURSOR)


def test_pages_follow_the_ranking_there_and_back() -> None:
    scene = asking(*(line(participants_max=most) for most in (15, 20, 25, 30, 38)))
    client = staff(scene)
    path = f"/providers/{scene.offerings[0].provider.code}/needs?page_size=2&with_count=true"
    seen: list[tuple[int, int]] = []
    back: list[tuple[int, int]] = []
    answer = client.get(path)
    assert answer.body["count"] == 5
    while True:
        seen += [(row["score"], row["line"]) for row in answer.body["results"]]
        if answer.body["next"] is None:
            break
        answer = client.get(answer.body["next"].partition("/api/v1")[2])
    assert len(seen) == 5
    assert [score for score, _ in seen] == sorted((score for score, _ in seen), reverse=True)
    while True:
        back = [(row["score"], row["line"]) for row in answer.body["results"]] + back
        if answer.body["previous"] is None:
            break
        answer = client.get(answer.body["previous"].partition("/api/v1")[2])
    assert back == seen


def test_queries_do_not_grow_with_the_needs() -> None:
    scene = market()
    shared(scene)
    client = staff(scene)
    found: list[Any] = []
    counts = []
    needs(client, scene)  # what a process keeps is read once
    for more in (0, 6):
        for _ in range(more):
            made = opened(scene.requester)
            RequestShareFactory.create(request=made, organization=scene.offerings[0].provider.organization, sees="body")
        serving.supply._supply.cache_clear()
        with CaptureQueriesContext(connection) as caught:
            found = needs(client, scene)
        counts.append(len(caught))
    assert len(found) == 7
    assert counts[0] == counts[1] <= 45


def test_list_is_for_who_reads_requests_for_the_provider() -> None:
    scene = market()
    shared(scene)
    path = f"/providers/{scene.offerings[0].provider.code}/needs"
    viewer = speak(member(scene.offerings[0].provider.organization, "viewer"))
    assert viewer.get(path).body["results"][0]["allowed_actions"] == []
    assert speak(secretariat(organization=scene.office)).get(path).status_code == 200
    check_problem(staff(scene, 1).get(path), ErrorCode.PERMISSION_DENIED)
    check_problem(speak(member(OrganizationFactory.create(), "provider_staff")).get(path), ErrorCode.PERMISSION_DENIED)
    check_problem(staff(scene).get("/providers/NOBODY/needs"), ErrorCode.NOT_FOUND)


def test_list_as_a_table_tells_the_same() -> None:
    scene = market()
    shared(scene)
    answer = staff(scene).get(f"/providers/{scene.offerings[0].provider.code}/needs?format=jsonl")
    assert answer.status_code == 200
    assert scene.request.reference in answer.getvalue().decode()
    table = staff(scene).get(f"/providers/{scene.offerings[0].provider.code}/needs?format=csv").getvalue().decode()
    assert "eligible" in table


def test_provider_without_offerings_finds_nothing() -> None:
    scene = market()
    draft = offering_for("mainstreaming", published=False, state="draft")
    answer = speak(scene.provider(draft)).get(f"/providers/{draft.provider.code}/needs")
    assert answer.body["results"] == []
