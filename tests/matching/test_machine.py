"""Many lives of proposals: whatever people, clock and market do in whatever order, the rules hold after each step."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from marketplace.accounts.actors import Actor
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.work.loop import Housekeeper, run_until_idle
from marketplace.work.models import Job
from matching import operations, queries
from matching.lifecycle import CLAIMING_PARTS, LIVE_PROPOSALS, OPEN_PARTS
from matching.models import MatchProposal, MatchRun, ProposalPart
from matching.operations import CounterTerms
from providers import operations as providers
from providers.models import CapacityHold, Offering, Session
from requests_app import operations as requests
from requests_app.models import LineClaim, RequestLine, TrainingRequest
from tests.conftest import memory_caches
from tests.factories.accounts import AT, OrganizationFactory
from tests.factories.matching import MarketScene, market
from tests.factories.requests import SYSTEM
from tests.kit.examples import PROFILE, examples

pytestmark = pytest.mark.django_db

THOROUGH = PROFILE == "thorough"
CAREFUL = settings(
    max_examples=examples(32),
    stateful_step_count=40 if THOROUGH else 25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
OURS = ("matching.", "lifecycles.")  # jobs that this machine needs; the others would only take time
RESOURCES = ("proposal", "proposal_part", "match_run")
REFUSALS = {
    ErrorCode.ALREADY_ANSWERED,
    ErrorCode.CAPACITY_EXHAUSTED,
    ErrorCode.FOUR_EYES_REQUIRED,
    ErrorCode.LINE_TAKEN,
    ErrorCode.RULE_BROKEN,
    ErrorCode.WRONG_STATE,
}
ANY = st.integers(0, 50)
OFFICERS = st.sampled_from(["officer", "second"])
LANGUAGES = ((), ("en",), ("es",), ("en", "es"))


class Proposals(RuleBasedStateMachine):
    """One need of two lines, three offerings for each, with the secretariat's own house concerned or not."""

    def __init__(self) -> None:
        super().__init__()
        self.around = transaction.atomic()
        self.around.__enter__()
        self.at = AT
        self.keeper = Housekeeper()
        self.scene: MarketScene
        self.people: dict[int, Actor] = {}
        self.changes = 0

    def teardown(self) -> None:
        for proposal in MatchProposal.objects.all():
            event(f"a proposal ended as {proposal.state}")
        for part in ProposalPart.objects.all():
            event(f"a part ended as {part.state}")
        self.undo()

    def undo(self) -> None:
        """Forget this life; the next one has other offerings under the same keys, which no cache may take for these."""
        for forget in memory_caches():
            forget()
        transaction.set_rollback(True)
        self.around.__exit__(None, None, None)

    @initialize(own_house=st.booleans(), seats=st.sampled_from([30, 45]))
    def need(self, own_house: bool, seats: int) -> None:
        agency = OrganizationFactory.create(roles=["member"])
        office = OrganizationFactory.create(parent=agency, roles=["secretariat"])
        requester = OrganizationFactory.create(parent=agency) if own_house else None
        themes = ("mainstreaming", "trafficking")
        self.scene = market(themes=themes, offerings_per_theme=3, office=office, requester=requester)
        Session.objects.update(seats_total=seats)
        self.own_house = own_house
        for row in Offering.objects.select_related("provider").order_by("pk"):
            self.people[row.provider_id] = self.scene.provider(row)  # now: a refused step is taken back with all in it
        self.catch_up()

    # --- what people do ---
    @rule(number=ANY, who=OFFICERS)
    def advance(self, number: int, who: str) -> None:
        """Take the usual next step of one of the proposals that have come farthest."""
        live = sorted(self.proposals(LIVE_PROPOSALS), key=lambda row: -LIVE_PROPOSALS.index(row.state))
        proposal = self.pick(live[:2], number)
        if proposal is None:
            return
        officer: Actor = getattr(self.scene, who)
        steps: dict[str, Callable[[], object]] = {
            "suggested": lambda: operations.shortlist_proposal(actor=officer, **self.of(proposal)),
            "shortlisted": lambda: operations.consult_proposal(actor=officer, **self.of(proposal)),
            "consulting": lambda: self.consulted(proposal, officer),
            "awaiting_second_approval": lambda: operations.approve_proposal(actor=officer, **self.of(proposal)),
            "approved": lambda: self.answered(proposal, number),
        }
        self.attempt(steps[proposal.state])

    @rule(number=ANY, who=OFFICERS)
    def advance_too(self, number: int, who: str) -> None:
        """As above: drawn often, or hardly any life gets to an end."""
        self.advance(number, who)

    @rule(number=ANY)
    def ask_partners(self, number: int) -> None:
        """Bring a suggestion to its partners in one go."""
        proposal = self.pick(self.proposals(["suggested"]), number)
        if proposal is None or self.proposals(["approved", "confirmed"]).exists():
            return
        scene, step = self.scene, self.of(proposal)
        self.attempt(lambda: operations.shortlist_proposal(actor=scene.officer, **step))
        self.attempt(lambda: operations.consult_proposal(actor=scene.officer, **step))
        self.attempt(lambda: operations.prefer_proposal(actor=scene.focal, **step))
        self.attempt(lambda: operations.approve_proposal(actor=scene.officer, **step))
        if self.own_house:
            self.attempt(lambda: operations.approve_proposal(actor=scene.second, **step))

    def consulted(self, proposal: MatchProposal, officer: Actor) -> None:
        if proposal.consultation == "asked":
            operations.prefer_proposal(actor=self.scene.focal, **self.of(proposal))
        else:
            operations.approve_proposal(actor=officer, **self.of(proposal))

    def answered(self, proposal: MatchProposal, number: int) -> None:
        part = self.pick(proposal.parts.filter(state__in=OPEN_PARTS).order_by("pk"), number)
        if part is None:
            return
        step: dict[str, Any] = {"at": self.at, "part_id": part.pk}
        if part.state in ("replacement", "awaiting_second_approval"):
            operations.approve_replacement(actor=self.scene.officer if number % 2 else self.scene.second, **step)
        elif part.state == "asked":
            operations.accept_part(actor=self.partner(part), **step)
        else:
            operations.consent_counter(actor=self.scene.focal if number % 2 else self.scene.officer, agree=True, **step)

    @rule(
        number=ANY, verb=st.sampled_from(["object", "overrule", "approve", "retract", "decline", "go_on"]), who=OFFICERS
    )
    def decide(self, number: int, verb: str, who: str) -> None:
        proposal = self.pick(self.proposals(), number)
        if proposal is None:
            return
        step, officer = self.of(proposal), getattr(self.scene, who)
        verbs: dict[str, Callable[[], object]] = {
            "object": lambda: operations.object_to_proposal(actor=self.scene.focal, reason_code="timing", **step),
            "overrule": lambda: operations.overrule_objection(actor=self.scene.head, reason_text="Moved", **step),
            "approve": lambda: operations.approve_proposal(actor=officer, **step),
            "retract": lambda: operations.retract_approval(actor=officer, **step),
            "decline": lambda: operations.decline_proposal(actor=officer, reason_code="cost", **step),
            "go_on": lambda: operations.go_on_without(actor=officer, **step),
        }
        self.attempt(verbs[verb])

    @rule(number=ANY, verb=st.sampled_from(["refuse", "refuse", "counter", "counter", "dissent", "decline"]))
    def answer(self, number: int, verb: str) -> None:
        part = self.pick(ProposalPart.objects.filter(state__in=OPEN_PARTS).order_by("pk"), number)
        if part is None:
            return
        step: dict[str, Any] = {"at": self.at, "part_id": part.pk}
        fewer = max(1, part.participants - number % 15)
        terms = CounterTerms(participants=fewer, terms="Other trainers")
        verbs: dict[str, Callable[[], object]] = {
            "refuse": lambda: operations.refuse_part(actor=self.partner(part), reason_code="timing", **step),
            "counter": lambda: operations.counter_part(actor=self.partner(part), terms=terms, **step),
            "dissent": lambda: operations.consent_counter(actor=self.scene.officer, agree=False, **step),
            "decline": lambda: operations.decline_replacement(actor=self.scene.officer, reason_code="cost", **step),
        }
        self.attempt(verbs[verb])

    @rule(number=ANY)
    def refuse(self, number: int) -> None:
        part = self.pick(ProposalPart.objects.filter(state="asked").order_by("pk"), number)
        if part is not None:
            refusal = {"part_id": part.pk, "reason_code": "no_capacity"}
            self.attempt(lambda: operations.refuse_part(actor=self.partner(part), at=self.at, **refusal))
            self.catch_up()

    @precondition(lambda self: self.changes < 2)
    @rule()
    def ask_for_a_run(self) -> None:
        self.changes += 1
        self.attempt(
            lambda: operations.request_run(actor=self.scene.officer, at=self.at, request_id=self.scene.request.pk)
        )

    # --- what happens around them ---
    @rule(days=st.sampled_from([0, 0, 1, 4, 8, 15]))
    def time_passes(self, days: int) -> None:
        self.at += timedelta(days=days)
        self.catch_up()

    @rule(number=ANY)
    def session_is_cancelled(self, number: int) -> None:
        session = self.pick(Session.objects.exclude(state="cancelled").order_by("pk"), number)
        if session is not None and Session.objects.exclude(state="cancelled").count() > 4:
            cancel = {"session_id": session.pk, "reason_code": "other"}
            self.attempt(lambda: providers.cancel_session(actor=SYSTEM, at=self.at, **cancel))

    @precondition(lambda self: self.changes < 3)
    @rule()
    def need_changes(self) -> None:
        self.changes += 1
        request = TrainingRequest.objects.get(pk=self.scene.request.pk)
        content = replace(requests.content_of(request), languages_may=LANGUAGES[self.changes % len(LANGUAGES)])
        self.attempt(lambda: requests.change_request(actor=SYSTEM, at=self.at, request_id=request.pk, content=content))

    @precondition(lambda self: self.at > AT + timedelta(days=20))
    @rule()
    def need_is_withdrawn(self) -> None:
        self.attempt(lambda: requests.withdraw_request(actor=SYSTEM, at=self.at, request_id=self.scene.request.pk))

    # --- the parts ---
    def of(self, proposal: MatchProposal) -> dict[str, Any]:
        return {"at": self.at, "proposal_id": proposal.pk}

    def proposals(self, states: Iterable[str] = ()) -> Any:
        rows = MatchProposal.objects.order_by("pk")
        return rows.filter(state__in=list(states)) if states else rows

    def pick(self, rows: Any, number: int) -> Any:
        found = list(rows)
        return found[number % len(found)] if found else None

    def partner(self, part: ProposalPart) -> Actor:
        return self.people[part.provider_id]

    def attempt(self, step: Callable[[], object]) -> None:
        """Every refusal is one of those that the product knows here, and leaves nothing behind."""
        before = (AuditRecord.objects.count(), OutboxEvent.objects.count())
        refusal: DomainError | None = None
        try:
            with transaction.atomic():
                step()
        except DomainError as error:
            refusal = error
        if refusal is not None:
            assert refusal.code in REFUSALS, refusal.code
            assert (AuditRecord.objects.count(), OutboxEvent.objects.count()) == before

    def catch_up(self) -> None:
        """Let the background do what is due, as its worker does; a job that fails is a mistake."""

        def clock() -> datetime:
            return self.at

        for _ in range(50):
            found = self.keeper.attend(at=self.at)
            for kind in set(Job.objects.filter(state="queued").values_list("kind", flat=True)):
                if not kind.startswith(OURS):
                    Job.objects.filter(state="queued", kind=kind).delete()
            if not found and not run_until_idle(worker="machine", clock=clock):
                break
            run_until_idle(worker="machine", clock=clock)
        failed = Job.objects.exclude(last_error="").values_list("kind", "last_error")
        assert not failed, list(failed)
        self.nothing_is_left_of_a_need_that_went_away()
        self.nobody_who_refused_is_suggested_again()

    def nothing_is_left_of_a_need_that_went_away(self) -> None:
        if TrainingRequest.objects.filter(pk=self.scene.request.pk, state="withdrawn").exists():
            assert not self.proposals(LIVE_PROPOSALS).exists()
            assert not LineClaim.objects.filter(released_at=None).exists()

    def nobody_who_refused_is_suggested_again(self) -> None:
        for run in MatchRun.objects.filter(state="complete"):
            offerings = ProposalPart.objects.filter(proposal__run=run, replaces=None, proposal__state="suggested")
            found = {str(pk) for pk in offerings.values_list("offering__public_id", flat=True)}
            assert not found & set(run.exclusions)

    # --- what always holds ---
    @invariant()
    def lines_are_never_given_twice(self) -> None:
        for line in RequestLine.objects.all():
            claims = LineClaim.objects.filter(line=line, released_at=None)
            placed = {claim.claimant: claim.participants for claim in claims}
            shares = {
                part.public_id: part.lines.get(line=line).participants
                for part in ProposalPart.objects.filter(state__in=CLAIMING_PARTS, lines__line=line)
            }
            assert placed == shares
            assert line.claimed == sum(placed.values()) <= line.participants_max

    @invariant()
    def seats_are_never_given_twice(self) -> None:
        for session in Session.objects.all():
            parts = ProposalPart.objects.filter(state__in=CLAIMING_PARTS, session=session)
            wanted = parts.aggregate(total=Sum("capacity_wanted"))["total"] or 0
            live = CapacityHold.objects.filter(session=session, state__in=["held", "confirmed"])
            assert sum(live.values_list("quantity", flat=True)) == wanted
            assert session.seats_held + session.seats_confirmed == wanted <= session.seats_total

    @invariant()
    def each_change_has_one_audit_record_and_one_event(self) -> None:
        def counted(rows: Any) -> Counter[tuple[str, Any]]:
            return Counter(rows.filter(resource__in=RESOURCES).values_list("resource", "resource_id"))

        assert counted(AuditRecord.objects.all()) == counted(OutboxEvent.objects.all())

    @invariant()
    def nothing_is_approved_without_the_eyes_that_are_due(self) -> None:
        for proposal in self.proposals(["approved", "confirmed"]):
            decisions = list(proposal.decisions.filter(part=None).order_by("pk"))
            last = max((i for i, row in enumerate(decisions) if row.verb in ("retract", "lapse")), default=-1)
            people = {row.by_id for row in decisions[last + 1 :] if row.verb == "approve"}
            assert len(people) == (2 if self.own_house else 1)
            assert proposal.approved_at
            assert proposal.approved_by

    @invariant()
    def nothing_is_confirmed_while_somebody_is_still_asked(self) -> None:
        for proposal in self.proposals(["confirmed"]):
            parts = list(proposal.parts.all())
            assert not [part for part in parts if part.state in OPEN_PARTS]
            assert not queries.open_gaps(parts)
            assert any(part.state == "accepted" for part in parts)

    @invariant()
    def somebody_owes_every_open_step_by_a_day(self) -> None:
        for proposal in self.proposals(LIVE_PROPOSALS):
            party, step, due_at = queries.who_owes(proposal)
            assert party != "nobody", (proposal.state, proposal.parts.values_list("state"))
            assert step
            assert due_at is not None
        for part in ProposalPart.objects.filter(state__in=OPEN_PARTS):
            assert part.due_at is not None
            assert part.waiting_for != "nobody"
            assert part.proposal.state == "approved"
        for part in ProposalPart.objects.exclude(state__in=OPEN_PARTS):
            assert (part.due_at, part.waiting_for) == (None, "nobody")

    @invariant()
    def partners_that_hold_something_belong_to_a_living_proposal(self) -> None:
        for part in ProposalPart.objects.filter(state__in=CLAIMING_PARTS).select_related("proposal"):
            assert part.proposal.state in ("approved", "confirmed")
            assert part.asked_at is not None
            assert part.counters.filter(closed_at=None).count() == (1 if part.state == "countered" else 0)


