"""Domain rule 5: who sees which request, in lists, search, counts, actions and events."""

from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.db.models import F

from marketplace.accounts import entrusting
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.accounts.roles import Permission
from marketplace.search.models import SearchDocument
from requests_app import operations, queries
from requests_app.models import MAY, SEES, PostingConsent, RequestShare, TrainingRequest
from requests_app.queries.visibility import listed_in_public
from tests.factories.accounts import (
    MembershipFactory,
    OrganizationFactory,
    ProgrammeFactory,
    UserFactory,
    client_of,
    member,
    secretariat,
)
from tests.factories.requests import (
    SYSTEM,
    PostingConsentFactory,
    RequestShareFactory,
    content,
    draft,
    line,
    listed,
    opened,
    submitted,
)

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


# --- at the edges: what mutation testing asked for -----------------------------------------------------------------
DAY = timedelta(days=1)


def granted(organization: Organization, right: Permission, at: datetime) -> Actor:
    user = UserFactory.create()
    entrusting.give_grant(actor=SYSTEM, at=at, user=user, organization=organization, permission=right)
    return Actor.for_user(user)


def test_system_reads_everything_and_the_unknown_nothing(at: datetime) -> None:
    requests = [draft(), submitted(visibility="agency"), listed()]
    assert seen(SYSTEM, at) == {request.pk: True for request in requests}
    assert seen(Actor.anonymous(), at) == {}
    assert list(queries.visible_subquery(Actor.anonymous(), at=at)) == []
    assert set(queries.visible_subquery(SYSTEM, at=at)) == {request.pk for request in requests}


def test_readable_are_those_whose_body_is_read(at: datetime) -> None:
    agency = OrganizationFactory.create()
    mine, summary = submitted(agency, visibility="agency"), listed()
    actor = member(agency)
    assert seen(actor, at) == {mine.pk: True, summary.pk: False}
    assert list(queries.requests_readable_by(actor, at=at)) == [mine]
    subquery = queries.visible_subquery(actor, at=at)
    assert list(subquery) == [mine.pk]
    assert not subquery.query.order_by
    assert not subquery.query.default_ordering


def test_draft_is_shown_by_no_consent_and_no_share(at: datetime) -> None:
    other = OrganizationFactory.create(roles=["member"])
    hidden = draft(visibility="public")
    PostingConsentFactory.create(request=hidden)
    for sees_what in ("summary", "documents"):
        RequestShareFactory.create(request=hidden, organization=other, sees=sees_what)
        assert seen(member(other), at) == {}
        RequestShare.objects.update(ended_at=at)
    assert seen(secretariat(), at) == {}
    assert seen(member(other, "auditor"), at) == {}


def test_consent_that_was_withdrawn_or_is_about_what_is_not_public_lists_nothing(at: datetime) -> None:
    stranger = Actor.for_user(UserFactory.create())
    taken_back, closed, shown = listed(), submitted(visibility="group"), listed()
    PostingConsent.objects.filter(request=taken_back).update(withdrawn_at=at, withdrawn_by="focal point")
    PostingConsentFactory.create(request=closed)
    assert seen(stranger, at) == {shown.pk: False}
    unasked = opened(visibility="public")
    assert not sees(stranger, unasked, at)
    assert seen(member(OrganizationFactory.create(roles=["member"])), at) == {
        request.pk: True for request in (taken_back, closed, shown, unasked)
    }


@pytest.mark.parametrize(
    ("what", "body"), [("summary", False), ("body", True), ("documents", True)], ids=["summary", "body", "documents"]
)
def test_share_shows_what_it_says_to_those_above_and_those_with_a_grant(at: datetime, what: str, body: bool) -> None:
    parent = OrganizationFactory.create()
    centre = OrganizationFactory.create(parent=parent)
    request, other = submitted(visibility="agency"), submitted(visibility="agency")
    share = RequestShareFactory.create(request=request, organization=centre, sees=what, expires_at=at + DAY)
    RequestShareFactory.create(request=other, organization=OrganizationFactory.create(), sees=what)
    for actor in (member(centre), member(parent, "viewer"), granted(centre, Permission.REQUESTS_READ, at)):
        assert seen(actor, at) == {request.pk: body}
        assert seen(actor, at + DAY) == {}
    stranger = granted(centre, Permission.CATALOGUE_READ, at)
    assert seen(stranger, at) == {}
    RequestShare.objects.filter(pk=share.pk).update(ended_at=at)
    assert seen(member(centre), at) == {}


