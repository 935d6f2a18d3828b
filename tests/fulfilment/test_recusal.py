"""Recusal on changes: nobody speaks for the secretariat who belongs to a partner, present or to come; and verbs say so."""

from collections.abc import Callable
from datetime import date

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext

from fulfilment import operations, queries
from fulfilment.models import Change
from fulfilment.operations import ChangeTerms, DeliveryTerms
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.kernel.errors import ErrorCode
from providers.models import Offering, OfferingPartner
from tests.factories.accounts import MembershipFactory, OrganizationFactory, OrganizationUserGrantFactory
from tests.factories.fulfilment import AT, BEGUN, REPORTED, SYSTEM, Scene, attended, brought_to, scene
from tests.factories.providers import OfferingFactory
from tests.requests_app.refusals import refusal

pytestmark = pytest.mark.django_db
LATER_DATES = ChangeTerms(deliveries=(DeliveryTerms(1, start_on=date(2027, 4, 12), end_on=date(2027, 4, 14)),))
CHANGE_VERBS = {"propose-change", "agree-change", "decline-change"}


def bound(actor: Actor, organization: Organization, role: str = "viewer") -> Actor:
    assert actor.user is not None
    MembershipFactory.create(user=actor.user, organization=organization, role=role)
    return Actor.for_user(actor.user)


def delegate_of(actor: Actor, office: Organization) -> Actor:
    """Give somebody of the office who stands in for the actor, in all roles there."""
    assert actor.user is not None
    person = MembershipFactory.create(organization=office, role="viewer").user
    actor.user.memberships.filter(organization=office).update(
        delegate=person, delegated_from=AT.date(), delegated_to=AT.date()
    )
    return Actor.for_user(person)


def bound_viewer(made: Scene, organization: Organization) -> Actor:
    return bound(made.officer, organization)


def bound_by_grant(made: Scene, organization: Organization) -> Actor:
    assert made.officer.user is not None
    right = Permission.objects.get(codename="requests_read")
    OrganizationUserGrantFactory.create(user=made.officer.user, content_object=organization, permission=right)
    return Actor.for_user(made.officer.user)


def bound_by_the_absent(made: Scene, organization: Organization) -> Actor:
    return delegate_of(bound(made.officer, organization), made.office)


BONDS: dict[str, Callable[[Scene, Organization], Actor]] = {
    "membership": bound_viewer,
    "grant": bound_by_grant,
    "stands in": bound_by_the_absent,
}


def verbs(made: Scene, actor: Actor) -> set[str]:
    return CHANGE_VERBS & set(queries.engagement_actions(made.fresh(), actor, at=AT))


def propose(made: Scene, actor: Actor, terms: ChangeTerms = LATER_DATES) -> Change:
    return operations.propose_change(actor=actor, at=AT, engagement_id=made.id, terms=terms, reason_text="Why.")


def agree(made: Scene, actor: Actor) -> Change:
    return operations.agree_change(actor=actor, at=AT, engagement_id=made.id)


def decline(made: Scene, actor: Actor) -> Change:
    return operations.decline_change(actor=actor, at=AT, engagement_id=made.id, reason_text="No.")


# --- who proposes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bond", sorted(BONDS))
def test_officer_who_belongs_to_a_partner_proposes_nothing_for_the_secretariat(bond: str) -> None:
    made = scene()
    assert verbs(made, made.officer) == {"propose-change"}
    officer = BONDS[bond](made, made.lead)

    assert verbs(made, officer) == set()
    with refusal(ErrorCode.RECUSED) as caught:
        propose(made, officer)

    assert caught.value.params["organization"] == made.lead.code
    assert not Change.objects.exists()


def test_unconcerned_officer_still_proposes_for_the_secretariat() -> None:
    made = scene()
    officer = bound(made.officer, OrganizationFactory.create())

    assert verbs(made, officer) == {"propose-change"}
    assert propose(made, officer).proposed_side == "secretariat"


def test_officer_who_speaks_for_the_lead_proposes_for_the_lead_and_another_for_the_secretariat() -> None:
    made = scene()
    both = bound(made.officer, made.lead, "provider_staff")

    assert verbs(made, both) == {"propose-change"}
    change = propose(made, both)

    assert change.proposed_side == "provider"
    assert verbs(made, both) == set()
    with refusal(ErrorCode.RECUSED):
        agree(made, both)
    assert change.missing_sides == ("requester", "secretariat")


def test_officer_who_speaks_for_the_lead_agrees_for_the_lead_alone() -> None:
    made = scene()
    propose(made, made.focal)
    both = bound(made.officer, made.lead, "provider_staff")

    assert verbs(made, both) == {"agree-change", "decline-change"}
    assert agree(made, both).missing_sides == ("secretariat",)


def test_word_for_two_sides_is_given_at_once() -> None:
    made = scene()
    propose(made, made.provider)

    assert agree(made, bound(made.officer, made.requester, "focal_point")).state == "agreed"


def test_system_speaks_for_the_secretariat() -> None:
    made = scene()

    assert propose(made, SYSTEM).proposed_side == "secretariat"


