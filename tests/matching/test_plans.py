"""Plans of all open needs: exact, honest about what is short, repeatable, never lost, published once."""

import zlib
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from matching import operations, tasks
from matching.engine import DEFAULT_WEIGHTS, decode_plan, kept
from matching.models import MatchProposal, MatchRun, PlanLine
from matching.queries import forced_choice, inputs
from matching.queries.plan_names import names_in, plan_names
from matching.queries.replay import replay_run
from providers.models import Offering, Session
from requests_app import operations as requests
from requests_app import queries
from tests.factories.accounts import AT, OrganizationFactory, member
from tests.factories.matching import later, offering_for, work
from tests.factories.providers import CapacityWindowFactory
from tests.factories.requests import SYSTEM, line, opened
from tests.matching.plan_scenes import (
    THEME,
    PlanScene,
    carried_out,
    crowded,
    invented,
    lines_of,
    outcomes,
    planned,
    published,
)
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


def refused_with(error: pytest.ExceptionInfo[DomainError]) -> dict[str, str]:
    return {entry.pointer: entry.code for entry in error.value.errors}


def ask_wrongly(scene: PlanScene, **parameters: Any) -> dict[str, str]:
    with pytest.raises(DomainError) as error:
        scene.ask(**parameters)
    return refused_with(error)


# --- the answer ---------------------------------------------------------------------------------------------------


def test_scarce_session_takes_the_smallest_groups_so_that_nobody_is_left_out() -> None:
    scene = crowded(wishes=2, seats=40)
    run = planned(scene)
    assert run.state == "complete", run.error
    rows = lines_of(run)
    assert [row.outcome for row in rows] == ["served", "served"]
    people = sorted(row.choice["participants"] for row in rows)
    assert people[0] == 15
    assert sum(people) <= 40
    assert {row.offering for row in rows} == set(scene.offerings)
    assert run.result["served_by_class"] == {str(rows[0].priority_class): 2}


def test_need_for_which_no_seat_is_left_says_who_competes_for_what() -> None:
    scene = crowded(wishes=2, seats=20)
    run = planned(scene)
    rows = lines_of(run)
    assert sorted(row.outcome for row in rows) == ["served", "unmet"]
    [unmet] = [row for row in rows if row.outcome == "unmet"]
    [served] = [row for row in rows if row.outcome == "served"]
    assert unmet.unmet_reason == "no_capacity"
    assert (unmet.eligible, unmet.best_score) == (1, served.score)
    shortage = unmet.shortage["shortage"]
    assert shortage["competing"] == [f"{served.request.reference_text}/1"]
    assert shortage["capacities"] == [f"session:{scene.sessions[0].public_id}"]
    assert unmet.reasons


def test_need_that_nobody_could_serve_says_what_stands_in_the_way() -> None:
    scene = crowded(wishes=1)
    opened(lines=(line(theme="trafficking"),))
    run = planned(scene)
    [unmet] = [row for row in lines_of(run) if row.outcome == "unmet"]
    assert (unmet.unmet_reason, unmet.eligible, unmet.best_score) == ("no_theme", 0, None)
    assert unmet.reasons[0]["code"].startswith("conflict.")


def test_plan_that_serves_nobody_is_no_solution() -> None:
    scene = crowded(wishes=1, offerings=0)
    run = planned(scene)
    assert run.state == "no_solution"
    assert [row.outcome for row in lines_of(run)] == ["unmet"]


def test_choice_carries_its_reasons_and_alternates_their_price() -> None:
    scene = crowded(wishes=1, offerings=2)
    run = planned(scene)
    [row] = lines_of(run)
    assert sum(entry["contribution"] for entry in row.choice["breakdown"]) == row.score
    [alternate] = row.alternates
    assert alternate["offer"] != row.choice["offer"]
    assert alternate["change"]["total_score"] == alternate["score"] - row.score
    assert alternate["change"]["exact"] is True


