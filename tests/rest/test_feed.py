from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from marketplace.accounts.models import Organization
from marketplace.audit import verification
from marketplace.audit.models import AuditRecord
from marketplace.events.models import Audience, EventAudience, OutboxEvent
from marketplace.kernel.errors import ErrorCode as C
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
    assert len(api.get("/events?after=999&type=training_request.opened,other").body["results"]) == 5


@pytest.mark.parametrize("query", ["after=-1", "after=x", "limit=0", "limit=1001", "resource_id=7", f"after={10**20}"])
def test_feed_refuses_bad_parameters_by_name(group: SmallGroup, at: datetime, query: str) -> None:
    body = check_problem(ApiClient.of(group.viewer, at).get(f"/events?{query}"), C.INVALID_INPUT)
    assert places(body) == {query.split("=", maxsplit=1)[0]: "invalid"}


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


def test_auditor_of_one_programme_sees_no_record(group: SmallGroup, at: datetime) -> None:
    event(at, Audience.PUBLIC, resource_id=(record := AuditRecordFactory.create()).resource_id)
    narrow = member("narrow", "auditor", group.secretariat, at, programmes=["P1"])
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
