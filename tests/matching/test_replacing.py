"""Partners answer one by one; who is lost is replaced alone."""

from dataclasses import replace

import pytest

from fulfilment import operations as fulfilment
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from matching import operations, queries, tasks
from matching.models import MatchProposal, MatchRun, ProposalPart
from matching.operations import replacing
from providers import operations as providers
from providers.models import CapacityHold, Session
from requests_app import operations as requests
from requests_app.models import LineClaim, TrainingRequest
from tests.factories.accounts import AT, member
from tests.factories.matching import MarketScene, accepted, approved, later, ranked, refused, work
from tests.factories.requests import SYSTEM
from tests.kit.copies import copied
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
TWO = ("mainstreaming", "trafficking")


@copied
def team(offerings_per_theme: int = 2) -> tuple[MarketScene, MatchProposal, list[ProposalPart]]:
    """Two partners are asked, one for each line."""
    scene = ranked(themes=TWO, offerings_per_theme=offerings_per_theme)
    proposal = approved(scene)
    parts = scene.parts(proposal)
    assert [part.state for part in parts] == ["asked", "asked"]
    return scene, proposal, parts


def live_claims(part: ProposalPart) -> int:
    return LineClaim.objects.filter(claimant=part.public_id, released_at=None).count()


# --- answers ------------------------------------------------------------------------------------------------------


def test_last_acceptance_confirms_the_proposal() -> None:
    scene, proposal, parts = team()
    assert accepted(scene, parts[0]).state == "approved"
    done = accepted(scene, parts[1])
    assert (done.state, done.waiting_for, done.due_at) == ("confirmed", "nobody", None)
    terms = queries.agreed_terms(proposal.pk)
    assert [part.part_id for part in terms.parts] == [part.public_id for part in parts]
    assert {part.organization_id for part in terms.parts} == {part.provider.organization_id for part in parts}


def test_partner_answers_only_for_itself() -> None:
    scene, _, parts = team()
    other = scene.provider(parts[1].offering)
    viewer = member(parts[0].provider.organization, "viewer")
    for actor in (other, viewer, scene.focal, scene.officer):
        with refusal(ErrorCode.PERMISSION_DENIED):
            operations.accept_part(actor=actor, at=AT, part_id=parts[0].pk)
        with refusal(ErrorCode.PERMISSION_DENIED):
            operations.refuse_part(actor=actor, at=AT, part_id=parts[0].pk, reason_code="timing")


def test_answer_given_twice_is_refused_and_names_what_is_open() -> None:
    scene, _, parts = team()
    accepted(scene, parts[0])
    with refusal(ErrorCode.WRONG_STATE) as caught:
        accepted(scene, parts[0])
    assert caught.value.params["allowed_actions"] == ()


def test_answer_to_a_stale_version_is_refused() -> None:
    scene, proposal, parts = team()
    with refusal(ErrorCode.PRECONDITION_FAILED):
        operations.accept_part(
            actor=scene.provider(parts[0].offering),
            at=AT,
            part_id=parts[0].pk,
            expected_version=proposal.version + 5,
        )


def test_refusal_needs_a_reason_of_the_list() -> None:
    scene, _, parts = team()
    with refusal(ErrorCode.UNKNOWN_REFERENCE):
        operations.refuse_part(actor=scene.provider(parts[0].offering), at=AT, part_id=parts[0].pk, reason_code="mood")


# --- replacement --------------------------------------------------------------------------------------------------


def test_refusal_frees_one_part_and_leaves_the_others_as_they_are() -> None:
    scene, proposal, (first, second) = team()
    accepted(scene, second)
    lost = refused(scene, first)
    assert (lost.state, lost.waiting_for, lost.step) == ("approved", "system", "request.match")
    assert (live_claims(first), live_claims(second)) == (0, 1)
    second.refresh_from_db()
    assert second.state == "accepted"
    assert CapacityHold.objects.get(holder=second.public_id).state == "held"
    assert CapacityHold.objects.get(holder=first.public_id).state == "released"
    work()
    proposal.refresh_from_db()
    replacement = ProposalPart.objects.get(replaces=first)
    assert (replacement.state, replacement.waiting_for) == ("replacement", "secretariat")
    assert replacement.offering != first.offering
    assert replacement.offering.themes == first.offering.themes
    assert (live_claims(replacement), replacement.asked_at) == (0, None)
    assert (proposal.state, proposal.due_at) == ("approved", None)
    assert queries.who_owes(proposal)[0] == "secretariat"


def test_replacement_is_approved_asked_and_accepted_and_then_all_is_confirmed() -> None:
    scene, proposal, (first, second) = team()
    accepted(scene, second)
    refused(scene, first)
    work()
    replacement = ProposalPart.objects.get(replaces=first)
    operations.approve_replacement(actor=scene.officer, at=AT, part_id=replacement.pk, reason_text="As good")
    replacement.refresh_from_db()
    assert (replacement.state, live_claims(replacement)) == ("asked", 1)
    assert accepted(scene, replacement).state == "confirmed"
    terms = queries.agreed_terms(proposal.pk)
    assert {part.part_id for part in terms.parts} == {second.public_id, replacement.public_id}


