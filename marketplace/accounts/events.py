"""Events of the accounts room, for the catalogue of event types."""

from marketplace.kernel.text import gettext_noop as _

EVENT_TYPES = {
    "access_token.created": _("A token was made."),
    "access_token.revoked": _("A token was ended."),
    "context_event.changed": _("A context event changed."),
    "context_event.created": _("A context event was added."),
    "membership.changed": _("A membership changed."),
    "membership.created": _("A person got a role in an organization."),
    "grant.ended": _("A right on an organization was taken back."),
    "grant.given": _("A right on an organization was given."),
    "membership.ended": _("A person has a role in an organization no more."),
    "membership.delegated": _("A member named somebody to stand in."),
    "membership.delegation_ended": _("A member stands in for themselves again."),
    "organization.changed": _("An organization changed."),
    "organization.created": _("An organization was added."),
    "programme.changed": _("A programme changed."),
    "programme.created": _("A programme was added."),
    "service_client.changed": _("An integrating system changed."),
    "service_client.created": _("An integrating system was registered."),
}

# What the events of each kind of thing may carry, as JSON Schema.
EVENT_DATA = {
    "grant": {
        "organization": {"type": "string", "description": "Code of the organization whose things it is about."},
        "person": {"type": "string", "format": "uuid", "description": "Public id of who was given it."},
        "permission": {"type": "string"},
    },
}
