"""Evaluations at Kirkpatrick levels, waivers, and what an engagement led to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal

from django.db import transaction

from fulfilment.models import Delivery, Engagement, Evaluation, EvaluationWaiver, OutcomeStory
from fulfilment.models.evaluations import LEVELS, SOURCES
from fulfilment.operations.following_up import reach_level, waive_level
from fulfilment.operations.locking import check_open, check_secretariat, check_unconcerned, lock_engagement, need_code
from fulfilment.operations.outcomes import feed_outcomes
from fulfilment.queries.rights import Rights, programme_of, rights_on
from marketplace.accounts.actors import Actor
from marketplace.accounts.permissions import can, in_scope
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, rule_broken, unknown_reference
from marketplace.kernel.text import LanguageMap
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles.operations import insert, record_change, reschedule_step
from requests_app import queries as request_queries

EVALUABLE = frozenset({"in_delivery", "delivered", "evaluating", "closed"})


@dataclass(frozen=True, slots=True)
class EvaluationFacts:
    """What was measured: ``value`` on the scale from ``scale_min`` to ``scale_max``; all three or none."""

    level: int
    source: str
    collected_on: date
    instrument: str = ""  # objective_test | self_assessment; level 2 needs it
    method: str = ""
    invited: int | None = None
    answered: int | None = None
    value: Decimal | None = None
    scale_min: Decimal | None = None
    scale_max: Decimal | None = None
    findings: LanguageMap = field(default_factory=dict)
    delivery_number: int | None = None  # the whole engagement when None
    external_id: str = ""
    provenance: Mapping[str, object] = field(default_factory=dict)


@transaction.atomic
def record_evaluation(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    facts: EvaluationFacts,
    expected_version: int | None = None,
) -> Evaluation:
    """Record an evaluation; its level is met unless the provider judges itself. After closing it feeds the track record.

    Staff of the provider give what participants or they themselves say, the requester what participants or it says,
    the secretariat any. Raises DomainError(permission_denied, wrong_state, precondition_failed, rule_broken,
    unknown_reference).
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    _check_source(engagement, facts.source, actor, at)
    check_open(engagement, "evaluate", EVALUABLE)
    errors = _errors_of(facts, at)
    if errors:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)
    if facts.method:
        need_code("evaluation_methods", facts.method, "/method")
    evaluation = Evaluation(
        engagement=engagement,
        delivery=_delivery(engagement, facts.delivery_number),
        level=facts.level,
        source=facts.source,
        instrument=facts.instrument,
        method=facts.method,
        invited=facts.invited,
        answered=facts.answered,
        value=facts.value,
        scale_min=facts.scale_min,
        scale_max=facts.scale_max,
        collected_on=facts.collected_on,
        findings=dict(facts.findings),
        external_id=facts.external_id,
        provenance=dict(facts.provenance),
    )
    insert(evaluation, actor=actor, at=at)
    if facts.source != "provider":
        _meet_level(engagement, facts.level, actor, at)
        reach_level(engagement, facts.level, actor=actor, at=at)
        feed_outcomes(engagement, at=at)
    return evaluation


@transaction.atomic
def waive_evaluation(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    level: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> EvaluationWaiver:
    """Do without the evaluation at a level, by an officer who belongs to none of the partners.

    Raises DomainError(permission_denied, recused, wrong_state, precondition_failed, unknown_reference, duplicate).
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_secretariat(engagement, actor, at, Permission.EVALUATIONS_WAIVE)
    check_unconcerned(engagement, actor, at)
    check_open(engagement, "waive", EVALUABLE | {"agreed", "planned"})
    need_code("kirkpatrick_levels", str(level), "/level")
    need_code("waiver_reasons", reason_code, "/reason_code")
    if EvaluationWaiver.objects.filter(engagement=engagement, level=level).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="level")
    waiver = EvaluationWaiver(engagement=engagement, level=level, reason_code=reason_code, reason_text=reason_text)
    insert(waiver, actor=actor, at=at)
    _meet_level(engagement, level, actor, at)
    waive_level(engagement, level, reason_code, reason_text, actor=actor, at=at)
    return waiver


@transaction.atomic
def tell_outcome(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    kind: str,
    texts: LanguageMap,
    spin_off_request: str = "",
    external_id: str = "",
    provenance: Mapping[str, object] | None = None,
    expected_version: int | None = None,
) -> OutcomeStory:
    """Tell what an engagement led to; ``spin_off_request`` is the reference of a need that came of it.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, unknown_reference, rule_broken).
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    if not _may_write(engagement, rights_on(engagement, actor, at), actor, at):
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.EVALUATIONS_WRITE.value)
    check_open(engagement, "tell-outcome", EVALUABLE)
    need_code("outcome_kinds", kind, "/kind")
    if not any(text.strip() for text in texts.values()):
        raise rule_broken("/texts", "text_missing", _("Tell the outcome in at least one language."))
    spin_off = request_queries.find_request(spin_off_request, actor=actor, at=at) if spin_off_request else None
    if spin_off_request and spin_off is None:
        raise unknown_reference("/spin_off_request", spin_off_request)
    story = OutcomeStory(
        engagement=engagement,
        kind=kind,
        texts=dict(texts),
        spin_off_request=spin_off,
        external_id=external_id,
        provenance=dict(provenance or {}),
    )
    insert(story, actor=actor, at=at)
    return story