def test_only_the_secretariat_approves_a_replacement_and_nobody_who_is_recused() -> None:
    scene, _, (first, _) = team()
    refused(scene, first)
    work()
    replacement = ProposalPart.objects.get(replaces=first)
    for actor in (scene.focal, scene.provider(replacement.offering)):
        with refusal(ErrorCode.PERMISSION_DENIED):
            operations.approve_replacement(actor=actor, at=AT, part_id=replacement.pk)
    with refusal(ErrorCode.WRONG_STATE):
        accepted(scene, replacement)


def test_declined_replacement_gives_way_to_the_one_after_it() -> None:
    scene, _, (first, _) = team(offerings_per_theme=3)
    refused(scene, first)
    work()
    replacement = ProposalPart.objects.get(replaces=first)
    operations.decline_replacement(actor=scene.officer, at=AT, part_id=replacement.pk, reason_code="cost")
    work()
    replacement.refresh_from_db()
    assert replacement.state == "superseded"
    third = ProposalPart.objects.get(replaces=first, state="replacement")
    assert third.offering not in (first.offering, replacement.offering)


def test_gap_that_nobody_fills_is_reported_to_the_secretariat() -> None:
    scene, proposal, (first, second) = team(offerings_per_theme=1)
    accepted(scene, second)
    refused(scene, first)
    work()
    proposal.refresh_from_db()
    assert (proposal.state, proposal.waiting_for, proposal.step) == ("approved", "secretariat", "proposal.decide")
    assert OutboxEvent.objects.filter(type="proposal.gap_reported", resource_id=proposal.public_id).count() == 1


def test_secretariat_goes_on_without_the_lost_partner() -> None:
    scene, proposal, (first, second) = team(offerings_per_theme=1)
    accepted(scene, second)
    refused(scene, first)
    work()
    done = operations.go_on_without(actor=scene.officer, at=AT, proposal_id=proposal.pk, reason_text="One is enough")
    gone = first.lines.get().line.number
    assert (done.state, done.covers_all, done.uncovered) == ("confirmed", False, [gone])
    assert done.lead == second.provider
    fulfilment.engage_confirmed(actor=SYSTEM, at=AT, proposal_id=proposal.public_id)
    work()
    scene.request.refresh_from_db()
    assert sorted(scene.request.lines.values_list("state", flat=True)) == ["agreed", "open"]
    # What is left of the need is ranked anew, without the offering that was refused.
    assert first.offering not in [part.offering for part in ProposalPart.objects.filter(state="suggested")]


def test_secretariat_may_go_on_while_a_replacement_is_only_put_forward() -> None:
    scene, proposal, (first, second) = team()
    accepted(scene, second)
    refused(scene, first)
    work()
    seen = queries.proposals_visible_to(scene.officer, at=AT).get(pk=proposal.pk)
    assert "go-on-without" in queries.open_actions(seen, scene.officer, at=AT)
    assert operations.go_on_without(actor=scene.officer, at=AT, proposal_id=proposal.pk).state == "confirmed"
    assert ProposalPart.objects.get(replaces=first).state == "superseded"


def test_nobody_goes_on_where_nothing_is_missing() -> None:
    scene, proposal, _ = team()
    with refusal(ErrorCode.RULE_BROKEN):
        operations.go_on_without(actor=scene.officer, at=AT, proposal_id=proposal.pk)


def test_last_partner_that_refuses_fails_the_proposal_and_the_need_is_ranked_anew_without_it() -> None:
    scene = ranked(offerings_per_theme=1)
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    refused(scene, part)
    work()
    proposal.refresh_from_db()
    assert proposal.state == "declined"
    fresh = MatchRun.objects.latest("id")
    assert fresh.state == "no_solution", fresh.error
    assert fresh.exclusions == [str(part.offering.public_id)]
    [answer] = fresh.result["lines"]
    assert answer["conflict"]["failing"] == {"turned_down": 1}
    assert answer["near_misses"] == []
    assert [line.state for line in scene.request.lines.all()] == ["open"]


def test_single_partner_that_refuses_is_replaced_too() -> None:
    scene = ranked(offerings_per_theme=2)
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    refused(scene, part)
    work()
    replacement = ProposalPart.objects.get(replaces=part)
    operations.approve_replacement(actor=scene.officer, at=AT, part_id=replacement.pk)
    assert accepted(scene, replacement).state == "confirmed"


def test_replacement_that_refuses_too_is_replaced_in_its_turn() -> None:
    scene = ranked(offerings_per_theme=3)
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    refused(scene, part)
    work()
    second = ProposalPart.objects.get(replaces=part)
    operations.approve_replacement(actor=scene.officer, at=AT, part_id=second.pk)
    refused(scene, second)
    work()
    third = ProposalPart.objects.get(replaces=second)
    assert third.offering not in (part.offering, second.offering)
    operations.approve_replacement(actor=scene.officer, at=AT, part_id=third.pk)
    assert accepted(scene, third).state == "confirmed"


