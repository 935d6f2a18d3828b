"""Evaluations, waivers, participation, milestones, cost shares, parties and stories."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from fulfilment import operations
from fulfilment.models import Engagement, Evaluation, Milestone, Participation
from fulfilment.operations import EvaluationFacts, StageCount
from marketplace.accounts.actors import Actor
from marketplace.events.models import EventAudience, OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from providers.models import TrackRecordEntry
from tests.factories.accounts import MembershipFactory, OrganizationFactory, client_of, member
from tests.factories.fulfilment import (
    AT,
    BEGUN,
    CONFIRMED,
    LATER,
    REPORTED,
    EvaluationFactory,
    Scene,
    attended,
    brought_to,
    reaction,
    scene,
)

pytestmark = pytest.mark.django_db


def refused(code: ErrorCode, call: Callable[[], object]) -> DomainError:
    with pytest.raises(DomainError) as caught:
        call()
    assert caught.value.code == code, caught.value
    return caught.value


def broken(call: Callable[[], object]) -> str:
    return refused(ErrorCode.RULE_BROKEN, call).errors[0].code


def record(made: Scene, facts: EvaluationFacts, actor: Actor | None = None) -> Evaluation:
    return operations.record_evaluation(actor=actor or made.provider, at=CONFIRMED, engagement_id=made.id, facts=facts)


def milestone(made: Scene, kind: str) -> Milestone:
    return Milestone.objects.get(engagement=made.engagement, kind=kind)


# --- evaluations ---------------------------------------------------------------------------------------------------------


def test_evaluation_meets_its_level_reaches_its_milestone_and_moves_the_step_on() -> None:
    made = brought_to("evaluating", form="course")

    record(made, reaction())

    engagement = made.fresh()
    assert engagement.missing_levels == [2]
    assert (engagement.step, engagement.waiting_for) == ("evaluation.level2", "provider")
    assert milestone(made, "evaluation_level1").state == "done"
    record(made, reaction(level=2, instrument="objective_test"))
    assert (made.fresh().step, made.fresh().waiting_for) == ("engagement.close", "secretariat")


def test_own_assessment_of_the_provider_meets_nothing_and_never_feeds_its_track_record() -> None:
    made = brought_to("evaluating")

    record(made, reaction(source="provider"))
    assert made.fresh().missing_levels == [1]

    record(made, reaction(value=Decimal(3)))
    operations.close_engagement(actor=made.officer, at=LATER, engagement_id=made.id)
    entry = TrackRecordEntry.objects.get()
    assert (entry.value, entry.source) == (500, "participants")


def test_database_refuses_an_own_assessment_that_was_fed() -> None:
    evaluation = EvaluationFactory.create(source="provider")

    with pytest.raises(IntegrityError), transaction.atomic():
        Evaluation.objects.filter(pk=evaluation.pk).update(fed_at=AT)


def test_late_evaluation_after_closing_answers_one_follow_up_and_feeds_at_once() -> None:
    made = brought_to("evaluating")
    record(made, reaction())
    operations.close_engagement(actor=made.officer, at=LATER, engagement_id=made.id)
    day = LATER + timedelta(days=90)

    operations.record_evaluation(
        actor=made.focal,
        at=day,
        engagement_id=made.id,
        facts=reaction(level=3, source="requester", collected_on=day.date(), value=Decimal(5)),
    )

    assert milestone(made, "evaluation_level3_3_months").state == "done"
    assert milestone(made, "evaluation_level3_6_months").state == "open"
    assert set(TrackRecordEntry.objects.values_list("level", "value")) == {(1, 800), (3, 1000)}


def test_evaluation_of_two_providers_feeds_each_of_them() -> None:
    made = brought_to("evaluating", parts=2)
    record(made, reaction())

    operations.close_engagement(actor=made.officer, at=LATER, engagement_id=made.id)

    assert TrackRecordEntry.objects.count() == 2
    assert len(set(TrackRecordEntry.objects.values_list("provider_id", flat=True))) == 2


def test_evaluation_of_one_delivery_feeds_its_provider_alone() -> None:
    made = brought_to("evaluating", parts=2)
    record(made, reaction(delivery_number=2))

    operations.close_engagement(actor=made.officer, at=LATER, engagement_id=made.id)

    assert TrackRecordEntry.objects.get().provider_id == made.sessions[1].offering.provider_id


@pytest.mark.parametrize(
    ("source", "role", "allowed"),
    [
        ("participants", "provider", True),
        ("participants", "focal", True),
        ("provider", "provider", True),
        ("provider", "focal", False),
        ("requester", "focal", True),
        ("requester", "provider", False),
        ("external", "provider", False),
        ("external", "focal", False),
        ("external", "officer", True),
        ("requester", "officer", True),
    ],
)
def test_each_side_speaks_for_itself(source: str, role: str, allowed: bool) -> None:
    made = brought_to("evaluating")
    actor: Actor = getattr(made, role)

    if allowed:
        assert record(made, reaction(source=source), actor).source == source
    else:
        refused(ErrorCode.PERMISSION_DENIED, lambda: record(made, reaction(source=source), actor))


def test_system_of_the_requester_writes_evaluations_within_its_scopes() -> None:
    made = brought_to("evaluating")
    reading = client_of(made.requester, "engagements:read")
    writing = client_of(made.requester, "engagements:write")

    refused(ErrorCode.INSUFFICIENT_SCOPE, lambda: record(made, reaction(), reading))
    assert record(made, reaction(), writing).level == 1


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"level": 5}, "unknown_code"),
        ({"source": "rumour"}, "unknown_code"),
        ({"level": 2}, "instrument_missing"),
        ({"answered": 21}, "more_than_invited"),
        ({"collected_on": date(2030, 1, 1)}, "in_the_future"),
        ({"scale_max": None}, "scale_incomplete"),
        ({"scale_min": Decimal(5), "scale_max": Decimal(1)}, "scale_empty"),
        ({"value": Decimal(6)}, "off_scale"),
        ({"answered": None}, "answered_missing"),
    ],
)
def test_evaluation_that_does_not_hold_together_is_refused(facts: dict[str, object], code: str) -> None:
    made = brought_to("evaluating")

    assert broken(lambda: record(made, reaction(**facts), made.officer)) == code


def test_evaluation_before_delivery_is_the_wrong_state() -> None:
    made = brought_to("agreed")

    refused(ErrorCode.WRONG_STATE, lambda: record(made, reaction(collected_on=AT.date())))


def test_waiver_needs_an_officer_who_belongs_to_no_partner() -> None:
    made = brought_to("evaluating")
    user = MembershipFactory.create(organization=made.office, role="secretariat_officer").user
    MembershipFactory.create(user=user, organization=made.lead, role="provider_staff")

    def waive(actor: Actor) -> object:
        return operations.waive_evaluation(
            actor=actor, at=LATER, engagement_id=made.id, level=1, reason_code="short_event"
        )

    refused(ErrorCode.RECUSED, lambda: waive(Actor.for_user(user)))
    refused(ErrorCode.PERMISSION_DENIED, lambda: waive(made.provider))
    waive(made.officer)
    assert milestone(made, "evaluation_level1").state == "waived"
    refused(ErrorCode.DUPLICATE, lambda: waive(made.officer))


# --- participation -----------------------------------------------------------------------------------------------------


def count(made: Scene, *counts: StageCount) -> None:
    delivery = made.deliveries()[0]
    operations.record_participation(actor=made.provider, at=BEGUN, delivery_id=delivery.pk, counts=counts)


def test_participation_is_kept_by_stage_and_replaced_when_given_again() -> None:
    made = brought_to("in_delivery")
    breakdown = {"sex": {"female": 9, "male": 8, "not_stated": 3}, "country": {"MLI": 20}}

    count(made, StageCount("nominated", 20, breakdown), StageCount("attended", 17))
    count(made, StageCount("attended", 18))

    assert dict(Participation.objects.values_list("stage", "total")) == {"nominated": 20, "attended": 18}
    assert Participation.objects.get(stage="nominated").breakdown == breakdown


@pytest.mark.parametrize(
    ("counts", "code"),
    [
        ([StageCount("slept", 1)], "unknown_code"),
        ([StageCount("attended", -1)], "out_of_range"),
        ([StageCount("attended", 10, {"sex": {"female": 4, "male": 5}})], "sum_differs"),
        ([StageCount("attended", 10, {"hair": {"red": 10}})], "unknown_breakdown"),
        ([StageCount("attended", 10, {"country": {"XYZ": 10}})], "unknown_code"),
        ([StageCount("nominated", 10), StageCount("attended", 11)], "stage_exceeds_earlier"),
        ([StageCount("completed", 5), StageCount("certified", 6)], "stage_exceeds_earlier"),
    ],
)
def test_numbers_that_cannot_be_are_refused(counts: list[StageCount], code: str) -> None:
    made = brought_to("in_delivery")

    assert broken(lambda: count(made, *counts)) == code
    assert not Participation.objects.exists()


def test_later_stage_is_checked_against_what_was_recorded_before() -> None:
    made = brought_to("in_delivery")
    count(made, StageCount("accepted", 15))

    assert broken(lambda: count(made, StageCount("completed", 16))) == "stage_exceeds_earlier"


def test_confirmed_numbers_are_no_longer_changed() -> None:
    made = brought_to("evaluating")

    refused(ErrorCode.WRONG_STATE, lambda: count(made, *attended(20)))


# --- milestones -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "role", "allowed"),
    [
        ("terms_of_reference", "provider", True),
        ("terms_of_reference", "focal", False),
        ("nominations", "focal", True),
        ("nominations", "provider", False),
        ("nominations", "officer", True),
    ],
)
def test_milestone_is_completed_by_who_owes_it_or_the_secretariat(kind: str, role: str, allowed: bool) -> None:
    made = scene()
    row = milestone(made, kind)

    def complete() -> Milestone:
        return operations.complete_milestone(actor=getattr(made, role), at=AT, milestone_id=row.pk, note="Done.")

    if allowed:
        assert (complete().state, complete.__name__) == ("done", "complete")
        assert milestone(made, kind).done_at == AT
        refused(ErrorCode.WRONG_STATE, complete)
    else:
        refused(ErrorCode.PERMISSION_DENIED, complete)


def test_evaluation_milestone_is_reached_by_the_evaluation_alone() -> None:
    made = brought_to("evaluating")
    row = milestone(made, "evaluation_level1")

    code = broken(lambda: operations.complete_milestone(actor=made.provider, at=LATER, milestone_id=row.pk))

    assert code == "evaluation_reaches_it"


def test_milestone_is_waived_with_a_reason_unless_closing_needs_it() -> None:
    made = scene()

    def waive(kind: str) -> Milestone:
        return operations.waive_milestone(
            actor=made.officer,
            at=AT,
            milestone_id=milestone(made, kind).pk,
            reason_code="other",
            reason_text="No visa.",
        )

    assert waive("visas_clearances").state == "waived"
    assert broken(lambda: waive("evaluation_level1")) == "evaluation_required"


def test_agreeing_reaches_the_agreement_and_reporting_the_report() -> None:
    made = brought_to("delivered")

    assert milestone(made, "partner_agreement").state == "done"
    assert milestone(made, "delivery").state == "done"
    assert milestone(made, "completion_report").done_at == REPORTED


# --- money and parties ------------------------------------------------------------------------------------------------------


def pledge(made: Scene, actor: Actor, organization: str, **changes: object) -> object:
    values: dict[str, object] = {"kind": "cash", "amount": Decimal("5000.00"), "currency": "USD", **changes}
    return operations.pledge_cost_share(
        actor=actor,
        at=AT,
        engagement_id=made.id,
        organization=organization,
        **values,  # type: ignore[arg-type]
    )


def test_party_pledges_in_its_own_name_and_strangers_do_not() -> None:
    made = scene()
    stranger = OrganizationFactory.create()

    pledge(made, made.focal, made.requester.code)
    refused(ErrorCode.PERMISSION_DENIED, lambda: pledge(made, made.focal, made.lead.code))
    refused(ErrorCode.PERMISSION_DENIED, lambda: pledge(made, member(stranger), stranger.code))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"amount": Decimal(0)}, ErrorCode.RULE_BROKEN),
        ({"currency": "XXQ"}, ErrorCode.UNKNOWN_REFERENCE),
        ({"kind": "barter"}, ErrorCode.UNKNOWN_REFERENCE),
    ],
)
def test_share_that_makes_no_sense_is_refused(changes: dict[str, object], code: ErrorCode) -> None:
    made = scene()

    refused(code, lambda: pledge(made, made.officer, made.lead.code, **changes))


def test_share_is_received_after_it_was_confirmed() -> None:
    made = scene()
    share = pledge(made, made.officer, made.lead.code)
    values: dict[str, Any] = {"actor": made.officer, "at": AT, "share_id": share.pk}  # type: ignore[attr-defined]

    refused(ErrorCode.WRONG_STATE, lambda: operations.receive_cost_share(**values, actual_amount=Decimal(1)))
    operations.confirm_cost_share(**values)
    assert broken(lambda: operations.receive_cost_share(**values, actual_amount=Decimal(-1))) == "negative"
    assert operations.receive_cost_share(**values, actual_amount=Decimal("4990.00")).state == "received"
    refused(ErrorCode.WRONG_STATE, lambda: operations.withdraw_cost_share(**values))


def test_host_is_added_and_removed_but_the_lead_stays() -> None:
    made = scene()
    host = OrganizationFactory.create(kind="government")
    values: dict[str, Any] = {"actor": made.officer, "at": AT, "engagement_id": made.id}

    operations.add_party(**values, organization=host.code, role="host")
    refused(ErrorCode.DUPLICATE, lambda: operations.add_party(**values, organization=host.code, role="host"))
    refused(ErrorCode.UNKNOWN_REFERENCE, lambda: operations.add_party(**values, organization=host.code, role="lead"))
    operations.remove_party(**values, organization=host.code, role="host")
    assert broken(lambda: operations.remove_party(**values, organization=made.lead.code, role="lead")) == "party_needed"


def test_party_that_is_removed_is_told_so_and_nothing_after_that() -> None:
    made = scene()
    host = OrganizationFactory.create(kind="government")
    values: dict[str, Any] = {"actor": made.officer, "at": AT, "engagement_id": made.id}
    operations.add_party(**values, organization=host.code, role="host")

    operations.remove_party(**values, organization=host.code, role="host")
    operations.agree_engagement(actor=made.provider, at=AT, engagement_id=made.id)

    heard = EventAudience.objects.filter(organization=host).values("event_id")
    types = OutboxEvent.objects.filter(pk__in=heard).order_by("pk").values_list("type", flat=True)
    assert list(types) == ["engagement.parties_changed"] * 2
    last = OutboxEvent.objects.filter(type="engagement.parties_changed").latest("pk")
    assert {made.lead.pk, made.requester.pk, host.pk} == set(
        EventAudience.objects.filter(event=last).values_list("organization_id", flat=True)
    )


# --- stories --------------------------------------------------------------------------------------------------------------


def tell(made: Scene, **changes: object) -> object:
    values: dict[str, object] = {"kind": "network", "texts": {"en": "They keep in touch."}, **changes}
    return operations.tell_outcome(actor=made.focal, at=LATER, engagement_id=made.id, **values)  # type: ignore[arg-type]


def test_story_names_the_need_that_came_of_it() -> None:
    made = brought_to("evaluating")
    reference = made.request.reference or ""

    story = tell(made, kind="spin_off_need", spin_off_request=reference)

    assert story.spin_off_request == made.request  # type: ignore[attr-defined]


def test_story_about_nothing_or_an_unknown_need_is_refused() -> None:
    made = brought_to("evaluating")

    assert broken(lambda: tell(made, texts={"en": " "})) == "text_missing"
    refused(ErrorCode.UNKNOWN_REFERENCE, lambda: tell(made, spin_off_request="GMG-MLI-1999-0001"))
    refused(ErrorCode.UNKNOWN_REFERENCE, lambda: tell(made, kind="gossip"))


def test_every_part_counts_on_the_version_of_the_engagement() -> None:
    made = brought_to("evaluating")
    before = made.fresh().version

    record(made, reaction())

    assert Engagement.objects.get(pk=made.id).version > before
