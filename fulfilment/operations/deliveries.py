"""One delivery among several: start, report, confirm, contest, cancel; the engagement follows."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from fulfilment.models import Delivery
from fulfilment.operations.locking import (
    check_deliverer,
    check_need_lives,
    check_open,
    check_requester,
    check_secretariat,
    check_unconcerned,
    lock_deliveries,
    lock_delivery,
    lock_engagement,
    need_code,
)
from fulfilment.operations.participation import StageCount
from fulfilment.operations.progress import (
    begin_delivery,
    confirm_report,
    confirm_silent,
    contest_report,
    report_delivery,
    report_due,
    settle,
    unsettle,
)
from fulfilment.operations.releasing import release_part, shrink_part
from fulfilment.queries.rights import ANSWERABLE
from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import LanguageMap, gettext_noop
from marketplace.lifecycles.operations import find_transition, transition

STARTABLE = frozenset({"agreed", "in_delivery"})
UNDERWAY = frozenset({"in_delivery"})
CANCELLABLE = frozenset({"planned", "agreed", "in_delivery", "on_hold"})


@transaction.atomic
def start_delivery(*, actor: Actor, at: datetime, delivery_id: int, expected_version: int | None = None) -> Delivery:
    """Begin one delivery; the first one starts the engagement.

    Raises DomainError(permission_denied, precondition_failed), and DomainError(wrong_state) also where the need of an
    engagement that has not begun is gone.
    """
    engagement, _deliveries, delivery = lock_delivery(delivery_id, expected_version=expected_version)
    check_deliverer(delivery, actor, at)
    find_transition(delivery, "start")
    check_open(engagement, "start", STARTABLE)
    check_need_lives(engagement, "start")
    begin_delivery(delivery, actor=actor, at=at)
    if engagement.state == "agreed":
        transition(engagement, "start", actor=actor, at=at, due_at=report_due(engagement, at))
    return delivery


@transaction.atomic
def deliver_delivery(
    *,
    actor: Actor,
    at: datetime,
    delivery_id: int,
    report: LanguageMap | None = None,
    participation: Sequence[StageCount] = (),
    expected_version: int | None = None,
) -> Delivery:
    """Report one delivery, also anew after it was contested; the last one delivers the engagement.

    Raises DomainError(permission_denied, wrong_state, precondition_failed), DomainError(rule_broken) when it is not
    known how many attended.
    """
    engagement, deliveries, delivery = lock_delivery(delivery_id, expected_version=expected_version)
    check_deliverer(delivery, actor, at)
    find_transition(delivery, "deliver")
    check_open(engagement, "deliver", UNDERWAY)
    report_delivery(delivery, report=report, participation=participation, actor=actor, at=at)
    settle(engagement, deliveries, actor=actor, at=at)
    return delivery


@transaction.atomic
def confirm_delivery(
    *, actor: Actor, at: datetime, delivery_id: int, reason_text: str = "", expected_version: int | None = None
) -> Delivery:
    """Confirm the report of one delivery; a contested one is settled by an unconcerned officer, in writing.

    Raises DomainError(permission_denied, recused, wrong_state, precondition_failed), DomainError(rule_broken) for a
    settlement without its reason.
    """
    engagement, deliveries, delivery = lock_delivery(delivery_id, expected_version=expected_version)
    settling = delivery.state == "contested"
    if settling:
        check_secretariat(engagement, actor, at)
        check_unconcerned(engagement, actor, at)
    else:
        check_requester(engagement, actor, at)
    find_transition(delivery, "confirm")
    check_open(engagement, "confirm", ANSWERABLE)
    if settling and not reason_text.strip():
        raise rule_broken("/reason_text", "reason_missing", gettext_noop("A settlement is given in writing."))
    how = "settlement" if settling else "requester"
    confirm_report(delivery, deliveries, how=how, actor=actor, at=at, reason_text=reason_text)
    settle(engagement, deliveries, actor=actor, at=at)
    return delivery


@transaction.atomic
def contest_delivery(
    *,
    actor: Actor,
    at: datetime,
    delivery_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Delivery:
    """Contest the report of one delivery; the secretariat settles it unless a better report comes.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference).
    """
    engagement, _deliveries, delivery = lock_delivery(delivery_id, expected_version=expected_version)
    check_requester(engagement, actor, at)
    find_transition(delivery, "contest")
    check_open(engagement, "contest", ANSWERABLE)
    need_code("contest_reasons", reason_code, "/reason_code")
    contest_report(delivery, reason_code, reason_text, actor=actor, at=at)
    unsettle(engagement, delivery, reason_text, actor=actor, at=at)
    return delivery


@transaction.atomic
def cancel_delivery(
    *,
    actor: Actor,
    at: datetime,
    delivery_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Delivery:
    """Cancel one of several deliveries: its capacity is free again, its participants go back to the request.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference), DomainError(rule_broken)
    for the last live delivery: then the engagement is to be cancelled.
    """
    engagement, deliveries, delivery = lock_delivery(delivery_id, expected_version=expected_version)
    check_secretariat(engagement, actor, at)
    find_transition(delivery, "cancel")
    check_open(engagement, "cancel", CANCELLABLE)
    need_code("cancellation_reasons", reason_code, "/reason_code")
    if all(row.state == "cancelled" or row is delivery for row in deliveries):
        raise rule_broken("/", "last_delivery", gettext_noop("It is the last delivery: cancel the engagement."))
    transition(delivery, "cancel", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    siblings = [row for row in deliveries if row.part_id == delivery.part_id and row.state != "cancelled"]
    if siblings:
        shrink_part(engagement, siblings, actor=actor, at=at)
    else:
        release_part(delivery.part_id, actor=actor, at=at)
    settle(engagement, deliveries, actor=actor, at=at)
    return delivery


@transaction.atomic
def confirm_by_silence(*, actor: Actor, at: datetime, engagement_id: int) -> int:
    """Confirm the reports whose deadline has passed without a word of the requester; returns how many. Safe to repeat."""
    engagement = lock_engagement(engagement_id)
    if engagement.state not in ANSWERABLE:
        return 0
    deliveries = lock_deliveries(engagement)
    silent = confirm_silent(deliveries, actor=actor, at=at)
    settle(engagement, deliveries, actor=actor, at=at)
    return silent
