"""The index finds the same rows in the same order on both engines."""

from typing import Any

import pytest
from django.db import connection
from django.db.models import F, QuerySet
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.models import User
from marketplace.search import queries
from marketplace.search.engines import MANY
from marketplace.search.models import SearchDocument
from marketplace.search.operations import Text, index, index_many
from marketplace.search.queries import search

pytestmark = pytest.mark.django_db
RESOURCE = "thing"


def things(*texts: dict[str, Text]) -> list[User]:
    users = [User.objects.create(username=f"thing-{number}") for number in range(len(texts))]
    index_many(RESOURCE, {user.pk: text for user, text in zip(users, texts, strict=True)})
    return users


def found(q: str, language: str = "en", rows: "QuerySet[User] | None" = None) -> list[User]:
    everything = User.objects.all() if rows is None else rows
    hits = search(everything, resource=RESOURCE, q=q, language=language)
    return list(hits.order_by(F("relevance").desc(), "pk"))


def test_search_needs_every_word_in_any_order() -> None:
    seminar, _course = things(
        {"en": Text("Seminar on labour migration", "fair recruitment")}, {"en": Text("Course on labour law")}
    )
    assert found("migration labour") == [seminar]
    assert found("migration law") == []


def test_search_folds_accents_and_finds_beginnings() -> None:
    (thing,) = things({"fr": Text("Égalité des chances", "Préparation des délégués")})
    assert found("egalité delegu") == [thing]


@pytest.mark.parametrize(
    ("q", "count"), [("réseau", 2), ("réseaux", 2), ("RESEAU formation", 1), ("réseau sociaux", 1)]
)
def test_search_finds_french_plurals_whichever_is_asked(q: str, count: int) -> None:
    *both, _other = things(
        {"fr": Text("Réseaux sociaux")}, {"fr": Text("Un réseau de formation")}, {"fr": Text("Niveaux et bureaux")}
    )
    assert len(found(q)) == count
    assert set(found(q)) <= set(both)
    assert len(found("niveau bureau")) == len(found("niveaux bureaux")) == 1


def test_search_finds_french_plurals_in_rows_from_before_the_upgrade() -> None:
    (thing,) = things({"fr": Text("")})
    SearchDocument.objects.update(title=" reseal social")  # what became of `Réseaux sociaux` until 1 December 2026
    assert found("réseau") == found("réseaux sociaux") == [thing]


def test_search_by_a_word_in_y_finds_its_plural_and_what_begins_with_it() -> None:
    policy, plural, makers, _other = things(
        {"en": Text("Migration policy")},
        {"en": Text("Policies on migration")},
        {"en": Text("Migration for policymakers")},
        {"en": Text("Migration and the police")},
    )
    assert set(found("policy")) == set(found("policy migration")) == {policy, plural, makers}
    assert set(found("migration policy")) == {policy, plural, makers}
    assert set(found("policies")) == {policy, plural}
    assert found("policymakers") == [makers]


def test_search_by_several_words_in_y_needs_each_of_them() -> None:
    both, _one, _other = things(
        {"en": Text("Policymakers of countries", "a survey")},
        {"en": Text("Policy", "surveys")},
        {"en": Text("Country", "policy")},
    )
    assert found("policy country survey") == [both]
    assert found("country a policy survey") == [both]


def test_search_weighs_all_that_a_word_in_y_stands_for() -> None:
    texts = ("Policy", "Policy for policymakers", "Policy " * 9, "Policy policymakers policies policymakers")
    once, twice, many, some = things(*({"en": Text(text)} for text in texts))
    weights = {row: row.relevance for row in _annotated("policy", User.objects.all())}
    assert weights[once] < weights[twice] < weights[many] == weights[some]  # more of the same word adds nothing


def test_question_without_such_words_is_what_it_was() -> None:
    assert queries._question("sqlite", [("labour",), ("law",)]) == '"labour"* "law"*'
    assert queries._question("postgresql", [("labour",), ("law",)]) == "'labour':* & 'law':*"


