"""Every verb of the life cycles: the happy path, the wrong state, the wrong role, the stale version, and what stays behind."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pytest

from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.records.models import LifecycleRecord
from providers import operations
from providers.lifecycle import LIFECYCLES
from providers.queries import allowed_actions
from tests.factories.providers import OfferingFactory, ProviderFactory, SessionFactory
from tests.providers.conftest import Scene

Operation = Callable[..., LifecycleRecord]


@dataclass(frozen=True)
class Verb:
    """How to call a verb, where it starts and ends, and whether the provider's own staff may use it."""

    operation: Operation
    key: str
    start: str
    end: str
    by_staff: bool
    facts: tuple[tuple[str, object], ...] = ()

    @property
    def name(self) -> str:
        return self.operation.__name__


REASON = (("reason_code", "other"), ("reason_text", "See the letter."))
VERBS = [
    Verb(operations.verify_provider, "provider_id", "pending", "verified", False, (("checks", ["references"]),)),
    Verb(operations.verify_provider, "provider_id", "verified", "verified", False, (("checks", ["references"]),)),
    Verb(operations.suspend_provider, "provider_id", "verified", "suspended", False, REASON),
    Verb(operations.reinstate_provider, "provider_id", "suspended", "verified", False),
    Verb(operations.submit_offering, "offering_id", "draft", "in_vetting", True),
    Verb(operations.publish_offering, "offering_id", "in_vetting", "published", False, (("panel", "Panel"),)),
    Verb(operations.return_offering, "offering_id", "in_vetting", "draft", False, REASON),
    Verb(operations.suspend_offering, "offering_id", "published", "suspended", False, REASON),
    Verb(operations.reinstate_offering, "offering_id", "suspended", "published", False),
    Verb(operations.retire_offering, "offering_id", "published", "retired", True),
    Verb(operations.retire_offering, "offering_id", "draft", "retired", True),
    Verb(operations.open_session, "session_id", "planned", "open", True),
    Verb(operations.start_session, "session_id", "open", "running", True),
    Verb(operations.complete_session, "session_id", "running", "completed", True),
    Verb(operations.cancel_session, "session_id", "open", "cancelled", True, REASON),
    Verb(operations.cancel_session, "session_id", "running", "cancelled", True, REASON),
]


def thing(verb: Verb, scene: Scene, state: str) -> LifecycleRecord:
    """Make the record that the verb is about, in a state."""
    if verb.key == "provider_id":
        record: Any = scene.provider
        type(record).objects.filter(pk=record.pk).update(state=state)
        record.refresh_from_db()
        return record  # type: ignore[no-any-return]
    if verb.key == "session_id":
        return SessionFactory.create(offering__provider=scene.provider, state=state)
    offering = OfferingFactory.create(provider=scene.provider, published=True)
    type(offering).objects.filter(pk=offering.pk).update(state=state)
    offering.refresh_from_db()
    return offering


def call(verb: Verb, record: LifecycleRecord, **more: object) -> LifecycleRecord:
    return verb.operation(**{verb.key: record.pk}, **dict(verb.facts), **more)


def wrong_state_of(verb: Verb) -> str:
    lifecycle = {"provider_id": LIFECYCLES[0], "offering_id": LIFECYCLES[1], "session_id": LIFECYCLES[2]}[verb.key]
    sources = lifecycle.sources_of(verb.name.partition("_")[0])
    return next(state for state in reversed(lifecycle.states) if state not in sources)


ids = pytest.mark.parametrize("verb", VERBS, ids=lambda verb: f"{verb.name}-{verb.start}")


@ids
def test_verb_leads_on_and_leaves_one_audit_record_and_one_event(verb: Verb, scene: Scene, at: datetime) -> None:
    record = thing(verb, scene, verb.start)
    done = call(verb, record, actor=scene.staff if verb.by_staff else scene.officer, at=at)
    stored = type(record)._default_manager.get(pk=record.pk)
    assert (done.state, stored.state, stored.version) == (verb.end, verb.end, record.version + 1)
    [trail] = AuditRecord.objects.filter(resource_id=record.public_id)
    assert (trail.from_state, trail.to_state) == (verb.start, verb.end)
    [event] = OutboxEvent.objects.filter(resource_id=record.public_id)
    row = record.lifecycle.find(verb.start, verb.name.partition("_")[0])
    assert row is not None
    assert event.type == row.event


@ids
def test_verb_in_the_wrong_state_names_the_open_actions(verb: Verb, scene: Scene, at: datetime) -> None:
    record = thing(verb, scene, wrong_state_of(verb))
    with pytest.raises(DomainError) as refused:
        call(verb, record, actor=scene.officer, at=at)
    assert refused.value.code is ErrorCode.WRONG_STATE
    assert refused.value.params["allowed_actions"] == tuple(allowed_actions(record, scene.officer, at))  # type: ignore[arg-type]


