"""Providers that offer on their own."""

import threading
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from marketplace.accounts.actors import Actor
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.money import Money
from marketplace.kernel.periods import Period
from marketplace.notifications.models import Notification
from marketplace.notifications.subjects import Subject
from matching import operations, queries
from matching.api.serializers import ProposalOut
from matching.lifecycle import PROPOSAL
from matching.models import MatchProposal
from providers import operations as providers
from providers.models import Offering, Session
from requests_app import operations as requests
from tests.factories.accounts import AT, MembershipFactory, member
from tests.factories.matching import MarketScene, accepted, approved, consulted, market, offering_for, work
from tests.factories.providers import SessionFactory
from tests.factories.requests import SYSTEM
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


def offered(scene: MarketScene, offering: Offering, *, actor: Actor | None = None, **terms: Any) -> MatchProposal:
    facts: dict[str, Any] = {"lines": {1: 25}, **terms}
    facts["offering"] = facts.pop("reference", str(offering.public_id))
    return operations.make_offer(actor=actor or scene.provider(offering), at=AT, request_id=scene.request.pk, **facts)


def test_offer_is_a_proposal_like_any_other_and_can_be_confirmed() -> None:
    scene = market()
    offering = scene.offerings[0]
    proposal = offered(scene, offering, cost=Money(Decimal(18000), "USD"), message="We know Bamako")
    assert (proposal.origin, proposal.state, proposal.lead, proposal.message) == (
        "provider",
        "suggested",
        offering.provider,
        "We know Bamako",
    )
    assert accepted(scene, scene.parts(approved(scene, proposal))[0]).state == "confirmed"


def test_provider_sees_its_own_offer_but_nobody_else_of_the_group_does() -> None:
    scene = market()
    proposal = offered(scene, scene.offerings[0])
    own, other = scene.provider(scene.offerings[0]), scene.provider(scene.offerings[1])
    [seen] = queries.proposals_visible_to(own, at=AT)
    assert seen == proposal
    assert not queries.sees_scores(seen)
    assert [part.participants for part in queries.shown_parts(seen, own, at=AT)] == [25]
    assert not queries.proposals_visible_to(other, at=AT).exists()


def test_offer_outlives_the_next_run() -> None:
    scene = market()
    proposal = offered(scene, scene.offerings[0])
    work()
    proposal.refresh_from_db()
    assert proposal.state == "suggested"
    assert MatchProposal.objects.filter(request=scene.request, state="suggested").count() == 3


def test_session_gives_its_dates_and_holds_its_seats_on_approval() -> None:
    scene = market()
    session = scene.sessions[0]
    proposal = offered(scene, scene.offerings[0], session=str(session.public_id))
    [part] = scene.parts(proposal)
    assert (part.slot_kind, part.start_on, part.place) == (
        "session",
        session.start_on,
        {"country": "MLI", "city": "Bamako"},
    )
    approved(scene, proposal)
    assert Session.objects.get(pk=session.pk).seats_held == 25


def test_same_offer_is_made_once() -> None:
    scene = market()
    offered(scene, scene.offerings[0])
    with refusal(ErrorCode.DUPLICATE):
        offered(scene, scene.offerings[0], lines={1: 20})


def test_only_staff_of_the_provider_offers_for_it() -> None:
    scene = market()
    offering = scene.offerings[0]
    for actor in (
        scene.provider(scene.offerings[1]),
        scene.officer,
        scene.focal,
        member(offering.provider.organization, "viewer"),
    ):
        with refusal(ErrorCode.PERMISSION_DENIED):
            offered(scene, offering, actor=actor)


def test_draft_of_another_provider_is_as_good_as_unknown() -> None:
    scene = market()
    draft = offering_for("mainstreaming", published=False, state="draft")
    for reference in (str(draft.public_id), "NOT-THERE"):
        with refusal(ErrorCode.UNKNOWN_REFERENCE) as caught:
            offered(scene, scene.offerings[0], reference=reference)
        assert [error.code for error in caught.value.errors] == ["unknown_reference"]


def test_session_of_another_offering_is_unknown() -> None:
    scene = market()
    for session in (scene.sessions[1], SessionFactory.create(offering=scene.offerings[0], state="cancelled")):
        with refusal(ErrorCode.UNKNOWN_REFERENCE):
            offered(scene, scene.offerings[0], session=str(session.public_id))


