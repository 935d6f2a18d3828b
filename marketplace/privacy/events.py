"""Events of the privacy room, for the catalogue of event types."""

from marketplace.kernel.text import gettext_noop as _

EVENT_TYPES = {
    "user.erased": _("What was held about a person was erased."),
    "user.texts_redacted": _("The name of a person was taken out of free texts."),
}
