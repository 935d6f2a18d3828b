"""The start page and signing in, as a browser sees them."""

from datetime import datetime

import pytest
from django.test import Client

from tests.factories.accounts import MembershipFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("language", "words"), [("en", "Training needs, answered"), ("fr", "Documentation interactive")]
)
def test_start_page_speaks_the_language_of_the_browser(language: str, words: str) -> None:
    answer = Client().get("/", headers={"Accept-Language": language})
    assert answer.status_code == 200
    assert f'<html lang="{language}">' in answer.content.decode()
    if language == "en":
        assert words in answer.content.decode()
    else:
        assert "Training needs, answered" not in answer.content.decode()


def test_start_page_leads_to_the_api_and_its_documentation() -> None:
    page = Client().get("/").content.decode()
    for link in (
        'href="/api/v1/"',
        'href="/api/v1/docs"',
        'href="/api/v1/schema"',
        'href="/api/v1/errors"',
        'href="/sign-in"',
    ):
        assert link in page


def test_start_page_has_no_inline_script_or_style() -> None:
    answer = Client().get("/")
    page = answer.content.decode()
    assert "<script" not in page
    assert "style=" not in page
    assert "<style" not in page
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


def test_chosen_language_is_kept() -> None:
    browser = Client()
    answer = browser.post("/language", {"language": "fr", "next": "/sign-in"})
    assert (answer.status_code, answer.headers["Location"]) == (302, "/sign-in")
    assert '<html lang="fr">' in browser.get("/").content.decode()


def test_language_form_does_not_lead_to_another_site() -> None:
    answer = Client().post("/language", {"language": "fr", "next": "https://elsewhere.example/"})
    assert answer.headers["Location"] == "/"


def test_sign_in_greets_and_shows_the_role(at: datetime) -> None:
    membership = MembershipFactory.create(user__name="Awa Traoré", organization__code="UNFPA")
    membership.user.set_password("a long enough password")
    membership.user.save()
    browser = Client()
    assert browser.post("/sign-in", {"login": membership.user.username, "password": "wrong"}).status_code == 200
    answer = browser.post("/sign-in", {"login": membership.user.username, "password": "a long enough password"})
    assert answer.status_code == 302
    page = browser.get("/").content.decode()
    assert "Awa Traoré" in page
    assert "UNFPA" in page
    assert "Focal point" in page
    assert browser.get("/sign-out").status_code == 405
    browser.post("/sign-out")
    assert "Awa Traoré" not in browser.get("/").content.decode()
