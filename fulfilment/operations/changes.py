"""Changes of what was agreed: proposed by one side, agreed by the others; the last one makes it happen."""

from datetime import datetime

from django.db import transaction

from fulfilment.models import Change, Engagement
from fulfilment.operations.applying import apply_terms, check_terms
from fulfilment.operations.locking import check_side, check_unconcerned, lock_deliveries, lock_engagement
from fulfilment.operations.terms import ChangeTerms, from_json, to_json
from fulfilment.queries.rights import rights_on
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles.operations import create, find_transition, transition


@transaction.atomic
def propose_change(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    terms: ChangeTerms,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Change:
    """Propose other dates, place, scope, partner or budget for what has not begun; a former open proposal falls away.

    The lead, the requester and the secretariat may; those who did not propose must agree. To propose is to agree: an
    officer who belongs to a partner, present or to come, may not propose for the secretariat. Raises
    DomainError(permission_denied, recused, wrong_state, precondition_failed, rule_broken, unknown_reference).
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    # Whoever stands on several sides proposes as provider or requester: the secretariat's word is then another's to give.
    sides = check_side(engagement, actor, at, terms.offering_ids)
    side = "secretariat" if actor.is_system else min(sides)
    find_transition(engagement, "propose-change")
    check_terms(engagement, lock_deliveries(engagement), terms)
    for former in Change.objects.filter(engagement=engagement, state="proposed"):
        former.engagement = engagement
        transition(former, "supersede", actor=actor, at=at)
    change = Change(
        engagement=engagement,
        proposed_side=side,
        proposed_by=actor.label,
        terms=to_json(terms),
        reason_text=reason_text,
        agreements={side: {"at": at.isoformat(), "by": actor.label}},
    )
    create(change, actor=actor, at=at, changes={"terms": change.terms})
    transition(engagement, "propose-change", actor=actor, at=at, reason_text=reason_text)
    return change


@transaction.atomic
def agree_change(*, actor: Actor, at: datetime, engagement_id: int, expected_version: int | None = None) -> Change:
    """Agree to the open change for the sides on which the actor stands; with the last side it takes effect at once.

    An officer who belongs to a partner, present or to come, may not agree for the secretariat. Raises
    DomainError(permission_denied, recused, wrong_state, precondition_failed, already_answered), and when it takes effect
    also DomainError(capacity_exhausted, line_taken, rule_broken): then nothing has changed.
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    change, sides = _open_change(engagement, "agree-change", actor, at)
    mine = sorted(sides & set(change.missing_sides))
    if not mine:
        if "secretariat" in change.missing_sides and rights_on(engagement, actor, at).secretariat:
            check_unconcerned(engagement, actor, at, change.offering_ids)
        raise DomainError(ErrorCode.ALREADY_ANSWERED)
    said = {"at": at.isoformat(), "by": actor.label}
    change.agreements = {**change.agreements, **dict.fromkeys(mine, said)}
    change.save(update_fields=["agreements"])
    if change.missing_sides:
        transition(change, "agree", actor=actor, at=at, data={"sides": mine})
        return change
    deliveries = lock_deliveries(engagement)
    terms = from_json(change.terms)
    check_terms(engagement, deliveries, terms)
    change.former = apply_terms(engagement, deliveries, terms, actor=actor, at=at)
    change.applied_at = at
    change.save(update_fields=["former", "applied_at"])
    transition(change, "agree", actor=actor, at=at, target="agreed", data={"sides": mine})
    transition(
        engagement,
        "agree-change",
        actor=actor,
        at=at,
        changes={"terms": change.terms, "former": change.former},
        data={"changes": sorted(change.terms)},
    )
    return change


@transaction.atomic
def decline_change(
    *, actor: Actor, at: datetime, engagement_id: int, reason_text: str, expected_version: int | None = None
) -> Change:
    """Decline the open change in writing; what was agreed stays. The side that proposed it may take it back so.

    Raises DomainError(permission_denied, recused, wrong_state, precondition_failed, rule_broken).
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    change, _sides = _open_change(engagement, "decline-change", actor, at)
    if not reason_text.strip():
        raise rule_broken("/reason_text", "reason_missing", gettext_noop("Say why the change is declined."))
    transition(change, "decline", actor=actor, at=at, reason_text=reason_text)
    transition(engagement, "decline-change", actor=actor, at=at, reason_text=reason_text)
    return change


def _open_change(engagement: Engagement, verb: str, actor: Actor, at: datetime) -> tuple[Change, frozenset[str]]:
    """Lock the open change and give it with the sides for which the actor may answer it."""
    if not rights_on(engagement, actor, at).sides:
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.ENGAGEMENTS_MANAGE.value)
    find_transition(engagement, verb)
    change = Change.objects.select_for_update(of=("self",)).filter(engagement=engagement, state="proposed").first()
    if change is None:
        raise rule_broken("/", "no_open_change", gettext_noop("No change is waiting for an answer."))
    change.engagement = engagement
    return change, check_side(engagement, actor, at, change.offering_ids)
