"""Reading what people were told."""

from collections.abc import Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext

from marketplace.accounts.actors import Actor
from marketplace.notifications.models import Mail, Notification
from marketplace.notifications.subjects import TEXTS, Outcome, Subject
from marketplace.vocabularies import queries as vocabularies


def notifications_of(actor: Actor) -> QuerySet[Notification]:
    """Give what the person was told, latest first; systems of organizations read the event feed instead."""
    if actor.user is None:
        return Notification.objects.none()
    return Notification.objects.filter(recipient=actor.user).select_related("organization")


def notices_about(actor: Actor, resource: str, public_id: UUID) -> QuerySet[Notification]:
    """Give what the person was told of one thing, latest first."""
    return notifications_of(actor).filter(about_resource=resource, about_id=public_id).order_by("-created_at", "-pk")


def unread_count(actor: Actor) -> int:
    """Count what the person has not read."""
    return notifications_of(actor).filter(read_at__isnull=True).count()


def text_of(notification: Notification, language: str) -> str:
    """Give the sentence in ``language`` (BCP 47; else English)."""
    with translation.override(language):
        places: Mapping[str, str] = {
            "reference": notification.about_reference or str(notification.about_id),
            "step": vocabularies.label("service_levels", notification.step, language),
            "party": vocabularies.label("parties", notification.party, language),
            "due": _day(notification.due_at),
        }
        return gettext(TEXTS[Subject(notification.subject)]) % places


def waiting_mail(public_id: UUID) -> Mail | None:
    """Find an e-mail that is still to be sent, with its recipient."""
    waiting = Mail.objects.filter(public_id=public_id, outcome=Outcome.WAITING.value)
    return waiting.select_related("recipient").first()


def _day(moment: datetime | None) -> str:
    return date_format(moment, "DATE_FORMAT") if moment else "-"
