"""Reads of what is agreed and delivered."""

from fulfilment.queries.documents import documents_of
from fulfilment.queries.rights import (
    Rights,
    change_actions,
    delivery_actions,
    engagement_actions,
    may_on_engagement,
    may_on_milestone,
    milestone_actions,
    open_change,
    rights_on,
    share_actions,
)
from fulfilment.queries.templates import MilestoneTemplate, milestones_for, required_levels
from fulfilment.queries.visibility import (
    changes_visible_to,
    cost_shares_visible_to,
    deliveries_visible_to,
    engagements_visible_to,
    evaluations_visible_to,
    find_engagement,
    funded,
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
    "delivery_actions",
    "documents_of",
    "engagement_actions",
    "engagements_visible_to",
    "evaluations_visible_to",
    "find_engagement",
    "funded",
    "may_on_engagement",
    "may_on_milestone",
    "milestone_actions",
    "milestones_for",
    "milestones_visible_to",
    "open_change",
    "required_levels",
    "rights_on",
    "share_actions",
    "stories_visible_to",
    "visible_subquery",
]
