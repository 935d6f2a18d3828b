"""Writing requests: drafts, edits, upserts, and what an edit that matters leaves behind."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from marketplace.audit import queries as audit
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from marketplace.kernel.periods import Period, Precision
from requests_app import operations, queries
from requests_app.models import TrainingRequest
from requests_app.operations import RequestContent, content_of
from tests.factories.accounts import (
    ContextEventFactory,
    MembershipFactory,
    OrganizationFactory,
    ProgrammeFactory,
    client_of,
    member,
    secretariat,
)
from tests.factories.requests import SYSTEM, content, draft, line, opened, submitted
from tests.requests_app.refusals import pointers, refusal

pytestmark = pytest.mark.django_db


def test_draft_keeps_everything_that_was_written(at: datetime) -> None:
    agency, other = OrganizationFactory.create(), OrganizationFactory.create()
    programme, forum = ProgrammeFactory.create(), ContextEventFactory.create()
    wanted = content(
        lines=(line(number=1), line(number=2, country="", region="011", theme="diaspora", divisible=True)),
        languages_may=("en",),
        place_preference="fixed",
        place_country="MLI",
        place_city="Bamako",
        funder=other.code,
        award="completion",
        context_event=forum.code,
        programme=programme.code,
        priority_facts=("pilot_country",),
        channel="survey",
        co_requesters=(other.code,),
        excluded_organizations=(other.code,),
        kept_apart=((agency.code, other.code),),
        lead_required=True,
        provenance={"document": "003", "quote": "a pilot project"},
    )
    request = operations.create_request(actor=member(agency), at=at, organization=agency.code, content=wanted)
    assert content_of(TrainingRequest.objects.get(pk=request.pk)) == wanted
    assert request.state == "draft"
    assert request.reference is None
    assert request.version == 1


def test_draft_may_be_almost_empty(at: datetime) -> None:
    agency = OrganizationFactory.create()
    request = operations.create_request(
        actor=member(agency), at=at, organization=agency.code, content=RequestContent(title={"fr": "À préciser"})
    )
    assert request.lines.count() == 0
    assert request.channel == "focal_point"


def test_draft_of_another_organization_is_refused(at: datetime) -> None:
    agency, other = OrganizationFactory.create(), OrganizationFactory.create()
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.create_request(actor=member(agency), at=at, organization=other.code, content=content())


def test_viewer_writes_nothing(at: datetime) -> None:
    agency = OrganizationFactory.create()
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.create_request(actor=member(agency, "viewer"), at=at, organization=agency.code, content=content())


def test_unknown_codes_are_all_named_with_the_allowed_ones(at: datetime) -> None:
    agency = OrganizationFactory.create()
    wrong = content(forms=("workshop", "lecture"), award="medal", lines=(line(theme="astrology", country="XXX"),))
    with refusal(ErrorCode.UNKNOWN_REFERENCE) as caught:
        operations.create_request(actor=member(agency), at=at, organization=agency.code, content=wrong)
    assert pointers(caught.value) == ["/award", "/forms/1", "/lines/0/theme", "/lines/0/country"]
    assert "workshop" in caught.value.errors[1].allowed


def test_contradictions_are_refused(at: datetime) -> None:
    agency = OrganizationFactory.create()
    wrong = content(
        languages_may=("fr",),
        budget_currency="",
        place_preference="fixed",
        lines=(line(region="011"), line(participants_min=40), line(participants_min=0)),
    )
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        operations.create_request(actor=member(agency), at=at, organization=agency.code, content=wrong)
    assert pointers(caught.value) == [
        "/languages/may",
        "/budget/currency",
        "/place/country",
        "/lines/0/region",
        "/lines/1/participants",
        "/lines/2/participants",
    ]


def test_unseen_parent_is_as_unknown_as_one_that_never_was(at: datetime) -> None:
    agency, hidden = OrganizationFactory.create(), draft()
    errors = []
    for parent in (str(hidden.public_id), "GMG-MLI-2026-9999"):
        with refusal(ErrorCode.UNKNOWN_REFERENCE) as caught:
            operations.create_request(
                actor=member(agency),
                at=at,
                organization=agency.code,
                content=content(parent_request=parent, parent_relation="repeat"),
            )
        errors.append([(one.pointer, one.code) for one in caught.value.errors])
    assert errors[0] == errors[1] == [("/parent_request", "unknown_reference")]


def test_country_scope_limits_what_a_member_writes(at: datetime) -> None:
    agency = OrganizationFactory.create()
    office = member(agency, countries=["SEN"])
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.create_request(actor=office, at=at, organization=agency.code, content=content())
    wanted = content(lines=(line(country="SEN"),))
    assert operations.create_request(actor=office, at=at, organization=agency.code, content=wanted).state == "draft"


def test_programme_scope_limits_what_a_member_writes(at: datetime) -> None:
    agency, programme = OrganizationFactory.create(), ProgrammeFactory.create()
    staff = member(agency, programmes=[programme.code])
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.create_request(actor=staff, at=at, organization=agency.code, content=content())
    wanted = content(programme=programme.code)
    assert (
        operations.create_request(actor=staff, at=at, organization=agency.code, content=wanted).programme == programme
    )


def test_draft_is_changed_without_keeping_the_former_words(at: datetime) -> None:
    agency = OrganizationFactory.create()
    actor, request = member(agency), draft(agency)
    wanted = replace(content_of(request), title={"en": "Another title"}, lines=(line(number=1, theme="diaspora"),))
    changed = operations.change_request(actor=actor, at=at, request_id=request.pk, content=wanted)
    assert content_of(changed) == wanted
    assert changed.content_version == 1
    assert queries.revisions_of(changed).count() == 0
    trail = audit.trail("training_request", request.public_id).last()
    assert trail is not None
    assert trail.changes == {"fields": ["lines", "title"]}


def test_line_left_out_of_a_draft_leaves_no_trace(at: datetime) -> None:
    agency = OrganizationFactory.create()
    request = draft(agency, lines=(line(), line(theme="diaspora")))
    operations.change_request(
        actor=member(agency), at=at, request_id=request.pk, content=content(lines=(line(number=2, theme="diaspora"),))
    )
    assert list(request.lines.values_list("number", "state")) == [(2, "open")]


def test_same_content_again_changes_nothing(at: datetime) -> None:
    request = opened()
    before = OutboxEvent.objects.count()
    same = operations.change_request(actor=SYSTEM, at=at, request_id=request.pk, content=content_of(request))
    assert same.version == request.version
    assert OutboxEvent.objects.count() == before


def test_edit_that_matters_on_an_open_request_keeps_the_former_content(at: datetime) -> None:
    request = opened()
    operations.note_ranking(actor=SYSTEM, at=at, request_id=request.pk)
    wanted = replace(content_of(request), languages_may=("en",), budget_ceiling=Decimal("50000.00"))
    changed = operations.change_request(actor=SYSTEM, at=at + timedelta(days=1), request_id=request.pk, content=wanted)
    assert changed.content_version == 2
    assert (changed.step, changed.waiting_for) == ("request.match", "system")
    revision = queries.revisions_of(changed).get()
    assert revision.content["budget_ceiling"] == "45000.00"
    assert revision.changed == ["budget_ceiling", "languages_may"]
    event = OutboxEvent.objects.filter(type="training_request.changed").latest("id")
    assert event.data["material"] is True
    assert event.data["changed"] == ["budget_ceiling", "languages_may"]


def test_edit_of_words_on_an_open_request_is_not_material(at: datetime) -> None:
    request = opened()
    wanted = replace(content_of(request), title={"en": "Better words"})
    changed = operations.change_request(actor=SYSTEM, at=at, request_id=request.pk, content=wanted)
    assert changed.content_version == 1
    assert OutboxEvent.objects.filter(type="training_request.changed").latest("id").data["material"] is False


def test_open_request_cannot_lose_what_a_submission_needs(at: datetime) -> None:
    request = opened()
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        operations.change_request(
            actor=SYSTEM, at=at, request_id=request.pk, content=replace(content_of(request), window=None, lines=())
        )
    assert pointers(caught.value) == ["/window", "/lines"]


def test_line_taken_out_of_an_open_request_is_dropped_and_its_number_not_reused(at: datetime) -> None:
    request = opened(lines=(line(), line(theme="diaspora")))
    wanted = replace(content_of(request), lines=(line(number=1), line(theme="gender")))
    operations.change_request(actor=SYSTEM, at=at, request_id=request.pk, content=wanted)
    assert list(request.lines.values_list("number", "theme", "state")) == [
        (1, "mainstreaming", "open"),
        (2, "diaspora", "dropped"),
        (3, "gender", "open"),
    ]


@pytest.mark.parametrize("verb", ["withdraw", "close"])
def test_finished_request_is_not_edited(at: datetime, verb: str) -> None:
    request = opened()
    operations.withdraw_request(actor=SYSTEM, at=at, request_id=request.pk)
    with refusal(ErrorCode.WRONG_STATE):
        operations.change_request(actor=SYSTEM, at=at, request_id=request.pk, content=content(title={"en": verb}))


def test_stale_version_is_refused(at: datetime) -> None:
    request = draft()
    with refusal(ErrorCode.PRECONDITION_FAILED):
        operations.change_request(
            actor=SYSTEM, at=at, request_id=request.pk, content=content(), expected_version=request.version + 1
        )


def test_colleague_of_another_agency_cannot_edit(at: datetime) -> None:
    request = submitted()
    stranger = MembershipFactory.create(role="focal_point").organization
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.change_request(actor=member(stranger), at=at, request_id=request.pk, content=content())
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.change_request(actor=secretariat(), at=at, request_id=request.pk, content=content())


def test_upsert_creates_once_and_then_changes(at: datetime) -> None:
    agency = OrganizationFactory.create()
    system = client_of(agency)
    first, created = operations.file_request(
        actor=system, at=at, organization=agency.code, external_id="HR-1", content=content()
    )
    second, again = operations.file_request(
        actor=system, at=at, organization=agency.code, external_id="HR-1", content=content(award="completion")
    )
    assert (created, again) == (True, False)
    assert first.pk == second.pk
    assert second.award == "completion"
    assert second.channel == "api"


def test_external_id_is_taken_once_for_each_client(at: datetime) -> None:
    agency = OrganizationFactory.create()
    one, two = client_of(agency), client_of(agency)
    operations.create_request(actor=one, at=at, organization=agency.code, content=content(), external_id="HR-1")
    operations.create_request(actor=two, at=at, organization=agency.code, content=content(), external_id="HR-1")
    with refusal(ErrorCode.DUPLICATE):
        operations.create_request(actor=one, at=at, organization=agency.code, content=content(), external_id="HR-1")


def test_window_keeps_its_precision(at: datetime) -> None:
    request = draft(window=Period(date(2027, 1, 1), date(2027, 12, 31), Precision.YEAR))
    window = TrainingRequest.objects.get(pk=request.pk).period
    assert window is not None
    assert window.precision == Precision.YEAR
