"""Questions, endorsements and shares."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from marketplace.accounts.actors import Actor
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from requests_app import operations, queries, tasks
from requests_app.models import Clarification, Endorsement
from tests.factories.accounts import MembershipFactory, OrganizationFactory, member, secretariat
from tests.factories.requests import SYSTEM, draft, opened
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


# --- questions ----------------------------------------------------------------------------------------------------


def test_asked_provider_asks_and_the_requester_answers(at: datetime) -> None:
    agency, centre = OrganizationFactory.create(), OrganizationFactory.create()
    request = opened(agency, visibility="agency")
    operations.share_request(actor=SYSTEM, at=at, request_id=request.pk, organization_ids=[centre.pk])
    staff = member(centre, "provider_staff")
    question = operations.ask_clarification(actor=staff, at=at, request_id=request.pk, question="Which level?")
    assert (question.state, question.waiting_for) == ("open", "requester")
    answered = operations.answer_clarification(
        actor=member(agency), at=at, clarification_id=question.pk, answer="Intermediate."
    )
    assert (answered.state, answered.answered_at, answered.waiting_for) == ("answered", at, "nobody")
    request.refresh_from_db()
    assert request.state == "open"


def test_question_is_read_by_who_asked_the_requester_and_the_secretariat(at: datetime) -> None:
    agency, one, two = (OrganizationFactory.create() for _ in range(3))
    request = opened(agency, visibility="agency")
    operations.share_request(actor=SYSTEM, at=at, request_id=request.pk, organization_ids=[one.pk, two.pk])
    asker = member(one, "provider_staff")
    operations.ask_clarification(actor=asker, at=at, request_id=request.pk, question="Which level?")
    readers = {
        "asker": asker,
        "rival": member(two, "provider_staff"),
        "requester": member(agency, "viewer"),
        "secretariat": secretariat(),
    }
    counts = {name: queries.clarifications_for(request, actor, at=at).count() for name, actor in readers.items()}
    assert counts == {"asker": 1, "rival": 0, "requester": 1, "secretariat": 1}


def test_stranger_cannot_ask(at: datetime) -> None:
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.ask_clarification(
            actor=member(OrganizationFactory.create(), "provider_staff"),
            at=at,
            request_id=opened(visibility="public").pk,
            question="Which level?",
        )


def test_answer_is_given_once_and_by_the_requester(at: datetime) -> None:
    request = opened()
    question = operations.ask_clarification(actor=secretariat(), at=at, request_id=request.pk, question="Which?")
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.answer_clarification(actor=secretariat(), at=at, clarification_id=question.pk, answer="This.")
    operations.answer_clarification(actor=SYSTEM, at=at, clarification_id=question.pk, answer="This.")
    with refusal(ErrorCode.ALREADY_ANSWERED):
        operations.answer_clarification(actor=SYSTEM, at=at, clarification_id=question.pk, answer="That.")


def test_question_is_taken_back_with_the_right_by_which_it_was_put(at: datetime) -> None:
    one, other = OrganizationFactory.create(), OrganizationFactory.create()
    request = opened()
    operations.share_request(actor=SYSTEM, at=at, request_id=request.pk, organization_ids=[one.pk])
    asker = member(one, "provider_staff")
    question = operations.ask_clarification(actor=asker, at=at, request_id=request.pk, question="Which?")
    onlooker = MembershipFactory.create(organization=one, role="viewer").user
    MembershipFactory.create(user=onlooker, organization=other, role="provider_staff")
    actor = Actor.for_user(onlooker)
    assert queries.clarification_actions(question, actor, at=at) == []
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.withdraw_clarification(actor=actor, at=at, clarification_id=question.pk)
    assert queries.clarification_actions(question, asker, at=at) == ["withdraw"]
    assert operations.withdraw_clarification(actor=asker, at=at, clarification_id=question.pk).state == "withdrawn"


def test_question_is_taken_back_by_who_asked(at: datetime) -> None:
    agency = OrganizationFactory.create()
    request = opened(agency)
    question = operations.ask_clarification(actor=secretariat(), at=at, request_id=request.pk, question="Which?")
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.withdraw_clarification(actor=member(agency), at=at, clarification_id=question.pk)
    taken = operations.withdraw_clarification(actor=secretariat(), at=at, clarification_id=question.pk)
    assert taken.state == "withdrawn"
    with refusal(ErrorCode.WRONG_STATE):
        operations.answer_clarification(actor=SYSTEM, at=at, clarification_id=question.pk, answer="This.")


def test_question_about_a_draft_is_refused(at: datetime) -> None:
    with refusal(ErrorCode.WRONG_STATE):
        operations.ask_clarification(actor=SYSTEM, at=at, request_id=draft().pk, question="Which?")


@pytest.mark.parametrize("words", ["", "  "])
def test_empty_words_are_refused(at: datetime, words: str) -> None:
    request = opened()
    with refusal(ErrorCode.RULE_BROKEN):
        operations.ask_clarification(actor=SYSTEM, at=at, request_id=request.pk, question=words)
    question = operations.ask_clarification(actor=SYSTEM, at=at, request_id=request.pk, question="Which?")
    with refusal(ErrorCode.RULE_BROKEN):
        operations.answer_clarification(actor=SYSTEM, at=at, clarification_id=question.pk, answer=words)
    assert Clarification.objects.get(pk=question.pk).state == "open"


# --- endorsements -------------------------------------------------------------------------------------------------


def record(endorsement: Endorsement, at: datetime, *, given: bool = True, **values: Any) -> Endorsement:
    facts: dict[str, Any] = {"decided_on": at.date(), "letter_reference": "MAE/2026/114", **values}
    return operations.record_endorsement(
        actor=secretariat(),
        at=at,
        endorsement_id=endorsement.pk,
        given=given,
        **facts,
    )


def test_pending_endorsement_blocks_confirmation_until_it_is_given(at: datetime) -> None:
    request, ministry = opened(), OrganizationFactory.create(kind="government")
    assert queries.endorsement_state(request.pk) == "not_required"
    assert not queries.endorsement_blocks(request.pk)
    endorsement = operations.request_endorsement(actor=SYSTEM, at=at, request_id=request.pk, authority=ministry.code)
    assert (endorsement.state, endorsement.waiting_for) == ("pending", "authority")
    assert queries.endorsement_blocks(request.pk)
    record(endorsement, at)
    assert queries.endorsement_state(request.pk) == "given"
    assert not queries.endorsement_blocks(request.pk)
    assert OutboxEvent.objects.get(type="endorsement.recorded").data["given"] is True


def test_refused_endorsement_goes_on_blocking(at: datetime) -> None:
    request, ministry = opened(), OrganizationFactory.create()
    endorsement = operations.request_endorsement(actor=SYSTEM, at=at, request_id=request.pk, authority=ministry.code)
    assert record(endorsement, at, given=False).state == "refused"
    assert queries.endorsement_blocks(request.pk)
    again = operations.request_endorsement(actor=SYSTEM, at=at, request_id=request.pk, authority=ministry.code)
    record(again, at)
    assert not queries.endorsement_blocks(request.pk)


def test_one_open_endorsement_for_each_authority(at: datetime) -> None:
    request, ministry = opened(), OrganizationFactory.create()
    operations.request_endorsement(actor=SYSTEM, at=at, request_id=request.pk, authority=ministry.code)
    with refusal(ErrorCode.DUPLICATE):
        operations.request_endorsement(actor=SYSTEM, at=at, request_id=request.pk, authority=ministry.code)


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"letter_reference": " "}, "missing"),
        ({"decided_on": date(2026, 12, 1)}, "in_future"),
        ({"valid_until": date(2026, 11, 1)}, "over"),
    ],
)
def test_endorsement_needs_a_plausible_letter(at: datetime, values: dict[str, Any], code: str) -> None:
    endorsement = operations.request_endorsement(
        actor=SYSTEM, at=at, request_id=opened().pk, authority=OrganizationFactory.create().code
    )
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        record(endorsement, at, **values)
    assert caught.value.errors[0].code == code


def test_endorsement_is_recorded_by_the_secretariat_and_once(at: datetime) -> None:
    agency = OrganizationFactory.create()
    endorsement = operations.request_endorsement(
        actor=member(agency), at=at, request_id=opened(agency).pk, authority=OrganizationFactory.create().code
    )
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.record_endorsement(
            actor=member(agency),
            at=at,
            endorsement_id=endorsement.pk,
            given=True,
            decided_on=at.date(),
            letter_reference="X",
        )
    record(endorsement, at)
    with refusal(ErrorCode.WRONG_STATE):
        record(endorsement, at)


def test_endorsement_expires_after_its_validity(at: datetime) -> None:
    request = opened()
    endorsement = operations.request_endorsement(
        actor=SYSTEM, at=at, request_id=request.pk, authority=OrganizationFactory.create().code
    )
    record(endorsement, at, valid_until=at.date())
    tasks.expire_endorsements({}, at=at)
    assert queries.endorsement_state(request.pk) == "given"
    tasks.expire_endorsements({}, at=at + timedelta(days=1))
    assert queries.endorsement_state(request.pk) == "expired"
    assert queries.endorsement_blocks(request.pk)


def test_stale_version_of_an_endorsement_is_refused(at: datetime) -> None:
    endorsement = operations.request_endorsement(
        actor=SYSTEM, at=at, request_id=opened().pk, authority=OrganizationFactory.create().code
    )
    with refusal(ErrorCode.PRECONDITION_FAILED):
        record(endorsement, at, expected_version=7)
