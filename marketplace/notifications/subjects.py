"""What a notice can be about, with its text in English, translated where it is read; how and when it is mailed."""

from collections.abc import Mapping
from enum import StrEnum

from marketplace.kernel.text import gettext_noop as _


class Subject(StrEnum):
    """Stable codes of notices, sorted."""

    NEED_FOUND = "need_found"
    OFFER_ANSWERED = "offer_answered"
    STEP_ESCALATED = "step_escalated"
    STEP_OPENED = "step_opened"
    STEP_OVERDUE = "step_overdue"
    STEP_REMINDER = "step_reminder"
    WEBHOOK_DISABLED = "webhook_disabled"


# What a person who chooses reads.
WORDS: Mapping[Subject, str] = {
    Subject.NEED_FOUND: _("A new need meets a search of mine"),
    Subject.OFFER_ANSWERED: _("An offer of my own was answered"),
    Subject.STEP_ESCALATED: _("A step that others owe is overdue, and I should see to it"),
    Subject.STEP_OPENED: _("Something waits for me"),
    Subject.STEP_OVERDUE: _("A step of mine is overdue"),
    Subject.STEP_REMINDER: _("A step of mine is due soon"),
    Subject.WEBHOOK_DISABLED: _("A webhook of my organization was switched off"),
}


class Cadence(StrEnum):
    """When what a person is told goes out by e-mail."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    WEEKLY = "weekly"


class MailKind(StrEnum):
    """What an e-mail tells of: one notice, or those of a day or a week."""

    NOTICE = "notice"
    DAILY = "daily"
    WEEKLY = "weekly"


class Outcome(StrEnum):
    """What became of an e-mail."""

    WAITING = "waiting"
    SENT = "sent"  # the mail server took it
    WITHHELD = "withheld"  # no longer wanted, or no longer for this person's eyes
    REFUSED = "refused"  # by the mail server, for good
    EXPIRED = "expired"  # no server took it for days: it would be news no more


# Places: reference of the thing, name of the step, the day it is or was due, who owes it.
TEXTS: Mapping[Subject, str] = {
    Subject.NEED_FOUND: _("%(reference)s is a new need that meets a search of yours."),
    Subject.OFFER_ANSWERED: _("%(reference)s: your own offer was answered and is closed; open it for the reason."),
    Subject.STEP_ESCALATED: _("%(reference)s: “%(step)s” has been overdue since %(due)s (owed by: %(party)s)."),
    Subject.STEP_OPENED: _("%(reference)s waits for you: “%(step)s”, by %(due)s."),
    Subject.STEP_OVERDUE: _("%(reference)s: “%(step)s” was due on %(due)s."),
    Subject.STEP_REMINDER: _("%(reference)s: “%(step)s” is due by %(due)s."),
    Subject.WEBHOOK_DISABLED: _("The webhook %(reference)s was switched off: its receiver takes nothing any more."),
}