def test_current_shares_are_those_of_the_scopes_asked_for(at: datetime) -> None:
    request = submitted()
    rows = {
        (sees_what, may): RequestShareFactory.create(
            request=request, organization=OrganizationFactory.create(), sees=sees_what, may=may
        ).pk
        for sees_what in SEES
        for may in MAY
    }

    def current(**scopes: tuple[str, ...]) -> set[int]:
        return set(queries.current_shares(at, **scopes).values_list("pk", flat=True))

    assert current() == set(rows.values())
    assert current(sees=("body",)) == {rows["body", may] for may in MAY}
    assert current(may=("comment",)) == {rows[one, "comment"] for one in SEES}
    RequestShare.objects.filter(pk=rows["body", "read"]).update(ended_at=at)
    RequestShare.objects.filter(pk=rows["body", "comment"]).update(expires_at=at + DAY)
    assert current(sees=("body",)) == {rows["body", "comment"]}
    assert set(queries.current_shares(at + DAY, sees=("body",))) == set()


@pytest.mark.parametrize(
    ("right", "reads"),
    [
        (Permission.REQUESTS_READ, True),
        (Permission.PROPOSALS_READ, True),
        (Permission.OFFERS_MAKE, True),
        (Permission.CATALOGUE_READ, False),
    ],
)
def test_grant_opens_what_it_is_about(at: datetime, right: Permission, reads: bool) -> None:
    agency = OrganizationFactory.create()
    request, hidden = submitted(agency, visibility="agency"), draft(agency)
    actor = granted(agency, right, at)
    assert seen(actor, at) == ({request.pk: True} if reads else {})
    assert not sees(actor, hidden, at)


def test_grant_to_write_opens_the_drafts_of_that_organization_alone(at: datetime) -> None:
    agency, other = OrganizationFactory.create(), OrganizationFactory.create()
    own, mine, strange = draft(other), draft(agency), draft()
    actor = granted(agency, Permission.REQUESTS_WRITE, at)
    assert actor.user is not None
    assert set(seen(actor, at)) == {mine.pk}
    MembershipFactory.create(user=actor.user, organization=other)
    both = seen(Actor.for_user(actor.user), at)
    assert (set(both), strange.pk in both) == ({own.pk, mine.pk}, False)


def test_drafts_of_all_memberships_are_seen(at: datetime) -> None:
    agencies = [OrganizationFactory.create() for _ in range(3)]
    drafts = [draft(agency) for agency in agencies]
    actor = member(agencies[0])
    assert actor.user is not None
    MembershipFactory.create(user=actor.user, organization=agencies[1], role="viewer")
    assert set(seen(Actor.for_user(actor.user), at)) == {drafts[0].pk, drafts[1].pk}


def test_draft_is_within_a_country_by_its_place_or_by_a_line(at: datetime) -> None:
    agency = OrganizationFactory.create()
    mali = member(agency, countries=["MLI"])
    by_place = draft(agency, place_preference="fixed", place_country="MLI", lines=())
    by_line = draft(agency, lines=(line(country="SEN"), line(country="MLI")))
    draft(agency, place_preference="fixed", place_country="SEN", lines=())
    draft(agency, lines=(line(country="SEN"),))
    draft(agency, lines=())
    assert set(seen(mali, at)) == {by_place.pk, by_line.pk}


def test_membership_limited_in_both_ways_sees_drafts_within_both(at: datetime) -> None:
    agency, programme = OrganizationFactory.create(), ProgrammeFactory.create()
    inside = draft(agency, programme=programme.code)
    draft(agency)
    draft(agency, programme=programme.code, lines=(line(country="SEN"),))
    limited = member(agency, countries=["MLI"], programmes=[programme.code])
    assert set(seen(limited, at)) == {inside.pk}


@pytest.mark.parametrize(("countries", "programmes"), [(["SEN"], []), ([], ["NONE"])])
def test_what_one_drafted_oneself_is_seen_whatever_the_limits_of_ones_role(
    at: datetime, countries: list[str], programmes: list[str]
) -> None:
    agency = OrganizationFactory.create()
    actor, colleague = member(agency, countries=countries, programmes=programmes), member(agency)
    mine, theirs = draft(agency), draft(agency)
    TrainingRequest.objects.filter(pk=mine.pk).update(drafted_by=actor.user)
    TrainingRequest.objects.filter(pk=theirs.pk).update(drafted_by=colleague.user)
    assert set(seen(actor, at)) == {mine.pk}
    assert set(seen(colleague, at)) == {mine.pk, theirs.pk}
    TrainingRequest.objects.filter(pk=mine.pk).update(requesting_organization=OrganizationFactory.create())
    assert seen(actor, at) == {}


@pytest.mark.parametrize("first", ["auditor", "focal_point"])
def test_auditor_with_a_second_role_has_what_each_gives(at: datetime, first: str) -> None:
    programme, agency = ProgrammeFactory.create(), OrganizationFactory.create(roles=["member"])
    audited = submitted(programme=programme.code, visibility="agency")
    own, group = submitted(agency, visibility="agency"), submitted(visibility="group")
    submitted(visibility="agency")
    user = MembershipFactory.create(organization=agency).user
    MembershipFactory.create(user=user, role="auditor", programmes=[programme.code])
    actor = Actor.for_user(user)
    actor.learn(at.date(), tuple(sorted(actor.rights(at), key=lambda right: right.role != first)), ())
    assert set(seen(actor, at)) == {audited.pk, own.pk, group.pk}


