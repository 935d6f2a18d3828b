"""What of the catalogue can be imported."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.bulk.models import RowOutcome
from marketplace.bulk.targets import Arguments, Saved, Target, check_same, list_target, one_by_one, record_with
from providers import operations, queries
from providers.api.serializers import OfferingIn, ProviderIn, TrainingSessionIn
from providers.models import Offering, Session
from providers.operations import Filed

WRITE = Permission.CATALOGUE_WRITE
OUTCOMES = {"created": RowOutcome.CREATED, "changed": RowOutcome.CHANGED, "": RowOutcome.UNCHANGED}


def save_offerings(rows: Sequence[Arguments], *, actor: Actor, at: datetime) -> list[Saved]:
    """Write offerings together."""
    return [_saved(one) for one in operations.file_offerings(actor=actor, at=at, rows=rows)]


def _saved(filed: Filed) -> Saved:
    if filed.error is not None:
        return Saved(RowOutcome.REFUSED, error=filed.error)
    return Saved(OUTCOMES[filed.action], filed.changes)


def change_offering(*, actor: Actor, at: datetime, id: str, facts: Mapping[str, Any], **said: Any) -> Offering:  # noqa: A002
    """Change the offering with this id. Raises DomainError(unknown_reference, rule_broken), and what the operation raises."""
    known = record_with(id, queries.offerings_visible_to(actor, at=at).select_related("provider"))
    check_same(said, {"provider": (known.provider.code, str(known.provider.public_id)), **_key(known)})
    return operations.change_offering(actor=actor, at=at, offering_id=known.pk, facts=facts)


def change_session(*, actor: Actor, at: datetime, id: str, facts: Mapping[str, Any], **said: Any) -> Session:  # noqa: A002
    """Change the session with this id. Raises DomainError(unknown_reference, rule_broken), and what the operation raises."""
    known = record_with(id, queries.sessions_visible_to(actor, at=at).select_related("offering"))
    check_same(said, {"offering": (str(known.offering.public_id), known.offering.code), **_key(known)})
    return operations.change_session(actor=actor, at=at, session_id=known.pk, facts=facts)


def _key(known: Offering | Session) -> dict[str, tuple[str]]:
    return {"external_id": (known.external_id,), "source": (known.source,)}


list_target(
    Target(
        "offerings", OfferingIn, WRITE, "external_id", save_offerings, change=one_by_one(change_offering, "offering")
    )
)
list_target(
    Target(
        "sessions",
        TrainingSessionIn,
        WRITE,
        "external_id",
        one_by_one(operations.file_session, "session"),
        change=one_by_one(change_session, "session"),
    )
)
list_target(Target("providers", ProviderIn, WRITE, "organization", one_by_one(operations.file_provider, "provider")))
