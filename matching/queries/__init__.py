"""Reads of the matching app."""

from matching.queries.access import (
    parts_visible_to,
    policies_visible_to,
    proposals_visible_to,
    runs_visible_to,
    sees_scores,
)
from matching.queries.agreed import agreed_terms
from matching.queries.offered import OpenActions, open_actions, open_part_actions, who_owes

__all__ = [
    "OpenActions",
    "agreed_terms",
    "open_actions",
    "open_part_actions",
    "parts_visible_to",
    "policies_visible_to",
    "proposals_visible_to",
    "runs_visible_to",
    "sees_scores",
    "who_owes",
]
