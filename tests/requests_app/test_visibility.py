"""Domain rule 5: who sees which request, in lists, search, counts, actions and events."""

from datetime import datetime

import pytest
from django.db.models import F

from marketplace.accounts import entrusting
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from requests_app import operations, queries
from requests_app.models import TrainingRequest
from tests.factories.accounts import OrganizationFactory, ProgrammeFactory, UserFactory, client_of, member, secretariat
from tests.factories.requests import SYSTEM, content, draft, line, listed, opened, submitted

pytestmark = pytest.mark.django_db


def seen(actor: Actor, at: datetime) -> dict[int, bool]:
    rows = queries.requests_visible_to(actor, at=at).values_list("pk", F("reads_body"))
    return dict(rows)


def sees(actor: Actor, request: TrainingRequest, at: datetime) -> bool:
    return request.pk in seen(actor, at)


def test_draft_is_seen_by_its_own_organization_alone(at: datetime) -> None:
    parent = OrganizationFactory.create(roles=["member"])
    agency = OrganizationFactory.create(parent=parent, roles=["member"])
    child, other = OrganizationFactory.create(parent=agency), OrganizationFactory.create(roles=["member"])
    request = draft(agency, visibility="public", co_requesters=(other.code,), funder=other.code)
    own = [member(agency), member(agency, "viewer"), client_of(agency)]
    strangers = [
        member(parent),
        member(child),
        member(other),
        member(agency.parent or other, "auditor"),
        secretariat(),
        secretariat("secretariat_head"),
        Actor.anonymous(),
        Actor.for_user(UserFactory.create()),
    ]
    assert [sees(actor, request, at) for actor in own] == [True] * 3
    assert [sees(actor, request, at) for actor in strangers] == [False] * 8


def test_country_offices_of_one_agency_do_not_share_drafts(at: datetime) -> None:
    agency = OrganizationFactory.create()
    mali, senegal = member(agency, countries=["MLI"]), member(agency, countries=["SEN"])
    request = operations.create_request(actor=mali, at=at, organization=agency.code, content=content())
    assert sees(mali, request, at)
    assert not sees(senegal, request, at)
    operations.submit_request(actor=mali, at=at, request_id=request.pk)
    assert sees(senegal, request, at)


def test_own_draft_without_any_place_is_never_lost(at: datetime) -> None:
    agency = OrganizationFactory.create()
    mali, senegal = member(agency, countries=["MLI"]), member(agency, countries=["SEN"])
    request = operations.create_request(actor=mali, at=at, organization=agency.code, content=content(lines=()))
    assert sees(mali, request, at)
    assert not sees(senegal, request, at)


def test_agency_request_is_seen_by_its_side_and_the_secretariat(at: datetime) -> None:
    parent = OrganizationFactory.create(roles=["member"])
    agency, partner = OrganizationFactory.create(parent=parent), OrganizationFactory.create()
    funder, other = OrganizationFactory.create(), OrganizationFactory.create(roles=["member"])
    request = submitted(agency, visibility="agency", co_requesters=(partner.code,), funder=funder.code)
    inside = [member(agency), member(parent), member(partner, "viewer"), member(funder, "viewer"), secretariat()]
    assert [sees(actor, request, at) for actor in inside] == [True] * 5
    assert not sees(member(other), request, at)
    assert not sees(member(OrganizationFactory.create(parent=agency)), request, at)


def test_group_request_is_seen_by_members_of_the_group(at: datetime) -> None:
    request = submitted(visibility="group")
    inside = member(OrganizationFactory.create(roles=["member"]), "viewer")
    outside = member(OrganizationFactory.create(), "provider_staff")
    assert sees(inside, request, at)
    assert not sees(outside, request, at)


