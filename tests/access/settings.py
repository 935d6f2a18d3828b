"""What a call needs so that only access can stand in its way: a body that names things of the scene, and the right state.

Without an entry the example of the API description is sent. Everything here is taken back after the call.
"""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from marketplace.accounts.models import User
from marketplace.work.models import WorkerRole
from matching.models import PlanLine
from requests_app.models import LineClaim, RequestLine
from tests.access.scene import AT, NOTES, Scene
from tests.factories.accounts import UserFactory
from tests.factories.fulfilment import DeliveryFactory, EngagementPartyFactory
from tests.factories.machinery import WorkerHeartbeatFactory
from tests.factories.matching import CounterFactory, ProposalPartFactory
from tests.factories.notices import StoredFileFactory
from tests.kit.people import PASSWORD

Body = Mapping[str, Any] | bytes | None  # bytes are a file
Setting = Callable[[Scene, Body], Body]
WINDOW = {"call_ends_at": AT - timedelta(days=1), "called_at": AT - timedelta(days=9), "call_ended_at": AT}


def code_of(scene: Scene, word: str) -> str:
    """Give the code of the organization that owns a thing (or is it)."""
    thing = scene.things[word]
    return str(getattr(thing, "organization", thing).code)


def body(**named: Any) -> Setting:
    """Send the example with these members; a callable gets the scene and gives the value."""

    def set_it(scene: Scene, example: Body) -> Body:
        assert not isinstance(example, bytes)
        return {**(example or {}), **{name: put(scene) if callable(put) else put for name, put in named.items()}}

    return set_it


def only(**named: Any) -> Setting:
    """Send these members and nothing of the example."""
    return lambda scene, _: body(**named)(scene, {})


def state(word: str, name: str, **columns: Any) -> Setting:
    """Put a thing into a state, as if it had come there."""

    def set_it(scene: Scene, example: Body) -> Body:
        thing = scene.things[word]
        type(thing)._default_manager.filter(pk=thing.pk).update(state=name, **columns)
        return example

    return set_it


def each(*settings: Setting) -> Setting:
    """Carry out several settings in turn."""

    def set_all(scene: Scene, example: Body) -> Body:
        found = example
        for setting in settings:
            found = setting(scene, found)
        return found

    return set_all


def change(word: str, **columns: Any) -> Setting:
    """Write columns of a thing."""

    def set_it(scene: Scene, example: Body) -> Body:
        thing = scene.things[word]
        type(thing)._default_manager.filter(pk=thing.pk).update(**columns)
        return example

    return set_it


def _with_party(scene: Scene, example: Body) -> Body:
    party = EngagementPartyFactory.create(engagement=scene.things["engagements"], role="member")
    return {"organization": party.organization.code, "role": "member"}


def _with_delivery(scene: Scene, example: Body) -> Body:
    DeliveryFactory.create(
        engagement=scene.things["engagements"], offering=scene.things["deliveries"].offering, number=9
    )
    return example


def _countered(scene: Scene, example: Body) -> Body:
    CounterFactory.create(part=scene.things["parts"], participants=15)
    return state("parts", "countered")(scene, example)


def _freed(scene: Scene, example: Body) -> Body:
    line = scene.things["lines"]
    LineClaim.objects.filter(line=line).delete()
    RequestLine.objects.filter(pk=line.pk).update(state="open", claimed=0)
    return example


def _sent(scene: Scene, example: Body) -> Body:
    owner = scene.callers[scene.asking]
    kind = "user" if isinstance(owner, User) else "client"
    by = f"{kind}:{owner.public_id}" if owner else "nobody"
    stored = StoredFileFactory.create(uploaded_by=by, file_name="offerings.csv", media_type="text/csv")
    return {"resource": "offerings", "upload": str(stored.public_id), "format": "csv"}


def _with_file(word: str) -> Setting:
    return lambda scene, example: change(word, content=scene.things["stored"])(scene, example)


def _signing_in(scene: Scene, example: Body) -> Body:
    user = UserFactory.create()
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    return {"login": user.username, "password": PASSWORD}


def _looked_after(scene: Scene, example: Body) -> Body:
    for role in (WorkerRole.WORKER, WorkerRole.DISPATCHER):
        WorkerHeartbeatFactory.create(role=role)
    return example


def _with_a_gap(scene: Scene, example: Body) -> Body:
    part = scene.things["parts"]
    ProposalPartFactory.create(proposal=part.proposal, position=9, state="lapsed", asked_at=AT)
    return state("parts", "accepted")(scene, example)


def _forced(scene: Scene, example: Body) -> Body:
    line = PlanLine.objects.filter(run=scene.things["solved"]).select_related("request", "line").first()
    assert line is not None
    offering = str(scene.things["offerings"].public_id)
    return {"request": line.request.reference, "line": line.line.number, "offering": offering}


UNDECIDED = {"approved_at": None, "approved_by": ""}
DELIVERED = each(state("engagements", "delivered"), state("deliveries", "delivered", reported_at=AT))


def proposal_in(name: str) -> Setting:
    """Put the proposal back before its approval, with its parts."""
    return each(state("proposals", name, **UNDECIDED), state("parts", "suggested", asked_at=None, due_at=None))


def _request(scene: Scene) -> str:
    return str(scene.things["requests"].public_id)


