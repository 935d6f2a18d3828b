"""Reads of the matching app."""

from matching.queries.access import (
    due_before,
    owed_by,
    parts_visible_to,
    plan_lines_visible_to,
    policies_visible_to,
    policy_in_force,
    proposals_by_ids,
    proposals_visible_to,
    runs_visible_to,
    sees_part,
    sees_scores,
    shown_parts,
    side_by_side,
)
from matching.queries.agreed import AgreedLine, AgreedPart, AgreedPartner, AgreedTerms, agreed_terms
from matching.queries.counting import parts_without_their_hold
from matching.queries.offered import CONSULTATION_ENDED, is_unanswered, open_actions, open_part_actions, who_owes
from matching.queries.standing import (
    bridgeable_gaps,
    counts_as,
    open_gaps,
    partner_ids,
    parts_with_partners,
    speaks_for_chair,
    speaks_for_requester,
    with_partners,
)
from matching.queries.watches import watches_visible_to
from matching.queries.why_not import Forced, forced_choice

__all__ = [
    "CONSULTATION_ENDED",
    "AgreedLine",
    "AgreedPart",
    "AgreedPartner",
    "AgreedTerms",
    "Forced",
    "agreed_terms",
    "bridgeable_gaps",
    "counts_as",
    "due_before",
    "forced_choice",
    "is_unanswered",
    "open_actions",
    "open_gaps",
    "open_part_actions",
    "owed_by",
    "partner_ids",
    "parts_visible_to",
    "parts_with_partners",
    "parts_without_their_hold",
    "plan_lines_visible_to",
    "policies_visible_to",
    "policy_in_force",
    "proposals_by_ids",
    "proposals_visible_to",
    "runs_visible_to",
    "sees_part",
    "sees_scores",
    "shown_parts",
    "side_by_side",
    "speaks_for_chair",
    "speaks_for_requester",
    "watches_visible_to",
    "who_owes",
    "with_partners",
]
