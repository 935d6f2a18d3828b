"""What an engagement leaves behind on its way: milestones reached, waived, dropped, dated anew or unanswered; open changes."""

from datetime import datetime

from django.db import transaction
from django.db.models import QuerySet

from fulfilment.models import Change, Engagement, Milestone
from fulfilment.operations.creation import milestone_due
from fulfilment.operations.locking import check_secretariat, lock_engagement, need_code
from fulfilment.queries.rights import may_on_milestone, rights_on
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles.operations import find_transition, reschedule_step, transition


@transaction.atomic
def complete_milestone(
    *, actor: Actor, at: datetime, milestone_id: int, note: str = "", expected_version: int | None = None
) -> Milestone:
    """Record that a milestone is reached; by the party that owes it, or the secretariat for it.

    Evaluation milestones are reached by recording the evaluation. Raises DomainError(permission_denied, wrong_state,
    precondition_failed), DomainError(rule_broken) for an evaluation milestone.
    """
    milestone = _lock_milestone(milestone_id, expected_version)
    if not may_on_milestone(rights_on(milestone.engagement, actor, at), milestone)[Permission.ENGAGEMENTS_DELIVER]:
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.ENGAGEMENTS_DELIVER.value)
    find_transition(milestone, "complete")
    if milestone.level is not None:
        detail = gettext_noop("Record the evaluation at level %(level)s; it reaches this milestone.")
        raise rule_broken("/", "evaluation_reaches_it", detail, level=milestone.level)
    milestone.note = note
    _reach(milestone, actor, at)
    return milestone


@transaction.atomic
def waive_milestone(
    *,
    actor: Actor,
    at: datetime,
    milestone_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Milestone:
    """Do without a milestone. A required evaluation is waived by `waive_evaluation`, not here.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference, rule_broken).
    """
    milestone = _lock_milestone(milestone_id, expected_version)
    engagement = milestone.engagement
    check_secretariat(engagement, actor, at)
    find_transition(milestone, "waive")
    need_code("waiver_reasons", reason_code, "/reason_code")
    if milestone.level in engagement.missing_levels:
        detail = gettext_noop("Closing needs the evaluation at level %(level)s: waive the evaluation.")
        raise rule_broken("/", "evaluation_required", detail, level=milestone.level)
    transition(milestone, "waive", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    return milestone


@transaction.atomic
def leave_unanswered(*, actor: Actor, at: datetime, milestone_id: int) -> None:
    """Mark a follow-up whose deadline has passed as not answered; a late answer still completes it."""
    milestone = _lock_milestone(milestone_id, None)
    if milestone.state == "open" and milestone.due_at is not None and milestone.due_at <= at:
        transition(milestone, "lapse", actor=actor, at=at)


def _lock_milestone(milestone_id: int, expected_version: int | None) -> Milestone:
    found = Milestone.objects.filter(pk=milestone_id).values_list("engagement_id", flat=True).first()
    if found is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    engagement = lock_engagement(found, expected_version=expected_version)
    milestone = Milestone.objects.select_for_update(of=("self",)).get(pk=milestone_id)
    milestone.engagement = engagement
    return milestone


# --- for other operations, on a locked engagement -----------------------------------------------------------------


def reach_milestone(engagement: Engagement, kind: str, *, actor: Actor, at: datetime) -> None:
    """Reach a milestone by what happened, where there is one and it is still open."""
    for milestone in _open(engagement).filter(kind=kind):
        milestone.engagement = engagement
        _reach(milestone, actor, at)


def reach_level(engagement: Engagement, level: int, *, actor: Actor, at: datetime) -> None:
    """Reach the first open or unanswered milestone of an evaluation level: one evaluation answers one follow-up."""
    waiting = Milestone.objects.filter(engagement=engagement, level=level, state__in=("open", "not_answered"))
    milestone = waiting.order_by("position").first()
    if milestone is not None:
        milestone.engagement = engagement
        _reach(milestone, actor, at)


def waive_level(
    engagement: Engagement, level: int, reason_code: str, reason_text: str, *, actor: Actor, at: datetime
) -> None:
    """Waive the milestones of a waived evaluation level."""
    for milestone in _open(engagement).filter(level=level):
        milestone.engagement = engagement
        transition(milestone, "waive", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)


def drop_milestones(engagement: Engagement, *, actor: Actor, at: datetime, keep_follow_ups: bool) -> None:
    """Drop what is still open when an engagement ends; dated follow-ups may go on."""
    rows = _open(engagement).filter(follow_up=False) if keep_follow_ups else _open(engagement)
    for milestone in rows:
        milestone.engagement = engagement
        transition(milestone, "drop", actor=actor, at=at)


def date_milestones_anew(engagement: Engagement, *, at: datetime) -> None:
    """Give the open milestones the deadlines that follow from changed dates."""
    for milestone in _open(engagement).exclude(anchor="agreement"):
        milestone.engagement = engagement
        reschedule_step(milestone, at=at, due_at=milestone_due(milestone, engagement, at))


def withdraw_change(engagement: Engagement, *, actor: Actor, at: datetime) -> None:
    """Let an open change of a locked engagement fall away: there is nothing left that it could change."""
    for change in Change.objects.filter(engagement=engagement, state="proposed"):
        change.engagement = engagement
        transition(change, "supersede", actor=actor, at=at)


def _open(engagement: Engagement) -> QuerySet[Milestone]:
    return Milestone.objects.filter(engagement=engagement, state="open").order_by("position")


def _reach(milestone: Milestone, actor: Actor, at: datetime) -> None:
    milestone.done_at = at
    milestone.save(update_fields=["done_at", "note"])
    transition(milestone, "complete", actor=actor, at=at)
