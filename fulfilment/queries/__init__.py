"""Reads of what is agreed and delivered."""

from fulfilment.queries.rights import Rights, change_actions, may_on_engagement, may_on_milestone, rights_on
from fulfilment.queries.templates import MilestoneTemplate, milestones_for, required_levels
from fulfilment.queries.visibility import (
    changes_visible_to,
    cost_shares_visible_to,
    deliveries_visible_to,
    engagements_visible_to,
    evaluations_visible_to,
    find_engagement,
    milestones_visible_to,
    stories_visible_to,
    visible_subquery,
)

__all__ = [
    "MilestoneTemplate",
    "Rights",
    "change_actions",
    "changes_visible_to",
    "cost_shares_visible_to",
    "deliveries_visible_to",
    "engagements_visible_to",
    "evaluations_visible_to",
    "find_engagement",
    "may_on_engagement",
    "may_on_milestone",
    "milestones_for",
    "milestones_visible_to",
    "required_levels",
    "rights_on",
    "stories_visible_to",
    "visible_subquery",
]
