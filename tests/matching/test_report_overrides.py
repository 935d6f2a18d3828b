"""The report of overrides: which decisions count, their exact loss, roles, criteria, and the weights suggested."""

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import ErrorCode
from matching import operations
from matching.engine import CRITERIA, DEFAULT_POLICY, Criterion
from matching.models import Decision, MatchProposal
from matching.queries.reports import OverrideReport, override_report
from matching.queries.reports.overrides import values_of
from tests.factories.accounts import AT, OrganizationFactory, ProgrammeFactory, client_of, member
from tests.factories.matching import MarketScene, approved, consulted, later, market, ranked, work
from tests.factories.requests import SYSTEM
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.copies import copied

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clock() -> Iterator[None]:
    with time_machine.travel(AT, tick=False):
        yield


def speak(actor: Actor, *scopes: str) -> ApiClient:
    owner = actor.user or actor.client
    assert owner is not None
    return ApiClient.of(owner, AT, *scopes)


def report(actor: Actor = SYSTEM, **options: Any) -> OverrideReport:
    return override_report(actor=actor, at=AT, policy=DEFAULT_POLICY, **options)


@copied
def overridden() -> tuple[MarketScene, MatchProposal, MatchProposal]:
    """The second of two is approved."""
    scene = ranked()
    first, second = scene.proposals()
    approved(scene, second)
    second.refresh_from_db()
    return scene, first, second


# --- what counts --------------------------------------------------------------------------------------------------


def test_approval_of_the_second_is_an_override_with_the_exact_difference_of_scores() -> None:
    scene, first, second = overridden()
    found = report()
    assert (found.decisions, found.overrides) == (1, 1)
    [row] = found.rows
    assert (row.rank, row.score, row.best_score) == (2, second.score, first.score)
    assert row.loss == first.score - second.score == found.loss
    assert row.role == "secretariat_officer"
    assert row.request == scene.request.reference
    weighted = {criterion: DEFAULT_POLICY.weights[criterion] * row.differences[criterion] for criterion in CRITERIA}
    assert sum(weighted.values()) == -row.loss


def test_approval_of_the_first_follows_the_engine() -> None:
    scene = ranked()
    approved(scene, scene.proposals()[0])
    found = report()
    assert (found.decisions, found.overrides, found.loss, found.rows) == (1, 0, 0, ())
    assert found.suggestion.decisions == 1


def test_approval_without_an_alternative_says_nothing_of_the_weights() -> None:
    scene = ranked(offerings_per_theme=1)
    approved(scene)
    found = report()
    assert (found.decisions, found.without_alternative, found.suggestion.decisions) == (1, 1, 0)


def test_approval_that_was_taken_back_does_not_count() -> None:
    scene, _first, second = overridden()
    operations.retract_approval(actor=scene.officer, at=AT, proposal_id=second.pk)
    assert report().decisions == 0


def test_steps_before_the_approval_do_not_count() -> None:
    scene = ranked()
    consulted(scene, scene.proposals()[1])
    assert report().decisions == 0


def test_proposal_that_the_engine_did_not_weigh_has_no_loss() -> None:
    scene = ranked()
    first = scene.proposals()[0]
    own = MatchProposal.objects.create(
        request=scene.request,
        origin="provider",
        lead=first.lead,
        combination="own",
        state="suggested",
        created_at=AT,
        updated_at=AT,
    )
    operations.shortlist_proposal(actor=scene.officer, at=AT, proposal_id=own.pk)
    decision = Decision.objects.get(proposal=own)
    assert (decision.engine_best, decision.engine_rank, decision.engine_score) == (first, None, None)
    assert decision.loss is None
    Decision.objects.filter(pk=decision.pk).update(verb="approve")
    found = report()
    [row] = found.rows
    assert (row.score, row.loss, row.differences, row.origin) == (None, None, {}, "provider")
    assert (found.overrides, found.loss, found.suggestion.decisions) == (1, 0, 0)


def test_decision_tells_its_loss_beside_the_first() -> None:
    scene, first, second = overridden()
    shown = speak(scene.officer).get(f"/proposals/{second.public_id}?expand=decisions").body["decisions"]
    assert {entry["loss"] for entry in shown} == {first.score - second.score}
    assert {entry["engine_best"] for entry in shown} == {str(first.public_id)}


def test_values_of_a_criterion_without_weight_come_from_the_lines() -> None:
    scene = ranked(themes=("mainstreaming", "trafficking"))
    best = scene.best()
    assert best.run is not None
    whole = values_of(best)
    best.run.policy.weights = {**best.run.policy.weights, Criterion.THEME.value: 0}
    lines = best.reasons["lines"]
    people = sum(line["participants"] for line in lines)
    of_theme = [
        line["participants"] * entry["value"]
        for line in lines
        for entry in line["breakdown"]
        if entry["criterion"] == Criterion.THEME.value
    ]
    assert values_of(best)[Criterion.THEME] == sum(of_theme) // people == whole[Criterion.THEME]


