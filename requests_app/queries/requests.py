"""Finding requests, and what belongs to them."""

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.queries import things_of_mode
from marketplace.files import queries as files
from marketplace.files.models import Document
from marketplace.search import queries as search
from requests_app.models import Clarification, Endorsement, RequestLine, RequestRevision, RequestShare, TrainingRequest
from requests_app.queries.visibility import current_shares, requests_visible_to, visible_subquery

# Names under which the words of requests are indexed.
FULL_TEXT, SUMMARY_TEXT = "training_request", "training_request_summary"


def find_request(key: str | UUID, *, actor: Actor, at: datetime) -> TrainingRequest | None:
    """Find a request by reference or public id among those that ``actor`` may know of."""
    return requests_visible_to(actor, at=at).filter(key_is(key)).select_related("requesting_organization").first()


def key_is(key: str | UUID, prefix: str = "") -> Q:
    """Make the condition that a request has this reference or public id."""
    try:
        return Q(**{f"{prefix}public_id": key if isinstance(key, UUID) else UUID(key)})
    except ValueError:
        return Q(**{f"{prefix}reference": key})


def by_external_id(external_id: str, *, actor: Actor, organization_id: int) -> QuerySet[TrainingRequest]:
    """Give the request that the actor's system, or the organization where a person asks, knows by an outside id."""
    owner = {"external_client": actor.client} if actor.client else {"requesting_organization_id": organization_id}
    rows = things_of_mode(TrainingRequest, actor).filter(external_id=external_id, **owner)
    return rows if actor.client else rows.filter(external_client__isnull=True)


def search_requests(
    rows: QuerySet[TrainingRequest], *, q: str, language: str, most: int | None = None
) -> QuerySet[TrainingRequest]:
    """Keep the requests (of ``requests_visible_to``) that have every word of ``q``, annotated with ``relevance``.

    Where the reader has only the summary, only its words count. With ``most``, so many of the newest are kept.
    """
    texts = {FULL_TEXT: Q(reads_body=True), SUMMARY_TEXT: Q(reads_body=False)}
    return search.search_as_read(rows, texts=texts, q=q, language=language, most=most)


def requester_organizations(request: TrainingRequest) -> frozenset[int]:
    """Give the ids of the requesting and co-requesting organizations and the funder (recusal and four eyes look at them).

    Reads ``co_requesters``; fetch them along where it is asked often.
    """
    ids = {request.requesting_organization_id, *(row.pk for row in request.co_requesters.all())}
    return frozenset(ids | ({request.funder_id} if request.funder_id else set()))


def requests_to_rank() -> list[int]:
    """Give the ids of the open requests, oldest first."""
    return list(TrainingRequest.objects.filter(state="open").order_by("opened_at", "pk").values_list("pk", flat=True))


# --- parts of a request -------------------------------------------------------------------------------------------


def lines_of(request: TrainingRequest) -> QuerySet[RequestLine]:
    """Give the lines in their order."""
    return RequestLine.objects.filter(request=request).select_related("request").order_by("number")


def lines_readable_by(actor: Actor, *, at: datetime) -> QuerySet[RequestLine]:
    """Give the lines of all requests whose body ``actor`` reads."""
    return RequestLine.objects.filter(request__in=visible_subquery(actor, at=at)).select_related("request")


def endorsements_readable_by(actor: Actor, *, at: datetime) -> QuerySet[Endorsement]:
    """Give the endorsements of all requests whose body ``actor`` reads."""
    return Endorsement.objects.filter(request__in=visible_subquery(actor, at=at)).select_related("authority", "request")


def clarifications_visible_to(actor: Actor, *, at: datetime) -> QuerySet[Clarification]:
    """Give the questions that ``actor`` may read: those of their own side's requests, and those they asked.

    The secretariat and auditors read all of the requests that they read.
    """
    rows = Clarification.objects.filter(request__in=visible_subquery(actor, at=at))
    rows = rows.select_related("asking_organization", "request")
    if _reads_all(actor, at):
        return rows
    ids = list(permissions.organization_ids(actor, at, "requests"))
    co_requested = TrainingRequest.co_requesters.through.objects.filter(organization_id__in=ids)
    own_side = Q(request__requesting_organization_id__in=ids) | Q(
        request_id__in=co_requested.values("trainingrequest_id")
    )
    return rows.filter(own_side | Q(asking_organization_id__in=ids))


def clarifications_for(request: TrainingRequest, actor: Actor, *, at: datetime) -> QuerySet[Clarification]:
    """Give the questions about one request that ``actor`` may read, oldest first."""
    return clarifications_visible_to(actor, at=at).filter(request=request).order_by("id")


