"""What comes after the need, a session, an offering or a provider went away, and before the job that follows has run."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest

from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from marketplace.kernel.periods import Period
from matching import operations
from matching.models import MatchProposal, ProposalPart
from matching.operations import CounterTerms, endorsing, reactions, replacing
from providers import operations as providers
from providers.models import CapacityHold
from requests_app import operations as requests
from requests_app.models import LineClaim, TrainingRequest
from tests.factories.accounts import AT, OrganizationFactory, member
from tests.factories.matching import MarketScene, accepted, approved, consulted, later, market, ranked, refused, work
from tests.factories.requests import SYSTEM
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
TWO = ("mainstreaming", "trafficking")
Call = Callable[[], object]


def withdraw(scene: MarketScene) -> None:
    requests.withdraw_request(actor=scene.focal, at=AT, request_id=scene.request.pk)


def cancel(scene: MarketScene) -> None:
    requests.cancel_request(actor=scene.officer, at=AT, request_id=scene.request.pk, reason_code="other")


ENDINGS = {"withdrawn": withdraw, "cancelled": cancel}


def nothing_is_kept(scene: MarketScene) -> None:
    """Nothing is held for the request, and nothing lives, once the background has caught up."""
    work()
    assert not LineClaim.objects.filter(line__request=scene.request, released_at=None).exists()
    assert not CapacityHold.objects.filter(state__in=["held", "confirmed"]).exists()
    ended = {"declined", "released", "superseded", "withdrawn"}
    assert {proposal.state for proposal in scene.proposals()} <= ended


# --- the need is gone: nothing goes on ------------------------------------------------------------------------------


def to_shortlist(scene: MarketScene) -> Call:
    best = scene.best()
    return lambda: operations.shortlist_proposal(actor=scene.officer, at=AT, proposal_id=best.pk)


def to_consult(scene: MarketScene) -> Call:
    best = scene.best()
    operations.shortlist_proposal(actor=scene.officer, at=AT, proposal_id=best.pk)
    return lambda: operations.consult_proposal(actor=scene.officer, at=AT, proposal_id=best.pk)


def to_prefer(scene: MarketScene) -> Call:
    proposal = consulted(scene)
    return lambda: operations.prefer_proposal(actor=scene.focal, at=AT, proposal_id=proposal.pk)


def to_object(scene: MarketScene) -> Call:
    proposal = consulted(scene)
    return lambda: operations.object_to_proposal(
        actor=scene.focal, at=AT, proposal_id=proposal.pk, reason_code="content"
    )


def to_overrule(scene: MarketScene) -> Call:
    to_object(scene)()
    [proposal] = MatchProposal.objects.filter(state="consulting")
    return lambda: operations.overrule_objection(
        actor=scene.head, at=AT, proposal_id=proposal.pk, reason_text="Nobody else fits."
    )


def to_approve(scene: MarketScene) -> Call:
    proposal = consulted(scene)
    return lambda: operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=proposal.pk)


def to_accept(scene: MarketScene) -> Call:
    [part] = scene.parts(approved(scene))
    partner = scene.provider(part.offering)
    return lambda: operations.accept_part(actor=partner, at=AT, part_id=part.pk)


def to_counter(scene: MarketScene) -> Call:
    [part] = scene.parts(approved(scene))
    partner, terms = scene.provider(part.offering), CounterTerms(participants=18)
    return lambda: operations.counter_part(actor=partner, at=AT, part_id=part.pk, terms=terms)


def to_consent(scene: MarketScene, *, agree: bool = True) -> Call:
    to_counter(scene)()
    part = ProposalPart.objects.get(state="countered")
    operations.consent_counter(actor=scene.focal, at=AT, part_id=part.pk, agree=True)
    return lambda: operations.consent_counter(actor=scene.officer, at=AT, part_id=part.pk, agree=agree)


def to_dissent(scene: MarketScene) -> Call:
    return to_consent(scene, agree=False)


def to_replace(scene: MarketScene) -> Call:
    [part] = scene.parts(approved(scene))
    refused(scene, part)
    work()
    replacement = ProposalPart.objects.get(replaces=part)
    return lambda: operations.approve_replacement(actor=scene.officer, at=AT, part_id=replacement.pk)


ONWARDS = {
    "shortlist": to_shortlist,
    "consult": to_consult,
    "prefer": to_prefer,
    "object": to_object,
    "overrule": to_overrule,
    "approve": to_approve,
    "accept": to_accept,
    "counter": to_counter,
    "consent": to_consent,
    "dissent": to_dissent,
    "replace": to_replace,
}


@pytest.mark.parametrize("ending", sorted(ENDINGS))
@pytest.mark.parametrize("step", sorted(ONWARDS))
def test_nothing_goes_on_for_a_need_that_is_gone(step: str, ending: str) -> None:
    scene = ranked()
    go_on = ONWARDS[step](scene)
    ENDINGS[ending](scene)
    told = OutboxEvent.objects.count()
    with refusal(ErrorCode.WRONG_STATE) as caught:
        go_on()
    said = caught.value.params
    assert (said["state"], said["resource"], said["allowed_actions"]) == (ending, "training_request", ())
    assert said["verb"] == {"dissent": "consent", "replace": "approve"}.get(step, step)
    assert OutboxEvent.objects.count() == told
    nothing_is_kept(scene)


def test_second_approval_for_a_need_that_is_gone_is_refused() -> None:
    agency = OrganizationFactory.create(roles=["member", "secretariat"])
    scene = ranked(office=agency, requester=OrganizationFactory.create(parent=agency))
    proposal = operations.approve_proposal(actor=scene.officer, at=AT, proposal_id=consulted(scene).pk)
    assert proposal.state == "awaiting_second_approval"
    withdraw(scene)
    with refusal(ErrorCode.WRONG_STATE) as caught:
        operations.approve_proposal(actor=scene.second, at=AT, proposal_id=proposal.pk)
    assert caught.value.params["resource"] == "training_request"
    nothing_is_kept(scene)


def test_gap_of_a_need_that_is_gone_is_not_passed_over() -> None:
    scene = ranked(themes=TWO, offerings_per_theme=1)
    proposal = approved(scene)
    first, second = scene.parts(proposal)
    accepted(scene, first)
    refused(scene, second)
    work()
    withdraw(scene)
    with refusal(ErrorCode.WRONG_STATE) as caught:
        operations.go_on_without(actor=scene.officer, at=AT, proposal_id=proposal.pk)
    assert (caught.value.params["verb"], caught.value.params["state"]) == ("go-on-without", "withdrawn")
    nothing_is_kept(scene)


def test_who_may_not_learns_nothing_of_the_end() -> None:
    scene = ranked()
    [part] = scene.parts(approved(scene))
    withdraw(scene)
    for actor in (scene.officer, member(OrganizationFactory.create(), "provider_staff")):
        with refusal(ErrorCode.PERMISSION_DENIED):
            operations.accept_part(actor=actor, at=AT, part_id=part.pk)


# --- the need is gone: who lets go may --------------------------------------------------------------------------------


def letting_go(scene: MarketScene, by: str) -> Call:
    if by == "decline":
        chosen = consulted(scene)
        return lambda: operations.decline_proposal(
            actor=scene.officer, at=AT, proposal_id=chosen.pk, reason_code="cost"
        )
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    if by == "retract":
        return lambda: operations.retract_approval(actor=scene.officer, at=AT, proposal_id=proposal.pk)
    return lambda: refused(scene, part)


@pytest.mark.parametrize("by", ["decline", "refuse", "retract"])
def test_partner_and_secretariat_may_let_go_of_a_need_that_is_gone(by: str) -> None:
    scene = ranked()
    let_go = letting_go(scene, by)
    withdraw(scene)
    let_go()
    assert not LineClaim.objects.filter(released_at=None).exists()
    nothing_is_kept(scene)


# --- the need is gone: jobs of before come late -----------------------------------------------------------------------


def test_replacement_for_a_need_that_is_gone_is_not_put_forward() -> None:
    scene = ranked()
    proposal = approved(scene)
    [part] = scene.parts(proposal)
    refused(scene, part)
    withdraw(scene)
    told = OutboxEvent.objects.count()
    assert replacing.put_forward(part.pk, None, at=AT) is None
    proposal.refresh_from_db()
    assert (proposal.state, OutboxEvent.objects.count()) == ("approved", told)
    nothing_is_kept(scene)


def test_partner_is_not_asked_again_about_a_need_that_is_gone() -> None:
    scene = ranked()
    [part] = scene.parts(approved(scene))
    content = requests.content_of(TrainingRequest.objects.get(pk=scene.request.pk))
    changed = replace(content, languages_may=("en",))
    requests.change_request(actor=SYSTEM, at=AT, request_id=scene.request.pk, content=changed)
    withdraw(scene)
    nothing_is_kept(scene)
    part.refresh_from_db()
    assert part.state == "withdrawn"
    assert not OutboxEvent.objects.filter(type="proposal_part.reconfirmation_asked").exists()


def test_endorsement_that_comes_after_the_end_confirms_nothing() -> None:
    scene = ranked()
    authority = OrganizationFactory.create(kind="government")
    about: dict[str, Any] = {"actor": SYSTEM, "at": AT}
    endorsement = requests.request_endorsement(request_id=scene.request.pk, authority=authority.code, **about)
    [part] = scene.parts(approved(scene))
    assert accepted(scene, part).waiting_for == "authority"
    withdraw(scene)
    requests.record_endorsement(
        endorsement_id=endorsement.pk, given=True, decided_on=date(2026, 11, 20), letter_reference="MFA/12", **about
    )
    assert endorsing.confirm_endorsed(request_id=scene.request.pk, **about) == []
    nothing_is_kept(scene)


def test_need_that_was_opened_again_before_its_end_was_followed_keeps_what_was_decided_since() -> None:
    scene = ranked()
    requests.waive_call_for_offers(actor=SYSTEM, at=AT, request_id=scene.request.pk)
    requests.mark_unmet(actor=SYSTEM, at=AT, request_id=scene.request.pk, reason_code="other")
    requests.reopen_request(actor=SYSTEM, at=AT, request_id=scene.request.pk)
    proposal = approved(scene)
    reactions.need_gone(request=scene.request.public_id, at=later(1), reason="marked_unmet")
    proposal.refresh_from_db()
    assert proposal.state == "approved"
    [part] = scene.parts(proposal)
    assert accepted(scene, part, at=later(1)).state == "confirmed"


# --- a session, an offering or a provider is gone ---------------------------------------------------------------------


def cancel_session(part: ProposalPart) -> None:
    providers.cancel_session(actor=SYSTEM, at=AT, session_id=part.session_id or 0, reason_code="other")


def suspend_offering(part: ProposalPart) -> None:
    providers.suspend_offering(actor=SYSTEM, at=AT, offering_id=part.offering_id, reason_code="other")


def retire_offering(part: ProposalPart) -> None:
    providers.retire_offering(actor=SYSTEM, at=AT, offering_id=part.offering_id)


def suspend_provider(part: ProposalPart) -> None:
    providers.suspend_provider(actor=SYSTEM, at=AT, provider_id=part.provider_id, reason_code="other")


GONE: dict[str, tuple[Callable[[ProposalPart], None], str, str]] = {
    "session": (cancel_session, "session", "cancelled"),
    "offering": (suspend_offering, "offering", "suspended"),
    "offering for good": (retire_offering, "offering", "retired"),
    "provider": (suspend_provider, "provider", "suspended"),
}
ENGAGING = {"approve": to_approve, "accept": to_accept, "consent": to_consent, "replace": to_replace}


@pytest.mark.parametrize("gone", sorted(GONE))
@pytest.mark.parametrize("step", sorted(ENGAGING))
def test_nobody_is_asked_and_nobody_accepts_for_what_is_gone(step: str, gone: str) -> None:
    scene = ranked(offerings_per_theme=3)
    go_on = ENGAGING[step](scene)
    live = ProposalPart.objects.filter(state__in=["replacement", "asked", "countered"])
    part = live.first() or scene.parts(scene.best())[0]
    take_out, resource, state = GONE[gone]
    take_out(part)
    told = OutboxEvent.objects.count()
    with refusal(ErrorCode.WRONG_STATE) as caught:
        go_on()
    assert (caught.value.params["resource"], caught.value.params["state"]) == (resource, state)
    assert OutboxEvent.objects.count() == told
    work()
    part.refresh_from_db()
    assert part.state in ("lapsed", "superseded", "suggested")
    assert not LineClaim.objects.filter(claimant=part.public_id, released_at=None).exists()


@pytest.mark.parametrize("gone", sorted(GONE))
def test_last_word_confirms_nothing_while_a_partner_who_had_accepted_is_gone(gone: str) -> None:
    scene = ranked(themes=TWO)
    proposal = approved(scene)
    first, second = scene.parts(proposal)
    accepted(scene, first)
    GONE[gone][0](first)
    assert accepted(scene, second).state == "approved"
    work()
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.state, second.state) == ("lapsed", "accepted")
    replacement = ProposalPart.objects.get(replaces=first)
    operations.approve_replacement(actor=scene.officer, at=AT, part_id=replacement.pk)
    assert accepted(scene, replacement).state == "confirmed"


def test_what_stands_on_no_session_is_not_asked_for_one() -> None:
    scene = market(with_sessions=False)
    work()
    [part] = scene.parts(approved(scene))
    assert part.session is None
    assert accepted(scene, part).state == "confirmed"


# --- the need has changed ---------------------------------------------------------------------------------------------


def change(scene: MarketScene, **changes: Any) -> None:
    content = requests.content_of(TrainingRequest.objects.get(pk=scene.request.pk))
    requests.change_request(actor=SYSTEM, at=AT, request_id=scene.request.pk, content=replace(content, **changes))


def to_go_on_without(scene: MarketScene) -> Call:
    proposal = approved(scene)
    first, second = scene.parts(proposal)
    accepted(scene, first)
    refused(scene, second)
    work()
    return lambda: operations.go_on_without(actor=scene.officer, at=AT, proposal_id=proposal.pk)


def to_endorse(scene: MarketScene) -> Call:
    authority = OrganizationFactory.create(kind="government")
    about: dict[str, Any] = {"actor": SYSTEM, "at": AT}
    endorsement = requests.request_endorsement(request_id=scene.request.pk, authority=authority.code, **about)
    [part] = scene.parts(approved(scene))
    accepted(scene, part)

    def endorse() -> None:
        requests.record_endorsement(
            endorsement_id=endorsement.pk, given=True, decided_on=date(2026, 11, 20), letter_reference="MFA/12", **about
        )
        assert endorsing.confirm_endorsed(request_id=scene.request.pk, **about) == []

    return endorse


def to_approve_and_accept(scene: MarketScene) -> Call:
    """What was suggested for the need as it was is approved and accepted in no time."""
    approve = to_approve(scene)

    def both() -> None:
        approve()
        accepted(scene, ProposalPart.objects.select_related("offering__provider").get(state="asked"))

    return both


LAST_WORDS: dict[str, tuple[Callable[[MarketScene], Call], dict[str, Any]]] = {
    "accept": (to_accept, {}),
    "consent": (to_consent, {}),
    "go on": (to_go_on_without, {"themes": TWO, "offerings_per_theme": 1}),
    "endorse": (to_endorse, {}),
    "approve and accept": (to_approve_and_accept, {}),
}


@pytest.mark.parametrize("step", sorted(LAST_WORDS))
def test_last_word_confirms_nothing_while_the_need_has_changed_and_the_partner_is_asked_again(step: str) -> None:
    prepare, facts = LAST_WORDS[step]
    scene = ranked(**facts)
    go_on = prepare(scene)
    change(scene, languages_may=("en",))
    go_on()
    proposal = MatchProposal.objects.get(parts__state="accepted")
    assert proposal.state == "approved"
    work()
    proposal.refresh_from_db()
    part = proposal.parts.select_related("offering__provider").get(state="asked")
    assert (proposal.state, part.step, part.answered_at) == ("approved", "proposal.reconfirm", None)
    assert accepted(scene, part).state == "confirmed"


def test_partner_whom_the_change_rules_out_is_not_confirmed() -> None:
    scene = ranked()
    [part] = scene.parts(approved(scene))
    change(scene, excluded_organizations=(part.provider.organization.code,))
    assert accepted(scene, part).state == "approved"
    work()
    part.refresh_from_db()
    assert part.state == "lapsed"
    assert ProposalPart.objects.get(replaces=part).state == "replacement"


def test_days_for_which_the_need_has_no_room_any_more_are_not_accepted() -> None:
    scene = ranked()
    [part] = scene.parts(approved(scene))
    assert part.end_on is not None
    window = Period(part.end_on + timedelta(days=30), part.end_on + timedelta(days=90))
    change(scene, window=window)
    for _ in range(2):  # before the partner was asked again, and after
        with refusal(ErrorCode.RULE_BROKEN) as caught:
            accepted(scene, part)
        assert [error.code for error in caught.value.errors] == ["outside_window"]
        assert caught.value.errors[0].params == {"earliest": str(window.start), "latest": str(window.end)}
        work()
    part.refresh_from_db()
    assert (part.state, part.step) == ("asked", "proposal.reconfirm")
    refused(scene, part)


def test_days_that_are_agreed_on_lie_in_the_window_as_it_is_now() -> None:
    scene = market(with_sessions=False)
    work()
    [part] = scene.parts(approved(scene))
    terms = CounterTerms(start_on=date(2027, 3, 8), end_on=date(2027, 3, 10))
    operations.counter_part(actor=scene.provider(part.offering), at=AT, part_id=part.pk, terms=terms)
    operations.consent_counter(actor=scene.focal, at=AT, part_id=part.pk, agree=True)
    change(scene, window=Period(date(2027, 4, 1), date(2027, 6, 30)))
    with refusal(ErrorCode.RULE_BROKEN):
        operations.consent_counter(actor=scene.officer, at=AT, part_id=part.pk, agree=True)
    work()
    part.refresh_from_db()
    assert (part.state, part.step) == ("asked", "proposal.reconfirm")


def test_edit_that_does_not_matter_holds_no_answer_up() -> None:
    scene = ranked()
    [part] = scene.parts(approved(scene))
    change(scene, title={"en": "Another title"})
    assert accepted(scene, part).state == "confirmed"


def test_part_from_before_the_version_was_kept_is_confirmed_and_asked_again_as_ever() -> None:
    scene = ranked(themes=TWO, offerings_per_theme=1)
    first, second = scene.parts(approved(scene))
    ProposalPart.objects.update(content_version=None)
    accepted(scene, first)
    change(scene, languages_may=("en",))
    assert accepted(scene, second).state == "confirmed"

    other = ranked()
    [part] = other.parts(approved(other))
    ProposalPart.objects.update(content_version=None)
    change(other, languages_may=("en",))
    work()
    part.refresh_from_db()
    assert (part.step, part.content_version) == ("proposal.reconfirm", 2)


# --- the session was moved --------------------------------------------------------------------------------------------


def move(part: ProposalPart, **facts: Any) -> None:
    providers.change_session(actor=SYSTEM, at=AT, session_id=part.session_id or 0, facts=facts)


MOVES: dict[str, dict[str, Any]] = {
    "dates": {"start_on": date(2027, 3, 15), "end_on": date(2027, 3, 17)},
    "place": {"city": "Mopti"},
}


@pytest.mark.parametrize("what", sorted(MOVES))
def test_last_word_confirms_nothing_while_the_session_is_another_and_the_partner_is_asked_again(what: str) -> None:
    scene = ranked()
    [part] = scene.parts(approved(scene))
    move(part, **MOVES[what])
    assert accepted(scene, part).state == "approved"
    work()
    part.refresh_from_db()
    assert (part.state, part.step) == ("asked", "proposal.reconfirm")
    assert accepted(scene, part).state == "confirmed"


def test_part_that_was_made_of_a_session_before_it_moved_is_seen_to_when_its_partner_accepts() -> None:
    scene = ranked()
    [part] = scene.parts(approved(scene))
    # A run that read the session before it was moved wrote this down after the job that looks for such parts.
    ProposalPart.objects.filter(pk=part.pk).update(start_on=date(2027, 3, 1), end_on=date(2027, 3, 3))
    assert accepted(scene, part).state == "approved"
    work()
    part.refresh_from_db()
    assert (part.state, part.start_on) == ("asked", date(2027, 3, 8))
    assert accepted(scene, part).state == "confirmed"