def test_public_request_is_a_summary_for_strangers(at: datetime) -> None:
    agency = OrganizationFactory.create()
    request = listed(agency)
    assert seen(Actor.for_user(UserFactory.create()), at) == {request.pk: False}
    assert seen(member(agency), at) == {request.pk: True}
    assert seen(Actor.anonymous(), at) == {}
    stranger = Actor.for_user(UserFactory.create())
    assert list(queries.visible_subquery(stranger, at=at)) == []


def test_auditor_sees_the_submitted_requests_of_their_programmes(at: datetime) -> None:
    programme = ProgrammeFactory.create()
    inside, outside = submitted(programme=programme.code, visibility="agency"), submitted(visibility="agency")
    group = OrganizationFactory.create()
    assert seen(member(group, "auditor", programmes=[programme.code]), at) == {inside.pk: True}
    assert set(seen(member(group, "auditor"), at)) == {inside.pk, outside.pk}


def test_member_limited_to_a_programme_sees_nothing_of_others(at: datetime) -> None:
    agency, programme = OrganizationFactory.create(roles=["member"]), ProgrammeFactory.create()
    inside = submitted(agency, programme=programme.code)
    submitted(agency)
    submitted(visibility="group")
    draft(agency)
    assert set(seen(member(agency, "viewer", programmes=[programme.code]), at)) == {inside.pk}


def test_membership_that_is_over_shows_nothing(at: datetime) -> None:
    agency = OrganizationFactory.create()
    submitted(agency, visibility="agency")
    assert seen(member(agency, valid_to=at.date().replace(day=22)), at) == {}


def test_grant_on_an_organization_opens_its_requests_and_with_writing_its_drafts(at: datetime) -> None:
    agency, helper = OrganizationFactory.create(), UserFactory.create()
    first, hidden = submitted(agency, visibility="agency"), draft(agency)
    entrusting.give_grant(actor=SYSTEM, at=at, user=helper, organization=agency, permission=Permission.REQUESTS_READ)
    assert set(seen(Actor.for_user(helper), at)) == {first.pk}
    entrusting.give_grant(actor=SYSTEM, at=at, user=helper, organization=agency, permission=Permission.REQUESTS_WRITE)
    assert set(seen(Actor.for_user(helper), at)) == {first.pk, hidden.pk}


def test_each_request_is_listed_once(at: datetime) -> None:
    agency, partner = OrganizationFactory.create(roles=["member"]), OrganizationFactory.create(roles=["member"])
    request = submitted(agency, co_requesters=(partner.code,), funder=partner.code, lines=(line(), line()))
    operations.share_request(actor=SYSTEM, at=at, request_id=request.pk, organization_ids=[partner.pk])
    actor = member(partner)
    assert list(queries.requests_visible_to(actor, at=at).values_list("pk", flat=True)) == [request.pk]


def test_visibility_takes_the_same_queries_for_one_and_for_fifty(
    at: datetime, django_assert_num_queries: "pytest.FixtureRequest"
) -> None:
    agency = OrganizationFactory.create(roles=["member"])
    actor = member(agency)
    submitted(agency)
    assert len(seen(actor, at)) == 1
    for _ in range(5):
        submitted(agency)
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert len(seen(actor, at)) == 6


# --- search -------------------------------------------------------------------------------------------------------


def found(actor: Actor, q: str, at: datetime) -> list[int]:
    rows = queries.search_requests(queries.requests_visible_to(actor, at=at), q=q, language="en")
    return list(queries.rows_by_relevance(rows).values_list("pk", flat=True))


def test_search_finds_title_need_reference_and_names_of_codes(at: datetime) -> None:
    agency = OrganizationFactory.create()
    request = submitted(agency, visibility="agency")
    actor = member(agency)
    for q in ("planification", "ministries training", str(request.reference), "Mali", "integrer la migration"):
        assert found(actor, q, at) == [request.pk], q
    assert found(actor, "agriculture", at) == []


def test_search_finds_nothing_that_is_not_seen(at: datetime) -> None:
    draft()
    submitted(visibility="agency")
    assert found(member(OrganizationFactory.create(roles=["member"])), "ministries", at) == []


