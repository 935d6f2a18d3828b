"""Countries, regions and exchange rates."""

from datetime import date
from typing import Any, ClassVar

from django.utils.dateparse import parse_date
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.base import READING, ApiView
from marketplace.api.contracts import Contract
from marketplace.api.parameters import query
from marketplace.api.serializers import Out
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop
from marketplace.rest.labels import KEEP, OPEN, LabelledOut
from marketplace.vocabularies import queries


class CountryOut(LabelledOut):
    """A country or area with its M49 areas from the nearest to the world."""

    example: ClassVar[dict[str, object]] = {
        "label": "Mali",
        "labels": {"en": "Mali", "fr": "Mali"},
        "alpha3": "MLI",
        "alpha2": "ML",
        "m49": "466",
        "regions": ["011", "202", "002", "001"],
        "is_ldc": True,
        "is_lldc": True,
        "is_sids": False,
        "official_languages": ["fr"],
        "un_status": "member",
        "active": True,
    }

    alpha3 = serializers.CharField()
    alpha2 = serializers.CharField()
    m49 = serializers.CharField()
    regions = serializers.ListField(child=serializers.CharField())
    is_ldc = serializers.BooleanField(help_text="Least developed country.")
    is_lldc = serializers.BooleanField(help_text="Landlocked developing country.")
    is_sids = serializers.BooleanField(help_text="Small island developing State.")
    official_languages = serializers.ListField(child=serializers.CharField())
    un_status = serializers.CharField()
    active = serializers.BooleanField()


class CountriesOut(Out):
    """Countries and areas."""

    example: ClassVar[dict[str, object]] = {"results": [CountryOut.example]}

    results = CountryOut(many=True)


class CountriesView(ApiView):
    """`/countries`."""

    tag = "Vocabularies"
    in_test_mode = READING
    cache_control = KEEP
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "List countries and areas",
            OPEN,
            out=CountriesOut,
            operation_id="countries_list",
            parameters=(query("region", "Only those in this M49 area, at any depth.", {"type": "string"}),),
        )
    }

    def get(self, request: Request) -> Response:
        """List them in the order of ISO 3166-1."""
        region = request.query_params.get("region")
        rows = list(queries.places().countries.values())
        if region is not None:
            rows = [row for row in rows if region in row.regions]
        return Response(CountriesOut({"results": rows}, context=self.shape_context()).data)


class RegionOut(LabelledOut):
    """An M49 area; `countries` are all that lie in it."""

    example: ClassVar[dict[str, object]] = {
        "label": "Western Africa",
        "labels": {"en": "Western Africa", "fr": "Afrique occidentale"},
        "m49": "011",
        "parent": "202",
        "level": "intermediate_region",
        "countries": ["BEN", "MLI"],
    }

    m49 = serializers.CharField()
    parent = serializers.CharField(allow_blank=True)  # type: ignore[assignment]
    level = serializers.CharField()
    countries = serializers.SerializerMethodField()

    def get_countries(self, row: Any) -> list[str]:
        """Sort them."""
        return sorted(row.countries)


class RegionsOut(Out):
    """M49 areas."""

    example: ClassVar[dict[str, object]] = {"results": [RegionOut.example]}

    results = RegionOut(many=True)


class RegionsView(ApiView):
    """`/regions`."""

    tag = "Vocabularies"
    in_test_mode = READING
    cache_control = KEEP
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract("List regions", OPEN, out=RegionsOut, operation_id="regions_list")
    }

    def get(self, request: Request) -> Response:
        """List them."""
        rows = list(queries.places().regions.values())
        return Response(RegionsOut({"results": rows}, context=self.shape_context()).data)


class RateOut(Out):
    """United States dollars for one unit of a currency, valid from a day on."""

    example: ClassVar[dict[str, object]] = {
        "currency": "EUR",
        "usd_per_unit": "1.0870000000",
        "valid_on": "2026-11-01",
        "origin": "UN operational rates of exchange",
    }

    currency = serializers.CharField()
    usd_per_unit = serializers.DecimalField(max_digits=20, decimal_places=10)
    valid_on = serializers.DateField()
    origin = serializers.CharField()


class RatesOut(Out):
    """Stored exchange rates."""

    example: ClassVar[dict[str, object]] = {"results": [RateOut.example]}

    results = RateOut(many=True)


class RatesView(ApiView):
    """`/exchange-rates`."""

    tag = "Vocabularies"
    in_test_mode = READING
    cache_control = KEEP
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "List exchange rates",
            OPEN,
            out=RatesOut,
            operation_id="exchange_rates_list",
            errors=(ErrorCode.INVALID_INPUT,),
            parameters=(
                query("currency", "ISO 4217 code.", {"type": "string"}),
                query("on", "Only the rate that is valid on this day.", {"type": "string", "format": "date"}),
            ),
        )
    }

    def get(self, request: Request) -> Response:
        """List all, or those valid on a day. Raises DomainError(invalid_input) for a bad date."""
        currency, text = request.query_params.get("currency"), request.query_params.get("on")
        rows = [row for row in queries.rate_history() if currency in (None, row.currency)]
        if text is not None:
            day = _day(text)
            rows = [row for row in rows if row == queries.rate(row.currency, day)]
        return Response(RatesOut({"results": rows}, context=self.shape_context()).data)


def _day(text: str) -> date:
    try:
        day = parse_date(text)
    except ValueError:
        day = None
    if day is None:
        detail = gettext_noop("A day as YYYY-MM-DD.")
        raise DomainError(ErrorCode.INVALID_INPUT, errors=[FieldError("?on", "invalid", detail)])
    return day