def test_search_ranks_title_before_body() -> None:
    body, title = things(
        {"en": Text("Seminar", "about remittances")}, {"en": Text("Remittances", "about a seminar elsewhere")}
    )
    assert found("remittances") == [title, body]


def test_search_ranks_the_readers_language_first() -> None:
    english, french = things({"en": Text("Migration", "")}, {"fr": Text("Migration", "")})
    assert found("migration", "en") == [english, french]
    assert found("migration", "fr") == [french, english]


def test_search_of_a_record_in_two_languages_gives_it_once() -> None:
    (thing,) = things({"en": Text("Migration"), "fr": Text("Migration")})
    assert found("migration") == [thing]


def test_search_of_another_resource_stays_out() -> None:
    (thing,) = things({"en": Text("Migration")})
    index("other", thing.pk, {"en": Text("Seminar")})
    assert found("seminar") == []


def test_search_order_does_not_depend_on_rows_the_reader_may_not_see() -> None:
    one, other = things({"en": Text("Alpha beta")}, {"en": Text("Alpha", "gamma")})
    visible = User.objects.filter(pk__in=[one.pk, other.pk])
    before = [(user.pk, user.relevance) for user in _annotated("alpha", visible)]
    hidden = User.objects.create(username="hidden")
    index(RESOURCE, hidden.pk, {"en": Text("alpha " * 50, "alpha " * 500)})
    assert [(user.pk, user.relevance) for user in _annotated("alpha", visible)] == before


def _annotated(q: str, rows: "QuerySet[User]") -> list[Any]:
    return list(search(rows, resource=RESOURCE, q=q, language="en").order_by(F("relevance").desc(), "pk"))


@pytest.mark.parametrize(
    "q", ["", "  ", "!!!", "'", '"', "*", "()", ":*", "\\", "%", "NOT", "a OR b", "x:y", "& |", "-"]
)
def test_search_hostile_questions_are_just_words(q: str) -> None:
    things({"en": Text("Seminar")})
    assert found(q) == []


def test_search_in_other_scripts() -> None:
    russian, chinese, arabic = things(
        {"ru": Text("Трудовая миграция")}, {"zh": Text("移民政策")}, {"ar": Text("سياسات الهجرة")}
    )
    assert found("миграц") == [russian]
    assert found("移民") == [chinese]
    assert found("الهجرة") == [arabic]


def test_index_replaces_and_takes_out() -> None:
    (thing,) = things({"en": Text("Seminar"), "fr": Text("Séminaire")})
    index(RESOURCE, thing.pk, {"en": Text("Course")})
    assert found("seminar") == []
    assert found("course") == [thing]
    index(RESOURCE, thing.pk, {})
    assert found("course") == []
    assert not SearchDocument.objects.exists()


def test_index_follows_an_update_of_the_row() -> None:
    (thing,) = things({"en": Text("Seminar")})
    SearchDocument.objects.update(title=" workshop")
    assert found("workshop") == [thing]
    assert found("seminar") == []


def test_search_takes_one_query() -> None:
    things(*({"en": Text(f"Seminar {number}")} for number in range(30)))
    with CaptureQueriesContext(connection) as queries:
        assert len(found("seminar")) == 30
    assert len(queries) == 1


@pytest.mark.postgres
def test_search_reads_the_index_of_its_resource_alone() -> None:
    SearchDocument.objects.bulk_create(
        SearchDocument(resource=resource, record_id=number, language="en", title=f" seminar n{number}", body="")
        for resource in (*MANY, "session", "provider")
        for number in range(400)
    )
    with connection.cursor() as cursor:
        for resource in (
            *MANY,
            "others",
        ):  # what waits to be sorted in makes an index dear to read; autovacuum does this
            cursor.execute("SELECT gin_clean_pending_list(%s::regclass)", [f"search_words_{resource}"])
        cursor.execute("ANALYZE search_searchdocument")
        # So few rows are read anyhow.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
    for resource in (*MANY, "session"):
        plan = queries._hits("default", resource, [("n77",)]).explain()
        assert f"search_words_{resource if resource in MANY else 'others'}" in plan
        assert "BitmapAnd" not in plan
