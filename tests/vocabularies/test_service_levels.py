"""Service levels: what ships, and what the secretariat may edit."""

from collections.abc import Mapping
from datetime import datetime

import pytest
from django.db import IntegrityError, transaction

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.vocabularies import queries
from marketplace.vocabularies.models import ServiceLevel
from marketplace.vocabularies.operations import change_service_level

pytestmark = pytest.mark.django_db


def test_service_level_gives_owner_days_and_effect() -> None:
    level = queries.service_level("proposal.answer")
    assert (level.owner, level.working_days, level.remind_before) == ("provider", 10, 5)
    assert (level.overdue_action, level.escalate_to) == ("remind_then_escalate", "officer")
    assert level.deadline_effect == "lapse_part"
    assert level.at_deadline["fr"].startswith("la part devient caduque")


def test_service_level_of_unknown_step_is_a_mistake_of_the_code() -> None:
    with pytest.raises(LookupError, match=r"request\.dance"):
        queries.service_level("request.dance")


@pytest.mark.parametrize(
    ("step", "effect", "after"),
    [
        ("request.answer", "withdraw_after_60", 60),
        ("request.call_for_offers", "end_call", None),
        ("proposal.consult", "silence_is_no_objection", None),
        ("proposal.second_approval", "return_to_shortlisted", None),
        ("proposal.counter_consent", "counter_lapses", 5),
        ("delivery.confirm", "silence_is_confirmation", None),
        ("evaluation.level3", "marked_not_answered", None),
    ],
)
def test_effect_at_the_deadline_is_machine_readable(step: str, effect: str, after: int | None) -> None:
    level = queries.service_level(step)
    assert (level.deadline_effect, level.effect_after_working_days) == (effect, after)


def test_change_writes_marks_as_edited_and_is_read_at_once(at: datetime) -> None:
    before = queries.service_level("proposal.answer")
    changed = change_service_level(
        step="proposal.answer", changes={"working_days": 15, "remind_before": 7}, by="demo-head", at=at
    )
    level = queries.service_level("proposal.answer")
    assert (level.working_days, level.remind_before, level.edited) == (15, 7, True)
    assert level.version == before.version + 1 == changed.version
    assert (changed.edited_at, changed.edited_by) == (at, "demo-head")


def test_change_may_switch_the_effect_off_and_on_again(at: datetime) -> None:
    for effect in ("none", "lapse_part"):
        change_service_level(step="proposal.answer", changes={"deadline_effect": effect}, by="demo-head", at=at)
        assert queries.service_level("proposal.answer").deadline_effect == effect


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"working_days": 0}, "/working_days"),
        ({"working_days": 521}, "/working_days"),
        ({"working_days": True}, "/working_days"),
        ({"working_days": "ten"}, "/working_days"),
        ({"remind_before": 10}, "/remind_before"),
        ({"remind_before": -1}, "/remind_before"),
        ({"working_days": 5}, "/remind_before"),  # the stored reminder would come before the step began
        ({"effect_after_working_days": -1}, "/effect_after_working_days"),
        ({"overdue_action": "shout"}, "/overdue_action"),
        ({"escalate_to": "king"}, "/escalate_to"),
        ({"deadline_effect": "silence_is_confirmation"}, "/deadline_effect"),
        ({"owner": "secretariat"}, "/owner"),
    ],
)
def test_change_wrong_value_is_refused_and_nothing_is_written(
    at: datetime, changes: Mapping[str, object], pointer: str
) -> None:
    with pytest.raises(DomainError) as caught:
        change_service_level(step="proposal.answer", changes=changes, by="demo-head", at=at)
    assert caught.value.code is ErrorCode.RULE_BROKEN
    assert [error.pointer for error in caught.value.errors] == [pointer]
    assert not ServiceLevel.objects.filter(edited_at__isnull=False).exists()


def test_change_stale_version_is_refused(at: datetime) -> None:
    with pytest.raises(DomainError) as caught:
        change_service_level(
            step="proposal.answer", changes={"working_days": 15}, by="demo-head", at=at, expected_version=7
        )
    assert caught.value.code is ErrorCode.PRECONDITION_FAILED
    assert caught.value.params == {"expected": 7, "actual": 1}


def test_change_unknown_step_is_not_found(at: datetime) -> None:
    with pytest.raises(DomainError) as caught:
        change_service_level(step="request.dance", changes={}, by="demo-head", at=at)
    assert caught.value.code is ErrorCode.NOT_FOUND


@pytest.mark.parametrize("columns", [{"edited_by": "somebody"}, {"working_days": 0}, {"remind_before": 10}])
def test_database_refuses_what_makes_no_sense(columns: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ServiceLevel.objects.filter(step="proposal.answer").update(**columns)