def test_stages_are_proven_and_nothing_better_was_possible() -> None:
    run = planned(crowded(wishes=2, offerings=2))
    stages = run.result["stages"]
    assert stages
    assert all(stage["proven"] and stage["gap"] == 0 for stage in stages)
    assert run.result["status"] == "optimal"
    assert run.result["fairness"]["groups"]
    assert run.result["greedy"]["served"] <= 2
    assert set(run.timings) >= {"reading", "scoring", "solving", "explaining"}


def test_lines_in_live_claims_are_not_planned() -> None:
    scene = crowded(wishes=2)
    [row] = scene.requests[0].lines.all()
    requests.claim_lines(actor=SYSTEM, at=AT, claimant=scene.office.public_id, claims=[requests.LineShare(row.pk, 20)])
    assert list(outcomes(planned(scene))) == [scene.requests[1].reference]


def test_window_of_a_provider_is_counted_once_over_its_offerings() -> None:
    office = crowded(wishes=0, offerings=0)
    first = offering_for(THEME, duration_hours=12, participants_max=30)
    offering_for("trafficking", duration_hours=12, participants_max=30, provider=first.provider)
    CapacityWindowFactory.create(
        provider=first.provider, quantity=2, start_on=date(2027, 1, 1), end_on=date(2030, 1, 1)
    )
    for theme in (THEME, "trafficking"):
        opened(lines=(line(theme=theme),))
    run = planned(office)
    assert sorted(row.outcome for row in lines_of(run)) == ["served", "unmet"]  # two trainer days serve one of them


# --- limits and wishes --------------------------------------------------------------------------------------------


def test_budget_leaves_out_what_it_cannot_pay() -> None:
    scene = crowded(wishes=2, offerings=2, seats=30)
    limit = {"limit": {"amount": "30000.00", "currency": "USD"}}
    run = planned(scene, budgets=[limit])
    assert sorted(outcomes(run).values()) == ["served", "unmet"]
    assert run.result["spent"] == {"total": 2_400_000}
    [unmet] = [row for row in lines_of(run) if row.outcome == "unmet"]
    assert unmet.unmet_reason == "no_funding"


def test_budget_of_a_funder_binds_only_what_it_funds() -> None:
    funder = OrganizationFactory.create()
    scene = crowded(wishes=2, offerings=2, seats=30)
    funded = scene.requests[0]
    funded.funder = funder
    funded.save()
    limit = {"funder": funder.code, "limit": {"amount": "10.00", "currency": "USD"}}
    assert outcomes(planned(scene, budgets=[limit])) == {
        funded.reference_text: "unmet",
        scene.requests[1].reference_text: "served",
    }


def test_unknown_cost_uses_no_budget_and_is_counted() -> None:
    scene = crowded(wishes=1)
    Offering.objects.update(cost_per_delivery=None, cost_per_participant=None, version=9)
    run = planned(scene, budgets=[{"limit": {"amount": "1.00", "currency": "USD"}}])
    assert (run.state, run.result["cost_unknown"], run.result["spent"]) == ("complete", 1, {"total": 0})


def test_lock_is_kept_even_where_another_would_be_better() -> None:
    scene = crowded(wishes=1, offerings=2)
    [free] = lines_of(planned(scene))
    other = next(number for number, offering in enumerate(scene.offerings) if offering != free.offering)
    [locked] = lines_of(planned(scene, locks=[scene.mark(0, other)]))
    assert locked.offering == scene.offerings[other]


def test_ban_is_kept() -> None:
    scene = crowded(wishes=1, offerings=2)
    [free] = lines_of(planned(scene))
    number = scene.offerings.index(free.offering)  # type: ignore[arg-type]  # a served line has one
    [row] = lines_of(planned(scene, bans=[scene.mark(0, number)]))
    assert row.offering != free.offering


def test_lock_that_fails_a_hard_constraint_ends_without_a_plan_and_says_which() -> None:
    scene = crowded(wishes=1)
    other = offering_for("trafficking")
    mark = {**scene.mark(0, 0), "offering": str(other.public_id)}
    run = planned(scene, locks=[mark])
    assert run.state == "no_solution"
    assert run.result["conflict"]["locks"] == [[f"{scene.requests[0].reference}/1", str(other.public_id)]]
    codes = [entry["code"] for entry in run.result["conflict"]["sentences"]]
    assert codes == ["plan.lock_not_eligible", "constraint.theme_mismatch"]


