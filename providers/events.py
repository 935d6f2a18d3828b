"""Events of the providers app, for the catalogue of event types."""

from marketplace.kernel.text import gettext_noop as _

EVENT_TYPES = {
    "capacity_hold.confirmed": _("Reserved capacity was confirmed."),
    "capacity_hold.created": _("Capacity was reserved."),
    "capacity_hold.extended": _("A reservation of capacity was prolonged."),
    "capacity_hold.lapsed": _("A reservation of capacity has lapsed."),
    "capacity_hold.released": _("Reserved capacity was given back."),
    "capacity_window.changed": _("A capacity window changed."),
    "capacity_window.created": _("A capacity window was added."),
    "capacity_window.deleted": _("A capacity window was taken away."),
    "harvest.changed": _("The harvest of a course catalogue changed."),
    "harvest.created": _("The harvest of a course catalogue was set up."),
    "harvest.ran": _("A course catalogue was harvested, or could not be."),
    "offering.changed": _("An offering changed."),
    "offering.created": _("An offering was drafted."),
    "offering.overdue": _("The vetting of an offering is overdue."),
    "offering.published": _("An offering was published."),
    "offering.reinstated": _("An offering is open again."),
    "offering.reminder_due": _("The vetting of an offering is due soon."),
    "offering.retired": _("An offering was retired."),
    "offering.returned": _("An offering was returned to its provider."),
    "offering.submitted": _("An offering was submitted for vetting."),
    "offering.suspended": _("An offering was suspended."),
    "offering.vetting_lapsed": _("The vetting of an offering has run out."),
    "provider.changed": _("A provider changed."),
    "provider.created": _("A provider was registered."),
    "provider.overdue": _("The verification of a provider is overdue."),
    "provider.reinstated": _("A provider is back in standing."),
    "provider.reminder_due": _("The verification of a provider is due soon."),
    "provider.suspended": _("A provider was suspended."),
    "provider.verification_lapsed": _("The verification of a provider has run out."),
    "provider.verified": _("A provider was verified."),
    "session.cancelled": _("A session was cancelled."),
    "session.changed": _("A session changed."),
    "session.completed": _("A session has ended."),
    "session.created": _("A session was planned."),
    "session.opened": _("A session is open for enrolment."),
    "session.started": _("A session has begun."),
    "track_record_entry.changed": _("An outcome in a track record was corrected."),
    "track_record_entry.created": _("An outcome entered the track record of a provider."),
}

_PROVIDER = {"type": "string", "description": "Code of the provider."}
_OFFERING = {"type": "string", "description": "Reference of the offering."}
_CHANGED = {"type": "array", "items": {"type": "string"}, "description": "Names of what changed."}
# What the events of each kind of thing may carry, as JSON Schema; states come by themselves.
EVENT_DATA = {
    "provider": {"provider": _PROVIDER, "changed": _CHANGED},
    "offering": {"provider": _PROVIDER, "offering": _OFFERING, "changed": _CHANGED},
    "session": {
        "provider": _PROVIDER,
        "offering": _OFFERING,
        "offering_id": {"type": "string", "format": "uuid"},
        "session": {"type": "string", "description": "Reference of the session."},
        "start": {"type": ["string", "null"], "format": "date"},
        "end": {"type": ["string", "null"], "format": "date"},
        "changed": _CHANGED,
    },
    "harvest": {
        "provider": _PROVIDER,
        "changed": _CHANGED,
        "problem": {"type": "string", "description": "Code of what went wrong; empty where it went well."},
        "counts": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
    "capacity_window": {"provider": _PROVIDER, "changed": _CHANGED},
    "capacity_hold": {
        "provider": _PROVIDER,
        "place": {"type": "string", "description": "What is held: session or capacity_window."},
        "place_id": {"type": "string", "format": "uuid"},
        "holder": {"type": "string", "format": "uuid", "description": "The part of a proposal that holds it."},
        "quantity": {"type": "integer"},
        "unit": {"type": "string"},
    },
    "track_record_entry": {"provider": _PROVIDER, "level": {"type": "integer", "description": "Of the evaluation."}},
}
