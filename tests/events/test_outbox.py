"""Outbox, sequencer and feed in one process."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.db.models.functions import Now

from marketplace.accounts.models import Organization
from marketplace.events import operations, queries
from marketplace.events.checks import check_handlers
from marketplace.events.models import OutboxEvent
from marketplace.events.patterns import Choice
from marketplace.events.registry import forget as forget_handler
from marketplace.events.registry import handlers_of, handles
from marketplace.events.sequencer import SEQUENCER_LOCK, publish_pending
from marketplace.work import loop
from marketplace.work.context import Origin, originating
from marketplace.work.models import Job
from marketplace.work.registry import Claim, Payload, forget, job

THING = UUID("00000000-0000-7000-8000-000000000001")
OTHER = UUID("00000000-0000-7000-8000-000000000002")


def emitted(at: datetime, reference: str = "", **more: Any) -> OutboxEvent:
    facts: dict[str, Any] = {
        "type": "test_thing.opened",
        "resource": "test_thing",
        "resource_id": THING,
        "version": 1,
        "audience": "public",
        **more,
    }
    return operations.emit(reference=reference, at=at, **facts)


def organization(code: str, at: datetime) -> Organization:
    return Organization.objects.create(code=code, names={"en": code}, kind="agency", created_at=at, updated_at=at)


@pytest.fixture
def seen() -> Iterator[list[Payload]]:
    """A listed handler of `test_thing.opened`; what its effect was given."""
    given: list[Payload] = []

    @handles("test_thing.opened", kind="test.follow")
    @job("test.follow")
    def follow(payload: Payload, *, at: datetime, prepared: Any, claim: Claim) -> None:
        given.append(payload)

    yield given
    forget("test.follow")
    forget_handler("test_thing.opened", "test.follow")


# --- outbox ---------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_event_of_a_transaction_that_fails_is_never_published(at: datetime) -> None:
    with transaction.atomic():
        emitted(at)
        transaction.set_rollback(True)
    assert publish_pending(at=at) == 0


@pytest.mark.django_db
def test_event_carries_the_request_that_caused_it(at: datetime) -> None:
    with originating(Origin(request_id="r-1")):
        event = emitted(at)
    assert event.request_id == "r-1"


@pytest.mark.django_db
def test_audience_of_another_word_is_refused(at: datetime) -> None:
    with pytest.raises(ValueError, match="everybody"):
        emitted(at, audience="everybody")


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", [{"sequence": 0}, {"sequence": 5}, {"published_at": Now()}], ids=str)
def test_database_refuses_half_a_publication(at: datetime, wrong: dict[str, Any]) -> None:
    event = emitted(at)
    with pytest.raises(IntegrityError), transaction.atomic():
        OutboxEvent.objects.filter(pk=event.pk).update(**wrong)


# --- sequencer ------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_publish_numbers_without_gaps_in_the_order_of_writing(at: datetime) -> None:
    for n in range(5):
        emitted(at, str(n))
    assert [publish_pending(at=at, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    assert [(e.sequence, e.resource_reference) for e in queries.feed()] == [(n + 1, str(n)) for n in range(5)]
    emitted(at, "5")
    publish_pending(at=at)
    assert queries.head() == 6


@pytest.mark.django_db
def test_publish_enqueues_one_job_for_each_handler(at: datetime, seen: list[Payload]) -> None:
    with originating(Origin(request_id="r-9")):
        event = emitted(at, "GMG-MLI-2026-0007", data={"state": "open"}, version=3)
    emitted(at, type="test_thing.closed")
    publish_pending(at=at)
    publish_pending(at=at)
    job_row = Job.objects.get()
    assert (job_row.key, job_row.request_id) == (f"event:{event.public_id}:test.follow", "r-9")
    loop.run_until_idle(worker="w1", clock=lambda: at)
    assert seen == [
        {
            "event": str(event.public_id),
            "type": "test_thing.opened",
            "resource": "test_thing",
            "resource_id": str(THING),
            "reference": "GMG-MLI-2026-0007",
            "version": 3,
            "at": at.isoformat(),
            "data": {"state": "open"},
        }
    ]


@pytest.mark.django_db
def test_publish_that_fails_leaves_everything_for_the_next(
    at: datetime, seen: list[Payload], monkeypatch: pytest.MonkeyPatch
) -> None:
    emitted(at)
    with monkeypatch.context() as patch:
        patch.setattr("marketplace.work.operations.enqueue_many", lambda news, at: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            publish_pending(at=at)
    assert queries.head() == 0
    assert publish_pending(at=at) == 1
    assert Job.objects.count() == 1


@pytest.mark.django_db
def test_settle_carries_an_event_to_its_effect(at: datetime, seen: list[Payload]) -> None:
    emitted(at)
    loop.settle(clock=lambda: at)
    assert len(seen) == 1


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_publish_steps_back_while_another_sequencer_is_at_it(at: datetime) -> None:
    emitted(at)
    other = connections["default"].copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [SEQUENCER_LOCK])
            assert publish_pending(at=at) == 0
    finally:
        other.close()
    assert publish_pending(at=at) == 1


@pytest.mark.django_db
def test_outbox_age_is_that_of_the_oldest_unpublished(at: datetime) -> None:
    assert queries.outbox_age_seconds(at) == 0.0
    emitted(at)
    emitted(at + timedelta(seconds=20))
    assert queries.outbox_age_seconds(at + timedelta(seconds=30)) == 30.0
    publish_pending(at=at)
    assert queries.outbox_age_seconds(at + timedelta(seconds=30)) == 0.0


# --- feed -----------------------------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_feed_gives_nobody_what_is_not_for_them(at: datetime) -> None:
    iom, ilo = organization("IOM", at), organization("ILO", at)
    emitted(at, "secret", audience="secretariat")
    emitted(at, "iom", audience="organizations", organization_ids=[iom.pk], organization_id=iom.pk)
    emitted(at, "owned-by-iom", audience="secretariat", organization_id=iom.pk)
    emitted(at, "group", audience="group")
    emitted(at, "group-and-ilo", audience="group", organization_ids=[ilo.pk])
    emitted(at, "public", audience="public", organization_ids=[iom.pk, ilo.pk])
    publish_pending(at=at)

    def read(**rights: Any) -> list[str]:
        return [event.resource_reference for event in queries.feed(**rights)]

    assert read() == ["public"]
    assert read(organization_ids={iom.pk}) == ["iom", "public"]
    assert read(organization_ids={ilo.pk}) == ["group-and-ilo", "public"]
    assert read(organization_ids={iom.pk, ilo.pk}, is_group_member=True) == [
        "iom",
        "group",
        "group-and-ilo",
        "public",
    ]
    assert len(read(is_secretariat=True)) == 6


@pytest.mark.django_db
def test_feed_goes_on_after_the_cursor_and_keeps_to_the_filters(at: datetime) -> None:
    emitted(at, "a")
    emitted(at, "b", type="test_thing.closed")
    emitted(at, "c", resource="other_thing", resource_id=OTHER)
    emitted(at, "unpublished-later")
    publish_pending(at=at, limit=3)
    assert [e.resource_reference for e in queries.feed(after=1)] == ["b", "c"]
    assert [e.resource_reference for e in queries.feed(limit=1)] == ["a"]
    assert [e.resource_reference for e in queries.feed(choice=Choice(types=["test_thing.closed"]))] == ["b"]
    assert [e.resource_reference for e in queries.feed(choice=Choice(resources=["other_thing"]))] == ["c"]
    assert [e.resource_reference for e in queries.feed(choice=Choice(resource_ids=[OTHER]))] == ["c"]
    assert [e.resource_reference for e in queries.feed(choice=Choice(types=["test_thing.c*"]))] == ["b"]
    assert queries.feed(choice=Choice(types=["test_thing.closed"], resources=["other_thing"])) == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    "choice",
    [
        Choice(),
        Choice(types=["test_thing.closed"]),
        Choice(types=["test_thing.*", "nothing"]),
        Choice(types=["*"]),
        Choice(resources=["other_thing"]),
        Choice(resource_ids=[OTHER]),
        Choice(types=["test_thing.*"], resources=["other_thing"], resource_ids=[OTHER]),
        Choice(types=["test\\_thing.*", "test%*"]),
    ],
)
def test_choice_means_the_same_in_the_database_and_in_memory(at: datetime, choice: Choice) -> None:
    """The feed chooses in the database, webhooks choose in memory: both must choose the same."""
    emitted(at, "a")
    emitted(at, "b", type="test_thing.closed")
    emitted(at, "c", resource="other_thing", resource_id=OTHER)
    publish_pending(at=at)
    everything = queries.feed()
    assert [e.pk for e in queries.feed(choice=choice)] == [e.pk for e in everything if choice.wants(e)]


@pytest.mark.django_db
def test_beginning_of_what_is_kept_is_found_by_halving(at: datetime, django_assert_max_num_queries: Any) -> None:
    for number in range(40):
        emitted(at, str(number))
        publish_pending(at=at + timedelta(days=number))
    with django_assert_max_num_queries(9):
        assert queries.beginning(kept_since=at + timedelta(days=17)) == 17
    assert queries.beginning(kept_since=at) == 0
    assert queries.beginning(kept_since=at + timedelta(days=99)) == 40
    assert queries.has_lost(16, kept_since=at + timedelta(days=17))
    assert not queries.has_lost(17, kept_since=at + timedelta(days=17))
    assert not queries.has_lost(40, kept_since=at + timedelta(days=99))
    assert not queries.has_lost(0, kept_since=at + timedelta(days=17))


@pytest.mark.django_db
def test_feed_takes_one_query_however_many_events(at: datetime, django_assert_num_queries: Any) -> None:
    iom = organization("IOM", at)
    for n in range(30):
        emitted(at, str(n), audience="organizations", organization_ids=[iom.pk])
    publish_pending(at=at)
    with django_assert_num_queries(1, connection=connection):
        assert len(queries.feed(organization_ids={iom.pk})) == 30


# --- handlers -------------------------------------------------------------------------------------------------------
def test_check_finds_a_handler_without_a_job() -> None:
    assert check_handlers(None) == []
    handles("test_thing.opened", kind="test.lonely")(object())
    try:
        assert [error.id for error in check_handlers(None)] == ["events.E001"]
    finally:
        forget_handler("test_thing.opened", "test.lonely")


def test_handler_listed_twice_is_refused() -> None:
    handles("test_thing.opened", "test_thing.closed", kind="test.twice")(object())
    try:
        with pytest.raises(ValueError, match="already"):
            handles("test_thing.closed", kind="test.twice")(object())
        assert [h.kind for h in handlers_of("test_thing.closed")] == ["test.twice"]
    finally:
        for event_type in ("test_thing.opened", "test_thing.closed"):
            forget_handler(event_type, "test.twice")
