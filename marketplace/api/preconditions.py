"""Strong ETags and If-Match: the version decides, the rest of the tag tells one rendering from another."""

import hashlib
import re

from marketplace.api.contracts import IfMatch
from marketplace.api.request import ApiRequest
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop

TAG = re.compile(r'^(?:W/)?"(?P<version>[0-9]{1,9})(?:\.[0-9a-f]+)?"$')  # as we give them
ANY_TAG = re.compile(r'(?:W/)?"[^"]*"')
ONE = r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"'  # as anybody may (RFC 9110, 8.8.3)
TAGS = re.compile(rf"{ONE}(?:[ \t]*,[ \t]*{ONE})*")
NO_VERSION = 0  # that of a tag which we never gave: versions begin at 1


def etag_of(body: bytes, version: int | None) -> str:
    """Make a strong ETag: the version, then a digest of the very bytes (language, fields, caller all show in it)."""
    digest = hashlib.sha256(body).hexdigest()[:20]
    return f'"{digest}"' if version is None else f'"{version}.{digest}"'


def expected_version(request: ApiRequest, need: IfMatch, actual: int) -> int | None:
    """Read the version that the caller saw from If-Match.

    None where nothing is to be compared (no header and none required, or `*`). Of several tags the one of the
    ``actual`` version counts; a tag that we never gave is of no version. Raises DomainError(precondition_required) and,
    for what is no list of tags, DomainError(invalid_input).
    """
    header = request.headers.get("If-Match")
    text = (header or "").strip()
    if need is IfMatch.NONE or text == "*":
        return None
    if need is IfMatch.REQUIRED and not text:
        raise DomainError(ErrorCode.PRECONDITION_REQUIRED)
    if header is None:
        return None
    if TAGS.fullmatch(text) is None:
        detail = gettext_noop("This is not an ETag that the thing was given with.")
        raise DomainError(ErrorCode.INVALID_INPUT, errors=[FieldError("If-Match", "invalid", detail)])
    versions = [_version(tag) for tag in ANY_TAG.findall(text)]
    return actual if actual in versions else versions[0]


def _version(tag: str) -> int:
    found = TAG.match(tag)
    return int(found["version"]) if found else NO_VERSION


def is_known(header: str, etag: str) -> bool:
    """Tell whether If-None-Match names ``etag`` (weak comparison, RFC 9110)."""
    if header.strip() == "*":
        return True
    return etag in {tag.removeprefix("W/") for tag in ANY_TAG.findall(header)}
