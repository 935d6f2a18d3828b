"""`q` with ranking, facets and highlights on every list that people search; nobody finds by words that are not for them."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts import operations as accounts
from marketplace.accounts.models import Organization
from marketplace.accounts.operations import OrganizationFacts
from marketplace.search.models import SearchDocument
from providers.operations.indexing import index_offering, index_provider
from requests_app.operations.indexing import index_request
from tests.factories.accounts import OrganizationFactory
from tests.factories.fulfilment import EngagementFactory, EngagementPartyFactory
from tests.factories.matching import MatchProposalFactory, ProposalPartFactory, work
from tests.factories.providers import OfferingFactory, ProviderFactory, SessionFactory
from tests.factories.requests import TrainingRequestFactory
from tests.kit.api import ApiClient
from tests.kit.people import SYSTEM, SmallGroup

pytestmark = pytest.mark.django_db


def ids(api: ApiClient, path: str) -> list[str]:
    answer = api.get(path)
    assert answer.status_code == 200, answer.body
    return [row["id"] for row in answer.body["results"]]


def test_organizations_are_found_by_name_alias_and_code_in_the_readers_language(
    group: SmallGroup, at: datetime
) -> None:
    facts = {"kind": "member_agency", "country": "CHE"}
    accounts.save_organization(
        OrganizationFacts("IOM", {"en": "Migration body", "fr": "Organe des migrations"}, aliases=["OIM"], **facts),  # type: ignore[arg-type]
        actor=SYSTEM,
        at=at,
    )
    accounts.save_organization(
        OrganizationFacts("ILC", {"en": "Labour body on migration"}, **facts),  # type: ignore[arg-type]
        actor=SYSTEM,
        at=at,
    )
    work(at)
    api = ApiClient.of(group.viewer, at)
    first, second = (str(Organization.objects.get(code=code).public_id) for code in ("IOM", "ILC"))
    assert ids(api, "/organizations?q=oim") == ids(api, "/organizations?q=organe") == [first]
    assert ids(api, "/organizations?q=ilc") == [second]
    assert set(ids(api, "/organizations?q=migrations")) == {first, second}
    french = ApiClient.of(group.viewer, at)
    assert french.call("GET", "/organizations?q=migration", headers={"Accept-Language": "fr"}).body["results"]
    page = api.get("/organizations?q=body&facets=kind,country,role,parent&highlights=true&with_count=true").body
    assert page["count"] == 2
    assert page["facets"]["country"] == [{"code": "CHE", "label": "Switzerland", "count": 2}]
    assert {one["field"] for found in page["highlights"] for one in found} == {"names"}
    accounts.save_organization(OrganizationFacts("IOM", {"en": "Other"}, "member_agency"), actor=SYSTEM, at=at)
    work(at)
    assert ids(api, "/organizations?q=organe") == []


def test_programmes_and_context_events_are_found_by_name_and_code(group: SmallGroup, at: datetime) -> None:
    accounts.save_programme(actor=SYSTEM, at=at, code="GFMD", names={"fr": "Appui au forum mondial"}, lead="REQ")
    accounts.save_context_event(
        actor=SYSTEM, at=at, code="COL-27", names={"en": "Forum of cities"}, start_on=None, end_on=None
    )
    work(at)
    api = ApiClient.of(group.viewer, at)
    assert len(ids(api, "/programmes?q=mondial")) == len(ids(api, "/programmes?q=gfmd")) == 1
    assert ids(api, "/programmes?q=cities") == []
    page = api.get("/programmes?q=forum&facets=lead&highlights=true").body
    assert page["facets"]["lead"] == [{"code": "REQ", "label": "REQ", "count": 1}]
    assert page["highlights"][0][0]["language"] == "fr"
    assert len(ids(api, "/context-events?q=cities&highlights=true&facets=host_country")) == 1


def test_sessions_are_found_by_the_words_of_offerings_that_the_caller_sees(group: SmallGroup, at: datetime) -> None:
    shown = SessionFactory.create(
        offering=OfferingFactory.create(titles={"en": "Shelter law", "fr": "Droit de l'abri"}, published=True)
    )
    hidden = SessionFactory.create(offering=OfferingFactory.create(titles={"en": "Shelter canary"}))
    for session in (shown, hidden):
        index_offering(session.offering)
    api = ApiClient.of(group.outsider, at)
    assert ids(api, "/sessions?q=shelter") == ids(api, "/sessions?q=abri") == [str(shown.public_id)]
    page = api.get("/sessions?q=canary&facets=state,provider&with_count=true").body
    assert (page["results"], page["count"], page["facets"]) == ([], 0, {"state": [], "provider": []})
    assert len(ids(ApiClient.of(group.officer, at), "/sessions?q=shelter")) == 2


@pytest.fixture
def agreed(group: SmallGroup) -> Any:
    """An engagement and a proposal of the requester's need, in which the provider takes part; the words are indexed."""
    request = TrainingRequestFactory.create(
        submitted=True,
        state="open",
        requesting_organization=group.requester,
        visibility="agency",
        title={"en": "Coastal shelter"},
        need_statement={"en": "Secret canary of a need"},
    )
    index_request(request)
    provider = ProviderFactory.create(organization=group.provider, names={"en": "Harbour centre"})
    index_provider(provider)
    engagement = EngagementFactory.create(
        request=request, requesting_organization=group.requester, lead_organization=group.provider
    )
    for organization, role in ((group.requester, "requester"), (group.provider, "lead")):
        EngagementPartyFactory.create(engagement=engagement, organization=organization, role=role)
    proposal = MatchProposalFactory.create(request=request, lead=provider)
    ProposalPartFactory.create(proposal=proposal, provider=provider, asked_at=proposal.created_at)
    work()
    return engagement, proposal


