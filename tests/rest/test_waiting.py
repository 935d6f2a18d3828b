"""Long-poll, type prefixes, CloudEvents, and cursors that are too old."""

import threading
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from marketplace.events import sequencer
from marketplace.events.models import Audience, OutboxEvent
from marketplace.kernel.errors import ErrorCode as C
from marketplace.rest import waiting
from tests.factories.machinery import OutboxEventFactory
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup
from tests.rest.test_feed import event


@pytest.fixture(autouse=True)
def places_of_our_own(settings: Any, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


@pytest.mark.django_db
def test_call_waits_for_its_time_and_says_so(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.viewer, at)
    began = time.monotonic()
    page = api.get("/events?wait=1").body
    assert time.monotonic() - began >= 1
    assert (page["results"], page["wait_ended"]) == ([], "time")
    assert 1 <= page["waited_seconds"] < 5


@pytest.mark.django_db
def test_call_that_finds_something_does_not_wait(group: SmallGroup, at: datetime) -> None:
    event(at, Audience.PUBLIC)
    page = ApiClient.of(group.viewer, at).get("/events?after=999&wait=20").body
    assert (len(page["results"]), page["wait_ended"], page["waited_seconds"]) == (1, "", 0)


@pytest.mark.django_db
def test_only_so_many_wait_and_the_next_is_told_at_once(group: SmallGroup, at: datetime, settings: Any) -> None:
    settings.EVENT_WAITERS = 1
    api = ApiClient.of(group.viewer, at)
    with waiting.place() as first:
        assert first
        page = api.get("/events?wait=20").body
        assert (page["wait_ended"], page["waited_seconds"]) == ("no_room", 0)
    with waiting.place() as again:
        assert again


@pytest.mark.django_db(transaction=True)
def test_event_of_another_process_ends_the_wait_and_no_connection_is_held(at: datetime, settings: Any) -> None:
    from tests.kit.people import small_group

    group = small_group(at)
    api = ApiClient.of(group.viewer, at)
    sequencer.publish_pending(at=at)
    after = api.get("/events?after=0&limit=1000").body["after"]
    held: list[bool] = []
    real_sleep = time.sleep

    def publish() -> None:
        real_sleep(0.7)
        try:
            OutboxEventFactory.create(audience=Audience.SECRETARIAT, at=at)  # not for this reader: goes on waiting
            sequencer.publish_pending(at=at)
            real_sleep(0.7)
            OutboxEventFactory.create(audience=Audience.PUBLIC, at=at)
            sequencer.publish_pending(at=at)
        finally:
            connection.close()

    def sleep(seconds: float) -> None:
        held.append(connection.connection is not None)
        real_sleep(seconds)

    thread = threading.Thread(target=publish)
    thread.start()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("marketplace.rest.waiting.time.sleep", sleep)
        page = api.get(f"/events?after={after}&wait=15").body
    thread.join()
    assert [row["type"] for row in page["results"]] == ["training_request.opened"]
    assert page["wait_ended"] == "events"
    assert 1 < page["waited_seconds"] < 10
    assert held
    assert not any(held)


@pytest.mark.django_db
@pytest.mark.parametrize("query", ["wait=21", "wait=-1", "wait=x"])
def test_wait_is_bounded(group: SmallGroup, at: datetime, query: str) -> None:
    body = check_problem(ApiClient.of(group.viewer, at).get(f"/events?{query}"), C.INVALID_INPUT)
    assert places(body) == {"wait": "invalid"}


@pytest.mark.django_db
def test_prefixes_and_several_kinds_choose(group: SmallGroup, at: datetime) -> None:
    for kind in ("training_request.opened", "training_request.closed", "engagement.closed"):
        event(at, Audience.PUBLIC, type=kind, resource=kind.partition(".")[0])
    api = ApiClient.of(group.viewer, at)

    def types(query: str) -> list[str]:
        return [row["type"] for row in api.get(f"/events?after=999&{query}").body["results"]]

    assert types("type=training_request.*") == ["training_request.opened", "training_request.closed"]
    assert types("type=engagement.*,training_request.opened") == ["training_request.opened", "engagement.closed"]
    assert types("resource=engagement,proposal") == ["engagement.closed"]
    assert types("type=proposal.*") == []


@pytest.mark.django_db
def test_cursor_moves_past_what_is_not_for_the_reader(group: SmallGroup, at: datetime) -> None:
    last = [event(at, Audience.SECRETARIAT) for _ in range(3)][-1]
    page = ApiClient.of(group.viewer, at).get("/events?after=999").body
    assert (page["results"], page["after"]) == ([], last.sequence)


@pytest.mark.django_db
def test_full_page_goes_on_from_its_last_event(group: SmallGroup, at: datetime) -> None:
    first, _second = event(at, Audience.PUBLIC), event(at, Audience.PUBLIC)
    page = ApiClient.of(group.viewer, at).get("/events?after=999&limit=1").body
    assert page["after"] == first.sequence


@pytest.mark.django_db
def test_event_has_the_attributes_of_cloudevents(group: SmallGroup, at: datetime) -> None:
    told = event(at, Audience.PUBLIC)
    (row,) = ApiClient.of(group.viewer, at).get("/events?after=999").body["results"]
    assert row["specversion"] == "1.0"
    assert row["subject"] == f"training_request/{told.resource_id}"
    assert row["time"] == row["at"]
    assert row["datacontenttype"] == "application/json"
    assert row["dataschema"].endswith("/api/v1/event-types/training_request.opened")
    assert row["source"].endswith("/api/v1/events")


@pytest.mark.django_db
def test_cursor_before_what_is_kept_is_refused_and_the_beginning_is_not(
    group: SmallGroup, at: datetime, settings: Any
) -> None:
    settings.EVENT_DAYS = 30
    now = datetime.now(at.tzinfo)
    for number, age in enumerate((60, 40, 20, 1), start=1):
        moment = now - timedelta(days=age)
        OutboxEventFactory.create(audience=Audience.PUBLIC, sequence=number, published_at=moment, at=moment)
    assert OutboxEvent.objects.filter(sequence__isnull=False).count() == 4
    api = ApiClient.of(group.viewer, at)
    body = check_problem(api.get("/events?after=1"), C.CURSOR_EXPIRED)
    assert "30" in body["detail"]
    assert [row["sequence"] for row in api.get("/events?after=2").body["results"]] == [3, 4]
    assert [row["sequence"] for row in api.get("/events?after=0").body["results"]] == [3, 4]
    settings.EVENT_DAYS = 0
    assert [row["sequence"] for row in api.get("/events?after=1").body["results"]] == [2, 3, 4]
