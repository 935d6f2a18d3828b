"""Events of documents, for the catalogue of event types."""

from marketplace.kernel.text import gettext_noop as _

EVENT_TYPES = {
    "document.created": _("A document was attached."),
    "document.removed": _("A document was taken off."),
    "upload.created": _("A file was uploaded."),
}