SETTINGS: dict[str, Setting] = {
    "proposals_withdraw": state("proposals", "suggested", origin="provider"),
    "need_watches_create": body(provider=lambda scene: scene.things["providers"].code),
    "harvests_create": body(provider=lambda scene: scene.things["providers"].code, source="elsewhere"),
    "capacity_windows_create": body(provider=lambda scene: scene.things["providers"].code),
    "clarifications_create": body(language="en"),
    "endorsements_create": body(authority="STR"),
    "engagement_documents_content": _with_file("engagements documents"),
    "engagement_cost_shares_create": body(organization=lambda scene: code_of(scene, "providers")),
    "engagement_cost_shares_receive": state("cost-shares", "confirmed"),
    "engagement_deliveries_cancel": _with_delivery,
    "engagement_deliveries_confirm": DELIVERED,
    "engagement_deliveries_contest": DELIVERED,
    "engagement_deliveries_deliver": each(state("engagements", "in_delivery"), state("deliveries", "running")),
    "engagement_deliveries_start": state("engagements", "agreed"),
    "engagement_evaluations_create": each(state("engagements", "evaluating"), body(collected_on="2026-11-20")),
    "engagement_stories_create": each(
        state("engagements", "evaluating"), only(kind="network", texts={"en": "They meet."})
    ),
    "engagements_add_party": body(organization="STR"),
    "engagements_close": each(state("engagements", "evaluating"), change("engagements", missing_levels=[])),
    "engagements_confirm": DELIVERED,
    "engagements_contest": DELIVERED,
    "engagements_deliver": state("engagements", "in_delivery"),
    "engagements_propose_change": each(
        state("changes", "declined"), only(budget={"amount": "9000.00", "currency": "USD"}, reason_text="Cheaper.")
    ),
    "engagements_remove_party": _with_party,
    "engagements_resume": state("engagements", "on_hold", held_from="agreed"),
    "engagements_start": state("engagements", "agreed"),
    "grants_create": body(
        person=lambda scene: str(scene.callers["newcomer"].public_id),
        organization="REQ",
    ),
    "health_ready": _looked_after,
    "imports_create": _sent,
    "jobs_cancel": state("jobs", "queued", finished_at=None),
    "match_runs_create": each(_freed, only(mode="request", request=_request)),
    "match_runs_cancel": state("match-runs", "queued"),
    "match_runs_why_not": _forced,
    "match_runs_retry": each(_freed, state("match-runs", "failed")),
    "offerings_create": body(provider=lambda scene: scene.things["providers"].code, partners=[]),
    "offerings_publish": state("offerings", "in_vetting"),
    "offerings_reinstate": state("offerings", "suspended"),
    "offerings_return": state("offerings", "in_vetting"),
    "offerings_submit": state("offerings", "draft"),
    "proposal_part_answers_consent": each(_countered, only(agree=True)),
    "proposal_parts_approve": each(_freed, state("parts", "replacement", asked_at=None)),
    "proposal_parts_counter": only(participants=20),
    "proposal_parts_decline": state("parts", "replacement", asked_at=None),
    "proposals_approve": each(_freed, proposal_in("consulting")),
    "proposals_consult": proposal_in("shortlisted"),
    "proposals_go_on_without": _with_a_gap,
    "proposals_decline": proposal_in("shortlisted"),
    "proposals_object": proposal_in("consulting"),
    "proposals_overrule": each(proposal_in("consulting"), change("proposals", consultation="objected")),
    "proposals_prefer": proposal_in("consulting"),
    "proposals_shortlist": proposal_in("suggested"),
    "providers_create": body(organization="STR", network_parent=None),
    "providers_reinstate": state("providers", "suspended"),
    "request_offers_create": each(_freed, body(offering=lambda scene: str(scene.things["offerings"].public_id))),
    "requests_close": state("requests", "fulfilled"),
    "requests_create": only(requesting_organization="REQ", title={"en": "New"}, language="en"),
    "requests_decline": each(state("requests", "submitted"), only(reason_code="out_of_scope")),
    "requests_mark_unmet": each(_freed, change("requests", **WINDOW), only(reason_code="no_language")),
    "requests_merge": each(_freed, only(into=lambda scene: str(scene.things["group"].public_id))),
    "requests_open": state("requests", "submitted"),
    "requests_reopen": state("requests", "unmet"),
    "requests_reply": state("requests", "returned"),
    "requests_return": state("requests", "submitted"),
    "request_documents_content": _with_file("requests documents"),
    "request_shares_create": body(organization="STR"),
    "memberships_create": body(organization="REQ"),
    "memberships_delegate": body(
        delegate=lambda scene: str(scene.callers["viewer"].public_id),
    ),
    "oauth_applications_create": body(organization="REQ"),
    "service_clients_create": body(organization="REQ"),
    "session_sign_in": _signing_in,
    "sessions_complete": state("sessions", "running"),
    "sessions_create": body(offering=lambda scene: str(scene.things["offerings"].public_id)),
    "sessions_open": state("sessions", "planned"),
    "uploads_create": lambda scene, example: NOTES,
    "webhooks_create": body(organization="REQ"),
}

# Query strings of calls that answer nothing without one.
QUERIES: dict[str, Callable[[Scene], str]] = {
    "proposals_compare": lambda scene: (
        "?ids=" + ",".join(str(scene.things[name].public_id) for name in ("proposals", "other proposal"))
    ),
    "uploads_create": lambda scene: "?file_name=notes.txt",
    "theme_suggestions_list": lambda scene: "?text=diaspora",
}