def test_locks_that_cannot_hold_together_are_named() -> None:
    scene = crowded(wishes=2, seats=20)
    run = planned(scene, locks=[scene.mark(0, 0), scene.mark(1, 0)])
    assert run.state == "no_solution"
    assert len(run.result["conflict"]["locks"]) == 2
    assert not lines_of(run)


def test_floor_of_a_group_comes_before_the_better_fit() -> None:
    scene = crowded(wishes=1, seats=20)
    agency = OrganizationFactory.create()
    other = opened(agency, lines=(line(theme=THEME),))
    floor = {"group": f"agency:{agency.code}", "minimum": 1}
    assert outcomes(planned(scene, floors=[floor]))[other.reference_text] == "served"


def test_load_of_a_provider_is_limited() -> None:
    scene = crowded(wishes=2, seats=60)
    assert sorted(outcomes(planned(scene, most_lines_of_a_provider=1)).values()) == ["served", "unmet"]
    load = {"provider": scene.offerings[0].provider.code, "maximum": 2}
    assert set(outcomes(planned(scene, most_lines_of_a_provider=1, provider_loads=[load])).values()) == {"served"}


def test_scope_names_the_requests_that_are_planned() -> None:
    scene = crowded(wishes=2)
    assert list(outcomes(planned(scene, requests=[scene.requests[1].reference]))) == [scene.requests[1].reference]


def test_scope_of_classes_leaves_out_others() -> None:
    scene = crowded(wishes=1)
    [row] = lines_of(planned(scene))
    others = [number for number in (1, 2, 3, 4) if number != row.priority_class]
    assert not lines_of(planned(scene, priority_classes=others))


# --- what is refused ----------------------------------------------------------------------------------------------


def test_parameters_that_name_nothing_are_refused_with_their_place() -> None:
    scene = crowded(wishes=1)
    mark = scene.mark(0, 0)
    assert ask_wrongly(scene, requests=["GMG-MLI-2026-9999"]) == {"/parameters/requests/0": "unknown_reference"}
    assert ask_wrongly(scene, locks=[{**mark, "line": 9}]) == {"/parameters/locks/0/line": "no_such_line"}
    assert ask_wrongly(scene, bans=[{**mark, "offering": "x"}]) == {"/parameters/bans/0/offering": "unknown_reference"}
    assert ask_wrongly(scene, floors=[{"group": "friends", "minimum": 1}]) == {
        "/parameters/floors/0/group": "unknown_group"
    }
    assert ask_wrongly(scene, provider_loads=[{"provider": "nobody"}]) == {
        "/parameters/provider_loads/0/provider": "unknown_reference"
    }


def test_closed_request_is_not_planned() -> None:
    scene = crowded(wishes=1)
    request = scene.requests[0]
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=request.pk, reason_text="no more")
    assert ask_wrongly(scene, requests=[request.reference]) == {"/parameters/requests/0": "request_not_open"}


def test_line_locked_to_two_offerings_is_refused() -> None:
    scene = crowded(wishes=1, offerings=2)
    locks = [scene.mark(0, 0), scene.mark(0, 1)]
    assert ask_wrongly(scene, locks=locks) == {"/parameters": "parameters_refused"}


def test_real_plan_changes_nothing_of_the_world() -> None:
    scene = crowded(wishes=1)
    assert ask_wrongly(scene, changes={"offerings": [invented()]}) == {"/parameters/changes": "only_what_if"}


def test_budget_in_a_currency_without_a_rate_is_refused() -> None:
    scene = crowded(wishes=1)
    limit = {"limit": {"amount": "1.00", "currency": "XDR"}}
    assert ask_wrongly(scene, budgets=[limit]) == {"/parameters/budgets/0/limit/currency": "no_rate"}


