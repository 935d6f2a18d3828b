"""Engagements from before the platform existed, told from their end: one call walks the whole way."""

from collections.abc import Mapping
from datetime import UTC, datetime, time, timedelta

from django.db import transaction

from fulfilment.models import Engagement
from fulfilment.operations.creation import ImportFacts, create_imported
from fulfilment.operations.evaluations import EvaluationFacts, record_evaluation, waive_evaluation
from fulfilment.operations.locking import lock_deliveries, lock_engagement
from fulfilment.operations.progress import (
    agree_engagement,
    close_engagement,
    confirm_report,
    deliver_engagement,
    settle,
    start_engagement,
)
from marketplace.accounts.actors import Actor
from marketplace.accounts.permissions import check
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles.operations import wrong_state
from matching.queries import AgreedTerms

WAY = ("planned", "agreed", "in_delivery", "delivered", "evaluating", "closed")
MORNING, EVENING = time(9), time(17)  # UTC


@transaction.atomic
def import_engagement(
    *,
    actor: Actor,
    at: datetime,
    terms: AgreedTerms,
    facts: ImportFacts,
    state: str,
    evaluations: tuple[EvaluationFacts, ...] = (),
    waiver: tuple[str, Mapping[str, str]] | None = None,
    agreed_at: datetime | None = None,
) -> Engagement:
    """Record an engagement without a proposal and take it along its way to ``state``, never later than ``at``.

    It is agreed at ``agreed_at``, else thirty days before it began; ``waiver`` is a reason code and texts for every
    required level that was not evaluated (`historic` unless said otherwise). ``at`` is the moment of the import.
    Raises DomainError(permission_denied, duplicate, rule_broken).
    """
    check(actor, Permission.ENGAGEMENTS_MANAGE, at=at)
    if state not in WAY:
        raise rule_broken(
            "/state", "not_importable", gettext_noop("An import ends in one of these states."), allowed=WAY
        )
    starts = [part.start_on for part in terms.parts if part.start_on]
    ends = [part.end_on for part in terms.parts if part.end_on]
    began = datetime.combine(min(starts), MORNING, tzinfo=UTC) if starts else at
    ended = datetime.combine(max(ends), EVENING, tzinfo=UTC) if ends else at
    agreed = min(agreed_at or began - timedelta(days=30), at)
    engagement = create_imported(actor=actor, at=agreed, terms=terms, facts=facts)
    steps = WAY[1 : WAY.index(state) + 1]
    moments = {"agreed": agreed, "in_delivery": began, "delivered": ended, "evaluating": ended + timedelta(days=14)}
    for step in steps[: len(moments)]:
        _take(step, engagement.pk, actor, min(moments[step], at))
    early = tuple(facts for facts in evaluations if facts.level <= 2)
    _evaluate(engagement.pk, early, actor, at)
    if state == "closed":
        closed = min(ended + timedelta(days=60), at)
        _waive(engagement.pk, waiver or ("historic", {}), actor, closed)
        close_engagement(actor=actor, at=closed, engagement_id=engagement.pk)
    _evaluate(engagement.pk, tuple(facts for facts in evaluations if facts.level > 2), actor, at)
    engagement.refresh_from_db()
    return engagement


@transaction.atomic
def advance_import(*, actor: Actor, at: datetime, engagement_id: int, state: str) -> Engagement:
    """Take an imported engagement one step further, to ``state``, at the moment when that happened.

    For imports that tell more than the period of delivery: several engagements of one request, step by step. Closing is
    not a step of this kind. Raises DomainError(permission_denied, wrong_state, rule_broken).
    """
    check(actor, Permission.ENGAGEMENTS_MANAGE, at=at)
    engagement = lock_engagement(engagement_id)
    steps = WAY[1:-1]
    if engagement.origin != "import" or state not in steps:
        detail = gettext_noop("An import ends in one of these states.")
        raise rule_broken("/state", "not_importable", detail, allowed=steps)
    if engagement.state not in WAY or WAY.index(state) != WAY.index(engagement.state) + 1:
        raise wrong_state(engagement, state)
    _take(state, engagement_id, actor, at)
    engagement.refresh_from_db()
    return engagement


def _take(step: str, engagement_id: int, actor: Actor, at: datetime) -> None:
    if step == "agreed":
        agree_engagement(actor=actor, at=at, engagement_id=engagement_id)
    elif step == "in_delivery":
        start_engagement(actor=actor, at=at, engagement_id=engagement_id)
    elif step == "delivered":
        deliver_engagement(actor=actor, at=at, engagement_id=engagement_id)
    else:
        engagement = lock_engagement(engagement_id)
        deliveries = lock_deliveries(engagement)
        for delivery in deliveries:
            confirm_report(delivery, deliveries, how="import", actor=actor, at=at)
        settle(engagement, deliveries, actor=actor, at=at)


def _evaluate(engagement_id: int, evaluations: tuple[EvaluationFacts, ...], actor: Actor, at: datetime) -> None:
    for facts in evaluations:
        moment = min(datetime.combine(facts.collected_on, EVENING, tzinfo=UTC), at)
        record_evaluation(actor=actor, at=moment, engagement_id=engagement_id, facts=facts)


def _waive(engagement_id: int, waiver: tuple[str, Mapping[str, str]], actor: Actor, at: datetime) -> None:
    reason_code, texts = waiver
    missing = Engagement.objects.values_list("missing_levels", flat=True).get(pk=engagement_id)
    for level in missing:
        waive_evaluation(
            actor=actor,
            at=at,
            engagement_id=engagement_id,
            level=level,
            reason_code=reason_code,
            reason_text=texts.get("en", ""),
        )
