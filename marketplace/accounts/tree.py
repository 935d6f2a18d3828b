"""The tree of organizations: its writers go one by one, and every (ancestor, descendant) pair is a row."""

from collections.abc import Mapping

from django.db import connection

from marketplace.accounts.models import Organization, OrganizationTree

TREE_LOCK = 0x67_6D_67_74_72_65  # "gmgtre"; one advisory lock for the whole database


def lock_tree() -> None:
    """Let those who write organizations go one by one, each to the end of their transaction.

    Taken before any row: of two who put A below B and B below A each would find the tree as it was, or hold the row that
    the other waits for. On SQLite the transaction itself is the only writer (BEGIN IMMEDIATE).
    """
    if connection.vendor != "postgresql":
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TREE_LOCK])


def rebuild_tree() -> None:
    """Write the (ancestor, descendant) pairs anew: hundreds of rows, seldom."""
    parents = dict(Organization.objects.values_list("pk", "parent_id"))
    OrganizationTree.objects.all().delete()
    OrganizationTree.objects.bulk_create(
        OrganizationTree(ancestor_id=above, descendant_id=pk, depth=depth)
        for pk in parents
        for depth, above in enumerate(_line(pk, parents))
    )


def _line(pk: int, parents: Mapping[int, int | None]) -> list[int]:
    """Give an organization and those above it, the nearest first; a circle, which no constraint excludes, is walked once."""
    line: list[int] = []
    above: int | None = pk
    while above is not None and above not in line:
        line.append(above)
        above = parents[above]
    return line
