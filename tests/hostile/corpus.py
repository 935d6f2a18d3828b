"""Input that was made to break things, by hand: name, request, and what the answer must be.

A case stands for a kind of mistake or attack; each is told by what it sends, not by how the product might fail.
"""

import gzip
import io
import json
import zipfile
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from marketplace.kernel.errors import ErrorCode as C

JSON = "application/json"
GOOD: dict[str, Any] = {
    "title": {"en": "Migration in national planning"},
    "need_statement": {"en": "Officials of three ministries are to bring migration into sector plans."},
    "language": "en",
    "lines": [
        {
            "theme": "mainstreaming",
            "audience": "national_government",
            "country": "MLI",
            "language": "fr",
            "participants": {"min": 15, "max": 30},
        }
    ],
    "languages": {"must": ["fr"]},
    "forms": ["workshop"],
    "modalities": ["in_person"],
    "window": {"start": "2027-03-01", "end": "2027-06-30", "precision": "month"},
    "place": {"preference": "in_country", "country": "MLI", "city": "Bamako"},
    "budget": {"ceiling": "45000.00", "currency": "USD", "funding_state": "sought"},
    "visibility": "group",
}


@dataclass(frozen=True)
class Hostile:
    """One call. ``code`` None: taken (2xx), and what it leaves behind must do no harm; ``place`` is named by the refusal."""

    name: str
    code: C | None
    method: str = "GET"
    path: str = "/requests"
    place: str = ""
    raw: bytes | None = None
    content_type: str = JSON
    headers: dict[str, str] = field(default_factory=dict)


def body(name: str, code: C | None, change: dict[str, Any], place: str = "", **options: Any) -> Hostile:
    """Draft a request that is good but for ``change``: dotted places with their values."""
    sent: dict[str, Any] = json.loads(json.dumps(GOOD))
    for path, value in change.items():
        here: Any = sent
        *before, last = path.split(".")
        for part in before:
            here = here[int(part)] if isinstance(here, list) else here[part]
        here[int(last) if isinstance(here, list) else last] = value
    text = json.dumps(sent).replace('"<raw:', "").replace(':raw>"', "")
    return Hostile(name, code, "POST", place=place, raw=text.encode(), **options)


def written(text: str) -> str:
    """Put ``text`` into a body as it is, without quotes: what no JSON library would write."""
    return f"<raw:{text}:raw>"


def raw(name: str, code: C | None, sent: bytes, place: str = "", **options: Any) -> Hostile:
    """Send bytes as they are."""
    return Hostile(name, code, "POST", place=place, raw=sent, **options)


def query(name: str, code: C | None, text: str, place: str = "", path: str = "/requests") -> Hostile:
    """Read a list with this query."""
    return Hostile(name, code, path=f"{path}?{text}", place=place)


def header(name: str, code: C | None, headers: dict[str, str], place: str = "", **options: Any) -> Hostile:
    """Send odd headers."""
    return Hostile(name, code, headers=headers, place=place, **options)


def good(name: str, code: C | None, headers: dict[str, str], place: str = "") -> Hostile:
    """Draft a good request with odd headers."""
    return Hostile(name, code, "POST", raw=json.dumps(GOOD).encode(), headers=headers, place=place)


def upload(name: str, file_name: str, sent: bytes) -> Hostile:
    """Send a file that is not what its name says."""
    path = f"/uploads?file_name={file_name}"
    return Hostile(name, C.RULE_BROKEN, "POST", path, raw=sent, content_type="application/octet-stream")


