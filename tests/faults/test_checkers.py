"""Each checker sees the bugs that are planted before it, and nothing where nothing is wrong."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.faults import verdict
from tests.faults.checkers import BROKEN, DOUBLED, LOST
from tests.faults.history import Page, Sight
from tests.faults.scene import CANARY, HEAD, OFFICER, PART, PROPOSAL, REQUEST, RUN, SESSION, Scene, good

Plant = Callable[[Scene], object]
BUGS: dict[str, tuple[str, str, Plant]] = {}  # by their name: the checker that must see it, the kind, the bug


def bug(checker: str, kind: str) -> Callable[[Plant], Plant]:
    """List a bug."""

    def register(plant: Plant) -> Plant:
        BUGS[plant.__name__] = (checker, kind, plant)
        return plant

    return register


# --- seats and capacity -------------------------------------------------------------------------------------------
@bug("seats", BROKEN)
def session_is_overbooked(scene: Scene) -> None:
    scene.final.holds.append({"state": "confirmed", "quantity": 12, "session": SESSION.replace("-", ""), "win": None})


@bug("seats", BROKEN)
def seats_are_counted_wrong(scene: Scene) -> None:
    scene.final.sessions[0]["seats_free"] = 20


@bug("seats", BROKEN)
def window_is_promised_beyond_its_quantity(scene: Scene) -> None:
    scene.final.holds.append({"state": "held", "quantity": 6, "session": None, "win": RUN.replace("-", "")})


# --- approvals ----------------------------------------------------------------------------------------------------
@bug("approvals", DOUBLED)
def line_is_claimed_by_two_proposals(scene: Scene) -> None:
    proposal = scene.final.proposals[0]
    scene.final.proposals.append({**proposal, "id": "second", "parts": [{**proposal["parts"][0], "id": "second"}]})


@bug("approvals", BROKEN)
def same_officer_is_both_pairs_of_eyes(scene: Scene) -> None:
    for row in scene.final.audit:
        if row["actor_id"] == HEAD:
            row["actor_id"] = OFFICER


@bug("approvals", DOUBLED)
def two_engagements_follow_from_one_proposal(scene: Scene) -> None:
    scene.final.engagements.append({"id": "another", "state": "planned", "proposal": PROPOSAL})


# --- transitions --------------------------------------------------------------------------------------------------
@bug("transitions", BROKEN)
def move_is_in_no_table(scene: Scene) -> None:
    scene.act("r-9-1", "training_request", REQUEST, "close", "open>closed")
    scene.final.requests[0]["state"] = "closed"


@bug("transitions", BROKEN)
def move_starts_where_the_thing_was_not(scene: Scene) -> None:
    scene.act("r-9-1", "training_request", REQUEST, "cancel", "matched>cancelled")
    scene.final.requests[0]["state"] = "cancelled"


@bug("transitions", DOUBLED)
def move_happened_twice(scene: Scene) -> None:
    scene.final.outbox.append({**scene.final.outbox[4], "sequence": len(scene.final.outbox) + 1, "public_id": "again"})


@bug("transitions", LOST)
def move_has_no_event(scene: Scene) -> None:
    scene.final.outbox = [event for event in scene.final.outbox if event["type"] != "training_request.opened"]


@bug("transitions", LOST)
def state_is_not_the_one_of_the_last_move(scene: Scene) -> None:
    scene.final.requests[0]["state"] = "submitted"


@bug("transitions", DOUBLED)
def thing_was_created_twice(scene: Scene) -> None:
    scene.act("r-3-2", "training_request", REQUEST, "created", ">draft")


# --- feed ---------------------------------------------------------------------------------------------------------
@bug("feed", LOST)
def reader_missed_an_event(scene: Scene) -> None:
    scene.history.pages[1].events.pop()


@bug("feed", DOUBLED)
def reader_was_given_an_event_twice(scene: Scene) -> None:
    last = scene.history.pages[-1]
    scene.history.pages.append(Page(OFFICER, last.after, list(last.events)))


@bug("feed", BROKEN)
def reader_was_given_events_out_of_order(scene: Scene) -> None:
    scene.history.pages[0].events.reverse()


@bug("feed", BROKEN)
def number_was_given_to_another_event_later(scene: Scene) -> None:
    scene.final.feeds[OFFICER][3]["id"] = "another"


@bug("feed", LOST)
def event_was_never_published(scene: Scene) -> None:
    scene.final.outbox[-1]["sequence"] = None


@bug("feed", BROKEN)
def numbers_have_a_gap(scene: Scene) -> None:
    scene.final.outbox[-1]["sequence"] += 1


@bug("feed", BROKEN)
def versions_of_a_thing_come_out_of_order(scene: Scene) -> None:
    mine = [event for event in scene.final.feeds[OFFICER] if event["resource_id"] == REQUEST]
    mine[0]["version"], mine[1]["version"] = mine[1]["version"], mine[0]["version"]


# --- webhooks -----------------------------------------------------------------------------------------------------
@bug("webhooks", LOST)
def event_was_never_brought(scene: Scene) -> None:
    gone = scene.history.arrivals[-2].event
    scene.history.arrivals = [one for one in scene.history.arrivals if one.event != gone]


@bug("webhooks", LOST)
def event_was_brought_once_and_given_up_when_it_was_not_taken(scene: Scene) -> None:
    again = next(n for n, one in enumerate(scene.history.arrivals) if one.status == 500) + 1
    del scene.history.arrivals[again]


@bug("webhooks", BROKEN)
def events_of_a_thing_were_brought_out_of_order(scene: Scene) -> None:
    subject = scene.history.arrivals[0].subject
    first, second = [n for n, one in enumerate(scene.history.arrivals) if one.subject == subject][:2]
    arrivals = scene.history.arrivals
    arrivals[first], arrivals[second] = arrivals[second], arrivals[first]


@bug("webhooks", BROKEN)
def later_event_was_brought_while_the_earlier_one_was_not_taken(scene: Scene) -> None:
    again = next(n for n, one in enumerate(scene.history.arrivals) if one.status == 500) + 1
    scene.history.arrivals.append(scene.history.arrivals.pop(again))


@bug("webhooks", BROKEN)
def signature_was_wrong(scene: Scene) -> None:
    scene.arrive(scene.final.hooks["UNDP"][0], 401, valid=False)


@bug("webhooks", BROKEN)
def event_of_another_organization_was_brought(scene: Scene) -> None:
    foreign = {"id": "foreign", "resource": "training_request", "resource_id": "of-iom", "sequence": 99}
    scene.arrive(foreign, 204)


# --- idempotency --------------------------------------------------------------------------------------------------
@bug("idempotency", DOUBLED)
def repetition_took_effect_again(scene: Scene) -> None:
    scene.act("r-3-2", "training_request", PART, "created", ">draft", by="demo-focal-en")


@bug("idempotency", DOUBLED)
def one_attempt_acted_twice(scene: Scene) -> None:
    scene.act("r-6-1", "proposal", PROPOSAL, "shortlist", "suggested>shortlisted")


@bug("idempotency", BROKEN)
def repetition_was_answered_otherwise(scene: Scene) -> None:
    scene.history.calls[3].attempts[-1].digest = "another"


@bug("idempotency", DOUBLED)
def key_has_two_stored_answers(scene: Scene) -> None:
    scene.final.keys.append({"route": "/requests", "key": "key-3", "rows": 2})


# --- acknowledged writes ------------------------------------------------------------------------------------------
@bug("acknowledged", LOST)
def acknowledged_creation_is_gone(scene: Scene) -> None:
    scene.final.requests.clear()
    scene.final.audit = [row for row in scene.final.audit if row["resource_id"] != REQUEST]


@bug("acknowledged", LOST)
def acknowledged_verb_left_nothing(scene: Scene) -> None:
    scene.final.audit = [row for row in scene.final.audit if row["request_id"] != "r-6-1"]
    scene.final.outbox = [event for event in scene.final.outbox if event["request_id"] != "r-6-1"]


@bug("acknowledged", LOST)
def acknowledged_verb_left_no_audit_record(scene: Scene) -> None:
    scene.final.audit = [row for row in scene.final.audit if row["request_id"] != "r-6-1"]


@bug("acknowledged", BROKEN)
def unanswered_call_was_done_by_half(scene: Scene) -> None:
    scene.tell("proposal.retracted", "proposal", PROPOSAL, "r-11-1")


# --- audit --------------------------------------------------------------------------------------------------------
@bug("audit", BROKEN)
def audit_record_is_missing(scene: Scene) -> None:
    scene.final.audit = [row for row in scene.final.audit if row["action"] != "open"]


@bug("audit", BROKEN)
def refused_call_acted_all_the_same(scene: Scene) -> None:
    scene.act("r-10-1", "proposal", PROPOSAL, "decline", "approved>declined")


# --- tenancy ------------------------------------------------------------------------------------------------------
@bug("tenancy", BROKEN)
def stranger_saw_the_canary(scene: Scene) -> None:
    scene.history.sights.append(Sight("demo-focal-iom", "/requests", CANARY, 1_020.0))


@bug("tenancy", BROKEN)
def partner_saw_the_canary_before_being_asked(scene: Scene) -> None:
    scene.history.sights.append(Sight("demo-provider", "/requests", CANARY, 1_004.0))


# --- work ---------------------------------------------------------------------------------------------------------
@bug("work", LOST)
def job_is_left(scene: Scene) -> None:
    job = {"kind": "matching.rank", "id": "job", "state": "running", "last_error": ""}
    scene.final.open_jobs.append(job)


@bug("work", LOST)
def run_has_not_ended(scene: Scene) -> None:
    scene.final.runs[0]["state"] = "running"


@bug("work", BROKEN)
def run_failed(scene: Scene) -> None:
    scene.final.runs[0].update(state="failed", error="no policy")


@bug("work", DOUBLED)
def notice_came_twice(scene: Scene) -> None:
    scene.final.notices[OFFICER] *= 2


@bug("work", DOUBLED)
def opening_was_followed_by_two_runs(scene: Scene) -> None:
    scene.act("r-5-2", "match_run", "another", "created", ">queued", by="system")


# --- answers ------------------------------------------------------------------------------------------------------
@bug("answers", BROKEN)
def call_was_answered_with_a_mistake(scene: Scene) -> None:
    scene.history.calls[5].attempts[0].status = 500


# --- the tests ----------------------------------------------------------------------------------------------------
def test_good_run_has_no_violation() -> None:
    scene = good()
    assert {name: found for name, found in verdict.judge(scene.history, scene.final).items() if found} == {}


@pytest.mark.parametrize("name", BUGS)
def test_planted_bug_is_seen(name: str) -> None:
    checker, kind, plant = BUGS[name]
    scene = good()
    plant(scene)
    found = verdict.CHECKERS[checker](scene.history, scene.final)
    assert kind in {violation.kind for violation in found}, found


def test_every_checker_has_planted_bugs() -> None:
    assert {checker for checker, _, _ in BUGS.values()} == set(verdict.CHECKERS)


def test_what_the_clock_allows_is_no_violation() -> None:
    """A draft that nobody else sees, and a canary seen by those to whom it was shown, are as they should be."""
    scene = good()
    draft = scene.call("demo-focal-en", "/requests", 201, facts={"id": "draft"})
    scene.final.requests.append({"id": "draft", "state": "draft"})
    scene.tell("training_request.created", "training_request", "draft", "r-12-1", audience="private")
    scene.final.feeds[OFFICER].pop()
    scene.history.sights.append(Sight("demo-auditor", "/requests", CANARY, 1_000.0))
    assert draft.outcome == "ok"
    assert {name: found for name, found in verdict.judge(scene.history, scene.final).items() if found} == {}


def test_table_counts_by_the_fault_under_way() -> None:
    scene = good()
    session_is_overbooked(scene)
    scene.history.calls[2].attempts[0] = replace(scene.history.calls[2].attempts[0], sent=1_003.0)
    rows = {
        row.kind: row for row in verdict.table("production", scene.history, verdict.judge(scene.history, scene.final))
    }
    assert (rows["redis_kill"].faults, rows["redis_kill"].recoveries) == (1, [1.5])
    assert rows["redis_kill"].calls + rows[verdict.CALM].calls == len(scene.history.calls)
    assert rows[verdict.CALM].broken == 2  # overbooked, and counted wrong
    assert 0 < rows["redis_kill"].acknowledged <= rows["redis_kill"].calls
