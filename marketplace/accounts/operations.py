"""Writes of the accounts room: the group's organizations, people, systems and tokens."""

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import F

from marketplace.accounts import permissions, queries, reach
from marketplace.accounts.actors import Actor
from marketplace.accounts.heirs import end_of, lock_owner, maker_of
from marketplace.accounts.journal import Entry, note, note_many
from marketplace.accounts.models import (
    AccessToken,
    ContextEvent,
    Membership,
    Organization,
    OrganizationAlias,
    OrganizationRole,
    Programme,
    ServiceClient,
    User,
)
from marketplace.accounts.roles import SCOPES, Permission
from marketplace.accounts.tree import lock_tree, rebuild_tree
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, rule_broken
from marketplace.kernel.text import LanguageMap, gettext_noop

ORGANIZATION_CODE = r"^[A-Z0-9][A-Z0-9_-]{1,39}$"


@dataclass(frozen=True)
class RoleSpan:
    """A group role of an organization with its validity."""

    role: str
    valid_from: date | None = None
    valid_to: date | None = None


@dataclass(frozen=True)
class OrganizationFacts:
    """What is known of an organization; ``parent`` is a code."""

    code: str
    names: LanguageMap
    kind: str
    parent: str | None = None
    country: str = ""
    aliases: Sequence[str] = ()
    roles: Sequence[RoleSpan] = ()
    crs_channel: str = ""
    historical: bool = False
    provenance: Mapping[str, object] = field(default_factory=dict)


@transaction.atomic
def save_organization(
    facts: OrganizationFacts, *, actor: Actor, at: datetime, changes: Mapping[str, object] | None = None
) -> Organization:
    """Create or replace an organization by its code, with aliases, roles and place in the tree.

    ``changes`` is what the trail says of them, where the caller knows what differs.

    Raises DomainError(permission_denied), DomainError(unknown_reference) for an unknown parent and
    DomainError(rule_broken) when the parent lies below the organization itself.
    """
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    lock_tree()
    parent = queries.organization_by_code(facts.parent, "/parent") if facts.parent else None
    existing = Organization.objects.select_for_update(of=("self",)).filter(code=facts.code).first()
    organization = existing or Organization(code=facts.code, created_at=at)
    if existing and parent and parent.pk in queries.subtree_ids(existing.pk):
        raise rule_broken("/parent", "circular_parent", gettext_noop("The parent lies below the organization itself."))
    organization.names, organization.kind = dict(facts.names), facts.kind
    organization.country, organization.crs_channel = facts.country, facts.crs_channel
    organization.historical, organization.provenance = facts.historical, dict(facts.provenance)
    moved = existing is None or organization.parent_id != (parent.pk if parent else None)
    organization.parent, organization.updated_at = parent, at
    organization.version += 0 if existing is None else 1
    organization.save()
    if moved:
        rebuild_tree()
    organization.aliases.all().delete()
    OrganizationAlias.objects.bulk_create(
        OrganizationAlias(organization=organization, text=text) for text in dict.fromkeys(facts.aliases)
    )
    organization.roles.all().delete()
    OrganizationRole.objects.bulk_create(
        OrganizationRole(organization=organization, role=span.role, valid_from=span.valid_from, valid_to=span.valid_to)
        for span in facts.roles
    )
    note(organization, "created" if existing is None else "changed", actor=actor, at=at, changes=changes)
    return organization


@transaction.atomic
def save_programme(
    *,
    actor: Actor,
    at: datetime,
    code: str,
    names: LanguageMap,
    lead: str | None = None,
    parent: str | None = None,
    members: Iterable[str] = (),
    funders: Iterable[str] = (),
    countries: Sequence[str] = (),
    start_on: date | None = None,
    end_on: date | None = None,
    precision: str = "day",
    original_period: Mapping[str, object] | None = None,
    provenance: Mapping[str, object] | None = None,
) -> Programme:
    """Create or replace a programme by its code; organizations and the parent are given by code.

    Raises DomainError(permission_denied) and DomainError(unknown_reference).
    """
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    existing = Programme.objects.select_for_update(of=("self",)).filter(code=code).first()
    programme = existing or Programme(code=code, created_at=at)
    programme.names, programme.countries = dict(names), list(countries)
    programme.lead = queries.organization_by_code(lead, "/lead") if lead else None
    programme.parent = queries.programme_by_code(parent, "/parent") if parent else None
    programme.start_on, programme.end_on, programme.precision = start_on, end_on, precision
    programme.original_period, programme.provenance = (
        dict(original_period) if original_period else None,
        dict(provenance or {}),
    )
    programme.updated_at = at
    programme.version += 0 if existing is None else 1
    programme.save()
    programme.members.set(queries.organizations_by_code(members, "/members"))
    programme.funders.set(queries.organizations_by_code(funders, "/funders"))
    note(programme, "created" if existing is None else "changed", actor=actor, at=at)
    return programme


