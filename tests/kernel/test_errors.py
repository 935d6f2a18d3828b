import re

import pytest

from marketplace.kernel.errors import CATALOGUE, DomainError, ErrorCode, rule_broken, unknown_reference
from marketplace.kernel.text import pick


def test_every_code_is_in_the_catalogue_with_words() -> None:
    assert set(CATALOGUE) == set(ErrorCode)
    for kind in CATALOGUE.values():
        assert 400 <= kind.status < 600
        assert kind.title
        assert kind.detail
        assert kind.remedy


def test_codes_are_sorted_and_lower_case() -> None:
    codes = [code.value for code in ErrorCode]
    assert codes == sorted(codes)
    assert all(re.fullmatch(r"[a-z_]+", code) for code in codes)


def test_rule_broken_names_the_field() -> None:
    error = rule_broken("/lines/0/theme", "theme_missing", "Say which theme.", allowed=["a"], line=1)
    assert error.kind.status == 422
    assert (error.errors[0].pointer, error.errors[0].allowed) == ("/lines/0/theme", ("a",))


def test_unknown_reference_shows_the_value() -> None:
    error = unknown_reference("/organization", "XYZ")
    assert isinstance(error, DomainError)
    assert error.errors[0].params == {"value": "XYZ"}


@pytest.mark.parametrize(("language", "given"), [("fr", "fr"), ("fr-CH", "fr"), ("ar", "en"), ("en", "en")])
def test_pick_falls_back_to_english(language: str, given: str) -> None:
    assert pick({"en": "Hello", "fr": "Bonjour"}, language)[1] == given


def test_pick_of_nothing_is_empty() -> None:
    assert pick({}, "en") == ("", "")
