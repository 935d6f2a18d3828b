"""What goes in: offers and needs as frozen facts. Codes are those of the vocabularies; days are dates.

Empty `forms`, `modalities` and None always mean "no wish" or "not known", never "nothing".
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from types import MappingProxyType

from matching.engine.errors import EngineError

LEVELS = ("introductory", "intermediate", "advanced")  # code list `levels`, in order
AWARDS = ("none", "participation", "completion", "diploma_credit")  # code list `awards`, in order
TRAINER_DAYS = "trainer_days"
PARALLEL_DELIVERIES = "parallel_deliveries"  # code list `capacity_units`
KEPT_WHEN_GIVEN = MappingProxyType(
    {"kept": "when given"}
)  # marks fields that came later: without a value runs keep nothing of them


@dataclass(frozen=True, slots=True)
class SessionSlot:
    """A dated delivery. `seats_free` already leaves out holds and confirmed seats."""

    code: str
    start: date
    end: date
    precision: str = "day"
    languages: frozenset[str] = frozenset()
    country: str | None = None
    city: str | None = None
    seats_total: int = 0
    seats_free: int = 0
    seats_min: int = 0
    enrolment_deadline: date | None = None
    bookable: bool = True  # planned or open


@dataclass(frozen=True, slots=True)
class CapacitySlot:
    """What a provider can still deliver in a period: `free` of `total` trainer days or parallel deliveries.

    The same window belongs to several offers of the provider; `code` says that it is the same.
    """

    code: str
    start: date
    end: date
    total: int
    free: int
    unit: str = TRAINER_DAYS


@dataclass(frozen=True, slots=True)
class Cost:
    """Full estimate: for each delivery and for each participant, in one currency."""

    per_delivery: Decimal
    per_participant: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class TrackRecord:
    """What others than the provider measured: mean 0..1000 of `evaluations`; deliveries brought to an end."""

    mean: int = 0
    evaluations: int = 0
    deliveries: int = 0


@dataclass(frozen=True, slots=True)
class Offer:
    """One offering with its provider's standing, its dates and its capacity."""

    id: str
    provider: str
    themes: frozenset[str]
    form: str
    modality: str
    languages: frozenset[str]
    audiences: frozenset[str]
    hours: int
    participants_min: int
    participants_max: int
    texts: Mapping[str, str] = field(default_factory=dict)  # language -> title, summary, objectives
    published: bool = True
    bookable: bool = True  # False for an umbrella or series
    vetted_until: date | None = None  # None: not vetted
    provider_verified: bool = True
    provider_verified_until: date | None = None  # None: without end
    organizations: frozenset[str] = frozenset()  # provider's own and its partners'
    can_lead: bool = True
    interpretation: bool = False
    level: str | None = None
    governance_levels: frozenset[str] = frozenset()
    worldwide: bool = False
    countries: frozenset[str] = frozenset()
    regions: frozenset[str] = frozenset()
    home_country: str | None = None
    delivered_countries: frozenset[str] = frozenset()  # where it has been delivered
    places: frozenset[tuple[str, str | None]] = frozenset()  # (country, city)
    on_request: bool = False
    in_country_on_request: bool = False
    lead_time_days: int = 0
    customisable: bool = False
    award: str | None = None
    cost: Cost | None = None
    sessions: tuple[SessionSlot, ...] = ()
    capacity: tuple[CapacitySlot, ...] = ()
    record: TrackRecord = TrackRecord()

    def __post_init__(self) -> None:
        if not 0 < self.participants_min <= self.participants_max:
            raise EngineError("bad_offer", self.id, "participants must be 0 < minimum <= maximum")
        if not self.themes:
            raise EngineError("bad_offer", self.id, "an offer has at least one theme")
        if self.hours <= 0 or self.lead_time_days < 0:
            raise EngineError("bad_offer", self.id, "hours must be above 0 and lead time not below 0")
        if self.level is not None and self.level not in LEVELS:
            raise EngineError("bad_offer", self.id, f"level {self.level} is unknown")
        if self.award is not None and self.award not in AWARDS:
            raise EngineError("bad_offer", self.id, f"award {self.award} is unknown")
        object.__setattr__(self, "sessions", tuple(sorted(self.sessions, key=lambda slot: (slot.start, slot.code))))
        object.__setattr__(self, "capacity", tuple(sorted(self.capacity, key=lambda slot: (slot.start, slot.code))))

    @property
    def parties(self) -> frozenset[str]:
        """Return everybody behind it: the provider, its organization and its partners."""
        return self.organizations | {self.provider}


