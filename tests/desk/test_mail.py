"""Where the links of e-mails lead: to the thing by way of the sign-in page, and out of the list by one click."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from django.test import Client

from marketplace.accounts.models import User
from marketplace.kernel.ids import new_public_id
from marketplace.notifications import preferences, unsubscribing
from marketplace.notifications.subjects import Cadence, Subject
from requests_app.models import TrainingRequest
from tests.factories.accounts import UserFactory
from tests.factories.notices import NotificationFactory
from tests.factories.requests import TrainingRequestFactory
from tests.kit.people import EVER, PASSWORD, SmallGroup, small_group

pytestmark = pytest.mark.django_db


@pytest.fixture
def group() -> SmallGroup:
    return small_group(EVER)


@pytest.fixture
def thing(group: SmallGroup, at: datetime) -> TrainingRequest:
    return TrainingRequestFactory.create(
        requesting_organization=group.requester, reference="GMG-MLI-2026-0007", state="submitted", submitted_at=at
    )


def browser_of(user: User) -> Client:
    browser = Client()
    browser.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return browser


# --- to the thing ---------------------------------------------------------------------------------------------------
def test_link_survives_the_sign_in(group: SmallGroup, thing: TrainingRequest) -> None:
    link = f"/go/training_request/{thing.public_id}"
    browser = Client()
    to_sign_in = browser.get(link)
    assert to_sign_in.status_code == 302
    signed_in = browser.post(to_sign_in["Location"], {"login": "focal", "password": PASSWORD})
    assert (signed_in.status_code, signed_in["Location"]) == (302, link)
    there = browser.get(link)
    assert there.status_code == 200
    place = f"/api/v1/requests/{thing.public_id}"
    assert f'href="{place}"' in there.content.decode()
    assert browser.get(place).json()["reference"] == "GMG-MLI-2026-0007"


def test_page_of_a_thing_says_what_one_was_told_of_it_in_ones_language(
    group: SmallGroup, thing: TrainingRequest, at: datetime
) -> None:
    about = {"about_resource": "training_request", "about_id": thing.public_id, "about_reference": thing.reference}
    NotificationFactory.create(recipient=group.focal_point, subject="step_opened", step="request.answer", **about)
    NotificationFactory.create(recipient=group.viewer, subject="step_overdue", step="request.answer", **about)
    browser, link = browser_of(group.focal_point), f"/go/training_request/{thing.public_id}"
    english = browser.get(link).content.decode()
    assert f"<h1>{thing.reference}</h1>" in english
    assert f"{thing.reference} waits for you" in english
    assert "was due" not in english  # what others were told
    assert "attend votre intervention" in browser.get(link, headers={"Accept-Language": "fr"}).content.decode()


# --- what one is told ------------------------------------------------------------------------------------------------
def test_person_chooses_without_script_and_reads_the_choice_again(group: SmallGroup) -> None:
    browser = browser_of(group.focal_point)
    assert 'href="/account/e-mail"' in browser.get("/account").content.decode()
    page = browser.get("/account/e-mail")
    html = page.content.decode()
    assert "<script" not in html
    assert "'none'" in page["Content-Security-Policy"]
    assert html.count("checked") == 2 + len(Subject)  # e-mail, at once, all subjects
    chosen = {"email": "on", "cadence": "weekly", "subjects": ["step_opened", "step_overdue"], "language": "fr"}
    kept = browser.post("/account/e-mail", chosen, follow=True).content.decode()
    assert 'role="status"' in kept
    assert kept.count("checked") == 4
    choice = preferences.choice_of(group.focal_point)
    assert (choice.email, choice.cadence, choice.language) == (True, "weekly", "fr")
    assert choice.muted == set(Subject) - {"step_opened", "step_overdue"}
    browser.post("/account/e-mail", {"cadence": "weekly"})
    assert not preferences.choice_of(group.focal_point).email


def test_what_cannot_be_chosen_changes_nothing_and_is_said(group: SmallGroup) -> None:
    browser = browser_of(group.focal_point)
    for wrong in (
        {"cadence": "hourly"},
        {"cadence": "daily", "subjects": ["weather"]},
        {"cadence": "daily", "language": "tlh"},
    ):
        answer = browser.post("/account/e-mail", wrong)
        assert (answer.status_code, 'role="alert"' in answer.content.decode()) == (400, True)
    assert preferences.choice_of(group.focal_point) == preferences.Choice()
    assert Client().get("/account/e-mail")["Location"].startswith("/sign-in")
    assert browser.delete("/account/e-mail").status_code == 405


@pytest.mark.parametrize("language", ["en", "fr"])
def test_every_field_of_the_page_has_its_label(group: SmallGroup, language: str) -> None:
    html = browser_of(group.viewer).get("/account/e-mail", headers={"Accept-Language": language}).content.decode()
    fields = re.findall(r'<(?:input|select)[^>]*\bid="([^"]+)"', html)
    assert len(fields) == 1 + len(Cadence) + len(Subject) + 1
    assert all(f'for="{name}"' in html for name in fields)
    assert html.count("<fieldset>") == html.count("<legend>") == 2
    assert ("Each at once" in html) == (language == "en")


def test_what_one_may_not_see_is_as_if_it_were_not_there(group: SmallGroup, thing: TrainingRequest) -> None:
    browser = browser_of(group.outsider)
    for link in (
        f"/go/training_request/{thing.public_id}",
        f"/go/training_request/{new_public_id()}",
        f"/go/planted/{thing.public_id}",
    ):
        assert browser.get(link).status_code == 404


# --- out of the list ------------------------------------------------------------------------------------------------
def path_for(user: User) -> str:
    return "/" + unsubscribing.address_for(user).split("/", 3)[3]


def test_one_click_of_a_mail_program_ends_e_mail_without_session_or_csrf_token() -> None:
    user, other = UserFactory.create_batch(2)
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post(path_for(user), {"List-Unsubscribe": "One-Click"})
    assert answer.status_code == 200
    assert not preferences.choice_of(user).email
    assert preferences.choice_of(other).email
    assert browser.post(path_for(user), {"List-Unsubscribe": "One-Click"}).status_code == 200


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Do you want no more e-mail"), ("fr", "Ne souhaitez-vous plus")]
)
def test_link_that_is_only_followed_asks_and_ends_nothing(language: str, words: str) -> None:
    user = UserFactory.create()
    page = Client().get(path_for(user), headers={"Accept-Language": language})
    assert words in page.content.decode()
    assert preferences.choice_of(user).email
    assert user.email not in page.content.decode()


def forged(user: User) -> str:
    return f"/unsubscribe/{user.public_id}.AAAA"


def of_another_purpose(user: User) -> str:
    from django.core.signing import Signer

    return f"/unsubscribe/{Signer(sep='.', salt='other').sign(str(user.public_id))}"


def of_somebody_gone(user: User) -> str:
    path = path_for(user)
    User.objects.filter(pk=user.pk).update(is_active=False)
    return path


@pytest.mark.parametrize("make", [forged, of_another_purpose, of_somebody_gone])
@pytest.mark.parametrize("method", ["get", "post"])
def test_false_token_does_nothing(make: Callable[[User], str], method: str) -> None:
    user = UserFactory.create()
    assert getattr(Client(), method)(make(user)).status_code == 404
    assert preferences.choice_of(user).email


def test_token_signed_with_an_old_key_still_works(settings: object) -> None:
    user = UserFactory.create()
    path = path_for(user)
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]  # type: ignore[attr-defined]
    settings.SECRET_KEY = "another key, for a test"  # type: ignore[attr-defined]
    assert Client().post(path).status_code == 200
    assert not preferences.choice_of(user).email
