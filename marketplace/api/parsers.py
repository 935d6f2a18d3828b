"""JSON in, refused before it reaches anything that could trip over it."""

import json
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from rest_framework.parsers import BaseParser

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.text import gettext_noop as _

DEPTH_LIMIT = 32
INTEGER_LIMIT = 2**63 - 1  # what both databases store


def malformed(reason: str) -> DomainError:
    """Make the refusal of a body; ``reason`` is translated at the edge."""
    return DomainError(ErrorCode.MALFORMED_JSON, reason=reason)


def load(raw: bytes) -> object:
    """Read JSON strictly. Raises DomainError(malformed_json).

    Refuses what is not UTF-8, doubled keys, NUL, lone surrogates (a stored one poisons every list on SQLite), more than
    DEPTH_LIMIT levels, numbers that no column holds, NaN and infinities.
    """
    try:
        text = raw.decode("utf-8")
        value = json.loads(text, object_pairs_hook=_object, parse_constant=_constant, parse_float=_float)
    except UnicodeDecodeError:
        raise malformed(_("it is not UTF-8")) from None
    except RecursionError:
        raise malformed(_("it is nested too deeply")) from None
    except ValueError as error:
        position = getattr(error, "pos", None)
        raise malformed(
            _("it breaks the syntax") if position is None else f"{error.args[0].split(': line')[0]} @ {position}"
        ) from None
    _inspect(value, 1)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise malformed(_("a key is given twice"))
    return found


def _constant(name: str) -> float:
    raise malformed(_("NaN and Infinity are no JSON numbers"))


def _float(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise malformed(_("a number is out of range"))
    return value


def _inspect(value: object, depth: int) -> None:
    if depth > DEPTH_LIMIT:
        raise malformed(_("it is nested too deeply"))
    if isinstance(value, str):
        _inspect_text(value)
    elif isinstance(value, int) and abs(value) > INTEGER_LIMIT:
        raise malformed(_("a number is out of range"))
    elif isinstance(value, dict):
        for key, inner in value.items():
            _inspect_text(key)
            _inspect(inner, depth + 1)
    elif isinstance(value, list):
        for inner in value:
            _inspect(inner, depth + 1)


def _inspect_text(text: str) -> None:
    if "\x00" in text:
        raise malformed(_("a text has a NUL character"))
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise malformed(_("a text has a lone surrogate"))


class StrictJSONParser(BaseParser):
    """application/json."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read a body of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes. Raises DomainError(body_too_large, malformed_json)."""
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0
        raw = stream.read(limit + 1)
        if len(raw) > limit:
            raise DomainError(ErrorCode.BODY_TOO_LARGE, limit=limit)
        return load(raw)


class MergePatchParser(StrictJSONParser):
    """application/merge-patch+json (RFC 7396): what is absent stays, null clears."""

    media_type = "application/merge-patch+json"
