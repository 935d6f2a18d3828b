"""JSON in, refused before it reaches anything that could trip over it."""

import json
import re
import unicodedata
from collections.abc import Mapping
from typing import IO, Any

from django.conf import settings
from django.utils.http import parse_header_parameters
from rest_framework.parsers import BaseParser

from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.kernel.text import gettext_noop as _

DEPTH_LIMIT = 32
FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202d\u202e\ufffe\uffff\ud800-\udfff]")
CHARSETS = ("utf-8", "utf8", "us-ascii")  # a parameter that JSON does not have (RFC 8259), yet clients send it
TABLES = (".csv", ".jsonl")  # ends of the names of files that may be longer
INTEGER_LIMIT = 2**63 - 1  # what both databases store


def malformed(reason: str) -> DomainError:
    """Make the refusal of a body; ``reason`` is translated at the edge."""
    return DomainError(ErrorCode.MALFORMED_JSON, reason=reason)


def load(raw: bytes) -> object:
    """Read JSON strictly. Raises DomainError(malformed_json).

    Refuses what is not UTF-8, doubled keys, more than DEPTH_LIMIT levels, numbers that no column holds, NaN and infinities,
    and in texts what ``clean_text`` refuses (a stored lone surrogate poisons every list on SQLite).
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
    return _clean(value, 1)


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


def _clean(value: object, depth: int) -> object:
    if depth > DEPTH_LIMIT:
        raise malformed(_("it is nested too deeply"))
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, int) and abs(value) > INTEGER_LIMIT:
        raise malformed(_("a number is out of range"))
    if isinstance(value, dict):
        return _object([(clean_text(key), _clean(inner, depth + 1)) for key, inner in value.items()])
    if isinstance(value, list):
        return [_clean(inner, depth + 1) for inner in value]
    return value


def clean_text(text: str) -> str:
    """Give ``text`` composed (Unicode NFC), so that what looks alike is alike. Raises DomainError(malformed_json).

    Refuses NUL (PostgreSQL stores none), lone surrogates, other control characters than tab and line ends, and the bidirectional
    overrides, which make a text read otherwise than it is; marks and isolates, which scripts need, stay.
    """
    found = FORBIDDEN.search(text)
    if found is None:
        return text if text.isascii() else unicodedata.normalize("NFC", text)
    character = found[0]
    if character == "\x00":
        raise malformed(_("a text has a NUL character"))
    if "\ud800" <= character <= "\udfff":
        raise malformed(_("a text has a lone surrogate"))
    raise malformed(_("a text has a control character"))


def parameters_of(media_type: str) -> dict[str, str]:
    """Read the parameters of a media type."""
    return {name: str(value) for name, value in parse_header_parameters(media_type)[1].items()}


class StrictJSONParser(BaseParser):
    """application/json."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read a body of at most DATA_UPLOAD_MAX_MEMORY_SIZE bytes. Raises DomainError(body_too_large,
        malformed_json, unsupported_media_type).
        """
        charset = parameters_of(media_type or "").get("charset", "utf-8")
        if charset.lower().replace("_", "-") not in CHARSETS:
            raise DomainError(ErrorCode.UNSUPPORTED_MEDIA_TYPE, media_type=f"charset={charset}"[:100])
        return load(_read(stream, settings.DATA_UPLOAD_MAX_MEMORY_SIZE or 0))


class MergePatchParser(StrictJSONParser):
    """application/merge-patch+json (RFC 7396): what is absent stays, null clears."""

    media_type = "application/merge-patch+json"


class FileParser(BaseParser):
    """application/octet-stream: the content of a file; what it is, its bytes will tell."""

    media_type = "application/octet-stream"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Read at most FILE_BYTES bytes, of tables that are imported TABLE_BYTES. Raises DomainError(body_too_large)."""
        asked = getattr((parser_context or {}).get("request"), "query_params", {})
        is_table = str(asked.get("file_name", "")).lower().endswith(TABLES)
        return _read(stream, max(settings.TABLE_BYTES, settings.FILE_BYTES) if is_table else settings.FILE_BYTES)


def _read(stream: IO[Any], limit: int) -> bytes:
    raw: bytes = stream.read(limit + 1)
    if len(raw) > limit:
        raise DomainError(ErrorCode.BODY_TOO_LARGE, limit=limit)
    return raw