def endorsements_of(request: TrainingRequest) -> QuerySet[Endorsement]:
    """Give the endorsements asked for, oldest first."""
    return Endorsement.objects.filter(request=request).select_related("authority", "request").order_by("id")


def shares_of(request: TrainingRequest) -> QuerySet[RequestShare]:
    """Give the shares of a request, ended ones too."""
    return RequestShare.objects.filter(request=request).select_related("organization").order_by("id")


def asked_shares() -> QuerySet[RequestShare]:
    """Give the shares that stand because a proposal asks, of all requests."""
    return RequestShare.objects.filter(reason="asked", ended_at__isnull=True)


def shares_visible_to(actor: Actor, *, at: datetime) -> QuerySet[RequestShare]:
    """Give the shares of one's own side's requests, and those with one's own organizations; all for who reads all."""
    rows = RequestShare.objects.filter(request__in=visible_subquery(actor, at=at))
    if _reads_all(actor, at):
        return rows
    ids = list(permissions.organization_ids(actor, at, "requests"))
    co_requested = TrainingRequest.co_requesters.through.objects.filter(organization_id__in=ids)
    own_side = Q(request__requesting_organization_id__in=ids) | Q(
        request_id__in=co_requested.values("trainingrequest_id")
    )
    return rows.filter(own_side | Q(organization_id__in=ids))


def revisions_of(request: TrainingRequest) -> QuerySet[RequestRevision]:
    """Give the former contents, oldest first."""
    return RequestRevision.objects.filter(request=request).order_by("content_version")


def on_requester_side(request: TrainingRequest, actor: Actor, *, at: datetime) -> bool:
    """Tell whether ``actor`` belongs to the requesting or a co-requesting organization (or one above it).

    Asks nothing more where the co-requesters were fetched ahead.
    """
    ids = permissions.organization_ids(actor, at, "requests")
    return request.requesting_organization_id in ids or any(row.pk in ids for row in request.co_requesters.all())


def is_near(request: TrainingRequest, actor: Actor, *, at: datetime) -> bool:
    """Tell whether ``actor`` is of the requester's side or of the secretariat."""
    return permissions.is_secretariat(actor, at) or on_requester_side(request, actor, at=at)


def documents_of(request: TrainingRequest, actor: Actor, *, at: datetime) -> QuerySet[Document]:
    """Give the documents of a request that ``actor`` reads, as far as their confidentiality allows."""
    return files.documents_of(
        request,
        is_party=on_requester_side(request, actor, at=at) or _is_asked(request, actor, at),
        is_secretariat=permissions.is_secretariat(actor, at),
    )


def _is_asked(request: TrainingRequest, actor: Actor, at: datetime) -> bool:
    ids = permissions.organization_ids(actor, at, "requests")
    return current_shares(at, sees=("documents",)).filter(request=request, organization_id__in=ids).exists()


def _reads_all(actor: Actor, at: datetime) -> bool:
    return permissions.is_secretariat(actor, at) or any(right.reads_group_wide for right in actor.rights(at))


# --- endorsement --------------------------------------------------------------------------------------------------


ENDORSEMENT_LOST = ("refused", "expired")  # no word is waited for: whoever needs one decides what comes of it


def endorsement_read_along(request: TrainingRequest) -> str:
    """Give the state of the endorsement gate as ``endorsement_state``, from the endorsements fetched with a request."""
    rows = sorted(request.endorsements.all(), key=lambda row: row.pk)
    return worst_endorsement({row.authority_id: row.state for row in rows}.values())


def endorsement_state(request_id: int) -> str:
    """Give the state of the endorsement gate: not_required, or the worst of the latest word of each authority."""
    rows = Endorsement.objects.filter(request_id=request_id).order_by("id")
    latest = dict(rows.values_list("authority_id", "state"))  # later rows of an authority replace earlier ones
    return worst_endorsement(latest.values())


def worst_endorsement(states: Iterable[str]) -> str:
    """Choose what stands in the way most: refused, pending, expired, given."""
    found = set(states)
    return next((state for state in ("refused", "pending", "expired", "given") if state in found), "not_required")


def endorsement_blocks(request_id: int) -> bool:
    """Tell whether an open, refused or expired endorsement forbids the confirmation of a proposal."""
    return endorsement_state(request_id) not in ("not_required", "given")


def call_is_over(request: TrainingRequest, at: datetime) -> bool:
    """Tell whether the call for offers has ended by ``at``, or the requester gave it up."""
    ended = request.call_ends_at is not None and request.call_ends_at <= at
    return ended or request.call_waived_at is not None
