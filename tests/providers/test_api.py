"""The catalogue over HTTP: who sees what, upserts, filters, search, expansion, and refusals in full form."""

from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission as DjangoPermission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.models import User
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import ErrorCode as C
from providers import operations
from providers.models import Offering, Provider, Session
from tests.factories.accounts import OrganizationUserGrantFactory
from tests.factories.providers import CapacityWindowFactory, OfferingFactory, ProviderFactory, SessionFactory
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SYSTEM, SmallGroup, small_group


@pytest.fixture
def group(at: datetime) -> SmallGroup:
    return small_group(at)


@pytest.fixture
def centre(group: SmallGroup) -> Provider:
    return ProviderFactory.create(code="CENTRE", organization=group.provider)


@pytest.fixture(autouse=True)
def clock(at: datetime) -> Any:
    with time_machine.travel(at, tick=False):
        yield


def speak(who: User, at: datetime) -> ApiClient:
    return ApiClient.of(who, at)


def published(provider: Provider, at: datetime, **facts: object) -> Offering:
    """Make a published offering that filters and search know."""
    offering = OfferingFactory.create(provider=provider, published=True)
    return operations.change_offering(
        actor=SYSTEM,
        at=at,
        offering_id=offering.pk,
        facts={
            "titles": {"en": "Title"},
            "themes": ["fair-recruitment"],
            "languages": ["fr"],
            "audiences": ["academia"],
            **facts,
        },
    )


NEW = {
    "provider": "CENTRE",
    "external_id": "course-12",
    "source": "platform",
    "titles": {"en": "Fair recruitment"},
    "summaries": {"en": "For labour officers."},
    "themes": ["fair-recruitment"],
    "form": "workshop",
    "modality": "in_person",
    "languages": ["en"],
    "audiences": ["national_government"],
    "duration_hours": 14,
    "participants_min": 10,
    "participants_max": 30,
    "cost_per_delivery": "24000.00",
    "currency": "USD",
}


# --- what may be done with rows that are alike for others ---
@pytest.mark.parametrize("ordering", ["created_at", "-created_at"])
def test_list_says_of_each_offering_what_this_caller_may_do_with_it(
    group: SmallGroup, centre: Provider, at: datetime, ordering: str
) -> None:
    others = [ProviderFactory.create(code=code) for code in ("FIRST", "SECOND", "THIRD")]
    for provider in (others[0], centre, *others[1:]):
        published(provider, at, titles={"en": str(provider.code)})
    OrganizationUserGrantFactory.create(
        user=group.provider_staff,
        content_object=others[1].organization,
        permission=DjangoPermission.objects.get(codename=Permission.CATALOGUE_WRITE.codename),
    )

    def actions(who: User) -> dict[str, list[str]]:
        rows = (
            speak(who, at).get(f"/offerings?fields=provider_code,allowed_actions&ordering={ordering}").body["results"]
        )
        return {row["provider_code"]: row["allowed_actions"] for row in rows}

    nothing: dict[str, list[str]] = {code: [] for code in ("CENTRE", "FIRST", "SECOND", "THIRD")}
    assert actions(group.focal_point) == nothing
    assert actions(group.provider_staff) == {**nothing, "CENTRE": ["retire"], "SECOND": ["retire"]}
    assert set(map(tuple, actions(group.officer).values())) == {("retire", "suspend")}


# --- the way through ----------------------------------------------------------------------------------------------
def test_offering_goes_from_draft_to_the_catalogue(group: SmallGroup, centre: Provider, at: datetime) -> None:
    staff, officer, reader = (speak(who, at) for who in (group.provider_staff, group.officer, group.focal_point))
    made = staff.post("/offerings", NEW)
    assert made.status_code == 201, made.content
    path = f"/offerings/{made.body['id']}"
    assert made.body["allowed_actions"] == ["retire", "submit"]
    check_problem(reader.get(path), C.NOT_FOUND)
    submitted = staff.post(f"{path}/submit")
    assert (submitted.body["state"], submitted.body["waiting_for"]) == ("in_vetting", "secretariat")
    assert submitted.body["due_at"] == "2026-12-14T09:00:00Z"
    check_problem(staff.post(f"{path}/publish", {"panel": "Own"}), C.PERMISSION_DENIED)
    done = officer.post(f"{path}/publish", {"panel": "Panel", "expires_on": "2028-11-23"}, If_Match=submitted["ETag"])
    assert done.status_code == 200, done.content
    assert done.body["vetting"] == {
        "panel": "Panel",
        "verdict": "accepted",
        "vetted_on": "2026-11-23",
        "expires_on": "2028-11-23",
    }
    assert reader.get(path).body["allowed_actions"] == []
    wrong = check_problem(officer.post(f"{path}/publish", {"panel": "Panel"}), C.WRONG_STATE)
    assert "retire, suspend" in wrong["detail"]