@pytest.mark.parametrize("bond", sorted(BONDS))
@pytest.mark.parametrize("answer", [agree, decline])
def test_officer_who_belongs_to_a_partner_answers_nothing(answer: Callable[[Scene, Actor], Change], bond: str) -> None:
    made = scene()
    change = propose(made, made.provider)
    assert verbs(made, made.officer) == {"agree-change", "decline-change"}
    officer = BONDS[bond](made, made.lead)

    assert verbs(made, officer) == set()
    with refusal(ErrorCode.RECUSED):
        answer(made, officer)

    change.refresh_from_db()
    assert (change.state, change.missing_sides) == ("proposed", ("requester", "secretariat"))


# --- whom a change brings in -----------------------------------------------------------------------------------------------


def as_provider(offering: Offering) -> Organization:
    organization: Organization = offering.provider.organization
    return organization


def as_partner(offering: Offering) -> Organization:
    organization: Organization = OrganizationFactory.create()
    OfferingPartner.objects.create(offering=offering, organization=organization, role="facilitator")
    return organization


def to(offering: Offering) -> ChangeTerms:
    return ChangeTerms(deliveries=(DeliveryTerms(1, offering_id=offering.pk),))


@pytest.mark.parametrize("bond", sorted(BONDS))
@pytest.mark.parametrize("newcomer", [as_provider, as_partner])
def test_officer_who_belongs_to_whom_a_change_brings_in_agrees_to_nothing(
    newcomer: Callable[[Offering], Organization], bond: str
) -> None:
    made = scene()
    offering = OfferingFactory.create(published=True)
    organization = newcomer(offering)
    propose(made, made.provider, to(offering))
    agree(made, made.focal)
    officer = BONDS[bond](made, organization)

    assert verbs(made, officer) == set()
    with refusal(ErrorCode.RECUSED) as caught:
        agree(made, officer)

    assert caught.value.params["organization"] == organization.code
    assert made.deliveries()[0].offering_id != offering.pk


@pytest.mark.parametrize("newcomer", [as_provider, as_partner])
def test_officer_who_belongs_to_whom_a_change_brings_in_does_not_propose_it(
    newcomer: Callable[[Offering], Organization],
) -> None:
    made = scene()
    offering = OfferingFactory.create(published=True)
    officer = bound(made.officer, newcomer(offering))

    with refusal(ErrorCode.RECUSED):
        propose(made, officer, to(offering))

    assert propose(made, officer).proposed_side == "secretariat"  # of what brings nobody in


def test_partners_of_the_offering_that_a_change_brings_become_parties() -> None:
    made = scene()
    offering = OfferingFactory.create(published=True)
    partner = as_partner(offering)
    OfferingPartner.objects.create(offering=offering, organization=OrganizationFactory.create(), role="lead")
    propose(made, made.provider, to(offering))
    agree(made, made.focal)
    agree(made, made.officer)

    parties = set(made.fresh().parties.values_list("organization_id", "role"))
    assert {(partner.pk, "facilitator"), (offering.provider.organization_id, "member")} <= parties
    assert [pk for pk, role in parties if role == "lead"] == [made.lead.pk]
    assert verbs(made, bound(made.officer, partner)) == set()


# --- other verbs that recusal closes ---------------------------------------------------------------------------------------


def test_recused_officer_is_told_of_no_waiver_and_no_settlement() -> None:
    made = brought_to("in_delivery")
    [delivery] = made.deliveries()
    operations.deliver_delivery(actor=made.provider, at=REPORTED, delivery_id=delivery.pk, participation=attended())
    operations.contest_delivery(actor=made.focal, at=REPORTED, delivery_id=delivery.pk, reason_code="numbers")
    [delivery] = made.deliveries()
    assert "waive-evaluation" in queries.engagement_actions(made.fresh(), made.officer, at=BEGUN)
    assert "confirm" in queries.delivery_actions(delivery, made.officer, at=BEGUN)
    officer = bound(made.officer, made.lead)

    assert "waive-evaluation" not in queries.engagement_actions(made.fresh(), officer, at=BEGUN)
    assert "confirm" not in queries.delivery_actions(delivery, officer, at=BEGUN)
    with refusal(ErrorCode.RECUSED):
        operations.confirm_delivery(actor=officer, at=REPORTED, delivery_id=delivery.pk, reason_text="Enough.")


# --- what it costs ---------------------------------------------------------------------------------------------------------


def test_recusal_asks_for_five_open_changes_as_little_as_for_one() -> None:
    scenes = [scene() for _ in range(5)]
    for made in scenes:
        propose(made, made.provider, to(OfferingFactory.create(published=True)))
    officer = bound_by_the_absent(scenes[0], OrganizationFactory.create())
    ahead = queries.engagements_visible_to(officer, at=AT).select_related("request__programme")
    rows = list(ahead.prefetch_related("parties", "changes").order_by("pk"))
    assert len(rows) == len(scenes)
    with CaptureQueriesContext(connection) as one:
        queries.engagement_actions(rows[0], Actor.for_user(officer.user), at=AT)  # type: ignore[arg-type]
    fresh = Actor.for_user(officer.user)  # type: ignore[arg-type]
    with CaptureQueriesContext(connection) as all_of_them:
        found = [queries.engagement_actions(row, fresh, at=AT) for row in rows]

    assert all("agree-change" in verbs for verbs in found)
    assert len(all_of_them) == len(one)
