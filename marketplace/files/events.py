"""Events of documents, for the catalogue of event types."""

from marketplace.kernel.text import gettext_noop as _

EVENT_TYPES = {
    "document.created": _("A document was attached."),
    "document.removed": _("A document was taken off."),
    "upload.created": _("A file was uploaded."),
}

# What the events of each kind of thing may carry, as JSON Schema.
EVENT_DATA = {
    "document": {
        "kind": {"type": "string"},
        "about": {
            "type": "object",
            "properties": {"resource": {"type": "string"}, "id": {"type": "string", "format": "uuid"}},
        },
    },
}