@pytest.mark.parametrize(("path", "place"), [("/engagements", 0), ("/proposals", 1)])
def test_what_was_agreed_is_found_by_words_that_the_caller_reads(
    group: SmallGroup, at: datetime, agreed: Any, path: str, place: int
) -> None:
    wanted = [str(agreed[place].public_id)]
    focal, partner = ApiClient.of(group.focal_point, at), ApiClient.of(group.provider_staff, at)
    for word in ("shelter", "canary"):
        assert ids(focal, f"{path}?q={word}") == wanted
    assert ids(partner, path) == wanted
    assert ids(partner, f"{path}?q=canary") == []  # the need was not shared with them: its words find nothing
    page = partner.get(f"{path}?q=canary&facets=state&with_count=true").body
    assert (page["count"], page["facets"]) == (0, {"state": []})
    assert ids(ApiClient.of(group.outsider, at), f"{path}?q=shelter") == []
    told = focal.get(f"{path}?q=shelter&facets=state,lead").body["facets"]
    assert [row["count"] for row in (*told["state"], *told["lead"])] == [1, 1]


def test_proposals_are_found_by_their_lead_and_engagements_by_their_organizations(
    group: SmallGroup, at: datetime, agreed: Any
) -> None:
    partner = ApiClient.of(group.provider_staff, at)
    assert ids(partner, "/proposals?q=harbour") == [str(agreed[1].public_id)]
    accounts.save_organization(OrganizationFacts("PRO", {"en": "Lighthouse"}, "member_agency"), actor=SYSTEM, at=at)
    work(at)
    assert ids(partner, "/engagements?q=lighthouse") == [str(agreed[0].public_id)]


@pytest.mark.parametrize(
    ("q", "title", "matches"),
    [
        ("policy", "Policy, policies, policymakers, police", [[0, 6], [8, 16], [18, 30]]),
        ("policies", "Policy, policies, policymakers, police", [[0, 6], [8, 16]]),
        ("réseau", "Réseaux et niveaux", [[0, 7]]),
    ],
)
def test_highlights_tell_where_all_stands_that_was_found(
    group: SmallGroup, at: datetime, q: str, title: str, matches: list[list[int]]
) -> None:
    index_offering(OfferingFactory.create(titles={"en": title}, summaries={}, published=True))
    page = ApiClient.of(group.viewer, at).get(f"/offerings?q={q}&highlights=true").body
    assert [(one["text"], one["matches"]) for one in page["highlights"][0]] == [(title, matches)]


def many_organizations() -> None:
    for number in range(3):
        row = OrganizationFactory.create(names={"en": f"Shelter {number}"})
        SearchDocument.objects.create(
            resource="organization", record_id=row.pk, language="en", title=f" shelter {number}", body=""
        )


def many_sessions() -> None:
    for _ in range(3):
        session = SessionFactory.create(offering=OfferingFactory.create(titles={"en": "Shelter"}, published=True))
        index_offering(session.offering)


@pytest.mark.parametrize(("path", "more"), [("/organizations", many_organizations), ("/sessions", many_sessions)])
def test_searching_asks_no_more_for_more_rows(
    group: SmallGroup, at: datetime, path: str, more: Callable[[], None]
) -> None:
    api = ApiClient.of(group.officer, at)
    asked = []
    for _ in range(3):
        more()
        with CaptureQueriesContext(connection) as queries:
            assert ids(api, f"{path}?q=shelter")
        asked.append(len(queries))
    assert asked[1] == asked[2]
