"""E-mail through a real server: what goes out to whom, what is withheld, and what refusals, outages and kills come to."""

import smtplib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings as live
from django.db import connection
from django.test.utils import CaptureQueriesContext

from marketplace.accounts.models import Membership, User
from marketplace.lifecycles.registry import lifecycle_models
from marketplace.notifications import letters, mailing, operations, preferences, sight, transport
from marketplace.notifications.models import Mail, MailPreference, Notification
from marketplace.notifications.queries import waiting_mail
from marketplace.notifications.recipients import Recipient
from marketplace.notifications.subjects import Outcome, Subject
from marketplace.notifications.tasks import send_mail
from marketplace.work import loop
from marketplace.work import operations as work
from marketplace.work.models import Job
from requests_app.models import TrainingRequest
from tests.factories.notices import MailFactory, MailPreferenceFactory, NotificationFactory
from tests.factories.requests import TrainingRequestFactory
from tests.kit.people import SmallGroup, small_group
from tests.notifications.server import Server, serving

pytestmark = pytest.mark.django_db
AT = datetime(2026, 11, 25, 9, tzinfo=UTC)  # a Wednesday


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as told:
        yield told


@pytest.fixture(autouse=True)
def by_smtp(settings: Any, server: Server) -> Any:
    settings.MAIL_ENABLED = True
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", server.port
    settings.PUBLIC_URL, settings.MAIL_DOMAIN = "https://market.example.org", "market.example.org"
    return settings


@dataclass
class Scene:
    """A submitted request, its focal point with an address, and the clock wound by hand."""

    group: SmallGroup
    request: TrainingRequest
    focal: User
    at: datetime = AT

    def tell(self, *people: User, subject: Subject = Subject.STEP_OPENED) -> None:
        told = [Recipient(person, self.group.requester) for person in people or (self.focal,)]
        operations.notify(told, subject=subject, about=self.request, at=self.at)

    def work(self, after: timedelta = timedelta(minutes=2)) -> None:
        """Let time pass, and do what is due."""
        self.at += after
        loop.run_until_idle(worker="test", clock=lambda: self.at)

    def digests(self, at: datetime) -> None:
        self.at = at
        mailing.gather(at=at)
        self.work(timedelta(0))


def outcomes() -> list[tuple[str, str]]:
    return list(Mail.objects.order_by("id").values_list("outcome", "reason"))


@pytest.fixture
def scene() -> Scene:
    group = small_group(AT)
    focal = group.focal_point
    focal.email, focal.name, focal.locale = "awa@agency.example", "Awa Diallo", "en"
    focal.save()
    request = TrainingRequestFactory.create(
        requesting_organization=group.requester, reference="GMG-MLI-2026-0007", state="submitted", submitted_at=AT
    )
    Job.objects.all().delete()
    return Scene(group, request, focal)


# --- at once --------------------------------------------------------------------------------------------------------
def test_notice_goes_out_once_in_two_forms_with_a_link_to_the_thing(scene: Scene, server: Server) -> None:
    scene.tell()
    scene.work(timedelta(seconds=30))
    assert server.letters == []  # whoever reads it in the first minute is not written to
    scene.work()
    (letter,) = server.letters
    link = f"https://market.example.org/go/training_request/{scene.request.public_id}"
    for form in ("plain", "html"):
        text = letter.get_body((form,)).get_content()  # type: ignore[union-attr]
        assert "Awa Diallo" in text
        assert link in text
        assert "GMG-MLI-2026-0007 waits for you" in text
        assert "REQ" in text
    assert letter["To"] == "awa@agency.example"
    assert letter["Message-ID"] == f"<{Mail.objects.get().public_id}@market.example.org>"
    assert letter["Auto-Submitted"] == "auto-generated"
    assert outcomes() == [("sent", "")]
    scene.work(timedelta(days=1))
    assert len(server.letters) == 1


def test_letter_speaks_the_chosen_language_else_the_persons_own(scene: Scene, server: Server) -> None:
    User.objects.filter(pk=scene.focal.pk).update(locale="fr")
    scene.tell()
    scene.work()
    preferences.change(scene.focal, at=AT, language="en")
    scene.tell(subject=Subject.STEP_OVERDUE)
    scene.work()
    french, english = server.letters
    assert (french["Content-Language"], english["Content-Language"]) == ("fr", "en")
    assert "Bonjour Awa Diallo" in server.texts()[0]
    assert 'lang="fr"' in french.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "Dear Awa Diallo" in server.texts()[1]


@pytest.mark.parametrize(
    "choice",
    [{"email": False}, {"subjects": ["step_overdue"]}, {"cadence": "daily"}],
    ids=["no e-mail", "muted", "together"],
)
def test_what_is_not_wanted_at_once_makes_no_mail(scene: Scene, server: Server, choice: dict[str, Any]) -> None:
    preferences.change(scene.focal, at=AT, **choice)
    scene.tell()
    scene.work()
    assert (server.letters, Mail.objects.count(), Notification.objects.count()) == ([], 0, 1)


