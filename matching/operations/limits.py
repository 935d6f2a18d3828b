"""Limits of the request within which a partner may offer other terms."""

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.money import Money, convert
from marketplace.kernel.text import gettext_noop
from marketplace.vocabularies import queries as vocabularies
from matching.models import ProposalPart

if TYPE_CHECKING:
    from matching.operations.answers import CounterTerms


def check_within_limits(part: ProposalPart, terms: "CounterTerms", *, at: datetime) -> None:
    """Raise DomainError(rule_broken) with one entry for each term that leaves the limits of the request."""
    errors = [
        *_something(terms),
        *_dates(part, terms),
        *_session(part, terms),
        *_language(part, terms),
        *_participants(part, terms),
        *_cost(part, terms, at),
    ]
    if errors:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)


def _something(terms: "CounterTerms") -> Iterator[FieldError]:
    values = (
        terms.start_on,
        terms.end_on,
        terms.session_id,
        terms.participants,
        terms.language,
        terms.place,
        terms.cost_amount,
        terms.terms,
    )
    if not any(values):
        yield FieldError("", "nothing_countered", gettext_noop("Say which terms would be different."))


def _dates(part: ProposalPart, terms: "CounterTerms") -> Iterator[FieldError]:
    request = part.proposal.request
    if (terms.start_on is None) != (terms.end_on is None):
        yield FieldError("/end_on", "dates_incomplete", gettext_noop("Give the first and the last day."))
        return
    if terms.start_on is None or terms.end_on is None:
        return
    if terms.end_on < terms.start_on:
        yield FieldError("/end_on", "dates_reversed", gettext_noop("The last day lies before the first."))
    earliest, latest = request.start_on, request.end_on
    if (earliest and terms.start_on < earliest) or (latest and terms.end_on > latest):
        detail = gettext_noop("The request allows %(earliest)s to %(latest)s.")
        yield FieldError("/start_on", "outside_window", detail, (), {"earliest": str(earliest), "latest": str(latest)})


def _session(part: ProposalPart, terms: "CounterTerms") -> Iterator[FieldError]:
    offering = part.offering
    if terms.session_id is not None and not offering.sessions.filter(pk=terms.session_id).exists():
        yield FieldError("/session", "other_offering", gettext_noop("The session belongs to another offering."))


def _language(part: ProposalPart, terms: "CounterTerms") -> Iterator[FieldError]:
    request = part.proposal.request
    allowed = tuple(sorted({*request.languages_must, *request.languages_may}))
    if terms.language and terms.language not in allowed:
        detail = gettext_noop("The request does not take `%(value)s`.")
        yield FieldError("/language", "language_not_asked", detail, allowed, {"value": terms.language})


def _participants(part: ProposalPart, terms: "CounterTerms") -> Iterator[FieldError]:
    if terms.participants is None:
        return
    most = sum(line.line.participants_max for line in part.lines.select_related("line"))
    if not 1 <= terms.participants <= most:
        detail = gettext_noop("Between 1 and %(most)s participants.")
        yield FieldError("/participants", "participants_out_of_range", detail, (), {"most": most})


def _cost(part: ProposalPart, terms: "CounterTerms", at: datetime) -> Iterator[FieldError]:
    if terms.cost_amount is None:
        return
    request = part.proposal.request
    if not terms.cost_currency:
        yield FieldError("/cost/currency", "currency_missing", gettext_noop("An amount needs its currency."))
    elif request.budget_ceiling is not None and request.funding_state == "secured":
        asked = convert(
            Money(terms.cost_amount, terms.cost_currency), request.budget_currency, vocabularies.rates(at.date())
        )
        if asked is not None and asked.amount > request.budget_ceiling:
            detail = gettext_noop("The ceiling of the request is %(ceiling)s.")
            ceiling = str(Money(request.budget_ceiling, request.budget_currency))
            yield FieldError("/cost", "over_ceiling", detail, (), {"ceiling": ceiling})