def test_return_route_is_called_return(group: SmallGroup, centre: Provider, at: datetime) -> None:
    offering = OfferingFactory.create(provider=centre, state="in_vetting")
    back = speak(group.officer, at).post(f"/offerings/{offering.public_id}/return", {"reason_code": "incomplete"})
    assert (back.status_code, back.body["state"]) == (200, "draft")


def test_offering_with_a_known_external_id_is_changed(group: SmallGroup, centre: Provider, at: datetime) -> None:
    staff = speak(group.provider_staff, at)
    first = staff.post("/offerings", NEW)
    again = staff.post("/offerings", NEW)
    assert (again.status_code, again.body["id"], again.body["version"]) == (200, first.body["id"], 1)
    changed = staff.post("/offerings", {**NEW, "duration_hours": 21})
    assert (changed.status_code, changed.body["duration_hours"], changed.body["version"]) == (200, 21, 2)
    assert Offering.objects.count() == 1


def test_session_with_a_known_external_id_is_changed(group: SmallGroup, centre: Provider, at: datetime) -> None:
    staff, offering = speak(group.provider_staff, at), OfferingFactory.create(provider=centre, published=True)
    body = {
        "offering": str(offering.public_id),
        "external_id": "run-7",
        "source": "platform",
        "period": {"start": "2027-03-08", "end": "2027-03-10"},
        "country": "SEN",
        "seats_total": 30,
    }
    first = staff.post("/sessions", body)
    assert first.status_code == 201, first.content
    assert first.body["period"] == {"start": "2027-03-08", "end": "2027-03-10", "precision": "day"}
    assert (first.body["languages"], first.body["seats_free"]) == (["en", "fr"], 30)
    again = staff.post("/sessions", {**body, "seats_total": 40})
    assert (again.status_code, again.body["id"], again.body["seats_free"]) == (200, first.body["id"], 40)


def test_session_runs_its_course(group: SmallGroup, centre: Provider, at: datetime) -> None:
    staff = speak(group.provider_staff, at)
    session = SessionFactory.create(offering__provider=centre, state="planned")
    for name, state in (("open", "open"), ("start", "running"), ("complete", "completed")):
        assert staff.post(f"/sessions/{session.public_id}/{name}").body["state"] == state
    check_problem(staff.post(f"/sessions/{session.public_id}/cancel", {"reason_code": "security"}), C.WRONG_STATE)


def test_provider_registers_and_is_verified(group: SmallGroup, at: datetime) -> None:
    staff, officer = speak(group.provider_staff, at), speak(group.officer, at)
    made = staff.post("/providers", {"organization": "PRO", "working_languages": ["en"]})
    assert made.status_code == 201, made.content
    assert (made.body["state"], made.body["waiting_for"]) == ("pending", "secretariat")
    check_problem(staff.post("/providers", {"organization": "PRO"}), C.DUPLICATE)
    check_problem(speak(group.focal_point, at).get("/providers/PRO"), C.NOT_FOUND)
    done = officer.post("/providers/PRO/verify", {"checks": ["references"], "expires_on": "2028-12-31"})
    assert (done.status_code, done.body["state"]) == (200, "verified")
    assert speak(group.focal_point, at).get("/providers/PRO").status_code == 200


