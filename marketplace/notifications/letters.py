"""The text of an e-mail: plain and HTML, in the reader's language, with headers that cannot be forged from data."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext, ngettext

from marketplace.notifications import unsubscribing
from marketplace.notifications.models import Mail, Notification
from marketplace.notifications.queries import text_of
from marketplace.notifications.subjects import MailKind

SUBJECT_LENGTH = 160  # characters
MOST_LINES = 50  # of a digest; the rest is in the inbox
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


@dataclass(frozen=True, slots=True)
class Line:
    """One notice in a letter."""

    text: str
    link: str
    organization: str  # in whose name the reader is told


def message_id(mail: Mail) -> str:
    """Give the Message-ID, the same at each attempt: who gets a letter twice can tell."""
    return f"<{mail.public_id}@{settings.MAIL_DOMAIN}>"


def link_to(notice: Notification) -> str:
    """Give the address that leads to the thing, by way of the sign-in page."""
    names = {"resource": notice.about_resource, "public_id": notice.about_id}
    return f"{settings.PUBLIC_URL}{reverse('open-thing', kwargs=names)}"


def compose(mail: Mail, notices: Sequence[Notification], *, language: str) -> EmailMultiAlternatives:
    """Write the letter that tells of ``notices`` (at least one)."""
    with translation.override(language):
        lines = [
            Line(one_line(text_of(notice, language)), link_to(notice), str(notice.organization or ""))
            for notice in notices
        ]
        unsubscribe = unsubscribing.address_for(mail.recipient)
        facts = {
            "language": language,
            "name": one_line(str(mail.recipient)),
            "group": settings.GROUP_CODE,
            "lines": lines[:MOST_LINES],
            "more": max(0, len(lines) - MOST_LINES),
            "kind": mail.kind,
            "start": f"{settings.PUBLIC_URL}/",
            "unsubscribe": unsubscribe,
        }
        template = "notice" if mail.kind == MailKind.NOTICE else "digest"
        letter = EmailMultiAlternatives(
            subject=_subject(mail, lines),
            body=render_to_string(f"notifications/{template}.txt", facts),
            from_email=settings.DEFAULT_FROM_EMAIL,
            to=[mail.recipient.email],
            headers=_headers(mail, language, unsubscribe),
        )
        letter.attach_alternative(render_to_string(f"notifications/{template}.html", facts), "text/html")
    return letter


def _subject(mail: Mail, lines: Sequence[Line]) -> str:
    if mail.kind == MailKind.NOTICE:
        text = lines[0].text
    elif mail.kind == MailKind.DAILY:
        text = ngettext("%(count)d thing to know today", "%(count)d things to know today", len(lines))
    else:
        text = ngettext("%(count)d thing to know this week", "%(count)d things to know this week", len(lines))
    text = text if mail.kind == MailKind.NOTICE else text % {"count": len(lines)}
    return f"[{settings.GROUP_CODE}] {text}"[:SUBJECT_LENGTH]


def _headers(mail: Mail, language: str, unsubscribe: str) -> dict[str, str]:
    return {
        "Message-ID": message_id(mail),
        "Content-Language": language,
        "Auto-Submitted": "auto-generated",  # RFC 3834: no out-of-office answers
        "List-Id": f"{gettext('Notices of the training marketplace')} <notices.{settings.MAIL_DOMAIN}>",
        "List-Unsubscribe": f"<{unsubscribe}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }


def one_line(text: str) -> str:
    """Make one line of a text: no character in it begins another header or paragraph."""
    return " ".join(UNSEEN.sub(" ", text).split())
