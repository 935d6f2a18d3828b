"""An engagement on its way: agree, start, deliver, confirm or contest, close."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from fulfilment.lifecycle import UNREPORTED
from fulfilment.models import Delivery, Engagement
from fulfilment.operations.following_up import drop_milestones, reach_milestone, withdraw_change
from fulfilment.operations.locking import (
    check_lead,
    check_need_lives,
    check_requester,
    check_secretariat,
    lock_deliveries,
    lock_engagement,
    moment,
    need_code,
)
from fulfilment.operations.outcomes import feed_outcomes
from fulfilment.operations.participation import StageCount, write_participation
from fulfilment.operations.releasing import deliver_part
from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.periods import add_working_days
from marketplace.kernel.text import LanguageMap, gettext_noop
from marketplace.lifecycles.operations import find_transition, transition
from marketplace.vocabularies import queries as vocabularies
from requests_app import operations as requests


@transaction.atomic
def agree_engagement(
    *, actor: Actor, at: datetime, engagement_id: int, expected_version: int | None = None
) -> Engagement:
    """Record that the parties agree.

    Raises DomainError(permission_denied, precondition_failed), and DomainError(wrong_state) also where the need is gone.
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_lead(engagement, actor, at)
    find_transition(engagement, "agree")
    check_need_lives(engagement, "agree")
    transition(engagement, "agree", actor=actor, at=at, due_at=moment(engagement.start_on, after=at))
    reach_milestone(engagement, "partner_agreement", actor=actor, at=at)
    return engagement


@transaction.atomic
def start_engagement(
    *, actor: Actor, at: datetime, engagement_id: int, expected_version: int | None = None
) -> Engagement:
    """Begin: deliveries whose first day has come start with it, at least the earliest one.

    Raises DomainError(permission_denied, precondition_failed), and DomainError(wrong_state) also where the need is gone.
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_lead(engagement, actor, at)
    find_transition(engagement, "start")
    check_need_lives(engagement, "start")
    planned = [delivery for delivery in lock_deliveries(engagement) if delivery.state == "planned"]
    begun = [delivery for delivery in planned if delivery.start_on and delivery.start_on <= at.date()]
    for delivery in begun or planned[:1]:
        begin_delivery(delivery, actor=actor, at=at)
    transition(engagement, "start", actor=actor, at=at, due_at=report_due(engagement, at))
    return engagement


@transaction.atomic
def deliver_engagement(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    report: LanguageMap | None = None,
    participation: Sequence[StageCount] = (),
    expected_version: int | None = None,
) -> Engagement:
    """Report all deliveries that are not reported yet. Numbers may be given with it where one delivery is open.

    Raises DomainError(permission_denied, wrong_state, precondition_failed), DomainError(rule_broken) when the number
    of those who attended is not known for each delivery.
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_lead(engagement, actor, at)
    find_transition(engagement, "deliver")
    deliveries = lock_deliveries(engagement)
    unreported = [delivery for delivery in deliveries if delivery.state in UNREPORTED]
    if participation and len(unreported) != 1:
        detail = gettext_noop("Several deliveries are open: give the numbers of each delivery by itself.")
        raise rule_broken("/participation", "participation_ambiguous", detail)
    for delivery in unreported:
        if delivery.state == "planned":
            begin_delivery(delivery, actor=actor, at=at)
        report_delivery(delivery, report=report, participation=participation, actor=actor, at=at)
    settle(engagement, deliveries, actor=actor, at=at)
    return engagement


@transaction.atomic
def confirm_engagement(
    *, actor: Actor, at: datetime, engagement_id: int, expected_version: int | None = None
) -> Engagement:
    """Confirm the reports of all deliveries; evaluation follows. Raises DomainError(permission_denied, wrong_state)."""
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_requester(engagement, actor, at)
    find_transition(engagement, "confirm")
    deliveries = lock_deliveries(engagement)
    for delivery in deliveries:
        if delivery.state == "delivered":
            confirm_report(delivery, deliveries, how="requester", actor=actor, at=at)
    settle(engagement, deliveries, actor=actor, at=at)
    return engagement


@transaction.atomic
def contest_engagement(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Engagement:
    """Contest the reports that are not confirmed yet; the engagement goes back to delivery.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference).
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_requester(engagement, actor, at)
    find_transition(engagement, "contest")
    need_code("contest_reasons", reason_code, "/reason_code")
    for delivery in lock_deliveries(engagement):
        if delivery.state == "delivered":
            contest_report(delivery, reason_code, reason_text, actor=actor, at=at)
    _return_to_delivery(engagement, reason_code, reason_text, actor, at)
    return engagement


@transaction.atomic
def close_engagement(
    *, actor: Actor, at: datetime, engagement_id: int, expected_version: int | None = None
) -> Engagement:
    """Close; outcomes from others than the provider feed its track record, dated follow-ups stay open.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, evaluation_missing).
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_secretariat(engagement, actor, at)
    find_transition(engagement, "close")
    if engagement.missing_levels:
        raise DomainError(ErrorCode.EVALUATION_MISSING, levels=", ".join(str(n) for n in engagement.missing_levels))
    engagement.closed_at = at
    engagement.save(update_fields=["closed_at"])
    transition(engagement, "close", actor=actor, at=at)
    drop_milestones(engagement, actor=actor, at=at, keep_follow_ups=True)
    feed_outcomes(engagement, at=at)
    return engagement


