"""Who sees which request (domain rule 5): the one place that every list, filter, count and search goes through."""

from collections.abc import Collection
from datetime import datetime

from django.db.models import BooleanField, Case, Exists, OuterRef, Q, QuerySet, Value, When

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor, Right
from marketplace.accounts.queries import things_of_mode
from marketplace.accounts.roles import Permission
from requests_app.models import MAY, SEES, PostingConsent, RequestLine, RequestShare, TrainingRequest

NOTHING = Q(pk__in=[])


def requests_visible_to(actor: Actor, *, at: datetime) -> QuerySet[TrainingRequest]:
    """Give the requests that ``actor`` may know of, annotated with ``reads_body``: False where only the summary is for them.

    Drafts are seen by members of the very organization within the countries and programmes of their membership; once
    submitted, a request is seen by its own side, those it is shared with, the secretariat, auditors of its programme,
    the group or everybody signed in, as its visibility says: everybody only while the requester consents. Test data is
    seen by systems in test mode of the very organization, who see nothing else.
    """
    readable = _readable_by(actor, at)
    summary = (
        NOTHING if actor.kind == "anonymous" or actor.is_test else Q(reference__isnull=False) & _summary_for(actor, at)
    )
    reads_body = Case(When(readable, then=Value(True)), default=Value(False), output_field=BooleanField())
    return things_of_mode(TrainingRequest, actor).filter(readable | summary).annotate(reads_body=reads_body)


def listed_in_public(rows: QuerySet[TrainingRequest]) -> QuerySet[TrainingRequest]:
    """Leave the open needs that their requesters agreed to have listed in public."""
    consented = PostingConsent.objects.filter(withdrawn_at__isnull=True).values("request_id")
    return rows.filter(state="open", visibility="public", pk__in=consented)


def requests_readable_by(actor: Actor, *, at: datetime) -> QuerySet[TrainingRequest]:
    """Give the requests whose body ``actor`` reads; what belongs to a request is theirs to read, too."""
    return things_of_mode(TrainingRequest, actor).filter(_readable_by(actor, at))


def visible_subquery(actor: Actor, *, at: datetime) -> QuerySet[TrainingRequest, int]:
    """Give the keys of the requests whose body ``actor`` reads, for the filters of other apps."""
    return requests_readable_by(actor, at=at).order_by().values_list("pk", flat=True)


def current_shares(at: datetime, *, sees: Collection[str] = SEES, may: Collection[str] = MAY) -> QuerySet[RequestShare]:
    """Give the shares that are neither over nor taken back at ``at`` and reach one of these scopes."""
    unexpired = Q(expires_at__isnull=True) | Q(expires_at__gt=at)
    return RequestShare.objects.filter(unexpired, ended_at__isnull=True, sees__in=sees, may__in=may)


def _summary_for(actor: Actor, at: datetime) -> Q:
    """Listed in public with the requester's consent, or shown to an organization of the actor in summary."""
    consented = PostingConsent.objects.filter(withdrawn_at__isnull=True).values("request_id")
    own = permissions.organization_ids(actor, at, "requests")
    shown = current_shares(at, sees=("summary",)).filter(organization_id__in=own).values("request_id")
    return Q(visibility="public", pk__in=consented) | Q(pk__in=shown)


def _readable_by(actor: Actor, at: datetime) -> Q:
    if actor.is_system:
        return Q(pk__isnull=False)
    if actor.kind == "anonymous":
        return NOTHING
    if actor.is_test:  # of the very organization: there is no one else to show it to
        return Q(requesting_organization_id__in=sorted(permissions.own_organization_ids(actor, at)))
    drafts = Q(reference__isnull=True) & _drafts_of(actor, at)
    return drafts | Q(reference__isnull=False) & _submitted_for(actor, at)


def _drafts_of(actor: Actor, at: datetime) -> Q:
    """Drafts of the organizations of which the actor is a member, or on which a grant lets them write."""
    found = NOTHING
    for right in actor.rights(at):
        found |= Q(requesting_organization_id=right.organization_id) & _in_scope(right, actor)
    granted = [pk for pk, codename in actor.grants(at) if codename == Permission.REQUESTS_WRITE.codename]
    return found | Q(requesting_organization_id__in=granted)


def _in_scope(right: Right, actor: Actor) -> Q:
    """Within the countries and programmes of a membership; what one drafted oneself never vanishes."""
    scope = _programmes(right)
    if right.countries:
        inside = RequestLine.objects.filter(request=OuterRef("pk"), country__in=right.countries)
        scope &= Q(place_country__in=right.countries) | Q(Exists(inside))
    limited = bool(right.countries or right.programmes)
    return scope | Q(drafted_by=actor.user) if limited and actor.user is not None else scope


def _programmes(right: Right) -> Q:
    return Q(programme__code__in=right.programmes) if right.programmes else Q()


def _submitted_for(actor: Actor, at: datetime) -> Q:
    if permissions.is_secretariat(actor, at):
        return Q(pk__isnull=False)
    found = _side(permissions.granted_ids(actor, at, "requests", "proposals", "offers"), at)
    for right in actor.rights(at):
        if right.reads_group_wide:
            found |= Q(pk__isnull=False) & _programmes(right)
            continue
        found |= _side(right.descendant_ids, at) & _programmes(right)
        if right.in_group:
            found |= Q(visibility__in=["group", "public"]) & _programmes(right)
    return found


def _side(organization_ids: Collection[int], at: datetime) -> Q:
    """Requests of these organizations: as requester, co-requester or funder, or with their body shared with them."""
    if not organization_ids:
        return NOTHING
    ids = list(organization_ids)
    co_requested = TrainingRequest.co_requesters.through.objects.filter(organization_id__in=ids)
    shared = current_shares(at, sees=("body", "documents")).filter(organization_id__in=ids)
    return (
        Q(requesting_organization_id__in=ids)
        | Q(funder_id__in=ids)
        | Q(pk__in=co_requested.values("trainingrequest_id"))
        | Q(pk__in=shared.values("request_id"))
    )
