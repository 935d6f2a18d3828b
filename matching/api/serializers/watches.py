"""Saved searches of needs: what is sent and shown."""

from typing import Any, ClassVar

from rest_framework import serializers

from marketplace.api.serializers import CodeField, Example, LinksField, ReferenceField, StrictSerializer, ThingOut
from matching.models import FITS

WATCH_ID = "0198c0de-0000-7000-8000-0000000000e7"
MOMENT = "2026-11-23T09:00:00Z"
MOST_CODES = 50


def codes(scheme: str, help_text: str) -> serializers.ListField:
    """Make the field of a list of codes; empty: any."""
    return serializers.ListField(
        child=CodeField(scheme), required=False, allow_empty=True, max_length=MOST_CODES, help_text=help_text
    )


class WatchChange(StrictSerializer):
    """What may change of a saved search; the filters are those of `GET /providers/{id}/needs`."""

    example: ClassVar[Example] = {"minimum_fit": "eligible", "minimum_score": 60}
    own_arguments: ClassVar[tuple[str, ...]] = ()

    name = serializers.CharField(max_length=100, required=False)
    themes = codes("themes", "Theme of a line, narrower ones included.")
    countries = codes("countries", "Country of a line (ISO 3166-1 alpha-3).")
    regions = codes("regions", "Area of a line or of its country (M49).")
    languages = codes("languages", "Language of a line (BCP 47).")
    forms = codes("forms", "The request accepts one of these.")
    modalities = codes("modalities", "The request accepts one of these.")
    window_from = serializers.DateField(required=False, allow_null=True, help_text="Window ends on or after this day.")
    window_to = serializers.DateField(required=False, allow_null=True, help_text="Window begins by this day.")
    q = serializers.CharField(
        source="words", required=False, allow_blank=True, max_length=200, help_text="Words, all of which a need has."
    )
    minimum_fit = serializers.ChoiceField(
        choices=FITS, required=False, help_text="How near an offering must be: `near_miss` unless said otherwise."
    )
    minimum_score = serializers.IntegerField(
        min_value=0, max_value=100, required=False, help_text="Of needs that are `eligible`, 0 to 100."
    )
    active = serializers.BooleanField(required=False)

    def arguments(self) -> dict[str, Any]:
        """Give the own arguments, and ``facts`` with whatever else was sent."""
        sent = dict(self.validated_data)
        own = {name: sent.pop(name) for name in self.own_arguments if name in sent}
        return {**own, "facts": sent}


class WatchIn(WatchChange):
    """A search of needs that a provider wants to be told of."""

    example: ClassVar[Example] = {
        "provider": "CIFAL-JEJU",
        "name": "French in West Africa",
        "themes": ["mainstreaming"],
        "regions": ["011"],
        "languages": ["fr"],
        "minimum_fit": "near_miss",
    }
    own_arguments = ("provider",)

    provider = ReferenceField()
    name = serializers.CharField(max_length=100)


class WatchOut(ThingOut):
    """A saved search: its filters, how near a need must be, and how many needs it was told of."""

    example: ClassVar[Example] = {
        "id": WATCH_ID,
        "version": 1,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "provider_code": "CIFAL-JEJU",
        "name": "French in West Africa",
        "themes": ["mainstreaming"],
        "countries": [],
        "regions": ["011"],
        "languages": ["fr"],
        "forms": [],
        "modalities": [],
        "window_from": None,
        "window_to": None,
        "q": "",
        "minimum_fit": "near_miss",
        "minimum_score": 0,
        "active": True,
        "told": 3,
        "told_at": MOMENT,
        "links": {"self": f"https://marketplace.example/api/v1/need-watches/{WATCH_ID}"},
    }

    provider_code = serializers.CharField(source="provider.code", read_only=True)
    name = serializers.CharField(read_only=True)
    themes = serializers.ListField(child=serializers.CharField(), read_only=True, help_text="Empty: any; so below.")
    countries = serializers.ListField(child=serializers.CharField(), read_only=True)
    regions = serializers.ListField(child=serializers.CharField(), read_only=True)
    languages = serializers.ListField(child=serializers.CharField(), read_only=True)
    forms = serializers.ListField(child=serializers.CharField(), read_only=True)
    modalities = serializers.ListField(child=serializers.CharField(), read_only=True)
    window_from = serializers.DateField(read_only=True, allow_null=True)
    window_to = serializers.DateField(read_only=True, allow_null=True)
    q = serializers.CharField(source="words", read_only=True)
    minimum_fit = serializers.ChoiceField(choices=FITS, read_only=True)
    minimum_score = serializers.IntegerField(read_only=True)
    active = serializers.BooleanField(read_only=True)
    told = serializers.IntegerField(read_only=True, help_text="Needs that it was told of, each once.")
    told_at = serializers.DateTimeField(read_only=True, allow_null=True, help_text="The last time.")
    links = LinksField({"self": "need-watch-detail"})