@pytest.mark.parametrize(
    ("terms", "pointer", "code"),
    [
        ({"lines": {7: 25}}, "/lines/0/line", "line_not_open"),
        ({"lines": {1: 31}}, "/lines/0/participants", "participants_out_of_range"),
        ({"lines": {1: 14}}, "/lines/0/participants", "participants_out_of_range"),
        ({"start_on": date(2027, 1, 4), "end_on": date(2027, 1, 6)}, "/period", "outside_window"),
    ],
)
def test_offer_that_does_not_fit_is_refused_with_its_place(terms: dict[str, Any], pointer: str, code: str) -> None:
    scene = market()
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        offered(scene, scene.offerings[0], **terms)
    assert [(error.pointer, error.code) for error in caught.value.errors] == [(pointer, code)]


def test_own_draft_and_suspended_provider_cannot_be_offered() -> None:
    scene = market()
    draft = offering_for("mainstreaming", published=False, state="draft")
    with refusal(ErrorCode.RULE_BROKEN):
        offered(scene, draft)
    offering = scene.offerings[0]
    offering.provider.state = "suspended"
    offering.provider.save()
    with refusal(ErrorCode.RULE_BROKEN):
        offered(scene, offering)


def test_request_that_is_not_open_takes_no_offers() -> None:
    scene = market()
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=scene.request.pk)
    with refusal(ErrorCode.WRONG_STATE):
        offered(scene, scene.offerings[0])


# --- what becomes of an offer -----------------------------------------------------------------------------------------


def told(scene: MarketScene) -> list[str]:
    """Give the subjects of which the first provider's people were told beside their steps."""
    rows = Notification.objects.filter(organization=scene.offerings[0].provider.organization)
    return list(rows.filter(subject=Subject.OFFER_ANSWERED.value).values_list("subject", flat=True))


def events_of(proposal: MatchProposal) -> list[str]:
    rows = OutboxEvent.objects.filter(resource_id=proposal.public_id).order_by("pk")
    return list(rows.values_list("type", flat=True))


def test_run_weighs_the_offer_with_what_its_provider_states() -> None:
    scene = market()
    proposal = offered(scene, scene.offerings[0], cost=Money(Decimal(18000), "USD"))
    work()
    proposal.refresh_from_db()
    assert proposal.run is not None
    assert proposal.score == sum(share["contribution"] for share in proposal.breakdown) > 0
    assert proposal.reasons["obstacles"] == []
    engine = MatchProposal.objects.filter(request=scene.request, origin="engine", lead=proposal.lead).get()
    other = MatchProposal.objects.filter(request=scene.request, origin="engine").exclude(pk=engine.pk).get()
    assert "offered_by_provider" in engine.flags
    assert "offered_by_provider" not in other.flags
    assert "proposal.weighed" in events_of(proposal)


def test_price_and_language_of_the_offer_count_instead_of_those_of_the_catalogue() -> None:
    scene = market(budget_ceiling=Decimal(20000), funding_state="secured")
    dear = offered(scene, scene.offerings[0], cost=Money(Decimal(90000), "USD"))
    cheap = offered(scene, scene.offerings[1], cost=Money(Decimal(9000), "USD"))
    work()
    dear.refresh_from_db()
    cheap.refresh_from_db()
    [obstacle] = dear.reasons["obstacles"]
    assert obstacle["codes"] == ["cost_over_ceiling"]
    assert {actor for way in obstacle["ways"] for actor in way["actors"]} == {"provider", "requester"}
    assert (dear.run, dear.score, dear.flags) == (None, 0, ["outside_conditions"])
    assert cheap.run is not None
    assert cheap.reasons["obstacles"] == []


def test_offer_that_breaks_a_hard_condition_is_not_approved() -> None:
    scene = market(budget_ceiling=Decimal(20000), funding_state="secured")
    proposal = consulted(scene, offered(scene, scene.offerings[0], cost=Money(Decimal(90000), "USD")))
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk)
    assert [(error.code, error.params["codes"]) for error in caught.value.errors] == [
        ("outside_conditions", "cost_over_ceiling")
    ]


def test_dates_of_its_own_are_weighed_as_such() -> None:
    scene = market()
    proposal = offered(scene, scene.offerings[0], start_on=date(2027, 4, 5), end_on=date(2027, 4, 7), lines={1: 15})
    work()
    proposal.refresh_from_db()
    dates = next(entry for entry in proposal.reasons["lines"][0]["breakdown"] if entry["criterion"] == "dates")
    assert dates["sentence"]["params"]["start"] == "2027-04-05"
    assert proposal.reasons["lines"][0]["participants"] == 15


