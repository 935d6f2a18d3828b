"""People, organizations and tokens of a small group, made through the operations."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from marketplace.accounts import operations
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization, ServiceClient, User
from marketplace.accounts.operations import OrganizationFacts, RoleSpan
from marketplace.accounts.roles import SCOPES
from tests.kit.copies import copied

SYSTEM = Actor.system("test")
START = date(2020, 1, 1)
EVER = datetime(2020, 1, 1, tzinfo=UTC)  # when the group of a test came about that plays today
PASSWORD = "a long password"
WEEK = timedelta(days=7)


def organization(
    code: str, at: datetime, *roles: str, kind: str = "member_agency", parent: str | None = None
) -> Organization:
    facts = OrganizationFacts(
        code, {"en": f"{code} in full"}, kind, parent, roles=[RoleSpan(role, START) for role in roles]
    )
    return operations.save_organization(facts, actor=SYSTEM, at=at)


def member(
    login: str,
    role: str,
    of: Organization,
    at: datetime,
    *,
    programmes: Sequence[str] = (),
    countries: Sequence[str] = (),
) -> User:
    user = User.objects.filter(username=login).first() or User.objects.create_user(login, password=PASSWORD)
    operations.save_membership(
        actor=SYSTEM,
        at=at,
        user=user,
        organization=of,
        role=role,
        valid_from=START,
        programmes=programmes,
        countries=countries,
    )
    return user


def token_of(owner: User | ServiceClient, at: datetime, *scopes: str, days: int = 36_500) -> str:
    """Make a token that lasts, unless told otherwise, whatever the calendar says on the day on which the tests run."""
    by = {"user": owner} if isinstance(owner, User) else {"client": owner}
    _, text = operations.issue_token(
        actor=SYSTEM, at=at, name="test", scopes=scopes or sorted(SCOPES), lifetime=timedelta(days=days), **by
    )
    return text


@dataclass(frozen=True)
class SmallGroup:
    """The secretariat, a requesting agency, a providing one and a stranger, each with its people."""

    secretariat: Organization
    requester: Organization
    provider: Organization
    stranger: Organization
    officer: User
    second_officer: User
    head: User
    focal_point: User
    provider_staff: User
    viewer: User
    auditor: User
    outsider: User
    client: ServiceClient


@copied
def small_group(at: datetime) -> SmallGroup:
    secretariat = organization("SEC", at, "secretariat")
    requester = organization("REQ", at, "member", "requester")
    provider = organization("PRO", at, "member", "provider")
    stranger = organization("STR", at, "member", "requester")
    return SmallGroup(
        secretariat,
        requester,
        provider,
        stranger,
        officer=member("officer", "secretariat_officer", secretariat, at),
        second_officer=member("officer2", "secretariat_officer", secretariat, at),
        head=member("head", "secretariat_head", secretariat, at),
        focal_point=member("focal", "focal_point", requester, at),
        provider_staff=member("staff", "provider_staff", provider, at),
        viewer=member("viewer", "viewer", requester, at),
        auditor=member("auditor", "auditor", secretariat, at),
        outsider=member("outsider", "focal_point", stranger, at),
        client=operations.save_service_client(
            actor=SYSTEM,
            at=at,
            client_id="req-system",
            name="System",
            organization=requester,
            scopes=["organizations:read", "requests:read", "requests:write"],
        ),
    )
