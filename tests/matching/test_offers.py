"""Providers that offer on their own."""

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import ErrorCode
from marketplace.kernel.money import Money
from matching import operations, queries
from matching.models import MatchProposal
from providers.models import Offering, Session
from requests_app import operations as requests
from tests.factories.accounts import AT, member
from tests.factories.matching import MarketScene, accepted, approved, market, offering_for, work
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
