"""Who knows of which proposals, parts, runs and events, and how much of them (domain rule 5)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.actors import Actor
from marketplace.events import queries as events
from marketplace.events.models import OutboxEvent
from marketplace.kernel.lifecycle import Party
from marketplace.notifications import recipients
from matching import operations, queries
from matching.models import MatchProposal, MatchRun, ProposalPart
from requests_app import operations as requests
from tests.factories.accounts import AT, MembershipFactory, OrganizationFactory, ProgrammeFactory, client_of, member
from tests.factories.matching import MarketScene, accepted, approved, consulted, ranked, refused, work
from tests.factories.requests import SYSTEM, submitted

pytestmark = pytest.mark.django_db
TWO = ("mainstreaming", "trafficking")


def seen(actor: Actor) -> list[MatchProposal]:
    return list(queries.proposals_visible_to(actor, at=AT).order_by("id"))


def feed(actor: Actor, organization_id: int) -> list[str]:
    rows = events.visible_events([events.Reach(frozenset({organization_id}), in_group=True)])
    return [row.type for row in rows if row.type.startswith(("proposal", "match_run"))]


def test_requester_sees_every_proposal_with_scores_and_reasons() -> None:
    scene = ranked()
    for actor in (scene.focal, member(scene.requester, "viewer"), scene.officer):
        rows = seen(actor)
        assert len(rows) == 2
        assert all(queries.sees_scores(row) for row in rows)
        assert [row.shown_score for row in rows] == [row.score for row in rows]  # type: ignore[attr-defined]


def test_co_requester_and_funder_see_what_the_requester_sees() -> None:
    other, funder = OrganizationFactory.create(roles=["member"]), OrganizationFactory.create(roles=["funder"])
    ranked(co_requesters=(other.code,), funder=funder.code)
    for organization in (other, funder):
        rows = seen(member(organization, "viewer"))
        assert [queries.sees_scores(row) for row in rows] == [True, True]


def test_other_agency_of_the_group_and_a_stranger_see_nothing() -> None:
    scene = ranked()
    approved(scene)
    for organization in (OrganizationFactory.create(roles=["member"]), OrganizationFactory.create()):
        actor = member(organization)
        assert seen(actor) == []
        assert not queries.parts_visible_to(actor, at=AT).exists()
        assert not queries.runs_visible_to(actor, at=AT).exists()
    assert seen(Actor.anonymous()) == []


def test_partner_knows_of_its_proposal_once_it_is_asked_and_not_before() -> None:
    scene = ranked()
    best = scene.best()
    partner = scene.provider(scene.parts(best)[0].offering)
    assert seen(partner) == []
    approved(scene, best)
    [row] = seen(partner)
    assert row == best
    assert not queries.sees_scores(row)
    assert row.shown_score is None  # type: ignore[attr-defined]
    assert not queries.runs_visible_to(partner, at=AT).exists()


def test_partner_reads_its_own_terms_and_not_those_of_the_others() -> None:
    scene = ranked(themes=TWO)
    first, second = scene.parts(approved(scene))
    partner = scene.provider(first.offering)
    shown = {part.pk: queries.sees_part(partner, part, at=AT) for part in queries.parts_visible_to(partner, at=AT)}
    assert shown == {first.pk: True, second.pk: False}
    assert all(queries.sees_part(scene.focal, part, at=AT) for part in queries.parts_visible_to(scene.focal, at=AT))


def test_partner_does_not_learn_who_might_replace_another() -> None:
    scene = ranked(themes=TWO)
    proposal = approved(scene)
    first, second = scene.parts(proposal)
    accepted(scene, second)
    refused(scene, first)
    work()
    replacement = ProposalPart.objects.get(replaces=first)
    partner, candidate = scene.provider(second.offering), scene.provider(replacement.offering)
    assert {part.pk for part in queries.parts_visible_to(partner, at=AT)} == {first.pk, second.pk}
    [row] = seen(partner)
    assert {part.pk for part in queries.shown_parts(row, partner, at=AT)} == {first.pk, second.pk}
    assert seen(candidate) == []
    operations.approve_replacement(actor=scene.officer, at=AT, part_id=replacement.pk)
    assert [row.pk for row in seen(candidate)] == [proposal.pk]


def test_partner_who_was_never_asked_learns_nothing_from_a_released_proposal() -> None:
    agency = OrganizationFactory.create(roles=["member", "secretariat"])
    scene = ranked(office=agency, requester=OrganizationFactory.create(parent=agency))
    best = scene.best()
    [part] = scene.parts(best)
    operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=consulted(scene, best).pk)
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=scene.request.pk)
    work()
    part.refresh_from_db()
    assert part.state == "withdrawn"
    assert seen(scene.provider(part.offering)) == []
    assert feed(scene.focal, part.provider.organization_id) == []


def test_events_reach_the_partner_from_the_question_on() -> None:
    scene = ranked()
    best = scene.best()
    [part] = scene.parts(best)
    own = part.provider.organization_id
    assert feed(scene.focal, own) == []
    approved(scene, best)
    work()
    assert feed(scene.focal, own) == ["proposal_part.asked"]
    operations.retract_approval(actor=scene.officer, at=AT, proposal_id=best.pk)
    work()
    assert feed(scene.focal, own) == ["proposal_part.asked", "proposal_part.taken_back", "proposal.retracted"]
    assert "proposal.consulted" in feed(scene.focal, scene.requester.pk)


def test_events_of_runs_stay_with_the_secretariat() -> None:
    ranked()
    audiences = OutboxEvent.objects.filter(type__startswith="match_run.").values_list("audience", flat=True)
    assert set(audiences) == {"secretariat"}


def test_requester_sees_the_runs_of_its_requests_but_no_previews() -> None:
    scene = ranked()
    request = submitted(scene.requester)
    operations.request_run(actor=scene.officer, at=AT, request_id=request.pk, mode="preview")
    assert [run.mode for run in queries.runs_visible_to(scene.focal, at=AT)] == ["request"]
    assert queries.runs_visible_to(scene.officer, at=AT).count() == MatchRun.objects.count() == 2


def test_auditor_sees_the_proposals_of_its_programmes_only() -> None:
    programme = ProgrammeFactory.create()
    scene = ranked(programme=programme.code)
    office = scene.office
    inside = Actor.for_user(
        MembershipFactory.create(organization=office, role="auditor", programmes=[programme.code]).user
    )
    outside = Actor.for_user(MembershipFactory.create(organization=office, role="auditor", programmes=["OTHER"]).user)
    assert len(seen(inside)) == 2
    assert seen(outside) == []


def test_system_without_the_scope_sees_nothing() -> None:
    scene = ranked()
    assert seen(client_of(scene.requester, "requests:read")) == []
    assert len(seen(client_of(scene.requester, "matching:read"))) == 2


def test_list_of_one_and_of_many_proposals_takes_the_same_number_of_queries() -> None:
    counts = []
    for lines in (TWO[:1], TWO):
        scene = ranked(themes=lines, offerings_per_theme=1 if len(lines) == 1 else 3)
        focal = Actor.for_user(scene.focal.user)  # type: ignore[arg-type]
        with CaptureQueriesContext(connection) as captured:
            for row in queries.proposals_visible_to(focal, at=AT):
                queries.open_actions(row, focal, at=AT)
                queries.who_owes(row)
                for part in queries.shown_parts(row, focal, at=AT):
                    queries.open_part_actions(part, focal, at=AT)
        counts.append(len(captured))
    assert counts[0] == counts[1]


# --- who is told --------------------------------------------------------------------------------------------------


def told(record: MatchProposal | ProposalPart, party: Party) -> set[str]:
    return {person.user.username for person in recipients.of_party(record, party, AT)}


def name(actor: Actor) -> str:
    assert actor.user is not None
    return actor.user.username


def test_requester_is_told_of_proposals_and_partners_only_of_their_own_part() -> None:
    scene = ranked()
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    partner = scene.provider(part.offering)
    elsewhere = member(scene.requester, "focal_point", countries=["NPL"])
    here = member(scene.requester, "focal_point", countries=["MLI"])
    assert told(proposal, Party.REQUESTER) == {name(scene.focal), name(here)}
    assert name(elsewhere) not in told(proposal, Party.REQUESTER)
    assert told(part, Party.PROVIDER) == {name(partner)}
    assert told(proposal, Party.PROVIDER) == set()
    both = told(part, Party.REQUESTER_AND_SECRETARIAT)
    assert {name(scene.focal), name(scene.officer)} <= both
    assert name(partner) not in both


def scene_with_chair() -> tuple[MarketScene, Actor]:
    agency = OrganizationFactory.create(roles=["member", "secretariat"])
    scene = ranked(office=agency, requester=OrganizationFactory.create(parent=agency))
    return scene, member(OrganizationFactory.create(roles=["member", "chair"]), "focal_point")


def test_chair_sees_only_what_waits_for_a_second_approver() -> None:
    scene, chair = scene_with_chair()
    assert seen(chair) == []
    proposal = operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=consulted(scene).pk)
    assert [row.pk for row in seen(chair)] == [proposal.pk]
    operations.approve_proposal(actor=scene.second, at=AT, proposal_id=proposal.pk)
    assert seen(chair) == []
