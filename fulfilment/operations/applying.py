"""Carrying out an agreed change: deliveries, lines and budget take their new shape, capacity moves all or nothing."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from fulfilment.models import Delivery, Engagement, EngagementLine, EngagementParty
from fulfilment.models.engagements import DELIVERING_ROLES, PARTNER_ROLES
from fulfilment.operations.creation import span
from fulfilment.operations.following_up import date_milestones_anew
from fulfilment.operations.locking import moment, need_code
from fulfilment.operations.progress import report_due
from fulfilment.operations.releasing import SEATS, in_lock_order, move_capacity, needed, unit_of
from fulfilment.operations.terms import ChangeTerms, DeliveryTerms, LineTerms
from fulfilment.queries.templates import required_levels
from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.periods import Precision
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles.operations import record_change, reschedule_step
from requests_app import operations as requests

if TYPE_CHECKING:
    from providers.models import CapacityWindow, Offering, Session

MOVABLE = ("planned",)  # what has begun keeps its dates, place and seats
DATED = ("agreed", "in_delivery")


def check_terms(engagement: Engagement, deliveries: Sequence[Delivery], terms: ChangeTerms) -> None:
    """Raise DomainError(rule_broken, unknown_reference) unless the change asks for something that can be done."""
    by_number = {delivery.number: delivery for delivery in deliveries}
    errors: list[FieldError] = []
    if terms.is_empty:
        errors.append(FieldError("/", "empty_change", _("The change asks for nothing.")))
    for place, wanted in enumerate(terms.deliveries):
        errors += _errors_of_delivery(by_number.get(wanted.number), wanted, f"/deliveries/{place}")
    for place, line in enumerate(terms.lines):
        errors += _errors_of_line(engagement, by_number.get(line.delivery_number), line, f"/lines/{place}")
    if terms.budget_amount is not None and terms.budget_amount < 0:
        errors.append(FieldError("/budget/amount", "negative", _("The budget is not negative.")))
    if errors:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)
    if terms.budget_amount is not None:
        need_code("currencies", terms.budget_currency, "/budget/currency")


def _errors_of_delivery(delivery: Delivery | None, wanted: DeliveryTerms, pointer: str) -> list[FieldError]:
    if delivery is None:
        return [FieldError(f"{pointer}/number", "unknown_delivery", _("There is no such delivery."))]
    errors: list[FieldError] = []
    if delivery.state not in MOVABLE:
        errors.append(FieldError(pointer, "delivery_begun", _("Only a delivery that is still planned can change.")))
    start, end = wanted.start_on or delivery.start_on, wanted.end_on or delivery.end_on
    if start and end and end < start:
        errors.append(
            FieldError(f"{pointer}/end_on", "period_reversed", _("A period ends on or after the day it starts."))
        )
    if wanted.precision and wanted.precision not in list(Precision):
        precisions = tuple(Precision)
        errors.append(FieldError(f"{pointer}/precision", "unknown_code", _("The precision is not known."), precisions))
    if wanted.session_id is not None and wanted.window_id is not None:
        errors.append(FieldError(pointer, "two_capacities", _("Choose a session or a capacity window.")))
    return errors + _errors_of_capacity(delivery, wanted, pointer) + _errors_of_seats(delivery, wanted, pointer)


def _errors_of_capacity(delivery: Delivery, wanted: DeliveryTerms, pointer: str) -> list[FieldError]:
    """Session and window belong to the offering and its provider; another offering brings its own capacity."""
    offering = _offering(wanted.offering_id) if wanted.offering_id else delivery.offering
    errors: list[FieldError] = []
    if offering.state != "published" and wanted.offering_id:
        errors.append(FieldError(f"{pointer}/offering", "not_published", _("The offering is not published.")))
    elif offering.provider.state == "suspended" and wanted.offering_id:
        errors.append(FieldError(f"{pointer}/offering", "provider_suspended", _("The provider is not verified.")))
    if wanted.session_id and _session(wanted.session_id).offering_id != offering.pk:
        errors.append(FieldError(f"{pointer}/session", "other_offering", _("The session belongs to another offering.")))
    if wanted.window_id and _provider_of_window(wanted.window_id) != offering.provider_id:
        errors.append(FieldError(f"{pointer}/window", "other_provider", _("The window belongs to another provider.")))
    return errors


def _errors_of_seats(delivery: Delivery, wanted: DeliveryTerms, pointer: str) -> list[FieldError]:
    """In a session everybody has a seat: less is not enough, whatever a window counted."""
    stays = wanted.window_id is None and wanted.offering_id is None and delivery.session_id is not None
    seats = (delivery.seats or 0) if wanted.seats is None else wanted.seats
    if wanted.capacity is None or wanted.capacity >= seats or not (stays or wanted.session_id is not None):
        return []
    detail = _("%(seats)s participants need as many seats in the session.")
    return [FieldError(f"{pointer}/capacity", "too_few_seats", detail, (), {"seats": seats})]


def _errors_of_line(
    engagement: Engagement, delivery: Delivery | None, wanted: LineTerms, pointer: str
) -> list[FieldError]:
    if delivery is None:
        return [FieldError(f"{pointer}/delivery_number", "unknown_delivery", _("There is no such delivery."))]
    rows = EngagementLine.objects.filter(engagement=engagement, part_id=delivery.part_id)
    if not rows.filter(line__number=wanted.line_number).exists():
        return [FieldError(f"{pointer}/line_number", "unknown_line", _("The part does not serve this line."))]
    if wanted.participants < 1:
        return [FieldError(f"{pointer}/participants", "not_positive", _("A line is served for somebody."))]
    return []


def apply_terms(
    engagement: Engagement, deliveries: Sequence[Delivery], terms: ChangeTerms, *, actor: Actor, at: datetime
) -> dict[str, Any]:
    """Apply a change to a locked engagement and its locked deliveries; returns what it replaced, as JSON.

    Lines first, then deliveries, then capacity: the order of locks. Raises DomainError(line_taken, capacity_exhausted,
    rule_broken), and then nothing of it happened.
    """
    by_number = {delivery.number: delivery for delivery in deliveries}
    former: dict[str, Any] = {}
    if terms.lines:
        former["lines"] = [_apply_line(engagement, by_number, line, actor, at) for line in terms.lines]
    if terms.deliveries:
        former["deliveries"] = [_apply_delivery(by_number[row.number], row, actor, at) for row in terms.deliveries]
    if terms.budget_amount is not None:
        former["budget"] = {"amount": str(engagement.budget_amount), "currency": engagement.budget_currency}
        engagement.budget_amount, engagement.budget_currency = terms.budget_amount, terms.budget_currency
    moved = {by_number[row.number].part_id for row in terms.deliveries if row.moves_capacity or row.offering_id}
    _move_capacity(deliveries, moved, actor, at)
    _follow_deliveries(engagement, deliveries, at)
    return former


def _apply_line(
    engagement: Engagement, by_number: dict[int, Delivery], wanted: LineTerms, actor: Actor, at: datetime
) -> dict[str, Any]:
    part_id = by_number[wanted.delivery_number].part_id
    row = EngagementLine.objects.get(engagement=engagement, part_id=part_id, line__number=wanted.line_number)
    former = {"line_number": wanted.line_number, "participants": row.participants}
    requests.resize_claim(actor=actor, at=at, claimant=part_id, line_id=row.line_id, participants=wanted.participants)
    row.participants = wanted.participants
    row.save(update_fields=["participants"])
    return {**former, "delivery_number": wanted.delivery_number}


PLAIN = ("start_on", "end_on", "precision", "city", "country", "venue", "seats", "capacity")


def _apply_delivery(delivery: Delivery, wanted: DeliveryTerms, actor: Actor, at: datetime) -> dict[str, Any]:
    former: dict[str, Any] = {"number": delivery.number}
    unit = unit_of(delivery)
    for name in PLAIN:
        value = getattr(wanted, name)
        if value not in (None, ""):
            former[name] = str(getattr(delivery, name))
            setattr(delivery, name, value)
    if wanted.offering_id is not None:
        former |= _change_offering(delivery, wanted.offering_id)
    if wanted.session_id is not None or wanted.window_id is not None:
        former |= {"session_id": delivery.session_id, "window_id": delivery.window_id}
        delivery.session_id, delivery.window_id = wanted.session_id, wanted.window_id
    if wanted.session_id is not None:
        _take_over_session(delivery, wanted, _session(wanted.session_id))
    if wanted.capacity is None and _counts_anew(delivery, wanted, unit):
        former["capacity"] = str(delivery.capacity)
        delivery.capacity = needed(delivery)
    record_change(delivery, "changed", actor=actor, at=at, changes={"former": former})
    return former


def _counts_anew(delivery: Delivery, wanted: DeliveryTerms, former_unit: str) -> bool:
    """Tell whether what a delivery took says nothing any more: in another unit, of another training, of more people.

    What took nothing of its session (imports) goes on taking nothing.
    """
    unit = unit_of(delivery)
    other_seats = unit == SEATS and wanted.seats is not None and delivery.capacity > 0
    return unit != former_unit or wanted.offering_id is not None or other_seats


def _change_offering(delivery: Delivery, offering_id: int) -> dict[str, Any]:
    former = {"offering_id": delivery.offering_id, "provider_id": delivery.provider_id}
    offering = _offering(offering_id)
    delivery.offering, delivery.provider, delivery.form = offering, offering.provider, offering.form
    delivery.session_id = delivery.window_id = None
    _bring_in(delivery.engagement, offering)
    return former


def _bring_in(engagement: Engagement, offering: "Offering") -> None:
    """Make who delivers an offering a party, and its partners too, as those of a proposal are."""
    provider = offering.provider.organization_id
    roles = [role for role in PARTNER_ROLES if role != "lead"]
    wanted = set(offering.partners.filter(role__in=roles).values_list("organization_id", "role"))
    if not engagement.parties.filter(organization_id=provider, role__in=DELIVERING_ROLES).exists():
        wanted.add((provider, "member"))
    for organization_id, role in sorted(wanted):
        EngagementParty.objects.get_or_create(engagement=engagement, organization_id=organization_id, role=role)


def _take_over_session(delivery: Delivery, wanted: DeliveryTerms, session: "Session") -> None:
    """A session has its own dates and place: they hold unless the change says otherwise."""
    if wanted.start_on is None and wanted.end_on is None and session.start_on:
        delivery.start_on, delivery.end_on, delivery.precision = session.start_on, session.end_on, session.precision
    if not (wanted.city or wanted.country or wanted.venue):
        delivery.city, delivery.country, delivery.venue = session.city, session.country, session.venue


def _move_capacity(deliveries: Sequence[Delivery], parts: Iterable[UUID], actor: Actor, at: datetime) -> None:
    moved = set(parts)
    for part in in_lock_order(row for row in deliveries if row.part_id in moved and row.state != "cancelled"):
        move_capacity(part[0].part_id, part, actor=actor, at=at)


def _follow_deliveries(engagement: Engagement, deliveries: Sequence[Delivery], at: datetime) -> None:
    """Let period, required levels, milestones and the open step follow from the changed deliveries."""
    live = [row for row in deliveries if row.state != "cancelled"]
    engagement.start_on, engagement.end_on, engagement.precision = span(
        [(row.start_on, row.end_on, row.precision) for row in live]
    )
    levels = set(required_levels(row.form for row in live))
    added = levels - set(engagement.required_levels)
    met = set(engagement.evaluations.exclude(source="provider").values_list("level", flat=True))
    met |= set(engagement.waivers.values_list("level", flat=True))
    engagement.required_levels = sorted(levels)
    engagement.missing_levels = sorted((set(engagement.missing_levels) & levels) | (added - met))
    engagement.save()
    date_milestones_anew(engagement, at=at)
    if engagement.state in DATED:
        agreed = engagement.state == "agreed"
        due = moment(engagement.start_on, after=at) if agreed else report_due(engagement, at)
        reschedule_step(engagement, at=at, due_at=due)


def _offering(pk: int) -> "Offering":
    model = cast("type[Offering]", Delivery._meta.get_field("offering").related_model)
    return model.objects.select_related("provider").get(pk=pk)


def _session(pk: int) -> "Session":
    return cast("type[Session]", Delivery._meta.get_field("session").related_model).objects.get(pk=pk)


def _provider_of_window(pk: int) -> int:
    windows = cast("type[CapacityWindow]", Delivery._meta.get_field("window").related_model)
    return windows.objects.values_list("provider_id", flat=True).get(pk=pk)
