"""The chain is one total order, whoever writes, whoever links, and whoever is killed meanwhile."""

from collections.abc import Callable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from structlog.testing import capture_logs

from marketplace.audit import chores, queries, sequencer
from marketplace.audit.models import AuditRecord, ChainHead, ChainLink, PendingRecord
from marketplace.work import loop
from tests.audit.trails import findings, guards_lifted, link_all, linked, written
from tests.work import children

CHAINER = "tests/audit/chainer.py"


def whole(count: int) -> None:
    assert findings() == []
    positions = list(ChainLink.objects.order_by("position").values_list("position", flat=True))
    assert positions == [*range(1, count + 1)]
    assert ChainHead.objects.get().position == count
    assert not PendingRecord.objects.exists()


@pytest.mark.django_db
def test_records_are_linked_in_batches_oldest_first(at: datetime) -> None:
    for number in range(5):
        written(at, action=f"step{number}")
    assert [sequencer.link_pending(at=at, limit=2) for _ in range(4)] == [2, 2, 1, 0]
    actions = ChainLink.objects.order_by("position").values_list("record__action", flat=True)
    assert list(actions) == [f"step{number}" for number in range(5)]
    whole(5)


@pytest.mark.django_db
def test_idle_look_is_one_read(at: datetime) -> None:
    linked(1, at)
    with CaptureQueriesContext(connection) as statements:
        assert sequencer.link_pending(at=at) == 0
    assert len(statements) == 1


@pytest.mark.django_db
def test_linking_more_takes_no_more_statements(at: datetime) -> None:
    counts = []
    linked(1, at)
    for number in (2, 60):
        for _ in range(number):
            written(at)
        with CaptureQueriesContext(connection) as statements:
            assert sequencer.link_pending(at=at) == number
        counts.append(len(statements))
    assert counts[0] == counts[1]


@pytest.mark.django_db
def test_writing_a_record_takes_two_statements(at: datetime) -> None:
    with transaction.atomic(), CaptureQueriesContext(connection) as statements:
        written(at, reason_text="why", changes={"a": [1, 2]})
    assert [query["sql"].split(" ", 1)[0] for query in statements] == ["INSERT", "INSERT"]


@pytest.mark.django_db
def test_missing_head_stops_the_sequencer_and_nothing_is_lost(at: datetime) -> None:
    linked(2, at)
    with guards_lifted():
        head = ChainHead.objects.get()
        ChainHead.objects.all().delete()
    written(at)
    with pytest.raises(sequencer.ChainBrokenError):
        sequencer.link_pending(at=at)
    assert queries.chain_status(timezone.now()).waiting == 1
    head.save(force_insert=True)  # as an operator puts it back from where it was kept
    assert link_all(at) == 1
    whole(3)


@pytest.mark.django_db
def test_house_is_kept_with_the_chain_in_it(at: datetime) -> None:
    written(at)
    loop.settle(clock=lambda: at)
    assert queries.chain_status(timezone.now()).waiting == 0
    whole(1)


@pytest.mark.django_db
def test_lag_is_measured_by_the_clock_of_the_database(at: datetime) -> None:
    written(at)  # the act itself may be dated back
    status = queries.chain_status(timezone.now())
    assert status.waiting == 1
    assert 0.0 <= status.waiting_seconds < 60


@pytest.mark.django_db
def test_head_is_told_in_the_log(at: datetime) -> None:
    linked(2, at)
    with capture_logs() as told:
        chores.tell_head(at=at)
    assert [(line["event"], line["position"], len(line["digest"])) for line in told] == [("audit.head", 2, 64)]


@pytest.mark.django_db(transaction=True)
def test_writers_and_sequencers_side_by_side_make_one_chain(tmp_path: Path, is_postgres: bool) -> None:
    writers, each = 4, 60 if is_postgres else 25
    stop = tmp_path / "stop"
    with ExitStack() as stack:
        linkers = stack.enter_context(children.several(2, CHAINER, "link", str(stop)))
        names = [f"writer{n}" for n in range(writers)]
        children.finish([stack.enter_context(children.running(CHAINER, "write", name, str(each))) for name in names])
        children.wait_until(lambda: not PendingRecord.objects.exists())
        stop.touch()
        children.finish(linkers)
    whole(writers * each)
    for name in names:  # one writer's records stand in the order in which they were committed
        own = AuditRecord.objects.filter(reference__startswith=f"{name}:").order_by("link__position")
        assert list(own.values_list("reference", flat=True)) == [f"{name}:{n}" for n in range(each)]


@pytest.mark.django_db(transaction=True)
def test_sequencer_killed_after_any_statement_leaves_a_whole_chain(at: datetime) -> None:
    linked(3, at)
    for _ in range(4):
        written(at)
    with children.running(CHAINER, "die-after-each") as child:
        killed, ended = children.finish([child])[0].split()
    assert int(killed) > 5
    assert ended == "0"
    whole(7)


def has_grown_since(count: int) -> Callable[[], bool]:
    return lambda: ChainLink.objects.count() > count


@pytest.mark.django_db(transaction=True)
def test_sequencer_killed_twice_while_records_are_written(tmp_path: Path) -> None:
    stop = tmp_path / "stop"
    with children.running(CHAINER, "write-until", str(stop), "writer") as writer:
        for _kill in range(2):
            with children.running(CHAINER, "link", str(stop)) as linker:
                children.wait_until(has_grown_since(ChainLink.objects.count()))
                linker.kill()
            assert findings() == []
        stop.touch()
        count = int(children.finish([writer])[0])
    link_all(timezone.now())
    whole(count)