def workbook(method: int, *, flipped: int) -> bytes:
    """Make an office file; the last ``flipped`` bytes of its last part are not as they were packed."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as made:
        made.writestr("[Content_Types].xml", "<a/>")
        made.writestr("xl/workbook.xml", "<a>" + "some words " * 50 + "</a>")
    sent, end = bytearray(target.getvalue()), made.start_dir
    for place in range(end - flipped, end):
        sent[place] ^= 0xFF
    return bytes(sent)


def deep(opening: str, closing: str, levels: int) -> bytes:
    """Nest brackets."""
    return (opening * levels + closing * levels).encode()


GOOD_BYTES = json.dumps(GOOD).encode()
TITLE, CITY, CEILING, START, END, LEAST = (
    "title.en",
    "place.city",
    "budget.ceiling",
    "window.start",
    "window.end",
    "lines.0.participants.min",
)
MALFORMED, INVALID = C.MALFORMED_JSON, C.INVALID_INPUT

TEXTS = [
    body("NUL in a title", MALFORMED, {TITLE: "a\x00b"}),
    body("NUL alone as a city", MALFORMED, {CITY: "\x00"}),
    body("NUL in a code", MALFORMED, {"language": "e\x00n"}),
    raw("NUL as a raw byte", MALFORMED, GOOD_BYTES.replace(b"Bamako", b"Ba\x00mako")),
    raw("high surrogate alone", MALFORMED, GOOD_BYTES.replace(b"Bamako", b"\\ud800")),
    raw("low surrogate alone", MALFORMED, GOOD_BYTES.replace(b"Bamako", b"\\udc00")),
    raw("surrogates the wrong way round", MALFORMED, GOOD_BYTES.replace(b"Bamako", b"\\udc00\\ud800")),
    raw("surrogate as bytes (CESU-8)", MALFORMED, GOOD_BYTES.replace(b"Bamako", b"\xed\xa0\x80")),
    raw("surrogate in a key", MALFORMED, GOOD_BYTES.replace(b'"city"', b'"\\udfff"')),
    raw("pair of surrogates is a character", None, GOOD_BYTES.replace(b"Bamako", b"\\ud83d\\ude00")),
    body("escape character", MALFORMED, {TITLE: "\x1b[2Jgone"}),
    body("backspaces", MALFORMED, {TITLE: "admin\b\b\b\b\bviewer"}),
    body("C1 control", MALFORMED, {TITLE: "a\x85b"}),
    body("bidirectional override", MALFORMED, {TITLE: "invoice\u202efdp.exe"}),
    body("left-to-right override", MALFORMED, {TITLE: "\u202dabc"}),
    body("noncharacter", MALFORMED, {TITLE: "a\uffffb"}),
    body("isolates that Arabic needs", None, {TITLE: "\u2067\u0639\u0631\u0628\u2069"}),
    body("zero-width joiner that Persian needs", None, {TITLE: "\u0645\u06cc\u200c\u062e\u0648"}),
    body("combining marks without end", None, {TITLE: "Z" + "\u0301" * 200}),
    body("composed and decomposed are one", None, {TITLE: "re\u0301fugie\u0301s"}),
    body("title of blanks", INVALID, {TITLE: " \u00a0\u2003 "}, "/title/en"),
    body("title too long", INVALID, {TITLE: "x" * 301}, "/title/en"),
    body("need too long", INVALID, {"need_statement.en": "x" * 20_001}, "/need_statement/en"),
    body("four-byte characters at the limit", None, {TITLE: "😀" * 300}),
    body("formula as a title", None, {TITLE: '=HYPERLINK("http://x","y")'}),
    body("formula behind a tab", None, {TITLE: "\t=1+1"}),
    body("script as a title", None, {TITLE: "<script>alert(1)</script>"}),
    body("template as a title", None, {TITLE: "{{7*7}}{% debug %}${7*7}"}),
    body("placeholders as a title", None, {TITLE: "%(detail)s %s {0} %n"}),
    body("SQL as a title", None, {TITLE: "'; DROP TABLE requests_app_trainingrequest; --"}),
    body("path as a city", None, {CITY: "../../../../etc/passwd"}),
    body("line ends in a city", None, {CITY: "Bamako\r\nX-Injected: 1"}),
]
NUMBERS = [
    body("integer beyond 64 bit", MALFORMED, {LEAST: 2**63}),
    body("negative integer beyond 64 bit", MALFORMED, {LEAST: -(2**63)}),
    raw("integer of five thousand digits", MALFORMED, b'{"lines": ' + b"9" * 5_000 + b"}"),
    body("integer of 64 bit in a column of 32", INVALID, {LEAST: 2**62}, "/lines/0/participants/min"),
    body("infinity by exponent", MALFORMED, {LEAST: written("1e400")}),
    body("negative infinity by exponent", MALFORMED, {CEILING: written("-1e400")}),
    body("NaN", MALFORMED, {CEILING: written("NaN")}),
    body("Infinity", MALFORMED, {CEILING: written("Infinity")}),
    body("negative Infinity", MALFORMED, {CEILING: written("-Infinity")}),
    body("NaN as a text", INVALID, {CEILING: "NaN"}, "/budget/ceiling"),
    body("signalling NaN as a text", INVALID, {CEILING: "sNaN"}, "/budget/ceiling"),
    body("Infinity as a text", INVALID, {CEILING: "Infinity"}, "/budget/ceiling"),
    body("exponent as a text", INVALID, {CEILING: "1e400"}, "/budget/ceiling"),
    body("endless exponent as a text", INVALID, {CEILING: "1e999999999"}, "/budget/ceiling"),
    body("too many digits", INVALID, {CEILING: "1" * 2_000}, "/budget/ceiling"),
    body("too many decimal places", INVALID, {CEILING: "0.0000001"}, "/budget/ceiling"),
    body("negative money", INVALID, {CEILING: "-1"}, "/budget/ceiling"),
    body("negative zero", None, {CEILING: written("-0.0")}),
    body("negative zero of people", INVALID, {LEAST: written("-0")}, "/lines/0/participants/min"),
    body("fraction of a person", INVALID, {LEAST: 1.5}, "/lines/0/participants/min"),
    body("exponent that is whole", None, {LEAST: written("1.5e1")}),
    body("digits of another script", INVALID, {CEILING: "४५x"}, "/budget/ceiling"),
    body("number as a truth", INVALID, {"lines.0.divisible": 7}, "/lines/0/divisible"),
    body("truth as a number", INVALID, {LEAST: True}, "/lines/0/participants/min"),
    body("list as a number", INVALID, {LEAST: [15]}, "/lines/0/participants/min"),
    body("object as a number", INVALID, {LEAST: {"$gt": 0}}, "/lines/0/participants/min"),
    body("least above most", C.RULE_BROKEN, {LEAST: 31}, "/lines/0/participants"),
    raw("leading zeros", MALFORMED, b'{"lines": [{"number": 007}]}'),
    raw("hexadecimal", MALFORMED, b'{"lines": [{"number": 0x7}]}'),
    raw("plus sign", MALFORMED, b'{"lines": [{"number": +7}]}'),
]
DATES = [
    body("year 0", INVALID, {START: "0000-01-01"}, "/window/start"),
    body("year 10000", INVALID, {START: "10000-01-01"}, "/window/start"),
    body("year before Christ", INVALID, {START: "-0001-01-01"}, "/window/start"),
    body("30 February", INVALID, {START: "2027-02-30"}, "/window/start"),
    body("29 February of no leap year", INVALID, {START: "2027-02-29"}, "/window/start"),
    body("month 13", INVALID, {START: "2027-13-01"}, "/window/start"),
    body("day 0", INVALID, {START: "2027-03-00"}, "/window/start"),
    body("leap second on a date", INVALID, {START: "9999-12-31T23:59:60"}, "/window/start"),
    body("date with an offset", INVALID, {START: "2027-03-01+02:00"}, "/window/start"),
    body("date as a number", INVALID, {START: 20270301}, "/window/start"),
    body("date as seconds", INVALID, {START: 1_800_000_000}, "/window/start"),
    body("date of words", INVALID, {START: "tomorrow"}, "/window/start"),
    body("week date", None, {START: "2027-W09-1"}),
    body("window backwards", INVALID, {START: "2027-12-01"}, "/window/end"),
    body("the last day there is", INVALID, {END: "9999-12-31"}, "/window/end"),
    body("the first day there is", INVALID, {START: "0001-01-01"}, "/window/start"),
    body("the day after the last one taken", INVALID, {END: "2201-01-01"}, "/window/end"),
    body("the day before the first one taken", INVALID, {START: "1899-12-31"}, "/window/start"),
    body("the first and the last day taken", None, {START: "1900-01-01", END: "2200-12-31"}),
    query("moment with a leap second", INVALID, "updated_since=9999-12-31T23:59:60Z", "updated_since"),
    query(
        "moment that leaves the calendar in UTC", INVALID, "updated_since=0001-01-01T00:00:00%2B14:00", "updated_since"
    ),
    query("moment beyond the calendar in UTC", INVALID, "updated_since=9999-12-31T23:59:59-14:00", "updated_since"),
    query("moment with an offset of 99 hours", INVALID, "updated_since=2026-01-01T00:00:00%2B99:00", "updated_since"),
    query("moment of year 0", INVALID, "updated_since=0000-01-01T00:00:00Z", "updated_since"),
    query("moment as a number", INVALID, "updated_since=1e10", "updated_since"),
]
SHAPES = [
    raw("empty body", None, b""),  # a draft may leave anything out
    raw("truncated", MALFORMED, GOOD_BYTES[: len(GOOD_BYTES) // 2]),
    raw("two values", MALFORMED, GOOD_BYTES + GOOD_BYTES),
    raw("trailing comma", MALFORMED, b'{"language": "en",}'),
    raw("comments", MALFORMED, b'{"language": "en" /* ! */}'),
    raw("single quotes", MALFORMED, b"{'language': 'en'}"),
    raw("a list", INVALID, b"[]"),
    raw("a text", INVALID, b'"language"'),
    raw("a number", INVALID, b"7"),
    raw("null", INVALID, b"null"),
    raw("doubled key", MALFORMED, b'{"language": "en", "language": "fr"}'),
    raw("doubled key by escape", MALFORMED, b'{"language": "en", "l\\u0061nguage": "fr"}'),
    raw("doubled key by normalisation", MALFORMED, '{"title": {"\u00e9": "a", "e\u0301": "b"}}'.encode()),
    raw("doubled key far inside", MALFORMED, GOOD_BYTES.replace(b'"min": 15', b'"min": 15, "min": 16')),
    raw("lists too deep", MALFORMED, deep("[", "]", 33)),
    raw("objects too deep", MALFORMED, deep('{"a":', "}", 40).replace(b":}", b":1}", 1)),
    raw("bottomless", MALFORMED, b"[" * 200_000),
    raw("too deep in a field", MALFORMED, b'{"title": ' + deep("[", "]", 32) + b"}"),
    raw("too large", C.BODY_TOO_LARGE, b'{"language": "' + b"e" * 2_100_000 + b'"}'),
    raw("blanks without end", C.BODY_TOO_LARGE, b" " * 2_100_000),
    body("list without end", INVALID, {"forms": ["workshop"] * 101}, "/forms"),
    body("lines without end", INVALID, {"lines": [GOOD["lines"][0]] * 51}, "/lines"),
    body("text for a list", INVALID, {"forms": "workshop"}, "/forms"),
    body("list for a text", INVALID, {"language": ["en"]}, "/language"),
    body("object for a list", INVALID, {"lines": {"0": {}}}, "/lines"),
    body("text for an object", INVALID, {"title": "Migration"}, "/title"),
    body("null for an object", INVALID, {"languages": None}, "/languages"),
    body("unknown language of a text", INVALID, {"title": {"xx": "Migration"}}, "/title"),
    body("prototype pollution", INVALID, {"__proto__": {"admin": True}}, "/__proto__"),
    body("XML entities", None, {TITLE: '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>'}),
]
CODINGS = [
    raw("latin-1", MALFORMED, b'{"title": {"en": "\xe9"}}'),
    raw("UTF-16", MALFORMED, GOOD_BYTES.decode().encode("utf-16")),
    raw("UTF-16 without a mark", MALFORMED, GOOD_BYTES.decode().encode("utf-16-le")),
    raw("UTF-32", MALFORMED, GOOD_BYTES.decode().encode("utf-32")),
    raw("UTF-7", INVALID, b'{"title": {"en": "+AGE-"}, "+AGE-": 1}', "/+AGE-"),
    raw("byte order mark", MALFORMED, b"\xef\xbb\xbf" + GOOD_BYTES),
    raw("overlong UTF-8", MALFORMED, b'{"title": {"en": "\xc0\xaf"}}'),
    raw("UTF-8 cut in a character", MALFORMED, b'{"title": {"en": "\xf0\x9f\x98'),
    raw("bytes of a picture", MALFORMED, b"\x89PNG\r\n\x1a\n\x00\x00"),
    raw("gzip that says so", C.UNSUPPORTED_MEDIA_TYPE, gzip.compress(GOOD_BYTES), headers={"Content-Encoding": "gzip"}),
    raw("gzip that says nothing", MALFORMED, gzip.compress(GOOD_BYTES)),
    raw(
        "gzip bomb", C.UNSUPPORTED_MEDIA_TYPE, gzip.compress(b" " * 10_000_000), headers={"Content-Encoding": "x-gzip"}
    ),
    raw("brotli", C.UNSUPPORTED_MEDIA_TYPE, b"\x0b\x00", headers={"Content-Encoding": "br"}),
    raw("several codings", C.UNSUPPORTED_MEDIA_TYPE, GOOD_BYTES, headers={"Content-Encoding": "identity, gzip"}),
    raw("identity is no coding", None, GOOD_BYTES, headers={"Content-Encoding": "identity"}),
    raw("chunks", C.LENGTH_REQUIRED, GOOD_BYTES, headers={"Transfer-Encoding": "chunked"}),
    raw("form", C.UNSUPPORTED_MEDIA_TYPE, b"language=en", content_type="application/x-www-form-urlencoded"),
    raw("multipart", C.UNSUPPORTED_MEDIA_TYPE, b"--x--", content_type="multipart/form-data; boundary=x"),
    raw("multipart without a boundary", C.UNSUPPORTED_MEDIA_TYPE, b"x", content_type="multipart/form-data"),
    raw("plain text", C.UNSUPPORTED_MEDIA_TYPE, GOOD_BYTES, content_type="text/plain"),
    raw("XML", C.UNSUPPORTED_MEDIA_TYPE, b"<a/>", content_type="application/xml"),
    raw("YAML", C.UNSUPPORTED_MEDIA_TYPE, b"!!python/object:os.system {}", content_type="application/yaml"),
    raw("pickle", C.UNSUPPORTED_MEDIA_TYPE, b"\x80\x04.", content_type="application/octet-stream"),
    raw("no media type at all", C.UNSUPPORTED_MEDIA_TYPE, GOOD_BYTES, content_type="nonsense"),
    raw("media type of slashes", C.UNSUPPORTED_MEDIA_TYPE, GOOD_BYTES, content_type="a/b/c"),
    raw(
        "merge patch where nothing is patched",
        C.UNSUPPORTED_MEDIA_TYPE,
        GOOD_BYTES,
        content_type="application/merge-patch+json",
    ),
    raw("JSON in latin-1", C.UNSUPPORTED_MEDIA_TYPE, GOOD_BYTES, content_type="application/json; charset=latin-1"),
    raw("JSON in UTF-16", C.UNSUPPORTED_MEDIA_TYPE, GOOD_BYTES, content_type="application/json; charset=utf-16"),
    raw(
        "JSON in no charset",
        C.UNSUPPORTED_MEDIA_TYPE,
        GOOD_BYTES,
        content_type="application/json; charset=\x27none\x27",
    ),
    raw("JSON in UTF-8 in so many words", None, GOOD_BYTES, content_type='Application/JSON; Charset="UTF-8"'),
]
ASSIGNMENT = [
    *(
        body(f"mass assignment of {name}", INVALID, {name: value}, f"/{name}")
        for name, value in (
            ("id", "0198c0de-0000-7000-8000-000000000001"),
            ("pk", 1),
            ("public_id", "0198c0de-0000-7000-8000-000000000001"),
            ("version", 99),
            ("state", "open"),
            ("reference", "GMG-MLI-2026-0001"),
            ("requesting_organization_id", 1),
            ("owner", "officer"),
            ("created_at", "2020-01-01T00:00:00Z"),
            ("created_by", "officer"),
            ("due_at", "2020-01-01T00:00:00Z"),
            ("waiting_for", "nobody"),
            ("allowed_actions", ["approve"]),
            ("is_superuser", True),
            ("organization__code", "SEC"),
        )
    ),
    body("mass assignment inside a line", INVALID, {"lines.0.state": "agreed"}, "/lines/0/state"),
    body("key of a line that is not ours", INVALID, {"lines.0.id": 1}, "/lines/0/id"),
    body("in the name of another agency", C.PERMISSION_DENIED, {"requesting_organization": "STR"}),
    body("in the name of nobody", C.UNKNOWN_REFERENCE, {"requesting_organization": "NOBODY"}),
    body("code that is not on the list", C.UNKNOWN_REFERENCE, {"lines.0.theme": "astrology"}),
    body("code as a path", C.UNKNOWN_REFERENCE, {"visibility": "../group"}, "/visibility"),
]
QUERIES = [
    query("unknown parameter", C.UNKNOWN_PARAMETER, "kind=x", "kind"),
    query("parameter in another case", C.UNKNOWN_PARAMETER, "State=open", "State"),
    query(
        "Django lookup as a parameter",
        C.UNKNOWN_PARAMETER,
        "organization__users__password__startswith=a",
        "organization__users__password__startswith",
    ),
    query("parameter with brackets", C.UNKNOWN_PARAMETER, "state[]=open", "state[]"),
    query("parameter without a name", C.UNKNOWN_PARAMETER, "=open"),
    query("parameter with NUL in its name", C.UNKNOWN_PARAMETER, "st%00ate=open"),
    query("unknown state", INVALID, "state=asleep", "state"),
    query("unknown ordering", INVALID, "ordering=requesting_organization__users__password", "ordering"),
    query("ordering by a path", INVALID, "ordering=organization__code", "ordering"),
    query("ordering at random", INVALID, "ordering=?", "ordering"),
    query("ordering with two minuses", INVALID, "ordering=--created_at", "ordering"),
    query("ordering by too many", INVALID, "ordering=created_at,-created_at,due_at,-due_at", "ordering"),
    query("unknown field", INVALID, "fields=password", "fields"),
    query("states of commas", INVALID, "state=,,,", "state"),
    query("no state", None, "state="),
    query("run that is no id", INVALID, "run=000000,,", "run", "/proposals"),
    query("field of a field", INVALID, "fields=organization.users", "fields"),
    query("unknown expansion", INVALID, "expand=organization.users", "expand"),
    query("page of none", INVALID, "page_size=0", "page_size"),
    query("page of all", INVALID, "page_size=100000", "page_size"),
    query("page of minus one", INVALID, "page_size=-1", "page_size"),
    query("page of half", INVALID, "page_size=1.5", "page_size"),
    query("seats of a number beyond bits", INVALID, "free_seats=1e40", "free_seats", "/sessions"),
    query("seats by halves", INVALID, "free_seats=2.5", "free_seats", "/sessions"),
    query("page of superscripts", INVALID, "page_size=%C2%B2", "page_size"),
    query("page of a number beyond bits", INVALID, "page_size=" + "9" * 400, "page_size"),
    query("count perhaps", INVALID, "with_count=perhaps", "with_count"),
    query("cursor of noise", INVALID, "cursor=%00%ff", "cursor"),
    query("cursor of signs", C.INVALID_CURSOR, "cursor=!!!"),
    query("cursor of base64 noise", C.INVALID_CURSOR, "cursor=AAAA"),
    query("cursor forged for another ordering", C.INVALID_CURSOR, "cursor=WzAsInB3ZCIsWyJhIl1d"),
    query(
        "cursor with a huge key",
        C.INVALID_CURSOR,
        "cursor=WzAsIi1jcmVhdGVkX2F0LC1wayIsW3sidCI6IjIwMjYtMDEtMDFUMDA6MDA6MDAifSw5ZTk5OV1d",
    ),
    query("cursor with NaN", C.INVALID_CURSOR, "cursor=WzAsIi1jcmVhdGVkX2F0LC1wayIsW05hTixOYU5dXQ"),
    query("cursor that is very long", C.INVALID_CURSOR, "cursor=" + "A" * 4_000),
    query("NUL in a filter", INVALID, "requesting_organization=a%00b", "requesting_organization"),
    query("escape character in a filter", INVALID, "requesting_organization=%1b[2J", "requesting_organization"),
    query("bytes that are no UTF-8 in a filter", None, "requesting_organization=%ff%fe"),
    query("codes without end", INVALID, "requesting_organization=" + ",".join(["a"] * 51), "requesting_organization"),
    query("very long code", INVALID, "requesting_organization=" + "a" * 201, "requesting_organization"),
    query("wildcards in a filter", None, "requesting_organization=%25_%25"),
    query("SQL in a filter", None, "requesting_organization=" + quote("' OR 1=1 --")),
    query("very long query", C.URI_TOO_LONG, "requesting_organization=" + "a" * 8_100),
    query("parameters without end", C.URI_TOO_LONG, "&".join(f"p{number}=1" for number in range(200))),
    query("ampersands without end", C.URI_TOO_LONG, "&" * 2_000),
    query("search too long", INVALID, "q=" + "a" * 201, "q"),
    query("search of too many terms", INVALID, "q=" + "+".join("abcdefghijk"), "q"),
    query("search with NUL", INVALID, "q=a%00", "q"),
    *(
        query(f"search by {name}", None, "q=" + quote(text))
        for name, text in (
            ("FTS5 operators", '"migration" NEAR/2 (visa OR -border)'),
            ("a FTS5 column filter", "title : migration"),
            ("an open quotation mark", 'migra"tion'),
            ("a FTS5 prefix", "^mig* AND NOT"),
            ("a parenthesis without end", "(((((((((("),
            ("tsquery operators", "mig:* & !visa | <-> 'x'"),
            ("a tsquery weight", "migration:ABCD"),
            ("backslashes", "\\\\ \\' \\"),
            ("signs only", "%&|!()*:"),
            ("a percent sign", "100%"),
            ("emoji", "😀"),
            ("a right-to-left word", "الهجرة"),
            ("two hundred marks", "a" + "\u0301" * 199),
        )
    ),
]
PATHS = [
    *(
        Hostile(f"name that is {name}", C.NOT_FOUND, path=f"/requests/{text}")
        for name, text in (
            ("a walk upwards", "..%2f..%2fetc%2fpasswd"),
            ("NUL", "%00"),
            ("a reference with NUL", "GMG-MLI-2026-0001%00"),
            ("no UTF-8", "%ff%fe"),
            ("very long", "a" * 3_000),
            ("a line end", "a%0d%0aX-Injected:%201"),
            ("a quotation mark", "%27%20OR%201=1"),
            ("an id with braces", "{0198c0de-0000-7000-8000-000000000001}"),
            ("an id as a URN", "urn:uuid:0198c0de-0000-7000-8000-000000000001"),
            ("an id of nils", "00000000-0000-0000-0000-000000000000"),
            ("a number", "1"),
            ("a huge number", "9" * 90),
            ("emoji", "%F0%9F%98%80"),
            ("a template", "%7B%7B7*7%7D%7D"),
            ("an absolute address", "http:%2f%2fevil.example"),
        )
    ),
    Hostile("path with two slashes", C.NOT_FOUND, path="//requests"),
    Hostile("path with a slash at the end", C.NOT_FOUND, path="/requests/"),
    Hostile("path in capitals", C.NOT_FOUND, path="/Requests"),
    Hostile("matrix parameters", C.NOT_FOUND, path="/requests;admin=1"),
]
HEADERS = [
    good("key of nothing", INVALID, {"Idempotency-Key": " "}, "Idempotency-Key"),
    good("key too long", INVALID, {"Idempotency-Key": "k" * 201}, "Idempotency-Key"),
    good("key with blanks", INVALID, {"Idempotency-Key": "a b"}, "Idempotency-Key"),
    good("key that is not ASCII", INVALID, {"Idempotency-Key": "clé"}, "Idempotency-Key"),
    good("key with a control character", INVALID, {"Idempotency-Key": "a\x01"}, "Idempotency-Key"),
    good("key of quotation marks", INVALID, {"Idempotency-Key": '""'}, "Idempotency-Key"),
    good("key at the limit", None, {"Idempotency-Key": "k" * 200}),
    good("key that looks like SQL", None, {"Idempotency-Key": "';DROP--"}),
    good("acting for a name without end", INVALID, {"Acting-For": "x" * 5_000}, "Acting-For"),
    *(
        Hostile(
            f"If-Match that is {name}", code, "PATCH", "/requests/{draft}", place, b"{}", headers={"If-Match": text}
        )
        for name, text, code, place in (
            ("no tag", "1", INVALID, "If-Match"),
            ("an open quotation mark", '"1', INVALID, "If-Match"),
            ("a huge version", '"99999999999999999999"', C.PRECONDITION_FAILED, ""),
            ("negative", '"-1"', C.PRECONDITION_FAILED, ""),
            ("a tag with a blank", '"1 2"', INVALID, "If-Match"),
            ("a list with noise", '"1", x', INVALID, "If-Match"),
            ("empty", "", C.PRECONDITION_REQUIRED, ""),
            ("of another version", '"77"', C.PRECONDITION_FAILED, ""),
        )
    ),
    Hostile(
        "If-Match that is empty where none need be",
        INVALID,
        "POST",
        "/requests/{draft}/submit",
        "If-Match",
        b"{}",
        headers={"If-Match": ""},
    ),
    Hostile("no If-Match", C.PRECONDITION_REQUIRED, "PATCH", "/requests/{draft}", raw=b"{}"),
    header("If-None-Match of noise", None, {"If-None-Match": '"' * 500}),
    header("Accept of noise", C.NOT_ACCEPTABLE, {"Accept": "nonsense"}),
    header("Accept of XML", C.NOT_ACCEPTABLE, {"Accept": "application/xml"}),
    header("Accept with odd weights", None, {"Accept": "application/json;q=nan, */*;q=9"}),
    header("Accept without end", C.NOT_ACCEPTABLE, {"Accept": ",".join(["a/b"] * 500) + ",*/*"}),
    header("language of noise", None, {"Accept-Language": ";;q=,,-"}),
    header("languages without end", None, {"Accept-Language": ",".join(["xx"] * 1_000)}),
    header("language as a path", None, {"Accept-Language": "../../etc"}),
    header("language with NUL", None, {"Accept-Language": "fr\x00"}),
    header("two credentials", C.TOKEN_INVALID, {"Authorization": "Bearer a, Bearer b"}),
    header("credential of nothing", C.TOKEN_INVALID, {"Authorization": "Bearer "}),
    header("credential of NUL", C.TOKEN_INVALID, {"Authorization": "Bearer gmg_\x00_x"}),
    header("credential without end", C.TOKEN_INVALID, {"Authorization": "Bearer gmg_" + "a" * 7_000 + "_b"}),
    header("credential that is not ASCII", C.TOKEN_INVALID, {"Authorization": "Bearer gmg_é_é"}),
    header("basic credentials", C.NOT_AUTHENTICATED, {"Authorization": "Basic YTpi"}),
    header("method overridden", None, {"X-HTTP-Method-Override": "DELETE"}),
    header("address rewritten", None, {"X-Original-URL": "/admin/", "X-Rewrite-URL": "/admin/"}),
    header("host of somebody else", INVALID, {"Host": "evil.example"}),
    header("host of signs", INVALID, {"Host": "a b/../"}),
    header("host with two ports", INVALID, {"Host": "localhost:80:80"}),
    header("forwarded host is not believed", None, {"X-Forwarded-Host": "evil.example"}),
    header("request id with a line end", None, {"X-Request-ID": "a\r\nX-Injected: 1"}),
    header("request id without end", None, {"X-Request-ID": "a" * 5_000}),
    header("range", None, {"Range": "bytes=0-99999999999"}),
    header("cookie of noise", None, {"Cookie": "sessionid=\x00; ;=;a"}),
]
METHODS = [
    Hostile("TRACE", C.METHOD_NOT_ALLOWED, "TRACE"),
    Hostile("OPTIONS", C.METHOD_NOT_ALLOWED, "OPTIONS"),
    Hostile("CONNECT", C.METHOD_NOT_ALLOWED, "CONNECT"),
    Hostile("PUT", C.METHOD_NOT_ALLOWED, "PUT", raw=GOOD_BYTES),
    Hostile("DELETE of a list", C.METHOD_NOT_ALLOWED, "DELETE"),
    Hostile("method that nobody knows", C.METHOD_NOT_ALLOWED, "PROPFIND"),
    Hostile("method in small letters", C.METHOD_NOT_ALLOWED, "purge"),
    Hostile("method of the internals", C.METHOD_NOT_ALLOWED, "http_method_not_allowed"),
    Hostile("HEAD of a list", None, "HEAD"),
    Hostile("body with a GET", None, raw=b"\xff\x00", content_type="nonsense"),
]
FILES = [
    upload("text as a workbook", "a.xlsx", b"a;b"),
    upload("ZIP without a directory", "a.docx", b"PK\x03\x04" + b"\x00" * 40),
    upload("workbook whose bzip2 is corrupt", "a.xlsx", workbook(zipfile.ZIP_BZIP2, flipped=30)),
    upload("workbook whose LZMA is corrupt", "a.xlsx", workbook(zipfile.ZIP_LZMA, flipped=30)),
    upload("workbook whose deflate is corrupt", "a.xlsx", workbook(zipfile.ZIP_DEFLATED, flipped=30)),
]

CORPUS = {
    "texts": TEXTS,
    "numbers": NUMBERS,
    "dates": DATES,
    "shapes": SHAPES,
    "codings": CODINGS,
    "assignment": ASSIGNMENT,
    "queries": QUERIES,
    "paths": PATHS,
    "headers": HEADERS,
    "methods": METHODS,
    "files": FILES,
}
