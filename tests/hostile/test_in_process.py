"""The corpus against the whole Django stack: never a 500, every refusal a problem in two languages, nothing kept."""

from datetime import datetime
from typing import Any

import pytest
from django.apps import apps
from django.db import connection

from marketplace.kernel.errors import CATALOGUE
from tests.hostile.corpus import CORPUS, GOOD_BYTES, Hostile
from tests.kit.api import ApiClient, check_problem, places
from tests.kit.people import small_group


class Tried:
    """One client who sends cases, and what the database holds."""

    def __init__(self, at: datetime) -> None:
        self.api = ApiClient.of(small_group(at).focal_point, at)
        self.api.client.raise_request_exception = False
        self.draft = self.api.call("POST", "/requests", raw=GOOD_BYTES).body["id"]

    def send(self, one: Hostile, language: str) -> Any:
        path, headers = one.path.replace("{draft}", self.draft), {"Accept-Language": language, **one.headers}
        return self.api.call(one.method, path, raw=one.raw, content_type=one.content_type, headers=headers)

    def check(self, one: Hostile) -> None:
        before = kept()
        answer = self.send(one, "en")
        assert answer.status_code < 500, answer.content
        if one.code is None:
            assert answer.status_code < 300, answer.content
            again = self.api.get("/requests")
            assert (again.status_code, self.api.get("/requests?q=a").status_code) == (200, 200), "it poisons no list"
            return
        problem = check_problem(answer, one.code)
        assert one.place in {"", *places(problem)}, places(problem)
        assert kept() == before, "something was kept"
        if "Accept-Language" not in one.headers:
            self.check_french(one, problem)

    def check_french(self, one: Hostile, english: dict[str, Any]) -> None:
        french = self.send(one, "fr").body
        assert french["code"] == english["code"]
        assert french["title"] != english["title"]
        assert not any(text in french["detail"] for text in CATALOGUE[one.code].detail.split("%")[:1] if text)  # type: ignore[index]
        assert [error["code"] for error in french.get("errors", [])] == [e["code"] for e in english.get("errors", [])]


def kept() -> int:
    """Count all rows there are."""
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(f'SELECT count(*) FROM "{table}"' for table in TABLES))
        return sum(row[0] for row in cursor.fetchall())


TABLES = sorted({model._meta.db_table for model in apps.get_models(include_auto_created=True)})


@pytest.mark.django_db
@pytest.mark.parametrize("kind", CORPUS)
def test_hostile_calls(kind: str, at: datetime) -> None:
    tried, wrong = Tried(at), {}
    for one in CORPUS[kind]:
        try:
            tried.check(one)
        except AssertionError as error:
            wrong[one.name] = str(error)[:2_000]
    assert not wrong, "\n\n".join(f"--- {name}: {text}" for name, text in wrong.items())


def test_corpus_is_large_and_each_case_is_its_own() -> None:
    names = [one.name for kind in CORPUS.values() for one in kind]
    assert len(names) >= 250
    assert len(set(names)) == len(names)


@pytest.mark.django_db
def test_the_corpus_sees_a_hole(at: datetime, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the guard of texts a NUL goes through to the database: the corpus must notice."""
    monkeypatch.setattr("marketplace.api.parsers.clean_text", lambda text: text)
    tried = Tried(at)
    nul = next(one for one in CORPUS["texts"] if one.name == "NUL in a title")
    with pytest.raises(AssertionError):
        tried.check(nul)
