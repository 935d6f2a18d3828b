"""Whom the steps of requests and engagements concern: the party's own people, within the countries of their membership."""

import pytest

from marketplace.accounts.actors import Actor
from marketplace.kernel.lifecycle import Party
from marketplace.notifications.recipients import of_party
from marketplace.records.models import LifecycleRecord
from tests.factories.accounts import AT, OrganizationFactory, member, secretariat
from tests.factories.fulfilment import scene
from tests.factories.requests import ClarificationFactory, EndorsementFactory, line, opened

pytestmark = pytest.mark.django_db


def told(record: LifecycleRecord, party: Party) -> set[int]:
    return {recipient.user.pk for recipient in of_party(record, party, AT)}


def people(*actors: Actor) -> set[int]:
    return {actor.user.pk for actor in actors if actor.user is not None}


def test_request_concerns_the_requesters_people_of_its_countries() -> None:
    agency, other = OrganizationFactory.create(), OrganizationFactory.create()
    request = opened(agency, lines=(line(country="MLI"),))
    everywhere, mali = member(agency), member(agency, countries=["MLI"])
    for actor in (member(agency, countries=["GHA"]), member(agency, "viewer"), member(other)):
        assert actor.user is not None

    assert told(request, Party.REQUESTER) == people(everywhere, mali)
    question = ClarificationFactory.create(request=request)
    assert told(question, Party.REQUESTER) == people(everywhere, mali)


def test_endorsement_concerns_the_authority_alone() -> None:
    agency, ministry = OrganizationFactory.create(), OrganizationFactory.create()
    request = opened(agency, lines=(line(country="MLI"),))
    member(agency)
    asked = member(ministry)

    assert told(EndorsementFactory.create(request=request, authority=ministry), Party.AUTHORITY) == people(asked)


def test_engagement_concerns_the_lead_or_the_requester_not_every_party() -> None:
    made = scene()
    staff_of_requester = member(made.requester, "provider_staff")
    focal_of_lead = member(made.lead, "focal_point")
    officer = secretariat(organization=made.office)
    country = made.engagement.lines.get().line.country
    elsewhere = member(made.requester, countries=["XXX"])
    here = member(made.requester, countries=[country])

    providers, requesters = told(made.engagement, Party.PROVIDER), told(made.engagement, Party.REQUESTER)

    assert people(made.provider) <= providers
    assert people(made.focal, here) <= requesters
    assert not people(staff_of_requester, made.focal) & providers
    assert not people(focal_of_lead, elsewhere, made.provider) & requesters
    both = told(made.engagement, Party.REQUESTER_AND_SECRETARIAT)
    assert people(made.focal, officer) <= both


def test_delivery_concerns_its_own_provider() -> None:
    made = scene(parts=2)
    first, second = made.engagement.deliveries.order_by("number")
    staff = member(second.provider.organization, "provider_staff")

    assert told(second, Party.PROVIDER) >= people(staff)
    assert not told(first, Party.PROVIDER) & people(staff)