def test_provider_takes_its_offer_back_and_may_offer_anew() -> None:
    scene = market()
    own = scene.provider(scene.offerings[0])
    proposal = offered(scene, scene.offerings[0], actor=own)
    assert "withdraw" in queries.open_actions(queries.proposals_visible_to(own, at=AT).get(), own, at=AT)
    taken = operations.withdraw_offer(actor=own, at=AT, proposal_id=proposal.pk, reason_text="Double booked")
    assert (taken.state, taken.waiting_for) == ("withdrawn", "nobody")
    assert (taken.ended_at, taken.ended_reason, taken.ended_text) == (AT, "withdrawn_by_provider", "Double booked")
    assert [part.state for part in scene.parts(taken)] == ["withdrawn"]
    assert not told(scene)
    assert offered(scene, scene.offerings[0], actor=own).state == "suggested"


def test_only_the_provider_takes_back_and_only_its_own_offer() -> None:
    scene = market()
    proposal = offered(scene, scene.offerings[0])
    for actor in (scene.provider(scene.offerings[1]), scene.officer, scene.focal):
        with refusal(ErrorCode.PERMISSION_DENIED):
            operations.withdraw_offer(actor=actor, at=AT, proposal_id=proposal.pk)
    work()
    engine = MatchProposal.objects.filter(request=scene.request, origin="engine", lead=proposal.lead).get()
    with refusal(ErrorCode.RULE_BROKEN):
        operations.withdraw_offer(actor=scene.provider(scene.offerings[0]), at=AT, proposal_id=engine.pk)


def test_offer_that_was_asked_to_deliver_is_not_taken_back() -> None:
    scene = market()
    proposal = approved(scene, offered(scene, scene.offerings[0]))
    with refusal(ErrorCode.WRONG_STATE):
        operations.withdraw_offer(actor=scene.provider(scene.offerings[0]), at=AT, proposal_id=proposal.pk)


def declined(scene: MarketScene, proposal: MatchProposal) -> None:
    operations.decline_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk, reason_code="timing")


def withdrawn(scene: MarketScene, _: MatchProposal) -> None:
    requests.withdraw_request(actor=SYSTEM, at=AT, request_id=scene.request.pk)


def changed(scene: MarketScene, _: MatchProposal) -> None:
    window = Period(date(2027, 4, 1), date(2027, 6, 30))
    content = replace(requests.content_of(scene.request), window=window)
    requests.change_request(actor=SYSTEM, at=AT, request_id=scene.request.pk, content=content)


def retired(scene: MarketScene, _: MatchProposal) -> None:
    providers.retire_offering(actor=SYSTEM, at=AT, offering_id=scene.offerings[0].pk)


def suspended(scene: MarketScene, _: MatchProposal) -> None:
    provider = scene.offerings[0].provider
    providers.suspend_provider(actor=SYSTEM, at=AT, provider_id=provider.pk, reason_code="other", reason_text="Audit")


def served(scene: MarketScene, _: MatchProposal) -> None:
    """Another provider's proposal takes all participants of the line."""
    best = MatchProposal.objects.filter(request=scene.request, lead=scene.offerings[1].provider).get()
    accepted(scene, scene.parts(approved(scene, best))[0])


def moved(scene: MarketScene, _: MatchProposal) -> None:
    days = {"start_on": date(2027, 4, 5), "end_on": date(2027, 4, 7)}
    providers.change_session(actor=SYSTEM, at=AT, session_id=scene.sessions[0].pk, facts=days)


@pytest.mark.parametrize(
    ("happen", "reason"),
    [
        (declined, "timing"),
        (withdrawn, "withdrawn"),
        (changed, "need_changed"),
        (retired, "offering_withdrawn"),
        (suspended, "provider_suspended"),
        (served, "need_served"),
        (moved, "session_moved"),
    ],
)
def test_offer_gets_a_dated_explained_answer_whatever_happens(happen: Any, reason: str) -> None:
    scene = market()
    member(scene.offerings[0].provider.organization, "provider_staff")
    proposal = offered(scene, scene.offerings[0], session=str(scene.sessions[0].public_id))
    work()
    happen(scene, proposal)
    work()
    proposal.refresh_from_db()
    assert proposal.ended_reason == reason
    assert proposal.ended_at == AT
    assert told(scene)
    own = scene.provider(scene.offerings[0])
    [seen] = [row for row in queries.proposals_visible_to(own, at=AT) if row.pk == proposal.pk]
    answer = ProposalOut(seen).data["answer"]
    assert answer["reason_code"] == reason
    assert answer["reason"].keys() >= {"en", "fr"}


