"""What comes in from outside names its owner by code or id, and itself by a key of the sending system."""

from datetime import datetime

from django.db import transaction

from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.periods import Period
from providers.models import CapacityWindow, Offering, Provider, Session
from providers.operations.facts import Facts
from providers.operations.offerings import create_offering, save_offering
from providers.operations.providers import change_provider, register_provider
from providers.operations.sessions import create_session, save_session
from providers.operations.windows import create_window
from providers.queries import visible_offering, visible_provider


@transaction.atomic
def file_offering(
    *,
    actor: Actor,
    at: datetime,
    provider: str,
    facts: Facts,
    external_id: str = "",
    source: str = "",
    expected_version: int | None = None,
) -> tuple[Offering, bool]:
    """Draft an offering of a provider (code or id), or change the one with this ``external_id``; tells whether it is new.

    Raises DomainError(unknown_reference) for a provider that the actor does not see, and what `save_offering` raises.
    """
    owner = visible_provider(provider, actor=actor, at=at)
    if not external_id:
        _expect_nothing(expected_version)
        return create_offering(actor=actor, at=at, provider_id=owner.pk, facts=facts), True
    return save_offering(
        actor=actor,
        at=at,
        provider_id=owner.pk,
        source=source,
        external_id=external_id,
        facts=facts,
        expected_version=expected_version,
    )


def _expect_nothing(version: int | None) -> None:
    """Refuse the expectation of a version of what is made here. Raises DomainError(precondition_failed)."""
    if version is not None:
        raise DomainError(ErrorCode.PRECONDITION_FAILED)


@transaction.atomic
def file_provider(*, actor: Actor, at: datetime, organization: str, facts: Facts) -> tuple[Provider, bool]:
    """Register an organization (code or id) as a provider, or change the provider that it is; tells whether it is new.

    Raises DomainError(unknown_reference) for an unknown organization, and what `register_provider` and `change_provider`
    raise.
    """
    owner = accounts.organization_by_code(organization, "/organization")
    known = Provider.objects.filter(organization=owner).values_list("pk", flat=True).first()
    if known is None:
        return register_provider(actor=actor, at=at, organization=owner.code, facts=facts), True
    return change_provider(actor=actor, at=at, provider_id=known, facts=facts), False


@transaction.atomic
def file_session(
    *,
    actor: Actor,
    at: datetime,
    offering: str,
    facts: Facts,
    external_id: str = "",
    source: str = "",
    expected_version: int | None = None,
) -> tuple[Session, bool]:
    """Plan a session of an offering (code or id), or change the one with this ``external_id``; tells whether it is new.

    Raises DomainError(unknown_reference) for an offering that the actor does not see, and what `save_session` raises.
    """
    owner = visible_offering(offering, actor=actor, at=at)
    if not external_id:
        _expect_nothing(expected_version)
        return create_session(actor=actor, at=at, offering_id=owner.pk, facts=facts), True
    return save_session(
        actor=actor,
        at=at,
        offering_id=owner.pk,
        source=source,
        external_id=external_id,
        facts=facts,
        expected_version=expected_version,
    )


@transaction.atomic
def file_window(
    *, actor: Actor, at: datetime, provider: str, unit: str, quantity: int, period: Period
) -> CapacityWindow:
    """Add capacity of a provider (code or id). Raises DomainError(unknown_reference), and what `create_window` raises."""
    owner = visible_provider(provider, actor=actor, at=at)
    return create_window(actor=actor, at=at, provider_id=owner.pk, unit=unit, quantity=quantity, period=period)
