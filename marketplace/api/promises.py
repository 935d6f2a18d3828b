"""Which refusals follow from what a route does: one source for the documentation and for the guard tests."""

from marketplace.api.contracts import Contract, IfMatch
from marketplace.api.permissions import Public, permissions_of
from marketplace.kernel.errors import ErrorCode as C

BODY = (C.INVALID_INPUT, C.MALFORMED_JSON, C.UNSUPPORTED_MEDIA_TYPE, C.BODY_TOO_LARGE)


def codes_of(contract: Contract, method: str, path: str, *, in_test_mode: bool) -> list[C]:
    """List the codes of an operation, in the order of the catalogue."""
    found = {C.UNKNOWN_PARAMETER, C.SERVICE_UNAVAILABLE, C.INTERNAL_ERROR, *contract.errors}
    if contract.counted:
        found |= {C.THROTTLED}
    if contract.representations or contract.media_types == ("application/json",):
        found |= {C.NOT_ACCEPTABLE}
    found |= _of_access(contract) | _of_url(path, contract)
    if not in_test_mode and not isinstance(contract.access, Public):
        found |= {C.NOT_IN_TEST_MODE}
    if method in ("POST", "PUT", "PATCH"):
        found |= {C.MALFORMED_JSON, C.UNSUPPORTED_MEDIA_TYPE, C.BODY_TOO_LARGE} | (
            set(BODY) if contract.body else set()
        )
    if method == "POST":
        found |= {C.INVALID_INPUT, C.IDEMPOTENCY_IN_FLIGHT, C.IDEMPOTENCY_KEY_REUSED}
    found |= _of_precondition(contract)
    return sorted(found, key=lambda code: code.value)


def _of_access(contract: Contract) -> set[C]:
    found: set[C] = (
        set()
        if isinstance(contract.access, Public)
        else {C.NOT_AUTHENTICATED, C.SECOND_FACTOR_MISSING, C.TOKEN_INVALID}
    )
    return found | ({C.PERMISSION_DENIED, C.INSUFFICIENT_SCOPE} if permissions_of(contract.access) else set())


def _of_url(path: str, contract: Contract) -> set[C]:
    found = {C.NOT_FOUND} if "{" in path else set()
    return found | ({C.INVALID_INPUT, C.INVALID_CURSOR} if contract.pages else set())


def _of_precondition(contract: Contract) -> set[C]:
    if contract.if_match is IfMatch.NONE:
        return set()
    found = {C.PRECONDITION_FAILED, C.INVALID_INPUT}
    return found | ({C.PRECONDITION_REQUIRED} if contract.if_match is IfMatch.REQUIRED else set())