# --- the need changes while somebody is looked for ------------------------------------------------------------------


def found_for(part: ProposalPart) -> replacing.Replacement:
    payload = {"part": str(part.public_id)}
    found = tasks.prepare_replacement(payload, at=AT, progress=lambda *_: None)
    assert found is not None
    return found


def test_replacement_found_for_the_need_as_it_was_is_looked_for_once_more() -> None:
    scene, proposal, (first, _) = team()
    refused(scene, first)
    found = found_for(first)
    content = requests.content_of(TrainingRequest.objects.get(pk=scene.request.pk))
    changed = replace(content, excluded_organizations=(found.row.organization_code,))
    requests.change_request(actor=SYSTEM, at=AT, request_id=scene.request.pk, content=changed)
    assert replacing.put_forward(first.pk, found, at=AT) is None
    proposal.refresh_from_db()
    assert (proposal.waiting_for, proposal.step) == ("system", "request.match")
    work()
    assert not ProposalPart.objects.filter(proposal=proposal, offering_id=found.row.offering_id).exists()
    proposal.refresh_from_db()
    assert proposal.waiting_for == "secretariat"  # nobody else is left


def test_replacement_found_for_a_line_that_was_given_up_meanwhile_is_not_put_forward() -> None:
    scene, proposal, (first, _) = team()
    refused(scene, first)
    found = found_for(first)
    give_up(scene, first)
    assert replacing.put_forward(first.pk, found, at=AT) is None
    work()
    assert not ProposalPart.objects.filter(replaces=first).exists()
    proposal.refresh_from_db()
    assert (proposal.state, proposal.step) == ("approved", "proposal.decide")


def test_nobody_is_looked_for_where_the_line_was_given_up() -> None:
    scene, proposal, (first, _) = team()
    refused(scene, first)
    give_up(scene, first)
    work()
    assert not ProposalPart.objects.filter(replaces=first).exists()
    proposal.refresh_from_db()
    assert (proposal.state, proposal.step) == ("approved", "proposal.decide")


def test_replacement_for_a_line_that_is_given_up_is_taken_back() -> None:
    scene, proposal, (first, second) = team(offerings_per_theme=3)
    refused(scene, first)
    work()
    replacement = ProposalPart.objects.get(replaces=first)
    give_up(scene, first)
    work()
    replacement.refresh_from_db()
    assert replacement.state == "superseded"
    assert not ProposalPart.objects.filter(replaces=first, state="replacement").exists()
    operations.go_on_without(actor=scene.officer, at=AT, proposal_id=proposal.pk)
    assert accepted(scene, second).state == "confirmed"


def give_up(scene: MarketScene, part: ProposalPart) -> None:
    """Mark the line of a lost part as not yet met."""
    number = part.lines.get().line.number
    requests.waive_call_for_offers(actor=SYSTEM, at=AT, request_id=scene.request.pk)
    requests.mark_unmet(actor=SYSTEM, at=AT, request_id=scene.request.pk, reason_code="no_theme", line_numbers=[number])


# --- deadlines ----------------------------------------------------------------------------------------------------


def test_part_that_nobody_answers_lapses_at_its_deadline_and_is_replaced() -> None:
    scene, proposal, (first, second) = team()
    accepted(scene, second)
    work(later(13))
    first.refresh_from_db()
    assert first.state == "asked"  # ten working days are not over on a Sunday
    work(later(15))
    first.refresh_from_db()
    assert (first.state, live_claims(first)) == ("lapsed", 0)
    assert CapacityHold.objects.get(holder=first.public_id).state == "released"
    assert ProposalPart.objects.get(replaces=first).state == "replacement"
    second.refresh_from_db()
    assert second.state == "accepted"
    proposal.refresh_from_db()
    assert proposal.state == "approved"


def test_answer_in_the_last_minute_is_not_overtaken_by_the_deadline() -> None:
    scene, _, (first, _) = team()
    assert first.due_at is not None
    accepted(scene, first, at=first.due_at)
    work(later(20))
    first.refresh_from_db()
    assert first.state == "accepted"


def test_hold_that_ends_by_itself_lets_its_part_lapse() -> None:
    scene, _, (first, second) = team()
    accepted(scene, second)
    CapacityHold.objects.filter(holder=first.public_id).update(expires_at=later(1))
    providers.lapse_expired_holds(at=later(2))
    work(later(2))
    first.refresh_from_db()
    assert first.state == "lapsed"
    assert OutboxEvent.objects.filter(type="proposal_part.lapsed").latest("id").data["reason_code"] == "hold_lapsed"
    assert Session.objects.get(pk=first.session_id or 0).seats_held == 0
    assert live_claims(first) == 0
