"""Words compare across accents, plurals and scripts."""

import pytest

from marketplace.search.words import terms, words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Égalité", "egalite"),
        ("policies", "policy"),
        ("catégories", "category"),
        ("locaux", "local"),
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
