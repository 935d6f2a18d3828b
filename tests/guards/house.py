"""How the guards walk the house, and how an exemption is written down: with its reason, and failing when stale."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import pytest
from django.apps import apps
from django.db import models

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("marketplace", "requests_app", "providers", "matching", "fulfilment")


@dataclass(frozen=True)
class Source:
    """One Python file of the product: its path from the root, its text and, once asked for, its syntax tree."""

    path: str
    text: str

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    def nodes(self) -> Iterator[ast.AST]:
        return ast.walk(self.tree)


Check = Callable[[Source], Iterable[tuple[int, str]]]


def sources(*folders: str) -> tuple[Source, ...]:
    """Read every Python file below the folders (the product's packages by default), migrations left out."""
    paths = sorted(path for folder in folders or PACKAGES for path in (ROOT / folder).rglob("*.py"))
    return tuple(source(path) for path in paths if "migrations" not in path.parts)


@cache
def source(path: Path) -> Source:
    """Read one file, once for all guards; it is parsed when a guard looks inside."""
    return Source(path.relative_to(ROOT).as_posix(), path.read_text("utf-8"))


def product_models() -> list[type[models.Model]]:
    """List the concrete models of our own apps, those made for many-to-many links left out."""
    return [
        model
        for model in apps.get_models()
        if model.__module__.partition(".")[0] in PACKAGES and not model._meta.proxy and not model._meta.auto_created
    ]


def complaints(found: Iterable[str], exempt: Mapping[str, str] | None = None) -> list[str]:
    """Take away what is exempt, and complain about exemptions that nothing needs or that give no reason.

    `found` holds lines "subject: what is wrong"; an exemption names the subject and says why it may be so.
    """
    exempt = exempt or {}
    lines = list(found)
    subjects = {line.partition(": ")[0] for line in lines}
    stale = [
        f"{subject}: exempt, but nothing is wrong with it any more" for subject in exempt if subject not in subjects
    ]
    bare = [f"{subject}: exempt without a reason" for subject, reason in exempt.items() if len(reason.split()) < 3]
    return [line for line in lines if line.partition(": ")[0] not in exempt] + stale + bare


def offences(check: Check, *folders: str) -> Iterator[str]:
    """Run a check over every source file and word what it finds as "path: line N what"."""
    for source in sources(*folders):
        for line, what in check(source):
            yield f"{source.path}: line {line} {what}"


def planted(text: str) -> Source:
    """Make a source from a text, to show that a check sees what it is for."""
    return Source("planted.py", text)


def dotted(node: ast.expr) -> str:
    """Write a name or an attribute chain as text, "" for anything else: `timezone.now`."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}".lstrip(".")
    return ""


def words(path: str) -> list[str]:
    """Split a path into the words of its names."""
    return re.split(r"[/_.]", path)


def require(found: Iterable[str], exempt: Mapping[str, str] | None = None) -> None:
    """Fail the test with one line for each complaint."""
    lines = complaints(found, exempt)
    if lines:
        pytest.fail("\n".join(lines), pytrace=False)
