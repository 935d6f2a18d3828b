"""Near-duplicates: finding them, and merging them with both sides kept."""

from datetime import date, datetime
from uuid import uuid4

import pytest

from marketplace.kernel.errors import ErrorCode
from marketplace.kernel.periods import Period
from requests_app import operations, queries
from requests_app.operations import LineShare
from tests.factories.accounts import OrganizationFactory, member, secretariat
from tests.factories.requests import SYSTEM, draft, line, opened, submitted
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


def test_merged_request_stays_with_both_owners(at: datetime) -> None:
    one, two = OrganizationFactory.create(), OrganizationFactory.create()
    source, target = submitted(one, visibility="agency"), opened(two, visibility="agency")
    merged = operations.merge_request(actor=secretariat(), at=at, request_id=source.pk, into=str(target.reference))
    assert (merged.state, merged.merged_into_id) == ("merged", target.pk)
    assert list(target.co_requesters.all()) == [one]
    seen = set(queries.requests_visible_to(member(one), at=at).values_list("pk", flat=True))
    assert seen == {source.pk, target.pk}
    assert {entry.action for entry in queries.timeline(merged, member(one), at=at)} >= {"submit", "merge"}


def test_participants_join_the_equal_line_and_other_lines_are_copied(at: datetime) -> None:
    source = opened(lines=(line(), line(theme="diaspora")))
    target = opened()
    operations.merge_request(
        actor=secretariat(), at=at, request_id=source.pk, into=str(target.public_id), take_lines=True
    )
    lines = target.lines.order_by("number").values_list("theme", "participants_min", "participants_max", "state")
    assert list(lines) == [("mainstreaming", 15, 60, "open"), ("diaspora", 15, 30, "open")]
    assert set(source.lines.values_list("state", flat=True)) == {"dropped"}
    target.refresh_from_db()
    assert target.content_version == 2
    assert queries.revisions_of(target).get().content["lines"][0]["participants_max"] == 30


def test_held_lines_forbid_a_merge(at: datetime) -> None:
    source, target = opened(), opened()
    operations.claim_lines(
        actor=SYSTEM, at=at, claimant=uuid4(), claims=[LineShare(row.pk, 20) for row in source.lines.all()]
    )
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        operations.merge_request(actor=secretariat(), at=at, request_id=source.pk, into=str(target.reference))
    assert caught.value.errors[0].code == "line_held"


def test_request_is_not_merged_into_itself_or_into_what_is_over(at: datetime) -> None:
    source, over = opened(), opened()
    operations.cancel_request(actor=SYSTEM, at=at, request_id=over.pk, reason_code="security")
    for into, code in ((source, "merged_into_itself"), (over, "target_not_open")):
        with refusal(ErrorCode.RULE_BROKEN) as caught:
            operations.merge_request(actor=secretariat(), at=at, request_id=source.pk, into=str(into.reference))
        assert caught.value.errors[0].code == code


def test_unseen_target_is_unknown(at: datetime) -> None:
    source, hidden = opened(), draft()
    with refusal(ErrorCode.UNKNOWN_REFERENCE):
        operations.merge_request(actor=secretariat(), at=at, request_id=source.pk, into=str(hidden.public_id))


def test_requester_does_not_merge(at: datetime) -> None:
    agency = OrganizationFactory.create()
    source, target = opened(agency), opened(agency)
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.merge_request(actor=member(agency), at=at, request_id=source.pk, into=str(target.reference))


def test_fulfilled_request_is_not_merged(at: datetime) -> None:
    source, target = draft(), opened()
    with refusal(ErrorCode.WRONG_STATE):
        operations.merge_request(actor=SYSTEM, at=at, request_id=source.pk, into=str(target.reference))


# --- similar ------------------------------------------------------------------------------------------------------


def test_near_duplicate_comes_first_and_says_in_what(at: datetime) -> None:
    request = opened()
    twin, cousin = opened(), opened(lines=(line(audience="civil_society", language="en"),))
    found = queries.similar_requests(request, secretariat(), at=at)
    assert [one.request for one in found] == [twin, cousin]
    assert found[0].score == 1000
    assert found[1].shared == ("theme", "place", "window")


def test_other_theme_other_dates_and_other_places_are_not_similar(at: datetime) -> None:
    request = opened()
    opened(lines=(line(theme="diaspora"),))
    opened(window=Period(date(2028, 1, 1), date(2028, 2, 1)))
    opened(lines=(line(country="PHL", audience="civil_society"),))
    assert queries.similar_requests(request, secretariat(), at=at) == []


def test_unseen_requests_are_not_similar(at: datetime) -> None:
    agency = OrganizationFactory.create()
    request = opened(agency)
    opened(visibility="agency")
    draft()
    assert queries.similar_requests(request, member(agency), at=at) == []