@pytest.mark.parametrize("role", ["focal_point", "provider_staff", "viewer"])
def test_only_the_secretariat_plans(role: str) -> None:
    crowded(wishes=1)
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.request_plan(actor=member(OrganizationFactory.create(), role), at=AT)


# --- what if ------------------------------------------------------------------------------------------------------


def test_hypothetical_offering_serves_a_need_and_leaves_nothing_behind() -> None:
    scene = crowded(wishes=1, offerings=0)
    run = planned(scene, mode="what_if", changes={"offerings": [invented()]})
    assert run.state == "complete", run.error
    [row] = lines_of(run)
    assert (row.outcome, row.offering, row.hypothetical) == ("served", None, "NEW-COURSE")
    assert not MatchProposal.objects.exists()
    assert not Offering.objects.exists()


def test_changed_capacity_is_counted_only_in_the_answer() -> None:
    scene = crowded(wishes=2, seats=20)
    session = scene.sessions[0]
    change = {"session": str(session.public_id), "free": 60}
    run = planned(scene, mode="what_if", changes={"capacities": [change]})
    assert set(outcomes(run).values()) == {"served"}
    assert Session.objects.get(pk=session.pk).seats_total == 20


def test_changed_weights_change_the_score() -> None:
    scene = crowded(wishes=1)
    [before] = lines_of(planned(scene))
    weights = {criterion.value: 0 for criterion in DEFAULT_WEIGHTS} | {"theme": 1000}
    [after] = lines_of(planned(scene, mode="what_if", changes={"weights": weights}))
    theme = next(entry for entry in after.choice["breakdown"] if entry["criterion"] == "theme")
    assert after.score == theme["contribution"] == 1000 * theme["value"]
    assert before.score != after.score
    assert ask_wrongly(scene, mode="what_if", changes={"weights": {"theme": 1000}}) == {
        "/parameters": "parameters_refused"
    }


def test_what_if_stands_beside_a_plan_under_way_and_supersedes_nothing() -> None:
    scene = crowded(wishes=1)
    plan = planned(scene)
    scene.ask()
    idea = planned(scene, mode="what_if")
    plan.refresh_from_db()
    assert (plan.state, idea.state) == ("complete", "complete")


# --- runs ---------------------------------------------------------------------------------------------------------


def test_plan_is_carried_out_in_the_background() -> None:
    scene = crowded(wishes=1)
    run = scene.ask()
    work()
    run.refresh_from_db()
    assert run.state == "complete", run.error
    assert (run.progress_stage, run.progress_done) == ("", 1)
    event = OutboxEvent.objects.filter(type="match_run.completed", resource_id=run.public_id).get()
    assert event.audience == "secretariat"


def test_plan_under_way_is_given_again_for_the_same_wishes_and_refused_for_others() -> None:
    scene = crowded(wishes=1)
    first = scene.ask()
    assert scene.ask() == first
    assert ask_wrongly(scene, worst_served=False) == {"/mode": "plan_under_way"}
    assert MatchRun.objects.count() == 1


def test_newer_plan_supersedes_the_older() -> None:
    scene = crowded(wishes=1)
    first, second = planned(scene), planned(scene)
    first.refresh_from_db()
    assert (first.state, second.state) == ("superseded", "complete")


def test_plan_that_a_dead_worker_began_is_taken_up_again() -> None:
    scene = crowded(wishes=1)
    run = scene.ask()
    tasks.prepare_plan({"run": str(run.public_id)}, at=AT, progress=lambda *_: None)  # and then it died
    run.refresh_from_db()
    assert (run.state, run.progress_stage) == ("running", "writing")
    assert not lines_of(run)
    assert carried_out(run).state == "complete"
    assert len(lines_of(run)) == 1


