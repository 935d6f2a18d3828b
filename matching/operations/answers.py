"""How partners answer: accept, refuse, other terms; and how those terms are answered."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django.db import transaction

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles.operations import find_transition, transition
from matching import queries
from matching.engine import TRAINER_DAYS
from matching.models import Counter, MatchProposal, ProposalPart
from matching.operations import approvals, asking, confirming, moving
from matching.operations.deadlines import further_days
from matching.operations.limits import check_ceiling, check_within_limits, deliveries_for, spread
from matching.operations.locking import check_need_lives, check_stands, lock_part
from matching.operations.reasons import check_reason
from providers import queries as providers
from requests_app import operations as requests

if TYPE_CHECKING:
    from providers.models import Session


@dataclass(frozen=True, slots=True)
class CounterTerms:
    """Other terms; None or empty leaves the question as it was. Sessions by primary key, participants as people."""

    start_on: date | None = None
    end_on: date | None = None
    session_id: int | None = None
    participants: int | None = None
    language: str = ""
    place: Mapping[str, str] = field(default_factory=dict)
    cost_amount: Decimal | None = None
    cost_currency: str = ""
    terms: str = ""


@transaction.atomic
def accept_part(*, actor: Actor, at: datetime, part_id: int, expected_version: int | None = None) -> MatchProposal:
    """Accept as the partner; the proposal is `confirmed` when this was the last answer and nothing else is open.

    Nothing is confirmed while the partner has to be asked again, because the need or the session has changed since.
    Raises DomainError(permission_denied, not_found, precondition_failed), DomainError(rule_broken) where the need has no
    room for these days any more, and DomainError(wrong_state) also where need, provider, offering or session is gone.
    """
    proposal, part = lock_part(part_id, expected_version=expected_version)
    find_transition(part, "accept")
    _check_partner(actor, part, at)
    check_need_lives(proposal.request, "accept")
    check_stands(part, "accept")
    moving.check_inside(part, at=at)
    _note_answer(part, actor=actor, at=at)
    transition(part, "accept", actor=actor, at=at)
    asking.extend_holds(part, actor=actor, at=at)
    confirming.confirm_if_complete(proposal, actor=actor, at=at)
    return proposal


@transaction.atomic
def refuse_part(
    *,
    actor: Actor,
    at: datetime,
    part_id: int,
    reason_code: str,
    reason_text: str = "",
    expected_version: int | None = None,
) -> MatchProposal:
    """Refuse as the partner, with a reason of the list `refusal`: this part alone is replaced by the next best."""
    check_reason("refusal_reasons", reason_code)
    proposal, part = lock_part(part_id, expected_version=expected_version)
    find_transition(part, "refuse")
    _check_partner(actor, part, at)
    asking.close_counter(part, "withdrawn", at=at)
    _note_answer(part, actor=actor, at=at, reason=reason_code, text=reason_text)
    transition(part, "refuse", actor=actor, at=at, reason_code=reason_code, reason_text=reason_text)
    asking.lose(part, actor=actor, at=at)
    return proposal


@transaction.atomic
def counter_part(
    *,
    actor: Actor,
    at: datetime,
    part_id: int,
    terms: CounterTerms,
    reason: str = "",
    expected_version: int | None = None,
) -> MatchProposal:
    """Offer other terms within the limits of the request; requester and secretariat are asked for consent.

    Raises DomainError(rule_broken) naming the field and the limit, DomainError(wrong_state) also where the need is gone.
    """
    proposal, part = lock_part(part_id, expected_version=expected_version)
    find_transition(part, "counter")
    _check_partner(actor, part, at)
    check_need_lives(proposal.request, "counter")
    check_within_limits(part, terms, at=at)
    Counter.objects.create(part=part, reason=reason, made_at=at, made_by=actor.label, **asdict(terms))
    _note_answer(part, actor=actor, at=at)
    changed = sorted(name for name, value in asdict(terms).items() if value)
    transition(part, "counter", actor=actor, at=at, reason_text=reason, data={"changed": changed})
    asking.extend_holds(part, actor=actor, at=at)
    return proposal


@transaction.atomic
def consent_counter(
    *,
    actor: Actor,
    at: datetime,
    part_id: int,
    agree: bool,
    reason_text: str = "",
    expected_version: int | None = None,
) -> MatchProposal:
    """Agree or not to a partner's other terms, as requester or secretariat; both must agree.

    With both consents the terms take the place of the question, capacity and lines move with them, and the part is
    accepted. One "no" puts the first question again, for five more working days.
    Raises DomainError(permission_denied, recused, already_answered, capacity_exhausted, line_taken, ceiling_exceeded), and
    DomainError(wrong_state) also where the need, the provider, its offering or the session is gone.
    """
    proposal, part = lock_part(part_id, expected_version=expected_version)
    find_transition(part, "consent")
    counter = part.counters.get(closed_at__isnull=True)
    side = _side(actor, proposal, counter, at)
    check_need_lives(proposal.request, "consent")
    setattr(counter, f"{side}_consent", agree)
    counter.save(update_fields=[f"{side}_consent"])
    said: dict[str, Any] = {"side": side, "agree": agree}
    approvals.record_decision(
        proposal, "consent" if agree else "dissent", actor=actor, at=at, part=part, reason_text=reason_text
    )
    if not agree:
        asking.close_counter(part, "rejected", at=at)
        transition(
            part,
            "consent",
            target="asked",
            actor=actor,
            at=at,
            reason_text=reason_text,
            data=said,
            step_days=further_days(),
        )
        asking.extend_holds(part, actor=actor, at=at)
    elif counter.requester_consent and counter.secretariat_consent:
        asking.close_counter(part, "agreed", at=at)
        _take_terms(part, counter, actor=actor, at=at)
        if counter.cost_amount is not None:  # another partner's price may have been agreed since this one was named
            check_ceiling(proposal, at=at)
        check_stands(part, "consent")  # with the session that the terms may have brought
        moving.check_inside(part, at=at)
        _note_answer(part, actor=actor, at=at)
        transition(part, "consent", target="accepted", actor=actor, at=at, data=said)
        asking.extend_holds(part, actor=actor, at=at)
        confirming.confirm_if_complete(proposal, actor=actor, at=at)
    else:
        transition(part, "consent", target="countered", actor=actor, at=at, data=said)
    return proposal


def _check_partner(actor: Actor, part: ProposalPart, at: datetime) -> None:
    permissions.check(actor, Permission.PROPOSALS_ANSWER, at=at, organization_id=part.provider.organization_id)


def _note_answer(part: ProposalPart, *, actor: Actor, at: datetime, reason: str = "", text: str = "") -> None:
    part.answered_at, part.answered_by = at, actor.label
    part.answer_reason, part.answer_text = reason, text
    part.save(update_fields=["answered_at", "answered_by", "answer_reason", "answer_text"])


def _side(actor: Actor, proposal: MatchProposal, counter: Counter, at: datetime) -> str:
    """Tell for which side the actor speaks. Raises DomainError when for neither, or when that side has answered."""
    if queries.speaks_for_requester(actor, proposal.request, at=at):
        side, answer = "requester", counter.requester_consent
    else:
        approvals.check_may_decide(actor, proposal, at=at)
        side, answer = "secretariat", counter.secretariat_consent
    if answer is not None:
        raise DomainError(ErrorCode.ALREADY_ANSWERED)
    return side


def _take_terms(part: ProposalPart, counter: Counter, *, actor: Actor, at: datetime) -> None:
    """Put agreed terms in place of the question; capacity and claims move in the same transaction."""
    held_before = bool(asking.wants_of(part))
    if counter.participants is not None and counter.participants != part.participants:
        _resize(part, counter.participants, actor=actor, at=at)
    if counter.session is not None:
        _move_to_session(part, counter.session)
    part.start_on, part.end_on = counter.start_on or part.start_on, counter.end_on or part.end_on
    if counter.start_on is not None:
        part.precision = "day"
    part.language = counter.language or part.language
    part.place = counter.place or part.place
    if counter.cost_amount is not None:
        part.cost_amount, part.cost_currency = counter.cost_amount, counter.cost_currency
    part.terms = counter.terms or part.terms
    part.capacity_wanted = _capacity(part)
    part.save()
    asking.move_capacity(part, held_before=held_before, actor=actor, at=at)


def _move_to_session(part: ProposalPart, session: "Session") -> None:
    part.slot_kind, part.session, part.window = "session", session, None
    part.start_on, part.end_on, part.precision = session.start_on, session.end_on, session.precision
    part.place = {"country": session.country, "city": session.city}
    part.deliveries = 1


def _capacity(part: ProposalPart) -> int:
    """Give what the slot of a part must hold for its participants: seats, trainer days or deliveries."""
    if part.session is not None:
        return part.participants
    if part.window is None:
        return 0
    if part.window.unit == TRAINER_DAYS:
        return providers.trainer_days_needed(part.offering.duration_hours or 1, part.deliveries)
    return part.deliveries


def _resize(part: ProposalPart, participants: int, *, actor: Actor, at: datetime) -> None:
    """Spread a new number of participants over the lines of a part and see how many deliveries that takes."""
    lines = list(part.lines.order_by("line_id"))
    shares = spread(participants, [line.participants for line in lines])
    for line, share in zip(lines, shares, strict=True):
        line.participants = share
        line.save(update_fields=["participants"])
        line_id = line.line_id
        requests.resize_claim(actor=actor, at=at, claimant=part.public_id, line_id=line_id, participants=share)
    part.participants = participants
    part.deliveries = deliveries_for(part, participants)
