"""The moments that imported rows bear: who asks by `updated_since` while an import runs gets what it writes later."""

from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import chain, repeat
from typing import Any

import pytest
from django.utils import timezone

from marketplace.accounts.models import Membership
from marketplace.bulk import carrying
from marketplace.bulk.models import Import
from marketplace.bulk.stamping import FRESH, Clock
from marketplace.bulk.tasks import carry_out, prepare_import
from marketplace.work.registry import ShuttingDown
from providers.models import Offering
from requests_app.models import TrainingRequest
from tests.bulk.files import as_csv, as_jsonl, begin, counts, imported, rows, told
from tests.kit.api import ApiClient
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
OVERLAP = timedelta(seconds=60)  # with which docs/reading.md tells clients to ask


class Ticking:
    """A clock that goes on by as much each time that somebody looks at it."""

    def __init__(self, at: datetime, step: timedelta) -> None:
        self.now, self.step = at, step

    def __call__(self) -> datetime:
        self.now += self.step
        return self.now


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(carrying, "BATCH", 2)


def nothing(done: int, total: int, note: str = "") -> None:
    pass


def attempt(clock: Clock, *, at: datetime, progress: Callable[..., None] = nothing) -> Import:
    """Do the job of the one import by this clock; ``at`` is when the attempt began."""
    payload = {"import": str(Import.objects.get().public_id)}
    prepare_import(payload, at=at, progress=progress, clock=clock)
    carry_out(payload, at=at, clock=clock)
    return Import.objects.get()


def moments() -> list[datetime]:
    return list(Offering.objects.order_by("pk").values_list("updated_at", flat=True))


def test_client_that_asks_between_two_batches_gets_the_later_ones(staff: ApiClient) -> None:
    begin(staff, as_csv(rows(6)), mode="partial")
    start = timezone.now()
    clock, seen = Ticking(start, HOUR), set[str]()
    asked: list[datetime] = []

    def ask(done: int, total: int, note: str = "") -> None:
        since = (asked[-1] - OVERLAP).isoformat().replace("+00:00", "Z") if asked else "2020-01-01T00:00:00Z"
        seen.update(one["external_id"] for one in staff.get(f"/offerings?updated_since={since}").body["results"])
        asked.append(clock())

    one = attempt(clock, at=start, progress=ask)
    assert (one.status, one.created, len(asked)) == ("done", 6, 3)
    assert seen == {f"course-{number}" for number in range(6)}


def test_batches_bear_moments_of_their_own_and_a_resumed_import_those_of_its_time(staff: ApiClient) -> None:
    begin(staff, as_csv(rows(6)), mode="partial")
    start = timezone.now()

    def stop(done: int, total: int, note: str = "") -> None:
        raise ShuttingDown

    with pytest.raises(ShuttingDown):
        attempt(Ticking(start, SECOND), at=start, progress=stop)
    assert moments() == [start + SECOND] * 2
    later = start + HOUR
    one = attempt(Ticking(later, SECOND), at=later)
    assert (one.status, one.rows_done, one.created) == ("done", 6, 6)
    assert moments() == [start + SECOND] * 2 + [later + SECOND] * 2 + [later + 3 * SECOND] * 2
    assert {offering.version for offering in Offering.objects.all()} == {1}


@pytest.mark.parametrize(("lasts", "is_old"), [(FRESH, False), (FRESH + SECOND, True)])
def test_batch_that_took_long_bears_the_moment_of_its_end(staff: ApiClient, lasts: timedelta, is_old: bool) -> None:
    begin(staff, as_csv(rows(2)), mode="partial")
    start = timezone.now()
    attempt(Ticking(start, lasts), at=start)
    assert moments() == [start + lasts * (2 if is_old else 1)] * 2


def test_whole_import_bears_the_moment_of_its_end(group: SmallGroup, staff: ApiClient) -> None:
    imported(staff, as_csv(rows(2)))
    before = moments()
    Import.objects.all().delete()
    begin(staff, as_csv(rows(1) + rows(4, first=1, duration_hours="21")), mode="atomic")
    start = timezone.now()
    one = attempt(Ticking(start, HOUR), at=start)
    assert (one.status, one.created, one.changed, one.unchanged) == ("done", 3, 1, 1)
    unchanged, *written = moments()
    assert unchanged == before[0]
    assert written == [start + 4 * HOUR] * 4  # three batches, and then the end
    assert one.finished_at == start + 5 * HOUR
    focal = ApiClient.of(group.focal_point, timezone.now())
    need = {"title": {"en": "Need"}, "language": "en", "lines": [{"theme": "mainstreaming"}]}
    Import.objects.all().delete()
    begin(focal, as_jsonl([{**need, "external_id": f"n{n}"} for n in range(4)]), format="jsonl", resource="requests")
    assert attempt(Ticking(start, HOUR), at=start).created == 4
    assert set(TrainingRequest.objects.values_list("updated_at", flat=True)) == {start + 3 * HOUR}


@pytest.mark.parametrize("mode", ["partial", "atomic"])
def test_rights_that_end_while_an_import_runs_are_missed_from_then_on(
    group: SmallGroup, staff: ApiClient, mode: str
) -> None:
    start = timezone.now()
    Membership.objects.filter(user=group.provider_staff).update(valid_to=start.date())
    answer = begin(staff, as_csv(rows(4)), mode=mode)
    fresh = 2 if mode == "partial" else 1  # looks at the clock for a batch
    clock = chain(repeat(start, fresh), repeat(start + timedelta(days=2))).__next__
    one: Any = attempt(clock, at=start)
    assert (one.created, one.refused) == (2, 2)
    assert one.status == ("done" if mode == "partial" else "refused")
    assert Offering.objects.count() == (2 if mode == "partial" else 0)
    Membership.objects.filter(user=group.provider_staff).update(valid_to=None)
    found = told(staff, answer.body)
    assert [(row["line"], row["errors"][0]["code"]) for row in found] == [
        (4, "permission_denied"),
        (5, "permission_denied"),
    ]
    assert counts(staff.get(f"/imports/{answer.body['id']}").body) == (2, 0, 0, 2)
