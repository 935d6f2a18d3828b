"""What this caller may do with a request now."""

from datetime import datetime

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.lifecycles import operations as lifecycles
from requests_app.lifecycle import EDITABLE_STATES
from requests_app.models import Clarification, Endorsement, TrainingRequest
from requests_app.queries.requests import call_is_over

LISTED_STATES = frozenset({"draft", "submitted", "returned", "open", "matched", "in_delivery"})

TEST_ACTIONS = frozenset({"change", "submit", "withdraw"})  # that concern nobody else


def allowed_actions(request: TrainingRequest, actor: Actor, *, at: datetime) -> list[str]:
    """List the verbs that are open to ``actor`` on the request now, sorted; ``change`` stands for PATCH.

    Reads only what is loaded with the request (lines, organization, programme), so that a list asks nothing more.
    """
    may = {
        Permission.REQUESTS_WRITE.value: writes_for(request, actor, at=at),
        Permission.REQUESTS_SCREEN.value: not request.is_private
        and permissions.can(actor, Permission.REQUESTS_SCREEN, at=at),
    }
    verbs = set(lifecycles.allowed_actions(request, may))
    writes, screens = may[Permission.REQUESTS_WRITE.value], may[Permission.REQUESTS_SCREEN.value]
    if "mark-unmet" in verbs and not call_is_over(request, at):
        verbs.discard("mark-unmet")
    if writes and request.state in EDITABLE_STATES:
        verbs.add("change")
    if screens and request.state == "open":
        verbs.add("call-for-offers")
    if writes and request.state == "open" and request.call_waived_at is None:
        verbs.add("waive-call")
    in_office = screens or (writes and holds_office(request, actor, at=at))
    if not request.is_private and request.state in EDITABLE_STATES and (screens or writes):
        verbs |= {"request-endorsement"} | ({"share"} if in_office else set())
    if screens and request.state in EDITABLE_STATES:
        verbs.add("ask")
    if writes and actor.user is not None:
        verbs |= _posting(request) - (set() if holds_office(request, actor, at=at) else {"consent-to-posting"})
    return sorted(verbs & TEST_ACTIONS if actor.is_test else verbs)


def _posting(request: TrainingRequest) -> set[str]:
    """What a person of the requester may say about a public listing."""
    if any(consent.withdrawn_at is None for consent in request.consents.all()):
        return {"withdraw-posting-consent"}
    return {"consent-to-posting"} if request.visibility == "public" and request.state in LISTED_STATES else set()


def holds_office(request: TrainingRequest, actor: Actor, *, at: datetime) -> bool:
    """Tell whether ``actor`` writes for the requester by a role there, not by a grant alone."""
    owner = request.requesting_organization_id
    return permissions.in_office(actor, Permission.REQUESTS_WRITE, at=at, organization_id=owner)


def writes_for(request: TrainingRequest, actor: Actor, *, at: datetime) -> bool:
    """Tell whether ``actor`` writes for the requesting organization, all countries of the request and its programme."""
    countries = {line.country for line in request.lines.all() if line.country}
    if request.place_country and not countries:
        countries = {request.place_country}
    programme = request.programme.code if request.programme else None
    places: list[str | None] = [*sorted(countries)] or [None]
    return all(
        permissions.can(
            actor,
            Permission.REQUESTS_WRITE,
            at=at,
            organization_id=request.requesting_organization_id,
            country=country,
            programme=programme,
        )
        for country in places
    )


def clarification_actions(question: Clarification, actor: Actor, *, at: datetime) -> list[str]:
    """List what ``actor`` may do with a question: the requester answers, who asked takes back."""
    verbs = {t.verb for t in question.lifecycle.open_transitions(question.state)}
    if not writes_for(question.request, actor, at=at):
        verbs.discard("answer")
    if not asked_by(question, actor, at=at):
        verbs.discard("withdraw")
    return sorted(verbs)


def asked_by(question: Clarification, actor: Actor, *, at: datetime) -> bool:
    """Tell whether the question is the actor's to take back: with the right by which it was put, in who put it."""
    asking = question.asking_organization_id
    if asking is None:
        return permissions.can(actor, Permission.REQUESTS_SCREEN, at=at)
    is_own = asking in permissions.own_organization_ids(actor, at)
    return is_own and permissions.can(actor, Permission.OFFERS_MAKE, at=at, organization_id=asking)


def endorsement_actions(endorsement: Endorsement, actor: Actor, *, at: datetime) -> list[str]:
    """List what ``actor`` may do with an endorsement."""
    may = {Permission.REQUESTS_SCREEN.value: permissions.can(actor, Permission.REQUESTS_SCREEN, at=at)}
    return lifecycles.allowed_actions(endorsement, may)
