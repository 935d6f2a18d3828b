"""E-mails queued, gathered into digests, and ended; each is a job of the work table."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import User
from marketplace.notifications import letters, preferences, sight
from marketplace.notifications.models import Mail, MailPreference, Notification
from marketplace.notifications.subjects import Cadence, MailKind, Outcome
from marketplace.notifications.transport import Result, hand_over
from marketplace.work import operations as work

JOB = "notifications.mail"
AFTER_OTHERS = -1  # priority: what decides goes first
NEWS_FOR = timedelta(days=3)  # what no server took for so long is news no more
LOOKS_BACK = timedelta(days=14)  # of a digest, should none have gone out for a while
KEPT = timedelta(days=90)  # longer than digests look back, or they would tell of old things again
AT_ONCE_ROWS = 500
# A daily digest also takes what a person who is told at once had left over: they were told daily before.
COVERED: Mapping[MailKind, Collection[Cadence]] = {
    MailKind.DAILY: (Cadence.AT_ONCE, Cadence.DAILY),
    MailKind.WEEKLY: (Cadence.WEEKLY,),
}


# --- at once --------------------------------------------------------------------------------------------------------
def queue(notices: Sequence[Notification], *, at: datetime) -> int:
    """Queue an e-mail for each notice whose recipient wants it at once, in the caller's transaction; return how many.

    Notices that were not stored (told before) are passed over.
    """
    people = {notice.recipient_id: notice.recipient for notice in notices if notice.recipient.email}
    if not settings.MAIL_ENABLED or not people:
        return 0
    choices = preferences.choices_of(list(people.values()))
    wanted = [
        notice.public_id
        for notice in notices
        if notice.recipient_id in people
        and (choice := choices[notice.recipient_id]).cadence is Cadence.AT_ONCE
        and choice.wants(notice.subject)
    ]
    stored = list(Notification.objects.filter(public_id__in=wanted, mail__isnull=True)) if wanted else []
    mails = [Mail(recipient_id=row.recipient_id, kind=MailKind.NOTICE.value, created_at=at) for row in stored]
    for row, mail in zip(stored, Mail.objects.bulk_create(mails), strict=True):
        row.mail = mail
    Notification.objects.bulk_update(stored, ["mail"], batch_size=100)
    _enqueue(mails, at=at, due_at=at + timedelta(seconds=settings.MAIL_DELAY_SECONDS))
    return len(mails)


def _enqueue(mails: Collection[Mail], *, at: datetime, due_at: datetime) -> None:
    work.enqueue_many(
        [
            work.NewJob(
                JOB,
                {"mail": str(mail.public_id)},
                key=f"mail:{mail.public_id}",
                due_at=due_at,
                priority=AFTER_OTHERS,
            )
            for mail in mails
        ],
        at=at,
    )


# --- digests --------------------------------------------------------------------------------------------------------
def ends_of_periods(at: datetime) -> dict[MailKind, datetime]:
    """Give the latest moment, not after ``at``, up to which each kind of digest tells."""
    day = at.replace(hour=settings.MAIL_DIGEST_HOUR, minute=0, second=0, microsecond=0)
    if day > at:
        day -= timedelta(days=1)
    return {MailKind.DAILY: day, MailKind.WEEKLY: day - timedelta(days=day.weekday())}


def gather(*, at: datetime) -> int:
    """Make the digests of the periods that ended last, one for each person who has something to be told; return how many."""
    if not settings.MAIL_ENABLED:
        return 0
    return sum(_gather(kind, end, at) for kind, end in ends_of_periods(at).items())


def _gather(kind: MailKind, end: datetime, at: datetime) -> int:
    made = 0
    while people := list(_readers(kind, end)[:AT_ONCE_ROWS]):
        with transaction.atomic():
            made += _make_digests(people, kind, end, at)
    return made


def _readers(kind: MailKind, end: datetime) -> QuerySet[MailPreference, int]:
    """Give the people who have something to be told in a digest and none of this period yet."""
    untold = _untold(end).filter(recipient=OuterRef("user"), created_at__gte=OuterRef("since"))
    there = Mail.objects.filter(recipient=OuterRef("user"), kind=kind.value, period=end.date())
    return (
        MailPreference.objects.filter(
            Exists(untold), ~Exists(there), email=True, user__is_active=True, cadence__in=COVERED[kind]
        )
        .exclude(user__email="")
        .exclude(failing_since__isnull=False, refused_address=F("user__email"))
        .order_by("user_id")
        .values_list("user_id", flat=True)
    )


def _untold(end: datetime) -> QuerySet[Notification]:
    return Notification.objects.filter(
        mail__isnull=True, read_at__isnull=True, created_at__lt=end, created_at__gte=end - LOOKS_BACK
    ).order_by()


def _make_digests(people: Sequence[int], kind: MailKind, end: datetime, at: datetime) -> int:
    mails = [Mail(recipient_id=pk, kind=kind.value, period=end.date(), created_at=at) for pk in people]
    # Another may be gathering too; whose row is not stored here finds its job with nothing to do.
    Mail.objects.bulk_create(mails, ignore_conflicts=True)
    theirs = Mail.objects.filter(recipient=OuterRef("recipient"), kind=kind.value, period=end.date())
    since = MailPreference.objects.filter(user=OuterRef("recipient")).values("since")
    _untold(end).filter(recipient__in=people, created_at__gte=Subquery(since[:1])).update(
        mail=Subquery(theirs.values("pk")[:1])
    )
    _enqueue(mails, at=at, due_at=at)
    return len(mails)


# --- sending --------------------------------------------------------------------------------------------------------
def send(mail: Mail, *, at: datetime) -> Result:
    """Send an e-mail that is still wanted and still for its reader's eyes; raises where it may succeed later."""
    if at - mail.created_at > NEWS_FOR:
        return Result(Outcome.EXPIRED)
    user = mail.recipient
    if not settings.MAIL_ENABLED or not user.is_active or not user.email:
        return Result(Outcome.WITHHELD, "nobody_to_write_to")
    choice = preferences.choice_of(user)
    notices = [notice for notice in _unread(mail) if choice.wants(notice.subject)]
    if not notices:
        return Result(Outcome.WITHHELD, "read_or_unwanted")
    notices = _visible(notices, user, at)
    if not notices:
        return Result(Outcome.WITHHELD, "not_visible")
    return hand_over(letters.compose(mail, notices, language=preferences.language_of(user, choice)))


