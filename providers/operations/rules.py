"""What an offering must be: always, and before it goes to vetting."""

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

from marketplace.kernel.errors import FieldError
from marketplace.kernel.text import gettext_noop as _
from marketplace.vocabularies import queries as vocabularies
from providers.models import Offering
from providers.operations.facts import check_reach, refuse

# What a delivery costs in full (domain description); each may be unknown.
COST_ITEMS = ("interpretation", "materials", "subsistence", "support", "trainers", "travel", "venue")
PLACE_KEYS = ("city", "country", "venue")

# What the vetting panel cannot do without; a series (umbrella) is not delivered itself and needs less.
NEEDED = ("titles", "summaries", "themes", "languages", "audiences", "form", "modality")
NEEDED_TO_DELIVER = ("duration_hours", "participants_min", "participants_max")


def check_offering_facts(offering: Offering) -> None:
    """Check the rules that hold in every state. Raises DomainError(rule_broken) with every broken one."""
    check_reach(offering.scope, offering.countries_served, offering.regions_served)
    refuse([*_numbers(offering), *_money(offering), *_places(offering), *_concepts(offering), *_series(offering)])


def check_complete(offering: Offering) -> None:
    """Check that an offering says enough to be vetted. Raises DomainError(rule_broken) naming what is missing."""
    needed = NEEDED if offering.is_umbrella else (*NEEDED, *NEEDED_TO_DELIVER)
    refuse(
        [
            FieldError(f"/{column}", "missing", _("This is needed before the offering can be vetted."))
            for column in needed
            if not getattr(offering, column)
        ]
    )


def _numbers(offering: Offering) -> Iterator[FieldError]:
    least, most = offering.participants_min, offering.participants_max
    if least is not None and least < 1:
        yield FieldError("/participants_min", "too_small", _("At least one participant is needed."))
    if least is not None and most is not None and least > most:
        yield FieldError("/participants_max", "below_minimum", _("The maximum lies below the minimum."))
    if offering.duration_hours == 0:
        yield FieldError("/duration_hours", "too_small", _("A training lasts at least an hour."))


def _money(offering: Offering) -> Iterator[FieldError]:
    amounts = {"/cost_per_delivery": offering.cost_per_delivery, "/cost_per_participant": offering.cost_per_participant}
    known = {pointer: amount for pointer, amount in amounts.items() if amount is not None}
    for pointer, amount in known.items():
        if amount < 0:
            yield FieldError(pointer, "negative", _("A cost is not negative."))
    if (known or offering.cost_items) and not offering.currency:
        yield FieldError("/currency", "missing", _("An amount needs its currency."))
    yield from _cost_items(offering)


def _cost_items(offering: Offering) -> Iterator[FieldError]:
    total = Decimal(0)
    for item, text in offering.cost_items.items():
        if item not in COST_ITEMS:
            yield FieldError(f"/cost_items/{item}", "unknown_code", _("This is no part of a cost."), COST_ITEMS)
        amount = _amount(text)
        if amount is None or amount < 0:
            yield FieldError(f"/cost_items/{item}", "bad_amount", _("An amount is written as a decimal, like 1200.00."))
        total += amount or 0
    if offering.cost_items and offering.cost_per_delivery is not None and total > offering.cost_per_delivery:
        yield FieldError("/cost_items", "above_total", _("The parts cost more than the whole."))


def _amount(text: object) -> Decimal | None:
    try:
        amount = Decimal(str(text))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _places(offering: Offering) -> Iterator[FieldError]:
    for place, facts in enumerate(offering.places):
        for key in set(facts) - set(PLACE_KEYS):
            yield FieldError(f"/places/{place}/{key}", "unknown_field", _("A place has no such part."), PLACE_KEYS)
        country = facts.get("country")
        if country:
            error = vocabularies.check_code("countries", country, f"/places/{place}/country")
            if error:
                yield error


def _concepts(offering: Offering) -> Iterator[FieldError]:
    for place, code in enumerate(offering.scheme_concepts):
        if vocabularies.concept(code) is None:
            detail = _("`%(value)s` is not known here.")
            yield FieldError(f"/scheme_concepts/{place}", "unknown_reference", detail, (), {"value": code})


def _series(offering: Offering) -> Iterator[FieldError]:
    if offering.series is None:
        return
    if not offering.series.is_umbrella:
        yield FieldError("/series", "not_an_umbrella", _("The series is itself a single offering."))
    if offering.is_umbrella:
        yield FieldError("/series", "nested_series", _("A series lies in no other series."))
