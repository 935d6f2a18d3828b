"""What is on offer as plain facts: offerings with their provider's standing, their sessions to come, and capacity."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class OutcomeFacts:
    """What others than the provider measured: evaluations, people who answered, mean 0..1000 (None without any)."""

    count: int
    answers: int
    mean: int | None


@dataclass(frozen=True, slots=True)
class CatalogueSession:
    """A session that can still be booked; seats as they are at this moment."""

    session_id: int
    public_id: UUID
    code: str
    state: str
    start_on: date
    end_on: date
    precision: str
    enrolment_deadline: date | None
    modality: str
    country: str
    city: str
    languages: tuple[str, ...]
    seats_total: int
    seats_min: int
    seats_held: int
    seats_confirmed: int

    @property
    def seats_free(self) -> int:
        """Seats that are neither held nor confirmed."""
        return self.seats_total - self.seats_held - self.seats_confirmed


@dataclass(frozen=True, slots=True)
class CatalogueWindow:
    """A capacity window that has not ended; the same window serves every offering of its provider."""

    window_id: int
    public_id: UUID
    code: str
    unit: str  # trainer_days | parallel_deliveries
    start_on: date
    end_on: date
    precision: str
    quantity: int
    held: int
    confirmed: int

    @property
    def free(self) -> int:
        """What is neither held nor confirmed, in the window's unit."""
        return self.quantity - self.held - self.confirmed


@dataclass(frozen=True, slots=True)
class CatalogueOffer:
    """An offering with its provider's standing, its sessions to come and its provider's capacity."""

    offering_id: int
    public_id: UUID
    code: str
    reference: str  # code, else public id
    state: str
    external_id: str
    provider_id: int
    provider_code: str
    provider_public_id: UUID
    provider_state: str
    provider_verification_expires_on: date | None
    provider_names: Mapping[str, str]
    provider_country: str
    organization_id: int
    organization_code: str
    partner_organization_ids: frozenset[int]
    partner_organization_codes: frozenset[str]
    programme_code: str
    titles: Mapping[str, str]
    summaries: Mapping[str, str]
    objectives: Mapping[str, tuple[str, ...]]
    themes: tuple[str, ...]
    form: str
    modality: str
    languages: tuple[str, ...]
    interpretation_possible: bool
    audiences: tuple[str, ...]
    level: str
    governance_levels: tuple[str, ...]
    scope: str  # global | listed
    countries_served: tuple[str, ...]
    regions_served: tuple[str, ...]
    places: tuple[tuple[str, str], ...]  # (country, city); either may be empty
    in_country_on_request: bool
    on_request: bool
    duration_hours: int | None
    participants_min: int | None
    participants_max: int | None
    cost_per_delivery: Decimal | None
    cost_per_participant: Decimal | None
    currency: str
    lead_time_days: int
    customisable: bool
    accepts_lead: bool
    award: str
    is_umbrella: bool
    vetting_verdict: str
    vetting_expires_on: date | None
    outcomes: OutcomeFacts  # of the offering
    provider_outcomes: OutcomeFacts
    sessions: tuple[CatalogueSession, ...]
    windows: tuple[CatalogueWindow, ...]
