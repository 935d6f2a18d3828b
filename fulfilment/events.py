"""Events of the fulfilment app, for the catalogue of event types."""

from marketplace.kernel.text import gettext_noop as _

EVENT_TYPES = {
    "cost_share.confirmed": _("A share of the cost was confirmed."),
    "cost_share.created": _("A share of the cost was pledged."),
    "cost_share.received": _("A share of the cost was received."),
    "cost_share.withdrawn": _("A share of the cost was withdrawn."),
    "delivery.cancelled": _("A delivery was cancelled."),
    "delivery.changed": _("Dates, place or session of a delivery changed."),
    "delivery.confirmed": _("The report on a delivery was confirmed."),
    "delivery.contested": _("The report on a delivery was contested."),
    "delivery.created": _("A delivery was planned."),
    "delivery.overdue": _("A step of a delivery is overdue."),
    "delivery.participation_recorded": _("Numbers of participants were recorded."),
    "delivery.reminder_due": _("A step of a delivery is due soon."),
    "delivery.reported": _("A delivery was reported."),
    "delivery.started": _("A delivery began."),
    "engagement.agreed": _("The parties agreed to an engagement."),
    "engagement.cancelled": _("An engagement was cancelled."),
    "engagement.change_agreed": _("A change of an engagement took effect."),
    "engagement.change_declined": _("A change of an engagement was declined."),
    "engagement.change_proposed": _("A change of an engagement was proposed."),
    "engagement.closed": _("An engagement was closed."),
    "engagement.confirmed": _("All deliveries of an engagement are confirmed."),
    "engagement.contested": _("The report on an engagement was contested."),
    "engagement.created": _("An engagement came about."),
    "engagement.delivered": _("All deliveries of an engagement are reported."),
    "engagement.evaluations_changed": _("What an engagement still owes in evaluations changed."),
    "engagement.held": _("An engagement was put on hold."),
    "engagement.overdue": _("A step of an engagement is overdue."),
    "engagement.parties_changed": _("The parties of an engagement changed."),
    "engagement.reminder_due": _("A step of an engagement is due soon."),
    "engagement.resumed": _("An engagement goes on."),
    "engagement.started": _("The first delivery of an engagement began."),
    "engagement_change.agreed": _("A party agreed to a change."),
    "engagement_change.created": _("A change was put forward."),
    "engagement_change.declined": _("A party declined a change."),
    "engagement_change.overdue": _("An answer to a change is overdue."),
    "engagement_change.reminder_due": _("An answer to a change is due soon."),
    "engagement_change.superseded": _("A change was overtaken."),
    "evaluation.created": _("An evaluation was recorded."),
    "evaluation_waiver.created": _("An evaluation was waived."),
    "milestone.completed": _("A milestone was reached."),
    "milestone.created": _("A milestone was set."),
    "milestone.dropped": _("A milestone is no longer needed."),
    "milestone.lapsed": _("A follow-up was not answered."),
    "milestone.overdue": _("A milestone is overdue."),
    "milestone.reminder_due": _("A milestone is due soon."),
    "milestone.waived": _("A milestone was waived."),
    "outcome_story.created": _("An outcome was told."),
}

_ENGAGEMENT = {"type": "string", "description": "Reference of the engagement."}
_HOW = {"type": "string", "description": "By word or by silence."}
# What the events of each kind of thing may carry, as JSON Schema; states come by themselves.
EVENT_DATA = {
    "engagement": {
        "request": {"type": "string", "description": "Reference of the request."},
        "lead": {"type": "string", "description": "Code of the leading organization."},
        "how": _HOW,
        "changes": {"type": "array", "items": {"type": "string"}, "description": "Kinds of terms that changed."},
    },
    "delivery": {"engagement": _ENGAGEMENT, "number": {"type": "integer"}, "how": _HOW},
    "milestone": {
        "engagement": _ENGAGEMENT,
        "kind": {"type": "string"},
        "owner": {"type": "string", "description": "The party that owes it."},
    },
    "cost_share": {
        "engagement": _ENGAGEMENT,
        "organization": {"type": "string", "description": "Code of the organization that pays."},
        "kind": {"type": "string"},
    },
    "engagement_change": {
        "engagement": _ENGAGEMENT,
        "changes": {"type": "array", "items": {"type": "string"}, "description": "Kinds of terms that would change."},
        "sides": {"type": "array", "items": {"type": "string"}, "description": "For whom it was agreed."},
    },
    "evaluation": {
        "engagement": _ENGAGEMENT,
        "level": {"type": "integer", "description": "Of Kirkpatrick's four."},
        "source": {"type": "string", "description": "Who was asked."},
    },
    "evaluation_waiver": {
        "engagement": _ENGAGEMENT,
        "level": {"type": "integer"},
        "reason_code": {"type": "string"},
    },
    "outcome_story": {"engagement": _ENGAGEMENT, "kind": {"type": "string"}},
}
