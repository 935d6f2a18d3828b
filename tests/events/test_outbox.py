"""Outbox, sequencer and feed in one process."""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection, connections, transaction
from django.db.models.functions import Now

from marketplace.accounts.models import Organization
from marketplace.events import operations, queries, sequencer
from marketplace.events.checks import check_handlers
from marketplace.events.models import EventAudience, OutboxEvent
from marketplace.events.patterns import Choice, matches
from marketplace.events.queries import Reach
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


@pytest.mark.django_db
def test_event_is_written_whole(at: datetime, rings: list[int]) -> None:
    iom, ilo = organization("IOM", at), organization("ILO", at)
    event = operations.emit(
        type="test_thing.opened",
        resource="test_thing",
        resource_id=THING,
        reference="T-1",
        version=7,
        audience="organizations",
        organization_ids=[ilo.pk, iom.pk, ilo.pk],
        organization_id=iom.pk,
        programme="P1",
        countries=["SEN", "MLI", "SEN"],
        data={"state": "open"},
        at=at,
        actor="x" * 201,
    )
    row = OutboxEvent.objects.get()
    assert (row.pk, row.type, row.resource, row.resource_id) == (event.pk, "test_thing.opened", "test_thing", THING)
    assert (row.resource_reference, row.version, row.audience) == ("T-1", 7, "organizations")
    assert (row.organization_id, row.data, row.at, row.actor) == (iom.pk, {"state": "open"}, at, "x" * 200)
    assert (row.request_id, row.sequence, row.published_at) == ("", None, None)
    assert (row.programme, row.countries) == ("P1", " MLI SEN ")
    addressed = EventAudience.objects.order_by("id").values_list("event_id", "organization_id")
    assert list(addressed) == [(event.pk, pk) for pk in sorted((iom.pk, ilo.pk))]
    assert rings == [1]


@pytest.mark.django_db
def test_event_that_says_little_is_taken_as_it_is(at: datetime, rings: list[int]) -> None:
    operations.emit(type="a.b", resource="a", resource_id=THING, version=1, audience="public", at=at)
    row = OutboxEvent.objects.get()
    assert (row.resource_reference, row.data, row.actor, row.organization_id) == ("", {}, "", None)
    assert (row.programme, row.countries) == (None, None)
    assert not EventAudience.objects.exists()
    assert rings == [1]


@pytest.mark.django_db
def test_several_events_are_written_each_to_its_own_audience(at: datetime, rings: list[int]) -> None:
    iom, ilo = organization("IOM", at), organization("ILO", at)
    terms: dict[str, Any] = {"type": "a.b", "resource": "a", "version": 1, "audience": "organizations", "at": at}
    operations.emit_many(
        [
            operations.News(resource_id=THING, organization_ids=frozenset({ilo.pk, iom.pk}), **terms),
            operations.News(
                resource_id=OTHER, organization_ids=frozenset({ilo.pk}), countries=frozenset({"MLI"}), **terms
            ),
        ]
    )
    first, second = OutboxEvent.objects.order_by("id")
    assert (first.resource_id, second.resource_id) == (THING, OTHER)
    assert (first.countries, second.countries) == (None, " MLI ")
    addressed = EventAudience.objects.order_by("id").values_list("event_id", "organization_id")
    assert list(addressed) == [(first.pk, iom.pk), (first.pk, ilo.pk), (second.pk, ilo.pk)]
    assert rings == [1]