def test_plan_cancelled_while_it_is_computed_stops_and_leaves_nothing() -> None:
    scene = crowded(wishes=1)
    run = scene.ask()
    seen: list[str] = []

    def cancel_in_between(_done: int, _total: int, stage: str) -> None:
        seen.append(stage)
        if stage == "scoring" and seen.count("scoring") == 1:
            operations.cancel_run(actor=scene.officer, at=AT, run_id=run.pk)

    payload = {"run": str(run.public_id)}
    prepared = tasks.prepare_plan(payload, at=AT, progress=cancel_in_between)
    assert prepared is None
    assert "explaining" not in seen
    tasks.write_plan(payload, at=AT, prepared=prepared)
    run.refresh_from_db()
    assert run.state == "cancelled"
    assert not PlanLine.objects.exists()


def test_answer_of_a_plan_cancelled_at_the_last_moment_is_dropped() -> None:
    scene = crowded(wishes=1)
    run = scene.ask()
    payload = {"run": str(run.public_id)}
    prepared = tasks.prepare_plan(payload, at=AT, progress=lambda *_: None)
    operations.cancel_run(actor=scene.officer, at=AT, run_id=run.pk)
    tasks.write_plan(payload, at=AT, prepared=prepared)
    run.refresh_from_db()
    assert (run.state, run.output_digest) == ("cancelled", "")
    assert not PlanLine.objects.exists()


def test_cancelled_plan_is_asked_for_again_with_its_wishes() -> None:
    scene = crowded(wishes=1)
    run = scene.ask(worst_served=False)
    operations.cancel_run(actor=scene.officer, at=AT, run_id=run.pk)
    again = operations.retry_run(actor=scene.officer, at=AT, run_id=run.pk)
    assert (again.state, again.parameters) == ("queued", {"worst_served": False})
    assert carried_out(again).state == "complete"


def test_retry_beside_a_plan_under_way_is_refused() -> None:
    scene = crowded(wishes=1)
    run = scene.ask()
    operations.cancel_run(actor=scene.officer, at=AT, run_id=run.pk)
    scene.ask()
    with pytest.raises(DomainError) as error:
        operations.retry_run(actor=scene.officer, at=AT, run_id=run.pk)
    assert refused_with(error) == {"/mode": "plan_under_way"}


def test_line_that_was_locked_and_closed_meanwhile_fails_the_run_with_its_name() -> None:
    scene = crowded(wishes=2)
    run = scene.ask(locks=[scene.mark(0, 0)])
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=scene.requests[0].pk, reason_text="no more")
    failed = carried_out(run)
    assert failed.state == "failed"
    assert f"{scene.requests[0].reference}/1" in failed.error


# --- the same bytes -----------------------------------------------------------------------------------------------


