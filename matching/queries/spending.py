"""What is asked for and agreed already for a request, which its ceiling has to pay before anything else."""

from collections.abc import Collection, Iterable
from datetime import datetime
from decimal import Decimal

from marketplace.kernel.money import Money, convert
from marketplace.vocabularies import queries as vocabularies
from matching.lifecycle import CLAIMING_PARTS
from matching.models import ProposalPart


def committed(request_ids: Collection[int], *, at: datetime) -> dict[int, Decimal]:
    """Give by request what its claiming parts cost together, in the currency of its ceiling; a constant number of queries.

    Parts count whose lines are claimed, in whatever proposal. Requests without a ceiling, and those of which nothing is
    claimed, are left out; a price that nobody knows, and one without a stored rate, counts nothing (domain rule 9).
    """
    parts = ProposalPart.objects.filter(
        proposal__request__in=request_ids,
        proposal__request__budget_ceiling__isnull=False,
        state__in=CLAIMING_PARTS,
        cost_amount__isnull=False,
    )
    rows = parts.values_list("proposal__request", "proposal__request__budget_currency", "cost_amount", "cost_currency")
    prices: dict[tuple[int, str], list[Money]] = {}
    for request_id, currency, amount, code in rows:
        if amount is not None:
            prices.setdefault((request_id, currency), []).append(Money(amount, code))
    return {request_id: added(found, currency, at=at) for (request_id, currency), found in prices.items()}


def added(prices: Iterable[Money], currency: str, *, at: datetime) -> Decimal:
    """Add prices in one currency; one without a stored rate is neutral (domain rule 9)."""
    rates = vocabularies.rates(at.date())
    converted = [convert(money, currency, rates) for money in prices]
    return sum((money.amount for money in converted if money is not None), Decimal(0))
