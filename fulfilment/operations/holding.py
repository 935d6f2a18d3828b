"""Interrupting and ending: hold, resume, cancel."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from fulfilment.models import Delivery, Engagement
from fulfilment.operations.following_up import drop_milestones, withdraw_change
from fulfilment.operations.locking import (
    check_need_lives,
    check_secretariat,
    lock_deliveries,
    lock_engagement,
    moment,
    need_code,
)
from fulfilment.operations.progress import confirm_silent, report_due, settle
from fulfilment.operations.releasing import deliver_part, in_lock_order, release_part
from fulfilment.queries.standing import is_elsewhere
from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles.deadlines import CLOCK
from marketplace.lifecycles.operations import find_transition, transition, wrong_state
from marketplace.vocabularies import queries as vocabularies


@transaction.atomic
def hold_engagement(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Engagement:
    """Interrupt an engagement; the secretariat owes rebooking or release by a date.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference).
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_secretariat(engagement, actor, at)
    find_transition(engagement, "hold")
    need_code("hold_reasons", reason_code, "/reason_code")
    engagement.held_from, engagement.hold_reason = engagement.state, reason_code
    engagement.save(update_fields=["held_from", "hold_reason"])
    transition(engagement, "hold", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    return engagement


@transaction.atomic
def resume_engagement(
    *, actor: Actor, at: datetime, engagement_id: int, expected_version: int | None = None
) -> Engagement:
    """Go on where the hold interrupted, with what was left of the clock or by the dates of delivery; where all that is left
    was reported or confirmed meanwhile, on from there.

    Raises DomainError(permission_denied, precondition_failed), DomainError(rule_broken) while a delivery still sits in a
    session that was cancelled or moved: propose a change first. Raises DomainError(wrong_state) also where the need of what
    has not begun is gone, and while the provider or the offering of a delivery that is still planned is suspended.
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_secretariat(engagement, actor, at)
    find_transition(engagement, "resume")
    check_need_lives(engagement, "resume")
    deliveries = lock_deliveries(engagement)
    for delivery in deliveries:
        if delivery.state == "planned":  # what runs cannot change any more: it is the secretariat's to judge
            _check_stands(engagement, delivery)
    target = engagement.held_from
    engagement.held_from = engagement.hold_reason = ""
    due = {"agreed": moment(engagement.start_on, after=at), "in_delivery": report_due(engagement, at)}.get(target)
    transition(engagement, "resume", actor=actor, at=at, target=target, due_at=due)
    engagement.save(update_fields=["held_from", "hold_reason"])
    if _silence_confirms():
        confirm_silent(deliveries, actor=CLOCK, at=at)
    settle(engagement, deliveries, actor=actor, at=at)
    return engagement


def _silence_confirms() -> bool:
    return vocabularies.service_level("delivery.confirm").deadline_effect != "none"


def _check_stands(engagement: Engagement, delivery: Delivery) -> None:
    if delivery.session and delivery.session.state == "cancelled":
        detail = gettext_noop("The session of delivery %(number)s is cancelled: change it first.")
        raise rule_broken(f"/deliveries/{delivery.number}", "session_cancelled", detail, number=delivery.number)
    if is_elsewhere(delivery):
        detail = gettext_noop("The session of delivery %(number)s was moved: agree on what holds now first.")
        raise rule_broken(f"/deliveries/{delivery.number}", "session_moved", detail, number=delivery.number)
    if delivery.provider.state == "suspended":
        raise wrong_state(delivery.provider, "resume")
    # Retiring ends no agreement by itself, but it is no way out of a suspension.
    out = ("suspended", "retired") if engagement.hold_reason == "offering_suspended" else ("suspended",)
    if delivery.offering.state in out:
        raise wrong_state(delivery.offering, "resume")


@transaction.atomic
def cancel_engagement(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Engagement:
    """Cancel what has not been delivered: lines go back to open, capacity is free, milestones and changes fall away.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference), DomainError(rule_broken)
    while a report waits for its confirmation.
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_secretariat(engagement, actor, at)
    find_transition(engagement, "cancel")
    need_code("cancellation_reasons", reason_code, "/reason_code")
    deliveries = lock_deliveries(engagement)
    waiting = next((row for row in deliveries if row.state == "delivered"), None)
    if waiting is not None:
        detail = gettext_noop("The report on delivery %(number)s is neither confirmed nor contested yet.")
        raise rule_broken(f"/deliveries/{waiting.number}", "report_open", detail, number=waiting.number)
    for delivery in deliveries:
        if delivery.state not in ("confirmed", "cancelled"):
            transition(delivery, "cancel", actor=actor, at=at, reason_code=reason_code)
    _give_back(engagement, deliveries, actor, at)
    withdraw_change(engagement, actor=actor, at=at)
    drop_milestones(engagement, actor=actor, at=at, keep_follow_ups=False)
    engagement.cancel_reason = reason_code
    engagement.save(update_fields=["cancel_reason"])
    transition(engagement, "cancel", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    return engagement


def _give_back(engagement: Engagement, deliveries: Sequence[Delivery], actor: Actor, at: datetime) -> None:
    for part in in_lock_order(deliveries):
        part_id = part[0].part_id
        confirmed = [delivery for delivery in part if delivery.state == "confirmed"]
        if not confirmed:
            release_part(part_id, actor=actor, at=at)
        elif len(confirmed) < len(part):
            deliver_part(engagement, confirmed, actor=actor, at=at)
