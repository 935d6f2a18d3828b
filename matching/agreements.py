"""What partners and requester have agreed on, as plain values: what matching hands down the house to fulfilment."""

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from uuid import UUID


@dataclass(frozen=True, slots=True)
class AgreedLine:
    """How many participants of one request line (primary key) a part takes."""

    line_id: int
    participants: int


@dataclass(frozen=True, slots=True)
class AgreedPart:
    """What one partner delivers. ``part_id`` is the claimant of the lines and the holder of the capacity.

    Other ids are primary keys. ``capacity`` counts seats of the session or units of the window; ``cost`` is in the main
    unit of ``currency``, None where it is not known.
    """

    part_id: UUID
    provider_id: int
    organization_id: int
    offering_id: int
    form: str
    lines: tuple[AgreedLine, ...]
    modality: str = ""
    session_id: int | None = None
    window_id: int | None = None
    capacity: int = 0
    deliveries: int = 1
    start_on: date | None = None
    end_on: date | None = None
    precision: str = "day"
    city: str = ""
    country: str = ""
    venue: str = ""
    language: str = ""
    cost: Decimal | None = None
    currency: str = ""

    @property
    def participants(self) -> int:
        """Participants over all lines: the same offering for several lines is one delivery."""
        return sum(line.participants for line in self.lines)


@dataclass(frozen=True, slots=True)
class AgreedPartner:
    """An organization that takes part without delivering a part of its own (host, funder, ...)."""

    organization_id: int
    role: str


@dataclass(frozen=True, slots=True)
class AgreedTerms:
    """The whole: which request is served, who leads, who does what."""

    request_id: int
    lead_organization_id: int
    parts: tuple[AgreedPart, ...]
    proposal_id: UUID | None = None
    partners: tuple[AgreedPartner, ...] = field(default=())