def test_public_list_is_of_what_is_open_public_and_consented(at: datetime) -> None:
    shown, taken_back = listed(), listed()
    PostingConsent.objects.filter(request=taken_back).update(withdrawn_at=at, withdrawn_by="focal point")
    early, group = submitted(visibility="public"), opened(visibility="group")
    for request in (early, group):
        PostingConsentFactory.create(request=request)
    opened(visibility="public")
    other = listed()
    assert set(listed_in_public(TrainingRequest.objects.all())) == {shown, other}
    assert list(listed_in_public(TrainingRequest.objects.filter(pk=shown.pk))) == [shown]


def test_sides_of_all_memberships_and_grants_are_seen(at: datetime) -> None:
    agencies = [OrganizationFactory.create() for _ in range(3)]
    requests = [submitted(agency, visibility="agency") for agency in agencies]
    user = UserFactory.create()
    for agency in agencies[:2]:
        MembershipFactory.create(user=user, organization=agency)
    entrusting.give_grant(actor=SYSTEM, at=at, user=user, organization=agencies[2], permission=Permission.REQUESTS_READ)
    assert set(seen(Actor.for_user(user), at)) == {request.pk for request in requests}


def test_grant_that_is_over_shows_nothing(at: datetime) -> None:
    agency, user = OrganizationFactory.create(), UserFactory.create()
    requests = {draft(agency).pk, submitted(agency, visibility="agency").pk}
    entrusting.give_grant(
        actor=SYSTEM,
        at=at,
        user=user,
        organization=agency,
        permission=Permission.REQUESTS_WRITE,
        expires_at=at + DAY,
    )
    actor = Actor.for_user(user)
    assert (set(seen(actor, at)), seen(actor, at + DAY)) == (requests, {})


def test_share_of_the_body_shows_not_even_the_summary_beyond_the_programmes_of_a_role(at: datetime) -> None:
    centre, request = OrganizationFactory.create(), submitted(visibility="agency")
    RequestShareFactory.create(request=request, organization=centre, sees="body")
    assert seen(member(centre, programmes=["OTHER"]), at) == {}
    assert seen(member(centre), at) == {request.pk: True}


def test_programmes_limit_the_own_side_and_the_group_alike(at: datetime) -> None:
    agency, programme = OrganizationFactory.create(roles=["member"]), ProgrammeFactory.create()
    inside = [
        submitted(agency, programme=programme.code, visibility="agency"),
        submitted(programme=programme.code, visibility="group"),
        submitted(programme=programme.code, visibility="public"),
    ]
    for visibility in ("agency", "group", "public"):
        submitted(agency, visibility=visibility)
        submitted(visibility=visibility)
    submitted(programme=programme.code, visibility="agency")
    limited = member(agency, "viewer", programmes=[programme.code])
    assert seen(limited, at) == {request.pk: True for request in inside}


# --- search -------------------------------------------------------------------------------------------------------


def found(actor: Actor, q: str, at: datetime) -> list[int]:
    rows = queries.search_requests(queries.requests_visible_to(actor, at=at), q=q, language="en")
    return list(rows.order_by(F("relevance").desc(), "-created_at", "-pk").values_list("pk", flat=True))


def test_search_finds_title_need_reference_and_names_of_codes(at: datetime) -> None:
    agency = OrganizationFactory.create()
    request = submitted(agency, visibility="agency")
    actor = member(agency)
    for q in ("planification", "ministries training", str(request.reference), "Mali", "integrer la migration"):
        assert found(actor, q, at) == [request.pk], q
    assert found(actor, "agriculture", at) == []


@pytest.mark.postgres
def test_search_begins_with_what_has_the_words(at: datetime) -> None:
    """Not with all that is seen: of a million requests a question would be answered after the minute that nobody waits."""
    texts = (queries.FULL_TEXT, queries.SUMMARY_TEXT)
    SearchDocument.objects.bulk_create(
        SearchDocument(resource=resource, record_id=number, language="en", title=f" seminar n{number}", body="")
        for resource in texts
        for number in range(400)
    )
    with connection.cursor() as cursor:
        for text in texts:  # what waits to be sorted in makes an index dear to read; autovacuum does this
            cursor.execute("SELECT gin_clean_pending_list(%s::regclass)", [f"search_words_{text}"])
        cursor.execute("ANALYZE search_searchdocument")
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    visible = queries.requests_visible_to(member(OrganizationFactory.create()), at=at)
    plan = queries.search_requests(visible, q="n77", language="en", most=500).values("pk").explain()
    assert all(f"search_words_{text}" in plan for text in texts)


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
