"""The kept snapshot: no query while nothing changes, always right after a change, nothing left of what was undone."""

import uuid
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from threading import Thread

import pytest
from django.conf import LazySettings
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from marketplace.vocabularies import queries
from marketplace.vocabularies.models import Revision, Term
from marketplace.vocabularies.operations import change_service_level

STEP = "request.screen"
DAYS = 5  # as shipped


class UndoError(Exception):
    """Ends a transaction."""


def change(days: int, at: datetime) -> None:
    change_service_level(step=STEP, changes={"working_days": days}, by="demo-head", at=at)


def days() -> int:
    return queries.service_level(STEP).working_days


@pytest.fixture
def looking_always(settings: LazySettings) -> None:
    settings.VOCABULARY_CHECK_SECONDS = 0


@pytest.mark.django_db
def test_reading_again_costs_no_query() -> None:
    days()
    with CaptureQueriesContext(connection) as captured:
        for _ in range(50):
            queries.label("audiences", "academia", "fr")
            days()
    assert len(captured) == 0


@pytest.mark.django_db
@pytest.mark.usefixtures("looking_always")
def test_looking_costs_one_query() -> None:
    days()
    with CaptureQueriesContext(connection) as captured:
        days()
    assert len(captured) == 1


@pytest.mark.django_db
def test_own_change_is_seen_within_its_transaction(at: datetime) -> None:
    assert days() == DAYS
    change(9, at)
    assert days() == 9


@pytest.mark.django_db
def test_reading_after_own_change_reads_the_vocabularies_once(at: datetime) -> None:
    change(9, at)
    days()
    with CaptureQueriesContext(connection) as captured:
        days()
        days()
    assert len(captured) == 2  # a look at the token each


@pytest.mark.django_db
@pytest.mark.parametrize("attempt", [1, 2])
def test_change_of_one_test_never_reaches_the_next(at: datetime, attempt: int) -> None:
    assert days() == DAYS
    change(9 + attempt, at)
    assert days() == 9 + attempt


@pytest.mark.django_db
def test_change_that_is_rolled_back_leaves_nothing(at: datetime) -> None:
    with suppress(UndoError), transaction.atomic():
        change(9, at)
        assert days() == 9
        raise UndoError
    assert days() == DAYS


@pytest.mark.django_db
@pytest.mark.usefixtures("looking_always")
def test_change_by_another_process_is_seen_at_the_next_look() -> None:
    assert queries.label("audiences", "academia", "en") == "Academia"
    Term.objects.filter(code="academia").update(labels={"en": "Scholars", "fr": "Universitaires"})
    assert queries.label("audiences", "academia", "en") == "Academia"  # nobody announced it
    # What another process writes is its rows and a token that this process did not make.
    Revision.objects.update(token=uuid.uuid4().hex)
    assert queries.label("audiences", "academia", "en") == "Scholars"


@pytest.fixture
def forgetting() -> Iterator[None]:
    yield
    queries.refresh()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("forgetting")
def test_committed_change_is_seen_by_other_threads_and_not_before(at: datetime) -> None:
    seen: list[int] = []

    def look() -> None:
        seen.append(days())
        connection.close()

    def ask() -> None:
        thread = Thread(target=look)
        thread.start()
        thread.join()

    assert days() == DAYS
    with transaction.atomic():
        change(9, at)
        assert days() == 9
        ask()
    ask()
    assert seen == [DAYS, 9]
    assert days() == 9


@pytest.mark.django_db(transaction=True)
def test_flushed_database_has_the_vocabularies_again() -> None:
    assert days() == DAYS
    assert Term.objects.filter(scheme__code="audiences").count() == 9
