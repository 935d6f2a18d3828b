"""Erasing values from the trail: the records and their chain stay as they are, values and salts go."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from uuid import UUID

from marketplace.audit.canonical import ErasedSet
from marketplace.audit.models import ErasableValues

OF_THE_ACTOR = ("actor_label", "client_address")  # always the actor's own
IN_WORDS = ("acting_for", "reason_text", "changes")  # may name anybody
BATCH = 1_000


@dataclass(frozen=True, slots=True)
class Erased:
    """How many values went, and the digest of which."""

    values: int
    digest: str


def erase_values(*, act: UUID, actor_id: str, names: Callable[[str], bool], dry_run: bool = False) -> Erased:
    """Erase a person's name and address from the records of their acts, and every text that gives them away.

    ``act`` is the public id of the record that the caller writes about it, in the same transaction and with what is
    returned in its changes; ``names`` tells whether a text names the person.
    """
    gone = ErasedSet()
    for row in _rows():
        own = row.record.actor_kind == "user" and row.record.actor_id == actor_id
        fields = [name for name in row.sealed if _is_theirs(name, row.sealed[name]["text"], own, names)]
        for name in fields:
            gone.add(row.record.public_id, name)
            del row.sealed[name]
            row.erased[name] = str(act)
        if fields and not dry_run:
            row.save(update_fields=["sealed", "erased"])
    return Erased(gone.count, gone.digest)


def _is_theirs(name: str, text: str, own: bool, names: Callable[[str], bool]) -> bool:
    if name in OF_THE_ACTOR:
        return own
    return name in IN_WORDS and names(json.dumps(json.loads(text), ensure_ascii=False))


def _rows() -> Iterator[ErasableValues]:
    after = 0
    rows = ErasableValues.objects.select_related("record").order_by("pk")
    while batch := list(rows.filter(pk__gt=after)[:BATCH]):
        yield from batch
        after = batch[-1].pk
