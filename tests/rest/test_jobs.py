"""Background work and its dead letters, through the API."""

from datetime import datetime

import pytest
import structlog
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.audit.models import AuditRecord
from marketplace.events import registry as events
from marketplace.events.models import OutboxEvent
from marketplace.events.registry import handles
from marketplace.kernel.errors import ErrorCode as C
from marketplace.work.context import current_origin
from marketplace.work.loop import settle
from marketplace.work.models import Job, JobState
from marketplace.work.registry import forget, job
from tests.factories.machinery import JobFactory, JobFailureFactory
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db
WHY = {"reason_text": "The address has been corrected."}


def dead_letter(at: datetime, **columns: object) -> Job:
    given = {"kind": "lifecycles.sweep", "attempts": 8, "request_id": "r-7", "worker": "celery@here:1", **columns}
    return JobFactory.create(state=JobState.DEAD, last_error="boom", finished_at=at, **given)


@pytest.fixture
def officer(group: SmallGroup, at: datetime) -> ApiClient:
    return ApiClient.of(group.officer, at)


# --- looking ------------------------------------------------------------------------------------------------------
def test_dead_letter_is_inspected_with_payload_and_the_error_of_each_attempt(officer: ApiClient, at: datetime) -> None:
    dead = dead_letter(at, payload={"n": 1})
    for attempt in (1, 2):
        JobFailureFactory.create(job=dead, fence=attempt, attempt=attempt, error=f"error {attempt}", at=at)
    row = officer.get(f"/jobs/{dead.public_id}?expand=payload,failures").body
    assert (row["request_id"], row["worker"], row["payload"]) == ("r-7", "celery@here:1", {"n": 1})
    assert [(one["attempt"], one["error"]) for one in row["failures"]] == [(1, "error 1"), (2, "error 2")]
    assert "payload" not in officer.get(f"/jobs/{dead.public_id}").body


def test_list_is_narrowed_by_state_kind_and_request(officer: ApiClient, at: datetime) -> None:
    dead, other = dead_letter(at), dead_letter(at, kind="work.purge", request_id="r-8")
    JobFactory.create()
    assert {row["id"] for row in officer.get("/jobs?state=dead").body["results"]} == {
        str(dead.public_id),
        str(other.public_id),
    }
    for query in ("kind=work.purge", "request_id=r-8", "state=dead&kind=work.purge"):
        assert [row["id"] for row in officer.get(f"/jobs?{query}").body["results"]] == [str(other.public_id)]
    check_problem(officer.get("/jobs?state=nonsense"), C.INVALID_INPUT)


def test_queries_of_a_page_do_not_grow_with_its_jobs(officer: ApiClient, at: datetime) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert officer.get("/jobs?expand=payload,failures").status_code == 200
        return len(seen)

    JobFailureFactory.create(job=dead_letter(at))
    count()  # the first call of a token also notes that it was used
    first = count()
    for _ in range(5):
        JobFailureFactory.create(job=dead_letter(at))
    assert count() == first


def test_strangers_see_no_jobs(group: SmallGroup, at: datetime) -> None:
    dead = dead_letter(at)
    stranger = ApiClient.of(group.focal_point, at)
    check_problem(stranger.get("/jobs"), C.PERMISSION_DENIED)
    for verb in ("retry", "discard", "cancel"):
        check_problem(stranger.post(f"/jobs/{dead.public_id}/{verb}", WHY), C.NOT_FOUND)
    for verb in ("retry", "discard"):
        check_problem(stranger.post(f"/jobs/{verb}", {"kind": dead.kind, **WHY}), C.PERMISSION_DENIED)
    assert Job.objects.get().state == JobState.DEAD


# --- deciding -----------------------------------------------------------------------------------------------------
def test_request_id_goes_from_the_call_to_the_jobs_of_its_consequences(officer: ApiClient, at: datetime) -> None:
    seen: list[tuple[str, str]] = []

    @handles("job.discarded", kind="test.consequence")
    @job("test.consequence")
    def note(payload: dict[str, object], **_: object) -> None:
        logged = structlog.contextvars.get_contextvars()
        seen.append((current_origin().request_id, logged["request_id"]))

    try:
        said = officer.post(f"/jobs/{dead_letter(at).public_id}/discard", WHY)["X-Request-ID"]
        settle()
    finally:
        events.forget("job.discarded", "test.consequence")
        forget("test.consequence")
    assert said
    assert seen == [(said, said)]
    assert AuditRecord.objects.get(resource="job").request_id == said
    assert Job.objects.get(kind="test.consequence").request_id == said