def test_lives_of_proposals_break_no_rule() -> None:
    run_state_machine_as_test(Proposals, settings=CAREFUL)


@pytest.fixture
def life() -> Iterator[Proposals]:
    """One life in which partners have been asked."""
    machine = Proposals()
    machine.need(own_house=False, seats=30)
    machine.ask_partners(0)
    yield machine
    machine.undo()


def test_machine_notices_a_line_that_is_given_twice(life: Proposals) -> None:
    life.lines_are_never_given_twice()
    RequestLine.objects.filter(claimed__gt=0).update(claimed=1)
    with pytest.raises(AssertionError):
        life.lines_are_never_given_twice()


def test_machine_notices_seats_that_nobody_holds(life: Proposals) -> None:
    life.seats_are_never_given_twice()
    Session.objects.filter(seats_held=0).update(seats_held=1)
    with pytest.raises(AssertionError):
        life.seats_are_never_given_twice()


def test_machine_notices_a_single_pair_of_eyes(life: Proposals) -> None:
    life.nothing_is_approved_without_the_eyes_that_are_due()
    life.own_house = True
    with pytest.raises(AssertionError):
        life.nothing_is_approved_without_the_eyes_that_are_due()


def test_machine_notices_a_step_that_nobody_owes(life: Proposals) -> None:
    life.somebody_owes_every_open_step_by_a_day()
    ProposalPart.objects.filter(state="asked").update(due_at=None)
    with pytest.raises(AssertionError):
        life.somebody_owes_every_open_step_by_a_day()


def test_machine_notices_a_change_without_a_record(life: Proposals) -> None:
    life.each_change_has_one_audit_record_and_one_event()
    OutboxEvent.objects.filter(resource="proposal").last().delete()  # type: ignore[union-attr]
    with pytest.raises(AssertionError):
        life.each_change_has_one_audit_record_and_one_event()