def test_offer_for_one_line_of_two_is_answered_when_that_line_is_placed() -> None:
    scene = market(themes=("mainstreaming", "labour-migration"))
    proposal = offered(scene, scene.offerings[0], lines={1: 25})
    other = offered(scene, scene.offerings[1], lines={1: 30})
    work()
    for row in (proposal, other):
        row.refresh_from_db()
        assert (row.covers_all, row.score) == (False, sum(share["contribution"] for share in row.breakdown))
        assert 0 < row.score <= 500_000  # half of the participants
    accepted(scene, scene.parts(approved(scene, other))[0])
    work()
    proposal.refresh_from_db()
    assert (proposal.state, proposal.ended_reason) == ("superseded", "need_served")


def test_offer_for_a_line_that_is_given_up_is_answered() -> None:
    scene = market(themes=("mainstreaming", "labour-migration"))
    proposal = offered(scene, scene.offerings[0], lines={1: 25})
    work()
    requests.waive_call_for_offers(actor=SYSTEM, at=AT, request_id=scene.request.pk)
    requests.mark_unmet(actor=SYSTEM, at=AT, request_id=scene.request.pk, reason_code="no_theme", line_numbers=[1])
    work()
    proposal.refresh_from_db()
    assert (proposal.state, proposal.ended_reason) == ("superseded", "marked_unmet")


def test_offer_is_answered_when_all_is_under_way_or_delivered_without_having_been_matched() -> None:
    scene = market(themes=("mainstreaming", "labour-migration"))
    proposal = offered(scene, scene.offerings[2], lines={2: 25})
    line = scene.request.lines.get(number=1)
    about: dict[str, Any] = {"actor": SYSTEM, "at": AT, "claimant": uuid4()}
    requests.claim_lines(claims=[requests.LineShare(line.pk, line.participants_max)], **about)
    requests.deliver_lines(**about)
    work()
    content = requests.content_of(scene.request)
    only = replace(content, lines=content.lines[:1])
    requests.change_request(actor=SYSTEM, at=AT, request_id=scene.request.pk, content=only)
    work()
    proposal.refresh_from_db()
    assert (proposal.state, proposal.ended_reason) == ("superseded", "need_served")


def test_requester_that_offers_to_itself_is_flagged_and_the_officer_of_a_partner_recused() -> None:
    scene = market()
    own = offering_for("mainstreaming", provider_of=scene.requester)
    proposal = offered(scene, own, actor=member(scene.requester, "provider_staff"))
    assert MatchProposal.objects.get(pk=proposal.pk).flags == ["requester_is_partner"]
    MembershipFactory.create(user=scene.officer.user, organization=scene.requester, role="viewer")
    assert scene.officer.user is not None
    officer = Actor.for_user(scene.officer.user)
    with refusal(ErrorCode.RECUSED):
        operations.shortlist_proposal(actor=officer, at=AT, proposal_id=proposal.pk)


def test_life_of_an_offer_ends_in_an_answer_from_every_state() -> None:
    """Whoever looks at the table finds no state of an offer that nobody can leave and that has no end."""
    open_states = [state for state in PROPOSAL.states if state not in PROPOSAL.final]
    for state in open_states:
        verbs = {row.verb for row in PROPOSAL.transitions if state in row.sources}
        assert verbs & {"supersede", "release", "confirm"}, state
        assert state == "approved" or "withdraw" in verbs, state


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_of_identical_offers_at_the_same_moment_one_is_made() -> None:
    scene = market()
    own = scene.provider(scene.offerings[0])
    outcomes: list[str] = []

    def attempt() -> None:
        try:
            outcomes.append(offered(scene, scene.offerings[0], actor=own).state)
        except DomainError as error:
            outcomes.append(error.code.value)
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["duplicate"] * 5 + ["suggested"]
    assert MatchProposal.objects.filter(origin="provider").count() == 1
