"""What becomes true of imports, for the catalogue of event types."""

from marketplace.kernel.text import gettext_noop as _

EVENT_TYPES = {
    "import.cancelled": _("An import was called off."),
    "import.created": _("An import was asked for."),
    "import.finished": _("An import came to its end."),
}
EVENT_DATA = {
    "import": {
        "resource": {"type": "string", "description": "What was imported, such as `offerings`."},
        "status": {"type": "string"},
        "dry_run": {"type": "boolean"},
    },
}
