"""Everything that is held about a person, as JSON."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.db.models import Model, Q

from marketplace.accounts.models import User
from marketplace.audit import queries as audit
from marketplace.audit.models import AuditRecord
from marketplace.privacy.inventory import HOLDINGS, SECRET
from marketplace.privacy.people import identify, rows_of

ABOUT = ("user", "membership", "access_token")  # resources of the trail that are about one person


def export_person(person: User, *, at: datetime) -> dict[str, Any]:
    """Gather what is held about a person: rows by model, their own acts, and acts of others about them.

    Secrets are left out, of binary columns only the text is given; everything else is as it is stored.
    """
    who = identify(person)
    held: dict[str, dict[Any, dict[str, Any]]] = {}
    for holding in HOLDINGS:
        for row in rows_of(holding, who).iterator():
            told = held.setdefault(holding.model, {}).setdefault(row.pk, {"leads_by": [], "row": columns_of(row)})
            told["leads_by"].append(holding.column)
    about = {model: {str(told["row"].get("public_id", "")) for told in rows.values()} for model, rows in held.items()}
    ids = set().union(*(about.get(f"accounts.{name}", set()) for name in ("User", "Membership", "AccessToken"))) - {""}
    own = audit.records().filter(actor_id=str(person.public_id)).order_by("id")
    others = audit.records().filter(~Q(actor_id=str(person.public_id)), resource__in=ABOUT, resource_id__in=ids)
    return {
        "form": "gmg-person-1",
        "told_at": at,
        "person": {"id": str(person.public_id), "login": person.username, "name": str(person)},
        "held": {model: list(rows.values()) for model, rows in sorted(held.items())},
        "acts": list(acts(own.iterator())),
        "acts_about": list(acts(others.order_by("id").iterator())),
    }


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


def acts(records: Iterator[AuditRecord]) -> Iterator[dict[str, Any]]:
    """Give records of the trail with the values that are kept beside them."""
    for record in records:
        told = {field.name: getattr(record, field.name) for field in record._meta.concrete_fields if field.name != "id"}
        values = ("actor_label", "acting_for", "reason_text", "changes", "client_address", "erased")
        yield told | {name: getattr(record, name) for name in values}
