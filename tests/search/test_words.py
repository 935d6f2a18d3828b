"""Words compare across accents, plurals and scripts."""

import pytest

from marketplace.search.words import beginnings, terms, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Égalité", "egalite"),
        ("policies", "policy"),
        ("catégories", "category"),
        ("locaux", "local"),
        ("réseaux", "réseau"),
        ("niveaux", "niveau"),
        ("bureaux", "bureau"),
        ("idéaux", "idéal"),
        ("œuvres", "oeuvre"),
        ("SEMINARS", "seminar"),
    ],
)
def test_words_that_mean_the_same_are_the_same(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_words_chinese_are_cut_into_characters() -> None:
    assert words("移民政策 2026") == ["移", "民", "政", "策", "2026"]


def test_terms_leave_out_stop_words_and_elisions() -> None:
    assert terms("le droit à l'éducation des migrants") == ["droit", "education", "migrant"]


def test_terms_of_stop_words_alone_stay() -> None:
    assert terms("of the") == ["of", "the"]


def test_terms_are_limited_and_given_once() -> None:
    assert terms("alpha alpha " + " ".join(f"mot{n}" for n in range(30)), limit=3) == ["alpha", "mot0", "mot1"]


@pytest.mark.parametrize(
    ("q", "found"),
    [
        ("policy", [("polici", "policy")]),
        ("Policies", [("polici",)]),  # as it is typed it begins nothing else
        ("policies policy", [("polici", "policy")]),
        ("survey of duty", [("survei", "survey"), ("duty",)]),  # so short a word keeps its ending in the index, too
        ("labour migration", [("labour",), ("migration",)]),
        ("of", [("of",)]),
        ("", []),
    ],
)
def test_word_that_ends_in_y_stands_for_what_begins_with_it_and_for_its_plural(
    q: str, found: list[tuple[str, ...]]
) -> None:
    assert beginnings(q) == found


def test_word_stands_for_what_the_index_once_made_of_its_plural() -> None:
    assert beginnings("réseaux") == beginnings("réseau") == [("reseau", "reseal")]
    assert beginnings("eau, eaux") == [("eau",), ("eaux",)]


def test_beginnings_are_limited_as_terms_are() -> None:
    assert beginnings("policy of country and city", limit=2) == [("polici", "policy"), ("countri", "country")]
