"""The promise of the feed, with real processes on both engines: nothing missed, repeated or out of order."""

from contextlib import ExitStack
from pathlib import Path

import pytest

from marketplace.events import queries
from marketplace.events.models import OutboxEvent
from tests.work import children

WRITER = "tests/events/writer.py"


@pytest.mark.django_db(transaction=True)
def test_readers_miss_nothing_while_writers_and_sequencers_run_side_by_side(tmp_path: Path, is_postgres: bool) -> None:
    writers, each = (8, 100) if is_postgres else (4, 40)  # SQLite has one writer at a time: more only wait longer
    stop = tmp_path / "stop"
    with ExitStack() as stack:
        readers = [stack.enter_context(children.running(WRITER, "read", str(writers * each))) for _ in range(2)]
        sequencers = stack.enter_context(children.several(2, WRITER, "sequence", str(stop)))
        names = [f"writer{n}" for n in range(writers)]
        children.finish([stack.enter_context(children.running(WRITER, "write", name, str(each))) for name in names])
        answers = [said.split() for said in children.finish(readers)]
        stop.touch()
        children.finish(sequencers)
    expected = {f"{name}:{n}" for name in names for n in range(each)}
    for seen in answers:
        assert len(seen) == len(expected), "missed or repeated"
        assert set(seen) == expected
        for name in names:  # the events of one resource in the order in which they happened
            own = [reference for reference in seen if reference.startswith(f"{name}:")]
            assert own == [f"{name}:{n}" for n in range(each)]
    assert answers[0] == answers[1]
    sequences = list(OutboxEvent.objects.order_by("sequence").values_list("sequence", flat=True))
    assert sequences == list(range(1, len(expected) + 1))
    assert queries.head() == len(expected)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_reader_by_id_would_miss_events() -> None:
    """Show that the test above can fail: in the same run, the ids do not come in the order of the commits."""
    with ExitStack() as stack:
        writers = [stack.enter_context(children.running(WRITER, "write", f"writer{n}", "60")) for n in range(6)]
        missed, highest, seen = 0, 0, set[int]()
        while any(writer.poll() is None for writer in writers):
            now = set(OutboxEvent.objects.values_list("id", flat=True)) - seen
            missed += sum(pk < highest for pk in now)
            seen |= now
            highest = max(seen, default=0)
    assert missed > 0