def test_reader_of_a_summary_cannot_search_the_body(at: datetime) -> None:
    request = listed()
    stranger = Actor.for_user(UserFactory.create())
    assert found(stranger, "ministries", at) == []
    assert found(stranger, "mainstreaming", at) == [request.pk]


def test_changed_words_are_found_and_former_ones_are_not(at: datetime) -> None:
    request = opened()
    changed = content(title={"en": "Remittances"}, need_statement={"en": "Banks"})
    operations.change_request(actor=SYSTEM, at=at, request_id=request.pk, content=changed)
    assert found(SYSTEM, "remittances", at) == [request.pk]
    assert found(SYSTEM, "ministries", at) == []


# --- actions and timeline -----------------------------------------------------------------------------------------


def test_actions_are_those_of_state_and_role(at: datetime) -> None:
    agency, other = OrganizationFactory.create(), OrganizationFactory.create(roles=["member"])
    mine, officer, stranger = member(agency), secretariat(), member(other)
    request = draft(agency)
    assert queries.allowed_actions(request, mine, at=at) == ["change", "submit", "withdraw"]
    request = operations.submit_request(actor=mine, at=at, request_id=request.pk)
    assert queries.allowed_actions(request, officer, at=at) == [
        "ask",
        "cancel",
        "decline",
        "merge",
        "open",
        "request-endorsement",
        "return",
        "share",
    ]
    assert queries.allowed_actions(request, mine, at=at) == ["change", "request-endorsement", "share", "withdraw"]
    assert queries.allowed_actions(request, stranger, at=at) == []
    request = operations.open_request(actor=officer, at=at, request_id=request.pk)
    assert "mark-unmet" not in queries.allowed_actions(request, officer, at=at)
    request = operations.waive_call_for_offers(actor=mine, at=at, request_id=request.pk)
    assert "mark-unmet" in queries.allowed_actions(request, officer, at=at)


def test_timeline_tells_the_story_and_keeps_names_inside(at: datetime) -> None:
    agency, other = OrganizationFactory.create(), OrganizationFactory.create(roles=["member"])
    mine, officer = member(agency), secretariat()
    request = operations.create_request(actor=mine, at=at, organization=agency.code, content=content())
    operations.submit_request(actor=mine, at=at, request_id=request.pk)
    operations.return_request(actor=officer, at=at, request_id=request.pk, question="Which ministries?")
    operations.answer_request(actor=mine, at=at, request_id=request.pk, answer="Three.")
    inside = queries.timeline(request, mine, at=at)
    assert [entry.to_state for entry in inside if entry.resource == "training_request"] == [
        "draft",
        "submitted",
        "returned",
        "submitted",
    ]
    words = [entry.texts for entry in inside if entry.resource == "clarification"]
    assert words == [{"question": "Which ministries?"}, {"answer": "Three."}]
    assert {entry.by for entry in inside} == {mine.label, officer.label}
    outside = queries.timeline(request, member(other), at=at)
    assert {entry.by for entry in outside} == {""}
    assert [entry for entry in outside if entry.resource == "clarification"] == []


def test_facts_for_the_engine_are_whole(at: datetime) -> None:
    agency, other = OrganizationFactory.create(), OrganizationFactory.create()
    request = opened(
        agency,
        excluded_organizations=(other.code,),
        kept_apart=((other.code, agency.code),),
        lines=(line(), line(country="", region="011")),
    )
    facts = queries.request_for_matching(request.pk)
    assert facts.reference == request.reference
    assert facts.excluded_organization_ids == {other.pk}
    assert facts.kept_apart == {(agency.code, other.code)}
    assert facts.lead_required is False
    assert [(row.number, row.country, row.region, row.free) for row in facts.lines] == [
        (1, "MLI", "", 30),
        (2, "", "011", 30),
    ]
    assert facts.budget is not None
    assert str(facts.budget) == "USD 45,000.00"
    assert queries.requester_organizations(request) == {agency.pk}
