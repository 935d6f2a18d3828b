"""Writing offerings, sessions and capacity: what is kept, what is refused, what others learn of it."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, transaction

from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.periods import Period, Precision
from marketplace.records.models import Record
from marketplace.search.queries import search
from providers import operations, queries
from providers.models import CapacityHold, CapacityWindow, Offering, OfferingFacet, Provider, Session
from providers.operations import Want
from tests.factories.accounts import OrganizationFactory, ProgrammeFactory, client_of, member
from tests.factories.providers import CapacityWindowFactory, OfferingFactory, ProviderFactory, SessionFactory
from tests.providers.conftest import Scene

FACTS: dict[str, Any] = {"titles": {"en": "Title"}, "themes": ["remittances"], "languages": ["en", "fr"]}


def refused_places(refused: pytest.ExceptionInfo[DomainError]) -> dict[str, str]:
    return {error.pointer: error.code for error in refused.value.errors}


def events(record: Record) -> list[OutboxEvent]:
    return list(OutboxEvent.objects.filter(resource_id=record.public_id).order_by("pk"))


def create(scene: Scene, at: datetime, **facts: object) -> Offering:
    return operations.create_offering(actor=scene.staff, at=at, provider_id=scene.provider.pk, facts={**FACTS, **facts})


# --- offerings ----------------------------------------------------------------------------------------------------
def test_create_offering_is_a_draft_known_to_its_provider_alone(scene: Scene, at: datetime) -> None:
    offering = create(scene, at)
    assert (offering.state, offering.version, offering.waiting_for) == ("draft", 1, "nobody")
    [event] = events(offering)
    assert (event.type, event.audience) == ("offering.created", "organizations")


def test_published_offering_is_public_news_and_stays_so(scene: Scene, at: datetime) -> None:
    offering = OfferingFactory.create(provider=scene.provider, published=True)
    operations.retire_offering(actor=scene.staff, at=at, offering_id=offering.pk)
    [event] = events(offering)
    assert (event.type, event.audience) == ("offering.retired", "public")


def test_retired_draft_is_never_news_to_others(scene: Scene, at: datetime) -> None:
    offering = create(scene, at)
    operations.retire_offering(actor=scene.staff, at=at, offering_id=offering.pk)
    assert [event.audience for event in events(offering)] == ["organizations", "organizations"]


def test_change_offering_keeps_facets_in_step(scene: Scene, at: datetime) -> None:
    offering = create(scene, at)
    operations.change_offering(
        actor=scene.staff, at=at, offering_id=offering.pk, facts={"themes": ["gender"], "regions_served": ["002"]}
    )
    facets = set(OfferingFacet.objects.values_list("facet", "code"))
    assert facets == {("theme", "gender"), ("language", "en"), ("language", "fr"), ("region", "002")}


def test_change_offering_records_before_and_after_and_names_what_changed(scene: Scene, at: datetime) -> None:
    offering = create(scene, at, duration_hours=14)
    operations.change_offering(
        actor=scene.staff, at=at, offering_id=offering.pk, facts={"duration_hours": 21, "titles": {"en": "Title"}}
    )
    trail = AuditRecord.objects.get(resource_id=offering.public_id, action="changed")
    assert trail.changes == {"duration_hours": [14, 21]}
    assert events(offering)[-1].data["changed"] == ["duration_hours"]


def test_change_offering_to_what_it_is_writes_nothing(scene: Scene, at: datetime) -> None:
    offering = create(scene, at)
    same = operations.change_offering(actor=scene.staff, at=at, offering_id=offering.pk, facts=FACTS)
    assert (same.version, len(events(offering))) == (1, 1)


def test_change_of_a_retired_offering_is_the_wrong_state(scene: Scene, at: datetime) -> None:
    offering = OfferingFactory.create(provider=scene.provider, state="retired")
    with pytest.raises(DomainError) as refused:
        operations.change_offering(actor=scene.staff, at=at, offering_id=offering.pk, facts={"award": "none"})
    assert refused.value.code is ErrorCode.WRONG_STATE


def test_change_of_what_no_operation_takes_is_a_mistake_of_the_caller(scene: Scene, at: datetime) -> None:
    offering = create(scene, at)
    with pytest.raises(TypeError, match="state"):
        operations.change_offering(actor=scene.staff, at=at, offering_id=offering.pk, facts={"state": "published"})


def test_partners_are_replaced_and_counted_as_a_change(scene: Scene, at: datetime) -> None:
    offering = create(scene, at, partners=[{"organization": scene.agency.code, "role": "host"}])
    other = OrganizationFactory.create()
    changed = operations.change_offering(
        actor=scene.staff,
        at=at,
        offering_id=offering.pk,
        facts={"partners": [{"organization": other.code, "role": "funder"}]},
    )
    assert [(row.organization, row.role) for row in changed.partners.all()] == [(other, "funder")]
    assert changed.version == 2


def test_unknown_partner_is_an_unknown_reference(scene: Scene, at: datetime) -> None:
    with pytest.raises(DomainError) as refused:
        create(scene, at, partners=[{"organization": "NOBODY", "role": "host"}])
    assert refused.value.code is ErrorCode.UNKNOWN_REFERENCE
    assert not Offering.objects.exists()


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({"participants_min": 30, "participants_max": 10}, {"/participants_max": "below_minimum"}),
        ({"participants_min": 0}, {"/participants_min": "too_small"}),
        ({"duration_hours": 0}, {"/duration_hours": "too_small"}),
        ({"scope": "listed"}, {"/countries_served": "reach_is_empty"}),
        ({"cost_per_delivery": Decimal(5)}, {"/currency": "missing"}),
        ({"cost_per_delivery": Decimal(-5), "currency": "USD"}, {"/cost_per_delivery": "negative"}),
        ({"currency": "USD", "cost_items": {"travel": "x"}}, {"/cost_items/travel": "bad_amount"}),
        ({"currency": "USD", "cost_items": {"travel": "NaN"}}, {"/cost_items/travel": "bad_amount"}),
        (
            {"currency": "USD", "cost_per_delivery": Decimal(5), "cost_items": {"travel": "6"}},
            {"/cost_items": "above_total"},
        ),
        ({"places": [{"country": "XXX"}]}, {"/places/0/country": "unknown_code"}),
        ({"places": [{"town": "x"}]}, {"/places/0/town": "unknown_field"}),
        ({"scheme_concepts": ["nothing"]}, {"/scheme_concepts/0": "unknown_reference"}),
        ({"audiences": ["martians"]}, {"/audiences/0": "unknown_code"}),
        ({"level": "expert"}, {"/level": "unknown_code"}),
    ],
)
def test_offering_that_breaks_a_rule_is_refused(
    scene: Scene, at: datetime, facts: dict[str, object], wrong: dict[str, str]
) -> None:
    with pytest.raises(DomainError) as refused:
        create(scene, at, **facts)
    assert refused_places(refused) == wrong
    assert not Offering.objects.exists()


def test_series_lies_among_the_providers_own_umbrellas(scene: Scene, at: datetime) -> None:
    umbrella = OfferingFactory.create(provider=scene.provider, is_umbrella=True)
    single = OfferingFactory.create(provider=scene.provider)
    foreign = OfferingFactory.create(provider=scene.other, is_umbrella=True)
    assert create(scene, at, series=str(umbrella.public_id)).series == umbrella
    for series, code in ((single, "not_an_umbrella"), (foreign, "unknown_reference")):
        with pytest.raises(DomainError) as refused:
            create(scene, at, series=str(series.public_id))
        assert refused_places(refused) == {"/series": code}


def test_same_external_id_at_two_providers_is_two_offerings(scene: Scene, at: datetime) -> None:
    keys: dict[str, Any] = {"source": "platform", "external_id": "12", "facts": FACTS}
    first, new = operations.save_offering(actor=scene.staff, at=at, provider_id=scene.provider.pk, **keys)
    second, also_new = operations.save_offering(actor=scene.rival, at=at, provider_id=scene.other.pk, **keys)
    same, again = operations.save_offering(actor=scene.staff, at=at, provider_id=scene.provider.pk, **keys)
    assert (new, also_new, again) == (True, True, False)
    assert (first.pk == same.pk, first.pk == second.pk) == (True, False)
    with pytest.raises(DomainError) as refused:
        operations.create_offering(actor=scene.staff, at=at, provider_id=scene.provider.pk, **keys)
    assert refused.value.code is ErrorCode.DUPLICATE


def test_programme_limits_what_a_member_may_write(scene: Scene, at: datetime) -> None:
    mine, other = ProgrammeFactory.create(), ProgrammeFactory.create()
    limited = member(scene.provider.organization, "provider_staff", programmes=[mine.code])
    made = operations.create_offering(
        actor=limited, at=at, provider_id=scene.provider.pk, facts={**FACTS, "programme": mine.code}
    )
    for facts in ({"programme": other.code}, {"programme": None}):
        with pytest.raises(DomainError) as refused:
            operations.change_offering(actor=limited, at=at, offering_id=made.pk, facts=facts)
        assert refused.value.code is ErrorCode.PERMISSION_DENIED
    made.refresh_from_db()
    assert made.programme == mine


def test_integrating_system_writes_with_its_scope_only(scene: Scene, at: datetime) -> None:
    organization = scene.provider.organization
    keys: dict[str, Any] = {"at": at, "provider_id": scene.provider.pk, "facts": FACTS}
    assert operations.create_offering(actor=client_of(organization, "catalogue:write"), **keys).state == "draft"
    with pytest.raises(DomainError) as refused:
        operations.create_offering(actor=client_of(organization, "catalogue:read"), **keys)
    assert refused.value.code is ErrorCode.INSUFFICIENT_SCOPE


# --- providers ----------------------------------------------------------------------------------------------------
def test_register_provider_takes_code_and_names_of_the_organization(scene: Scene, at: datetime) -> None:
    organization = OrganizationFactory.create()
    staff = member(organization, "provider_staff")
    provider = operations.register_provider(actor=staff, at=at, organization=organization.code, facts={})
    assert (provider.code, provider.names, provider.state) == (organization.code, organization.names, "pending")
    assert (provider.step, provider.waiting_for) == ("provider.verify", "secretariat")
    with pytest.raises(DomainError) as refused:
        operations.register_provider(actor=staff, at=at, organization=organization.code, facts={}, code="OTHER")
    assert refused.value.code is ErrorCode.DUPLICATE


def test_network_cannot_lie_within_itself(scene: Scene, at: datetime) -> None:
    Provider.objects.filter(pk=scene.other.pk).update(network_parent=scene.provider)
    for parent in (scene.provider.code, scene.other.code):
        with pytest.raises(DomainError) as refused:
            operations.change_provider(
                actor=scene.staff, at=at, provider_id=scene.provider.pk, facts={"network_parent": parent}
            )
        assert refused_places(refused) == {"/network_parent": "circular_parent"}


# --- sessions and capacity ----------------------------------------------------------------------------------------
def test_create_session_takes_the_usual_from_its_offering(scene: Scene, at: datetime) -> None:
    offering = OfferingFactory.create(provider=scene.provider, published=True)
    period = Period(date(2027, 4, 1), date(2027, 6, 30), Precision.QUARTER)
    session = operations.create_session(actor=scene.staff, at=at, offering_id=offering.pk, facts={"period": period})
    assert (session.state, session.period, session.seats_total, session.seats_min) == ("planned", period, 30, 10)
    assert (session.languages, session.modality) == (["en", "fr"], "in_person")


@pytest.mark.parametrize(
    ("facts", "wrong"),
    [
        ({}, {"/period": "missing"}),
        ({"start_on": date(2027, 4, 2), "end_on": date(2027, 4, 1)}, {"/period/end": "before_start"}),
        (
            {"start_on": date(2027, 4, 1), "end_on": date(2027, 4, 2), "enrolment_deadline": date(2027, 4, 3)},
            {"/enrolment_deadline": "after_end"},
        ),
        ({"start_on": date(2027, 4, 1), "end_on": date(2027, 4, 2), "seats_total": 5}, {"/seats_min": "above_total"}),
        ({"start_on": date(2027, 4, 1), "end_on": date(2027, 4, 2), "country": "XXX"}, {"/country": "unknown_code"}),
    ],
)
def test_session_that_breaks_a_rule_is_refused(
    scene: Scene, at: datetime, facts: dict[str, object], wrong: dict[str, str]
) -> None:
    offering = OfferingFactory.create(provider=scene.provider, published=True)
    with pytest.raises(DomainError) as refused:
        operations.create_session(actor=scene.staff, at=at, offering_id=offering.pk, facts=facts)
    assert refused_places(refused) == wrong


@pytest.mark.parametrize(
    ("facts", "code"), [({"is_umbrella": True}, "not_bookable"), ({"state": "retired"}, "retired")]
)
def test_session_of_a_series_or_a_retired_offering_is_refused(
    scene: Scene, at: datetime, facts: dict[str, object], code: str
) -> None:
    offering = OfferingFactory.create(provider=scene.provider, **facts)
    period = Period(date(2027, 4, 1), date(2027, 4, 2))
    with pytest.raises(DomainError) as refused:
        operations.create_session(actor=scene.staff, at=at, offering_id=offering.pk, facts={"period": period})
    assert refused_places(refused) == {"/offering": code}


def test_change_session_names_what_changed(scene: Scene, at: datetime) -> None:
    session = SessionFactory.create(offering__provider=scene.provider)
    period = Period(date(2027, 3, 15), date(2027, 3, 17))
    operations.change_session(actor=scene.staff, at=at, session_id=session.pk, facts={"period": period})
    [event] = events(session)
    assert (event.type, event.data["changed"], event.audience) == ("session.changed", ["end_on", "start_on"], "public")
    assert event.data["start"] == "2027-03-15"


def test_change_session_does_not_lose_a_hold_placed_meanwhile(scene: Scene, at: datetime) -> None:
    session = SessionFactory.create(offering__provider=scene.provider)
    operations.place_holds(
        actor=scene.officer, at=at, holder=UUID(int=1), wants=[Want(20, session_id=session.pk)], expires_at=at
    )
    operations.change_session(actor=scene.staff, at=at, session_id=session.pk, facts={"venue": "Hall"})
    assert Session.objects.get().seats_held == 20


@pytest.mark.parametrize("state", ["completed", "cancelled"])
def test_change_of_a_session_that_is_over_is_the_wrong_state(scene: Scene, at: datetime, state: str) -> None:
    session = SessionFactory.create(offering__provider=scene.provider, state=state)
    with pytest.raises(DomainError) as refused:
        operations.change_session(actor=scene.staff, at=at, session_id=session.pk, facts={"venue": "Hall"})
    assert refused.value.code is ErrorCode.WRONG_STATE


def test_change_window_below_what_is_taken_is_refused(scene: Scene, at: datetime) -> None:
    window = CapacityWindowFactory.create(provider=scene.provider, held=6, confirmed=3)
    with pytest.raises(DomainError) as refused:
        operations.change_window(actor=scene.staff, at=at, window_id=window.pk, facts={"quantity": 8})
    assert refused_places(refused) == {"/quantity": "capacity_taken"}
    assert operations.change_window(actor=scene.staff, at=at, window_id=window.pk, facts={"quantity": 9}).free == 0


def test_delete_window_leaves_a_tombstone_unless_it_was_ever_held(scene: Scene, at: datetime) -> None:
    unused, used = (CapacityWindowFactory.create(provider=scene.provider) for _ in range(2))
    operations.place_holds(
        actor=scene.officer, at=at, holder=UUID(int=1), wants=[Want(2, window_id=used.pk)], expires_at=at
    )
    operations.release_holds(actor=scene.officer, at=at, holder=UUID(int=1))
    operations.delete_window(actor=scene.staff, at=at, window_id=unused.pk)
    assert [event.type for event in events(unused)] == ["capacity_window.deleted"]
    with pytest.raises(DomainError) as refused:
        operations.delete_window(actor=scene.staff, at=at, window_id=used.pk)
    assert refused.value.errors[0].code == "capacity_was_held"
    assert list(CapacityWindow.objects.all()) == [used]
    assert CapacityHold.objects.count() == 1


def test_strangers_cannot_write_capacity_or_sessions(scene: Scene, at: datetime) -> None:
    window = CapacityWindowFactory.create(provider=scene.provider)
    session = SessionFactory.create(offering__provider=scene.provider)
    period = Period(date(2027, 4, 1), date(2027, 4, 2))
    calls: list[Callable[[], object]] = [
        lambda: operations.create_window(
            actor=scene.rival, at=at, provider_id=scene.provider.pk, unit="trainer_days", quantity=1, period=period
        ),
        lambda: operations.change_window(actor=scene.rival, at=at, window_id=window.pk, facts={}),
        lambda: operations.delete_window(actor=scene.rival, at=at, window_id=window.pk),
        lambda: operations.create_session(actor=scene.rival, at=at, offering_id=session.offering_id, facts={}),
        lambda: operations.change_session(actor=scene.rival, at=at, session_id=session.pk, facts={}),
        lambda: operations.change_provider(actor=scene.rival, at=at, provider_id=scene.provider.pk, facts={}),
    ]
    for call in calls:
        with pytest.raises(DomainError) as refused:
            call()
        assert refused.value.code is ErrorCode.PERMISSION_DENIED


def test_unknown_things_are_not_found(scene: Scene, at: datetime) -> None:
    calls: list[Callable[[], object]] = [
        lambda: operations.change_offering(actor=scene.officer, at=at, offering_id=0, facts={}),
        lambda: operations.create_offering(actor=scene.officer, at=at, provider_id=0, facts={}),
        lambda: operations.create_session(actor=scene.officer, at=at, offering_id=0, facts={}),
        lambda: operations.open_session(actor=scene.officer, at=at, session_id=0),
    ]
    for call in calls:
        with pytest.raises(DomainError) as refused:
            call()
        assert refused.value.code is ErrorCode.NOT_FOUND


def test_second_provider_of_an_organization_is_refused_by_the_database(scene: Scene) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ProviderFactory.create(organization=scene.provider.organization)


# --- synthetic data -----------------------------------------------------------------------------------------------
def test_synthetic_offerings_are_found_like_any_other(scene: Scene, at: datetime) -> None:
    one = operations.SyntheticOffering(
        provider_id=scene.provider.pk,
        code="SYN-1",
        facts={"titles": {"en": "Synthetic remittances"}, "themes": ["remittances"], "languages": ["fr"]},
        vetted_on=date(2026, 2, 2),
        vetting_expires_on=date(2028, 2, 2),
        sessions=[{"period": Period(date(2027, 4, 1), date(2027, 4, 2)), "modality": "online", "seats_total": 20}],
    )
    assert operations.load_synthetic_offerings(at=at, offerings=[one]) == 1
    visible = queries.offerings_visible_to(scene.focal_point, at=at)
    [offering] = search(
        queries.offerings_on_theme(visible, "remittances"), resource="offering", q="synthetic", language="en"
    )
    [offer] = queries.catalogue_for_matching(at=at)
    assert (offering.code, offer.reference, len(offer.sessions)) == ("SYN-1", "SYN-1", 1)
