"""Idempotency-Key: the answer is stored in the transaction of the write and given again for a repeated call.

Only answers of calls that changed something (2xx) are stored: a refused call kept nothing, so that repeating it under
the same key, corrected or later, is a first call. While a call is under way, a second one with its key is told so on
PostgreSQL (advisory lock); on SQLite, whose transactions wait for each other, it waits and gets the stored answer.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

import orjson
from django.db import connection, transaction
from django.http import HttpResponse
from rest_framework.response import Response

from marketplace.api.authentication import ACTING_FOR
from marketplace.api.models import IdempotencyKey
from marketplace.api.request import ApiRequest
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
KEPT_FOR = timedelta(hours=24)
FORM = re.compile(r"^[\x21-\x7e]{1,200}$")
KEPT_HEADERS = ("Location", "ETag", "Retry-After", "Content-Type", "Content-Language")


def read_key(request: ApiRequest) -> str | None:
    """Read the header of a POST. Raises DomainError(invalid_input) unless it is 1 to 200 visible ASCII characters."""
    text = request.headers.get(HEADER)
    if request.method != "POST" or text is None:
        return None
    text = text.strip().strip('"')
    if not FORM.match(text):
        detail = gettext_noop("1 to 200 visible ASCII characters.")
        raise DomainError(ErrorCode.INVALID_INPUT, errors=[FieldError(HEADER, "invalid", detail)])
    return text


def once(
    request: ApiRequest,
    key: str,
    run: Callable[[], Response],
    *,
    ahead: Callable[[], None] | None = None,
    secret: Sequence[str] = (),
) -> HttpResponse | Response:
    """Carry out ``run`` (which gives a rendered answer) once for this caller, route and key, or give its answer again.

    ``ahead`` is what takes long: it runs before the transaction, and not at all where the answer is stored already.
    ``secret`` members of the answer are not stored. Raises DomainError(idempotency_key_reused) for another body, or
    for another person or office that the call is made for, and DomainError(idempotency_in_flight).
    """
    actor = f"{request.actor.kind}:{request.actor.public_id}"
    body_hash = _hash_of(request)
    rows = IdempotencyKey.objects.filter(actor=actor, route=request.path, key=key)
    if ahead is not None:
        row = rows.first()
        if row is not None and row.created_at + KEPT_FOR > request.at:
            return _again(row, body_hash)
        ahead()
    with transaction.atomic():
        _enter(actor, request.path, key)
        row = rows.first()
        if row is not None and row.created_at + KEPT_FOR > request.at:
            return _again(row, body_hash)
        if row is not None:
            row.delete()
        response = run()
        if response.status_code < 300:
            IdempotencyKey.objects.create(
                actor=actor,
                route=request.path,
                key=key,
                body_hash=body_hash,
                status=response.status_code,
                headers={name: response.headers[name] for name in KEPT_HEADERS if name in response.headers},
                body=_without(response, secret),
                created_at=request.at,
            )
        return response


def _hash_of(request: ApiRequest) -> str:
    """Hash what a call says, and for whom a system makes it where it names somebody."""
    # The parsed body is hashed, not its bytes: the stream may be read once only, and blanks mean nothing in JSON.
    # What stands in the query belongs to it: the name of a file that is sent, for one.
    query = request.META.get("QUERY_STRING", "")
    said = [query, request.data] if query else request.data
    found = hashlib.sha256(orjson.dumps(said, _fingerprint, orjson.OPT_SORT_KEYS))
    if request.actor.acting_for:
        found.update(f"\n{ACTING_FOR}: {request.actor.acting_for}".encode())  # JSON has no such line
    return found.hexdigest()


def _fingerprint(value: object) -> str:
    """Stand in for a body that is no JSON: the bytes of a file. Raises TypeError."""
    if isinstance(value, bytes):
        return hashlib.sha256(value).hexdigest()
    raise TypeError(f"{type(value).__name__} is no body")


def _enter(actor: str, route: str, key: str) -> None:
    if connection.vendor != "postgresql":
        return
    digest = hashlib.sha256(f"{actor}\n{route}\n{key}".encode()).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(digest[:8], "big", signed=True)])
        row = cursor.fetchone()
    if not row or not row[0]:
        raise DomainError(ErrorCode.IDEMPOTENCY_IN_FLIGHT)


def _again(row: IdempotencyKey, body_hash: str) -> HttpResponse:
    if row.body_hash != body_hash:
        raise DomainError(ErrorCode.IDEMPOTENCY_KEY_REUSED)
    return HttpResponse(bytes(row.body), status=row.status, headers={**row.headers, REPLAYED: "true"})


def _without(response: Response, secret: Sequence[str]) -> bytes:
    body: bytes = response.rendered_content
    if not secret:
        return body
    return orjson.dumps({name: None if name in secret else value for name, value in orjson.loads(body).items()})


def purge(*, at: datetime) -> int:
    """Delete the answers that are no longer given; return how many."""
    deleted, _ = IdempotencyKey.objects.filter(created_at__lt=at - KEPT_FOR).delete()
    return deleted
