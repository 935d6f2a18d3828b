"""What is held about a person, as JSON: all of it for whoever runs the installation, what is theirs for the person.

A record of work in which a person stands is no data of theirs to take along: others have written in it since, and a role
that ended shows it no more. The person is told which record it is, and as what they stand in it.
"""

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

from django.apps import apps
from django.db.models import Model, Q

from marketplace.accounts.models import User
from marketplace.audit import queries as audit
from marketplace.audit.models import AuditRecord
from marketplace.privacy.inventory import HOLDINGS, SECRET, Holding
from marketplace.privacy.people import Identity, acts_of, identify, rows_of

ABOUT = ("user", "membership", "access_token")  # resources of the trail that are about one person
FORM = "gmg-person-1"
# Columns that say which record it is, and not what is in it.
WHICH = frozenset(
    {"public_id", "resource", "resource_id", "reference", "resource_reference", "about_resource", "about_id"}
    | {"about_reference", "created_at", "action_time"}
)
# Answers to a person's own calls are copies of records of work.
COPIES = frozenset({"api.IdempotencyKey.headers", "api.IdempotencyKey.body"})
# Of what others did about the person's account: what was done, and not by whom, from where and with which words.
DONE = (
    *("at", "actor_kind", "organization_code", "resource", "resource_id", "reference", "action"),
    *("from_state", "to_state", "reason_code", "changes"),
)
BESIDE = ("actor_label", "acting_for", "reason_text", "changes", "client_address", "erased")  # kept beside a record

Held = dict[str, dict[Any, dict[str, Any]]]


def export_person(person: User, *, at: datetime) -> dict[str, Any]:
    """Gather all that is held about a person: rows by model, their own acts, and acts of others about them.

    For the secretariat, which answers for what of it is handed on: there are other people in it. Secrets are left out, of
    binary columns only the text is given; everything else is as it is stored.
    """
    who = identify(person)
    held: Held = {}
    for holding in HOLDINGS:
        for row in rows_of(holding, who).iterator():
            _enter(held, holding, row.pk, columns_of(row))
    ids = _ids(held, whatever_leads=True)
    others = [whole(record) for record in _about(who, ids).iterator()]
    return _told(who, at, held, [whole(record) for record in _own(who).iterator()], others)


def export_for(person: User, *, at: datetime) -> dict[str, Any]:
    """Gather what a person is given of it: what is theirs, whole, and of records of work which ones they stand in.

    Their acts come without what these changed in records of work; acts of others without who, from where and why.
    """
    who = identify(person)
    held: Held = {}
    for holding in HOLDINGS:
        for key, row in _own_rows(holding, who) if holding.is_own else _records(holding, who):
            _enter(held, holding, key, row)
    ids = _ids(held, whatever_leads=False)
    done = [{name: getattr(record, name) for name in DONE} for record in _about(who, ids).iterator()]
    return _told(who, at, held, [_own_act(record, ids) for record in _own(who).iterator()], done)


def _told(who: Identity, at: datetime, held: Held, acts: list[Any], about: list[Any]) -> dict[str, Any]:
    return {
        "form": FORM,
        "told_at": at,
        "person": {"id": who.public_id, "login": who.login, "name": str(who.person)},
        "held": {model: list(rows.values()) for model, rows in sorted(held.items())},
        "acts": acts,
        "acts_about": about,
    }


# --- rows -----------------------------------------------------------------------------------------------------------


def _enter(held: Held, holding: Holding, key: Any, row: dict[str, Any]) -> None:
    """Write a row down once, with every column that leads to the person."""
    told = held.setdefault(holding.model, {}).setdefault(key, {"leads_by": [], "row": {}})
    told["leads_by"].append(holding.column)
    told["row"] = {**row, **told["row"]}


def columns_of(row: Model) -> dict[str, Any]:
    """Give the columns of a row as plain values; links as the key they hold."""
    told = {}
    for field in row._meta.concrete_fields:
        value = field.value_from_object(row)
        if field.name not in SECRET and str(field) not in SECRET:
            told[field.attname] = (
                bytes(value).decode(errors="replace") if isinstance(value, bytes | memoryview) else value
            )
    return told


def _own_rows(holding: Holding, who: Identity) -> Iterator[tuple[Any, dict[str, Any]]]:
    for row in rows_of(holding, who).iterator():
        told = columns_of(row)
        yield row.pk, {name: told[name] for name in told if f"{holding.model}.{name}" not in COPIES}


def _records(holding: Holding, who: Identity) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Give which records of work they are: their ids and references, of what they are part, and when the person acted."""
    model = apps.get_model(holding.model)
    known = {field.name for field in model._meta.concrete_fields}
    parents = [path for path in holding.acts if "__" in path]
    columns = sorted(known & {*WHICH, holding.when}) + parents
    kind = {"resource": model.resource} if isinstance(getattr(model, "resource", None), str) else {}
    for row in rows_of(holding, who).values("pk", *columns).iterator():
        yield row.pop("pk"), {**kind, **{name.removesuffix("__public_id"): value for name, value in row.items()}}


# --- the trail --------------------------------------------------------------------------------------------------------


def _ids(held: Held, *, whatever_leads: bool) -> set[str]:
    """Give the public ids of the person, their memberships and tokens; ``whatever_leads``: of those lent to them too."""
    own = {(holding.model, holding.column) for holding in HOLDINGS if holding.is_own or whatever_leads}
    found = set()
    for model in ("accounts.User", "accounts.Membership", "accounts.AccessToken"):
        for told in held.get(model, {}).values():
            if any((model, column) in own for column in told["leads_by"]):
                found.add(str(told["row"]["public_id"]))
    return found


def _own(who: Identity) -> Any:
    return acts_of(who.public_id).select_related("erasable").order_by("id")


def _about(who: Identity, ids: Collection[str]) -> Any:
    others = audit.records().filter(~Q(actor_id=who.public_id), resource__in=ABOUT, resource_id__in=ids)
    return others.order_by("id")


def whole(record: AuditRecord) -> dict[str, Any]:
    """Give a record of the trail with the values that are kept beside it."""
    told = {field.name: getattr(record, field.name) for field in record._meta.concrete_fields if field.name != "id"}
    return told | {name: getattr(record, name) for name in BESIDE}


def _own_act(record: AuditRecord, ids: Collection[str]) -> dict[str, Any]:
    told = whole(record)
    if not (record.resource in ABOUT and str(record.resource_id) in ids):
        del told["changes"]
    return told
