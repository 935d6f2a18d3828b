"""Engagements and their verbs."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from django.db.models import Prefetch, QuerySet

from fulfilment import operations, queries
from fulfilment.api import formats
from fulfilment.api.filters import EngagementFilters
from fulfilment.api.serializers import inputs
from fulfilment.api.serializers.engagements import EngagementOut
from fulfilment.models import Delivery, Engagement
from fulfilment.operations import ChangeTerms, DeliveryTerms, LineTerms
from marketplace.accounts import queries as accounts
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.finding import Facet
from marketplace.api.lookups import find
from marketplace.api.views import Lists, Reads, ThingViewSet, verb
from marketplace.kernel.errors import DomainError, ErrorCode, unknown_reference
from marketplace.kernel.money import Money
from marketplace.search.queries import found_through, search
from providers import queries as catalogue
from requests_app import queries as requests

DELIVER, CONFIRM, MANAGE = (
    Permission.ENGAGEMENTS_DELIVER,
    Permission.ENGAGEMENTS_CONFIRM,
    Permission.ENGAGEMENTS_MANAGE,
)
SIDES = (DELIVER, CONFIRM, MANAGE)
WRONG_STATE = (ErrorCode.WRONG_STATE,)
CHANGE_ERRORS = (
    ErrorCode.WRONG_STATE,
    ErrorCode.RULE_BROKEN,
    ErrorCode.CAPACITY_EXHAUSTED,
    ErrorCode.LINE_TAKEN,
    ErrorCode.RECUSED,
    ErrorCode.ALREADY_ANSWERED,
)


def propose_change(
    *,
    actor: Actor,
    at: datetime,
    engagement_id: int,
    deliveries: Sequence[Mapping[str, Any]] = (),
    lines: Sequence[Mapping[str, Any]] = (),
    budget: Money | None = None,
    reason_text: str = "",
    expected_version: int | None = None,
) -> Any:
    """Look up offerings, sessions and windows that the caller sees, and propose. Raises DomainError(unknown_reference)."""
    terms = ChangeTerms(
        deliveries=tuple(
            _delivery_terms(row, f"/deliveries/{place}", actor, at) for place, row in enumerate(deliveries)
        ),
        lines=tuple(LineTerms(**row) for row in lines),
        budget_amount=budget.amount if budget else None,
        budget_currency=budget.currency if budget else "",
    )
    return operations.propose_change(
        actor=actor,
        at=at,
        engagement_id=engagement_id,
        terms=terms,
        reason_text=reason_text,
        expected_version=expected_version,
    )


def _delivery_terms(row: Mapping[str, Any], pointer: str, actor: Actor, at: datetime) -> DeliveryTerms:
    chosen = {
        "offering_id": (catalogue.offerings_visible_to(actor, at=at), "offering", "code"),
        "session_id": (catalogue.sessions_visible_to(actor, at=at), "session", "code"),
        "window_id": (catalogue.windows_visible_to(actor, at=at), "capacity_window", "code"),
    }
    keys: dict[str, Any] = {
        name: _key(things, row[field], reference_field, f"{pointer}/{field}")
        for name, (things, field, reference_field) in chosen.items()
        if field in row
    }
    plain: dict[str, Any] = {name: row[name] for name in ("number", "capacity", "seats") if name in row}
    return DeliveryTerms(**plain, **dict(row.get("period", {})), **dict(row.get("place", {})), **keys)


def _key(things: "QuerySet[Any]", text: str, reference_field: str, pointer: str) -> int:
    try:
        key: int = find(things, text, reference_field).pk
    except DomainError:
        raise unknown_reference(pointer, text) from None
    return key


class EngagementViewSet(Lists, Reads, ThingViewSet):
    """What was agreed, from planning to closing."""

    tag, noun, nouns = "Engagements", "engagement", "engagements"
    resource, basename = "engagements", "engagement"
    access = Permission.ENGAGEMENTS_READ
    reads = EngagementOut
    representations = (formats.ACTIVITIES,)
    reference_field, id_argument = "reference", "engagement_id"
    filterset_class = EngagementFilters
    ordering = ("-created_at",)
    ordering_fields: ClassVar[Mapping[str, str]] = {
        "created_at": "created_at",
        "updated_at": "updated_at",
        "due_at": "due_at",
        "start": "start_on",
        "reference": "reference",
    }
    searchable = True
    facets: ClassVar[Mapping[str, Facet]] = {
        "state": Facet("state"),
        "requesting_organization": Facet("requesting_organization__code"),
        "lead": Facet("lead_organization__code"),
        "origin": Facet("origin"),
    }
    agree = verb(
        "agree",
        Write(
            "Agree to an engagement",
            (DELIVER, MANAGE),
            description="By the lead, or by the secretariat for a silent one.",
            if_match=IfMatch.OPTIONAL,
            errors=WRONG_STATE,
            operation=operations.agree_engagement,
        ),
    )
    start = verb(
        "start",
        Write(
            "Begin an engagement",
            (DELIVER, MANAGE),
            description="Deliveries whose first day has come begin with it, at least the earliest one.",
            if_match=IfMatch.OPTIONAL,
            errors=WRONG_STATE,
            operation=operations.start_engagement,
        ),
    )
    deliver = verb(
        "deliver",
        Write(
            "Report all deliveries of an engagement",
            (DELIVER, MANAGE),
            description="Reports every delivery that is not reported yet. The number of those who attended must be known "
            "for each; it may be given here where one delivery is open.",
            body=inputs.DeliveryReportIn,
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN),
            operation=operations.deliver_engagement,
        ),
    )
    confirm = verb(
        "confirm",
        Write(
            "Confirm the reports of an engagement",
            CONFIRM,
            description="By the requesting organization; silence until `due_at` is confirmation and recorded as such.",
            if_match=IfMatch.OPTIONAL,
            errors=WRONG_STATE,
            operation=operations.confirm_engagement,
        ),
    )
    contest = verb(
        "contest",
        Write(
            "Contest the reports of an engagement",
            CONFIRM,
            body=inputs.ReportContestIn,
            if_match=IfMatch.OPTIONAL,
            errors=WRONG_STATE,
            operation=operations.contest_engagement,
        ),
    )
    close = verb(
        "close",
        Write(
            "Close an engagement",
            MANAGE,
            description="Needs the evaluation at level 1 (and 2 where the form requires it) or a waiver. Dated follow-ups "
            "stay open; outcomes from others than the provider enter its track record.",
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.EVALUATION_MISSING),
            operation=operations.close_engagement,
        ),
    )
    hold = verb(
        "hold",
        Write(
            "Put an engagement on hold",
            MANAGE,
            body=inputs.EngagementHoldIn,
            if_match=IfMatch.OPTIONAL,
            errors=WRONG_STATE,
            operation=operations.hold_engagement,
        ),
    )
    resume = verb(
        "resume",
        Write(
            "Go on with an engagement",
            MANAGE,
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN),
            operation=operations.resume_engagement,
        ),
    )
    cancel = verb(
        "cancel",
        Write(
            "Cancel an engagement",
            MANAGE,
            description="What is not delivered goes back: lines to open, seats and units to the catalogue.",
            body=inputs.EngagementCancelIn,
            if_match=IfMatch.REQUIRED,
            errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN),
            operation=operations.cancel_engagement,
        ),
    )
    propose_change = verb(
        "propose-change",
        Write(
            "Propose a change of what was agreed",
            SIDES,
            description="Dates, place, scope, partner (another offering) or budget of what has not begun. The sides that "
            "did not propose it must agree. A former open proposal falls away.",
            body=inputs.EngagementChangeIn,
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE, ErrorCode.RECUSED),
            operation=propose_change,
        ),
    )
    agree_change = verb(
        "agree-change",
        Write(
            "Agree to the open change",
            SIDES,
            description="With the last side the change takes effect at once; its capacity moves all or nothing.",
            if_match=IfMatch.REQUIRED,
            errors=CHANGE_ERRORS,
            operation=operations.agree_change,
        ),
    )
    decline_change = verb(
        "decline-change",
        Write(
            "Decline the open change",
            SIDES,
            description="In writing; what was agreed stays.",
            body=inputs.WrittenReasonRequiredIn,
            if_match=IfMatch.REQUIRED,
            errors=(*WRONG_STATE, ErrorCode.RULE_BROKEN, ErrorCode.RECUSED),
            operation=operations.decline_change,
        ),
    )
    add_party = verb(
        "add-party",
        Write(
            "Add a party that delivers nothing of its own",
            MANAGE,
            body=inputs.EngagementPartyIn,
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.UNKNOWN_REFERENCE, ErrorCode.DUPLICATE),
            operation=operations.add_party,
        ),
    )
    remove_party = verb(
        "remove-party",
        Write(
            "Remove a party that the engagement can do without",
            MANAGE,
            body=inputs.EngagementPartyIn,
            if_match=IfMatch.OPTIONAL,
            errors=(*WRONG_STATE, ErrorCode.UNKNOWN_REFERENCE, ErrorCode.RULE_BROKEN),
            operation=operations.remove_party,
        ),
    )

    def visible(self) -> QuerySet[Engagement]:
        """Give the engagements of which the caller may know."""
        return queries.engagements_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Engagement]) -> QuerySet[Engagement]:
        """Fetch what is shown ahead."""
        related = ("request__programme", "requesting_organization", "lead_organization")
        return things.select_related(*related).prefetch_related(
            "parties__organization", "lines__line", "changes", *self.expansions()
        )

    def search(self, things: QuerySet[Engagement], q: str) -> QuerySet[Engagement]:
        """Find by the words of the request, as far as the caller reads them, and of both organizations; the best first."""
        actor, at, language = self.request.actor, self.request.at, self.request.language
        organizations = search(
            accounts.organizations_visible_to(actor, at=at), resource="organization", q=q, language=language
        )
        wanted = requests.search_requests(requests.requests_visible_to(actor, at=at), q=q, language=language)
        return found_through(
            things,
            most=self.most_ranked(),
            request=wanted,
            lead_organization=organizations,
            requesting_organization=organizations,
        )

    def expansions(self) -> list[Any]:
        """Fetch the chosen expansions ahead, each with what its shape shows."""
        deliveries = Delivery.objects.select_related("provider__organization", "offering", "session", "window")
        ahead: dict[str, list[Any]] = {
            "deliveries": [Prefetch("deliveries", deliveries.prefetch_related("participation"))],
            "milestones": ["milestones"],
            "evaluations": ["evaluations__delivery"],
            "waivers": ["waivers"],
            "cost_shares": ["cost_shares__organization"],
            "stories": ["stories__spin_off_request"],
        }
        return [fetch for name in self.expand for fetch in ahead.get(name, [])]

    def allowed_actions(self, thing: Any) -> list[str]:
        """List what the caller may do with the engagement now."""
        return queries.engagement_actions(thing, self.request.actor, at=self.request.at)