@pytest.fixture
def rings(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One entry for each ring of the doorbell."""
    heard: list[int] = []
    monkeypatch.setattr("marketplace.work.doorbell.ring", lambda: heard.append(1))
    return heard


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
def test_event_that_does_not_concern_a_handler_makes_no_job(at: datetime) -> None:
    def is_of_a_thing(resource: str, data: Mapping[str, Any]) -> bool:
        return resource == "test_thing" and data["n"] == 1

    handles("test_thing.opened", kind="work.purge", when=is_of_a_thing)(object())
    try:
        for n in (0, 1):
            emitted(at, data={"n": n})
        assert publish_pending(at=at) == 2
    finally:
        forget_handler("test_thing.opened", "work.purge")
    assert [row.payload["data"] for row in Job.objects.all()] == [{"n": 1}]


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
            cursor.execute("SELECT pg_advisory_unlock(%s)", [SEQUENCER_LOCK])  # a closed connection may keep it a while
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

    def read(*reaches: Reach) -> list[str]:
        return [event.resource_reference for event in queries.feed(reaches=reaches)]

    assert read() == ["public"]
    assert read(Reach(frozenset({iom.pk}))) == ["iom", "public"]
    assert read(Reach(frozenset({ilo.pk}))) == ["group-and-ilo", "public"]
    both = ["iom", "group", "group-and-ilo", "public"]
    assert read(Reach(frozenset({iom.pk, ilo.pk}), in_group=True)) == both
    assert read(Reach(frozenset({iom.pk})), Reach(frozenset({ilo.pk}), in_group=True)) == both
    assert len(read(Reach(everything=True))) == 6


@pytest.mark.django_db
def test_feed_keeps_to_the_programmes_that_a_reach_is_limited_to(at: datetime) -> None:
    iom, ilo = organization("IOM", at), organization("ILO", at)
    for programme in (None, "", "P1", "P2"):
        emitted(at, f"iom {programme}", audience="organizations", organization_ids=[iom.pk], programme=programme)
        emitted(at, f"group {programme}", audience="group", programme=programme)
        emitted(at, f"public {programme}", audience="public", programme=programme)
    publish_pending(at=at)

    def read(*reaches: Reach) -> set[str]:
        return {event.resource_reference for event in queries.feed(reaches=reaches)}

    public = {f"public {programme}" for programme in (None, "", "P1", "P2")}
    first, second = (
        Reach(frozenset({iom.pk}), programmes=frozenset({"P1"})),
        Reach(in_group=True, programmes=frozenset({"P2"})),
    )
    assert read(first) == public | {"iom None", "iom P1"}
    assert read(first, second) == public | {"iom None", "iom P1", "group None", "group P2"}
    assert read(first, Reach(frozenset({ilo.pk}))) == public | {"iom None", "iom P1"}
    whole = Reach(frozenset({iom.pk}))
    assert read(first, whole) == read(whole) == public | {f"iom {programme}" for programme in (None, "", "P1", "P2")}


@pytest.mark.django_db
def test_feed_keeps_to_the_countries_that_a_reach_is_limited_to_in_what_is_its_own(at: datetime) -> None:
    iom, ilo = organization("IOM", at), organization("ILO", at)
    terms: dict[str, Any] = {"audience": "organizations", "organization_ids": [iom.pk, ilo.pk]}
    for words, countries in (("none", []), ("mali", ["MLI"]), ("mali and senegal", ["MLI", "SEN"])):
        emitted(at, f"iom {words}", organization_id=iom.pk, countries=countries, **terms)
        emitted(at, f"nobody {words}", countries=countries, **terms)
    emitted(at, "iom anywhere", organization_id=iom.pk, **terms)
    emitted(at, "iom public", audience="public", organization_id=iom.pk, countries=["MLI"])
    emitted(at, "iom group", audience="group", organization_id=iom.pk, countries=["SEN"])
    publish_pending(at=at)

    def read(*reaches: Reach) -> set[str]:
        return {event.resource_reference for event in queries.feed(reaches=reaches)}

    def limited(to: Organization, *countries: str, **more: Any) -> Reach:
        return Reach(frozenset({to.pk}), countries=frozenset(countries), **more)

    always = {"iom anywhere", "iom public"}
    both = {f"{whose} mali and senegal" for whose in ("iom", "nobody")}
    mali = {f"{whose} mali" for whose in ("iom", "nobody")} | both
    others = {"iom none", "iom mali", "iom mali and senegal"}
    assert read(limited(iom, "FJI")) == always
    assert read(limited(iom, "MLI")) == read(limited(iom, "FJI", "MLI")) == always | mali
    assert read(limited(iom, "SEN")) == always | both
    assert read(limited(iom, "SEN", in_group=True)) == always | both | {"iom group"}
    assert read(limited(iom, "FJI", in_group=True)) == always
    assert read(limited(ilo, "FJI")) == always | others  # what others asked for and it delivers
    assert read(limited(iom, "FJI"), limited(ilo, "FJI")) == always | others  # by each membership what it shows
    assert read(limited(iom, "FJI"), limited(iom, "SEN")) == always | both
    assert read(limited(iom, "MLI", programmes=frozenset({"P1"}))) == always | mali  # no programme decides of these
    assert read(limited(iom, "FJI"), Reach(frozenset({iom.pk}))) == read(Reach(frozenset({iom.pk})))


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
        assert len(queries.feed(reaches=[Reach(frozenset({iom.pk}))])) == 30


# --- at the edges: what mutation testing asked for -----------------------------------------------------------------
@pytest.mark.django_db
def test_publish_says_when_and_makes_jobs_that_are_due_then(at: datetime, seen: list[Payload]) -> None:
    emitted(at)
    later = at + timedelta(seconds=3)
    publish_pending(at=later)
    assert OutboxEvent.objects.get().published_at == later
    row = Job.objects.get()
    assert (row.created_at, row.due_at) == (later, later)


@pytest.mark.django_db
def test_publish_takes_five_hundred_at_a_time_in_few_statements(
    at: datetime, django_assert_max_num_queries: Any
) -> None:
    OutboxEvent.objects.bulk_create(
        OutboxEvent(type="a.b", resource="a", resource_id=THING, version=1, audience="public", at=at)
        for _ in range(501)
    )
    with django_assert_max_num_queries(12):
        assert publish_pending(at=at) == 500
    assert (publish_pending(at=at), queries.head()) == (1, 501)
    assert OutboxEvent.objects.order_by("id").last() == OutboxEvent.objects.get(sequence=501)


@pytest.mark.django_db
def test_publish_without_anything_to_do_opens_no_transaction(at: datetime, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(1):
        assert publish_pending(at=at) == 0


@pytest.mark.django_db
def test_feed_hides_what_is_private_and_what_is_unpublished_from_everybody(at: datetime) -> None:
    iom = organization("IOM", at)
    emitted(at, "private", audience="private", organization_ids=[iom.pk])
    emitted(at, "public")
    publish_pending(at=at)
    emitted(at, "unpublished")
    for secretariat in (True, False):
        reaches = [Reach(frozenset({iom.pk}), in_group=True, everything=secretariat)]
        assert [event.resource_reference for event in queries.visible_events(reaches)] == ["public"]
        assert [event.resource_reference for event in queries.feed(reaches=reaches)] == ["public"]


@pytest.mark.django_db
def test_feed_goes_by_the_number_and_gives_no_more_than_is_allowed(
    at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, text in ((3, "third"), (1, "first"), (2, "second")):
        event = emitted(at, text)
        OutboxEvent.objects.filter(pk=event.pk).update(sequence=number, published_at=at)
    assert [e.resource_reference for e in queries.feed()] == ["first", "second", "third"]
    assert [e.sequence for e in queries.published_between(1, 3)] == [2, 3]
    assert [e.sequence for e in queries.published_between(0, 2)] == [1, 2]
    monkeypatch.setattr(queries, "MOST", 2)
    assert [len(queries.feed(limit=limit)) for limit in (1, 2, 3)] == [1, 2, 2]


@pytest.mark.django_db
def test_feed_gives_two_hundred_unless_asked(at: datetime) -> None:
    OutboxEvent.objects.bulk_create(
        OutboxEvent(
            type="a.b",
            resource="a",
            resource_id=THING,
            version=1,
            audience="public",
            at=at,
            sequence=number,
            published_at=at,
        )
        for number in range(1, 202)
    )
    assert (len(queries.feed()), len(queries.feed(limit=201))) == (200, 201)


@pytest.mark.django_db
@pytest.mark.parametrize("length", [0, 1, 2, 3, 7])
def test_beginning_and_loss_agree_wherever_the_feed_is_cut(at: datetime, length: int) -> None:
    for number in range(length):
        emitted(at)
        publish_pending(at=at + timedelta(days=number))
    for gone in range(length + 1):
        kept_since = at + timedelta(days=gone) if gone else at - timedelta(days=1)
        assert queries.beginning(kept_since=kept_since) == gone
        for after in range(1, length + 1):
            assert queries.has_lost(after, kept_since=kept_since) is (after < gone)
    assert not queries.has_lost(0, kept_since=at + timedelta(days=length))


@pytest.mark.django_db
def test_outbox_age_counts_the_first_second_and_is_never_negative(at: datetime) -> None:
    emitted(at)
    assert queries.outbox_age_seconds(at + timedelta(seconds=0.25)) == 0.25
    assert queries.outbox_age_seconds(at - timedelta(seconds=5)) == 0.0


@pytest.mark.django_db
def test_events_are_counted_by_thing_in_the_order_of_things(at: datetime) -> None:
    for resource, thing in (("b", THING), ("a", OTHER), ("a", THING), ("a", OTHER)):
        emitted(at, resource=resource, resource_id=thing)
    assert list(queries.told_by_thing()) == [("a", THING, 1), ("a", OTHER, 2), ("b", THING, 1)]


@pytest.mark.parametrize(
    ("pattern", "event_type", "expected"),
    [
        ("a.opened", "a.opened", True),
        ("a.opened", "a.opene", False),
        ("a.opene", "a.opened", False),
        ("a.opened", "a.opener", False),
        ("a.*", "a.opened", True),
        ("a.*", "b.opened", False),
        ("*", "anything", True),
    ],
)
def test_pattern_matches_the_very_type_or_its_beginning(pattern: str, event_type: str, expected: bool) -> None:
    assert matches(pattern, event_type) is expected
    assert Choice(types=[pattern]).wants(OutboxEvent(type=event_type)) is expected


def test_choice_wants_what_meets_each_of_its_parts() -> None:
    event = OutboxEvent(type="a.opened", resource="a", resource_id=THING)
    parts: list[tuple[dict[str, Any], bool]] = [
        ({}, True),
        ({"types": ["b.*", "a.opened"]}, True),
        ({"types": ["a.*"], "resources": ["b"]}, False),
        ({"types": ["a.*"], "resources": ["b", "a"], "resource_ids": [OTHER]}, False),
        ({"types": ["b.*"], "resources": ["a"], "resource_ids": [THING]}, False),
        ({"types": ["a.*"], "resources": ["a"], "resource_ids": [OTHER, THING]}, True),
        ({"resource_ids": [OTHER]}, False),
    ]
    for part, wanted in parts:
        assert Choice(**part).wants(event) is wanted, part


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("choice", "told"),
    [
        (Choice(types=["test_thing.opened", "other.*", "none.*"]), ["a", "c", "d"]),
        (Choice(types=["other.*", "test_thing.*"], resources=["other_thing"]), ["d"]),
        (Choice(types=["other.*"], resource_ids=[OTHER]), ["d"]),
        (Choice(resources=["test_thing"], resource_ids=[OTHER]), ["c"]),
        (Choice(types=["test_thing.closed"], resources=["test_thing"], resource_ids=[OTHER]), []),
    ],
    ids=str,
)
def test_choice_takes_from_the_database_what_meets_each_of_its_parts(
    at: datetime, choice: Choice, told: list[str]
) -> None:
    emitted(at, "a")
    emitted(at, "b", type="test_thing.closed")
    emitted(at, "c", resource_id=OTHER)
    emitted(at, "d", type="other.opened", resource="other_thing", resource_id=OTHER)
    publish_pending(at=at)
    assert [event.resource_reference for event in queries.feed(choice=choice)] == told


@pytest.mark.django_db
def test_publish_steps_back_where_the_lock_is_held(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    emitted(at)
    asked: list[int] = []
    monkeypatch.setattr(sequencer, "is_only_writer", asked.append)
    assert (publish_pending(at=at), queries.head(), asked) == (0, 0, [SEQUENCER_LOCK])


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