def test_person_without_address_and_installation_without_server_make_no_mail(scene: Scene, settings: Any) -> None:
    scene.tell(scene.group.officer)
    settings.MAIL_ENABLED = False
    scene.tell()
    assert (Mail.objects.count(), Notification.objects.count()) == (0, 2)


def test_same_event_told_again_is_not_mailed_again(scene: Scene, server: Server) -> None:
    for _ in range(2):
        operations.notify(
            [Recipient(scene.focal, scene.group.requester)],
            subject=Subject.STEP_OPENED,
            about=scene.request,
            at=scene.at,
            event_id=scene.request.public_id,
        )
    scene.work()
    assert len(server.letters) == Mail.objects.count() == 1


# --- withheld at sending --------------------------------------------------------------------------------------------
def read_it(scene: Scene) -> None:
    Notification.objects.update(read_at=AT)


def lose_the_role(scene: Scene) -> None:
    Membership.objects.filter(user=scene.focal).update(valid_to=AT.date() - timedelta(days=1))


def choose_none(scene: Scene) -> None:
    preferences.change(scene.focal, at=AT, email=False)


def leave(scene: Scene) -> None:
    User.objects.filter(pk=scene.focal.pk).update(is_active=False)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (read_it, "read_or_unwanted"),
        (lose_the_role, "not_visible"),
        (choose_none, "read_or_unwanted"),
        (leave, "nobody_to_write_to"),
    ],
)
def test_what_changed_before_sending_counts(
    scene: Scene, server: Server, change: Callable[[Scene], None], reason: str
) -> None:
    scene.tell()
    change(scene)
    scene.work()
    assert server.letters == []
    assert outcomes() == [("withheld", reason)]


def test_thing_of_a_kind_without_a_rule_is_withheld(scene: Scene, server: Server) -> None:
    scene.tell()
    Notification.objects.update(about_resource="planted")
    scene.work()
    assert (server.letters, outcomes()) == ([], [("withheld", "not_visible")])


def test_every_kind_that_has_steps_says_who_sees_it() -> None:
    owed = {model.resource for model in lifecycle_models() if model.lifecycle.steps} | {"webhook"}
    assert owed - sight.resources() == set()


def test_second_rule_for_a_kind_is_refused() -> None:
    with pytest.raises(ValueError, match="two rules"):
        sight.seen("webhook", route="webhook-detail")(lambda actor, at: TrainingRequest.objects.all())


# --- refusals and outages -------------------------------------------------------------------------------------------
def test_address_refused_for_good_is_noted_and_after_three_times_written_to_no_more(
    scene: Scene, server: Server
) -> None:
    server.recipients["awa@agency.example"] = "550 5.1.1 No such user"
    for n in range(3):
        assert preferences.choice_of(scene.focal).failing_since is None, n
        scene.tell()
        scene.work()
    assert outcomes() == [("refused", "550 5.1.1 No such user")] * 3
    assert preferences.choice_of(scene.focal).failing_since == scene.at
    scene.tell()
    assert Mail.objects.count() == 3
    scene.focal.email = "awa@new.example"
    scene.focal.save()
    assert preferences.choice_of(scene.focal).failing_since is None  # another address begins anew


def test_saying_yes_tries_a_failing_address_again_and_success_forgets_refusals(scene: Scene, server: Server) -> None:
    for _ in range(live.MAIL_REFUSALS):
        preferences.note_refused(scene.focal, address=scene.focal.email, at=AT)
    assert not preferences.choice_of(scene.focal).wants("step_opened")
    assert preferences.change(scene.focal, at=AT, email=True).wants("step_opened")
    preferences.note_refused(scene.focal, address=scene.focal.email, at=AT)
    scene.tell()
    scene.work()
    assert len(server.letters) == 1
    assert MailPreference.objects.get().refusals == 0


@pytest.mark.parametrize("answer", ["451 4.7.1 Greylisted", "550 5.7.1 Relaying denied", "530 5.7.0 Sign in first"])
def test_refusal_that_is_not_of_the_address_is_tried_again_under_the_same_id(
    scene: Scene, server: Server, answer: str
) -> None:
    server.recipients["awa@agency.example"] = answer
    scene.tell()
    scene.work()
    job = Job.objects.get(kind=mailing.JOB)
    assert (job.state, job.attempts, outcomes()) == ("queued", 1, [("waiting", "")])
    assert job.due_at >= scene.at + timedelta(seconds=60)
    server.recipients.clear()
    scene.work(timedelta(minutes=5))
    assert server.ids() == [letters.message_id(Mail.objects.get())]
    assert not MailPreference.objects.exists()