@transaction.atomic
def save_context_event(
    *,
    actor: Actor,
    at: datetime,
    code: str,
    names: LanguageMap,
    start_on: date | None,
    end_on: date | None,
    precision: str = "day",
    host_country: str = "",
    original_period: Mapping[str, object] | None = None,
    provenance: Mapping[str, object] | None = None,
) -> ContextEvent:
    """Create or replace a context event by its code. Raises DomainError(permission_denied)."""
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    existing = ContextEvent.objects.select_for_update(of=("self",)).filter(code=code).first()
    event = existing or ContextEvent(code=code, created_at=at)
    event.names, event.host_country = dict(names), host_country
    event.start_on, event.end_on, event.precision = start_on, end_on, precision
    event.original_period, event.provenance = dict(original_period) if original_period else None, dict(provenance or {})
    event.updated_at = at
    event.version += 0 if existing is None else 1
    event.save()
    note(event, "created" if existing is None else "changed", actor=actor, at=at)
    return event


@transaction.atomic
def save_membership(
    *,
    actor: Actor,
    at: datetime,
    user: User,
    organization: Organization,
    role: str,
    valid_from: date | None = None,
    valid_to: date | None = None,
    countries: Sequence[str] = (),
    programmes: Sequence[str] = (),
) -> Membership:
    """Give a person a role in an organization, or change its validity and scope. Raises DomainError(permission_denied).

    Who may give which role is asked in `people`, which stands before this.
    """
    permissions.check(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    known = Membership.objects.select_for_update(of=("self",)).filter(user=user, organization=organization, role=role)
    existing = known.first()
    membership = existing or Membership(user=user, organization=organization, role=role, created_at=at)
    before = _terms(membership)
    membership.valid_from, membership.valid_to = valid_from, valid_to
    membership.countries, membership.programmes = list(countries), list(programmes)
    membership.updated_at = at
    membership.version += 0 if existing is None else 1
    membership.save()
    changed = {name: [before[name], now] for name, now in _terms(membership).items() if before[name] != now}
    changes = {"user": str(user.public_id), "role": role, **changed}
    note(membership, "created" if existing is None else "changed", actor=actor, at=at, changes=changes)
    return membership


def _terms(membership: Membership) -> dict[str, object]:
    days = {name: getattr(membership, name) for name in ("valid_from", "valid_to")}
    return {
        **{name: day.isoformat() if day else None for name, day in days.items()},
        "countries": list(membership.countries),
        "programmes": list(membership.programmes),
    }


@transaction.atomic
def save_service_client(
    *,
    actor: Actor,
    at: datetime,
    client_id: str,
    name: str,
    organization: Organization,
    scopes: Sequence[str],
    active: bool = True,
    requests_per_minute: int | None = None,
    test_mode: bool = False,
) -> ServiceClient:
    """Register an integrating system of an organization, or change it; ``requests_per_minute`` None: as often as all.

    ``test_mode`` counts when it is registered, and stays.

    Raises DomainError(permission_denied, rule_broken), and insufficient_scope for new scopes that the caller's token lacks.
    A key outlasts what was lent: a role of one's own is asked for, here and wherever keys are made.
    """
    permissions.check_holds(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    check_scopes(scopes)
    existing = ServiceClient.objects.select_for_update(of=("self",)).filter(client_id=client_id).first()
    check_hands_out(actor, set(scopes) - set(existing.scopes if existing else ()))
    client = existing or ServiceClient(client_id=client_id, created_at=at, test_mode=test_mode)
    client.name, client.organization, client.scopes, client.active, client.updated_at = (
        name,
        organization,
        list(scopes),
        active,
        at,
    )
    client.requests_per_minute = requests_per_minute
    client.version += 0 if existing is None else 1
    client.save()
    note(client, "created" if existing is None else "changed", actor=actor, at=at)
    return client


# --- tokens ------------------------------------------------------------------------------------------------------

TOKEN_KIND = "gmg"  # noqa: S105  the public first part of every token


def check_scopes(scopes: Sequence[str]) -> None:
    """Raise DomainError(rule_broken) naming the allowed scopes unless all are known."""
    unknown = [(index, scope) for index, scope in enumerate(scopes) if scope not in SCOPES]
    if unknown:
        detail = gettext_noop("`%(value)s` is not a scope.")
        raise DomainError(
            ErrorCode.RULE_BROKEN,
            errors=[
                FieldError(f"/scopes/{index}", "unknown_scope", detail, tuple(sorted(SCOPES)), {"value": scope})
                for index, scope in unknown
            ],
        )


def check_hands_out(actor: Actor, scopes: Iterable[str]) -> None:
    """Raise DomainError(insufficient_scope) for scopes that the token of ``actor`` lacks: nobody hands out what they have not.

    Asked wherever a key is made or widened, or a narrow token of somebody with a great role would open everything.
    """
    lacking = set() if actor.scopes is None else set(scopes) - actor.scopes
    if lacking:
        raise DomainError(ErrorCode.INSUFFICIENT_SCOPE, scope=", ".join(sorted(lacking)))


def digest(secret: str) -> str:
    """Hash the secret part of a token (SHA-256 of 256 random bits)."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def issue_token(
    *,
    actor: Actor,
    at: datetime,
    name: str,
    scopes: Sequence[str],
    lifetime: timedelta | None = None,
    user: User | None = None,
    client: ServiceClient | None = None,
) -> tuple[AccessToken, str]:
    """Make a token for a user or a service client and return it with its text, which is shown only once.

    A person may make tokens for themselves; for others, organizations must be managed. A client's token never
    reaches further than the client. What people make for themselves with a token ends with it at the latest: its end
    and its revocation bound what comes of a leak. ``lifetime`` None: the usual one, or up to that end. Raises
    DomainError(permission_denied, rule_broken), and DomainError(token_invalid) where that token has ended meanwhile.
    """
    if actor.user is None or user is None or actor.user.pk != user.pk:
        permissions.check_holds(actor, Permission.ORGANIZATIONS_MANAGE, at=at)
    check_scopes(scopes)
    check_hands_out(actor, scopes)
    maker = maker_of(actor, user)
    prefix, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    token = AccessToken(
        name=name,
        prefix=prefix,
        digest=digest(secret),
        user=user,
        client=client,
        made_with=maker,
        scopes=list(scopes),
        expires_at=end_of(lifetime, maker, at=at),
        created_at=at,
        updated_at=at,
    )
    token.save()
    made_with = {"made_with": str(maker.public_id)} if maker else {}
    note(token, "created", actor=actor, at=at, changes={"scopes": list(scopes), **made_with})
    return token, f"{TOKEN_KIND}_{prefix}_{secret}"


@transaction.atomic
def revoke_token(token: AccessToken, *, actor: Actor, at: datetime) -> AccessToken:
    """End a token at once, and with it all that were made with it; ending it again changes nothing."""
    lock_owner(token)
    living = queries.with_heirs(token).filter(revoked_at__isnull=True)
    ended = list(living.order_by("pk"))
    living.update(revoked_at=at, updated_at=at, version=F("version") + 1)
    for one in ended:
        one.revoked_at, one.updated_at, one.version = at, at, one.version + 1
    ended_with: dict[str, object] = {"with": str(token.public_id)}
    entries = [Entry(one, "revoked", changes={} if one == token else ended_with) for one in ended]
    note_many(entries, actor=actor, at=at)
    token.refresh_from_db()
    return token


def authenticate_token(text: str, *, at: datetime) -> tuple[AccessToken, Actor] | None:
    """Turn the text of a token into its actor, or None when it is unknown, expired, revoked or its owner inactive.

    The time of last use is kept to the minute, so that reading does not write all the time.
    """
    kind, _, rest = text.partition("_")
    prefix, _, secret = rest.partition("_")
    if kind != TOKEN_KIND or not secret:
        return None
    known = reach.token_by_prefix(prefix, at.date())
    if known is None:
        return None
    token = known.token
    if not secrets.compare_digest(token.digest, digest(secret)):
        return None
    if token.revoked_at is not None or token.expires_at <= at:
        return None
    if token.last_used_at is None or at - token.last_used_at > timedelta(minutes=1):
        AccessToken.objects.filter(pk=token.pk).update(last_used_at=at)
    scopes = frozenset(token.scopes)
    if token.user is not None:
        person = Actor.for_user(token.user, scopes=scopes, token=token)
        return (token, known.told(person)) if token.user.is_active else None
    client = token.client
    if client is None or not client.active:
        return None
    return token, known.told(Actor.for_client(client, scopes=scopes, token=token))
