"""What comes in from outside names its owner by code or id, and itself by a key of the sending system."""

from datetime import datetime

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.kernel.periods import Period
from providers.models import CapacityWindow, Offering, Session
from providers.operations.facts import Facts
from providers.operations.offerings import create_offering, save_offering
from providers.operations.sessions import create_session, save_session
from providers.operations.windows import create_window
from providers.queries import visible_offering, visible_provider


@transaction.atomic
def file_offering(
    *, actor: Actor, at: datetime, provider: str, facts: Facts, external_id: str = "", source: str = ""
) -> tuple[Offering, bool]:
    """Draft an offering of a provider (code or id), or change the one with this ``external_id``; tells whether it is new.

    Raises DomainError(unknown_reference) for a provider that the actor does not see, and what `save_offering` raises.
    """
    owner = visible_provider(provider, actor=actor, at=at)
    if not external_id:
        return create_offering(actor=actor, at=at, provider_id=owner.pk, facts=facts), True
    return save_offering(actor=actor, at=at, provider_id=owner.pk, source=source, external_id=external_id, facts=facts)


@transaction.atomic
def file_session(
    *, actor: Actor, at: datetime, offering: str, facts: Facts, external_id: str = "", source: str = ""
) -> tuple[Session, bool]:
    """Plan a session of an offering (code or id), or change the one with this ``external_id``; tells whether it is new.

    Raises DomainError(unknown_reference) for an offering that the actor does not see, and what `save_session` raises.
    """
    owner = visible_offering(offering, actor=actor, at=at)
    if not external_id:
        return create_session(actor=actor, at=at, offering_id=owner.pk, facts=facts), True
    return save_session(actor=actor, at=at, offering_id=owner.pk, source=source, external_id=external_id, facts=facts)


@transaction.atomic
def file_window(
    *, actor: Actor, at: datetime, provider: str, unit: str, quantity: int, period: Period
) -> CapacityWindow:
    """Add capacity of a provider (code or id). Raises DomainError(unknown_reference), and what `create_window` raises."""
    owner = visible_provider(provider, actor=actor, at=at)
    return create_window(actor=actor, at=at, provider_id=owner.pk, unit=unit, quantity=quantity, period=period)