@dataclass(frozen=True, slots=True)
class NeedLine:
    """One line of a request: who is to learn what, where, in which language, how many.

    `also_themes` widens the theme (a relaxation, or the requester's own alternatives).
    """

    number: int
    theme: str
    audience: str
    minimum: int
    maximum: int
    country: str | None = None
    region: str | None = None
    language: str | None = None  # the must-language of the line
    level: str | None = None
    governance_level: str | None = None
    also_themes: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not 0 < self.minimum <= self.maximum:
            raise EngineError("bad_need", f"line {self.number}", "participants must be 0 < minimum <= maximum")
        if self.level is not None and self.level not in LEVELS:
            raise EngineError("bad_need", f"line {self.number}", f"level {self.level} is unknown")


@dataclass(frozen=True, slots=True)
class Budget:
    """A ceiling counts as a limit only when the funding is secured; else the funding is to be found.

    `committed` is what other lines of the request cost that are asked for or agreed already; it is kept only where it is given.
    """

    ceiling: Decimal | None = None
    currency: str | None = None
    funding_state: str = "none"
    committed: Decimal | None = field(default=None, metadata=KEPT_WHEN_GIVEN)

    @property
    def left(self) -> Decimal | None:
        """Return what is left of the ceiling, None where there is none."""
        return None if self.ceiling is None else max(Decimal(0), self.ceiling - (self.committed or Decimal(0)))


@dataclass(frozen=True, slots=True)
class PlaceWish:
    """Code list `place_preferences`: any, in_country, regional, fixed, online."""

    preference: str = "any"
    country: str | None = None
    city: str | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """A training request. `visible_to` None: every provider may be proposed."""

    id: str
    requester: str
    lines: tuple[NeedLine, ...]
    window_start: date
    window_end: date
    texts: Mapping[str, str] = field(default_factory=dict)  # language -> title and need statement
    co_requesters: frozenset[str] = frozenset()
    languages_may: frozenset[str] = frozenset()
    forms: frozenset[str] = frozenset()
    modalities: frozenset[str] = frozenset()
    place: PlaceWish = PlaceWish()
    budget: Budget = Budget()
    award: str = "none"
    interpretation_allowed: bool = True
    excluded: frozenset[str] = frozenset()  # providers or organizations the requester rules out
    conflicts: frozenset[str] = frozenset()  # organizations with a declared conflict of interest
    kept_apart: frozenset[tuple[str, str]] = frozenset()  # pairs of organizations that must not deliver together
    lead_required: bool = False  # a partner of the team must accept to lead
    visible_to: frozenset[str] | None = None  # organizations
    turned_down_by: frozenset[str] = frozenset()  # ids of offers whose provider refused this very need
    opened_on: date | None = None
    context_event_on: date | None = None
    priority_facts: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.window_end < self.window_start:
            raise EngineError("bad_need", self.id, "the window ends before it begins")
        if not self.lines:
            raise EngineError("bad_need", self.id, "a request has at least one line")
        if len({line.number for line in self.lines}) != len(self.lines):
            raise EngineError("bad_need", self.id, "a line number occurs twice")
        if self.award not in AWARDS:
            raise EngineError("bad_need", self.id, f"award {self.award} is unknown")
        object.__setattr__(self, "lines", tuple(sorted(self.lines, key=lambda line: line.number)))
        object.__setattr__(self, "kept_apart", frozenset((min(pair), max(pair)) for pair in self.kept_apart))

    def may_unite(self, parties: Set[str]) -> bool:
        """Tell whether no two of these organizations must be kept apart."""
        return not any(parties >= set(pair) for pair in self.kept_apart)

    def line(self, number: int) -> NeedLine:
        """Return the line of this number. Raises EngineError(bad_need)."""
        for line in self.lines:
            if line.number == number:
                return line
        raise EngineError("bad_need", self.id, f"there is no line {number}")
