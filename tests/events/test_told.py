"""The feed tells a reader of nothing that the API would not show them: of needs and of what belongs to these."""

from datetime import datetime, timedelta

import pytest
import time_machine

from marketplace.accounts import operations as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.events.models import OutboxEvent
from marketplace.events.sequencer import publish_pending
from marketplace.lifecycles import deadlines
from marketplace.webhooks import queries as webhooks
from requests_app import operations
from requests_app.models import TrainingRequest
from tests.factories.requests import SYSTEM, opened
from tests.kit.api import ApiClient
from tests.kit.people import SmallGroup, member, organization, small_group

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)
OUTSIDE = {"kind": "correspondence", "title": "A letter", "language": "en", "external_reference": "K/1"}


@pytest.fixture
def group(at: datetime) -> SmallGroup:
    return small_group(at)


def told(user: User, at: datetime) -> list[OutboxEvent]:
    """Read the feed over HTTP; what it tells of needs."""
    publish_pending(at=at)
    with time_machine.travel(at, tick=False):
        found = ApiClient.of(user, at).get("/events?limit=1000").body["results"]
    keys = [one["id"] for one in found]
    of_needs = ("training_request", "request_line", "document", "clarification", "endorsement")
    return list(OutboxEvent.objects.filter(public_id__in=keys, resource__in=of_needs).order_by("sequence"))


def kinds(events: list[OutboxEvent]) -> set[str]:
    return {event.type for event in events}


def consented(request: TrainingRequest, by: User, at: datetime) -> None:
    operations.consent_to_posting(actor=Actor.for_user(by), at=at, request_id=request.pk)


def given_up(request: TrainingRequest, group: SmallGroup, at: datetime) -> None:
    officer, focal = Actor.for_user(group.officer), Actor.for_user(group.focal_point)
    operations.waive_call_for_offers(actor=focal, at=at, request_id=request.pk)
    operations.mark_unmet(
        actor=officer, at=at, request_id=request.pk, reason_code="no_theme", conflicts=["budget_ceiling"]
    )


def test_who_reads_the_summary_learns_of_the_need_and_of_nothing_that_its_body_has(
    group: SmallGroup, at: datetime
) -> None:
    outside = organization("OUT", at, "provider", kind="university")
    reader = member("outside", "provider_staff", outside, at)
    request = opened(group.requester, visibility="public")
    consented(request, group.focal_point, at)
    with time_machine.travel(at, tick=False):
        path = f"/requests/{request.reference}/documents"
        assert (
            ApiClient.of(group.focal_point, at).post(path, {**OUTSIDE, "confidentiality": "public"}).status_code == 201
        )
        assert ApiClient.of(reader, at).get(f"/requests/{request.reference}").body["summary_only"]
    given_up(request, group, at)

    found = told(reader, at)
    assert {event.resource for event in found} == {"training_request"}
    assert "training_request.marked_unmet" in kinds(found)
    assert "budget_ceiling" not in str([event.data for event in found])
    own = kinds(told(group.focal_point, at))
    assert {"request_line.marked_unmet", "document.created", "training_request.marked_unmet"} <= own


def test_who_was_shown_the_summary_learns_no_more_of_it_than_the_public(group: SmallGroup, at: datetime) -> None:
    request = opened(group.requester, visibility="agency")
    for sees in ("summary", "body", "documents"):
        member(f"staff-{sees}", "provider_staff", organization(f"ORG-{sees.upper()}", at, "provider"), at)
        operations.share_with(actor=SYSTEM, at=at, request_id=request.pk, organization=f"ORG-{sees.upper()}", sees=sees)
    with time_machine.travel(at, tick=False):
        path = f"/requests/{request.reference}/documents"
        assert ApiClient.of(group.focal_point, at).post(path, OUTSIDE).status_code == 201
    given_up(request, group, at)
    found = {
        sees: kinds(told(User.objects.get(username=f"staff-{sees}"), at)) for sees in ("summary", "body", "documents")
    }
    assert "training_request.marked_unmet" in found["summary"]
    assert not {kind for kind in found["summary"] if not kind.startswith("training_request.")}
    assert "request_line.marked_unmet" in found["body"]
    assert "document.created" not in found["body"]
    assert {"request_line.marked_unmet", "document.created"} <= found["documents"]


def test_share_that_is_over_tells_nothing_more_not_even_that_a_step_is_overdue(group: SmallGroup, at: datetime) -> None:
    request = opened(group.requester, visibility="agency")
    operations.share_with(
        actor=SYSTEM, at=at, request_id=request.pk, organization="PRO", sees="documents", expires_at=at + DAY / 24
    )
    before = kinds(told(group.provider_staff, at))
    assert "training_request.shared" in before
    later = max(at + 2 * DAY, request.due_at or at) + DAY
    with time_machine.travel(later, tick=False):
        path = f"/requests/{request.reference}/documents"
        assert ApiClient.of(group.focal_point, later).post(path, OUTSIDE).status_code == 201
    deadlines.meet_deadline(resource="training_request", public_id=request.public_id, at=later)
    assert "training_request.overdue" in kinds(told(group.focal_point, later))
    assert kinds(told(group.provider_staff, later)) == before


