"""The promise of the feed, with real processes on both engines: nothing missed, repeated or out of order, whoever is killed."""

from collections import Counter
from pathlib import Path

import pytest

from marketplace.events import queries
from marketplace.events.models import OutboxEvent
from tests.events.feed_run import Outcome, Profile, run_feed, violations

_NONE: Counter[str] = Counter()
pytestmark = pytest.mark.django_db(transaction=True)


def test_readers_miss_nothing_while_writers_and_sequencers_are_killed(tmp_path: Path, is_postgres: bool) -> None:
    writers, each = (8, 80) if is_postgres else (4, 40)  # SQLite has one writer at a time: more only wait longer
    outcome = run_feed(Profile(writers, each, readers=3, sequencers=2, kills=6, limit=7), tmp_path)
    assert list(violations(outcome)) == []
    assert outcome.killed == {"writer": 3, "sequencer": 3}
    assert len(outcome.stored) == writers * each
    assert outcome.read[0] == outcome.read[1] == outcome.read[2]
    sequences = list(OutboxEvent.objects.order_by("sequence").values_list("sequence", flat=True))
    assert sequences == list(range(1, writers * each + 1))
    assert queries.head() == writers * each


@pytest.mark.postgres
def test_feed_in_the_order_of_ids_is_found_out(tmp_path: Path) -> None:
    """With the design that everybody thinks of first, the check above fails: commits come in another order than ids."""
    outcome = run_feed(Profile(8, 60, readers=2, sequencers=1, kills=0, stamps_itself=True), tmp_path)
    assert any("missed" in violation for violation in violations(outcome))


def test_checker_names_what_is_missed_repeated_reordered_and_lost() -> None:
    seen = [(1, "a:0"), (2, "a:1"), (3, "b:0")]
    stored = {name for _, name in seen}

    def found(*read: tuple[int, str], acknowledged: set[str] = stored) -> list[str]:
        return list(violations(Outcome(acknowledged, stored, [list(read)], killed=_NONE, seconds=0.0)))

    assert found(*seen) == []
    assert found(*seen[:2]) == ["reader 0 missed 1"]
    assert found(*seen, (4, "b:0")) == ["reader 0 was given 1 again"]
    assert found((1, "a:1"), (2, "a:0"), (3, "b:0")) == ["reader 0 was given 1 out of order"]
    assert found(seen[1], seen[0], seen[2]) == ["reader 0 was given 1 out of order"]
    assert found(*seen, acknowledged={*stored, "c:0"}) == ["1 committed events are gone"]
