"""Telling: a step that opens, comes near or passes; once per event; read marks belong to the reader."""

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization, User
from marketplace.events.registry import handlers_of
from marketplace.kernel.ids import new_public_id
from marketplace.lifecycles.registry import lifecycle_models
from marketplace.notifications import handlers, operations, queries
from marketplace.notifications.models import Notification
from tests.notifications.conftest import Member, Thing

pytestmark = pytest.mark.django_db


def tell(thing: Thing, word: str, at: datetime, *, state: str | None = None, event: str = "") -> int:
    return operations.tell_of_step(
        event_id=new_public_id(),
        event_type=event or f"thing.{word}",
        resource=thing.resource,
        resource_id=thing.public_id,
        state=thing.state if state is None else state,
        at=at,
    )


def told() -> set[tuple[str, str]]:
    return set(Notification.objects.values_list("recipient__username", "subject"))


@pytest.fixture
def ada(agency: Organization, member: Member) -> User:
    return member("ada", agency, "focal_point")


@pytest.fixture
def staff(secretariat: Organization, member: Member) -> dict[str, User]:
    return {role: member(role, secretariat, f"secretariat_{role}") for role in ("officer", "head")}


@pytest.mark.usefixtures("ada", "staff")
def test_step_that_opens_is_told_to_the_party_that_owes_it(thing: Thing, at: datetime) -> None:
    assert tell(thing, "returned", at) == 1
    row = Notification.objects.get()
    assert told() == {("ada", "step_opened")}
    assert (row.step, row.party, row.due_at) == ("request.answer", "requester", thing.due_at)
    assert (row.about_resource, row.about_id, row.about_reference) == ("thing", thing.public_id, "GMG-MLI-2026-0007")
    assert row.organization is not None
    assert row.organization.code == "AGENCY"


@pytest.mark.usefixtures("ada", "staff")
def test_reminder_goes_to_the_party_that_owes(thing: Thing, at: datetime) -> None:
    tell(thing, "reminder_due", at)
    assert told() == {("ada", "step_reminder")}


@pytest.mark.usefixtures("ada", "staff")
def test_reminder_of_endorsement_goes_to_the_requester_too(thing: Thing, at: datetime) -> None:
    thing.step, thing.waiting_for = "request.endorsement", "authority"
    tell(thing, "reminder_due", at)
    assert told() == {("ada", "step_reminder")}


@pytest.mark.usefixtures("ada", "staff")
def test_overdue_step_is_escalated_as_the_service_level_says(thing: Thing, at: datetime) -> None:
    tell(thing, "overdue", at)  # request.answer: escalate to the officer
    assert told() == {("ada", "step_overdue"), ("officer", "step_escalated"), ("head", "step_escalated")}


@pytest.mark.usefixtures("staff")
def test_overdue_step_of_the_secretariat_goes_to_the_head_once(thing: Thing, at: datetime) -> None:
    thing.step, thing.waiting_for = "proposal.decide", "secretariat"
    tell(thing, "overdue", at)
    assert told() == {("officer", "step_overdue"), ("head", "step_escalated")}


@pytest.mark.usefixtures("ada", "staff")
@pytest.mark.parametrize(("state", "step"), [("open", "request.answer"), ("returned", "")])
def test_nobody_is_told_of_what_is_no_longer_so(thing: Thing, at: datetime, state: str, step: str) -> None:
    thing.step = step
    assert tell(thing, "returned", at, state=state) == 0
    assert told() == set()


def test_thing_that_is_gone_is_passed_over(thing: Thing, at: datetime) -> None:
    thing.public_id = uuid4()
    other = Thing(frozenset())
    assert tell(other, "returned", at) == 0


@pytest.mark.usefixtures("ada")
def test_same_event_worked_on_twice_tells_once(thing: Thing, at: datetime) -> None:
    event_id = new_public_id()
    for _ in range(2):
        operations.tell_of_step(
            event_id=event_id,
            event_type="thing.returned",
            resource="thing",
            resource_id=thing.public_id,
            state="returned",
            at=at,
        )
    assert Notification.objects.count() == 1


