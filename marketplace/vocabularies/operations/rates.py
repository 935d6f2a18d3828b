"""Recording of exchange rates beside the shipped ones."""

from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from marketplace.kernel.errors import rule_broken, unknown_reference
from marketplace.kernel.text import gettext_noop as _
from marketplace.vocabularies import queries
from marketplace.vocabularies.models import ExchangeRate
from marketplace.vocabularies.revision import announce_change


def record_rate(*, currency: str, usd_per_unit: Decimal, valid_on: date, origin: str, at: datetime) -> ExchangeRate:
    """Record what one unit of ``currency`` is worth in United States dollars from ``valid_on`` on, replacing that day's rate.

    Raises DomainError(unknown_reference) for a currency that is not in the list, DomainError(rule_broken) for a rate
    that is not positive. Who may record rates is checked by the caller.
    """
    known = queries.codes("currencies")
    if currency not in known:
        raise unknown_reference("/currency", currency, sorted(known))
    if usd_per_unit <= 0:
        raise rule_broken("/usd_per_unit", "not_positive", _("A rate is greater than zero."))
    with transaction.atomic():
        rate, _created = ExchangeRate.objects.update_or_create(
            currency=currency, valid_on=valid_on, defaults={"usd_per_unit": usd_per_unit, "origin": origin}
        )
        announce_change(at)
    return rate
