"""A machine that walks engagements every way it can think of, and rules that hold after every step."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from django.db import transaction
from django.db.models import Sum
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from fulfilment import operations
from fulfilment.lifecycle import CHANGEABLE
from fulfilment.models import Change, Delivery, Engagement, Milestone
from fulfilment.operations import ChangeTerms, DeliveryTerms, StageCount
from fulfilment.queries.rights import ANSWERABLE
from marketplace.accounts.actors import Actor
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from providers import operations as providers
from providers.models import CapacityHold, Session, TrackRecordEntry
from requests_app.models import LineClaim, RequestLine
from tests.factories.fulfilment import AT, SYSTEM, Scene, reaction, scene
from tests.factories.providers import SessionFactory
from tests.kit.examples import examples

BROKEN_RULES = {
    ErrorCode.ALREADY_ANSWERED,
    ErrorCode.CAPACITY_EXHAUSTED,
    ErrorCode.DUPLICATE,
    ErrorCode.EVALUATION_MISSING,
    ErrorCode.LINE_TAKEN,
    ErrorCode.PERMISSION_DENIED,
    ErrorCode.RULE_BROKEN,
    ErrorCode.WRONG_STATE,
}
ACTORS = st.sampled_from(["focal", "provider", "officer"])
PLACES = st.integers(0, 1)


class EngagementMachine(RuleBasedStateMachine):
    """Two parts by two providers, one split into two deliveries; anybody tries anything at any time."""

    made: Scene
    now: datetime

    @initialize(deliveries=st.integers(1, 2))
    def begin(self, deliveries: int) -> None:
        self.made = scene(parts=2, deliveries=deliveries)
        self.now = AT
        self.spare = SessionFactory.create(offering=self.made.sessions[0].offering, seats_total=25)

    def attempt(self, call: Callable[[], object]) -> None:
        """Every refusal must be one that the product knows, and must leave nothing behind."""
        before = self.trace()
        refusal: DomainError | None = None
        try:
            with transaction.atomic():
                call()
        except DomainError as error:
            refusal = error
        if refusal is not None:
            assert refusal.code in BROKEN_RULES, refusal
            assert self.trace() == before
        self.now += timedelta(hours=5)

    def trace(self) -> tuple[object, ...]:
        rows = Delivery.objects.filter(engagement=self.made.engagement).order_by("number")
        return (
            self.made.fresh().version,
            list(rows.values_list("state", "session_id", "seats", "version")),
            AuditRecord.objects.count(),
            OutboxEvent.objects.count(),
        )

    def delivery(self, place: int) -> int:
        rows = self.made.deliveries()
        return rows[place % len(rows)].pk

    def verb(self, operation: Callable[..., object], who: str, **values: object) -> None:
        actor: Actor = getattr(self.made, who)
        self.attempt(lambda: operation(actor=actor, at=self.now, engagement_id=self.made.id, **values))

    def part_verb(self, operation: Callable[..., object], who: str, place: int, **values: object) -> None:
        actor: Actor = getattr(self.made, who)
        self.attempt(lambda: operation(actor=actor, at=self.now, delivery_id=self.delivery(place), **values))

    @rule(who=ACTORS)
    def agree(self, who: str) -> None:
        self.verb(operations.agree_engagement, who)

    @rule(who=ACTORS)
    def start(self, who: str) -> None:
        self.verb(operations.start_engagement, who)

    @rule(who=ACTORS)
    def deliver(self, who: str) -> None:
        self.verb(operations.deliver_engagement, who)

    @rule(who=ACTORS)
    def confirm(self, who: str) -> None:
        self.verb(operations.confirm_engagement, who)

    @rule(who=ACTORS)
    def contest(self, who: str) -> None:
        self.verb(operations.contest_engagement, who, reason_code="numbers")

    @rule(who=ACTORS)
    def close(self, who: str) -> None:
        self.verb(operations.close_engagement, who)

    @rule(who=ACTORS)
    def hold(self, who: str) -> None:
        self.verb(operations.hold_engagement, who, reason_code="security")

    @rule(who=ACTORS)
    def resume(self, who: str) -> None:
        self.verb(operations.resume_engagement, who)

    @rule(dice=st.integers(1, 6))
    def cancel(self, dice: int) -> None:
        if dice == 6:  # seldom: it ends the walk
            self.verb(operations.cancel_engagement, "officer", reason_code="other")

    @rule(place=PLACES, who=ACTORS)
    def start_one(self, place: int, who: str) -> None:
        self.part_verb(operations.start_delivery, who, place)

    @rule(place=PLACES, total=st.integers(0, 30))
    def report_one(self, place: int, total: int) -> None:
        counts = [StageCount("attended", total)]
        self.part_verb(operations.deliver_delivery, "officer", place, participation=counts)

    @rule(place=PLACES, who=ACTORS)
    def confirm_one(self, place: int, who: str) -> None:
        self.part_verb(operations.confirm_delivery, who, place, reason_text="Settled.")

    @rule(place=PLACES)
    def contest_one(self, place: int) -> None:
        self.part_verb(operations.contest_delivery, "focal", place, reason_code="numbers")

    @rule(place=PLACES)
    def cancel_one(self, place: int) -> None:
        self.part_verb(operations.cancel_delivery, "officer", place, reason_code="other")

    @rule(who=ACTORS, other=st.booleans(), seats=st.integers(1, 40), capacity=st.none() | st.integers(1, 40))
    def propose(self, who: str, other: bool, seats: int, capacity: int | None) -> None:
        number = self.made.deliveries()[0].number
        session = self.spare.pk if other else None
        terms = ChangeTerms(deliveries=(DeliveryTerms(number, session_id=session, seats=seats, capacity=capacity),))
        self.verb(operations.propose_change, who, terms=terms)

    @rule(who=ACTORS)
    def agree_change(self, who: str) -> None:
        self.verb(operations.agree_change, who)

    @rule(who=ACTORS)
    def decline_change(self, who: str) -> None:
        self.verb(operations.decline_change, who, reason_text="No.")

    @rule(days=st.integers(-2, 2), place=PLACES)
    def move_session(self, days: int, place: int) -> None:
        session = [self.spare, *self.made.sessions][place]
        start, end = date(2027, 3, 8) + timedelta(days), date(2027, 3, 10) + timedelta(days)
        providers.change_session(
            actor=SYSTEM, at=self.now, session_id=session.pk, facts={"start_on": start, "end_on": end}
        )
        self.attempt(lambda: operations.hold_for_move(actor=SYSTEM, at=self.now, session_id=session.public_id))

    @rule(who=ACTORS, source=st.sampled_from(["participants", "requester", "provider"]))
    def evaluate(self, who: str, source: str) -> None:
        facts = reaction(source=source, collected_on=self.now.date())
        self.verb(operations.record_evaluation, who, facts=facts)

    @rule()
    def waive(self) -> None:
        self.verb(operations.waive_evaluation, "officer", level=1, reason_code="other")

    @rule(days=st.integers(1, 40))
    def wait_in_silence(self, days: int) -> None:
        self.now += timedelta(days=days)
        system = Actor.system("clock")
        self.attempt(lambda: operations.confirm_by_silence(actor=system, at=self.now, engagement_id=self.made.id))

    @rule(steps=st.integers(1, 3))
    def advance(self, steps: int) -> None:
        """Take the usual next steps, so that late states are reached often."""
        for _ in range(steps):
            state = self.made.fresh().state
            if state in ("planned", "agreed"):
                self.verb(
                    operations.agree_engagement if state == "planned" else operations.start_engagement, "provider"
                )
            elif state == "in_delivery":
                for place in range(len(self.made.deliveries())):
                    self.part_verb(operations.start_delivery, "officer", place)
                    self.report_one(place, 18)
            elif state == "delivered":
                self.confirm("focal")
            elif state == "evaluating":
                self.evaluate("provider", "participants")
                self.close("officer")
            event(f"at {state}")

    # --- what must always hold ---
    def engagement(self) -> Engagement | None:
        return self.made.fresh() if hasattr(self, "made") else None

    @invariant()
    def lines_never_hold_more_than_their_maximum(self) -> None:
        if self.engagement() is None:
            return
        for line in RequestLine.objects.filter(request=self.made.request):
            live = LineClaim.objects.filter(line=line, released_at__isnull=True)
            assert (live.aggregate(sum=Sum("participants"))["sum"] or 0) == line.claimed <= line.participants_max

    @invariant()
    def seats_taken_are_those_of_live_holds_and_never_too_many(self) -> None:
        if self.engagement() is None:
            return
        for session in Session.objects.all():
            live = CapacityHold.objects.filter(session=session, state__in=["held", "confirmed"])
            taken = live.aggregate(sum=Sum("quantity"))["sum"] or 0
            assert taken == session.seats_held + session.seats_confirmed <= session.seats_total

    @invariant()
    def everybody_in_a_session_has_a_seat(self) -> None:
        if self.engagement() is None:
            return
        for delivery in Delivery.objects.exclude(state="cancelled").filter(session__isnull=False):
            assert delivery.capacity >= (delivery.seats or 0)

    @invariant()
    def what_waits_for_an_answer_can_be_answered(self) -> None:
        engagement = self.engagement()
        if engagement is None:
            return
        if Delivery.objects.filter(state__in=["delivered", "contested"]).exists():
            assert engagement.state in ANSWERABLE
        if Change.objects.filter(state="proposed").exists():
            assert engagement.state in CHANGEABLE

    @invariant()
    def engagement_state_follows_from_its_deliveries(self) -> None:
        engagement = self.engagement()
        if engagement is None:
            return
        states = {row.state for row in self.made.deliveries()} - {"cancelled"}
        if engagement.state in ("planned", "agreed"):
            assert states == {"planned"}
        if engagement.state == "in_delivery":
            assert states & {"planned", "running", "contested"}
        if engagement.state == "delivered":
            assert states <= {"delivered", "confirmed"}
            assert "delivered" in states
        if engagement.state in ("evaluating", "closed"):
            assert states == {"confirmed"}
        if engagement.state == "cancelled":
            assert states <= {"confirmed"}

    @invariant()
    def every_change_of_state_has_one_record_and_one_event(self) -> None:
        if self.engagement() is None:
            return
        records = AuditRecord.objects.filter(resource="engagement").exclude(to_state="").count()
        events = OutboxEvent.objects.filter(resource="engagement", data__has_key="state").count()
        assert records == events

    @invariant()
    def what_is_open_says_who_owes_it_by_when(self) -> None:
        engagement = self.engagement()
        if engagement is None:
            return
        over = engagement.state in ("closed", "cancelled")
        assert (engagement.waiting_for == "nobody") is over
        assert (engagement.due_at is None) is over
        for row in Milestone.objects.filter(engagement=engagement, state="open"):
            assert row.due_at is not None

    @invariant()
    def closed_means_evaluated_and_fed_by_others_only(self) -> None:
        engagement = self.engagement()
        if engagement is None:
            return
        if engagement.state == "closed":
            assert engagement.missing_levels == []
        if engagement.state != "closed":
            assert TrackRecordEntry.objects.count() == 0
        assert not TrackRecordEntry.objects.filter(source="provider").exists()

    @invariant()
    def cancelled_engagement_holds_nothing_that_was_not_delivered(self) -> None:
        engagement = self.engagement()
        if engagement is None or engagement.state != "cancelled":
            return
        confirmed = {row.part_id for row in self.made.deliveries() if row.state == "confirmed"}
        parts = {part.part_id for part in self.made.terms.parts} - confirmed
        assert not LineClaim.objects.filter(claimant__in=parts, released_at__isnull=True).exists()
        assert not CapacityHold.objects.filter(holder__in=parts, state__in=["held", "confirmed"]).exists()


class Undone(EngagementMachine):
    """Each run takes place in a transaction that is rolled back."""

    def __init__(self) -> None:
        super().__init__()
        self.block = transaction.atomic()
        self.block.__enter__()

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.block.__exit__(None, None, None)


@pytest.mark.django_db
def test_no_way_through_an_engagement_breaks_a_rule() -> None:
    run_state_machine_as_test(
        Undone,
        settings=settings(
            max_examples=examples(40),  # each is a walk of many steps
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
