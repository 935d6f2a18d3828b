"""The exemptions of the guards are honest: planted mistakes are seen, stale and bare exemptions fail."""

from tests.guards import house


def test_complaints_with_exempt_subject_are_none() -> None:
    assert house.complaints(["a.py: too long"], {"a.py": "generated from a table"}) == []


def test_complaints_with_stale_exemption_fail() -> None:
    assert house.complaints([], {"a.py": "generated from a table"}) != []


def test_complaints_with_bare_exemption_fail() -> None:
    assert house.complaints(["a.py: too long"], {"a.py": "because"}) == ["a.py: exempt without a reason"]


def test_sources_and_models_are_walked() -> None:
    assert len(house.sources()) > 50
    assert len(house.product_models()) > 5
