"""The tree of organizations, also where several write it, and where it is none."""

import threading
from collections import Counter
from contextlib import suppress
from datetime import datetime
from typing import Any

import pytest
from django.db import connection

from marketplace.accounts import operations, queries
from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization, OrganizationTree
from marketplace.accounts.operations import OrganizationFacts
from marketplace.kernel.errors import DomainError

SYSTEM = Actor.system("test")


def put(code: str, at: datetime, *, below: str | None = None) -> Organization:
    facts = OrganizationFacts(code, {"en": code}, "member_agency", below)
    return operations.save_organization(facts, actor=SYSTEM, at=at)


def pairs() -> set[tuple[str, str, int]]:
    return set(OrganizationTree.objects.values_list("ancestor__code", "descendant__code", "depth"))


@pytest.mark.django_db
def test_circle_in_the_data_is_walked_once_and_can_be_opened(at: datetime) -> None:
    one, other = put("A", at), put("B", at)
    Organization.objects.filter(pk=one.pk).update(parent=other)
    Organization.objects.filter(pk=other.pk).update(parent=one)
    put("C", at, below="A")
    circle = {("A", "A", 0), ("B", "A", 1), ("B", "B", 0), ("A", "B", 1)}
    assert pairs() == circle | {("C", "C", 0), ("A", "C", 1), ("B", "C", 2)}
    put("B", at)
    assert pairs() == {("A", "A", 0), ("B", "A", 1), ("B", "B", 0), ("C", "C", 0), ("A", "C", 1), ("B", "C", 2)}


@pytest.mark.django_db(transaction=True)
def test_of_two_moves_that_would_make_a_circle_the_second_is_refused(
    at: datetime, monkeypatch: pytest.MonkeyPatch
) -> None:
    for code, above in (("A", None), ("UNDER-A", "A"), ("B", None), ("UNDER-B", "B")):
        put(code, at, below=above)
    look, both, outcomes = queries.subtree_ids, threading.Barrier(2), Counter[str]()

    def looks(organization_id: int) -> Any:
        """Leave the other time to look at the same tree, before either writes."""
        found = look(organization_id)
        with suppress(threading.BrokenBarrierError):
            both.wait(1)
        return found

    def move(code: str, below: str) -> None:
        try:
            put(code, at, below=below)
            outcomes["moved"] += 1
        except DomainError as refused:
            outcomes[refused.errors[0].code] += 1
        finally:
            connection.close()

    monkeypatch.setattr(queries, "subtree_ids", looks)
    moves = [("A", "UNDER-B"), ("B", "UNDER-A")]
    threads = [threading.Thread(target=move, args=move_of, daemon=True) for move_of in moves]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert outcomes == {"moved": 1, "circular_parent": 1}
    top = Organization.objects.get(parent=None).pk
    assert len(look(top)) == 4
