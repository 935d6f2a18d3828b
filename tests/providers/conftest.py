"""A provider with its people, and the secretariat."""

from dataclasses import dataclass

import pytest

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from providers.models import Provider
from tests.factories.accounts import OrganizationFactory, member, secretariat
from tests.factories.providers import ProviderFactory


@pytest.fixture(autouse=True)
def database(db: None) -> None:
    """Every test of this room stands on the database; the coded lists are there since its migrations."""


@dataclass(frozen=True)
class Scene:
    """Who plays: an officer of the secretariat, staff of one provider, staff of another, a focal point of an agency."""

    provider: Provider
    other: Provider
    agency: Organization
    officer: Actor
    staff: Actor
    rival: Actor
    focal_point: Actor
    auditor: Actor


@pytest.fixture
def scene(db: None) -> Scene:
    provider, other = ProviderFactory.create(), ProviderFactory.create()
    agency = OrganizationFactory.create(roles=["member"])
    office = OrganizationFactory.create(roles=["secretariat"])
    return Scene(
        provider=provider,
        other=other,
        agency=agency,
        officer=secretariat(organization=office),
        staff=member(provider.organization, "provider_staff"),
        rival=member(other.organization, "provider_staff"),
        focal_point=member(agency),
        auditor=member(agency, "auditor"),
    )
