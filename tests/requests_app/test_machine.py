"""A thousand lives of requests: whatever people do in whatever order, the rules of the domain hold after each step."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
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
from marketplace.kernel.references import parse_request_reference
from requests_app import operations
from requests_app.lifecycle import DERIVED_STATES, REQUEST, Placed, line_state, request_state
from requests_app.models import LineClaim, RequestLine, TrainingRequest
from requests_app.operations import LineShare, content_of, placing
from tests.factories.accounts import OrganizationFactory, member, secretariat
from tests.factories.requests import SYSTEM, content, line
from tests.kit.examples import PROFILE, examples

pytestmark = pytest.mark.django_db

THOROUGH = PROFILE == "thorough"
CAREFUL = settings(
    max_examples=examples(40),
    stateful_step_count=50 if THOROUGH else 25,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

Run = Callable[..., Any]
VERBS: dict[str, tuple[Run, dict[str, Any]]] = {
    "submit": (operations.submit_request, {}),
    "return": (operations.return_request, {"question": "Which ministries?"}),
    "answer": (operations.answer_request, {"answer": "Three."}),
    "open": (operations.open_request, {}),
    "decline": (operations.decline_request, {"reason_code": "not_training"}),
    "withdraw": (operations.withdraw_request, {}),
    "cancel": (operations.cancel_request, {"reason_code": "funding_lost"}),
    "mark-unmet": (operations.mark_unmet, {"reason_code": "no_time"}),
    "reopen": (operations.reopen_request, {}),
    "close": (operations.close_request, {}),
}
# The usual way is drawn more often than its ends, or hardly any life gets to a delivery.
DRAWN = ["submit", "submit", "open", "open", "open", "return", "answer", "close", "mark-unmet", "reopen"]
SELDOM = ["decline", "withdraw", "cancel"]
NEXT = {"draft": "submit", "submitted": "open", "returned": "answer", "fulfilled": "close", "unmet": "reopen"}
SCREENED = {"return", "open", "decline", "cancel", "mark-unmet", "reopen", "close"}
# Refusals that a verb may meet although its state and the role are right.
REASONABLE = {ErrorCode.RULE_BROKEN, ErrorCode.LINE_TAKEN}
numbers = st.tuples(st.integers(1, 20), st.integers(0, 20)).map(lambda pair: (pair[0], pair[0] + pair[1]))
lines = st.lists(st.tuples(numbers, st.booleans()), min_size=1, max_size=3)


class Lives(RuleBasedStateMachine):
    """Some requests of one agency, its focal point, the secretariat, and parts of proposals that claim lines."""

    def __init__(self) -> None:
        super().__init__()
        self.around = transaction.atomic()
        self.around.__enter__()
        self.at = datetime(2026, 11, 23, 9, tzinfo=UTC)
        self.requests: list[int] = []
        self.claimants: list[UUID] = []
        self.references: dict[int, str] = {}

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.around.__exit__(None, None, None)

    # --- the steps ---
    @initialize()
    def people(self) -> None:
        self.agency = OrganizationFactory.create()
        self.focal, self.officer, self.stranger = (
            member(self.agency),
            secretariat(),
            member(OrganizationFactory.create()),
        )

    @rule(wanted=lines)
    def draft(self, wanted: list[tuple[tuple[int, int], bool]]) -> None:
        if len(self.requests) < 4:
            rows = tuple(
                line(participants_min=low, participants_max=high, divisible=divisible)
                for (low, high), divisible in wanted
            )
            made = operations.create_request(
                actor=self.focal, at=self.tick(), organization=self.agency.code, content=content(lines=rows)
            )
            self.requests.append(made.pk)

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0, 3), verb=st.sampled_from([*DRAWN * 3, *SELDOM]), right=st.integers(0, 9))
    def act(self, which: int, verb: str, right: int) -> None:
        """Try a verb, mostly as the right person; the table says what must come of it."""
        request = self.request(which)
        run, values = VERBS[verb]
        allowed = self.officer if verb in SCREENED else self.focal
        actor = allowed if right else self.stranger
        row = REQUEST.find(request.state, verb)
        refused = self.attempt(run, actor, request_id=request.pk, **values)
        if actor is self.stranger:
            assert refused is ErrorCode.PERMISSION_DENIED, (verb, refused)
        elif row is None:
            assert refused is ErrorCode.WRONG_STATE, (verb, request.state, refused)
        elif refused is None:
            after = self.request(which).state
            assert after in row.targets or (verb == "mark-unmet" and after in DERIVED_STATES), (verb, after)
        else:
            assert refused in REASONABLE, (verb, request.state, refused)

    @precondition(lambda self: self.requests)
    @rule(
        which=st.integers(0, 3),
        picks=st.lists(st.tuples(st.integers(0, 2), st.integers(1, 25)), min_size=1, max_size=3),
    )
    def claim(self, which: int, picks: list[tuple[int, int]]) -> None:
        rows = list(self.request(which).lines.order_by("number"))
        shares = {rows[index % len(rows)].pk: n for index, n in picks}
        claimant = uuid4()
        wanted = [LineShare(pk, n) for pk, n in shares.items()]
        if self.attempt(operations.claim_lines, SYSTEM, claimant=claimant, claims=wanted) is None:
            self.claimants.append(claimant)

    @precondition(lambda self: self.claimants)
    @rule(
        which=st.integers(0, 50),
        step=st.sampled_from(["agree", "agree", "start", "deliver", "release", "short", "resize"]),
        n=st.integers(1, 25),
    )
    def go_on(self, which: int, step: str, n: int) -> None:
        claimant = self.claimants[which % len(self.claimants)]
        mine = LineClaim.objects.filter(claimant=claimant, released_at__isnull=True)
        first = mine.order_by("line_id").first()
        values: dict[str, Any] = {"claimant": claimant}
        if step == "short" and first:
            values["delivered"] = {first.line_id: max(0, first.participants - n)}
        if step == "resize" and first:
            values |= {"line_id": first.line_id, "participants": n}
        run: Run = {
            "agree": operations.agree_lines,
            "start": operations.start_lines,
            "deliver": operations.deliver_lines,
            "short": operations.deliver_lines,
            "release": operations.release_lines,
            "resize": operations.resize_claim if first else operations.agree_lines,
        }[step]
        self.attempt(run, SYSTEM, **values)

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0, 3), low=st.integers(1, 20), more=st.integers(0, 25), drop=st.booleans())
    def change(self, which: int, low: int, more: int, drop: bool) -> None:
        request = self.request(which)
        before = content_of(request)
        if before.lines:
            first = {**{name: getattr(before.lines[0], name) for name in before.lines[0].__slots__}}
            first |= {"participants_min": low, "participants_max": low + more}
            rows = (type(before.lines[0])(**first), *(() if drop else before.lines[1:]))
            self.attempt(operations.edit_request, self.focal, request_id=request.pk, changes={"lines": rows})

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0, 3), waive=st.booleans())
    def call(self, which: int, waive: bool) -> None:
        run, actor = (
            (operations.waive_call_for_offers, self.focal) if waive else (operations.call_for_offers, self.officer)
        )
        self.attempt(run, actor, request_id=self.request(which).pk)

    @precondition(lambda self: len(self.requests) > 1)
    @rule(which=st.integers(0, 3), other=st.integers(0, 3), take=st.booleans(), really=st.integers(0, 4))
    def merge(self, which: int, other: int, take: bool, really: int) -> None:
        if really == 0:
            into = self.request(other).reference or "GMG-MLI-2026-9999"
            self.attempt(
                operations.merge_request, self.officer, request_id=self.request(which).pk, into=into, take_lines=take
            )

    @precondition(lambda self: self.requests)
    @rule(which=st.integers(0, 3))
    def advance(self, which: int) -> None:
        """Take the usual next step, so that many lives come to an end."""
        request = self.request(which)
        rows = [row for row in request.lines.order_by("pk") if row.state == "open" and row.free]
        live = LineClaim.objects.filter(line__request=request, released_at__isnull=True, delivered_at__isnull=True)
        claim = live.order_by("pk").first()
        run, values = VERBS.get(NEXT.get(request.state, ""), (None, {}))
        if run is not None:
            actor = self.officer if NEXT[request.state] in SCREENED else self.focal
            self.attempt(run, actor, request_id=request.pk, **values)
        elif request.state == "open" and rows:
            claimant = uuid4()
            wanted = [LineShare(row.pk, row.free) for row in rows]
            if self.attempt(operations.claim_lines, SYSTEM, claimant=claimant, claims=wanted) is None:
                self.claimants.append(claimant)
        elif claim is not None:
            step = operations.deliver_lines if claim.started_at else operations.start_lines
            self.attempt(step if claim.agreed_at else operations.agree_lines, SYSTEM, claimant=claim.claimant)

    # --- what always holds ---
    @invariant()
    def lines_hold_what_is_claimed_and_never_more(self) -> None:
        for row in RequestLine.objects.filter(request_id__in=self.requests).prefetch_related("claims"):
            live = [one for one in row.claims.all() if one.released_at is None]
            assert row.claimed == sum(one.participants for one in live)
            assert row.claimed <= row.participants_max
            open_claims = [one for one in live if one.delivered_at is None]
            assert row.divisible or len(open_claims) <= 1
            if row.state in ("unmet", "dropped"):
                assert not live
            elif live:
                placed = [
                    Placed(one.participants, bool(one.agreed_at), bool(one.started_at), bool(one.delivered_at))
                    for one in live
                ]
                assert row.state == line_state(placed, row.participants_min)

    @invariant()
    def requests_follow_their_lines(self) -> None:
        for request in TrainingRequest.objects.filter(pk__in=self.requests, state__in=DERIVED_STATES):
            states = list(request.lines.values_list("state", flat=True))
            begun = LineClaim.objects.filter(
                line__request=request, released_at__isnull=True, started_at__isnull=False
            ).exists()
            assert request.state == request_state(states, delivery_begun=begun)
            if request.state == "open":
                assert request.due_at is not None
                assert request.waiting_for != "nobody"

    @invariant()
    def each_change_has_one_record_and_one_event(self) -> None:
        ids = list(TrainingRequest.objects.filter(pk__in=self.requests).values_list("public_id", "state"))
        for public_id, state in ids:
            trail = list(AuditRecord.objects.filter(resource_id=public_id).order_by("id"))
            assert len(trail) == OutboxEvent.objects.filter(resource_id=public_id).count()
            moves = [(row.from_state, row.to_state) for row in trail if row.to_state]
            assert [source for source, _ in moves] == ["", *(target for _, target in moves[:-1])]
            assert moves[-1][1] == state

    @invariant()
    def references_are_kept_unique_and_without_gaps(self) -> None:
        given = dict(
            TrainingRequest.objects.filter(pk__in=self.requests, reference__isnull=False).values_list("pk", "reference")
        )
        assert all(given.get(pk) == reference for pk, reference in self.references.items())
        self.references = {pk: str(reference) for pk, reference in given.items()}
        parsed = [parse_request_reference(text) for text in self.references.values()]
        assert sorted(one.number for one in parsed if one) == list(range(1, len(given) + 1))

    # --- aids ---
    def tick(self) -> datetime:
        self.at += timedelta(hours=7)
        return self.at

    def request(self, which: int) -> TrainingRequest:
        return TrainingRequest.objects.get(pk=self.requests[which % len(self.requests)])

    def attempt(self, run: Run, actor: Actor, **values: Any) -> ErrorCode | None:
        """Call an operation; give the code of a refusal. Any other exception is a fault."""
        try:
            run(actor=actor, at=self.tick(), **values)
        except DomainError as refused:
            return refused.code
        return None


def test_no_order_of_steps_breaks_a_rule() -> None:
    run_state_machine_as_test(Lives, settings=CAREFUL)


@pytest.fixture
def life() -> Iterator[Lives]:
    """One machine driven by hand: a request with one line that was drafted, submitted and opened."""
    machine = Lives()
    machine.people()
    machine.draft([((5, 20), True)])
    machine.advance(0)
    machine.advance(0)
    yield machine
    machine.teardown()


def test_machine_sees_a_request_that_does_not_follow_its_lines(life: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "follow_lines", lambda *args, **kwargs: None)
    life.advance(0)
    life.requests_follow_their_lines()
    life.advance(0)
    with pytest.raises(AssertionError):
        life.requests_follow_their_lines()


def test_machine_sees_participants_that_are_placed_twice(life: Lives, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(placing, "_move_claimed", lambda row, more: True)
    life.advance(0)
    with pytest.raises(AssertionError):
        life.lines_hold_what_is_claimed_and_never_more()


def test_machine_sees_a_change_without_a_record(life: Lives) -> None:
    life.each_change_has_one_record_and_one_event()
    TrainingRequest.objects.filter(pk=life.requests[0]).update(state="cancelled")
    with pytest.raises(AssertionError):
        life.each_change_has_one_record_and_one_event()


def test_machine_sees_a_reference_that_changes(life: Lives) -> None:
    life.references_are_kept_unique_and_without_gaps()
    TrainingRequest.objects.filter(pk=life.requests[0]).update(reference="GMG-MLI-2026-0002")
    with pytest.raises(AssertionError):
        life.references_are_kept_unique_and_without_gaps()