@pytest.mark.parametrize(
    ("data", "concerns"),
    [
        ({"from_state": "submitted", "state": "returned"}, True),
        ({"from_state": "returned", "state": "returned"}, False),  # a verb that leaves the state as it is
        ({"from_state": "open", "state": "cancelled"}, False),  # a state in which nobody is waited for
        ({"state": "open"}, True),  # a reminder, or a deadline that passed
        ({}, False),
    ],
    ids=str,
)
def test_event_after_which_nobody_can_be_waited_for_makes_no_job(data: dict[str, str], concerns: bool) -> None:
    assert handlers.may_open_a_step("training_request", data) is concerns


def test_verb_that_asks_once_more_without_a_new_state_makes_a_job() -> None:
    asked = {"from_state": "asked", "state": "asked"}
    (again,) = (one for one in handlers_of("proposal_part.reconfirmation_asked") if one.kind == "notifications.tell")
    assert again.concerns("proposal_part", asked)
    (chosen,) = (one for one in handlers_of("proposal.preferred") if one.kind == "notifications.tell")
    assert chosen.concerns("proposal", {"from_state": "consulting", "state": "consulting"})
    assert not again.concerns("proposal_part", {"from_state": "asked", "state": "withdrawn"})
    assert "proposal.partner_lost" not in handlers.reopening_events()  # the engine's own step


@pytest.mark.usefixtures("ada")
def test_job_of_an_event_tells_whom_it_concerns(thing: Thing, at: datetime) -> None:
    payload = {"event": str(new_public_id()), "type": "thing.changed", "resource": "thing"}
    data = {"from_state": "submitted", "state": "returned"}
    handlers.tell({**payload, "resource_id": str(thing.public_id), "data": data}, at=at)
    assert told() == {("ada", "step_opened")}


def test_every_life_cycle_tells_of_openings_reminders_and_deadlines() -> None:
    for model in lifecycle_models():
        events = {transition.event for transition in model.lifecycle.transitions}
        for event in events | {f"{model.resource}.{word}" for word in ("created", "reminder_due", "overdue")}:
            assert "notifications.tell" in {handler.kind for handler in handlers_of(event)}, event


def test_text_is_made_in_the_readers_language(thing: Thing, ada: User, at: datetime) -> None:
    tell(thing, "returned", at)
    row = queries.notifications_of(Actor.for_user(ada)).get()
    english = "GMG-MLI-2026-0007 waits for you: “Answer to what was asked back”, by Nov. 23, 2026."
    assert queries.text_of(row, "en") == english
    assert "Réponse aux précisions demandées" in queries.text_of(row, "fr")
    assert "23 novembre 2026" in queries.text_of(row, "fr")


def test_people_read_their_own_and_systems_read_none(
    thing: Thing, ada: User, staff: dict[str, User], at: datetime
) -> None:
    tell(thing, "overdue", at)
    assert queries.unread_count(Actor.for_user(ada)) == 1
    assert queries.unread_count(Actor.for_user(staff["head"])) == 1
    assert queries.unread_count(Actor.system("test")) == 0


def test_mark_read_touches_ones_own_alone(thing: Thing, ada: User, staff: dict[str, User], at: datetime) -> None:
    tell(thing, "overdue", at)
    everyone = list(Notification.objects.values_list("public_id", flat=True))
    later = at + timedelta(hours=1)
    assert operations.mark_read(actor=Actor.for_user(ada), at=later, ids=everyone) == 1
    assert operations.mark_read(actor=Actor.for_user(ada), at=later, ids=everyone) == 0
    assert queries.unread_count(Actor.for_user(ada)) == 0
    assert queries.unread_count(Actor.for_user(staff["head"])) == 1
    assert Notification.objects.get(recipient=ada).read_at == later


def test_mark_read_without_ids_marks_all(thing: Thing, ada: User, at: datetime) -> None:
    for _ in range(3):
        tell(thing, "returned", at)
    assert operations.mark_read(actor=Actor.for_user(ada), at=at) == 3
