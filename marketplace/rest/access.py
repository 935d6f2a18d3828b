"""The access matrix: what each caller is answered on each route. Declared in `data/access.csv`, walked by `tests/access`.

An answer is `2xx` (done), `4xx` (permitted, but body or state stand against it: 400, 409, 412, 422, 428), `401` (to be
signed in), `403` (seen, but not for this role or scope), `404` (does not exist for this caller), `503` (not well).
"""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from marketplace.accounts.roles import Permission
from marketplace.rest.start import description

TABLE = Path(__file__).parent / "data" / "access.csv"
ANSWERS = frozenset({"2xx", "4xx", "401", "403", "404", "503"})
# Need no scope of their own, but a token that lacks some is refused: it would hand out more than it has, or is not the person.
NEVER_WIDER = frozenset({"tokens_create", "me_change", "me_export"})
# Need no scope either, but a token that lacks some finds itself and what was made with it, and no other.
ONLY_ITSELF = frozenset({"tokens_read", "tokens_revoke"})
METHODS = ("get", "post", "put", "patch", "delete")
HEADER = ("operation", "method", "path", "about", "caller", "role", "relation", "scope", "answer", "without_scope")


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls: their role, and how their organization stands to the one whose things are asked for."""

    role: str
    relation: str
    granted: frozenset[Permission] = frozenset()  # beside the role, on the organization whose things are asked for


GRANTED = frozenset({Permission.REQUESTS_READ, Permission.REQUESTS_WRITE})

# The columns of the table. The things of all rows are those of one agency that shows them to nobody but its partners.
CALLERS: Mapping[str, Caller] = {
    "anonymous": Caller("-", "not signed in"),
    "newcomer": Caller("-", "signed in, of no organization"),
    "stranger": Caller("focal_point", "another member of the group"),
    "other_provider": Caller("provider_staff", "a provider that was not asked"),
    "viewer": Caller("viewer", "own organization"),
    "focal_point": Caller("focal_point", "own organization"),
    "delegate": Caller("focal_point", "own organization: a viewer who stands in for a focal point"),
    "granted": Caller("viewer", "another member, granted two rights: " + " and ".join(sorted(GRANTED)), GRANTED),
    "partner": Caller("provider_staff", "the provider that was asked and delivers"),
    "reader": Caller("focal_point", "shown the request: its body, to read"),
    "officer": Caller("secretariat_officer", "secretariat"),
    "head": Caller("secretariat_head", "secretariat"),
    "auditor": Caller("auditor", "auditor of the group"),
    "client": Caller("service_client", "own organization"),
    "stranger_client": Caller("service_client", "another member of the group"),
    "test_client": Caller("service_client", "own organization, in test mode"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One route about one kind of thing: the answer to each caller, whose token has every scope."""

    operation: str
    about: str  # empty: the usual thing; else which other one, such as a draft
    answers: Mapping[str, str]


@cache
def rows() -> tuple[Row, ...]:
    """Read the declared table. Raises ValueError naming a column or an answer that is not known."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        found = list(csv.DictReader(file))
    read = tuple(Row(line.pop("operation"), line.pop("about"), line) for line in found)
    for row in read:
        if tuple(row.answers) != tuple(CALLERS) or not set(row.answers.values()) <= ANSWERS:
            raise ValueError(f"{TABLE.name}: {row.operation} {row.about}: {row.answers}")
    return read


def without_scope(operation: str, answer: str, *, is_scoped: bool) -> str:
    """Tell what a caller gets with a token that lacks the scope: refused on scoped routes before anything is looked up."""
    if operation in NEVER_WIDER and answer == "2xx":
        return "403"
    if operation in ONLY_ITSELF and answer == "2xx":
        return "404"
    return answer if answer == "401" or not is_scoped else "403"


def cells() -> Iterator[tuple[str, ...]]:
    """Give every cell in words, with what a token without the scope gets, in the order of `HEADER`."""
    known = dict(_operations())
    for row in rows():
        method, path, scopes = known[row.operation]
        for name, answer in row.answers.items():
            caller = CALLERS[name]
            told = (row.operation, method, path, row.about, name, caller.role, caller.relation)
            yield (*told, " or ".join(scopes), answer, without_scope(row.operation, answer, is_scoped=bool(scopes)))


def _operations() -> Iterator[tuple[str, tuple[str, str, tuple[str, ...]]]]:
    for path, item in description()["paths"].items():
        for method in METHODS:
            if method in item:
                yield item[method]["operationId"], (method.upper(), path, scopes_of(item[method]))


def scopes_of(operation: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the scopes of which one is needed, from the description of an operation."""
    ways = [way["BearerToken"] for way in operation["security"] if "BearerToken" in way]
    return tuple(dict.fromkeys(scope for way in ways for scope in way))
