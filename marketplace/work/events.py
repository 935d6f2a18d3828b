"""What becomes true of jobs, for the catalogue of event types."""

from marketplace.kernel.text import gettext_noop as _

EVENT_TYPES = {
    "job.cancelled": _("A job was called off."),
    "job.discarded": _("A dead job was given up."),
    "job.retried": _("A dead job was put back into the queue."),
}

# What the events of each kind of thing may carry, as JSON Schema.
EVENT_DATA = {
    "job": {
        "kind": {"type": "string"},
        "from_state": {"type": "string"},
        "state": {"type": "string"},
    },
}
