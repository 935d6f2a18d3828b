"""Milestones that a form of training brings along, shipped as data."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

DATA = Path(__file__).resolve().parent.parent / "data" / "milestones.json"


@dataclass(frozen=True, slots=True)
class MilestoneTemplate:
    """A milestone before it has a date: ``offset_days`` calendar days from the anchor (agreement, start, end)."""

    kind: str
    owner: str
    anchor: str
    offset_days: int
    level: int | None = None  # Kirkpatrick level whose evaluation reaches it
    follow_up: bool = False  # goes on after the engagement is closed


@cache
def _templates() -> tuple[tuple[MilestoneTemplate, ...], dict[str, frozenset[str]], frozenset[str]]:
    content = json.loads(DATA.read_text(encoding="utf-8"))
    in_order = tuple(MilestoneTemplate(**row) for row in content["milestones"])
    kinds = {form: frozenset(listed) for form, listed in content["forms"].items()}
    return in_order, kinds, frozenset(content["level2_forms"])


def milestones_for(forms: Iterable[str]) -> tuple[MilestoneTemplate, ...]:
    """Give the milestones of an engagement whose deliveries have these forms, each once, in the order of the template."""
    in_order, kinds, _ = _templates()
    wanted = frozenset().union(*(kinds.get(form, frozenset()) for form in forms))
    return tuple(template for template in in_order if template.kind in wanted)


def required_levels(forms: Iterable[str]) -> tuple[int, ...]:
    """Give the Kirkpatrick levels that closing needs: 1 always, 2 where one of the forms requires it."""
    *_, level2_forms = _templates()
    return (1, 2) if any(form in level2_forms for form in forms) else (1,)