# --- steps that deliveries and engagements share ------------------------------------------------------------------


def report_due(row: Engagement | Delivery, at: datetime) -> datetime | None:
    """Give when the report is due: the working days of the service level after the last day of delivery."""
    end = moment(row.end_on, after=at)
    return add_working_days(end, vocabularies.service_level("delivery.report").working_days) if end else None


def begin_delivery(delivery: Delivery, *, actor: Actor, at: datetime) -> None:
    """Start one locked delivery and its lines."""
    find_transition(delivery, "start")
    requests.start_lines(actor=actor, at=at, claimant=delivery.part_id)
    delivery.started_at = at
    delivery.save(update_fields=["started_at"])
    transition(delivery, "start", actor=actor, at=at, due_at=report_due(delivery, at))


def report_delivery(
    delivery: Delivery,
    *,
    report: LanguageMap | None,
    participation: Sequence[StageCount],
    actor: Actor,
    at: datetime,
) -> None:
    """Report one locked delivery. Raises DomainError(rule_broken) when it is not known how many attended."""
    find_transition(delivery, "deliver")
    if participation:
        write_participation(delivery, participation, actor=actor, at=at)
    stages = set(delivery.participation.all().values_list("stage", flat=True))
    if delivery.engagement.origin != "import" and "attended" not in stages:
        detail = gettext_noop("Say first how many attended delivery %(number)s.")
        raise rule_broken("/participation", "participation_missing", detail, number=delivery.number)
    delivery.reported_at = at
    delivery.report = {**delivery.report, **(report or {})}
    delivery.save(update_fields=["reported_at", "report"])
    transition(delivery, "deliver", actor=actor, at=at)


def confirm_report(
    delivery: Delivery,
    deliveries: Sequence[Delivery],
    *,
    how: str,
    actor: Actor,
    at: datetime,
    reason_text: str = "",
) -> None:
    """Confirm the report of one locked delivery; the lines of its part are delivered with the part's last delivery."""
    find_transition(delivery, "confirm")
    delivery.confirmed_at, delivery.confirmation = at, how
    delivery.save(update_fields=["confirmed_at", "confirmation"])
    transition(delivery, "confirm", actor=actor, at=at, data={"how": how}, reason_text=reason_text)
    part = [row for row in deliveries if row.part_id == delivery.part_id and row.state != "cancelled"]
    if all(row.state == "confirmed" for row in part):
        deliver_part(delivery.engagement, part, actor=actor, at=at)


def confirm_silent(deliveries: Sequence[Delivery], *, actor: Actor, at: datetime) -> int:
    """Confirm the reports among locked deliveries whose deadline passed without a word of the requester; returns how many."""
    silent = [row for row in deliveries if row.state == "delivered" and row.due_at and row.due_at <= at]
    for delivery in silent:
        confirm_report(delivery, deliveries, how="silence", actor=actor, at=at)
    return len(silent)


def contest_report(delivery: Delivery, reason_code: str, reason_text: str, *, actor: Actor, at: datetime) -> None:
    """Contest the report of one locked delivery."""
    find_transition(delivery, "contest")
    delivery.contest_reason = reason_code
    delivery.save(update_fields=["contest_reason"])
    transition(delivery, "contest", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)


def settle(engagement: Engagement, deliveries: Sequence[Delivery], *, actor: Actor, at: datetime) -> None:
    """Let the engagement follow its deliveries: all reported is delivered, all confirmed is ready for evaluation.

    What is delivered cannot be changed any more: an open change falls away.
    """
    live = [delivery for delivery in deliveries if delivery.state != "cancelled"]
    if engagement.state == "in_delivery" and live and all(row.state in ("delivered", "confirmed") for row in live):
        withdraw_change(engagement, actor=actor, at=at)
        transition(engagement, "deliver", actor=actor, at=at)
        reach_milestone(engagement, "delivery", actor=actor, at=at)
        reach_milestone(engagement, "completion_report", actor=actor, at=at)
    if engagement.state == "delivered" and all(row.state == "confirmed" for row in live):
        transition(engagement, "confirm", actor=actor, at=at, data={"how": live[-1].confirmation})


def unsettle(engagement: Engagement, delivery: Delivery, reason_text: str, *, actor: Actor, at: datetime) -> None:
    """Take an engagement back to delivery when one of its reports is contested."""
    if engagement.state == "delivered":
        _return_to_delivery(engagement, delivery.contest_reason, reason_text, actor, at)


def _return_to_delivery(engagement: Engagement, reason_code: str, reason_text: str, actor: Actor, at: datetime) -> None:
    transition(engagement, "contest", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
