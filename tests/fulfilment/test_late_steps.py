"""Steps between the end of a need, a session, an offering or a provider and the job that follows it; and on what is gone."""

from collections.abc import Callable, Sequence
from datetime import date
from uuid import UUID

import pytest

from fulfilment import operations, queries
from fulfilment.models import Delivery, Engagement
from fulfilment.operations import ChangeTerms, DeliveryTerms
from fulfilment.operations.releasing import in_lock_order
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import ErrorCode
from marketplace.work.loop import settle
from matching.queries import AgreedTerms
from providers import operations as providers
from providers.models import CapacityHold, Session
from requests_app import operations as requests
from requests_app.models import RequestLine
from tests.factories import fulfilment as scenes
from tests.factories.fulfilment import AT, BEGUN, SYSTEM, DeliveryFactory, Scene, brought_to
from tests.factories.providers import CapacityWindowFactory, OfferingFactory, ProviderFactory, SessionFactory
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db


def withdraw(made: Scene) -> None:
    requests.withdraw_request(actor=made.focal, at=AT, request_id=made.request.pk)


def cancel(made: Scene) -> None:
    requests.cancel_request(actor=SYSTEM, at=AT, request_id=made.request.pk, reason_code="other")


ENDINGS = {"cancelled": cancel, "withdrawn": withdraw}


def held(state: str) -> Scene:
    made = brought_to(state)
    operations.hold_engagement(actor=made.officer, at=BEGUN, engagement_id=made.id, reason_code="security")
    return made


def follow(made: Scene) -> int:
    return operations.cancel_for_request(actor=SYSTEM, at=BEGUN, request_id=made.request.public_id)


# --- the need is gone: what is on hold --------------------------------------------------------------------------------


@pytest.mark.parametrize("ending", sorted(ENDINGS))
@pytest.mark.parametrize("state", ["planned", "agreed"])
def test_what_was_held_before_it_began_ends_with_its_need(state: str, ending: str) -> None:
    made = held(state)
    ENDINGS[ending](made)
    assert follow(made) == 1
    ended = made.fresh()
    assert (ended.state, ended.cancel_reason, ended.waiting_for) == ("cancelled", "requester_withdrew", "nobody")
    assert not CapacityHold.objects.filter(state__in=["held", "confirmed"]).exists()
    assert not Session.objects.exclude(seats_held=0, seats_confirmed=0).exists()
    assert RequestLine.objects.get(request=made.request).claimed == 0
    assert follow(made) == 0


def test_what_was_held_after_it_began_is_left_to_the_secretariat() -> None:
    made = held("in_delivery")
    cancel(made)
    assert follow(made) == 0
    assert (made.fresh().state, made.fresh().hold_reason) == ("on_hold", "security")
    assert "resume" in queries.engagement_actions(made.fresh(), made.officer, at=BEGUN)
    assert operations.resume_engagement(actor=made.officer, at=BEGUN, engagement_id=made.id).state == "in_delivery"


# --- the need is gone: nothing begins -----------------------------------------------------------------------------------


def to_agree(made: Scene) -> object:
    return operations.agree_engagement(actor=made.provider, at=AT, engagement_id=made.id)


def to_start(made: Scene) -> object:
    return operations.start_engagement(actor=made.provider, at=BEGUN, engagement_id=made.id)


def to_start_delivery(made: Scene) -> object:
    return operations.start_delivery(actor=made.provider, at=BEGUN, delivery_id=made.deliveries()[0].pk)


def to_resume(made: Scene) -> object:
    return operations.resume_engagement(actor=made.officer, at=BEGUN, engagement_id=made.id)


BEGINNINGS: dict[str, tuple[Callable[[], Scene], Callable[[Scene], object], str]] = {
    "agree": (lambda: brought_to("planned"), to_agree, "agree"),
    "start": (lambda: brought_to("agreed"), to_start, "start"),
    "start a delivery": (lambda: brought_to("agreed"), to_start_delivery, "start"),
    "resume": (lambda: held("agreed"), to_resume, "resume"),
}


def named(made: Scene) -> set[str]:
    """Give the verbs that lead and officer are told of, of the engagement and of its deliveries."""
    verbs: set[str] = set()
    for actor in (made.provider, made.officer):
        verbs.update(queries.engagement_actions(made.fresh(), actor, at=BEGUN))
        for delivery in made.deliveries():
            verbs.update(queries.delivery_actions(delivery, actor, at=BEGUN))
    return verbs


@pytest.mark.parametrize("ending", sorted(ENDINGS))
@pytest.mark.parametrize("step", sorted(BEGINNINGS))
def test_nothing_begins_for_a_need_that_is_gone_and_nothing_of_it_is_named(step: str, ending: str) -> None:
    prepare, begin, verb = BEGINNINGS[step]
    made = prepare()
    assert verb in named(made)
    ENDINGS[ending](made)
    assert not {"agree", "start", "resume"} & named(made)
    told = OutboxEvent.objects.count()
    with refusal(ErrorCode.WRONG_STATE) as caught:
        begin(made)
    said = caught.value.params
    assert (said["verb"], said["state"], said["resource"]) == (verb, ending, "training_request")
    assert said["allowed_actions"] == ()
    assert OutboxEvent.objects.count() == told
    settle(clock=lambda: BEGUN)
    assert made.fresh().state == "cancelled"