@pytest.mark.parametrize(
    ("verb", "state", "done"), [("retry", "queued", "retried"), ("discard", "discarded", "discarded")]
)
def test_decision_on_a_dead_letter_is_in_the_audit_trail_and_the_feed(
    officer: ApiClient, group: SmallGroup, at: datetime, verb: str, state: str, done: str
) -> None:
    dead = dead_letter(at)
    answer = officer.post(f"/jobs/{dead.public_id}/{verb}", WHY)
    assert (answer.status_code, answer.body["state"]) == (200, state)
    record = AuditRecord.objects.get(resource="job")
    assert (record.action, record.from_state, record.to_state) == (done, "dead", state)
    assert (record.actor_id, record.reason_text) == (str(group.officer.public_id), WHY["reason_text"])
    event = OutboxEvent.objects.get(resource="job")
    assert (event.type, event.resource_id, event.audience) == (f"job.{done}", dead.public_id, "secretariat")
    refused = check_problem(officer.post(f"/jobs/{dead.public_id}/{verb}", WHY), C.WRONG_STATE)
    assert refused["allowed_actions"] == (["cancel"] if verb == "retry" else [])
    assert AuditRecord.objects.filter(resource="job").count() == 1


def test_cancel_calls_a_waiting_job_off(officer: ApiClient) -> None:
    waiting = JobFactory.create()
    refused = check_problem(officer.post(f"/jobs/{waiting.public_id}/retry", WHY), C.WRONG_STATE)
    assert refused["allowed_actions"] == ["cancel"]
    assert officer.post(f"/jobs/{waiting.public_id}/cancel", WHY).body["state"] == "cancelled"
    assert AuditRecord.objects.get(resource="job").action == "cancelled"


@pytest.mark.parametrize("verb", ["retry", "discard", "cancel"])
@pytest.mark.parametrize("body", [{}, {"reason_text": "  "}])
def test_decision_without_a_reason_is_refused(
    officer: ApiClient, at: datetime, verb: str, body: dict[str, str]
) -> None:
    problem = check_problem(officer.post(f"/jobs/{dead_letter(at).public_id}/{verb}", body), C.INVALID_INPUT)
    assert list(places(problem)) == ["/reason_text"]
    assert Job.objects.get().state == JobState.DEAD


@pytest.mark.parametrize(("verb", "state"), [("retry", "queued"), ("discard", "discarded")])
def test_several_are_decided_at_once_by_kind(officer: ApiClient, at: datetime, verb: str, state: str) -> None:
    of_kind = {str(dead_letter(at).public_id) for _ in range(3)}
    dead_letter(at, kind="work.purge")
    answer = officer.post(f"/jobs/{verb}", {"kind": "lifecycles.sweep", **WHY}).body
    assert {row["id"] for row in answer["decided"]} == of_kind
    assert {row["state"] for row in answer["decided"]} == {state}
    assert (answer["left_alone"], answer["remaining"]) == ([], 0)
    assert AuditRecord.objects.filter(resource="job").count() == 3
    assert Job.objects.filter(state=JobState.DEAD).count() == 1


def test_several_are_decided_in_portions(officer: ApiClient, at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("marketplace.rest.operations.MOST_AT_ONCE", 2)
    for _ in range(3):
        dead_letter(at)
    body = {"kind": "lifecycles.sweep", **WHY}
    assert [officer.post("/jobs/retry", body).body["remaining"] for _ in range(2)] == [1, 0]


def test_several_by_id_leave_alone_what_is_not_dead(officer: ApiClient, at: datetime) -> None:
    dead, waiting = dead_letter(at), JobFactory.create()
    ids = [str(dead.public_id), str(waiting.public_id)]
    answer = officer.post("/jobs/retry", {"ids": ids, **WHY}).body
    assert [row["id"] for row in answer["decided"]] == ids[:1]
    assert [row["id"] for row in answer["left_alone"]] == ids[1:]


def test_several_by_an_unknown_id_change_nothing(officer: ApiClient, at: datetime) -> None:
    dead = dead_letter(at)
    ids = [str(dead.public_id), "0198c0de-0000-7000-8000-000000000099"]
    problem = check_problem(officer.post("/jobs/discard", {"ids": ids, **WHY}), C.UNKNOWN_REFERENCE)
    assert list(places(problem)) == ["/ids/1"]
    assert Job.objects.get().state == JobState.DEAD


@pytest.mark.parametrize("more", [{}, {"ids": ["0198c0de-0000-7000-8000-000000000099"], "kind": "work.purge"}])
def test_several_are_named_in_one_way(officer: ApiClient, more: dict[str, object]) -> None:
    assert places(check_problem(officer.post("/jobs/retry", {**WHY, **more}), C.INVALID_INPUT)) == {
        "/ids": "ids_or_kind"
    }
