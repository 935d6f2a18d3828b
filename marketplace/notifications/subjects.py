"""What a notice can be about, with its text in English; translated where it is read."""

from collections.abc import Mapping
from enum import StrEnum

from marketplace.kernel.text import gettext_noop as _


class Subject(StrEnum):
    """Stable codes of notices, sorted."""

    STEP_ESCALATED = "step_escalated"
    STEP_OPENED = "step_opened"
    STEP_OVERDUE = "step_overdue"
    STEP_REMINDER = "step_reminder"
    WEBHOOK_DISABLED = "webhook_disabled"


# Places: reference of the thing, name of the step, the day it is or was due, who owes it.
TEXTS: Mapping[Subject, str] = {
    Subject.STEP_ESCALATED: _("%(reference)s: “%(step)s” has been overdue since %(due)s (owed by: %(party)s)."),
    Subject.STEP_OPENED: _("%(reference)s waits for you: “%(step)s”, by %(due)s."),
    Subject.STEP_OVERDUE: _("%(reference)s: “%(step)s” was due on %(due)s."),
    Subject.STEP_REMINDER: _("%(reference)s: “%(step)s” is due by %(due)s."),
    Subject.WEBHOOK_DISABLED: _("The webhook %(reference)s was switched off: its receiver takes nothing any more."),
}
