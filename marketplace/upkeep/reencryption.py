"""Writing anew under SECRET_KEY what lies encrypted under one of SECRET_KEY_FALLBACKS, so that this one can be taken away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Q, QuerySet

from marketplace.identity import cipher
from marketplace.webhooks import signing
from marketplace.webhooks.models import SigningSecret


@dataclass(frozen=True, slots=True)
class Place:
    """A column of encrypted texts. ``renew`` gives its value as it would lie under SECRET_KEY, or raises ValueError."""

    name: str
    rows: QuerySet[Any]
    column: str
    renew: Callable[[Any], Any]
    tell: Callable[[Any], str]  # whose it is, for whoever has to make it anew


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many rows of a place there are, how many were written anew, and which no key reads."""

    place: str
    rows: int
    rewritten: int
    unreadable: tuple[str, ...]


def places(at: datetime) -> tuple[Place, ...]:
    """Give the places of all that is encrypted; secrets of webhooks that have ended by ``at`` need no key any more."""
    live = Q(ends_at__isnull=True) | Q(ends_at__gt=at)
    return (
        Place(
            name="second factors",
            rows=Authenticator.objects.exclude(type=Authenticator.Type.WEBAUTHN),
            column="data",
            renew=_renew_factor,
            tell=lambda row: f"{row.type} of {row.user.username}",
        ),
        Place(
            name="secrets of webhooks",
            rows=SigningSecret.objects.filter(live),
            column="sealed",
            renew=partial(cipher.renew, purpose=signing.PURPOSE),
            tell=lambda row: f"{row} ({row.webhook.public_id})",
        ),
    )


def reencrypt(at: datetime) -> Iterator[Outcome]:
    """Write anew whatever does not lie under SECRET_KEY yet, each row in a transaction of its own; safe to repeat."""
    for place in places(at):
        keys = list(place.rows.order_by("pk").values_list("pk", flat=True))
        rewritten, unreadable = 0, []
        for key in keys:
            try:
                rewritten += _rewrite(place, key)
            except ValueError:
                unreadable.append(place.tell(place.rows.get(pk=key)))
        yield Outcome(place.name, len(keys), rewritten, tuple(unreadable))


@transaction.atomic
def _rewrite(place: Place, key: int) -> bool:
    """Write one row anew and tell whether that was needed. Raises ValueError where no key reads it."""
    row = place.rows.select_for_update().filter(pk=key).first()
    if row is None:  # taken away meanwhile
        return False
    lies = getattr(row, place.column)
    fresh = place.renew(lies)
    if fresh == lies:
        return False
    setattr(row, place.column, fresh)
    row.save(update_fields=[place.column])
    return True


def _renew_factor(data: dict[str, Any]) -> dict[str, Any]:
    """Renew the key of an app or the seed of recovery codes; the rest of ``data`` is in the clear."""
    return {name: cipher.renew(value) if name in ("secret", "seed") else value for name, value in data.items()}
