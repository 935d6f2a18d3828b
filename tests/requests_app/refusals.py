"""Saying which refusal a test expects."""

import pytest

from marketplace.kernel.errors import DomainError, ErrorCode


def refusal(code: ErrorCode) -> "pytest.RaisesExc[DomainError]":
    """Expect a DomainError with this code."""
    return pytest.RaisesExc(DomainError, check=lambda error: error.code is code)


def pointers(error: DomainError) -> list[str]:
    """Give the places that an error names."""
    return [one.pointer for one in error.errors]