def test_who_may_not_begin_learns_nothing_of_the_end() -> None:
    made = brought_to("planned")
    withdraw(made)
    with refusal(ErrorCode.PERMISSION_DENIED):
        operations.agree_engagement(actor=made.focal, at=AT, engagement_id=made.id)


def test_what_has_begun_for_a_need_that_is_gone_may_be_brought_to_its_end() -> None:
    made = brought_to("in_delivery", parts=2)
    cancel(made)
    assert follow(made) == 1
    operations.resume_engagement(actor=made.officer, at=BEGUN, engagement_id=made.id)
    second = made.deliveries()[1]
    if second.state == "planned":
        assert "start" in queries.delivery_actions(second, made.provider, at=BEGUN)
        operations.start_delivery(actor=made.provider, at=BEGUN, delivery_id=second.pk)
    assert {row.state for row in made.deliveries()} == {"running"}


# --- provider and offering are gone ---------------------------------------------------------------------------------------


def suspend_provider(delivery: Delivery) -> None:
    providers.suspend_provider(actor=SYSTEM, at=AT, provider_id=delivery.provider_id, reason_code="other")


def suspend_offering(delivery: Delivery) -> None:
    providers.suspend_offering(actor=SYSTEM, at=AT, offering_id=delivery.offering_id, reason_code="other")


def retire_offering(delivery: Delivery) -> None:
    providers.retire_offering(actor=SYSTEM, at=AT, offering_id=delivery.offering_id)


OUT: dict[str, tuple[Sequence[Callable[[Delivery], None]], str, str]] = {
    "provider": ([suspend_provider], "provider", "suspended"),
    "offering": ([suspend_offering], "offering", "suspended"),
    "offering for good": ([suspend_offering, retire_offering], "offering", "retired"),
}


@pytest.mark.parametrize("out", sorted(OUT))
@pytest.mark.parametrize("state", ["planned", "agreed"])
def test_nothing_is_resumed_onto_what_is_out_until_another_takes_it_over(state: str, out: str) -> None:
    made = brought_to(state)
    settle(clock=lambda: AT)
    steps, resource, gone = OUT[out]
    for step in steps:
        step(made.deliveries()[0])
        settle(clock=lambda: AT)
    assert made.fresh().state == "on_hold"
    with refusal(ErrorCode.WRONG_STATE) as caught:
        to_resume(made)
    said = caught.value.params
    assert (said["verb"], said["resource"], said["state"]) == ("resume", resource, gone)
    assert made.fresh().state == "on_hold"
    session = SessionFactory.create(offering=OfferingFactory.create(published=True))
    change(made, DeliveryTerms(1, offering_id=session.offering_id, session_id=session.pk))
    assert operations.resume_engagement(actor=made.officer, at=AT, engagement_id=made.id).state == state


def change(made: Scene, *terms: DeliveryTerms) -> None:
    wanted = ChangeTerms(deliveries=terms)
    operations.propose_change(actor=made.officer, at=AT, engagement_id=made.id, terms=wanted)
    operations.agree_change(actor=made.provider, at=AT, engagement_id=made.id)
    operations.agree_change(actor=made.focal, at=AT, engagement_id=made.id)


@pytest.mark.parametrize(("out", "back"), [(suspend_provider, "provider"), (suspend_offering, "offering")])
def test_what_is_back_is_resumed(out: Callable[[Delivery], None], back: str) -> None:
    made = brought_to("agreed")
    settle(clock=lambda: AT)
    delivery = made.deliveries()[0]
    out(delivery)
    settle(clock=lambda: AT)
    if back == "provider":
        providers.reinstate_provider(actor=SYSTEM, at=AT, provider_id=delivery.provider_id)
    else:
        providers.reinstate_offering(actor=SYSTEM, at=AT, offering_id=delivery.offering_id)
    assert operations.resume_engagement(actor=made.officer, at=AT, engagement_id=made.id).state == "agreed"


def test_offering_that_is_merely_offered_no_more_keeps_no_engagement_on_hold() -> None:
    made = held("agreed")
    retire_offering(made.deliveries()[0])
    assert operations.resume_engagement(actor=made.officer, at=AT, engagement_id=made.id).state == "agreed"


def test_what_runs_by_a_provider_that_is_out_is_left_to_the_secretariat() -> None:
    made = brought_to("in_delivery")
    settle(clock=lambda: BEGUN)
    suspend_provider(made.deliveries()[0])
    settle(clock=lambda: BEGUN)
    assert made.fresh().hold_reason == "provider_suspended"
    assert operations.resume_engagement(actor=made.officer, at=BEGUN, engagement_id=made.id).state == "in_delivery"


