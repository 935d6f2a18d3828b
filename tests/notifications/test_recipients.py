"""Who is told: role, validity, scope and delegation decide; nobody learns of what they could not see."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest

from marketplace.accounts.models import Membership, Organization
from marketplace.kernel.lifecycle import Party
from marketplace.notifications import recipients
from marketplace.notifications.recipients import Concerned
from tests.notifications.conftest import Member, Thing

pytestmark = pytest.mark.django_db


def names(thing: Thing, party: Party, at: datetime) -> list[str]:
    return [person.user.username for person in recipients.of_party(thing, party, at)]  # type: ignore[arg-type]


@pytest.fixture
def rule() -> Iterator[None]:
    yield
    recipients.forget("thing")


def test_requester_is_the_focal_points_of_the_organizations(
    thing: Thing, agency: Organization, member: Member, at: datetime
) -> None:
    member("ada", agency, "focal_point")
    member("ben", agency, "viewer")
    member("cleo", agency, "provider_staff")
    assert names(thing, Party.REQUESTER, at) == ["ada"]
    assert names(thing, Party.PROVIDER, at) == ["cleo"]


def test_stranger_is_never_told(
    thing: Thing, organization: Callable[..., Organization], member: Member, at: datetime
) -> None:
    member("zoe", organization("OTHER", "member"), "focal_point")
    assert names(thing, Party.REQUESTER, at) == []


def test_secretariat_is_its_officers_and_head_wherever_the_thing_is(
    thing: Thing, secretariat: Organization, member: Member, at: datetime
) -> None:
    member("off", secretariat, "secretariat_officer")
    member("hed", secretariat, "secretariat_head")
    member("aud", secretariat, "auditor")
    assert names(thing, Party.SECRETARIAT, at) == ["off", "hed"]
    assert names(thing, Party.SECOND_APPROVER, at) == ["off", "hed"]


def test_both_parties_are_told_where_both_owe(
    thing: Thing, agency: Organization, secretariat: Organization, member: Member, at: datetime
) -> None:
    member("ada", agency, "focal_point")
    member("off", secretariat, "secretariat_officer")
    assert sorted(names(thing, Party.REQUESTER_AND_SECRETARIAT, at)) == ["ada", "off"]


@pytest.mark.parametrize("party", [Party.SYSTEM, Party.NOBODY, Party.AUTHORITY])
def test_nobody_is_told_where_no_person_owes(
    thing: Thing, agency: Organization, member: Member, at: datetime, party: Party
) -> None:
    member("ada", agency, "focal_point")
    assert names(thing, party, at) == []


def test_membership_that_has_ended_and_inactive_person_are_left_out(
    thing: Thing, agency: Organization, member: Member, at: datetime
) -> None:
    member("old", agency, "focal_point")
    Membership.objects.update(valid_to=(at - timedelta(days=1)).date())
    gone = member("gone", agency, "focal_point")
    gone.is_active = False
    gone.save()
    assert names(thing, Party.REQUESTER, at) == []


def test_delegate_is_told_while_standing_in(thing: Thing, agency: Organization, member: Member, at: datetime) -> None:
    member("ada", agency, "focal_point")
    stand_in = member("dee", agency, "viewer")
    Membership.objects.filter(role="focal_point").update(
        delegate=stand_in, delegated_from=at.date(), delegated_to=at.date()
    )
    assert names(thing, Party.REQUESTER, at) == ["ada", "dee"]
    assert names(thing, Party.REQUESTER, at + timedelta(days=1)) == ["ada"]


def test_delegate_who_has_left_is_not_told(
    thing: Thing, agency: Organization, organization: Callable[..., Organization], member: Member, at: datetime
) -> None:
    member("ada", agency, "focal_point")
    gone = member("gus", agency, "viewer")
    lent = Membership.objects.filter(role="focal_point")
    lent.update(delegate=gone, delegated_from=at.date(), delegated_to=at.date() + timedelta(days=9))
    own = Membership.objects.filter(user=gone)
    own.update(valid_to=at.date())
    assert names(thing, Party.REQUESTER, at) == ["ada", "gus"]
    assert names(thing, Party.REQUESTER, at + timedelta(days=1)) == ["ada"]
    own.update(organization=organization("OTHER", "member"))
    assert names(thing, Party.REQUESTER, at) == ["ada"]


@pytest.mark.usefixtures("rule")
def test_rule_of_an_app_gives_organizations_countries_and_programme(
    thing: Thing, agency: Organization, member: Member, at: datetime
) -> None:
    member("everywhere", agency, "focal_point")
    member("mali", agency, "focal_point", countries=["MLI", "SEN"])
    member("ghana", agency, "focal_point", countries=["GHA"])
    member("jmdi", agency, "focal_point", programmes=["JMDI"])
    member("hmp", agency, "focal_point", programmes=["HMP"])
    recipients.concerned("thing")(
        lambda record, party, at: Concerned(frozenset({agency.pk}), frozenset({"MLI"}), programme="JMDI")
    )
    assert names(thing, Party.REQUESTER, at) == ["everywhere", "mali", "jmdi"]


def test_without_a_rule_people_with_a_limited_membership_are_not_told(
    thing: Thing, agency: Organization, member: Member, at: datetime
) -> None:
    member("mali", agency, "focal_point", countries=["MLI"])
    assert names(thing, Party.REQUESTER, at) == []


@pytest.mark.usefixtures("rule")
def test_second_rule_for_one_resource_is_a_mistake_of_the_code() -> None:
    recipients.concerned("thing")(lambda record, party, at: Concerned(frozenset()))
    with pytest.raises(ValueError, match="two rules"):
        recipients.concerned("thing")(lambda record, party, at: Concerned(frozenset()))
