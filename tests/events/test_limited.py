"""The feed tells a membership that is limited to some countries of nothing that the API would not show it, and of no less."""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from importlib import import_module
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.db import connection

from fulfilment import queries as fulfilment
from fulfilment.models import Delivery, Engagement, Milestone
from marketplace.accounts.actors import Actor
from marketplace.accounts.journal import note
from marketplace.accounts.models import Organization, OrganizationTree, User
from marketplace.events import queries
from marketplace.events.models import Audience, EventAudience, OutboxEvent
from marketplace.events.sequencer import publish_pending
from marketplace.notifications import sight
from marketplace.rest.feed import reaches_of
from tests.access.scene import build
from tests.factories.accounts import MembershipFactory, OrganizationFactory, UserFactory, member
from tests.factories.fulfilment import (
    SYSTEM,
    ChangeFactory,
    CostShareFactory,
    DeliveryFactory,
    EngagementFactory,
    EngagementLineFactory,
    EngagementPartyFactory,
    EvaluationFactory,
    EvaluationWaiverFactory,
    MilestoneFactory,
    OutcomeStoryFactory,
    Scene,
    scene,
)
from tests.factories.machinery import OutboxEventFactory
from tests.factories.notices import DocumentFactory
from tests.kit.api import ApiClient

pytestmark = pytest.mark.django_db
HEADQUARTERS = "HQ"


@pytest.fixture
def made(at: datetime) -> Scene:
    """An engagement in Mali, made by the operations, whose requester is below an agency; its events are published."""
    found = scene()
    above = OrganizationFactory.create(code=HEADQUARTERS)
    OrganizationTree.objects.create(ancestor=above, descendant=found.requester, depth=1)
    publish_pending(at=at)
    return found


def told(actor: Actor, at: datetime) -> set[Any]:
    """Give the ids of the deliveries and milestones of which a reader's feed tells."""
    reaches = reaches_of(actor, at)
    found = queries.feed(reaches=reaches, limit=1_000)
    return {event.resource_id for event in found if event.resource in ("delivery", "milestone")}


def shown(actor: Actor, at: datetime) -> set[Any]:
    """Give the ids of those that the API shows them."""
    rows = fulfilment.deliveries_visible_to(actor, at=at), fulfilment.milestones_visible_to(actor, at=at)
    return {key for some in rows for key in some.values_list("public_id", flat=True)}


def person(*memberships: tuple[Organization, str, list[str]]) -> Actor:
    """Make a person with several roles: organization, role, countries."""
    user = UserFactory.create()
    for organization, role, countries in memberships:
        MembershipFactory.create(user=user, organization=organization, role=role, countries=countries)
    return Actor.for_user(user)


Readers = dict[str, tuple[Actor, bool]]


def readers(made: Scene) -> Readers:
    """Give people of the parties, and whether they see the engagement in Mali."""
    above, asks, leads = Organization.objects.get(code=HEADQUARTERS), made.requester, made.lead
    return {
        "its own, everywhere": (member(asks), True),
        "its own, there": (member(asks, countries=["MLI"]), True),
        "its own, there and elsewhere": (member(asks, countries=["FJI", "MLI"]), True),
        "its own, elsewhere": (member(asks, countries=["FJI"]), False),
        "viewer, elsewhere": (member(asks, "viewer", countries=["FJI"]), False),
        "agency above, elsewhere": (member(above, "viewer", countries=["FJI"]), False),
        "agency above, there": (member(above, "viewer", countries=["MLI"]), True),
        "provider, elsewhere": (member(leads, "provider_staff", countries=["FJI"]), True),
        "requester elsewhere, twice": (person((asks, "viewer", ["FJI"]), (asks, "focal_point", ["SEN"])), False),
        "requester elsewhere, and there": (person((asks, "viewer", ["FJI"]), (asks, "focal_point", ["MLI"])), True),
        "requester and provider elsewhere": (
            person((asks, "focal_point", ["FJI"]), (leads, "provider_staff", ["FJI"])),
            True,
        ),
        "another programme, there": (member(asks, countries=["MLI"], programmes=["P1"]), False),
        "stranger, there": (member(OrganizationFactory.create(), countries=["MLI"]), False),
    }


