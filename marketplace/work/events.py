"""What becomes true of jobs, for the catalogue of event types."""

from marketplace.kernel.text import gettext_noop as _

EVENT_TYPES = {
    "job.cancelled": _("A job was called off."),
    "job.discarded": _("A dead job was given up."),
    "job.retried": _("A dead job was put back into the queue."),
}
