"""What of the catalogue can be imported."""

from collections.abc import Sequence
from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.bulk.models import RowOutcome
from marketplace.bulk.targets import Arguments, Saved, Target, list_target, one_by_one
from providers import operations
from providers.api.serializers import OfferingIn, ProviderIn, TrainingSessionIn
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


list_target(Target("offerings", OfferingIn, WRITE, "external_id", save_offerings))
list_target(Target("sessions", TrainingSessionIn, WRITE, "external_id", one_by_one(operations.file_session, "session")))
list_target(Target("providers", ProviderIn, WRITE, "organization", one_by_one(operations.file_provider, "provider")))
