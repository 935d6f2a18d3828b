"""Choosing what one is told by e-mail, over the API."""

from datetime import datetime
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.kernel.errors import ErrorCode
from marketplace.notifications import preferences
from marketplace.notifications.models import MailPreference
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db
PATH = "/me/notification-preferences"
ALL = [
    *("need_found", "offer_answered", "step_escalated", "step_opened", "step_overdue", "step_reminder"),
    "webhook_disabled",
]


def test_person_who_chose_nothing_is_told_everything_at_once(group: SmallGroup, at: datetime) -> None:
    group.focal_point.email = "awa@agency.example"
    group.focal_point.save()
    assert ApiClient.of(group.focal_point, at).get(PATH).body == {
        "email": True,
        "cadence": "at_once",
        "subjects": ALL,
        "language": None,
        "address": "awa@agency.example",
        "address_failing_since": None,
    }
    assert not MailPreference.objects.exists()


def test_what_is_given_changes_and_the_rest_stays(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.focal_point, at)
    assert api.patch(PATH, {"cadence": "weekly", "subjects": ["step_overdue"]}).status_code == 200
    told = api.patch(PATH, {"language": "fr"}).body
    assert (told["cadence"], told["subjects"], told["language"]) == ("weekly", ["step_overdue"], "fr")
    told = api.patch(PATH, {"language": None, "email": False, "subjects": []}).body
    assert (told["email"], told["cadence"], told["subjects"], told["language"]) == (False, "weekly", [], None)
    other = ApiClient.of(group.outsider, at).get(PATH).body
    assert (other["email"], other["cadence"]) == (True, "at_once")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"cadence": "hourly"}, "/cadence"),
        ({"subjects": ["gossip"]}, "/subjects/0"),
        ({"language": "tlh"}, "/language"),
        ({"email": "perhaps"}, "/email"),
        ({"email": None}, "/email"),
        ({"address": "else@where.example"}, "/address"),
    ],
)
def test_what_cannot_be_chosen_is_refused_with_its_place(
    group: SmallGroup, at: datetime, body: dict[str, Any], where: str
) -> None:
    told = check_problem(ApiClient.of(group.focal_point, at).patch(PATH, body), ErrorCode.INVALID_INPUT)
    assert list(places(told)) == [where]
    assert not MailPreference.objects.exists()


def test_refused_choice_names_what_is_allowed(group: SmallGroup, at: datetime) -> None:
    told = check_problem(
        ApiClient.of(group.focal_point, at).patch(PATH, {"cadence": "hourly"}), ErrorCode.INVALID_INPUT
    )
    assert told["errors"][0]["allowed"] == ["at_once", "daily", "weekly"]


def test_failing_address_is_shown_and_tried_again_on_a_yes(group: SmallGroup, at: datetime) -> None:
    person = group.focal_point
    person.email = "awa@agency.example"
    person.save()
    for _ in range(3):
        preferences.note_refused(person, address=person.email, at=at)
    api = ApiClient.of(person, at)
    assert api.get(PATH).body["address_failing_since"] == "2026-11-23T09:00:00Z"
    assert api.patch(PATH, {"email": True}).body["address_failing_since"] is None


def test_systems_have_no_preferences(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.client, at)
    check_problem(api.get(PATH), ErrorCode.PERMISSION_DENIED)
    check_problem(api.patch(PATH, {"email": False}), ErrorCode.PERMISSION_DENIED)


def test_reading_takes_few_queries(group: SmallGroup, at: datetime) -> None:
    api = ApiClient.of(group.focal_point, at)
    api.get(PATH)
    with CaptureQueriesContext(connection) as caught:
        api.get(PATH)
    assert len(caught) <= 3, [query["sql"][:90] for query in caught]
