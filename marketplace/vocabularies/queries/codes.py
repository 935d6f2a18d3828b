"""Codes of any vocabulary: which may be used, what they are called."""

from collections.abc import Mapping, Sequence

from marketplace.kernel.errors import FieldError
from marketplace.kernel.text import gettext_noop as _
from marketplace.kernel.text import pick
from marketplace.vocabularies.queries.snapshot import CodeRow, SchemeRow, cache

NOTHING: Mapping[str, CodeRow] = {}
NONE: frozenset[str] = frozenset()


def schemes() -> list[SchemeRow]:
    """Give all vocabularies with source, version and licence, ordered by code."""
    return sorted(cache.get().schemes.values(), key=lambda scheme: scheme.code)


def scheme(code: str) -> SchemeRow | None:
    """Give one vocabulary, or None."""
    return cache.get().schemes.get(code)


def terms(scheme: str) -> list[CodeRow]:
    """Give the codes of a vocabulary with their labels, in the order of the list; deactivated ones included."""
    return list(cache.get().codes.get(scheme, NOTHING).values())


def codes(scheme: str) -> frozenset[str]:
    """Give the codes of a vocabulary that may be chosen; empty for an unknown vocabulary."""
    return cache.get().choosable.get(scheme, NONE)


def labels(scheme: str) -> dict[str, Mapping[str, str]]:
    """Give the labels by language of every code, deactivated ones included, in the order of the list."""
    return {code: row.labels for code, row in cache.get().codes.get(scheme, NOTHING).items()}


def label(scheme: str, code: str, language: str) -> str:
    """Give what ``code`` is called in ``language`` (else English); the code itself where it has no name."""
    row = cache.get().codes.get(scheme, NOTHING).get(code)
    return (pick(row.labels, language)[0] if row else "") or code


def check_code(scheme: str, code: str, pointer: str) -> FieldError | None:
    """Give the error for a code that may not be chosen, with the allowed ones in their order, or None."""
    rows = cache.get().codes.get(scheme, NOTHING)
    row = rows.get(code)
    if row and row.active:
        return None
    allowed = tuple(known for known, row in rows.items() if row.active)
    params = {"value": code, "scheme": scheme}
    return FieldError(pointer, "unknown_code", _("`%(value)s` is not in the list %(scheme)s."), allowed, params)


def check_codes(scheme: str, codes: Sequence[str], pointer: str) -> list[FieldError]:
    """Give the errors for a list of codes, each pointing at its place in the list."""
    found = (check_code(scheme, code, f"{pointer}/{place}") for place, code in enumerate(codes))
    return [error for error in found if error]