def test_feed_and_api_agree_on_who_is_limited_to_some_countries(made: Scene, at: datetime) -> None:
    everything = set(Delivery.objects.values_list("public_id", flat=True))
    everything |= set(Milestone.objects.values_list("public_id", flat=True))
    assert len(everything) > 1
    for words, (actor, is_seen) in readers(made).items():
        assert shown(actor, at) == (everything if is_seen else set()), words
        assert told(actor, at) == shown(actor, at), words


def test_engagement_in_several_countries_is_told_of_in_each(at: datetime) -> None:
    asks = OrganizationFactory.create()
    engagement = EngagementFactory.create(requesting_organization=asks)
    EngagementPartyFactory.create(engagement=engagement, organization=asks, role="requester")
    for country in ("MLI", "SEN", ""):
        EngagementLineFactory.create(engagement=engagement, line__country=country)
    note(MilestoneFactory.create(engagement=engagement), "changed", actor=SYSTEM, at=at)
    publish_pending(at=at)
    for countries, is_told in ((["MLI"], True), (["SEN"], True), (["FJI"], False), (["FJI", "SEN"], True)):
        actor = member(asks, countries=countries)
        assert told(actor, at) == shown(actor, at)
        assert bool(told(actor, at)) is is_told, countries


PARTS: tuple[tuple[Any, Callable[..., Any] | None], ...] = (
    (DeliveryFactory, fulfilment.deliveries_visible_to),
    (MilestoneFactory, fulfilment.milestones_visible_to),
    (CostShareFactory, fulfilment.cost_shares_visible_to),
    (ChangeFactory, fulfilment.changes_visible_to),
    (EvaluationFactory, fulfilment.evaluations_visible_to),
    (EvaluationWaiverFactory, None),  # read with its engagement
    (OutcomeStoryFactory, fulfilment.stories_visible_to),
)


def happened(engagement: Engagement, at: datetime) -> list[Any]:
    """Have something happen to the engagement, to all that belongs to it, and to a document of it."""
    other: dict[Any, dict[str, Any]] = {DeliveryFactory: {"number": 9}, MilestoneFactory: {"kind": "twinning_check"}}
    parts = [factory.create(engagement=engagement, **other.get(factory, {})) for factory, _ in PARTS]
    about = {"about_resource": "engagement", "about_id": engagement.public_id}
    document = DocumentFactory.create(**about, organization=engagement.lead_organization, confidentiality="public")
    document.thing = engagement
    things = [engagement, *parts, document]
    for thing in things:
        note(thing, "changed", actor=SYSTEM, at=at)
    publish_pending(at=at)
    return things


def test_what_belongs_to_an_engagement_is_told_with_it(made: Scene, at: datetime) -> None:
    things = happened(made.engagement, at)
    for words, (actor, is_seen) in readers(made).items():
        found = queries.feed(reaches=reaches_of(actor, at), limit=1_000)
        heard = {(event.resource, event.resource_id) for event in found if event.type.endswith(".changed")}
        wanted = {(thing.resource, thing.public_id) for thing in things} if is_seen else set()
        assert heard == wanted, words
        for thing, (_, visible) in zip(things[1:], PARTS, strict=False):
            assert visible is None or visible(actor, at=at).filter(pk=thing.pk).exists() == is_seen, words


def test_page_and_long_poll_tell_nothing_of_an_engagement_elsewhere(made: Scene, at: datetime) -> None:
    limited: User = MembershipFactory.create(organization=made.requester, role="focal_point", countries=["FJI"]).user
    api = ApiClient.of(limited, at)
    with time_machine.travel(at, tick=False):
        assert api.get(f"/engagements/{made.engagement.reference}").status_code == 404
        pages = [
            api.get(f"/events?limit=1000{asked}")
            for asked in ("", f"&resource_id={made.engagement.public_id}", "&resource=delivery,milestone&wait=1")
        ]
    assert [page.status_code for page in pages] == [200, 200, 200]
    text = "".join(page.content.decode() for page in pages)
    assert made.request.reference_text in text  # a need is not limited by countries once it is submitted
    assert made.engagement.reference not in text
    assert not [key for key in shown(made.focal, at) if str(key) in text]


