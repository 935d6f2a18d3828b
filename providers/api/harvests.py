"""Where a provider's courses are read from, and what came of it, over HTTP."""

from typing import Any, ClassVar

import django_filters
from django.db.models import QuerySet
from rest_framework import serializers

from marketplace.accounts.roles import Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.filters import CodesFilter, FilterSet, UpdatedSince
from marketplace.api.serializers import CodeField, Example, LinksField, ReferenceField, ThingOut
from marketplace.api.views import Changes, Creates, Lists, Reads, ThingViewSet, verb
from marketplace.kernel.errors import ErrorCode
from providers import operations, queries
from providers.api.serializers.incoming import FactsSerializer
from providers.models import Harvest

HARVEST_ID = "0198c0de-0000-7000-8000-000000000015"
MOMENT = "2026-11-23T09:00:00Z"
READ, WRITE = Permission.CATALOGUE_READ, Permission.CATALOGUE_WRITE
REFUSED = (ErrorCode.UNKNOWN_REFERENCE, ErrorCode.RULE_BROKEN)


class HarvestChange(FactsSerializer):
    """What may change of a harvest."""

    example: ClassVar[Example] = {"every_hours": 24}

    url = serializers.CharField(
        max_length=2_000, required=False, allow_blank=True, help_text="A public https address of JSON-LD."
    )
    language = CodeField("languages", required=False, help_text="Of texts that do not say theirs.")
    every_hours = serializers.IntegerField(
        min_value=0, max_value=2_160, required=False, help_text="0: only when asked; else 6 or more."
    )
    active = serializers.BooleanField(required=False)


class HarvestIn(HarvestChange):
    """Where the courses of a provider are read from."""

    example: ClassVar[Example] = {
        "provider": "CIFAL-JEJU",
        "source": "website",
        "url": "https://courses.example.org/catalogue.jsonld",
        "every_hours": 24,
    }
    own_arguments = ("provider", "source")

    provider = ReferenceField()
    source = serializers.CharField(  # type: ignore[assignment]  # a field of that name is no option of this one
        max_length=100, help_text="Of the offerings that come from there."
    )


class HarvestOut(ThingOut):
    """A harvested catalogue: where it is, how the last run ended, and its report."""

    example: ClassVar[Example] = {
        "id": HARVEST_ID,
        "version": 4,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "provider_code": "CIFAL-JEJU",
        "source": "website",
        "url": "https://courses.example.org/catalogue.jsonld",
        "language": "en",
        "every_hours": 24,
        "active": True,
        "next_at": "2026-11-24T09:00:00Z",
        "ran_at": MOMENT,
        "problem": "",
        "failures": 0,
        "report": {
            "at": MOMENT,
            "counts": {"changed": 1, "conflicts": 1, "unchanged": 12},
            "conflicts": [
                {
                    "course": "course-12",
                    "offering": "0198c0de-0000-7000-8000-000000000012",
                    "column": "duration_hours",
                    "was": 14,
                    "here": 16,
                    "there": 21,
                }
            ],
        },
        "links": {"self": f"https://marketplace.example/api/v1/harvests/{HARVEST_ID}"},
    }

    provider_code = serializers.CharField(source="provider.code", read_only=True)
    source = serializers.CharField(read_only=True)  # type: ignore[assignment]  # a field of that name is no option
    url = serializers.CharField(read_only=True)
    language = serializers.CharField(read_only=True)
    every_hours = serializers.IntegerField(read_only=True)
    active = serializers.BooleanField(read_only=True, help_text="Switched off after ten failures in a row.")
    next_at = serializers.DateTimeField(read_only=True, allow_null=True)
    ran_at = serializers.DateTimeField(read_only=True, allow_null=True)
    problem = serializers.CharField(read_only=True, help_text="Why the last run read nothing; empty where it did.")
    failures = serializers.IntegerField(read_only=True, help_text="In a row.")
    report = serializers.DictField(read_only=True, help_text="Of the last run that read something: docs/harvest.md.")
    links = LinksField({"self": "harvest-detail"})


class HarvestFilters(FilterSet):
    """Filters of `GET /harvests`."""

    provider = CodesFilter("provider__code", help_text="Code of the provider.")
    source = CodesFilter("source")
    active = django_filters.BooleanFilter()
    updated_since = UpdatedSince()


class HarvestViewSet(Lists, Reads, Creates, Changes, ThingViewSet):
    """Catalogues that are read into draft offerings: the provider's own affair and the secretariat's."""

    tag, noun, nouns, resource, basename = "Providers", "harvest", "harvests", "harvests", "harvest"
    access = READ
    reads = HarvestOut
    id_argument = "harvest_id"
    filterset_class = HarvestFilters
    create_with = Write(
        "Set up the harvest of a course catalogue",
        WRITE,
        description="A catalogue of schema.org in JSON-LD. Its courses become draft offerings with this `source`; later runs "
        "bring what changed there and report what changed on both sides.",
        body=HarvestIn,
        errors=(*REFUSED, ErrorCode.DUPLICATE),
        operation=operations.set_up_harvest,
    )
    change_with = Write(
        "Change a harvest, or switch it off and on",
        WRITE,
        body=HarvestChange,
        if_match=IfMatch.REQUIRED,
        errors=REFUSED,
        operation=operations.change_harvest,
    )
    run = verb(
        "run",
        Write(
            "Read a catalogue now",
            WRITE,
            description="A worker reads it as soon as one is free; `ran_at` tells when it did.",
            status=202,
            out=HarvestOut,
            location="harvest-detail",
            errors=(ErrorCode.RULE_BROKEN,),
            operation=operations.ask_for_harvest,
        ),
    )

    def visible(self) -> QuerySet[Harvest]:
        """Give the harvests of which the caller may know."""
        return queries.harvests_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Any]) -> QuerySet[Any]:
        """Fetch providers ahead."""
        return things.select_related("provider__organization")
