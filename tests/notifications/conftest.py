"""A small group of people, and a thing that waits for one of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import SimpleNamespace
from uuid import UUID

import pytest

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization, User
from marketplace.accounts.operations import OrganizationFacts, RoleSpan, save_membership, save_organization
from marketplace.kernel.ids import new_public_id
from marketplace.records.models import EventScope

SYSTEM = Actor.system("test")
Member = Callable[..., User]


@dataclass
class Thing:
    """What notifications need of a record with a life cycle."""

    organization_ids: frozenset[int]
    step: str = "request.answer"
    waiting_for: str = "requester"
    state: str = "returned"
    due_at: datetime | None = None
    resource: str = "thing"
    reference_text: str = "GMG-MLI-2026-0007"
    public_id: UUID = field(default_factory=new_public_id)

    def event_scope(self, *, at: datetime) -> EventScope:
        return EventScope("organizations", self.organization_ids)


@pytest.fixture
def organization(at: datetime) -> Callable[..., Organization]:
    def make(code: str, *roles: str) -> Organization:
        facts = OrganizationFacts(
            code=code, names={"en": code}, kind="member_agency", roles=[RoleSpan(role) for role in roles]
        )
        return save_organization(facts, actor=SYSTEM, at=at)

    return make


@pytest.fixture
def member(at: datetime) -> Member:
    def make(
        name: str,
        organization: Organization,
        role: str,
        *,
        countries: Sequence[str] = (),
        programmes: Sequence[str] = (),
    ) -> User:
        user, _created = User.objects.get_or_create(username=name)
        save_membership(
            actor=SYSTEM,
            at=at,
            user=user,
            organization=organization,
            role=role,
            countries=countries,
            programmes=programmes,
        )
        return user

    return make


@pytest.fixture
def agency(organization: Callable[..., Organization]) -> Organization:
    return organization("AGENCY", "member")


@pytest.fixture
def secretariat(organization: Callable[..., Organization]) -> Organization:
    return organization("SEC", "secretariat")


@pytest.fixture
def thing(agency: Organization, at: datetime, monkeypatch: pytest.MonkeyPatch) -> Thing:
    """A thing that waits for the agency's answer."""
    made = Thing(frozenset({agency.pk}), due_at=at)

    def rows(public_id: UUID) -> SimpleNamespace:
        return SimpleNamespace(first=lambda: made if public_id == made.public_id else None)

    model = SimpleNamespace(_default_manager=SimpleNamespace(filter=rows))
    monkeypatch.setattr("marketplace.notifications.operations.model_of", lambda resource: model)
    return made
