"""Limits of the request within which a partner may offer other terms."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.money import Money
from marketplace.kernel.text import gettext_noop
from matching.lifecycle import CLAIMING_PARTS, ENDED_PARTS
from matching.models import MatchProposal, ProposalPart
from matching.operations.policies import current_policy, engine_policy
from matching.queries import spending
from providers import queries as providers

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from matching.operations.answers import CounterTerms
    from providers.models import CapacityWindow, Session
    from requests_app.models import RequestLine


def check_within_limits(part: ProposalPart, terms: "CounterTerms", *, at: datetime) -> None:
    """Raise DomainError(rule_broken) with one entry for each term that leaves the limits of the request."""
    session = providers.bookable_sessions().filter(offering=part.offering_id, pk=terms.session_id or 0).first()
    errors = [
        *_something(terms),
        *_dates(part, terms),
        *_session(part, terms, session),
        *_language(part, terms),
        *_participants(part, terms, session),
        *_cost(part, terms, at),
    ]
    if errors:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)


def spread(participants: int, shares: Sequence[int]) -> list[int]:
    """Spread participants over lines in the proportion of their present shares (largest remainder), at least one each.

    Raises ValueError for fewer participants than lines.
    """
    if participants < len(shares):
        raise ValueError("fewer participants than lines")
    total, rest = sum(shares), participants - len(shares)
    parts = [1 + rest * share // total for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda i: (-(rest * shares[i] % total), i))
    for i in by_remainder[: participants - sum(parts)]:
        parts[i] += 1
    return parts


def deliveries_for(part: ProposalPart, participants: int) -> int:
    """Give how many deliveries of its offering a part needs for so many participants; a session is one."""
    largest = part.offering.participants_max
    return 1 if part.slot_kind == "session" or not largest else -(-participants // largest)


def _something(terms: "CounterTerms") -> Iterator[FieldError]:
    values = (
        terms.start_on,
        terms.end_on,
        terms.session_id,
        terms.participants,
        terms.language,
        terms.place,
        terms.cost_amount is not None,
        terms.terms,
    )
    if not any(values):
        yield FieldError("", "nothing_countered", gettext_noop("Say which terms would be different."))


def _dates(part: ProposalPart, terms: "CounterTerms") -> Iterator[FieldError]:
    if terms.start_on is None and terms.end_on is None:
        return
    if terms.start_on is None or terms.end_on is None:
        yield FieldError("/period", "dates_incomplete", gettext_noop("Give the first and the last day."))
    elif terms.end_on < terms.start_on:
        yield FieldError("/period", "dates_reversed", gettext_noop("The last day lies before the first."))
    elif part.slot_kind == "session" or terms.session_id is not None:
        detail = gettext_noop("A session has its dates; name another session instead.")
        yield FieldError("/period", "session_has_dates", detail)
    else:
        yield from _inside(part, terms.start_on, terms.end_on, "/period")


def _covers(window: "CapacityWindow", start: date, end: date) -> bool:
    first, last = window.start_on, window.end_on
    return (first is None or first <= start) and (last is None or end <= last)


def _inside(part: ProposalPart, start: date | None, end: date | None, pointer: str) -> Iterator[FieldError]:
    """Say where days leave the window of the request, or the time for which capacity was declared."""
    request, window = part.proposal.request, part.window
    if start is None or end is None:
        return
    if (request.start_on and start < request.start_on) or (request.end_on and end > request.end_on):
        detail = gettext_noop("The request allows %(earliest)s to %(latest)s.")
        params = {"earliest": str(request.start_on), "latest": str(request.end_on)}
        yield FieldError(pointer, "outside_window", detail, (), params)
    elif window is not None and pointer == "/period" and not _covers(window, start, end):
        detail = gettext_noop("Capacity is held from %(earliest)s to %(latest)s.")
        params = {"earliest": str(window.start_on), "latest": str(window.end_on)}
        yield FieldError(pointer, "outside_capacity", detail, (), params)


def _session(part: ProposalPart, terms: "CounterTerms", session: "Session | None") -> Iterator[FieldError]:
    if terms.session_id is None:
        return
    if session is None:
        detail = gettext_noop("Name a session of this offering that can be booked.")
        yield FieldError("/session", "session_not_bookable", detail)
    else:
        yield from _inside(part, session.start_on, session.end_on, "/session")


def _language(part: ProposalPart, terms: "CounterTerms") -> Iterator[FieldError]:
    request = part.proposal.request
    of_lines = [line.line.language for line in part.lines.select_related("line") if line.line.language]
    allowed = tuple(sorted({*request.languages_must, *request.languages_may, *of_lines}))
    if terms.language and allowed and terms.language not in allowed:
        detail = gettext_noop("The request does not take `%(value)s`.")
        yield FieldError("/language", "language_not_asked", detail, allowed, {"value": terms.language})


def _participants(part: ProposalPart, terms: "CounterTerms", session: "Session | None") -> Iterator[FieldError]:
    """Each line keeps what it needs in one piece and takes no more than it has room for; a session has its seats."""
    asked = part.participants if terms.participants is None else terms.participants
    room = session or part.session
    if room is not None:
        free = room.seats_free + (part.participants if room.pk == part.session_id else 0)
        if asked > free:
            detail = gettext_noop("The session has %(free)s seats for you.")
            yield FieldError("/session" if session else "/participants", "too_few_seats", detail, (), {"free": free})
    if terms.participants is None:
        return
    rows = list(part.lines.select_related("line").order_by("line_id"))
    bounds = [_bounds(row.line, row.participants) for row in rows]
    least, most = sum(low for low, _ in bounds), sum(high for _, high in bounds)
    if least <= asked <= most:
        shares = spread(asked, [row.participants for row in rows])
        if all(low <= share <= high for (low, high), share in zip(bounds, shares, strict=True)):
            return
    detail = gettext_noop("Between %(least)s and %(most)s participants.")
    yield FieldError("/participants", "participants_out_of_range", detail, (), {"least": least, "most": most})


def _bounds(line: "RequestLine", share: int) -> tuple[int, int]:
    """Give the fewest and the most participants of a line that a part with this share of it may take."""
    most = share + line.free
    return (1 if line.divisible else max(1, min(line.participants_min - (line.claimed - share), most))), most


def _cost(part: ProposalPart, terms: "CounterTerms", at: datetime) -> Iterator[FieldError]:
    """The other parts' prices and the new one together stay below a ceiling for which there is money.

    Prices that others offer in turn count once they are agreed; `check_ceiling` looks again then.
    """
    if terms.cost_amount is None:
        return
    request = part.proposal.request
    if not terms.cost_currency:
        yield FieldError("/cost/currency", "currency_missing", gettext_noop("An amount needs its currency."))
    elif request.budget_ceiling is not None and request.funding_state == "secured":
        own = ProposalPart.objects.filter(proposal=part.proposal).exclude(state__in=ENDED_PARTS)
        others = (own | _claiming(request.pk)).exclude(pk=part.pk)
        if _sum([(terms.cost_amount, terms.cost_currency), *_prices(others)], request.budget_currency, at) > (
            request.budget_ceiling
        ):
            detail = gettext_noop("The ceiling of the request is %(ceiling)s.")
            ceiling = str(Money(request.budget_ceiling, request.budget_currency))
            yield FieldError("/cost", "over_ceiling", detail, (), {"ceiling": ceiling})


def check_ceiling(proposal: MatchProposal, *, at: datetime) -> None:
    """Raise DomainError(ceiling_exceeded) when what is asked for and agreed for a request exceeds its secured ceiling.

    Parts count whose lines are claimed, in whatever proposal, so the caller has claimed them before, or has put the agreed
    price in place: no other approval of the same request comes between. The tolerance is that of the policy by which the proposal was made, else of the one in
    force. Prices that nobody knows count nothing.
    """
    request = proposal.request
    if request.budget_ceiling is None or request.funding_state != "secured":
        return
    policy = proposal.run.policy if proposal.run is not None else current_policy(at=at)
    permille = 1000 + engine_policy(policy).cost_tolerance_permille
    total = spending.committed([request.pk], at=at).get(request.pk, Decimal(0))
    if total * 1000 > request.budget_ceiling * permille:
        own = _sum(_prices(_claiming(request.pk).filter(proposal=proposal)), request.budget_currency, at)
        left = max(Decimal(0), request.budget_ceiling - (total - own))
        cost, ceiling, rest = (str(Money(one, request.budget_currency)) for one in (own, request.budget_ceiling, left))
        raise DomainError(ErrorCode.CEILING_EXCEEDED, cost=cost, ceiling=ceiling, left=rest)


def _claiming(request_id: int) -> "QuerySet[ProposalPart]":
    """Give the parts of a request, of all its proposals, whose lines are claimed."""
    return ProposalPart.objects.filter(proposal__request=request_id, state__in=CLAIMING_PARTS)


def _prices(parts: "QuerySet[ProposalPart]") -> list[tuple[Decimal, str]]:
    rows = parts.filter(cost_amount__isnull=False).values_list("cost_amount", "cost_currency")
    return [(amount, currency) for amount, currency in rows if amount is not None]


def _sum(prices: Sequence[tuple[Decimal, str]], currency: str, at: datetime) -> Decimal:
    return spending.added([Money(amount, code) for amount, code in prices], currency, at=at)