def test_capacity_is_added_changed_and_taken_away(group: SmallGroup, centre: Provider, at: datetime) -> None:
    staff = speak(group.provider_staff, at)
    period = {"start": "2027-01-01", "end": "2027-06-30"}
    made = staff.post(
        "/capacity-windows", {"provider": "CENTRE", "unit": "trainer_days", "quantity": 20, "period": period}
    )
    assert made.status_code == 201, made.content
    path = f"/capacity-windows/{made.body['id']}"
    changed = staff.patch(path, {"quantity": 24}, If_Match=made["ETag"])
    assert (changed.status_code, changed.body["free"]) == (200, 24)
    check_problem(staff.delete(path), C.PRECONDITION_REQUIRED)
    check_problem(staff.delete(path, If_Match=made["ETag"]), C.PRECONDITION_FAILED)
    assert staff.delete(path, If_Match=changed["ETag"]).status_code == 204
    check_problem(staff.get(path), C.NOT_FOUND)


# --- who sees what ------------------------------------------------------------------------------------------------
def test_capacity_of_others_is_invisible(group: SmallGroup, centre: Provider, at: datetime) -> None:
    window = CapacityWindowFactory.create(provider=centre)
    for who in (group.focal_point, group.outsider, group.viewer):
        check_problem(speak(who, at).get(f"/capacity-windows/{window.public_id}"), C.NOT_FOUND)
        assert speak(who, at).get("/capacity-windows?with_count=true").body["count"] == 0
    assert speak(group.officer, at).get("/capacity-windows?with_count=true").body["count"] == 1


def test_draft_leaks_nowhere(group: SmallGroup, centre: Provider, at: datetime) -> None:
    draft = operations.create_offering(
        actor=SYSTEM, at=at, provider_id=centre.pk, facts={"titles": {"en": "Canary training"}}
    )
    session = SessionFactory.create(offering=draft)
    for who in (group.focal_point, group.outsider, group.viewer):
        api = speak(who, at)
        for path in ("/offerings", "/offerings?q=canary", "/sessions", "/offerings?state=draft"):
            answer = api.get(f"{path}{'&' if '?' in path else '?'}with_count=true")
            assert (answer.status_code, answer.body["count"], answer.body["results"]) == (200, 0, [])
        absent = check_problem(api.get("/offerings/0198c0de-0000-7000-8000-00000000dead"), C.NOT_FOUND)
        hidden = check_problem(api.get(f"/offerings/{draft.public_id}"), C.NOT_FOUND)
        assert {key: hidden[key] for key in ("title", "detail", "status")} == {
            key: absent[key] for key in ("title", "detail", "status")
        }
        check_problem(api.get(f"/sessions/{session.public_id}"), C.NOT_FOUND)
        check_problem(api.post(f"/offerings/{draft.public_id}/retire"), C.NOT_FOUND)
    assert speak(group.provider_staff, at).get("/offerings?q=canary").body["results"]


def test_offering_of_a_provider_out_of_standing_leaves_the_catalogue(
    group: SmallGroup, centre: Provider, at: datetime
) -> None:
    offering = OfferingFactory.create(provider=centre, published=True)
    reader = speak(group.focal_point, at)
    assert reader.get(f"/offerings/{offering.public_id}").status_code == 200
    operations.suspend_provider(actor=SYSTEM, at=at, provider_id=centre.pk, reason_code="quality_concern")
    check_problem(reader.get(f"/offerings/{offering.public_id}"), C.NOT_FOUND)
    assert reader.get("/providers/CENTRE").body["state"] == "suspended"


def test_strangers_to_the_organization_cannot_write(group: SmallGroup, centre: Provider, at: datetime) -> None:
    offering = OfferingFactory.create(provider=centre, published=True)
    rival = speak(group.outsider, at)
    check_problem(rival.post("/offerings", NEW), C.PERMISSION_DENIED)
    tag = rival.get(f"/offerings/{offering.public_id}")["ETag"]
    check_problem(rival.patch(f"/offerings/{offering.public_id}", {"award": "none"}, If_Match=tag), C.PERMISSION_DENIED)


def test_everything_needs_a_token() -> None:
    for path in ("/providers", "/offerings", "/sessions", "/capacity-windows"):
        check_problem(ApiClient().get(path), C.NOT_AUTHENTICATED)