@pytest.mark.parametrize(
    ("period", "decisions"),
    [
        ({"since": date(2026, 11, 23)}, 1),
        ({"since": date(2026, 11, 24)}, 0),
        ({"until": date(2026, 11, 23)}, 1),
        ({"until": date(2026, 11, 22)}, 0),
    ],
)
def test_period_counts_both_its_days(period: dict[str, Any], decisions: int) -> None:
    overridden()
    assert report(**period).decisions == decisions


# --- roles, criteria, weights -------------------------------------------------------------------------------------


def test_overrides_are_counted_by_role_and_by_criterion() -> None:
    _scene, first, second = overridden()
    found = report()
    [role] = found.by_role
    assert (role.role, role.decisions, role.overrides) == ("secretariat_officer", 1, 1)
    assert role.largest_loss == first.score - second.score
    assert [entry.criterion for entry in found.by_criterion] == list(CRITERIA)
    assert all(entry.better + entry.equal + entry.worse == 1 for entry in found.by_criterion)


def test_few_decisions_suggest_nothing_and_say_so_in_both_languages() -> None:
    scene, *_ = overridden()
    body = speak(scene.officer).get("/reports/overrides").body
    suggestion = body["suggestion"]
    assert (suggestion["enough"], suggestion["decisions"]) == (False, 1)
    assert suggestion["suggested"] == suggestion["present"]
    assert (suggestion["held_out_suggested"], suggestion["held_out_present"]) == (None, None)
    assert set(suggestion["sentences"][0]["text"]) == {"en", "fr"}


def test_many_decisions_suggest_weights_beside_those_in_force() -> None:
    office = None
    for _ in range(10):
        scene = market(office=office)
        office = scene.office
        work()
        approved(scene, scene.proposals()[1])
    suggestion = report().suggestion
    assert (suggestion.enough, suggestion.decisions, suggestion.overrides) == (True, 10, 10)
    assert sum(suggestion.suggested.values()) == sum(suggestion.present.values()) == 1000
    assert suggestion.held_out_present is not None


# --- over HTTP ----------------------------------------------------------------------------------------------------


def test_secretariat_and_auditor_read_it_and_nobody_else() -> None:
    scene, *_ = overridden()
    auditor = member(OrganizationFactory.create(), "auditor")
    for actor in (scene.officer, scene.head, auditor):
        assert speak(actor).get("/reports/overrides").body["overrides"] == 1
    for actor in (scene.focal, member(OrganizationFactory.create(roles=["member"]))):
        check_problem(speak(actor).get("/reports/overrides"), ErrorCode.PERMISSION_DENIED)
    check_problem(speak(client_of(scene.office, "reports:read")).get("/reports/overrides"), ErrorCode.PERMISSION_DENIED)
    check_problem(speak(scene.officer, "requests:read").get("/reports/overrides"), ErrorCode.INSUFFICIENT_SCOPE)


def test_auditor_of_another_programme_reads_an_empty_report() -> None:
    overridden()
    programme = ProgrammeFactory.create()
    auditor = member(OrganizationFactory.create(), "auditor", programmes=[programme.code])
    assert speak(auditor).get("/reports/overrides").body["decisions"] == 0


def test_nobody_is_named() -> None:
    scene, *_ = overridden()
    assert scene.officer.user is not None
    answer = speak(scene.officer).get("/reports/overrides")
    assert scene.officer.label.encode() not in answer.content
    assert answer.body["rows"][0]["role"] == "secretariat_officer"


def test_csv_has_a_row_for_each_override_and_a_column_for_each_criterion() -> None:
    scene, first, second = overridden()
    answer = speak(scene.officer).get("/reports/overrides?format=csv")
    head, row = csv.reader(io.StringIO(answer.content.decode("utf-8-sig")))
    assert len(head) == len(row) == 9 + len(CRITERIA)
    assert row[5:9] == ["2", str(second.score), str(first.score), str(first.score - second.score)]
    book = speak(scene.officer).get("/reports/overrides?format=xlsx")
    assert book["Content-Disposition"] == 'attachment; filename="overrides.xlsx"'
    assert book.content.startswith(b"PK")


def test_picture_of_overrides_is_not_to_be_had() -> None:
    scene = market()
    check_problem(speak(scene.officer).get("/reports/overrides?format=svg"), ErrorCode.INVALID_INPUT)


@pytest.mark.parametrize("text", ["yesterday", "2026-13-45"])
def test_day_that_is_none_is_named(text: str) -> None:
    answer = speak(market().officer).get(f"/reports/overrides?since={text}")
    assert places(check_problem(answer, ErrorCode.INVALID_INPUT)) == {"since": "invalid"}


def test_number_of_queries_does_not_grow_with_the_decisions() -> None:
    scene, *_ = overridden()

    def queries() -> int:
        report()
        with CaptureQueriesContext(connection) as found:
            report()
        return len(found)

    def decide(place: int) -> None:
        other = market(office=scene.office)
        work()
        approved(other, other.proposals()[place])

    decide(0)
    few = queries()
    for place in (0, 1):
        decide(place)
    assert report(until=later(1).date()).decisions == 4
    assert queries() == few
