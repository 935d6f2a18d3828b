"""Reason codes of decisions and answers."""

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.vocabularies import queries as vocabularies


def check_reason(scheme: str, code: str) -> None:
    """Raise DomainError(unknown_reference) naming the allowed codes unless ``code`` is in the list ``scheme``."""
    error = vocabularies.check_code(scheme, code, "/reason_code")
    if error is not None:
        raise DomainError(ErrorCode.UNKNOWN_REFERENCE, errors=[error])
