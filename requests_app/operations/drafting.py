"""Writing a request: draft, change, upsert by an outside id. An edit that matters keeps the former content."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from django.db import transaction

from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken, unknown_reference
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from requests_app import queries
from requests_app.lifecycle import EDITABLE_STATES
from requests_app.models import TrainingRequest
from requests_app.operations.content import (
    MATERIAL,
    RequestContent,
    add_groups,
    check_complete,
    check_content,
    content_of,
    differences,
    merged,
    write_columns,
    write_groups,
)
from requests_app.operations.indexing import index_new_request, index_request
from requests_app.operations.lines import drafted_lines, rewrite_lines
from requests_app.operations.locking import check_requester, check_writer, lock_request
from requests_app.operations.placing import follow_lines
from requests_app.operations.revisions import keep_revision

SHOWING = frozenset({"visibility", "co_requesters", "funder"})  # who sees the request hangs on these
CHANNEL_OF = {"client": "api", "user": "focal_point", "system": "import"}


@transaction.atomic
def create_request(
    *, actor: Actor, at: datetime, organization: str, content: RequestContent, external_id: str = ""
) -> TrainingRequest:
    """Draft a request for an organization (code or public id); a draft may leave anything out.

    Raises DomainError(permission_denied), DomainError(unknown_reference), DomainError(rule_broken), and
    DomainError(duplicate) when the external id is taken by the same client or organization.
    """
    owner = accounts.organization_by_code(organization, "/requesting_organization")
    return _drafted(owner, content, external_id, actor=actor, at=at)


def _drafted(
    owner: Organization, content: RequestContent, external_id: str, *, actor: Actor, at: datetime
) -> TrainingRequest:
    check_content(content)
    request = TrainingRequest(
        requesting_organization=owner, external_id=external_id, external_client=actor.client, drafted_by=actor.user
    )
    request.is_test = actor.is_test
    write_columns(request, content, _parent(content, actor, at))
    request.channel = request.channel or CHANNEL_OF.get(actor.kind, "focal_point")
    _check_writer_of(request, content, actor, at)
    if external_id and queries.by_external_id(external_id, actor=actor, organization_id=owner.pk).exists():
        raise DomainError(ErrorCode.DUPLICATE, field="external_id")
    lines = drafted_lines(request, content.lines)
    lifecycles.create(request, actor=actor, at=at, changes={"channel": ["", request.channel]}, parts=lines)
    add_groups(request, content)
    index_new_request(request, lines)
    return request


@transaction.atomic
def change_request(
    *, actor: Actor, at: datetime, request_id: int, content: RequestContent, expected_version: int | None = None
) -> TrainingRequest:
    """Give a request new content; the differences are found here, and no difference changes nothing.

    Once submitted, an edit of what decides the fit keeps the former content as a revision, raises the content version
    and says so in the event (``material``), upon which matching supersedes suggestions and asks partners again.
    Raises DomainError(not_found, precondition_failed, permission_denied, wrong_state, unknown_reference, rule_broken).
    """
    request = _lock_own(request_id, actor, at, expected_version)
    _rewrite(request, content_of(request), content, actor=actor, at=at)
    return request


@transaction.atomic
def edit_request(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    changes: Mapping[str, object],
    expected_version: int | None = None,
) -> TrainingRequest:
    """Change some fields of a request's content, as JSON Merge Patch means it; see ``content.merged`` for the names.

    Raises as ``change_request`` does.
    """
    request = _lock_own(request_id, actor, at, expected_version)
    before = content_of(request)
    _rewrite(request, before, merged(before, changes), actor=actor, at=at)
    return request


def _lock_own(request_id: int, actor: Actor, at: datetime, expected_version: int | None) -> TrainingRequest:
    request = lock_request(request_id=request_id, expected_version=expected_version)
    check_requester(request, actor, at)
    return request


def _rewrite(
    request: TrainingRequest, before: RequestContent, content: RequestContent, *, actor: Actor, at: datetime
) -> None:
    content = replace(content, channel=content.channel or before.channel)
    changed = differences(before, content)
    if not changed:
        return
    if request.state not in EDITABLE_STATES:
        raise lifecycles.wrong_state(request, "change")
    check_content(content)
    if request.state in ("submitted", "open"):
        check_complete(content)
    until_now = None if SHOWING.isdisjoint(changed) else request.event_scope(at=at)
    write_columns(request, content, _parent(content, actor, at))
    _check_writer_of(request, content, actor, at)
    material = sorted(MATERIAL & set(changed)) if not request.is_private else []
    if material:
        keep_revision(request, before, sorted(changed), actor=actor, at=at)
    write_groups(request, content)
    if "lines" in changed:
        rewrite_lines(request, content.lines, actor=actor, at=at)
    lifecycles.record_change(
        request,
        "changed",
        actor=actor,
        at=at,
        # What is only drafted is nobody else's business: its audit record names the fields and keeps the words.
        changes={"fields": sorted(changed)} if request.is_private else changed,
        data={"material": bool(material), "changed": sorted(changed)},
        until_now=until_now,
    )
    if material and request.state == "open":
        lifecycles.reschedule_step(request, at=at, due_at=request.call_ends_at if _call_runs(request) else None)
    follow_lines(request, actor=actor, at=at)
    index_request(request)


@transaction.atomic
def file_request(
    *,
    actor: Actor,
    at: datetime,
    content: RequestContent,
    organization: str = "",
    external_id: str = "",
    expected_version: int | None = None,
    said: Collection[str] | None = None,
) -> tuple[TrainingRequest, bool]:
    """Draft a request, or change the one that the caller's system knows as ``external_id``; returns it and whether it is new.

    The external id counts for the client, or for the organization where a person writes; what is known gets the whole
    new content, or that of the fields named in ``said`` alone. Lines that have no numbers are those that stand in their
    places: the same call again changes nothing. Without ``organization`` it is the only one that the actor writes for.
    Raises as ``create_request`` and ``change_request`` do, and DomainError(precondition_failed) where a version is expected
    of what is not there.
    """
    owner = accounts.organization_by_code(organization or _only_organization(actor, at), "/requesting_organization")
    found = queries.by_external_id(external_id, actor=actor, organization_id=owner.pk).first() if external_id else None
    if found is None:
        if expected_version is not None:
            raise DomainError(ErrorCode.PRECONDITION_FAILED)
        return _drafted(owner, content, external_id, actor=actor, at=at), True
    return _refile(found.pk, content, said, actor=actor, at=at, expected_version=expected_version), False


@transaction.atomic
def refile_request(
    *, actor: Actor, at: datetime, request_id: int, content: RequestContent, said: Collection[str]
) -> TrainingRequest:
    """Give the fields of a known request that are named in ``said`` new content, as ``file_request`` does. Raises as it does."""
    return _refile(request_id, content, said, actor=actor, at=at)


def _refile(
    request_id: int,
    content: RequestContent,
    said: Collection[str] | None,
    *,
    actor: Actor,
    at: datetime,
    expected_version: int | None = None,
) -> TrainingRequest:
    request = _lock_own(request_id, actor, at, expected_version)
    before = content_of(request)
    if said is not None:
        content = replace(before, **{name: getattr(content, name) for name in said})
    _rewrite(request, before, _numbered(content, before), actor=actor, at=at)
    return request


def _numbered(content: RequestContent, known: RequestContent) -> RequestContent:
    if any(line.number is not None for line in content.lines):
        return content
    numbers = [*(line.number for line in known.lines), *[None] * len(content.lines)]
    lines = [replace(line, number=number) for line, number in zip(content.lines, numbers, strict=False)]
    return replace(content, lines=tuple(lines))


def _only_organization(actor: Actor, at: datetime) -> str:
    codes = {right.organization_code for right in actor.rights(at) if Permission.REQUESTS_WRITE in right.permissions}
    if len(codes) != 1:
        detail = _("Say for which organization: you write for %(count)s.")
        raise rule_broken("/requesting_organization", "missing", detail, allowed=sorted(codes), count=len(codes))
    return codes.pop()


def _parent(content: RequestContent, actor: Actor, at: datetime) -> TrainingRequest | None:
    if not content.parent_request:
        return None
    parent = queries.find_request(content.parent_request, actor=actor, at=at)
    if parent is None:  # also where it exists unseen
        raise unknown_reference("/parent_request", content.parent_request)
    return parent


def _check_writer_of(request: TrainingRequest, content: RequestContent, actor: Actor, at: datetime) -> None:
    countries = {line.country for line in content.lines if line.country}
    check_writer(
        actor,
        at,
        organization_id=request.requesting_organization_id,
        countries=countries or ({content.place_country} if content.place_country else ()),
        programme=content.programme or None,
    )


def _call_runs(request: TrainingRequest) -> bool:
    return request.called_at is not None and request.call_ended_at is None
