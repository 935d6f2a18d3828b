"""What a process has read of the catalogue: only the blocks of keys that moved are looked at again."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.actors import Actor
from providers import operations, queries
from providers.models import Offering, Session
from providers.queries import keeping
from tests.factories.providers import CapacityWindowFactory, OfferingFactory, OfferingPartnerFactory, SessionFactory

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "BLOCK", 2)


@pytest.fixture
def kept(at: datetime) -> queries.KeptCatalogue:
    for _ in range(8):
        session = SessionFactory.create()
        CapacityWindowFactory.create(provider=session.offering.provider)
    kept = queries.KeptCatalogue()
    queries.catalogue_for_matching(at=at, kept=kept)
    return kept


def anew(at: datetime) -> list[queries.CatalogueOffer]:
    return queries.catalogue_for_matching(at=at)


def test_nothing_is_read_row_by_row_where_nothing_changed(kept: queries.KeptCatalogue, at: datetime) -> None:
    with CaptureQueriesContext(connection) as taken:
        found = queries.catalogue_for_matching(at=at, kept=kept)
    assert ["SUM(" in query["sql"] for query in taken.captured_queries] == [True] * 4
    assert found == anew(at)


def test_only_the_block_of_a_change_is_looked_at(kept: queries.KeptCatalogue, at: datetime) -> None:
    first, *_, last = Offering.objects.filter(state="published").order_by("pk")
    operations.change_offering(actor=SYSTEM, at=at, offering_id=last.pk, facts={"duration_hours": 31})
    with CaptureQueriesContext(connection) as taken:
        found = queries.catalogue_for_matching(at=at, kept=kept)
    rows = [query["sql"] for query in taken.captured_queries if "SUM(" not in query["sql"]]
    blocks = {key // 2 * 2 for key in (last.pk, Session.objects.get(offering=last).pk)}
    assert rows
    assert all(any(f">= {block} " in sql for block in blocks) for sql in rows), rows
    assert (found[-1].duration_hours, found[0].offering_id) == (31, first.pk)
    assert found == anew(at)


def swap(at: datetime) -> None:
    """One is withdrawn, another published: among the published, number and sum of versions may be what they were."""
    published = Offering.objects.filter(state="published").order_by("pk")[0]
    draft = OfferingFactory.create(provider=published.provider, published=True)
    operations.suspend_offering(actor=SYSTEM, at=at, offering_id=published.pk, reason_code="other")
    assert draft.state == "published"


CHANGES: dict[str, Callable[[datetime], object]] = {
    "one comes, one goes": swap,
    "a session goes": lambda at: Offering.objects.order_by("pk")[0].sessions.get().delete(),
    "a session comes": lambda at: SessionFactory.create(offering=Offering.objects.order_by("-pk")[0]),
    "a partner": lambda at: OfferingPartnerFactory.create(offering=Offering.objects.order_by("pk")[3]),
    "a window": lambda at: CapacityWindowFactory.create(provider=Offering.objects.order_by("pk")[3].provider),
    "a provider suspended": lambda at: operations.suspend_provider(
        actor=SYSTEM, at=at, provider_id=Offering.objects.order_by("pk")[2].provider_id, reason_code="other"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("few", [1, 20])
def test_what_is_kept_is_what_is_read_anew(
    kept: queries.KeptCatalogue, at: datetime, change: str, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "FEW_BLOCKS", few)
    CHANGES[change](at)
    assert queries.catalogue_for_matching(at=at, kept=kept) == anew(at)
    assert queries.catalogue_for_matching(at=at, kept=kept) == anew(at)


def test_next_day_leaves_out_what_is_over(kept: queries.KeptCatalogue, at: datetime) -> None:
    [offering, *_] = Offering.objects.filter(state="published").order_by("pk")
    SessionFactory.create(offering=offering, start_on=at.date(), end_on=at.date())
    today = queries.catalogue_for_matching(at=at, kept=kept)
    tomorrow = queries.catalogue_for_matching(at=at + timedelta(days=1), kept=kept)
    assert len(today[0].sessions) == len(tomorrow[0].sessions) + 1
    assert tomorrow == anew(at + timedelta(days=1))


def test_reading_that_failed_in_the_middle_leaves_nothing_half_known(
    kept: queries.KeptCatalogue, at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    offering = Offering.objects.order_by("pk")[0]
    operations.change_offering(actor=SYSTEM, at=at, offering_id=offering.pk, facts={"duration_hours": 31})
    with monkeypatch.context() as broken:
        broken.setattr("providers.queries.catalogue._sessions_of", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            queries.catalogue_for_matching(at=at, kept=kept)
    found = queries.catalogue_for_matching(at=at, kept=kept)
    assert found == anew(at)
    assert found[0].duration_hours == 31
