"""Habits that a type checker cannot see: who writes `state`, who reads the clock, no signals, no logic in save()."""

import ast
from collections.abc import Iterator
from typing import TypeGuard

import pytest

from tests.guards import house

# Rooms at the edge: they are called by the world, which has a clock.
EDGE_FOLDERS = ("api", "desk", "rest", "demo", "management")
EDGE_FILES = ("tasks.py", "handlers.py", "admin.py", "chores.py")
CLOCKS = {
    "timezone.now",
    "datetime.now",
    "datetime.utcnow",
    "datetime.today",
    "date.today",
    "datetime.datetime.now",
    "datetime.date.today",
    "time.time",
}
WRITES_STATE: dict[str, str] = {
    "marketplace/work/operations/claiming.py": "a job is machinery with a fence of its own, no life cycle of the domain",
    "marketplace/work/operations/deciding.py": "a job is machinery with a fence of its own, no life cycle of the domain",
}
READS_CLOCK: dict[str, str] = {
    "marketplace/identity/passwords.py": "Django calls it when a password changes and gives no moment",
    "marketplace/work/dispatcher.py": "a process is an edge: it hands `at` to what it runs",
    "marketplace/work/process.py": "a process is an edge: it hands `at` to what it runs",
}
OWN_SAVE: dict[str, str] = {}
SIGNALS: dict[str, str] = {
    "marketplace/audit/apps.py": "Django's own post_migrate, so that no migration leaves the trail without its guards",
    "marketplace/vocabularies/apps.py": "Django's own post_migrate, so that a new database has its coded lists",
}


def state_writes(source: house.Source) -> Iterator[tuple[int, str]]:
    if source.path.startswith("marketplace/lifecycles/"):
        return
    for node in source.nodes():
        if assigns_state(node):
            yield node.lineno, "assigns `state`; only lifecycles.operations may"
        if updates_state(node):
            yield node.lineno, "updates `state`; only lifecycles.operations may"


def assigns_state(node: ast.AST) -> TypeGuard[ast.stmt]:
    if not isinstance(node, ast.Assign | ast.AugAssign | ast.AnnAssign):
        return False
    targets = node.targets if isinstance(node, ast.Assign) else [node.target]
    return any(isinstance(target, ast.Attribute) and target.attr == "state" for target in targets)


def updates_state(node: ast.AST) -> TypeGuard[ast.Call]:
    if not isinstance(node, ast.Call) or house.dotted(node.func).rpartition(".")[2] != "update":
        return False
    return any(keyword.arg == "state" for keyword in node.keywords)


def clock_reads(source: house.Source) -> Iterator[tuple[int, str]]:
    parts = source.path.split("/")
    if any(folder in parts for folder in EDGE_FOLDERS) or parts[-1] in EDGE_FILES:
        return
    for node in source.nodes():
        if isinstance(node, ast.Call) and house.dotted(node.func) in CLOCKS:
            yield node.lineno, f"reads the clock ({house.dotted(node.func)}); take `at` from the caller"


def own_saves(source: house.Source) -> Iterator[tuple[int, str]]:
    for node in source.nodes():
        if isinstance(node, ast.FunctionDef) and node.name in {"save", "bulk_create"}:
            yield node.lineno, f"defines {node.name}(); operations write"


def signals(source: house.Source) -> Iterator[tuple[int, str]]:
    for node in source.nodes():
        if isinstance(node, ast.ImportFrom) and node.module in {"django.dispatch", "django.db.models.signals"}:
            yield node.lineno, "uses signals; call downwards or publish an event"


def loose_actors(source: house.Source) -> Iterator[tuple[int, str]]:
    """Whoever acts, acts at a moment: `actor` and `at` go together in operations, by name; a `check_` only looks."""
    if "operations" not in source.path:
        return
    for node in ast.iter_child_nodes(source.tree):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith(("_", "check_")):
            positional = {argument.arg for argument in (*node.args.posonlyargs, *node.args.args)}
            named = {argument.arg for argument in node.args.kwonlyargs}
            if "actor" in positional | named and not {"actor", "at"} <= named:
                yield node.lineno, f"{node.name}() does not take `actor` and `at` as keywords"


@pytest.mark.parametrize(
    ("check", "mistake"),
    [
        (state_writes, "record.state = 'open'"),
        (state_writes, "Request.objects.filter(pk=1).update(state='open')"),
        (clock_reads, "now = timezone.now()"),
        (own_saves, "class A:\n    def save(self): ..."),
        (signals, "from django.db.models.signals import post_save"),
    ],
)
def test_planted_mistake_is_seen(check: house.Check, mistake: str) -> None:
    assert list(check(house.planted(mistake))) != []


def test_planted_loose_actor_is_seen() -> None:
    source = house.Source("providers/operations.py", "def open_request(actor, *, at): ...")
    assert list(loose_actors(source)) != []


def test_state_is_written_by_life_cycles_alone() -> None:
    house.require(house.offences(state_writes), WRITES_STATE)


def test_clock_is_read_at_the_edge_alone() -> None:
    house.require(house.offences(clock_reads), READS_CLOCK)


def test_save_holds_no_logic() -> None:
    house.require(house.offences(own_saves), OWN_SAVE)


def test_apps_send_no_signals() -> None:
    house.require(house.offences(signals), SIGNALS)


def test_operations_take_actor_and_moment_by_name() -> None:
    house.require(house.offences(loose_actors))
