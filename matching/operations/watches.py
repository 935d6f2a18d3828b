"""Saving searches of needs, and telling of the needs that they find."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.db import IntegrityError, transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles import operations as lifecycles
from marketplace.notifications import operations as notifications
from marketplace.notifications import recipients
from marketplace.notifications.subjects import Subject
from matching.models import NeedWatch, ToldNeed
from matching.operations.ending import STAFF
from matching.operations.policies import current_policy, engine_policy
from matching.queries import watches as queries
from matching.queries.serving import FoundNeed
from providers import queries as providers
from requests_app import queries as requests

if TYPE_CHECKING:
    from requests_app.models import TrainingRequest

MATCHING = Actor.system("matching")
WRITE = Permission.CATALOGUE_WRITE
COLUMNS = (
    *("name", "themes", "countries", "regions", "languages", "forms", "modalities", "window_from", "window_to"),
    *("words", "minimum_fit", "minimum_score", "active"),
)
Facts = Mapping[str, Any]


@transaction.atomic
def save_watch(*, actor: Actor, at: datetime, provider: str, facts: Facts) -> NeedWatch:
    """Save a search for a provider (code or id); it is told of needs that open from now on. ``facts`` takes COLUMNS.

    Raises DomainError(permission_denied, unknown_reference, rule_broken, duplicate).
    """
    owner = providers.visible_provider(provider, actor=actor, at=at)
    permissions.check(actor, WRITE, at=at, organization_id=owner.organization_id)
    watch = NeedWatch(provider=owner)
    _put(watch, facts)
    try:
        with transaction.atomic():
            lifecycles.insert(watch, actor=actor, at=at)
    except IntegrityError:
        raise DomainError(ErrorCode.DUPLICATE, field="name") from None
    return watch


@transaction.atomic
def change_watch(
    *, actor: Actor, at: datetime, watch_id: int, facts: Facts, expected_version: int | None = None
) -> NeedWatch:
    """Change a search, or switch it off and on. Raises DomainError(permission_denied, precondition_failed, rule_broken, duplicate)."""
    watch = _locked(actor, at, watch_id, expected_version)
    before = {column: getattr(watch, column) for column in COLUMNS}
    _put(watch, facts)
    changed = sorted(column for column in COLUMNS if getattr(watch, column) != before[column])
    if not changed:
        return watch
    try:
        with transaction.atomic():
            lifecycles.record_change(watch, "changed", actor=actor, at=at, data={"changed": changed})
    except IntegrityError:
        raise DomainError(ErrorCode.DUPLICATE, field="name") from None
    return watch


@transaction.atomic
def delete_watch(*, actor: Actor, at: datetime, watch_id: int, expected_version: int | None = None) -> None:
    """Remove a search; nothing is told any more. Raises DomainError(permission_denied, precondition_failed)."""
    watch = _locked(actor, at, watch_id, expected_version)
    note(watch, "deleted", actor=actor, at=at)
    watch.delete()


@transaction.atomic
def tell_watches(*, watch_ids: Iterable[int], request_id: int, at: datetime) -> int:
    """Tell those of the searches that a need meets, each once and never again; returns how many were told.

    It is worked out under the locks of the searches, so that what is told is seen at the moment of telling.
    """
    waiting = list(queries.untold(watch_ids, request_id).select_for_update(of=("self",)))
    met = queries.met_by(waiting, request_id, engine_policy(current_policy(at=at)), at=at)
    providers_told: set[int] = set()
    for watch, found in met:
        _tell(watch, found, at=at, people=watch.provider_id not in providers_told)
        providers_told.add(watch.provider_id)
    return len(met)


def _tell(watch: NeedWatch, found: FoundNeed, *, at: datetime, people: bool) -> None:
    """Note the telling, emit the event and write to the people of the provider, unless another search of theirs just did."""
    ToldNeed.objects.create(watch=watch, request=found.request, fit=found.place.fit, told_at=at)
    watch.told, watch.told_at = watch.told + 1, at
    watch.save(update_fields=["told", "told_at"])
    data = {
        "request": found.request.reference_text,
        "line": found.place.number,
        "fit": found.place.fit,
        "score": found.finding.best.score if found.finding.best else None,
    }
    note(watch, "matched", actor=MATCHING, at=at, data=data)
    if people:
        told = recipients.of_organization(watch.provider.organization_id, STAFF, at)
        seeing = [person for person in told if _sees(Actor.for_user(person.user), found.request, at)]
        notifications.notify(
            seeing, subject=Subject.NEED_FOUND, about=found.request, at=at, event_type="need_watch.matched"
        )


def _sees(actor: Actor, request: "TrainingRequest", at: datetime) -> bool:
    return requests.requests_visible_to(actor, at=at).filter(pk=request.pk).exists()


def _put(watch: NeedWatch, facts: Facts) -> None:
    strangers = set(facts) - set(COLUMNS)
    if strangers:
        raise TypeError(f"a saved search takes no {', '.join(sorted(strangers))}")
    for column, value in facts.items():
        setattr(watch, column, list(value) if isinstance(value, tuple) else value)
    if watch.window_from is not None and watch.window_to is not None and watch.window_to < watch.window_from:
        detail = gettext_noop("A period ends on or after the day it starts.")
        raise DomainError(ErrorCode.RULE_BROKEN, errors=[FieldError("/window_to", "order", detail)])


def _locked(actor: Actor, at: datetime, watch_id: int, expected_version: int | None) -> NeedWatch:
    rows = NeedWatch.objects.select_related("provider__organization").filter(pk=watch_id)
    watch = lifecycles.lock(rows, expected_version=expected_version)
    permissions.check(actor, WRITE, at=at, organization_id=watch.provider.organization_id)
    return watch
