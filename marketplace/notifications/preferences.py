"""What people want to be told by e-mail, and whether their address takes it."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import structlog
from django.conf import settings
from django.db import transaction

from marketplace.accounts.models import User
from marketplace.notifications.models import MailPreference
from marketplace.notifications.subjects import Cadence, Subject

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Choice:
    """What one person chose; the defaults are those of a person who chose nothing."""

    email: bool = True
    cadence: Cadence = Cadence.AT_ONCE
    muted: frozenset[str] = frozenset()
    language: str = ""  # empty: the person's own
    failing_since: datetime | None = None

    def wants(self, subject: str) -> bool:
        """Tell whether e-mail about this subject is wanted, and the address takes it."""
        return self.email and self.failing_since is None and subject not in self.muted


def choices_of(people: Collection[User]) -> dict[int, Choice]:
    """Give the choice of each person by primary key, in one query."""
    rows = {row.user_id: row for row in MailPreference.objects.filter(user__in=[user.pk for user in people])}
    return {user.pk: _choice(rows[user.pk], user) if user.pk in rows else Choice() for user in people}


def choice_of(user: User) -> Choice:
    """Give the choice of one person."""
    return choices_of([user])[user.pk]


def _choice(row: MailPreference, user: User) -> Choice:
    same = row.refused_address == user.email  # another address begins anew
    return Choice(
        email=row.email,
        cadence=Cadence(row.cadence),
        muted=frozenset(row.muted),
        language=row.language,
        failing_since=row.failing_since if same else None,
    )


def language_of(user: User, choice: Choice) -> str:
    """Give the language to write in: the chosen one, else the person's own, else English."""
    known = {code for code, _ in settings.LANGUAGES}
    return next((code for code in (choice.language, user.locale) if code in known), settings.LANGUAGE_CODE)


@transaction.atomic
def change(
    user: User,
    *,
    at: datetime,
    email: bool | None = None,
    cadence: str | None = None,
    subjects: Collection[str] | None = None,
    language: str | None = None,
) -> Choice:
    """Change what is given of a person's choice; ``subjects`` are those that are mailed, an empty language is their own.

    Saying yes to e-mail tries an address again that has been refused.
    """
    row = _locked(user, at)
    if email is not None:
        if email and not row.email:
            row.since = at
        row.email = email
        if email:
            row.refusals, row.refused_address, row.failing_since = 0, "", None
    if subjects is not None:
        row.muted = sorted({subject.value for subject in Subject} - set(subjects))
    row.cadence = row.cadence if cadence is None else cadence
    row.language = row.language if language is None else language
    row.updated_at = at
    row.save()
    return _choice(row, user)


def note_taken(user: User) -> None:
    """Forget earlier refusals of an address that takes mail."""
    MailPreference.objects.filter(user=user, refusals__gt=0).update(refusals=0, refused_address="", failing_since=None)


@transaction.atomic
def note_refused(user: User, *, address: str, at: datetime) -> None:
    """Count a refusal for good; after settings.MAIL_REFUSALS in a row the address is written to no more."""
    row = _locked(user, at)
    row.refusals = row.refusals + 1 if row.refused_address == address else 1
    row.refused_address, row.updated_at = address, at
    row.failing_since = (row.failing_since or at) if row.refusals >= settings.MAIL_REFUSALS else None
    row.save()
    if row.failing_since == at:
        log.warning("mail.address_failing", person=str(user.public_id), refusals=row.refusals)


def _locked(user: User, at: datetime) -> MailPreference:
    MailPreference.objects.bulk_create([MailPreference(user=user, since=at, updated_at=at)], ignore_conflicts=True)
    return MailPreference.objects.select_for_update().get(user=user)
