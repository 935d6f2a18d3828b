"""Days and moments that are sent lie within one calendar, in every shape: beyond it no days can be added to them."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.urls import get_resolver
from rest_framework import serializers

from marketplace.api.serializers import FIRST_DAY, LAST_DAY, PeriodField, StrictSerializer, check_calendar
from marketplace.kernel.errors import ErrorCode as C
from tests.factories.providers import OfferingFactory, ProviderFactory, SessionFactory
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup

DAY = timedelta(days=1)


class Kept(StrictSerializer):
    """A day, a moment and a period that may be left out."""

    example = {}
    day = serializers.DateField(required=False, allow_null=True)
    moment = serializers.DateTimeField(required=False, allow_null=True)
    period = PeriodField(required=False, allow_null=True)


def errors_of(sent: dict[str, Any]) -> dict[str, Any]:
    form = Kept(data=sent)
    form.is_valid()
    return dict(form.errors)


@pytest.mark.parametrize("day", [date.min, FIRST_DAY - DAY, LAST_DAY + DAY, date.max])
def test_day_beyond_is_refused_with_the_limits(day: date) -> None:
    for sent in ({"day": f"{day}"}, {"moment": f"{day}T12:00:00Z"}):
        ((error,),) = errors_of(sent).values()
        assert error.code == "overflow"
        assert "1900-01-01" in error
        assert "2200-12-31" in error
    found = errors_of({"period": {"start": f"{day}", "end": f"{day}"}})["period"]
    assert set(found) == {"start", "end"}


@pytest.mark.parametrize("day", [FIRST_DAY, LAST_DAY])
def test_first_and_last_day_are_taken(day: date) -> None:
    period = {"start": f"{day}", "end": f"{day}"}
    assert errors_of({"day": f"{day}", "moment": f"{day}T23:59:59Z", "period": period}) == {}
    assert errors_of({"day": None, "moment": None, "period": None}) == {}


def test_every_shape_that_is_sent_keeps_to_the_calendar() -> None:
    """Whoever writes a new shape need not think of it; days in lists or in other serializers would be missed, and are told."""
    assert get_resolver().url_patterns  # by them all shapes are there
    found = [(f"{shape.__qualname__}.{field.field_name}", field) for shape in shapes() for field in days_of(shape())]
    assert {"NeedWindowIn.start", "PeriodField.end", "TrainingSessionIn.enrolment_deadline"} <= {
        name for name, _ in found
    }
    assert [name for name, field in found if check_calendar not in field.validators] == []


def shapes(of: type[StrictSerializer] = StrictSerializer) -> Iterator[type[StrictSerializer]]:
    for shape in of.__subclasses__():
        yield shape
        yield from shapes(shape)


def days_of(field: Any) -> Iterator[Any]:
    """Give the fields of days and moments that can be sent in a field, however deep."""
    if field.read_only:
        return
    if isinstance(field, serializers.DateField | serializers.DateTimeField):
        yield field
    for inner in (*getattr(field, "fields", {}).values(), getattr(field, "child", None)):
        if inner is not None:
            yield from days_of(inner)


@pytest.mark.django_db
def test_open_end_is_refused_where_it_is_sent(group: SmallGroup, at: datetime) -> None:
    window = {"window": {"start": "2027-03-01", "end": "9999-12-31"}}
    agency = ApiClient.of(group.focal_point, at)
    assert places(check_problem(agency.post("/requests", window), C.INVALID_INPUT)) == {"/window/end": "overflow"}
    session = SessionFactory.create(
        offering=OfferingFactory.create(provider=ProviderFactory.create(organization=group.provider))
    )
    staff, path = ApiClient.of(group.provider_staff, at), f"/sessions/{session.public_id}"
    tag = staff.get(path)["ETag"]
    for change, place in (
        ({"period": {"end": "9999-12-31"}}, "/period/end"),
        ({"enrolment_deadline": "9999-12-31"}, "/enrolment_deadline"),
    ):
        refused = staff.patch(path, change, If_Match=tag)
        assert places(check_problem(refused, C.INVALID_INPUT)) == {place: "overflow"}
