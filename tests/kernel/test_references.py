import pytest

from marketplace.kernel.references import RequestReference, parse_request_reference


@pytest.mark.parametrize("text", ["GMG-MLI-2026-0007", "GMG-001-2026-12345"])
def test_reference_survives_reading_and_writing(text: str) -> None:
    found = parse_request_reference(text)
    assert str(found) == text


def test_reference_of_four_or_more_digits() -> None:
    assert str(RequestReference("GMG", "MLI", 2026, 7)) == "GMG-MLI-2026-0007"
    assert str(RequestReference("GMG", "034", 2026, 10_000)) == "GMG-034-2026-10000"


@pytest.mark.parametrize("text", ["", "GMG-mli-2026-0007", "GMG-MLI-26-0007", "GMG-MLI-2026-007", "GMG-MLI-2026-0007x"])
def test_other_text_is_no_reference(text: str) -> None:
    assert parse_request_reference(text) is None
