"""Reads of the matching app."""

from matching.queries.access import (
    parts_visible_to,
    policies_visible_to,
    proposals_by_ids,
    proposals_visible_to,
    runs_visible_to,
    sees_part,
    sees_scores,
    side_by_side,
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
    "proposals_by_ids",
    "proposals_visible_to",
    "runs_visible_to",
    "sees_part",
    "sees_scores",
    "side_by_side",
    "who_owes",
]