def test_same_inputs_give_the_same_bytes_in_whatever_order_rows_lie(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = crowded(wishes=3, offerings=3, seats=30)
    first = planned(scene)
    read = queries.open_requests_for_matching
    monkeypatch.setattr(queries, "open_requests_for_matching", lambda *args: list(reversed(read(*args))))
    second = planned(scene)
    assert (second.snapshot_digest, second.output_digest) == (first.snapshot_digest, first.output_digest)
    assert second.result == first.result
    assert [row.choice for row in lines_of(second)] == [row.choice for row in lines_of(first)]


def test_snapshot_reads_back_and_names_the_solved_instance() -> None:
    run = planned(crowded(wishes=2))
    assert run.snapshot is not None
    inputs = decode_plan(zlib.decompress(bytes(run.snapshot)))
    assert len(inputs.needs) == 2
    assert inputs.instance == run.result["instance_digest"]
    assert run.supply is not None
    assert inputs.supply == run.supply.digest


# --- publishing ---------------------------------------------------------------------------------------------------


def publish(scene: PlanScene, run: MatchRun) -> MatchRun:
    return published(scene, run, at=later(1))


def test_published_plan_becomes_one_suggestion_for_each_request() -> None:
    scene = crowded(wishes=2)
    run = publish(scene, planned(scene))
    assert (run.state, run.published_at, run.published_by) == ("complete", later(1), scene.officer.label)
    proposals = list(MatchProposal.objects.order_by("request_id"))
    assert [proposal.request for proposal in proposals] == scene.requests
    for proposal, row in zip(proposals, sorted(lines_of(run), key=lambda row: row.request_id), strict=True):
        assert (proposal.state, proposal.origin, proposal.run) == ("suggested", "engine", run)
        assert proposal.score == row.score
        assert sum(share["contribution"] for share in proposal.breakdown) == proposal.score
        [part] = proposal.parts.all()
        assert (part.offering, part.session, part.participants) == (
            row.offering,
            scene.sessions[0],
            row.choice["participants"],
        )
    assert AuditRecord.objects.filter(resource="match_run", action="publish").count() == 1
    assert OutboxEvent.objects.filter(type="match_run.published").count() == 1


def test_lines_of_one_request_at_one_session_are_one_part() -> None:
    lines = (line(theme=THEME, participants_max=20), line(theme=THEME, participants_max=20, country="SEN"))
    scene = crowded(wishes=1, seats=60, lines=lines)
    publish(scene, planned(scene))
    proposal = MatchProposal.objects.get()
    [part] = proposal.parts.all()
    assert (part.participants, part.capacity_wanted, proposal.covers_all) == (40, 40, True)
    assert sorted(part.lines.values_list("line__number", flat=True)) == [1, 2]


def test_request_served_in_part_says_what_stays_open() -> None:
    scene = crowded(wishes=1, lines=(line(theme=THEME), line(theme="trafficking")))
    publish(scene, planned(scene))
    proposal = MatchProposal.objects.get()
    assert (proposal.covers_all, proposal.uncovered) == (False, [2])
    assert "partial_cover" in proposal.flags


def test_way_that_is_live_already_is_not_suggested_twice() -> None:
    scene = crowded(wishes=1)
    run = scene.ask()
    work()  # the event "request opened" has the request ranked as well
    publish(scene, run)
    live = MatchProposal.objects.filter(state="suggested")
    assert live.count() == live.values("combination").distinct().count() == 1


def test_published_choices_are_kept_by_the_next_plan() -> None:
    scene = crowded(wishes=1, offerings=2)
    first = planned(scene)
    publish(scene, first)
    second = planned(scene)
    assert (first.result["kept"], second.result["kept"]) == (0, 1)


def test_plan_whose_needs_changed_is_not_published_and_names_them() -> None:
    scene = crowded(wishes=2)
    run = planned(scene)
    changed = scene.requests[0]
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=changed.pk, reason_text="no more")
    with pytest.raises(DomainError) as error:
        publish(scene, run)
    [entry] = error.value.errors
    assert (entry.code, entry.params) == ("need_changed", {"request": changed.reference})
    assert not MatchProposal.objects.exists()


def test_plan_whose_offering_is_gone_is_not_published() -> None:
    scene = crowded(wishes=1)
    run = planned(scene)
    Session.objects.update(state="cancelled", version=9)
    with pytest.raises(DomainError) as error:
        publish(scene, run)
    assert refused_with(error) == {"/requests": "offering_changed"}


def test_plan_is_published_once_and_not_when_superseded() -> None:
    scene = crowded(wishes=1)
    run = planned(scene)
    publish(scene, run)
    with pytest.raises(DomainError) as error:
        publish(scene, run)
    assert refused_with(error) == {"": "published_already"}
    planned(scene)
    with refusal(ErrorCode.WRONG_STATE):
        publish(scene, run)


def test_what_if_is_never_published() -> None:
    scene = crowded(wishes=1)
    with pytest.raises(DomainError) as error:
        publish(scene, planned(scene, mode="what_if"))
    assert refused_with(error) == {"/mode": "not_a_plan"}


# --- why not ------------------------------------------------------------------------------------------------------


def test_forcing_another_offering_costs_exactly_what_the_answer_says() -> None:
    scene = crowded(wishes=2, offerings=2, seats=30)
    run = planned(scene)
    [row, *_] = lines_of(run)
    other = next(offering for offering in scene.offerings if offering != row.offering)
    answer = forced_choice(
        run.pk,
        request=row.request.reference_text,
        line=1,
        offering=other.code or str(other.public_id),
    )
    assert (answer.chosen, answer.possible, answer.reason) == (False, True, "")
    number = scene.offerings.index(other)
    place = [request.pk for request in scene.requests].index(row.request_id)
    forced = planned(scene, mode="what_if", locks=[scene.mark(place, number)])
    assert answer.change is not None
    assert answer.change["total_score"] == forced.result["total_score"] - run.result["total_score"]


