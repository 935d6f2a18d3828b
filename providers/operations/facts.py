"""Putting facts on a row: only named columns, checked codes, and what changed for the audit trail."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from typing import Any

from django.db.models import Model

from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, rule_broken
from marketplace.kernel.periods import Period
from marketplace.kernel.text import gettext_noop as _
from marketplace.vocabularies import queries as vocabularies

Facts = Mapping[str, Any]  # column -> value; each operation names the columns that it takes


def put(record: Model, facts: Facts, allowed: Iterable[str]) -> dict[str, object]:
    """Set the columns that ``facts`` names and return ``{column: [before, after]}`` for those that changed.

    Raises TypeError for a column that is not among ``allowed``: what a caller may set is said here, nowhere else.
    """
    strangers = set(facts) - set(allowed)
    if strangers:
        raise TypeError(f"{type(record).__name__} takes no {', '.join(sorted(strangers))}")
    changes: dict[str, object] = {}
    for column, value in facts.items():
        before = getattr(record, column)
        if before != value:
            setattr(record, column, value)
            changes[column] = [plain(before), plain(value)]
    return changes


def plain(value: object) -> object:
    """Give a value as JSON can hold it."""
    if isinstance(value, date | Decimal):
        return str(value)
    return str(value) if isinstance(value, Model) else value


def with_period(facts: Facts) -> dict[str, Any]:
    """Spread a ``period`` over its three columns."""
    spread = dict(facts)
    period: Period | None = spread.pop("period", None)
    if period is not None:
        spread |= {"start_on": period.start, "end_on": period.end, "precision": period.precision.value}
    return spread


def check_codes(facts: Facts, schemes: Mapping[str, str]) -> None:
    """Check the coded columns among ``facts``; ``schemes`` tells the vocabulary of each column.

    An empty single code is "not known" and passes. Raises DomainError(unknown_reference) with all wrong places.
    """
    errors: list[FieldError] = []
    for column, scheme in schemes.items():
        value = facts.get(column)
        if isinstance(value, str) and value:
            error = vocabularies.check_code(scheme, value, f"/{column}")
            errors += [error] if error else []
        elif isinstance(value, Sequence) and not isinstance(value, str):
            errors += vocabularies.check_codes(scheme, value, f"/{column}")
    if errors:
        raise DomainError(ErrorCode.UNKNOWN_REFERENCE, errors=errors)


def check_reason(scheme: str, reason_code: str) -> None:
    """Check a reason against its list. Raises DomainError(unknown_reference)."""
    error = vocabularies.check_code(scheme, reason_code, "/reason_code")
    if error:
        raise DomainError(ErrorCode.UNKNOWN_REFERENCE, errors=[error])


def check_reach(scope: str, countries: Sequence[str], regions: Sequence[str]) -> None:
    """Check that a listed reach lists something. Raises DomainError(rule_broken)."""
    if scope == "listed" and not countries and not regions:
        raise rule_broken("/countries_served", "reach_is_empty", _("A listed reach names countries or regions."))


def refuse(errors: Sequence[FieldError]) -> None:
    """Raise DomainError(rule_broken) when there is any error."""
    if errors:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)
