"""What becomes true of webhooks, for the catalogue of event types."""

from marketplace.kernel.text import gettext_noop as _

EVENT_TYPES = {
    "webhook.changed": _("A webhook changed."),
    "webhook.created": _("A webhook was set up."),
    "webhook.deleted": _("A webhook was removed."),
    "webhook.disabled": _("A webhook was switched off."),
    "webhook.enabled": _("A webhook was switched on again."),
    "webhook.ping": _("A test call of a webhook; it is in no feed."),
    "webhook.pinged": _("A test call of a webhook was asked for."),
    "webhook.replayed": _("Deliveries of a webhook were asked for again."),
    "webhook.secret_rotated": _("A webhook got a new signing secret."),
}
EVENT_DATA = {
    "webhook": {
        "organization": {"type": "string", "description": "Code of the organization that it belongs to."},
        "reason": {"type": "string", "description": "Why it was switched off: owner, failing or gone."},
        "deliveries": {"type": "integer", "description": "How many deliveries were asked for again."},
    },
}