def test_letter_refused_for_its_content_says_nothing_of_the_address(scene: Scene, server: Server) -> None:
    server.at_data = "554 5.6.0 Bad content"
    scene.tell()
    scene.work()
    assert outcomes() == [("refused", "554 5.6.0 Bad content")]
    assert not MailPreference.objects.exists()


def test_server_that_is_away_for_days_makes_the_news_old(scene: Scene, server: Server, settings: Any) -> None:
    settings.EMAIL_PORT = 9  # nobody there
    scene.tell()
    for _ in range(40):
        scene.work(timedelta(hours=2))
    assert outcomes() == [("expired", "")]
    assert Job.objects.get(kind=mailing.JOB).state == "done"


def test_what_is_no_address_is_refused_without_a_call(scene: Scene, server: Server) -> None:
    User.objects.filter(pk=scene.focal.pk).update(email="awa@agency.example\nBcc: all@world.example")
    scene.tell(User.objects.get(pk=scene.focal.pk))
    scene.work()
    assert (server.letters, outcomes()) == ([], [("refused", "not_an_address")])


# --- nothing from data becomes a header or markup -------------------------------------------------------------------
def test_names_and_references_forge_neither_headers_nor_markup(scene: Scene, server: Server) -> None:
    evil = "X\r\nBcc: all@world.example\u2028<b>bold</b>"
    User.objects.filter(pk=scene.focal.pk).update(name=evil)
    scene.tell(User.objects.get(pk=scene.focal.pk))
    Notification.objects.update(about_reference=evil)
    scene.work()
    (letter,) = server.letters
    assert letter["Bcc"] is None
    assert b"\r\nBcc:" not in server.raw[0]
    assert "\n" not in letter["Subject"]
    html = letter.get_body(("html",)).get_content()  # type: ignore[union-attr]
    assert "<b>" not in html
    assert "&lt;b&gt;bold" in html


# --- digests --------------------------------------------------------------------------------------------------------
def day(number: int, hour: int = 6) -> datetime:
    return datetime(2026, 11, number, hour, tzinfo=UTC)


def test_daily_digest_tells_once_what_is_unread(scene: Scene, server: Server) -> None:
    preferences.change(scene.focal, at=day(24), cadence="daily")
    for subject in (Subject.STEP_OPENED, Subject.STEP_REMINDER, Subject.STEP_OVERDUE):
        scene.tell(subject=subject)
    Notification.objects.filter(subject="step_reminder").update(read_at=AT)
    scene.digests(day(25, 12))  # the day's period ended at six, before it was told
    assert server.letters == []
    for hour in (6, 7, 8):
        scene.digests(day(26, hour))
    (letter,) = server.letters
    assert "2 things to know today" in letter["Subject"]
    assert "waits for you" in server.texts()[0]
    assert "is due by" not in server.texts()[0]
    assert list(Mail.objects.values_list("kind", "period", "outcome")) == [("daily", day(26).date(), "sent")]
    scene.digests(day(27))
    assert len(server.letters) == 1


def test_weekly_digest_goes_out_on_monday_even_when_nobody_was_there_on_that_day(scene: Scene, server: Server) -> None:
    preferences.change(scene.focal, at=day(24), cadence="weekly", language="fr")
    scene.tell()
    for number in (26, 27, 28, 29):
        scene.digests(day(number))
    assert server.letters == []
    scene.digests(datetime(2026, 12, 1, 15, tzinfo=UTC))  # a Tuesday
    assert [letter["Content-Language"] for letter in server.letters] == ["fr"]
    assert Mail.objects.get().period == day(30).date()


def test_change_to_at_once_leaves_nothing_untold(scene: Scene, server: Server) -> None:
    preferences.change(scene.focal, at=day(24), cadence="weekly")
    scene.tell()
    preferences.change(scene.focal, at=AT, cadence="at_once")
    scene.digests(day(26))
    assert len(server.letters) == 1


def test_digest_tells_nothing_from_before_e_mail_was_wanted(scene: Scene, server: Server) -> None:
    preferences.change(scene.focal, at=day(24), email=False)
    scene.tell()
    preferences.change(scene.focal, at=day(25, 20), email=True, cadence="daily")
    scene.digests(day(26))
    assert (server.letters, Mail.objects.count()) == ([], 0)


def test_digest_leaves_out_what_the_reader_may_no_longer_see(scene: Scene, server: Server) -> None:
    preferences.change(scene.focal, at=day(24), cadence="daily")
    scene.tell()
    other = TrainingRequestFactory.create(
        requesting_organization=scene.group.stranger, reference="GMG-SECRET-1", state="submitted", submitted_at=AT
    )
    NotificationFactory.create(
        recipient=scene.focal, about_id=other.public_id, about_reference="GMG-SECRET-1", created_at=AT
    )
    scene.digests(day(26))
    assert "GMG-MLI-2026-0007" in server.texts()[0]
    assert "GMG-SECRET-1" not in server.raw[0].decode()