# --- refusals -----------------------------------------------------------------------------------------------------
def test_unknown_codes_are_named_with_what_is_allowed(group: SmallGroup, centre: Provider, at: datetime) -> None:
    body = {**NEW, "form": "lecture", "themes": ["fair-recruitment", "alchemy"]}
    problem = check_problem(speak(group.provider_staff, at).post("/offerings", body), C.UNKNOWN_REFERENCE)
    assert set(places(problem)) == {"/form", "/themes/1"}
    assert "workshop" in next(error for error in problem["errors"] if error["pointer"] == "/form")["allowed"]


def test_broken_rules_are_all_named(group: SmallGroup, centre: Provider, at: datetime) -> None:
    body = {
        **NEW,
        "participants_min": 40,
        "scope": "listed",
        "countries_served": ["KOR"],
        "cost_items": {"jet": "1.00"},
    }
    problem = check_problem(speak(group.provider_staff, at).post("/offerings", body), C.RULE_BROKEN)
    assert places(problem) == {"/participants_max": "below_minimum", "/cost_items/jet": "unknown_code"}


def test_seats_cannot_fall_below_those_taken(group: SmallGroup, centre: Provider, at: datetime) -> None:
    session = SessionFactory.create(offering__provider=centre, seats_held=12, seats_confirmed=8)
    staff = speak(group.provider_staff, at)
    tag = staff.get(f"/sessions/{session.public_id}")["ETag"]
    problem = check_problem(
        staff.patch(f"/sessions/{session.public_id}", {"seats_total": 19}, If_Match=tag), C.RULE_BROKEN
    )
    assert places(problem) == {"/seats_total": "seats_taken"}
    assert "20" in problem["errors"][0]["detail"]


def test_unknown_parameters_are_refused(group: SmallGroup, at: datetime) -> None:
    check_problem(speak(group.viewer, at).get("/offerings?them=x"), C.UNKNOWN_PARAMETER)


# --- filters, search, expansion -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("theme=fair-recruitment", "ab"),
        ("theme=labour-migration", "ab"),
        ("theme=remittances", "c"),
        ("theme=remittances,fair-recruitment", "abc"),
        ("country=MLI", "abc"),
        ("country=KOR", "bc"),
        ("country=JPN", "c"),
        ("country=JPN,KOR", "bc"),
        ("language=fr", "ab"),
        ("language=en", "c"),
        ("audience=academia", "abc"),
        ("form=workshop", "abc"),
        ("form=webinar", ""),
        ("level=intermediate&award=participation", "abc"),
        ("provider=CENTRE", "abc"),
        ("provider=OTHER", ""),
        ("state=published", "abc"),
        ("state=retired", ""),
        ("starts_after=2027-03-01", "a"),
        ("starts_after=2027-04-01", ""),
        ("starts_before=2027-03-31&on_request=true", "a"),
        ("updated_since=2026-11-23T09:00:00Z", "abc"),
        ("updated_since=2026-11-23T09:00:01Z", ""),
        ("q=remittances", "c"),
        ("q=recrutement", "ab"),
        ("q=fair recruitment", "ab"),
    ],
)
def test_filters_keep_what_they_say(group: SmallGroup, centre: Provider, at: datetime, query: str, found: str) -> None:
    african = published(centre, at, scope="listed", regions_served=["002"], titles={"en": "a"})
    published(centre, at, scope="listed", regions_served=["002"], countries_served=["KOR"], titles={"en": "b"})
    published(centre, at, themes=["remittances"], languages=["en"], titles={"en": "c"})
    SessionFactory.create(offering=african)
    answer = speak(group.viewer, at).get(f"/offerings?{query}")
    assert answer.status_code == 200, answer.content
    assert "".join(sorted(row["titles"]["en"] for row in answer.body["results"])) == found


