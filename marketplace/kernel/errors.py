"""Every way in which the product says no: stable codes, statuses and texts in one place (RFC 9457 at the edge)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from marketplace.kernel.text import gettext_noop as _


class ErrorCode(StrEnum):
    """Stable codes; never translated, never reused."""

    ALREADY_ANSWERED = "already_answered"
    BODY_TOO_LARGE = "body_too_large"
    CAPACITY_EXHAUSTED = "capacity_exhausted"
    CEILING_EXCEEDED = "ceiling_exceeded"
    CONFLICT = "conflict"
    CURSOR_EXPIRED = "cursor_expired"
    DUPLICATE = "duplicate"
    ENDORSEMENT_PENDING = "endorsement_pending"
    EVALUATION_MISSING = "evaluation_missing"
    FOUR_EYES_REQUIRED = "four_eyes_required"
    HEADERS_TOO_LARGE = "headers_too_large"
    IDEMPOTENCY_IN_FLIGHT = "idempotency_in_flight"
    IDEMPOTENCY_KEY_REUSED = "idempotency_key_reused"
    INSUFFICIENT_SCOPE = "insufficient_scope"
    INTERNAL_ERROR = "internal_error"
    INVALID_CURSOR = "invalid_cursor"
    INVALID_INPUT = "invalid_input"
    LENGTH_REQUIRED = "length_required"
    LINE_TAKEN = "line_taken"
    MALFORMED_JSON = "malformed_json"
    MALFORMED_REQUEST = "malformed_request"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_ACCEPTABLE = "not_acceptable"
    NOT_AUTHENTICATED = "not_authenticated"
    NOT_FOUND = "not_found"
    NOT_IN_TEST_MODE = "not_in_test_mode"
    PERMISSION_DENIED = "permission_denied"
    PRECONDITION_FAILED = "precondition_failed"
    PRECONDITION_REQUIRED = "precondition_required"
    RECUSED = "recused"
    RULE_BROKEN = "rule_broken"
    SECOND_FACTOR_MISSING = "second_factor_missing"
    SECOND_FACTOR_REQUIRED = "second_factor_required"
    SERVICE_UNAVAILABLE = "service_unavailable"
    SIGN_IN_LOCKED = "sign_in_locked"
    THROTTLED = "throttled"
    TOKEN_INVALID = "token_invalid"  # noqa: S105  an error code
    UNKNOWN_PARAMETER = "unknown_parameter"
    UNKNOWN_REFERENCE = "unknown_reference"
    UNSUPPORTED_MEDIA_TYPE = "unsupported_media_type"
    URI_TOO_LONG = "uri_too_long"
    WRONG_STATE = "wrong_state"


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """Status, texts (English source with ``%(name)s`` places) and what the caller can do about it."""

    status: int
    title: str
    detail: str
    remedy: str


C = ErrorCode
CATALOGUE: Mapping[ErrorCode, ErrorKind] = {
    C.ALREADY_ANSWERED: ErrorKind(
        409,
        _("Already answered"),
        _("This question has been answered already."),
        _("Read the thing again; a new answer needs a new question."),
    ),
    C.BODY_TOO_LARGE: ErrorKind(
        413, _("Body too large"), _("The body is larger than %(limit)s bytes."), _("Send less at once.")
    ),
    C.CAPACITY_EXHAUSTED: ErrorKind(
        409,
        _("No capacity left"),
        _("Asked for %(asked)s, free are %(free)s (%(unit)s)."),
        _("Choose another session or capacity window, or fewer participants."),
    ),
    C.CEILING_EXCEEDED: ErrorKind(
        409,
        _("Ceiling exceeded"),
        _("This costs %(cost)s; of the ceiling of the request, %(ceiling)s, %(left)s is left."),
        _(
            "Choose a proposal that costs no more than what is left, retract another approval, or have the ceiling raised."
        ),
    ),
    C.CONFLICT: ErrorKind(
        409,
        _("Conflict"),
        _("The thing was changed by somebody else at the same time."),
        _("Read it again and repeat the call."),
    ),
    C.CURSOR_EXPIRED: ErrorKind(
        410,
        _("Too far back"),
        _("What came after this cursor is no longer in the feed, which goes back %(days)s days."),
        _("Read the things themselves once, then follow the feed from its end or from its beginning (`after=0`)."),
    ),
    C.DUPLICATE: ErrorKind(
        409,
        _("Already there"),
        _("A thing with this %(field)s exists already."),
        _("Use the existing one or give another value."),
    ),
    C.ENDORSEMENT_PENDING: ErrorKind(
        422,
        _("Endorsement pending"),
        _("The endorsement by the national authority is still open."),
        _("Record the endorsement first; matching goes on meanwhile."),
    ),
    C.EVALUATION_MISSING: ErrorKind(
        422,
        _("Evaluation missing"),
        _("Closing needs an evaluation at level %(levels)s or a waiver."),
        _("Record the evaluation, or let the secretariat waive it with a reason."),
    ),
    C.FOUR_EYES_REQUIRED: ErrorKind(
        403,
        _("A second person must decide"),
        _("You gave the first approval; another officer who is not recused has to give the second."),
        _("Ask a colleague to approve."),
    ),
    C.HEADERS_TOO_LARGE: ErrorKind(
        431,
        _("Headers too large"),
        _("A header is longer than %(length)s characters, or there are more than %(headers)s of them."),
        _("Send fewer or shorter headers."),
    ),
    C.IDEMPOTENCY_IN_FLIGHT: ErrorKind(
        409,
        _("Same call under way"),
        _("A call with this Idempotency-Key is still under way."),
        _("Wait a moment and repeat it unchanged."),
    ),
    C.IDEMPOTENCY_KEY_REUSED: ErrorKind(
        422,
        _("Idempotency-Key used again"),
        _("This Idempotency-Key was used for another body or route."),
        _("Make a new key for each new call."),
    ),
    C.INSUFFICIENT_SCOPE: ErrorKind(
        403, _("Scope missing"), _("The token lacks the scope %(scope)s."), _("Ask for a token that has the scope.")
    ),
    C.INTERNAL_ERROR: ErrorKind(
        500,
        _("Our mistake"),
        _("Something failed on our side; nothing of this call was kept."),
        _("Repeat the call; tell us the request id if it persists."),
    ),
    C.INVALID_CURSOR: ErrorKind(
        400, _("Bad cursor"), _("The cursor is not one that this list gave."), _("Start again without a cursor.")
    ),
    C.INVALID_INPUT: ErrorKind(
        400,
        _("Bad input"),
        _("The body or the query breaks the schema; see `errors`."),
        _("Correct the fields that `errors` names."),
    ),
    C.LENGTH_REQUIRED: ErrorKind(
        411,
        _("Length required"),
        _("A body comes with its length, not in chunks."),
        _("Set `Content-Length`; do not set `Transfer-Encoding`."),
    ),
    C.LINE_TAKEN: ErrorKind(
        409,
        _("Line taken"),
        _("Line %(line)s has %(free)s participants left to place, asked for %(asked)s."),
        _("Decline or retract the other proposal first, or place fewer participants."),
    ),
    C.MALFORMED_JSON: ErrorKind(
        400, _("Malformed JSON"), _("The body is not acceptable JSON: %(reason)s."), _("Send UTF-8 JSON.")
    ),
    C.MALFORMED_REQUEST: ErrorKind(
        400,
        _("Malformed request"),
        _("This is not a request of HTTP/1.1 as this server reads it."),
        _("Check request line, headers and length of the body (RFC 9112)."),
    ),
    C.METHOD_NOT_ALLOWED: ErrorKind(
        405, _("Method not allowed"), _("%(method)s is not open here."), _("Use one of the methods in `Allow`.")
    ),
    C.NOT_ACCEPTABLE: ErrorKind(
        406, _("Not acceptable"), _("None of the asked formats is given here."), _("Ask for application/json.")
    ),
    C.NOT_AUTHENTICATED: ErrorKind(
        401, _("Not signed in"), _("This call needs a token or a session."), _("Send `Authorization: Bearer ...`.")
    ),
    C.NOT_FOUND: ErrorKind(
        404, _("Not found"), _("There is no such thing, or you may not see it."), _("Check the id or reference.")
    ),
    C.NOT_IN_TEST_MODE: ErrorKind(
        403,
        _("Not in test mode"),
        _("A system in test mode cannot do this: it would concern others, or what is real."),
        _("Use a system that is not in test mode, or try it on a demo of your own."),
    ),
    C.PERMISSION_DENIED: ErrorKind(
        403,
        _("Not your part"),
        _("Your role does not allow this (%(permission)s)."),
        _("Ask somebody who has the role, or the secretariat."),
    ),
    C.PRECONDITION_FAILED: ErrorKind(
        412,
        _("Out of date"),
        _("You read version %(expected)s, the thing is at version %(actual)s."),
        _("Read it again, look at what changed, repeat with the new ETag."),
    ),
    C.PRECONDITION_REQUIRED: ErrorKind(
        428,
        _("If-Match needed"),
        _("This call needs `If-Match` with the ETag that you read."),
        _("Read the thing and send its ETag in `If-Match`."),
    ),
    C.RECUSED: ErrorKind(
        403,
        _("Recused"),
        _("You belong to %(organization)s, which is a partner here; you may not decide."),
        _("Leave the decision to an officer who is not concerned."),
    ),
    C.RULE_BROKEN: ErrorKind(
        422, _("Rule broken"), _("The call is well formed but breaks a rule; see `errors`."), _("See `errors`.")
    ),
    C.SECOND_FACTOR_MISSING: ErrorKind(
        403,
        _("No second factor yet"),
        _("Your role needs a second factor at sign-in, and you have none yet."),
        _("Set one up on the page `/account/second-factor/`."),
    ),
    C.SECOND_FACTOR_REQUIRED: ErrorKind(
        401,
        _("Second factor needed"),
        _("Login and password are right; this account also needs a valid code of its second factor."),
        _("Send `code`: six digits of the authenticator app, or a recovery code."),
    ),
    C.SERVICE_UNAVAILABLE: ErrorKind(
        503,
        _("Not ready"),
        _("A part of the service is not answering; nothing of this call was kept."),
        _("Wait for `Retry-After` seconds and repeat the call."),
    ),
    C.SIGN_IN_LOCKED: ErrorKind(
        429,
        _("Sign-in is locked"),
        _("There were too many failed tries. Try again in %(minutes)s min."),
        _("Wait; whoever forgot the password asks the secretariat."),
    ),
    C.THROTTLED: ErrorKind(
        429,
        _("Too many calls"),
        _("Your limit is reached; calls are taken again in %(retry_after)s seconds."),
        _("Wait for `Retry-After` seconds; `RateLimit` says with every answer what is left."),
    ),
    C.TOKEN_INVALID: ErrorKind(
        401, _("Token not valid"), _("The token is unknown, expired or revoked."), _("Make a new token.")
    ),
    C.UNKNOWN_PARAMETER: ErrorKind(
        400,
        _("Unknown parameter"),
        _("The query has a parameter that this list does not know; see `errors`."),
        _("Use one of the allowed names."),
    ),
    C.UNKNOWN_REFERENCE: ErrorKind(
        422,
        _("Unknown reference"),
        _("A code or id names nothing that you can use; see `errors`."),
        _("Use one of the allowed values."),
    ),
    C.UNSUPPORTED_MEDIA_TYPE: ErrorKind(
        415, _("Unsupported media type"), _("Send application/json, not %(media_type)s."), _("Set `Content-Type`.")
    ),
    C.URI_TOO_LONG: ErrorKind(
        414,
        _("Address too long"),
        _("Path and query have more than %(length)s characters, or the query more than %(parameters)s parameters."),
        _("Ask for less at once."),
    ),
    C.WRONG_STATE: ErrorKind(
        409,
        _("Wrong state"),
        _("`%(verb)s` is not open in the state `%(state)s`; open actions: %(allowed)s."),
        _("Choose one of the open actions."),
    ),
}


@dataclass(frozen=True, slots=True)
class FieldError:
    """One wrong place: JSON pointer (RFC 6901), code, English detail with places, allowed values where there is a list."""

    pointer: str
    code: str
    detail: str
    allowed: tuple[str, ...] = ()
    params: Mapping[str, object] = field(default_factory=dict)


class DomainError(Exception):
    """A refusal with a stable code; the API edge turns it into problem+json."""

    def __init__(self, code: ErrorCode, *, errors: Sequence[FieldError] = (), **params: object) -> None:
        super().__init__(f"{code}: {params}" if params else str(code))
        self.code = code
        self.errors = tuple(errors)
        self.params = params

    @property
    def kind(self) -> ErrorKind:
        """Status and texts of the code."""
        return CATALOGUE[self.code]


def rule_broken(pointer: str, code: str, detail: str, *, allowed: Sequence[str] = (), **params: object) -> DomainError:
    """Make the usual 422 for one field."""
    return DomainError(ErrorCode.RULE_BROKEN, errors=[FieldError(pointer, code, detail, tuple(allowed), params)])


def unknown_reference(pointer: str, value: object, allowed: Sequence[str] = ()) -> DomainError:
    """Make the 422 for a code or id that names nothing usable; ``allowed`` lists what would be."""
    detail = _("`%(value)s` is not known here.")
    return DomainError(
        ErrorCode.UNKNOWN_REFERENCE,
        errors=[FieldError(pointer, "unknown_reference", detail, tuple(allowed), {"value": str(value)})],
    )
