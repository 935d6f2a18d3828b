"""The one writer of state, and the clock over open steps, on a real life cycle: the training request's."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from marketplace.accounts.actors import Actor
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.lifecycle import Lifecycle, Party, Step, move
from marketplace.kernel.periods import add_working_days, working_days_between
from marketplace.lifecycles import deadlines
from marketplace.lifecycles import operations as lifecycles
from marketplace.lifecycles.registry import lifecycle_models, model_of
from marketplace.records.models import EventScope, Record
from marketplace.vocabularies import queries as vocabularies
from marketplace.work.loop import settle
from marketplace.work.models import Job
from requests_app import operations as requests
from requests_app.models import RequestLine, TrainingRequest
from tests.factories.accounts import OrganizationFactory, member
from tests.factories.requests import (
    AT,
    ClarificationFactory,
    EndorsementFactory,
    RequestLineFactory,
    RequestShareFactory,
    TrainingRequestFactory,
    submitted,
)

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")
ASKED_OTHERWISE = {  # verbs of two sides: the operation finds out for which one the caller speaks
    "clarification withdraw": "whoever asked may take the question back",
    "proposal_part consent": "requester and secretariat each give theirs",
}


def trail(request: TrainingRequest, action: str) -> int:
    return AuditRecord.objects.filter(resource_id=request.public_id, action=action).count()


def test_transition_leaves_one_audit_record_and_one_event_and_counts_the_version(at: datetime) -> None:
    request = submitted()
    before = request.version
    lifecycles.transition(request, "decline", actor=SYSTEM, at=at, reason_code="out_of_scope")
    assert request.version == before + 1
    assert trail(request, "decline") == 1
    [event] = OutboxEvent.objects.filter(resource_id=request.public_id, type="training_request.declined")
    assert (event.version, event.data["state"]) == (request.version, "ineligible")


def test_transition_in_the_wrong_state_names_the_open_actions(at: datetime) -> None:
    request = submitted()
    with pytest.raises(DomainError) as refused:
        lifecycles.transition(request, "close", actor=SYSTEM, at=at)
    assert refused.value.code is ErrorCode.WRONG_STATE
    assert (refused.value.params["verb"], refused.value.params["state"]) == ("close", "submitted")
    assert {"open", "return"} <= set(str(refused.value.params["allowed"]).split(", "))
    assert trail(request, "close") == 0


def test_transition_to_a_target_that_the_verb_does_not_have_is_a_mistake_of_ours(at: datetime) -> None:
    with pytest.raises(ValueError, match="does not lead"):
        lifecycles.transition(submitted(), "decline", actor=SYSTEM, at=at, target="closed")


def test_lock_refuses_a_version_that_is_not_the_present_one() -> None:
    request = submitted()
    with pytest.raises(DomainError) as refused:
        lifecycles.lock(TrainingRequest.objects.filter(pk=request.pk), expected_version=request.version - 1)
    assert refused.value.code is ErrorCode.PRECONDITION_FAILED
    assert refused.value.params == {"expected": request.version - 1, "actual": request.version}


def test_step_opens_with_party_and_deadline_from_the_service_levels(at: datetime) -> None:
    request = submitted(at=at)
    assert (request.step, request.waiting_for) == ("request.screen", "secretariat")
    assert request.due_at == add_working_days(at, 5)
    assert request.remind_at == add_working_days(at, 2)


def test_clock_pauses_while_the_requester_holds_the_step(at: datetime) -> None:
    request = submitted(at=at)
    asked = add_working_days(at, 2)
    requests.return_request(actor=SYSTEM, at=asked, request_id=request.pk, reason_code="unclear_need", question="Who?")
    request.refresh_from_db()
    assert request.waiting_for == "requester"
    answered = add_working_days(asked, 7)
    requests.answer_request(actor=SYSTEM, at=answered, request_id=request.pk, answer="Officials.")
    request.refresh_from_db()
    assert request.waiting_for == "secretariat"
    assert request.due_at is not None
    assert working_days_between(answered, request.due_at) == 3


def test_reminder_comes_once_and_escalation_once(at: datetime) -> None:
    request = submitted(at=at)
    assert deadlines.sweep(at=at) == 0
    for moment in (add_working_days(at, 2), add_working_days(at, 3)):
        deadlines.sweep(at=moment)
        settle(clock=lambda moment=moment: moment)  # type: ignore[misc]
    assert (trail(request, "reminder_due"), trail(request, "overdue")) == (1, 0)
    for days in (5, 6):
        moment = add_working_days(at, days) + timedelta(minutes=1)
        deadlines.sweep(at=moment)
        settle(clock=lambda moment=moment: moment)  # type: ignore[misc]
    assert (trail(request, "reminder_due"), trail(request, "overdue")) == (1, 1)


def test_step_that_was_taken_meanwhile_is_left_alone(at: datetime) -> None:
    request = submitted(at=at)
    overdue = add_working_days(at, 6)
    deadlines.sweep(at=overdue)
    assert Job.objects.filter(kind="lifecycles.deadline").count() == 1
    requests.open_request(actor=SYSTEM, at=overdue, request_id=request.pk)
    done = deadlines.meet_deadline(resource="training_request", public_id=request.public_id, at=overdue)
    assert done == "nothing"


def test_every_life_cycle_has_a_resource_name_of_its_own() -> None:
    names = [model.resource for model in lifecycle_models()]
    assert len(names) == len(set(names)) > 10
    assert model_of("training_request") is TrainingRequest


def test_every_step_of_every_life_cycle_is_in_the_service_levels() -> None:
    for model in lifecycle_models():
        steps = [*model.lifecycle.steps.values(), *(row.step for row in model.lifecycle.transitions if row.step)]
        for step in steps:
            assert vocabularies.service_level(step.code).working_days > 0


def test_every_state_is_reachable_and_every_offered_verb_needs_a_permission() -> None:
    for model in lifecycle_models():
        table = model.lifecycle
        reached = {table.initial}
        for _ in table.states:
            reached |= {goal for row in table.transitions if row.sources & reached for goal in row.targets}
        assert reached == set(table.states), f"{table.name}: {set(table.states) - reached}"
        open_to_all = {f"{table.name} {row.verb}" for row in table.transitions if not (row.automatic or row.permission)}
        assert open_to_all <= set(ASKED_OTHERWISE)


# --- what is written, to the last column: what mutation testing asked for ------------------------------------------
DUE = datetime(2026, 12, 24, 12, tzinfo=UTC)
CHANGES = {"place_city": ["", "Bamako"]}


def person() -> Actor:
    return member(OrganizationFactory.create())


def last_pair(record: Record) -> tuple[AuditRecord, OutboxEvent]:
    """The audit record and the event that the last change of a record has left."""
    audit = AuditRecord.objects.filter(resource_id=record.public_id).latest("id")
    event = OutboxEvent.objects.filter(resource_id=record.public_id).latest("id")
    return audit, event


def stored(record: Record) -> Any:
    return type(record)._default_manager.get(pk=record.pk)


def test_lock_gives_the_row_and_says_when_there_is_none() -> None:
    request = submitted()
    rows = TrainingRequest.objects.filter(pk=request.pk)
    assert lifecycles.lock(rows) == request
    assert lifecycles.lock(rows, expected_version=request.version) == request
    with pytest.raises(DomainError) as refused:
        lifecycles.lock(TrainingRequest.objects.filter(pk=0))
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_lock_takes_the_row_and_leaves_what_is_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[dict[str, Any]] = []
    rows = TrainingRequest.objects.filter(pk=submitted().pk)
    lock = type(rows).select_for_update

    def watched(self: Any, **terms: Any) -> Any:
        asked.append(terms)
        return lock(self, **terms)

    monkeypatch.setattr(type(rows), "select_for_update", watched)
    lifecycles.lock(rows)
    assert asked == [{"of": ("self",)}]


def test_created_record_has_its_state_step_audit_record_and_event(at: datetime) -> None:
    actor, request = person(), TrainingRequestFactory.create(submitted=True)
    question = ClarificationFactory.build(request=request, state="")
    lifecycles.create(question, actor=actor, at=at, changes=CHANGES, data={"more": 1})
    row = stored(question)
    assert (row.state, row.created_at, row.updated_at, row.version) == ("open", at, at, 1)
    assert (row.step, row.waiting_for) == ("clarification.answer", "requester")
    assert row.due_at == add_working_days(at, vocabularies.service_level("clarification.answer").working_days)
    audit, event = last_pair(question)
    assert (audit.action, audit.at, audit.actor_label) == ("created", at, actor.label)
    assert (audit.from_state, audit.to_state, audit.changes) == ("", "open", CHANGES)
    assert (event.type, event.at, event.version) == ("clarification.created", at, 1)
    assert event.data == {"request": str(request.public_id), "from_state": "", "state": "open", "more": 1}
    assert stored(request).version == 1


def test_created_part_counts_on_its_aggregate_where_told_and_takes_its_own_deadline(at: datetime) -> None:
    request, bystander = (TrainingRequestFactory.create(submitted=True) for _ in range(2))
    later = at + timedelta(hours=1)
    question = ClarificationFactory.build(request=request)
    lifecycles.create(question, actor=SYSTEM, at=later, bump_root=True, due_at=DUE)
    assert stored(question).due_at == DUE
    for row in (request, stored(request)):  # in memory and in the database
        assert (row.version, row.updated_at) == (2, later)
    assert (stored(bystander).version, stored(bystander).updated_at) == (1, at)


def test_many_are_created_as_each_would_be(at: datetime) -> None:
    actor, later = person(), at + timedelta(hours=1)
    questions = [ClarificationFactory.build(request=TrainingRequestFactory.create(submitted=True)) for _ in range(2)]
    for question in questions:
        question.state = ""
    lifecycles.create_many(questions, actor=actor, at=later)
    for question in questions:
        row = stored(question)
        assert (row.state, row.created_at, row.updated_at, row.version) == ("open", later, later, 1)
        assert (row.step, row.waiting_for) == ("clarification.answer", "requester")
        level = vocabularies.service_level("clarification.answer")
        assert row.due_at == add_working_days(later, level.working_days)
        audit, event = last_pair(question)
        assert (audit.action, audit.at, audit.actor_label, audit.to_state) == ("created", later, actor.label, "open")
        assert (event.type, event.at, event.data["state"]) == ("clarification.created", later, "open")


def test_many_without_a_life_cycle_have_no_state_and_of_none_nothing_is_written(at: datetime) -> None:
    share = RequestShareFactory.build(
        request=TrainingRequestFactory.create(submitted=True), organization=OrganizationFactory.create()
    )
    lifecycles.create_many([share], actor=SYSTEM, at=at)
    audit, event = last_pair(share)
    assert (stored(share).created_at, audit.to_state, "state" in event.data) == (at, "", False)
    count = AuditRecord.objects.count()
    lifecycles.create_many([], actor=SYSTEM, at=at)
    assert AuditRecord.objects.count() == count


def test_parts_begin_with_what_they_belong_to_and_are_noted_after_it(at: datetime) -> None:
    request = TrainingRequestFactory.build(requesting_organization=OrganizationFactory.create())
    lines = [RequestLineFactory.build(request=request, number=number) for number in (1, 2)]
    lifecycles.create(request, actor=SYSTEM, at=at, changes=CHANGES, parts=lines)
    assert [line.request_id for line in RequestLine.objects.filter(request=request)] == [request.pk] * 2
    assert {stored(line).created_at for line in lines} == {at}
    wanted = [(row.resource, row.public_id) for row in (request, *lines)]
    assert [(row.resource, row.resource_id) for row in AuditRecord.objects.order_by("pk")] == wanted
    assert [row.resource_id for row in OutboxEvent.objects.order_by("pk")] == [public_id for _, public_id in wanted]
    assert last_pair(request)[0].changes == CHANGES
    assert last_pair(lines[0])[0].changes == {}


def test_change_that_narrows_who_may_learn_of_a_record_is_told_to_who_might_until_now(at: datetime) -> None:
    request, other = submitted(visibility="agency"), OrganizationFactory.create()
    until_now = EventScope("group", frozenset({other.pk}), programme="P1")
    lifecycles.record_change(request, "changed", actor=SYSTEM, at=at, until_now=until_now)
    event = last_pair(request)[1]
    assert (event.audience, event.programme) == ("group", "")
    assert other.pk in event.addressees.values_list("organization_id", flat=True)
    lifecycles.record_change(request, "changed", actor=SYSTEM, at=at)
    assert last_pair(request)[1].audience == "organizations"


def test_record_is_created_once(at: datetime) -> None:
    question = ClarificationFactory.create()
    for make in (lifecycles.create, lifecycles.insert):
        with pytest.raises(IntegrityError), transaction.atomic():
            make(question, actor=SYSTEM, at=at)


def test_wrong_state_says_what_is_open_and_of_what() -> None:
    question = ClarificationFactory.build()
    refusal = lifecycles.wrong_state(question, "close")
    assert refusal.code is ErrorCode.WRONG_STATE
    assert refusal.params == {
        "verb": "close",
        "state": "open",
        "allowed": "answer, withdraw",
        "allowed_actions": ("answer", "withdraw"),
        "resource": "clarification",
    }
    question.state = "withdrawn"
    final = lifecycles.wrong_state(question, "answer").params
    assert (final["allowed"], final["allowed_actions"]) == ("-", ())


def test_transition_is_written_whole(at: datetime) -> None:
    actor, request = person(), submitted()
    later = at + timedelta(hours=1)
    request.place_city, request.language = "Bamako", "fr"
    lifecycles.transition(
        request,
        "decline",
        actor=actor,
        at=later,
        reason_code="out_of_scope",
        reason_text="Not training.",
        changes=CHANGES,
        data={"more": 1},
        columns=("place_city",),
    )
    row = stored(request)
    assert (row.state, row.updated_at, row.place_city, row.language) == ("ineligible", later, "Bamako", "en")
    audit, event = last_pair(request)
    assert (audit.action, audit.at, audit.actor_label) == ("decline", later, actor.label)
    assert (audit.from_state, audit.to_state) == ("submitted", "ineligible")
    assert (audit.reason_code, audit.reason_text, audit.changes) == ("out_of_scope", "Not training.", CHANGES)
    assert (event.type, event.at) == ("training_request.declined", later)
    said = {"from_state": "submitted", "state": "ineligible", "reason_code": "out_of_scope", "more": 1}
    assert event.data == request.event_data() | said


def test_transition_without_a_reason_names_none(at: datetime) -> None:
    request = submitted()
    lifecycles.transition(request, "open", actor=SYSTEM, at=at, data={"more": 1})
    audit, event = last_pair(request)
    assert (audit.reason_code, audit.reason_text) == ("", "")
    assert event.data == request.event_data() | {"from_state": "submitted", "state": "open", "more": 1}


def test_transition_goes_to_the_first_target_unless_another_is_named(at: datetime) -> None:
    given, refused = EndorsementFactory.create(), EndorsementFactory.create()
    for record, target, state in ((given, None, "given"), (refused, "refused", "refused")):
        record.decided_on = at.date()
        lifecycles.transition(record, "record", actor=SYSTEM, at=at, target=target, columns=("decided_on",))
        assert stored(record).state == state
        assert (stored(record).step, stored(record).waiting_for, stored(record).due_at) == ("", "nobody", None)
    with pytest.raises(ValueError, match=r"^endorsement: expire does not lead to refused$"):
        lifecycles.transition(given, "expire", actor=SYSTEM, at=at, target="refused")


def test_transition_of_a_part_counts_on_its_aggregate(at: datetime) -> None:
    question = ClarificationFactory.create()
    later = at + timedelta(hours=1)
    lifecycles.transition(question, "withdraw", actor=SYSTEM, at=later)
    assert (stored(question).version, stored(question.request).version) == (2, 2)
    assert stored(question.request).updated_at == later


@pytest.mark.parametrize(
    ("terms", "due_at"),
    [
        ({}, None),
        ({"step_days": 1}, add_working_days(AT, 1)),
        ({"step_days": 0}, AT),
        ({"due_at": DUE}, DUE),
        ({"due_at": DUE, "step_days": 1}, DUE),
    ],
)
def test_step_lasts_as_told_or_as_the_service_levels_say(
    at: datetime, terms: dict[str, Any], due_at: datetime | None
) -> None:
    request, level = submitted(), vocabularies.service_level("request.match")
    lifecycles.transition(request, "open", actor=SYSTEM, at=at, **terms)
    due = due_at or add_working_days(at, level.working_days)
    row = stored(request)
    assert (row.step, row.waiting_for, row.due_at) == ("request.match", "system", due)
    before = level.remind_before
    assert row.remind_at == (None if before is None else max(at, add_working_days(due, -before)))


def test_step_that_opens_was_neither_reminded_of_nor_escalated(at: datetime) -> None:
    for verb in ("open", "decline"):
        request = submitted()
        request.reminded_at = request.escalated_at = at
        lifecycles.transition(request, verb, actor=SYSTEM, at=at)
        assert (stored(request).reminded_at, stored(request).escalated_at) == (None, None)


def test_step_in_a_state_that_waits_for_nobody_is_refused(at: datetime) -> None:
    request = submitted(at=at)
    request.state = "cancelled"
    with pytest.raises(ValueError, match="no step of the state cancelled"):
        lifecycles._open_step(request, at=at, step=Step("request.answer", Party.REQUESTER))


def test_reminder_never_lies_before_the_step(at: datetime) -> None:
    request = submitted(at=at)
    lifecycles.reschedule_step(request, at=at, due_at=at + timedelta(hours=1))
    assert stored(request).remind_at == at


def test_clock_of_an_unchanged_step_goes_on_unless_it_is_set(at: datetime) -> None:
    later = at + timedelta(days=1)
    for terms, due_at in (({}, DUE), ({"days": 2}, add_working_days(later, 2)), ({"due_at": at}, at)):
        request = submitted(at=at)
        request.due_at, request.reminded_at, request.waiting_for = DUE, at, "nobody"
        lifecycles._open_step(request, at=later, same=True, **terms)
        assert (request.due_at, request.waiting_for) == (due_at, "secretariat")
        assert (request.reminded_at is None) is bool(terms)
    moved = submitted(at=at)
    moved.due_at = DUE
    lifecycles._open_step(moved, at=later, same=True, step=Step("request.answer", Party.REQUESTER))
    assert (moved.step, moved.waiting_for) == ("request.answer", "requester")
    assert moved.due_at == add_working_days(later, vocabularies.service_level("request.answer").working_days)


def test_verb_that_leads_to_the_same_state_leaves_the_clock(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    again = move("look", "submitted", "submitted", "training_request.looked_at")
    elsewhere = move(
        "ask", "submitted", "submitted", "training_request.asked", step=Step("request.answer", Party.REQUESTER)
    )
    table = replace(TrainingRequest.lifecycle, transitions=(again, elsewhere))
    monkeypatch.setattr(TrainingRequest, "lifecycle", table)
    request = TrainingRequestFactory.create(
        submitted=True, step="request.screen", due_at=DUE, waiting_for="secretariat"
    )
    lifecycles.transition(request, "look", actor=SYSTEM, at=at)
    assert (stored(request).due_at, stored(request).version) == (DUE, 2)
    lifecycles.transition(request, "ask", actor=SYSTEM, at=at)
    assert (stored(request).step, stored(request).waiting_for) == ("request.answer", "requester")
    assert stored(request).due_at != DUE


@pytest.mark.parametrize(("passed", "left"), [(0, 5), (2, 3), (5, 1), (9, 1)])
def test_paused_step_gets_back_what_was_left_and_a_day_at_least(at: datetime, passed: int, left: int) -> None:
    request = submitted(at=at)
    request.step_balance = {"other.step": 4}
    asked = add_working_days(at, passed)
    lifecycles.transition(request, "return", actor=SYSTEM, at=asked)
    assert stored(request).step_balance == {"request.screen": left, "other.step": 4}
    answered = add_working_days(asked, 20)
    lifecycles.transition(request, "answer", actor=SYSTEM, at=answered)
    assert stored(request).due_at == add_working_days(answered, left)
    assert stored(request).step_balance == {"other.step": 4}


def test_nothing_is_kept_of_a_step_without_a_deadline_or_of_none(at: datetime) -> None:
    for facts in ({"step": "request.screen"}, {"due_at": DUE}):
        request = TrainingRequestFactory.create(submitted=True, **facts)
        lifecycles.transition(request, "return", actor=SYSTEM, at=at)
        assert stored(request).step_balance == {}


def test_kept_days_wait_for_the_verb_that_resumes(at: datetime) -> None:
    request = TrainingRequestFactory.create(submitted=True, step_balance={"request.match": 1})
    lifecycles.transition(request, "open", actor=SYSTEM, at=at)
    assert stored(request).step_balance == {"request.match": 1}
    assert stored(request).due_at == add_working_days(at, vocabularies.service_level("request.match").working_days)


def test_step_that_is_rescheduled_takes_nothing_of_what_was_kept(at: datetime) -> None:
    request = submitted(at=at)
    request.step_balance = {"request.screen": 1}
    lifecycles.reschedule_step(request, at=at)
    assert (stored(request).due_at, stored(request).step_balance) == (add_working_days(at, 5), {"request.screen": 1})


def test_step_that_resumes_without_anything_kept_has_its_usual_time(at: datetime) -> None:
    request = TrainingRequestFactory.create(submitted=True, state="returned")
    lifecycles.transition(request, "answer", actor=SYSTEM, at=at)
    assert (stored(request).step, stored(request).due_at) == ("request.screen", add_working_days(at, 5))


def test_recorded_change_is_written_whole(at: datetime) -> None:
    actor, request = person(), submitted()
    before, later = request.version, at + timedelta(hours=1)
    request.place_city = "Bamako"
    lifecycles.record_change(
        request,
        "placed",
        actor=actor,
        at=later,
        changes=CHANGES,
        event="training_request.moved",
        data={"more": 1},
        reason_code="asked",
        reason_text="By the ministry.",
    )
    row = stored(request)
    assert (row.place_city, row.updated_at, row.version, row.state) == ("Bamako", later, before + 1, "submitted")
    audit, event = last_pair(request)
    assert (audit.action, audit.at, audit.actor_label, audit.changes) == ("placed", later, actor.label, CHANGES)
    assert (audit.reason_code, audit.reason_text) == ("asked", "By the ministry.")
    assert (event.type, event.at, event.version) == ("training_request.moved", later, before + 1)
    assert event.data == request.event_data() | {"more": 1}
    lifecycles.record_change(request, "looked_at", actor=actor, at=later)
    audit, event = last_pair(request)
    assert (event.type, audit.reason_code, audit.reason_text) == ("training_request.looked_at", "", "")


def test_inserted_record_leaves_its_pair_and_counts_on_its_aggregate(at: datetime) -> None:
    actor, request = person(), TrainingRequestFactory.create(submitted=True)
    later = at + timedelta(hours=1)
    share = RequestShareFactory.build(request=request, organization=OrganizationFactory.create())
    lifecycles.insert(share, actor=actor, at=later, changes=CHANGES, data={"more": 1})
    assert (stored(share).created_at, stored(share).updated_at) == (later, later)
    audit, event = last_pair(share)
    assert (audit.action, audit.at, audit.actor_label, audit.changes) == ("created", later, actor.label, CHANGES)
    assert (event.type, event.at) == ("request_share.created", later)
    assert event.data == share.event_data() | {"more": 1}
    assert stored(request).version == 1  # a share is an aggregate of its own
    part = RequestLineFactory.build(request=request)
    lifecycles.insert(part, actor=actor, at=later)
    assert (stored(request).version, request.version) == (2, 2)
    assert stored(request).updated_at == later


def test_inserted_aggregate_is_version_one(at: datetime) -> None:
    request = TrainingRequestFactory.build(requesting_organization=OrganizationFactory.create())
    lifecycles.insert(request, actor=SYSTEM, at=at)
    assert (request.version, stored(request).version) == (1, 1)


def test_rescheduled_step_changes_nothing_but_the_clock(at: datetime) -> None:
    request = submitted(at=at)
    later = at + timedelta(days=1)
    version, request.place_city = request.version, "Bamako"
    lifecycles.reschedule_step(request, at=later)
    assert stored(request).due_at == add_working_days(later, 5)
    lifecycles.reschedule_step(request, at=later, days=2)
    assert (stored(request).due_at, stored(request).place_city) == (add_working_days(later, 2), "")
    TrainingRequest.objects.filter(pk=request.pk).update(
        step="", waiting_for="nobody", reminded_at=at, escalated_at=at, step_balance={"a.b": 1}
    )
    lifecycles.reschedule_step(request, at=later, due_at=DUE)
    row = stored(request)
    assert (row.step, row.waiting_for, row.due_at, row.version) == ("request.screen", "secretariat", DUE, version)
    assert (row.reminded_at, row.escalated_at, row.step_balance) == (None, None, {})
    level = vocabularies.service_level("request.screen")
    assert level.remind_before is not None
    assert row.remind_at == add_working_days(DUE, -level.remind_before)


def test_allowed_actions_are_the_open_verbs_of_the_permissions_held(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (
        move("b-free", "open", "done", "thing.freed"),
        move("a-held", "open", "done", "thing.held", "things.hold"),
        move("c-lacking", "open", "done", "thing.lacked", "things.lack"),
        move("d-unasked", "open", "done", "thing.unasked", "things.unasked"),
        move("e-hidden", "open", "done", "thing.hidden", public=False),
        move("f-automatic", "open", "done", "thing.done", automatic=True),
        move("g-elsewhere", "done", "open", "thing.reopened"),
    )
    monkeypatch.setattr(lifecycles, "_verbs", {})  # what other tests have read off their tables
    for name in ("thing of one test", "thing of another"):
        table = Lifecycle(name, "open", ("open", "done"), rows[: 7 if "one" in name else 1])
        monkeypatch.setattr(TrainingRequest, "lifecycle", table)
        request = TrainingRequest(state="open")
        may = {"things.hold": True, "things.lack": False}
        wanted = ["a-held", "b-free"] if "one" in name else ["b-free"]
        assert [lifecycles.allowed_actions(request, may) for _ in range(2)] == [wanted, wanted]
        request.state = "done"
        assert lifecycles.allowed_actions(request, {}) == (["g-elsewhere"] if "one" in name else [])


def test_table_is_read_once_for_each_state(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lifecycles, "_verbs", {})
    request, read, find_out = TrainingRequest(state="draft"), [0], Lifecycle.open_transitions

    def counted(self: Lifecycle, state: str) -> Any:
        read[0] += 1
        return find_out(self, state)

    monkeypatch.setattr(Lifecycle, "open_transitions", counted)
    for state, times in (("draft", 1), ("draft", 1), ("submitted", 2), ("draft", 2)):
        request.state = state
        assert "withdraw" in lifecycles.allowed_actions(request, {"requests.write": True})
        assert read == [times]