def _unread(mail: Mail) -> QuerySet[Notification]:
    rows = Notification.objects.filter(mail=mail, read_at__isnull=True)
    return rows.select_related("organization").order_by("created_at", "id")


def _visible(notices: Sequence[Notification], user: User, at: datetime) -> list[Notification]:
    """Leave what the person may see now, whatever they might see when they were told."""
    things = [(notice.about_resource, notice.about_id) for notice in notices]
    places = sight.places_for(Actor.for_user(user), things, at=at)
    return [notice for notice, thing in zip(notices, things, strict=True) if thing in places]


# --- afterwards -----------------------------------------------------------------------------------------------------
@transaction.atomic
def finish(mail: Mail, result: Result, *, at: datetime) -> None:
    """Write what became of an e-mail, and what that says of its address; a second word about it changes nothing."""
    rows = Mail.objects.filter(pk=mail.pk, outcome=Outcome.WAITING.value)
    if not rows.update(outcome=result.outcome.value, reason=result.reason, finished_at=at):
        return
    if result.outcome is Outcome.SENT:
        preferences.note_taken(mail.recipient)
    elif result.address:
        preferences.note_refused(mail.recipient, address=result.address, at=at)


def purge(*, at: datetime) -> int:
    """Delete e-mails that ended more than 90 days ago, at most 5,000; return how many."""
    over = Mail.objects.filter(finished_at__lt=at - KEPT).order_by("finished_at")
    keys = list(over.values_list("pk", flat=True)[:5_000])
    Mail.objects.filter(pk__in=keys).delete()
    return len(keys)
