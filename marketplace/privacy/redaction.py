"""Taking a person's names out of free texts: a person chooses the places, one act in the trail says which."""

from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.accounts.roles import Permission
from marketplace.audit import operations as audit
from marketplace.audit.models import pseudonym
from marketplace.events import operations as events
from marketplace.events.models import Audience
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop as _
from marketplace.privacy.people import Identity, identify
from marketplace.privacy.texts import Place, places_naming, rewritten

REDACTED = "texts_redacted"  # the action
Afterwards = Callable[[Collection[int]], object]
_afterwards: dict[str, Afterwards] = {}


def after_redaction(model: str) -> Callable[[Afterwards], Afterwards]:
    """List what is to be written anew when texts of a model were changed: gets the primary keys (search, for one)."""

    def register(function: Afterwards) -> Afterwards:
        _afterwards[model] = function
        return function

    return register


def find_texts(person: User) -> list[Place]:
    """Give every place whose words name a person. To be asked before the person is erased: later nobody knows the names."""
    return list(places_naming(identify(person)))


@transaction.atomic
def redact_texts(
    *, actor: Actor, at: datetime, person: User, reason_text: str, only: Collection[str] | None = None
) -> Sequence[Place]:
    """Put `[…]` for a person's names in free texts, in all of them or in the chosen places; gives the places changed.

    Leaves one record in the trail that says which places, and not whose name it was; records that quote the words lose
    them when the person is erased. Raises DomainError(permission_denied), and unknown_reference for a chosen place that
    does not name the person or cannot be changed.
    """
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    person = User.objects.select_for_update().get(pk=person.pk)
    who = identify(person)
    found = [place for place in places_naming(who) if not place.sealed]
    _check_known(only, found)
    chosen = [place for place in found if only is None or place.name in only]
    for place in chosen:
        _rewrite(place, who, at)
    for model, keys in _by_model(chosen).items():
        if model in _afterwards:
            _afterwards[model](keys)
    if chosen:
        _tell(chosen, who, actor=actor, at=at, reason_text=reason_text)
    return chosen


def _check_known(only: Collection[str] | None, found: Sequence[Place]) -> None:
    unknown = sorted(set(only or ()) - {place.name for place in found})
    if unknown:
        told = _("No text at %(value)s names this person, or it cannot be changed.")
        errors = [FieldError("/only", "unknown_reference", told, params={"value": name}) for name in unknown]
        raise DomainError(ErrorCode.UNKNOWN_REFERENCE, errors=errors)


def _rewrite(place: Place, who: Identity, at: datetime) -> None:
    """Change one column, with the version of the thing, so that nobody writes the old words back over it."""
    rows = apps.get_model(place.model)._default_manager
    row: Any = rows.select_for_update().get(pk=place.key)
    moved = {"version": getattr(row, "version", 0) + 1, "updated_at": at}
    changes = {column: value for column, value in moved.items() if hasattr(row, column)}
    changes[place.column] = rewritten(getattr(row, place.column), who.without_names)
    rows.filter(pk=place.key).update(**changes)


def _by_model(places: Sequence[Place]) -> dict[str, list[int]]:
    found: dict[str, list[int]] = defaultdict(list)
    for place in places:
        found[place.model].append(place.key)
    return found


def _tell(places: Sequence[Place], who: Identity, *, actor: Actor, at: datetime, reason_text: str) -> None:
    person, name = who.person.public_id, pseudonym(who.public_id)
    audit.record(
        at=at,
        actor_kind=actor.kind,
        actor_id=actor.public_id,
        actor_label=actor.label,
        resource="user",
        resource_id=person,
        reference=name,
        action=REDACTED,
        reason_text=reason_text,
        changes={"places": [place.name for place in places]},
    )
    events.emit(
        type=f"user.{REDACTED}",
        resource="user",
        resource_id=person,
        reference=name,
        version=1,
        audience=Audience.SECRETARIAT,
        at=at,
        actor=actor.label,
    )