def _meet_level(engagement: Engagement, level: int, actor: Actor, at: datetime) -> None:
    """Take a level off what closing needs; when it was the one owed, the next step opens."""
    if level not in engagement.missing_levels:
        return
    engagement.missing_levels = [missing for missing in engagement.missing_levels if missing != level]
    record_change(
        engagement, "evaluations_changed", actor=actor, at=at, changes={"missing_levels": engagement.missing_levels}
    )
    if engagement.state == "evaluating":
        reschedule_step(engagement, at=at)


def _delivery(engagement: Engagement, number: int | None) -> Delivery | None:
    if number is None:
        return None
    delivery = Delivery.objects.filter(engagement=engagement, number=number).first()
    if delivery is None:
        raise rule_broken("/delivery", "unknown_delivery", _("There is no delivery %(number)s."), number=number)
    return delivery


def _check_source(engagement: Engagement, source: str, actor: Actor, at: datetime) -> None:
    """Raise DomainError(permission_denied) when the caller may not speak for the source."""
    rights = rights_on(engagement, actor, at)
    if rights.secretariat:
        return
    provider = _writes_for(engagement, _partner_ids(engagement), actor, at)
    requester = _writes_for(engagement, [engagement.requesting_organization_id], actor, at)
    speaks = {"participants": provider or requester, "provider": provider, "requester": requester}
    if not speaks.get(source, False):
        if not in_scope(actor, Permission.EVALUATIONS_WRITE):
            raise DomainError(ErrorCode.INSUFFICIENT_SCOPE, scope="engagements:write")
        raise DomainError(ErrorCode.PERMISSION_DENIED, permission=Permission.EVALUATIONS_WRITE.value)


def _may_write(engagement: Engagement, rights: Rights, actor: Actor, at: datetime) -> bool:
    parties = [*_partner_ids(engagement), engagement.requesting_organization_id]
    return rights.secretariat or _writes_for(engagement, parties, actor, at)


def _partner_ids(engagement: Engagement) -> list[int]:
    return [party.organization_id for party in engagement.parties.all() if party.role not in ("requester", "funder")]


def _writes_for(engagement: Engagement, organizations: list[int], actor: Actor, at: datetime) -> bool:
    programme = programme_of(engagement)
    return any(
        can(actor, Permission.EVALUATIONS_WRITE, at=at, organization_id=organization_id, programme=programme)
        for organization_id in organizations
    )


def _errors_of(facts: EvaluationFacts, at: datetime) -> list[FieldError]:
    levels, instruments = tuple(str(level) for level in LEVELS), ("objective_test", "self_assessment")
    if facts.level not in LEVELS:
        return [FieldError("/level", "unknown_code", _("Kirkpatrick knows the levels 1 to 4."), levels)]
    errors: list[FieldError] = []
    if facts.source not in SOURCES:
        errors.append(FieldError("/source", "unknown_code", _("The source is not known."), SOURCES))
    if facts.instrument not in (("",) if facts.level != 2 else ()) + instruments:
        errors.append(FieldError("/instrument", "instrument_missing", _("Level 2 names its instrument."), instruments))
    if facts.invited is not None and facts.answered is not None and facts.answered > facts.invited:
        errors.append(FieldError("/answered", "more_than_invited", _("More answered than were invited.")))
    if facts.collected_on > at.date():
        errors.append(FieldError("/collected_on", "in_the_future", _("The day lies in the future.")))
    return errors + _errors_of_scale(facts)


def _errors_of_scale(facts: EvaluationFacts) -> list[FieldError]:
    given = (facts.value, facts.scale_min, facts.scale_max)
    if facts.value is None and facts.scale_min is None and facts.scale_max is None:
        return []
    value, low, high = given
    if value is None or low is None or high is None:
        return [FieldError("/value", "scale_incomplete", _("Value and both ends of the scale belong together."))]
    if not low < high:
        return [FieldError("/scale_max", "scale_empty", _("The scale ends above its beginning."))]
    if not low <= value <= high:
        return [FieldError("/value", "off_scale", _("The value does not lie on the scale."))]
    if facts.answered is None:
        return [FieldError("/answered", "answered_missing", _("A measured value says how many answered."))]
    return []
