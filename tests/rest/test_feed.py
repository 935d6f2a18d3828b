from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from marketplace.accounts.models import Organization
from marketplace.audit import verification
from marketplace.audit.models import AuditRecord
from marketplace.events.catalogue import event_types
from marketplace.events.models import Audience, EventAudience, OutboxEvent
from marketplace.kernel.errors import ErrorCode as C
from marketplace.rest.feed import MOST_CHOSEN
from tests.audit.trails import link_all
from tests.factories.machinery import AuditRecordFactory, OutboxEventFactory
from tests.factories.notices import NotificationFactory
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup, member

pytestmark = pytest.mark.django_db


def event(at: datetime, audience: str, *to: Organization, **columns: object) -> OutboxEvent:
    """A published event that comes after all that were made before."""
    found = OutboxEventFactory.create(
        audience=audience, sequence=1_000 + OutboxEvent.objects.count(), published_at=at, at=at, **columns
    )
    for organization in to:
        EventAudience.objects.create(event=found, organization=organization)
    return found


def test_feed_gives_each_reader_what_is_for_them(group: SmallGroup, at: datetime) -> None:
    public = event(at, Audience.PUBLIC)
    addressed = event(at, Audience.ORGANIZATIONS, group.requester)
    closed = event(at, Audience.SECRETARIAT)
    event(at, Audience.PRIVATE)

    def sequences(user: object) -> list[int]:
        page = ApiClient.of(user, at).get("/events?after=999").body  # type: ignore[arg-type]
        return [row["sequence"] for row in page["results"]]

    assert sequences(group.focal_point) == [public.sequence, addressed.sequence]
    assert sequences(group.outsider) == [public.sequence]
    assert sequences(group.officer) == [public.sequence, addressed.sequence, closed.sequence]


def test_feed_goes_on_from_its_cursor_and_never_repeats(group: SmallGroup, at: datetime) -> None:
    for _number in range(5):
        event(at, Audience.PUBLIC)
    api = ApiClient.of(group.viewer, at)
    page = api.get("/events?after=999&limit=2").body
    seen = [row["sequence"] for row in page["results"]]
    while page["results"]:
        page = api.get(page["next"]).body
        seen += [row["sequence"] for row in page["results"]]
    assert seen == sorted(set(seen))
    assert len(seen) == 5
    assert page["after"] == seen[-1]
    assert api.get(f"/events?after=999&resource_id={uuid4()}").body["results"] == []
    assert len(api.get("/events?after=999&type=training_request.opened").body["results"]) == 5


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1001", "resource_id=7", f"after={10**20}"])
def test_feed_refuses_bad_parameters_by_name(group: SmallGroup, at: datetime, query: str) -> None:
    body = check_problem(ApiClient.of(group.viewer, at).get(f"/events?{query}"), C.INVALID_INPUT)
    assert places(body) == {query.split("=", maxsplit=1)[0]: "invalid"}


def test_feed_takes_all_types_at_once_and_goes_on_with_all_that_was_asked(group: SmallGroup, at: datetime) -> None:
    for kind in (*event_types(), "training_request.opened"):
        event(at, Audience.PUBLIC, type=kind, resource=kind.partition(".")[0])
    api = ApiClient.of(group.viewer, at)
    page = api.get(f"/events?after=999&limit=1000&type={','.join(event_types())}").body
    assert len(page["results"]) == len(event_types()) + 1
    assert len(event_types()) < MOST_CHOSEN
    twice = "type=training_request.opened&type=engagement.closed&resource=training_request"
    page = api.get(f"/events?after=999&limit=1&{twice}").body
    assert [row["type"] for row in page["results"]] == ["training_request.opened"]
    assert page["next"].partition("?")[2].startswith(f"limit=1&{twice}&after=")


def test_feed_refuses_more_names_than_it_reads(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.viewer, at)
    many = ",".join(str(number) for number in range(MOST_CHOSEN + 1))
    problem = check_problem(api.get(f"/events?type={many}"), C.INVALID_INPUT)
    assert places(problem) == {"type": "invalid"}
    assert str(MOST_CHOSEN) in problem["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("query", "allowed"),
    [
        ("type=training_request.opend", "training_request.opened"),
        ("type=training_request.opened,nothing.*", "training_request.opened"),
        ("type=nothing.*", "training_request.opened"),
        ("resource=training_request,course", "training_request"),
        ("resource=training_*", "training_request"),
        ("resource=0198c0de-0000-7000-8000-000000000011", "training_request"),
    ],
)
def test_feed_refuses_names_of_nothing_with_those_that_there_are(
    group: SmallGroup, at: datetime, query: str, allowed: str
) -> None:
    event(at, Audience.PUBLIC)
    problem = check_problem(ApiClient.of(group.viewer, at).get(f"/events?after=999&{query}"), C.INVALID_INPUT)
    assert places(problem) == {query.partition("=")[0]: "invalid_choice"}
    assert allowed in problem["errors"][0]["allowed"]