@ids
def test_verb_by_strangers_and_the_wrong_role_is_denied(verb: Verb, scene: Scene, at: datetime) -> None:
    record = thing(verb, scene, verb.start)
    refused = [scene.rival, scene.focal_point, scene.auditor] + ([] if verb.by_staff else [scene.staff])
    for actor in refused:
        with pytest.raises(DomainError) as denied:
            call(verb, record, actor=actor, at=at)
        assert denied.value.code is ErrorCode.PERMISSION_DENIED
    assert not AuditRecord.objects.filter(resource_id=record.public_id).exists()


@ids
def test_verb_with_a_stale_version_is_refused(verb: Verb, scene: Scene, at: datetime) -> None:
    record = thing(verb, scene, verb.start)
    with pytest.raises(DomainError) as refused:
        call(verb, record, actor=scene.officer, at=at, expected_version=record.version + 1)
    assert refused.value.code is ErrorCode.PRECONDITION_FAILED


@pytest.mark.parametrize(
    "verb", [verb for verb in VERBS if verb.facts == REASON], ids=lambda verb: f"{verb.name}-{verb.start}"
)
def test_verb_with_an_unknown_reason_is_refused_with_the_known_ones(verb: Verb, scene: Scene, at: datetime) -> None:
    record = thing(verb, scene, verb.start)
    with pytest.raises(DomainError) as refused:
        verb.operation(**{verb.key: record.pk}, actor=scene.officer, at=at, reason_code="because")
    [error] = refused.value.errors
    assert (error.pointer, "other" in error.allowed) == ("/reason_code", True)


def test_allowed_actions_are_those_of_role_and_state(scene: Scene, at: datetime) -> None:
    offering = OfferingFactory.create(provider=scene.provider, published=True)
    assert allowed_actions(offering, scene.officer, at) == ["retire", "suspend"]
    assert allowed_actions(offering, scene.staff, at) == ["retire"]
    assert allowed_actions(offering, scene.focal_point, at) == []


def test_reinstate_provider_whose_verification_has_ended_is_pending_with_a_deadline(scene: Scene, at: datetime) -> None:
    provider = ProviderFactory.create(state="suspended", verification_expires_on=at.date().replace(day=1))
    done = operations.reinstate_provider(actor=scene.officer, at=at, provider_id=provider.pk)
    assert (done.state, done.step, done.waiting_for) == ("pending", "provider.verify", "secretariat")
    assert done.due_at is not None


def test_reinstate_offering_whose_vetting_has_ended_goes_to_the_panel(scene: Scene, at: datetime) -> None:
    offering = OfferingFactory.create(
        provider=scene.provider, published=True, state="suspended", vetting_expires_on=at.date().replace(day=1)
    )
    done = operations.reinstate_offering(actor=scene.officer, at=at, offering_id=offering.pk)
    assert (done.state, done.step, done.waiting_for) == ("in_vetting", "offering.vet", "secretariat")


def test_submit_offering_after_a_return_gives_the_panel_the_rest_of_its_time(scene: Scene, at: datetime) -> None:
    offering = OfferingFactory.create(provider=scene.provider)
    submitted = operations.submit_offering(actor=scene.staff, at=at, offering_id=offering.pk)
    monday_after = at.replace(day=30)
    operations.return_offering(actor=scene.officer, at=monday_after, offering_id=offering.pk, reason_code="incomplete")
    later = at.replace(month=12, day=14)
    again = operations.submit_offering(actor=scene.staff, at=later, offering_id=offering.pk)
    assert submitted.due_at == at.replace(month=12, day=14)  # 15 working days
    assert again.due_at == at.replace(month=12, day=28)  # the 10 that were left


def test_submit_offering_that_says_too_little_names_what_is_missing(scene: Scene, at: datetime) -> None:
    offering = OfferingFactory.create(provider=scene.provider, themes=[], duration_hours=None)
    with pytest.raises(DomainError) as refused:
        operations.submit_offering(actor=scene.staff, at=at, offering_id=offering.pk)
    assert refused.value.code is ErrorCode.RULE_BROKEN
    assert [error.pointer for error in refused.value.errors] == ["/themes", "/duration_hours"]


def test_publish_offering_for_the_second_time_keeps_the_first_day(scene: Scene, at: datetime) -> None:
    offering = OfferingFactory.create(provider=scene.provider, state="in_vetting", published=True)
    type(offering).objects.filter(pk=offering.pk).update(state="in_vetting")
    done = operations.publish_offering(actor=scene.officer, at=at, offering_id=offering.pk, panel="Board")
    assert done.first_published_on == offering.first_published_on
    assert (done.vetted_on, done.vetting_panel) == (at.date(), "Board")


@pytest.mark.parametrize(("verified_on", "expires_on"), [("2026-11-24", None), ("2026-11-20", "2026-11-19")])
def test_verify_provider_with_impossible_dates_is_refused(
    scene: Scene, at: datetime, verified_on: str, expires_on: str | None
) -> None:
    day = datetime.fromisoformat(verified_on).date()
    end = datetime.fromisoformat(expires_on).date() if expires_on else None
    with pytest.raises(DomainError) as refused:
        operations.verify_provider(
            actor=scene.officer, at=at, provider_id=scene.provider.pk, checks=[], verified_on=day, expires_on=end
        )
    assert refused.value.code is ErrorCode.RULE_BROKEN