def test_two_that_gather_at_once_make_one_digest(scene: Scene, server: Server) -> None:
    preferences.change(scene.focal, at=day(24), cadence="daily")
    scene.tell()
    kind, end = next(iter(mailing.ends_of_periods(day(26)).items()))
    mailing._make_digests([scene.focal.pk], kind, end, day(26))
    mailing._make_digests([scene.focal.pk], kind, end, day(26))  # read the same readers before the first one committed
    scene.work(timedelta(days=1))
    assert len(server.letters) == Mail.objects.count() == 1


def test_long_digest_counts_what_it_leaves_out(scene: Scene, server: Server) -> None:
    preferences.change(scene.focal, at=day(24), cadence="daily")
    NotificationFactory.create_batch(53, recipient=scene.focal, about_id=scene.request.public_id, created_at=AT)
    scene.digests(day(26))
    assert server.texts()[0].count("/go/training_request/") == letters.MOST_LINES
    assert "and 3 more" in server.texts()[0]


# --- killed in the middle, twice, bounded -----------------------------------------------------------------------------
def test_worker_lost_after_sending_sends_again_under_the_same_id(scene: Scene, server: Server) -> None:
    scene.tell()
    scene.at += timedelta(minutes=2)
    claim = work.claim(worker="lost", at=scene.at)
    assert claim is not None
    send_mail(claim.payload, at=scene.at, progress=lambda *_: None)  # and then it is killed
    assert outcomes() == [("waiting", "")]
    scene.at += timedelta(minutes=5)
    work.sweep(at=scene.at)
    scene.work()
    assert Counter(server.ids()) == {letters.message_id(Mail.objects.get()): 2}
    assert outcomes() == [("sent", "")]
    scene.work(timedelta(days=1))
    assert len(server.letters) == 2


def test_second_word_about_a_letter_changes_nothing(scene: Scene) -> None:
    mail = MailFactory.create(recipient=scene.focal, created_at=AT)
    mailing.finish(mail, transport.Result(Outcome.SENT), at=AT)
    mailing.finish(mail, transport.Result(Outcome.REFUSED, "550", scene.focal.email), at=AT)
    assert outcomes() == [("sent", "")]
    assert not MailPreference.objects.exists()
    assert waiting_mail(mail.public_id) is None


def test_telling_and_gathering_many_take_as_many_queries_as_one(scene: Scene) -> None:
    def queries(act: Callable[[], object]) -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            act()
        return len(caught)

    people = [scene.focal, *(MailPreferenceFactory.create(cadence="at_once").user for _ in range(30))]
    assert queries(lambda: scene.tell(people[1])) == queries(lambda: scene.tell(*people))
    assert Mail.objects.count() == 32
    one, *many = MailPreferenceFactory.create_batch(31, since=day(20))
    NotificationFactory.create(recipient=one.user, created_at=day(20, 7))
    first = queries(lambda: mailing.gather(at=day(21)))
    for row in many:
        NotificationFactory.create(recipient=row.user, created_at=day(21, 7))
    assert queries(lambda: mailing.gather(at=day(22))) == first
    assert Mail.objects.filter(kind="daily").count() == 31


def test_long_digest_is_sent_with_as_many_queries_as_a_short_one(scene: Scene, server: Server) -> None:
    def queries(count: int) -> int:
        mail = MailFactory.create(recipient=scene.focal, created_at=AT)
        NotificationFactory.create_batch(count, recipient=scene.focal, about_id=scene.request.public_id, mail=mail)
        with CaptureQueriesContext(connection) as caught:
            assert mailing.send(mail, at=AT).outcome is Outcome.SENT
        return len(caught)

    queries(1)
    assert queries(1) == queries(40)


def test_old_mails_go_and_waiting_ones_stay(scene: Scene) -> None:
    old = MailFactory.create(recipient=scene.focal, outcome="sent", finished_at=AT - timedelta(days=91))
    notice = NotificationFactory.create(recipient=scene.focal, mail=old)
    MailFactory.create(recipient=scene.focal)
    assert mailing.purge(at=AT) == 1
    assert outcomes() == [("waiting", "")]
    notice.refresh_from_db()
    assert notice.mail is None
    assert mailing.KEPT > mailing.LOOKS_BACK  # else a digest would tell of it again


def test_answers_of_servers_are_told_apart() -> None:
    error = smtplib.SMTPRecipientsRefused({"a@b.example": (552, b"5.2.2 Mailbox full\r\nfor good")})
    told = transport._judged(error, *transport._first(error.recipients), "a@b.example")
    assert told == transport.Result(Outcome.REFUSED, "552 5.2.2 Mailbox full for good", "a@b.example")