def test_feed_of_a_limited_membership_takes_one_query(
    made: Scene, at: datetime, django_assert_num_queries: Callable[..., Any]
) -> None:
    reaches = reaches_of(person((made.requester, "viewer", ["FJI"]), (made.lead, "viewer", ["MLI", "SEN"])), at)
    with django_assert_num_queries(1, connection=connection):
        assert queries.feed(reaches=reaches)


def test_scope_of_an_engagement_is_read_in_one_query(
    made: Scene, at: datetime, django_assert_num_queries: Callable[..., Any]
) -> None:
    engagement = Engagement.objects.select_related("request__programme").get(pk=made.id)
    with django_assert_num_queries(1, connection=connection):
        scope = engagement.event_scope(at=at)
    assert (scope.countries, scope.organization_id) == (frozenset({"MLI"}), made.requester.pk)
    assert scope.organization_ids == {made.requester.pk, made.lead.pk}


# --- all resources --------------------------------------------------------------------------------------------------


def unseen(actor: Actor, at: datetime) -> set[str]:
    """List the kinds of things of which the feed tells a reader and which the API does not show them."""
    events = queries.feed(reaches=reaches_of(actor, at), limit=1_000)
    things = {(event.resource, event.resource_id) for event in events if event.resource in sight.resources()}
    return {resource for resource, _ in things - set(sight.places_for(actor, things, at=at))}


def test_limited_people_of_each_side_are_told_of_what_they_see_and_of_nothing_else(at: datetime) -> None:
    built = build()
    publish_pending(at=at)
    sides: Iterable[Organization] = [
        built.things["organizations"],
        built.things["providers"].organization,
        Organization.objects.get(code="SHR"),
        Organization.objects.get(code="STR"),
    ]
    wrong = {
        f"{role} of {organization.code} for {countries}": found
        for organization in sides
        for role in ("focal_point", "provider_staff", "viewer", "auditor")
        for countries in (["FJI"], ["MLI"])
        if (found := unseen(member(organization, role, countries=countries), at))
    }
    assert wrong == {}


# --- what was told before countries were written down ---------------------------------------------------------------


def former(resource: str, to: Organization, at: datetime, **columns: Any) -> OutboxEvent:
    """Publish an event as the version before did."""
    number = 1 + OutboxEvent.objects.count()
    event = OutboxEventFactory.create(
        type=f"{resource}.changed",
        resource=resource,
        audience=Audience.ORGANIZATIONS,
        at=at,
        **{"sequence": number, "published_at": at, **columns},
    )
    EventAudience.objects.create(event=event, organization=to)
    return event


def test_former_events_of_engagements_are_given_to_no_limited_membership(
    at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = import_module("marketplace.events.migrations.0005_countries_of_former_events")
    asks = OrganizationFactory.create()
    hidden = [former(resource, asks, at) for resource in migration.OF_ENGAGEMENTS]
    hidden.append(former("document", asks, at, data={"about": {"resource": "engagement", "id": "1"}}))
    told = [former(resource, asks, at) for resource in ("training_request", "proposal", "session")]
    told.append(former("document", asks, at, data={"about": {"resource": "training_request", "id": "1"}}))
    known = former("delivery", asks, at, countries=" MLI ", organization=asks)
    waiting = former("milestone", asks, at, sequence=None, published_at=None)
    monkeypatch.setattr(migration, "STEP", 3)
    for _ in range(2):  # it may be run again where it was interrupted
        migration.mark(apps, SimpleNamespace(connection=connection))
    publish_pending(at=at + timedelta(minutes=1))

    limited, whole = member(asks, countries=["MLI"]), member(asks)
    assert queries.feed(reaches=reaches_of(limited, at)) == [*told, known]
    waiting.refresh_from_db()
    assert queries.feed(reaches=reaches_of(whole, at)) == [*hidden, *told, known, waiting]
