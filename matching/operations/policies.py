"""Publishing a policy: a new version, never a change of an old one."""

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import rule_broken
from marketplace.kernel.text import LanguageMap, gettext_noop
from marketplace.lifecycles.operations import insert
from matching.engine import DEFAULT_POLICY, Criterion, EngineError, Policy
from matching.models import MatchingPolicy

NAMES = {"en": "First policy", "fr": "Première politique"}
NOT_SETTINGS = ("version", "weights")


@transaction.atomic
def publish_policy(
    *,
    actor: Actor,
    at: datetime,
    names: LanguageMap,
    weights: Mapping[str, int],
    settings: Mapping[str, Any] | None = None,
    note: str = "",
) -> MatchingPolicy:
    """Publish weights (whole numbers by criterion, sum 1000) and settings as the next version, current from now on.

    Raises DomainError(permission_denied) and DomainError(rule_broken) for weights or settings the engine refuses.
    """
    permissions.check(actor, Permission.MATCHING_POLICY, at=at)
    list(MatchingPolicy.objects.select_for_update().filter(current=True))  # one publication after the other
    number = (MatchingPolicy.objects.aggregate(Max("number"))["number__max"] or 0) + 1
    policy = MatchingPolicy(
        number=number,
        names=dict(names),
        weights=dict(weights),
        settings=dict(settings or {}),
        current=True,
        published_at=at,
        published_by=actor.label,
        note=note,
    )
    engine_policy(policy)
    MatchingPolicy.objects.filter(current=True).update(current=False)
    insert(policy, actor=actor, at=at)
    return policy


def current_policy(*, at: datetime) -> MatchingPolicy:
    """Give the policy in force; the engine's default is published as the first one where there is none."""
    found = MatchingPolicy.objects.filter(current=True).first()
    if found is not None:
        return found
    weights = {criterion.value: weight for criterion, weight in DEFAULT_POLICY.weights.items()}
    settings = {name: value for name, value in asdict(DEFAULT_POLICY).items() if name not in NOT_SETTINGS}
    return publish_policy(actor=Actor.system("matching"), at=at, names=NAMES, weights=weights, settings=settings)


def engine_policy(policy: MatchingPolicy) -> Policy:
    """Turn a stored policy into the engine's. Raises DomainError(rule_broken) naming what the engine refuses."""
    known = set(asdict(DEFAULT_POLICY)) - set(NOT_SETTINGS)
    for name in policy.settings:
        if name not in known:
            detail = gettext_noop("`%(value)s` is not a setting.")
            raise rule_broken(f"/settings/{name}", "unknown_setting", detail, allowed=sorted(known), value=name)
    criteria = [criterion.value for criterion in Criterion]
    for name in policy.weights:
        if name not in criteria:
            detail = gettext_noop("`%(value)s` is not a criterion.")
            raise rule_broken(f"/weights/{name}", "unknown_criterion", detail, allowed=criteria, value=name)
    weights = {Criterion(name): weight for name, weight in policy.weights.items()}
    try:
        return Policy(version=str(policy.number), weights=weights, **policy.settings)
    except (EngineError, TypeError) as error:
        detail = gettext_noop("The engine refuses this policy: %(why)s.")
        raise rule_broken("/weights", "policy_refused", detail, why=str(error)) from error
