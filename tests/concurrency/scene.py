"""The rows that the races are about, and the people who run them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

from marketplace.accounts.models import Organization
from matching.models import MatchProposal, ProposalPart
from providers.models import CapacityWindow, Offering, Session
from requests_app.models import RequestLine, TrainingRequest
from tests.factories.matching import MatchProposalFactory, PartLineFactory, ProposalPartFactory
from tests.factories.providers import CapacityWindowFactory, OfferingFactory, SessionFactory
from tests.factories.requests import RequestLineFactory, TrainingRequestFactory
from tests.kit.people import member, organization, token_of

AHEAD = timedelta(days=120)  # of the sessions, beyond every lead time


@dataclass(frozen=True)
class People:
    """A requesting organization and the tokens of those who act."""

    requester: Organization
    focal_point: str
    officers: Sequence[str]  # one for each client


@dataclass(frozen=True)
class Slot:
    """What proposals want: a session or a window, and how many of them it can take."""

    place: Session | CapacityWindow
    wanted: int
    takes: int


def people(clients: int, at: datetime) -> People:
    """Make a secretariat with an officer for each client, and an organization that requests."""
    secretariat = organization("SEC", at, "secretariat")
    requester = organization("REQ", at, "member", "requester")
    officers = [token_of(member(f"officer{n}", "secretariat_officer", secretariat, at), at) for n in range(clients)]
    return People(requester, token_of(member("focal", "focal_point", requester, at), at), officers)


def last_seat(offering: Offering, at: datetime) -> Slot:
    """Make a session with one seat left."""
    day = (at + AHEAD).date()
    session = SessionFactory.create(
        offering=offering, start_on=day, end_on=day, seats_total=30, seats_min=1, seats_confirmed=29
    )
    return Slot(session, wanted=1, takes=1)


def last_capacity(offering: Offering, unit: str, *, quantity: int, wanted: int) -> Slot:
    """Make a capacity window for deliveries that want ``wanted`` each."""
    window = CapacityWindowFactory.create(provider=offering.provider, unit=unit, quantity=quantity)
    return Slot(window, wanted=wanted, takes=quantity // wanted)


def open_line(people: People, at: datetime) -> RequestLine:
    """Make an open request with one undivided line for one participant."""
    request = TrainingRequestFactory.create(
        submitted=True,
        state="open",
        reference=f"GMG-MLI-2026-{next(NUMBERS):04d}",
        requesting_organization=people.requester,
        start_on=(at + AHEAD).date(),
        end_on=(at + 2 * AHEAD).date(),
    )
    return RequestLineFactory.create(request=request, participants_min=1, participants_max=1)


def open_lines(people: People, at: datetime, count: int, *, ceiling: Decimal) -> list[RequestLine]:
    """Make an open request with so many lines for one participant each, and with money for no more than its ceiling."""
    first = open_line(people, at)
    TrainingRequest.objects.filter(pk=first.request_id).update(
        funding_state="secured", budget_ceiling=ceiling, budget_currency="USD"
    )
    more = range(2, count + 1)
    rest = [
        RequestLineFactory.create(request=first.request, number=n, participants_min=1, participants_max=1) for n in more
    ]
    return [first, *rest]


def proposal(line: RequestLine, offering: Offering, slot: Slot | None, *, cost: Decimal | None = None) -> MatchProposal:
    """Make a proposal for a line to which the requester has agreed: it can be approved."""
    made = MatchProposalFactory.create(
        request=line.request, state="consulting", consultation="preferred", lead=offering.provider
    )
    wants: dict[str, object] = {"slot_kind": "on_request"}
    if slot is not None:
        kind, column = ("session", "session") if isinstance(slot.place, Session) else ("capacity_window", "window")
        wants = {"slot_kind": kind, column: slot.place, "capacity_wanted": slot.wanted}
    if cost is not None:
        wants |= {"cost_amount": cost, "cost_currency": "USD"}
    part: ProposalPart = ProposalPartFactory.create(proposal=made, offering=offering, participants=1, **wants)
    PartLineFactory.create(part=part, line=line, participants=1)
    return made


def published_offering() -> Offering:
    """Make an offering that stands in the catalogue."""
    return OfferingFactory.create(published=True)


NUMBERS: Iterator[int] = count(1)