def test_membership_limited_to_a_programme_learns_of_its_needs_alone(group: SmallGroup, at: datetime) -> None:
    for code in ("P1", "P2"):
        accounts.save_programme(actor=SYSTEM, at=at, code=code, names={"en": code})
    requests = {code: opened(group.requester, visibility="agency", programme=code) for code in ("P1", "P2", "")}
    readers = {
        "viewer": member("limited", "viewer", group.requester, at, programmes=["P1"]),
        "auditor": member("limited-auditor", "auditor", group.requester, at, programmes=["P1"]),
    }
    own = {event.resource_reference for event in told(readers["viewer"], at)}
    assert own == {requests["P1"].reference}
    shown = {event.resource_reference.partition("/")[0] for event in told(readers["auditor"], at)}
    assert shown == {requests["P1"].reference}
    everything = {event.resource_reference.partition("/")[0] for event in told(group.focal_point, at)}
    assert everything == {request.reference for request in requests.values()}


def test_webhook_of_an_organization_is_told_what_its_feed_tells(group: SmallGroup, at: datetime) -> None:
    request = opened(group.requester, visibility="agency")
    operations.share_with(actor=SYSTEM, at=at, request_id=request.pk, organization="PRO", sees="summary")
    given_up(request, group, at)
    feed = {event.pk for event in told(group.provider_staff, at)}
    right = webhooks.rights([group.provider], at)[group.provider.pk]
    of_needs = webhooks.events_for(right).filter(resource__in=("training_request", "request_line"))
    assert set(of_needs.values_list("pk", flat=True)) == feed


# --- losing sight ---------------------------------------------------------------------------------------------------


def last_of(events: list[OutboxEvent]) -> tuple[str, object]:
    return (events[-1].type, events[-1].data.get("changed")) if events else ("", None)


def test_organization_from_which_a_share_is_taken_is_told_so_and_nothing_more(group: SmallGroup, at: datetime) -> None:
    request = opened(group.requester, visibility="agency")
    share, _ = operations.share_with(actor=SYSTEM, at=at, request_id=request.pk, organization="PRO", sees="summary")
    operations.revoke_share(actor=SYSTEM, at=at, share_id=share.pk)
    found = told(group.provider_staff, at)
    assert last_of(found)[0] == "training_request.unshared"
    given_up(request, group, at)
    assert told(group.provider_staff, at) == found


def test_narrowed_visibility_is_the_last_that_the_group_is_told(group: SmallGroup, at: datetime) -> None:
    request = opened(group.requester, visibility="group")
    focal = Actor.for_user(group.focal_point)
    operations.edit_request(actor=focal, at=at, request_id=request.pk, changes={"visibility": "agency"})
    assert last_of(told(group.outsider, at)) == ("training_request.changed", ["visibility"])
    operations.edit_request(actor=focal, at=at, request_id=request.pk, changes={"title": {"en": "Other"}})
    assert last_of(told(group.outsider, at)) == ("training_request.changed", ["visibility"])
    assert last_of(told(group.focal_point, at)) == ("training_request.changed", ["title"])


def test_consent_that_is_withdrawn_is_the_last_that_everybody_is_told(group: SmallGroup, at: datetime) -> None:
    outside = organization("OUT", at, "provider", kind="university")
    reader = member("outside", "provider_staff", outside, at)
    request = opened(group.requester, visibility="public")
    consented(request, group.focal_point, at)
    operations.withdraw_posting_consent(actor=Actor.for_user(group.focal_point), at=at, request_id=request.pk)
    assert last_of(told(reader, at))[0] == "training_request.posting_consent_withdrawn"
    given_up(request, group, at)
    assert last_of(told(reader, at))[0] == "training_request.posting_consent_withdrawn"


def test_organization_that_asks_no_longer_with_the_others_is_told_so(group: SmallGroup, at: datetime) -> None:
    request = opened(group.requester, visibility="agency", co_requesters=("STR",))
    focal = Actor.for_user(group.focal_point)
    operations.edit_request(actor=focal, at=at, request_id=request.pk, changes={"co_requesters": []})
    assert last_of(told(group.outsider, at)) == ("training_request.changed", ["co_requesters"])


def test_lists_that_everybody_reads_tell_everybody_of_their_changes(group: SmallGroup, at: datetime) -> None:
    reader = member("outside", "provider_staff", organization("OUT", at, "provider", kind="university"), at)
    accounts.save_programme(actor=SYSTEM, at=at, code="P1", names={"en": "P1"})
    publish_pending(at=at)
    with time_machine.travel(at, tick=False):
        found = ApiClient.of(reader, at).get("/events?resource=organization,programme&limit=1000").body["results"]
    assert {"organization", "programme"} == {one["resource"] for one in found}