def test_updated_since_gives_what_came_into_sight_by_its_offering_or_its_provider(
    centre: Provider, group: SmallGroup, at: datetime
) -> None:
    session = SessionFactory.create(offering=published(centre, at), state="open")
    reader, days = group.outsider, [at + timedelta(days=day) for day in (1, 2, 3)]
    for moment, change in ((days[0], operations.suspend_provider), (days[1], operations.reinstate_provider)):
        why: dict[str, Any] = {"reason_code": "other"} if change is operations.suspend_provider else {}
        change(actor=SYSTEM, at=moment, provider_id=centre.pk, **why)
    with time_machine.travel(days[2], tick=False):
        api = speak(reader, days[2])
        for things, one in (("offerings", session.offering), ("sessions", session)):
            asked = f"/{things}?fields=id&updated_since="
            assert [row["id"] for row in api.get(f"{asked}2026-11-25T09:00:00Z").body["results"]] == [
                str(one.public_id)
            ]
            assert api.get(f"{asked}2026-11-25T09:00:01Z").body["results"] == []


def test_search_puts_the_best_first_and_pages(group: SmallGroup, centre: Provider, at: datetime) -> None:
    published(centre, at, titles={"en": "Other"}, summaries={"en": "Remittances come up."})
    published(centre, at, titles={"en": "Remittances"}, summaries={"en": "All about remittances."})
    reader = speak(group.viewer, at)
    first = reader.get("/offerings?q=remittance&page_size=1")
    assert [row["titles"]["en"] for row in first.body["results"]] == ["Remittances"]
    second = reader.get(first.body["next"])
    assert [row["titles"]["en"] for row in second.body["results"]] == ["Other"]
    assert second.body["next"] is None


def test_search_finds_themes_by_their_names_in_french(group: SmallGroup, centre: Provider, at: datetime) -> None:
    published(centre, at, themes=["remittances"], titles={"en": "Money home"})
    answer = speak(group.viewer, at).get("/offerings?q=envois de fonds", Accept_Language="fr")
    assert [row["titles"]["en"] for row in answer.body["results"]] == ["Money home"]


def test_expand_shows_provider_and_sessions(group: SmallGroup, centre: Provider, at: datetime) -> None:
    session = SessionFactory.create(offering__provider=centre)
    reader = speak(group.viewer, at)
    plain = reader.get(f"/offerings/{session.offering.public_id}").body
    assert "provider" not in plain
    full = reader.get(f"/offerings/{session.offering.public_id}?expand=provider,sessions").body
    assert (full["provider"]["code"], full["provider_code"]) == ("CENTRE", "CENTRE")
    assert [row["id"] for row in full["sessions"]] == [str(session.public_id)]
    of_session = reader.get(f"/sessions/{session.public_id}?expand=offering&fields=reference,offering").body
    assert set(of_session) == {"reference", "offering"}
    assert of_session["offering"]["id"] == str(session.offering.public_id)


@pytest.mark.parametrize(
    "path",
    [
        "/providers",
        "/offerings",
        "/offerings?expand=provider,sessions",
        "/offerings?q=recruitment&theme=labour-migration",
        "/sessions",
        "/sessions?expand=offering",
        "/capacity-windows",
    ],
)
def test_lists_take_as_many_queries_for_many_as_for_one(
    group: SmallGroup, centre: Provider, at: datetime, path: str
) -> None:
    api = speak(group.officer, at)

    def some(number: int) -> int:
        for _ in range(number):
            offering = published(
                ProviderFactory.create(network_parent=centre),
                at,
                titles={"en": "Recruitment"},
                partners=[{"organization": "PRO", "role": "host"}],
            )
            SessionFactory.create(offering=offering)
            CapacityWindowFactory.create(provider=offering.provider)
        with CaptureQueriesContext(connection) as queries:
            answer = api.get(path)
        assert answer.status_code == 200, answer.content
        assert answer.body["results"]
        return len(queries)

    api.get(path)
    assert some(1) == some(9)


def test_cancelled_session_is_full_of_nobody(group: SmallGroup, centre: Provider, at: datetime) -> None:
    session = SessionFactory.create(offering__provider=centre, seats_held=30)
    reader = speak(group.viewer, at)
    assert reader.get(f"/sessions/{session.public_id}").body["is_full"] is True
    Session.objects.update(state="cancelled")
    assert reader.get(f"/sessions/{session.public_id}").body["is_full"] is False
