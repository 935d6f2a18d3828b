"""The market of a process: after a change only what changed is read and made again, and the result is the same."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.actors import Actor
from matching.engine import DEFAULT_POLICY, canonical, rank, ranking_bytes
from matching.queries import inputs, market
from providers import operations as providers
from providers.models import CapacityWindow, Offering, Session
from providers.operations import Want
from tests.factories.accounts import AT
from tests.factories.matching import MarketScene
from tests.factories.matching import market as scene_of
from tests.factories.providers import CapacityWindowFactory, OfferingPartnerFactory, SessionFactory

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")


def seen(at: datetime = AT) -> inputs.Market:
    return inputs.market(at=at)


def anew(at: datetime = AT) -> inputs.Market:
    """The market as a process gives it that has just begun."""
    market._workshop.cache_clear()
    market._catalogue.cache_clear()
    return inputs.market(at=at)


def answer(scene: MarketScene, found: inputs.Market) -> bytes:
    need = inputs.need(scene.request.pk, at=AT)
    return ranking_bytes(rank(need, found.catalogue, DEFAULT_POLICY, as_of=AT.date(), rates=found.rates))


@pytest.fixture
def scene() -> MarketScene:
    scene = scene_of()
    for offering in Offering.objects.filter(state="published"):
        SessionFactory.create(offering=offering, start_on=date(2027, 5, 3), end_on=date(2027, 5, 7))
        CapacityWindowFactory.create(provider=offering.provider)
    return scene


def book(session: Session) -> None:
    ends = AT + timedelta(days=5)
    want = Want(2, session_id=session.pk)
    providers.place_holds(actor=SYSTEM, at=AT, holder=session.public_id, wants=[want], expires_at=ends)


def reword(offering: Offering) -> None:
    facts: dict[str, Any] = {"titles": {"en": "Consular protection"}, "duration_hours": 30}
    providers.change_offering(actor=SYSTEM, at=AT, offering_id=offering.pk, facts=facts)


CHANGES: dict[str, Callable[[Offering, Session], object]] = {
    "a booking": lambda _, session: book(session),
    "an edited offering": lambda offering, _: reword(offering),
    "another session": lambda offering, _: SessionFactory.create(offering=offering),
    "a session less": lambda _, session: session.delete(),
    "another window": lambda offering, _: CapacityWindowFactory.create(provider=offering.provider),
    "a partner": lambda offering, _: OfferingPartnerFactory.create(offering=offering),
    "a provider suspended": lambda offering, _: providers.suspend_provider(
        actor=SYSTEM, at=AT, provider_id=offering.provider_id, reason_code="other"
    ),
    "an offering withdrawn": lambda offering, _: providers.suspend_offering(
        actor=SYSTEM, at=AT, offering_id=offering.pk, reason_code="other"
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_market_after_a_change_is_the_one_that_is_made_anew(scene: MarketScene, change: str) -> None:
    before = seen()
    session = Session.objects.order_by("pk")[0]
    CHANGES[change](session.offering, session)
    market._catalogue.cache_clear()  # a partner alone moves no version
    after, fresh = seen(), anew()
    assert after.supply == fresh.supply != before.supply
    assert after.rows == fresh.rows
    assert answer(scene, after) == answer(scene, fresh)


def test_booking_changes_what_is_free_and_nothing_else(scene: MarketScene) -> None:
    before = seen()
    session = Session.objects.order_by("pk")[0]
    book(session)
    after = seen()
    assert after.catalogue.texts is before.catalogue.texts
    assert after.catalogue.columns is before.catalogue.columns
    assert after.catalogue.memo is before.catalogue.memo
    [changed] = np.flatnonzero(before.catalogue.slots.free != after.catalogue.slots.free)
    assert after.catalogue.slots.slots[changed].code == str(session.public_id)
    assert before.catalogue.slots.free[changed] - after.catalogue.slots.free[changed] == 2


def test_only_the_edited_offering_is_read_and_made_anew(scene: MarketScene) -> None:
    before = seen()
    offering = Offering.objects.filter(state="published").order_by("pk")[0]
    reword(offering)
    after = seen()
    name = str(offering.public_id)
    others = [key for key in after.rows if key != name]
    assert others
    assert all(after.rows[key] is before.rows[key] for key in others)
    assert after.catalogue.offers[after.catalogue.index(name)].hours == 30
    kept = {offer.id: offer for offer in before.catalogue.offers}
    assert all(offer is kept[offer.id] for offer in after.catalogue.offers if offer.id != name)


def test_market_that_did_not_change_is_the_same_one_for_two_queries(scene: MarketScene) -> None:
    before = seen()
    with CaptureQueriesContext(connection) as taken:
        assert seen().catalogue is before.catalogue
    assert len(taken) <= 3  # version of the catalogue, and of the vocabularies and rates where they are not kept


def test_bytes_of_an_offer_are_those_that_are_kept(scene: MarketScene) -> None:
    found = seen()
    for offer in found.catalogue.offers:
        assert canonical(offer) in found.supply.content


def test_windows_belong_to_every_offering_of_their_provider(scene: MarketScene) -> None:
    for row in seen().rows.values():
        owned = CapacityWindow.objects.filter(provider_id=row.provider_id).order_by("start_on", "pk")
        assert [window.window_id for window in row.windows] == list(owned.values_list("pk", flat=True))