def broken(call: Callable[[], object]) -> tuple[str, str]:
    with refusal(ErrorCode.RULE_BROKEN) as caught:
        call()
    [error] = caught.value.errors
    return error.pointer, error.code


def test_no_part_goes_over_to_a_suspended_provider() -> None:
    made = brought_to("planned")
    offering = OfferingFactory.create(provider=ProviderFactory.create(state="suspended"), published=True)
    terms = ChangeTerms(deliveries=(DeliveryTerms(1, offering_id=offering.pk),))
    propose = {"actor": made.provider, "at": AT, "engagement_id": made.id}
    found = broken(lambda: operations.propose_change(**propose, terms=terms))  # type: ignore[arg-type]
    assert found == ("/deliveries/0/offering", "provider_suspended")


def test_provider_suspended_since_the_change_was_proposed_does_not_take_over() -> None:
    made = brought_to("planned")
    offering = OfferingFactory.create(published=True)
    terms = ChangeTerms(deliveries=(DeliveryTerms(1, offering_id=offering.pk),))
    operations.propose_change(actor=made.provider, at=AT, engagement_id=made.id, terms=terms)
    operations.agree_change(actor=made.focal, at=AT, engagement_id=made.id)
    providers.suspend_provider(actor=SYSTEM, at=AT, provider_id=offering.provider_id, reason_code="other")
    agree = {"actor": made.officer, "at": AT, "engagement_id": made.id}
    assert broken(lambda: operations.agree_change(**agree))[1] == "provider_suspended"  # type: ignore[arg-type]
    assert made.deliveries()[0].offering_id != offering.pk


def test_what_stays_with_a_suspended_provider_may_still_get_other_days() -> None:
    made = brought_to("planned")
    suspend_provider(made.deliveries()[0])
    change(made, DeliveryTerms(1, end_on=date(2027, 3, 11)))
    assert made.deliveries()[0].end_on == date(2027, 3, 11)


# --- the order of locks ---------------------------------------------------------------------------------------------------


@pytest.fixture
def falling(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Give the parts of a scene ids that fall while the keys of their sessions rise; gives those ids, highest first."""
    ids = [UUID(int=number) for number in range(9, 0, -1)]
    left = iter(ids)
    monkeypatch.setattr(scenes, "uuid4", lambda: next(left))
    return ids


def with_parts(count: int) -> Scene:
    made: Scene = scenes.scene.__wrapped__(parts=count)  # type: ignore[attr-defined]
    return made


def by_session(terms: AgreedTerms) -> list[UUID]:
    return [part.part_id for part in sorted(terms.parts, key=lambda part: part.session_id or 0)]


def test_cancelling_gives_back_by_session_and_not_by_part(falling: list[UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    made = with_parts(3)
    assert by_session(made.terms) == falling[:3]
    release, given_back = providers.release_holds, list[UUID]()

    def noted(*, holder: UUID, **rest: object) -> list[CapacityHold]:
        given_back.append(holder)
        return release(holder=holder, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(providers, "release_holds", noted)
    operations.cancel_engagement(actor=made.officer, at=AT, engagement_id=made.id, reason_code="other")
    assert given_back == falling[:3]


def test_change_moves_capacity_by_session_and_not_by_part(falling: list[UUID], monkeypatch: pytest.MonkeyPatch) -> None:
    made = with_parts(3)
    move, moved = providers.move_holds, list[UUID]()

    def noted(*, holder: UUID, **rest: object) -> list[CapacityHold]:
        moved.append(holder)
        return move(holder=holder, **rest)  # type: ignore[arg-type]

    monkeypatch.setattr(providers, "move_holds", noted)
    change(made, *(DeliveryTerms(number, seats=18) for number in (3, 1, 2)))
    assert moved == falling[:3]


def test_parts_are_locked_sessions_before_windows_by_key_and_by_what_they_leave_and_what_they_take() -> None:
    engagement: Engagement = scenes.EngagementFactory.create()
    window = CapacityWindowFactory.create()
    early, middle, late = (SessionFactory.create() for _ in range(3))

    def part(number: int, **place: object) -> Delivery:
        return DeliveryFactory.create(engagement=engagement, part_id=UUID(int=number), **place)

    def hold(holder: UUID, session: Session) -> None:
        wants = [providers.Want(session_id=session.pk, quantity=1)]
        providers.place_holds(actor=SYSTEM, at=AT, holder=holder, wants=wants, expires_at=AT)

    unplaced, windowed = part(8), part(1, window=window)
    leaving = part(7, session=late)
    hold(leaving.part_id, early)
    given_back = part(2, session=early, state="cancelled")
    hold(given_back.part_id, late)
    two = [part(5, session=late), part(5, session=middle)]
    order = in_lock_order([windowed, given_back, *two, leaving, unplaced])
    assert order == [[unplaced], [leaving], two, [given_back], [windowed]]
