"""Rows of what is offered. `published=True` gives what stands in the catalogue, without audit or events."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import ClassVar
from uuid import uuid4

from factory.declarations import LazyAttribute, LazyFunction, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory

from marketplace.kernel.ids import new_public_id
from providers.models import (
    CapacityHold,
    CapacityWindow,
    Harvest,
    HarvestedCourse,
    Offering,
    OfferingFacet,
    OfferingPartner,
    Provider,
    Session,
    TrackRecordEntry,
)
from tests.factories.accounts import OrganizationFactory

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


class ProviderFactory(DjangoModelFactory[Provider]):
    """A provider verified until the end of 2028; `state="pending", verified_on=None` gives a new one."""

    class Meta:
        model = Provider

    code = Sequence(lambda number: f"CENTRE-{number}")
    organization = SubFactory(OrganizationFactory, kind="regional_centre")
    names = LazyAttribute(lambda row: {"en": f"Centre {row.code}", "fr": f"Centre {row.code}"})
    working_languages: ClassVar[list[str]] = ["en", "fr"]
    state = "verified"
    verified_on = date(2026, 1, 15)
    created_at = AT
    updated_at = AT


class OfferingFactory(DjangoModelFactory[Offering]):
    """A complete draft of a three-day workshop; `published=True` puts it in the catalogue."""

    class Meta:
        model = Offering

    class Params:
        published = Trait(
            state="published",
            vetting_panel="Panel",
            vetting_verdict="accepted",
            vetted_on=date(2026, 2, 2),
            vetting_expires_on=date(2028, 2, 2),
            first_published_on=date(2026, 2, 2),
        )

    provider = SubFactory(ProviderFactory)
    state = "draft"
    titles: ClassVar[dict[str, str]] = {
        "en": "Fair recruitment in practice",
        "fr": "Le recrutement équitable en pratique",
    }
    summaries: ClassVar[dict[str, str]] = {"en": "For labour officers.", "fr": "Pour les agents du travail."}
    themes: ClassVar[list[str]] = ["fair-recruitment"]
    form = "workshop"
    modality = "in_person"
    languages: ClassVar[list[str]] = ["en", "fr"]
    audiences: ClassVar[list[str]] = ["national_government"]
    level = "intermediate"
    duration_hours = 14
    participants_min = 10
    participants_max = 30
    cost_per_delivery = Decimal("24000.00")
    cost_per_participant = Decimal("0.00")
    currency = "USD"
    lead_time_days = 60
    award = "participation"
    on_request = True
    created_at = AT
    updated_at = AT


class OfferingPartnerFactory(DjangoModelFactory[OfferingPartner]):
    """A member of the team that delivers."""

    class Meta:
        model = OfferingPartner

    offering = SubFactory(OfferingFactory)
    organization = SubFactory(OrganizationFactory)
    role = "member"


class OfferingFacetFactory(DjangoModelFactory[OfferingFacet]):
    """The theme of an offering, for filters."""

    class Meta:
        model = OfferingFacet

    offering = SubFactory(OfferingFactory)
    facet = "theme"
    code = "fair-recruitment"


class SessionFactory(DjangoModelFactory[Session]):
    """An open session in Dakar in March 2027, thirty seats."""

    class Meta:
        model = Session

    offering = SubFactory(OfferingFactory, published=True)
    state = "open"
    start_on = date(2027, 3, 8)
    end_on = date(2027, 3, 10)
    modality = "in_person"
    city = "Dakar"
    country = "SEN"
    languages: ClassVar[list[str]] = ["fr"]
    seats_total = 30
    seats_min = 10
    created_at = AT
    updated_at = AT


class CapacityWindowFactory(DjangoModelFactory[CapacityWindow]):
    """Twenty trainer days in the first half of 2027."""

    class Meta:
        model = CapacityWindow

    provider = SubFactory(ProviderFactory)
    unit = "trainer_days"
    quantity = 20
    start_on = date(2027, 1, 1)
    end_on = date(2027, 6, 30)
    created_at = AT
    updated_at = AT


class CapacityHoldFactory(DjangoModelFactory[CapacityHold]):
    """Ten seats held for two weeks; the session's own count is not touched."""

    class Meta:
        model = CapacityHold

    holder = LazyFunction(uuid4)
    session = SubFactory(SessionFactory)
    quantity = 10
    state = "held"
    expires_at = AT + timedelta(days=14)
    created_at = AT
    updated_at = AT


class TrackRecordEntryFactory(DjangoModelFactory[TrackRecordEntry]):
    """A good mark by 25 participants; the provider's sums are not touched."""

    class Meta:
        model = TrackRecordEntry

    provider = SubFactory(ProviderFactory)
    evaluation_id = LazyFunction(new_public_id)
    level = 1
    value = 850
    answered = 25
    source = "participants"
    happened_at = AT
    created_at = AT
    updated_at = AT


class HarvestFactory(DjangoModelFactory[Harvest]):
    """A catalogue that is read when asked."""

    class Meta:
        model = Harvest

    provider = SubFactory(ProviderFactory)
    source = "website"
    url = "https://courses.example.org/catalogue.jsonld"
    created_at = AT
    updated_at = AT


class HarvestedCourseFactory(DjangoModelFactory[HarvestedCourse]):
    """A course that became a draft."""

    class Meta:
        model = HarvestedCourse

    harvest = SubFactory(HarvestFactory)
    key = Sequence(lambda number: f"course-{number}")
    offering = SubFactory(OfferingFactory)
    seen_at = AT
