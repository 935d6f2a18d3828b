"""Who bears the cost, and who takes part beside those who deliver."""

from datetime import datetime
from decimal import Decimal

from django.db import transaction

from fulfilment.models import CostShare, Engagement, EngagementParty
from fulfilment.models.engagements import PARTNER_ROLES
from fulfilment.operations.locking import check_lead, check_open, check_secretariat, lock_engagement, need_code
from fulfilment.queries.rights import programme_of
from marketplace.accounts.actors import Actor
from marketplace.accounts.permissions import can
from marketplace.accounts.queries import organization_by_code
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken, unknown_reference
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles.operations import create, find_transition, record_change, transition
from marketplace.records.models import EventScope

RUNNING = frozenset({"planned", "agreed", "in_delivery", "delivered", "evaluating", "on_hold"})
KINDS = ("cash", "in_kind")


@transaction.atomic
def pledge_cost_share(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    organization: str,
    kind: str,
    amount: Decimal,
    currency: str,
    agreement_reference: str = "",
    note: str = "",
    expected_version: int | None = None,
) -> CostShare:
    """Pledge a share of the cost in the name of ``organization`` (code), which becomes a party as funder if it is none.

    By the lead, the secretariat, or staff of that organization. Raises DomainError(permission_denied, wrong_state,
    precondition_failed, unknown_reference, rule_broken).
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    bearer = organization_by_code(organization)
    programme = programme_of(engagement)
    own = any(
        can(actor, permission, at=at, organization_id=bearer.pk, programme=programme)
        for permission in (Permission.ENGAGEMENTS_DELIVER, Permission.ENGAGEMENTS_CONFIRM)
    )
    if not (own and engagement.parties.filter(organization=bearer).exists()):
        check_lead(engagement, actor, at)
    check_open(engagement, "pledge", RUNNING)
    if kind not in KINDS:
        raise unknown_reference("/kind", kind, KINDS)
    need_code("currencies", currency, "/currency")
    if amount <= 0:
        raise rule_broken("/amount", "not_positive", gettext_noop("A share is more than nothing."))
    if not engagement.parties.filter(organization=bearer).exists():
        EngagementParty.objects.create(engagement=engagement, organization=bearer, role="funder")
    share = CostShare(
        engagement=engagement,
        organization=bearer,
        kind=kind,
        amount=amount,
        currency=currency,
        agreement_reference=agreement_reference,
        note=note,
    )
    create(share, actor=actor, at=at, bump_root=True, changes={"amount": str(amount), "currency": currency})
    return share


@transaction.atomic
def confirm_cost_share(
    *,
    actor: Actor,
    at: datetime,
    share_id: int,
    agreement_reference: str = "",
    expected_version: int | None = None,
) -> CostShare:
    """Record that a pledge is agreed in writing. Raises DomainError(permission_denied, wrong_state, precondition_failed)."""
    share = _lock_share(share_id, actor, at, expected_version)
    find_transition(share, "confirm")
    share.agreement_reference = agreement_reference or share.agreement_reference
    share.save(update_fields=["agreement_reference"])
    transition(share, "confirm", actor=actor, at=at)
    return share


@transaction.atomic
def receive_cost_share(
    *, actor: Actor, at: datetime, share_id: int, actual_amount: Decimal, expected_version: int | None = None
) -> CostShare:
    """Record what was received, in the currency of the share.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, rule_broken).
    """
    share = _lock_share(share_id, actor, at, expected_version)
    find_transition(share, "receive")
    if actual_amount < 0:
        raise rule_broken("/actual_amount", "negative", gettext_noop("What was received is not negative."))
    share.actual_amount = actual_amount
    share.save(update_fields=["actual_amount"])
    changes = {"actual_amount": str(actual_amount), "currency": share.currency}
    transition(share, "receive", actor=actor, at=at, changes=changes)
    return share


@transaction.atomic
def withdraw_cost_share(
    *, actor: Actor, at: datetime, share_id: int, reason_text: str = "", expected_version: int | None = None
) -> CostShare:
    """Take a pledge back. Raises DomainError(permission_denied, wrong_state, precondition_failed)."""
    share = _lock_share(share_id, actor, at, expected_version)
    transition(share, "withdraw", actor=actor, at=at, reason_text=reason_text)
    return share


@transaction.atomic
def add_party(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    organization: str,
    role: str,
    expected_version: int | None = None,
) -> EngagementParty:
    """Add a party that delivers nothing of its own (host, funder, facilitator ...); by the secretariat.

    Partners who deliver change by an agreed change. Raises DomainError(permission_denied, wrong_state,
    precondition_failed, unknown_reference, rule_broken, duplicate).
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_secretariat(engagement, actor, at)
    check_open(engagement, "add-party", RUNNING)
    roles = tuple(known for known in PARTNER_ROLES if known != "lead")
    if role not in roles:
        raise unknown_reference("/role", role, roles)
    party = organization_by_code(organization)
    row, fresh = EngagementParty.objects.get_or_create(engagement=engagement, organization=party, role=role)
    if not fresh:
        raise DomainError(ErrorCode.DUPLICATE, field="organization")
    _tell_parties(engagement, {"added": [party.code], "role": role}, actor, at)
    return row


@transaction.atomic
def remove_party(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    organization: str,
    role: str,
    expected_version: int | None = None,
) -> Engagement:
    """Remove a party that neither leads, asked, nor delivers; by the secretariat. The party is told so, as the last thing.

    Raises DomainError(permission_denied, wrong_state, precondition_failed, not_found, rule_broken).
    """
    engagement = lock_engagement(engagement_id, expected_version=expected_version)
    check_secretariat(engagement, actor, at)
    check_open(engagement, "remove-party", RUNNING)
    party = engagement.parties.filter(organization=organization_by_code(organization), role=role).first()
    if party is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    delivers = engagement.deliveries.filter(provider__organization_id=party.organization_id)
    if role in ("lead", "requester") or delivers.exclude(state="cancelled").exists():
        raise rule_broken("/organization", "party_needed", gettext_noop("The engagement cannot do without this party."))
    until_now = engagement.event_scope(at=at)  # who goes learns of it, as the last thing
    party.delete()
    _tell_parties(engagement, {"removed": [organization], "role": role}, actor, at, until_now=until_now)
    return engagement


def _tell_parties(
    engagement: Engagement,
    changes: dict[str, object],
    actor: Actor,
    at: datetime,
    until_now: EventScope | None = None,
) -> None:
    record_change(engagement, "parties_changed", actor=actor, at=at, changes=changes, until_now=until_now)


def _lock_share(share_id: int, actor: Actor, at: datetime, expected_version: int | None) -> CostShare:
    found = CostShare.objects.filter(pk=share_id).values_list("engagement_id", flat=True).first()
    if found is None:
        raise DomainError(ErrorCode.NOT_FOUND)
    engagement = lock_engagement(found, expected_version=expected_version)
    check_lead(engagement, actor, at)
    share = CostShare.objects.select_for_update(of=("self",)).select_related("organization").get(pk=share_id)
    share.engagement = engagement
    return share
