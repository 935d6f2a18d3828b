"""The one writer of state, and the clock over open steps, on a real life cycle: the training request's."""

from datetime import datetime, timedelta

import pytest

from marketplace.accounts.actors import Actor
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.periods import add_working_days, working_days_between
from marketplace.lifecycles import deadlines
from marketplace.lifecycles import operations as lifecycles
from marketplace.lifecycles.registry import lifecycle_models, model_of
from marketplace.work.loop import settle
from marketplace.work.models import Job
from requests_app import operations as requests
from requests_app.models import TrainingRequest
from tests.factories.requests import submitted

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
    from marketplace.vocabularies import queries as vocabularies

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
