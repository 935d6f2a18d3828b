"""Rows of notices and documents."""

from datetime import UTC, datetime
from secrets import token_hex

from factory.declarations import LazyFunction, SubFactory
from factory.django import DjangoModelFactory

from marketplace.files.models import Document, StoredFile
from marketplace.kernel.ids import new_public_id
from marketplace.notifications.models import Mail, MailPreference, Notification
from marketplace.notifications.subjects import Cadence, MailKind, Subject

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


class NotificationFactory(DjangoModelFactory[Notification]):
    """A person is told that a request waits for their answer."""

    class Meta:
        model = Notification

    recipient = SubFactory("tests.factories.accounts.UserFactory")
    subject = Subject.STEP_OPENED.value
    step = "request.answer"
    party = "requester"
    due_at = AT
    about_resource = "training_request"
    about_id = LazyFunction(new_public_id)
    about_reference = "GMG-MLI-2026-0007"
    created_at = AT
    updated_at = AT


class StoredFileFactory(DjangoModelFactory[StoredFile]):
    """A small text, of which there is a row and no file."""

    class Meta:
        model = StoredFile

    name = LazyFunction(lambda: token_hex(16))
    file_name = "notes.txt"
    media_type = "text/plain"
    size_bytes = 5
    sha256 = "0" * 64
    uploaded_by = "user:nobody"
    created_at = AT
    updated_at = AT


class DocumentFactory(DjangoModelFactory[Document]):
    """A letter of endorsement, kept in an archive."""

    class Meta:
        model = Document

    about_resource = "training_request"
    about_id = LazyFunction(new_public_id)
    organization = SubFactory("tests.factories.accounts.OrganizationFactory")
    kind = "endorsement_letter"
    title = "Letter of the Ministry"
    language = "en"
    external_reference = "ARCHIVE-1"
    added_by = "test"
    created_at = AT
    updated_at = AT


class MailFactory(DjangoModelFactory[Mail]):
    """An e-mail that waits to be sent."""

    class Meta:
        model = Mail

    recipient = SubFactory("tests.factories.accounts.UserFactory")
    kind = MailKind.NOTICE.value
    created_at = AT


class MailPreferenceFactory(DjangoModelFactory[MailPreference]):
    """A person who wants e-mail together once a day."""

    class Meta:
        model = MailPreference

    user = SubFactory("tests.factories.accounts.UserFactory")
    cadence = Cadence.DAILY.value
    since = AT
    updated_at = AT
