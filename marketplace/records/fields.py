"""Column types and groups of columns that mean the same everywhere."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models

from marketplace.kernel.money import Money
from marketplace.kernel.periods import Period, Precision
from marketplace.kernel.text import gettext_noop


def check_language_map(value: object) -> None:
    """Accept ``{"en": "text", ...}`` only; raises ValidationError."""
    if not isinstance(value, dict) or not all(isinstance(k, str) and isinstance(v, str) for k, v in value.items()):
        raise ValidationError(gettext_noop("A text needs the form {language: text}."), code="language_map")


class LanguageMapField(models.JSONField):
    """Texts by language (BCP 47), as ADR 0003 decides."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", dict)
        kwargs.setdefault("blank", True)
        kwargs.setdefault("validators", [check_language_map])
        super().__init__(*args, **kwargs)


class CodeListField(models.JSONField):
    """An ordered list of vocabulary codes."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("default", list)
        kwargs.setdefault("blank", True)
        super().__init__(*args, **kwargs)


PRECISIONS = [(p.value, p.value) for p in Precision]


class PeriodColumns(models.Model):
    """First and last day with the precision in which they are known."""

    start_on = models.DateField(null=True, blank=True)
    end_on = models.DateField(null=True, blank=True)
    precision = models.CharField(max_length=10, choices=PRECISIONS, default=Precision.DAY.value)

    class Meta:
        abstract = True

    @property
    def period(self) -> Period | None:
        """The period, or None while the dates are open."""
        if self.start_on is None or self.end_on is None:
            return None
        return Period(self.start_on, self.end_on, Precision(self.precision))


def period_is_ordered(name: str) -> models.CheckConstraint:
    """Give the constraint that a period ends on or after its start."""
    return models.CheckConstraint(
        condition=models.Q(end_on__isnull=True) | models.Q(end_on__gte=models.F("start_on")), name=name
    )


def money_or_none(amount: Any, currency: str) -> Money | None:
    """Join the two columns of an amount of money; None where there is none."""
    return None if amount is None or not currency else Money(amount, currency)