def test_chosen_offering_is_said_to_be_chosen() -> None:
    scene = crowded(wishes=1)
    run = planned(scene)
    answer = forced_choice(
        run.pk,
        request=scene.requests[0].reference_text,
        line=1,
        offering=str(scene.offerings[0].public_id),
    )
    assert answer.chosen


def test_offering_that_fails_a_hard_constraint_is_said_to_fail_it() -> None:
    scene = crowded(wishes=1)
    other = offering_for("trafficking", cost_per_delivery=Decimal(1))
    run = planned(scene)
    answer = forced_choice(
        run.pk,
        request=scene.requests[0].reference_text,
        line=1,
        offering=str(other.public_id),
    )
    assert (answer.possible, answer.reason) == (False, "not_eligible")
    assert "theme_mismatch" in answer.constraints


def test_offering_beyond_the_candidates_is_said_to_be_so() -> None:
    scene = crowded(wishes=1, offerings=2)
    run = planned(scene, candidates_per_line=1)
    [row] = lines_of(run)
    other = next(offering for offering in scene.offerings if offering != row.offering)
    answer = forced_choice(
        run.pk,
        request=row.request.reference_text,
        line=1,
        offering=str(other.public_id),
    )
    assert answer.reason == "not_a_candidate"


def test_line_that_is_not_in_the_plan_is_unknown() -> None:
    scene = crowded(wishes=1)
    run = planned(scene)
    with refusal(ErrorCode.UNKNOWN_REFERENCE):
        forced_choice(
            run.pk,
            request=scene.requests[0].reference_text,
            line=7,
            offering=str(scene.offerings[0].public_id),
        )


def test_plan_kept_by_another_engine_is_refused_by_name() -> None:
    scene = crowded(wishes=1)
    run = planned(scene)
    MatchRun.objects.filter(pk=run.pk).update(plan=zlib.compress(b'{"format":1}'))
    with pytest.raises(DomainError) as error:
        forced_choice(run.pk, **scene.mark(0, 0))
    assert refused_with(error) == {"": "other_engine"}


# --- replay -------------------------------------------------------------------------------------------------------


def test_plan_computed_again_from_its_snapshot_is_the_same() -> None:
    scene = crowded(wishes=3, offerings=2, seats=40)
    plan = planned(scene, budgets=[{"limit": {"amount": "60000.00", "currency": "USD"}}], bans=[scene.mark(0, 0)])
    idea = planned(
        scene,
        mode="what_if",
        changes={"offerings": [invented()], "capacities": [{"session": str(scene.sessions[0].public_id), "free": 25}]},
    )
    Session.objects.update(seats_total=99)  # what was on offer then is what counts
    for run in (plan, idea):
        replay = replay_run(run.pk)
        assert replay.difference is None
        assert replay.same


def test_names_of_an_answer_are_read_few_at_a_time_and_are_those_of_the_whole_market() -> None:
    scene = crowded(wishes=3, offerings=2, seats=30)
    run = planned(scene)
    plan = kept(zlib.decompress(bytes(run.plan or b"")))
    capacities = [entry.id for entry in plan.instance.capacities]
    candidates = list(plan.instance.pairs.candidate)
    whole = plan_names(candidates, capacities, inputs.market(at=AT).rows)
    asked = [{"code": "any", "params": {"before": name, "capacities": capacities}} for name in candidates]
    with CaptureQueriesContext(connection) as counted:
        few = names_in(asked)
    assert len(counted) <= 3
    assert few.in_words(asked) == whole.in_words(asked) != asked
    assert [few.of(name) for name in candidates] == [whole.of(name) for name in candidates]
    assert names_in([]).words == {}