@pytest.mark.parametrize("wait", ["", "&wait=1"])
def test_feed_refuses_a_place_beyond_its_end_and_takes_each_that_it_gave(
    group: SmallGroup, at: datetime, settings: Settings, wait: str
) -> None:
    settings.EVENT_WAITERS = 0
    api = ApiClient.of(group.viewer, at)
    assert api.get(f"/events?after=0{wait}").body["after"] == 0  # nothing is published
    check_problem(api.get(f"/events?after=1{wait}"), C.INVALID_CURSOR)
    last = [event(at, Audience.SECRETARIAT) for _ in range(3)][-1].sequence or 0
    OutboxEventFactory.create(audience=Audience.PUBLIC, at=at)  # not published yet
    page = api.get(f"/events?after=999{wait}").body
    assert page["after"] == last
    assert api.get(page["next"]).body["after"] == last
    problem = check_problem(api.get(f"/events?after={last + 1}{wait}"), C.INVALID_CURSOR)
    assert places(problem) == {"after": "invalid"}
    assert str(last) in problem["errors"][0]["detail"]
    check_problem(api.get(f"/events?after={2**63 - 1}{wait}"), C.INVALID_CURSOR)


def test_audit_is_for_auditors_and_hides_what_is_only_drafted(group: SmallGroup, at: datetime) -> None:
    drafted, submitted = uuid4(), uuid4()
    event(at, Audience.PRIVATE, resource_id=drafted)
    event(at, Audience.SECRETARIAT, resource_id=submitted)
    AuditRecordFactory.create(resource_id=drafted, reference="HIDDEN")
    shown = AuditRecordFactory.create(resource_id=submitted, reference="SHOWN")
    for reader in (group.auditor, group.head):
        rows = ApiClient.of(reader, at).get("/audit?reference=HIDDEN,SHOWN").body["results"]
        assert [row["reference"] for row in rows] == ["SHOWN"]
    auditor = ApiClient.of(group.auditor, at)
    assert auditor.get(f"/audit/{shown.public_id}").body["action"] == "open"
    since = (at + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert auditor.get(f"/audit?since={since}").body["results"] == []
    check_problem(ApiClient.of(group.officer, at).get("/audit"), C.PERMISSION_DENIED)


def test_auditor_reads_place_seals_and_head_of_the_chain(group: SmallGroup, at: datetime) -> None:
    event(at, Audience.SECRETARIAT, resource_id=(record := AuditRecordFactory.create()).resource_id)
    auditor = ApiClient.of(group.auditor, at)
    before = auditor.get(f"/audit/{record.public_id}").body
    assert (before["chain"], before["erased"], list(before["seals"])) == (None, [], ["actor_label"])
    assert auditor.get("/audit/head").body["waiting"] == AuditRecord.objects.count()
    link_all(at)
    verification.keep(verification.verify()[0], at=at)
    chain = auditor.get(f"/audit/{record.public_id}").body["chain"]
    head = auditor.get("/audit/head").body
    assert (head["position"], head["waiting"]) == (chain["position"] + 1, 0)  # the auditor's own token came after
    assert head["digest"] != chain["digest"]
    assert (head["verification"]["last"], head["verification"]["findings"]) == (head["position"], 0)
    check_problem(ApiClient.of(group.officer, at).get("/audit/head"), C.PERMISSION_DENIED)


@pytest.mark.parametrize("limit", [{"programmes": ["P1"]}, {"countries": ["MLI"]}], ids=str)
def test_auditor_of_some_programmes_or_countries_sees_no_record(
    group: SmallGroup, at: datetime, limit: dict[str, list[str]]
) -> None:
    event(at, Audience.PUBLIC, resource_id=(record := AuditRecordFactory.create()).resource_id)
    narrow = member("narrow", "auditor", group.secretariat, at, **limit)
    check_problem(ApiClient.of(narrow, at).get(f"/audit/{record.public_id}"), C.NOT_FOUND)


def test_notices_are_read_one_by_one_or_all(group: SmallGroup, at: datetime) -> None:
    mine = [NotificationFactory.create(recipient=group.focal_point) for _ in range(3)]
    other = NotificationFactory.create(recipient=group.officer)
    api = ApiClient.of(group.focal_point, at)
    listed = api.get("/notifications?unread=true", Accept_Language="fr")
    assert len(listed.body["results"]) == 3
    assert listed.body["results"][0]["about"]["reference"] == "GMG-MLI-2026-0007"
    read = api.post(f"/notifications/{mine[0].public_id}/read")
    assert read.body["read_at"]
    check_problem(api.post(f"/notifications/{other.public_id}/read"), C.NOT_FOUND)
    assert api.post("/notifications/read-all").body == {"marked": 2}
    assert api.get("/notifications?unread=true").body["results"] == []
    other.refresh_from_db()
    assert other.read_at is None
