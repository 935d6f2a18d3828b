"""Who sees what, what matching gets, and the track record."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import Model, QuerySet
from django.test.utils import CaptureQueriesContext

from marketplace.accounts import entrusting
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.events.registry import all_handlers
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.lifecycle import Lifecycle
from marketplace.lifecycles.registry import lifecycle_models
from marketplace.work.registry import job_kind
from providers import events, operations, queries
from providers.lifecycle import LIFECYCLES
from providers.models import Offering, Provider, Session, TrackRecordEntry
from providers.operations import Want
from providers.queries import visibility
from tests.factories.accounts import MembershipFactory, OrganizationFactory, ProgrammeFactory, UserFactory, member
from tests.factories.providers import (
    CapacityWindowFactory,
    OfferingFactory,
    OfferingPartnerFactory,
    ProviderFactory,
    SessionFactory,
    TrackRecordEntryFactory,
)
from tests.providers.conftest import Scene

SYSTEM = Actor.system("test")


def ids(rows: "QuerySet[Model]") -> set[int]:
    return set(rows.values_list("pk", flat=True))


# --- visibility ---------------------------------------------------------------------------------------------------
def test_offerings_are_seen_by_state_and_role(scene: Scene, at: datetime) -> None:
    states = ("draft", "in_vetting", "suspended", "retired")
    hidden = {state: OfferingFactory.create(provider=scene.provider, state=state).pk for state in states}
    public = OfferingFactory.create(provider=scene.provider, published=True).pk
    everything = {public, *hidden.values()}
    expected = [
        (scene.officer, everything),
        (scene.staff, everything),
        (scene.auditor, everything - {hidden["draft"]}),
        (scene.rival, {public}),
        (scene.focal_point, {public}),
    ]
    for actor, visible in expected:
        assert ids(queries.offerings_visible_to(actor, at=at)) == visible
    assert ids(queries.offerings_visible_to(Actor.anonymous(), at=at)) == set()


def test_parent_organization_sees_the_drafts_of_its_centres(scene: Scene, at: datetime) -> None:
    parent = OrganizationFactory.create()
    centre = ProviderFactory.create(organization=OrganizationFactory.create(parent=parent))
    draft = OfferingFactory.create(provider=centre)
    assert ids(queries.offerings_visible_to(member(parent), at=at)) == {draft.pk}
    sibling = member(OrganizationFactory.create(parent=parent))
    assert ids(queries.offerings_visible_to(sibling, at=at)) == set()


def test_member_of_one_programme_sees_its_drafts_only(scene: Scene, at: datetime) -> None:
    mine, other = ProgrammeFactory.create(), ProgrammeFactory.create()
    own = OfferingFactory.create(provider=scene.provider, programme=mine)
    OfferingFactory.create(provider=scene.provider, programme=other)
    OfferingFactory.create(provider=scene.provider)
    limited = member(scene.provider.organization, "provider_staff", programmes=[mine.code])
    assert ids(queries.offerings_visible_to(limited, at=at)) == {own.pk}


def test_auditor_of_one_programme_sees_no_capacity_and_its_offerings_only(scene: Scene, at: datetime) -> None:
    mine = ProgrammeFactory.create()
    auditor = member(scene.agency, "auditor", programmes=[mine.code])
    vetted = OfferingFactory.create(provider=scene.provider, programme=mine, state="in_vetting")
    OfferingFactory.create(provider=scene.provider, state="in_vetting")
    CapacityWindowFactory.create(provider=scene.provider)
    assert ids(queries.offerings_visible_to(auditor, at=at)) == {vetted.pk}
    assert ids(queries.windows_visible_to(auditor, at=at)) == set()
    assert len(ids(queries.windows_visible_to(scene.auditor, at=at))) == 1


def test_sessions_are_seen_with_their_offering(scene: Scene, at: datetime) -> None:
    public = SessionFactory.create(offering__provider=scene.provider)
    draft = SessionFactory.create(offering=OfferingFactory.create(provider=scene.provider))
    assert ids(queries.sessions_visible_to(scene.focal_point, at=at)) == {public.pk}
    assert ids(queries.sessions_visible_to(scene.staff, at=at)) == {public.pk, draft.pk}


def test_provider_that_was_never_verified_is_seen_by_its_own(scene: Scene, at: datetime) -> None:
    pending = ProviderFactory.create(state="pending", verified_on=None)
    assert pending.pk not in ids(queries.providers_visible_to(scene.focal_point, at=at))
    assert pending.pk in ids(queries.providers_visible_to(member(pending.organization), at=at))
    assert pending.pk in ids(queries.providers_visible_to(scene.officer, at=at))


def test_catalogue_is_what_is_published_by_who_is_verified(scene: Scene, at: datetime) -> None:
    pending = ProviderFactory.create(state="pending", verified_on=None)
    shown = OfferingFactory.create(provider=scene.provider, published=True)
    draft, stray = (
        OfferingFactory.create(provider=scene.provider),
        OfferingFactory.create(provider=pending, published=True),
    )
    assert ids(visibility.in_catalogue(Offering.objects.all())) == {shown.pk}
    planned, begun = SessionFactory.create(offering=shown), SessionFactory.create(offering=shown)
    completed = SessionFactory.create(offering=shown, state="completed")
    Session.objects.filter(pk=begun.pk).update(state="open")
    for hidden in (draft, stray):
        SessionFactory.create(offering=hidden)
    rows = Session.objects.all()
    assert ids(visibility.sessions_in_catalogue(rows)) == {planned.pk, begun.pk, completed.pk}
    assert ids(visibility.open_to_all(rows)) == {planned.pk, begun.pk}
    assert ids(visibility.open_to_all(rows.filter(pk=begun.pk))) == {begun.pk}


@pytest.mark.parametrize("first", ["auditor", "provider_staff"])
def test_auditor_with_a_second_role_sees_what_each_shows(scene: Scene, at: datetime, first: str) -> None:
    user = MembershipFactory.create(organization=scene.provider.organization, role="provider_staff").user
    MembershipFactory.create(user=user, role="auditor")
    draft = OfferingFactory.create(provider=scene.provider)
    vetted = OfferingFactory.create(provider=scene.other, state="in_vetting")
    OfferingFactory.create(provider=scene.other)
    actor = Actor.for_user(user)
    actor.learn(at.date(), tuple(sorted(actor.rights(at), key=lambda right: right.role != first)), ())
    assert ids(queries.offerings_visible_to(actor, at=at)) == {draft.pk, vetted.pk}


def test_unsigned_see_nothing_and_the_secretariat_everything(scene: Scene, at: datetime) -> None:
    verified, pending = scene.provider, ProviderFactory.create(state="pending", verified_on=None)
    draft = OfferingFactory.create(provider=pending)
    session = SessionFactory.create(offering=draft)
    window = CapacityWindowFactory.create(provider=pending)
    tables: tuple[tuple[Callable[..., QuerySet[Any]], Model], ...] = (
        (queries.providers_visible_to, pending),
        (queries.offerings_visible_to, draft),
        (queries.sessions_visible_to, session),
        (queries.windows_visible_to, window),
    )
    for visible, row in tables:
        assert ids(visible(Actor.anonymous(), at=at)) == set()
        assert row.pk in ids(visible(scene.officer, at=at))
        assert row.pk in ids(visible(member(pending.organization, "viewer"), at=at))
        assert row.pk not in ids(visible(scene.rival, at=at))
    assert verified.pk in ids(queries.providers_visible_to(scene.focal_point, at=at))


def test_grant_in_the_catalogue_opens_what_is_hidden_there_and_no_other(scene: Scene, at: datetime) -> None:
    hidden = ProviderFactory.create(state="pending", verified_on=None)
    draft, window = OfferingFactory.create(provider=hidden), CapacityWindowFactory.create(provider=hidden)
    OfferingFactory.create(provider=scene.provider)
    for right, opens in ((Permission.CATALOGUE_READ, True), (Permission.REQUESTS_READ, False)):
        user, over = UserFactory.create(), at + timedelta(days=1)
        entrusting.give_grant(
            actor=SYSTEM, at=at, user=user, organization=hidden.organization, permission=right, expires_at=over
        )
        actor = Actor.for_user(user)
        for moment, seen in ((at, opens), (over, False)):
            assert ids(queries.offerings_visible_to(actor, at=moment)) == ({draft.pk} if seen else set())
            assert ids(queries.windows_visible_to(actor, at=moment)) == ({window.pk} if seen else set())
            assert (hidden.pk in ids(queries.providers_visible_to(actor, at=moment))) is seen


def test_drafts_of_all_memberships_are_seen_each_within_its_programmes(scene: Scene, at: datetime) -> None:
    programme = ProgrammeFactory.create()
    first, second = ProviderFactory.create(), ProviderFactory.create()
    user = MembershipFactory.create(
        organization=first.organization, role="provider_staff", programmes=[programme.code]
    ).user
    MembershipFactory.create(user=user, organization=second.organization, role="provider_staff")
    wanted = {
        OfferingFactory.create(provider=first, programme=programme).pk,
        OfferingFactory.create(provider=second, programme=programme).pk,
        OfferingFactory.create(provider=second).pk,
    }
    OfferingFactory.create(provider=first)
    actor = Actor.for_user(user)
    assert ids(queries.offerings_visible_to(actor, at=at)) == wanted
    windows = {CapacityWindowFactory.create(provider=one).pk for one in (first, second)}
    CapacityWindowFactory.create(provider=scene.other)
    assert ids(queries.windows_visible_to(actor, at=at)) == windows


# --- for matching -------------------------------------------------------------------------------------------------
def test_catalogue_gives_what_can_still_be_booked(scene: Scene, at: datetime) -> None:
    offering = OfferingFactory.create(provider=scene.provider, published=True, code="COURSE")
    partner = OfferingPartnerFactory.create(offering=offering)
    open_session = SessionFactory.create(offering=offering, seats_held=8)
    for facts in ({"state": "completed"}, {"start_on": date(2026, 11, 1), "end_on": date(2026, 11, 22)}):
        SessionFactory.create(offering=offering, **facts)
    window = CapacityWindowFactory.create(provider=scene.provider, confirmed=5)
    CapacityWindowFactory.create(provider=scene.provider, start_on=date(2026, 1, 1), end_on=date(2026, 11, 22))
    CapacityWindowFactory.create(provider=scene.other)
    OfferingFactory.create(provider=scene.provider)
    [offer] = queries.catalogue_for_matching(at=at)
    assert (offer.reference, offer.provider_code, offer.provider_state) == ("COURSE", scene.provider.code, "verified")
    assert [(found.session_id, found.seats_free) for found in offer.sessions] == [(open_session.pk, 22)]
    assert [(found.window_id, found.free) for found in offer.windows] == [(window.pk, 15)]
    assert offer.partner_organization_ids == {partner.organization_id}
    assert (offer.themes, offer.outcomes.mean) == (("fair-recruitment",), None)


def test_catalogue_takes_eleven_queries_whatever_its_size_and_four_once_it_is_kept(scene: Scene, at: datetime) -> None:
    for _ in range(20):
        session = SessionFactory.create()
        CapacityWindowFactory.create(provider=session.offering.provider)
        OfferingPartnerFactory.create(offering=session.offering)
    kept = queries.KeptCatalogue()
    with CaptureQueriesContext(connection) as taken:
        first = queries.catalogue_for_matching(at=at, kept=kept)
    assert (len(first), len(taken)) == (20, 11)
    with CaptureQueriesContext(connection) as taken:
        again = queries.catalogue_for_matching(at=at, kept=kept)
    assert len(taken) == 4
    assert all(one is two for one, two in zip(first, again, strict=True))


def test_catalogue_kept_is_read_anew_where_it_changed(scene: Scene, at: datetime) -> None:
    sessions = [SessionFactory.create(), SessionFactory.create()]
    kept = queries.KeptCatalogue()
    before = queries.catalogue_for_matching(at=at, kept=kept)
    facts: dict[str, Any] = {"quantity": 7}
    window = CapacityWindowFactory.create(provider=sessions[0].offering.provider)
    operations.change_window(actor=scene.officer, at=at, window_id=window.pk, facts=facts)
    one, two = queries.catalogue_for_matching(at=at, kept=kept)
    assert [found.quantity for found in one.windows] == [7]
    assert two is before[1]
    operations.suspend_offering(actor=scene.officer, at=at, offering_id=sessions[0].offering_id, reason_code="other")
    assert queries.catalogue_for_matching(at=at, kept=kept) == [two]
    assert list(kept.offerings.facts) == [sessions[1].offering_id]
    assert list(kept.sessions.facts) == [sessions[1].pk]


def test_catalogue_version_changes_with_everything_that_matters(scene: Scene, at: datetime) -> None:
    offering = OfferingFactory.create(provider=scene.provider, published=True)
    session = SessionFactory.create(offering=offering)
    window = CapacityWindowFactory.create(provider=scene.provider)
    spare = CapacityWindowFactory.create(provider=scene.provider)
    holder = uuid4()
    by: dict[str, Any] = {"actor": scene.officer, "at": at}
    end = at + timedelta(days=1)
    steps: list[Callable[[], object]] = [
        lambda: operations.change_offering(**by, offering_id=offering.pk, facts={"award": "none"}),
        lambda: operations.change_provider(**by, provider_id=scene.provider.pk, facts={"working_languages": ["en"]}),
        lambda: operations.change_session(**by, session_id=session.pk, facts={"venue": "Hall"}),
        lambda: operations.change_window(**by, window_id=window.pk, facts={"quantity": 30}),
        lambda: operations.place_holds(**by, holder=holder, wants=[Want(1, session_id=session.pk)], expires_at=end),
        lambda: operations.confirm_holds(**by, holder=holder),
        lambda: operations.move_holds(**by, holder=holder, wants=[Want(1, window_id=window.pk)]),
        lambda: operations.release_holds(**by, holder=holder),
        lambda: operations.delete_window(**by, window_id=spare.pk),
        lambda: CapacityWindowFactory.create(provider=scene.provider),
        lambda: operations.suspend_offering(**by, offering_id=offering.pk, reason_code="other"),
        lambda: operations.suspend_provider(**by, provider_id=scene.provider.pk, reason_code="other"),
        lambda: outcome(scene.provider, offering, at=at),
    ]
    seen = [queries.catalogue_version()]
    for step in steps:
        step()
        seen.append(queries.catalogue_version())
    assert len(set(seen)) == len(seen)
    with CaptureQueriesContext(connection) as taken:
        assert queries.catalogue_version() == seen[-1]
    assert len(taken) == 1


def test_offering_organizations_are_those_of_provider_and_partners(scene: Scene) -> None:
    offering, alone = OfferingFactory.create(provider=scene.provider), OfferingFactory.create(provider=scene.other)
    partner = OfferingPartnerFactory.create(offering=offering)
    assert queries.offering_organizations([offering.pk, alone.pk]) == {
        offering.pk: {scene.provider.organization_id, partner.organization_id},
        alone.pk: {scene.other.organization_id},
    }


# --- track record -------------------------------------------------------------------------------------------------
def outcome(provider: Provider, offering: Offering | None = None, *, at: datetime, **facts: object) -> TrackRecordEntry:
    usual: dict[str, Any] = {
        "evaluation_id": uuid4(),
        "level": 1,
        "value": 800,
        "answered": 10,
        "source": "participants",
    }
    return operations.record_outcome(
        at=at, provider_id=provider.pk, offering_id=offering.pk if offering else None, **{**usual, **facts}
    )


def test_outcomes_are_weighted_by_those_who_answered(scene: Scene, at: datetime) -> None:
    offering = OfferingFactory.create(provider=scene.provider)
    outcome(scene.provider, offering, at=at, value=800, answered=10)
    outcome(scene.provider, at=at, value=500, answered=30, source="requester")
    scene.provider.refresh_from_db()
    offering.refresh_from_db()
    sums = [(row.outcome_count, row.outcome_answers, row.outcome_mean) for row in (scene.provider, offering)]
    assert sums == [(2, 40, 575), (1, 10, 800)]


def test_outcome_twice_counts_once_and_a_correction_replaces(scene: Scene, at: datetime) -> None:
    evaluation = uuid4()
    for value in (800, 800, 600):
        outcome(scene.provider, at=at, evaluation_id=evaluation, value=value)
    scene.provider.refresh_from_db()
    assert (scene.provider.outcome_count, scene.provider.outcome_mean) == (1, 600)


def test_outcome_from_the_provider_itself_is_refused(scene: Scene, at: datetime) -> None:
    with pytest.raises(DomainError) as refused:
        outcome(scene.provider, at=at, source="provider")
    assert refused.value.code is ErrorCode.RULE_BROKEN
    assert not TrackRecordEntry.objects.exists()


# --- what comes round by itself -----------------------------------------------------------------------------------
def test_ended_verification_and_vetting_wait_for_the_secretariat(scene: Scene, at: datetime) -> None:
    yesterday = at.date() - timedelta(days=1)
    provider = ProviderFactory.create(verification_expires_on=yesterday)
    offering = OfferingFactory.create(provider=scene.provider, published=True, vetting_expires_on=yesterday)
    kept = OfferingFactory.create(provider=scene.provider, published=True, vetting_expires_on=at.date())
    for _ in range(2):
        job_kind("providers.lapse_standing").effect({}, at=at, prepared=None, claim=None)  # type: ignore[arg-type]
    for row, state, step in (
        (provider, "pending", "provider.verify"),
        (offering, "in_vetting", "offering.vet"),
        (kept, "published", ""),
    ):
        row.refresh_from_db()
        assert (row.state, row.step, row.due_at is not None) == (state, step, bool(step))


def test_expired_holds_lapse_by_the_clock(scene: Scene, at: datetime) -> None:
    session = SessionFactory.create()
    operations.place_holds(actor=SYSTEM, at=at, holder=uuid4(), wants=[Want(5, session_id=session.pk)], expires_at=at)
    job_kind("providers.lapse_holds").effect({}, at=at, prepared=None, claim=None)  # type: ignore[arg-type]
    session.refresh_from_db()
    assert session.seats_held == 0


# --- the app as a whole -------------------------------------------------------------------------------------------
def test_every_event_of_the_tables_is_in_the_catalogue_of_events() -> None:
    of_tables = {row.event for lifecycle in LIFECYCLES for row in lifecycle.transitions}
    assert of_tables <= set(events.EVENT_TYPES)
    resources = {model.resource for model in lifecycle_models()}
    assert {"provider", "offering", "session", "capacity_hold"} <= resources
    assert {handler.event_type for handler in all_handlers() if handler.kind.startswith("providers.")} == set()


@pytest.mark.parametrize("lifecycle", LIFECYCLES, ids=lambda lifecycle: lifecycle.name)
def test_every_state_is_reachable(lifecycle: Lifecycle) -> None:
    reached, grown = {lifecycle.initial}, True
    while grown:
        more = {goal for row in lifecycle.transitions if row.sources & reached for goal in row.targets}
        grown = not more <= reached
        reached |= more
    assert reached == set(lifecycle.states)


def test_track_record_entry_of_the_provider_is_refused_by_the_database() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        TrackRecordEntryFactory.create(source="provider")
