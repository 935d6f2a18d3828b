"""Documents: what may be said of one, who reads it, and that a change leaves its two traces."""

from dataclasses import replace
from datetime import datetime, timedelta
from unittest.mock import patch

import pytest

from marketplace.accounts.actors import Actor
from marketplace.accounts.models import Organization
from marketplace.accounts.operations import OrganizationFacts, save_organization
from marketplace.audit.models import AuditRecord
from marketplace.events.models import OutboxEvent
from marketplace.files import queries
from marketplace.files.models import Document
from marketplace.files.operations import DocumentFacts, Remover, attach_document, remove_document
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.records.models import EventScope

pytestmark = pytest.mark.django_db
SYSTEM = Actor.system("test")
OFFICE = Remover(frozenset(), True, "requests:screen")
LETTER = DocumentFacts(
    kind="endorsement_letter",
    title="Letter of the Ministry",
    language="fr",
    media_type="application/pdf",
    size_bytes=120_000,
    sha256="ab" * 32,
    url="https://files.example.org/letters/1.pdf",
)


@pytest.fixture
def agency(at: datetime) -> Organization:
    facts = OrganizationFacts(code="AGENCY", names={"en": "Agency"}, kind="member_agency")
    return save_organization(facts, actor=SYSTEM, at=at)


def attach(agency: Organization, at: datetime, **changes: object) -> Document:
    facts = replace(LETTER, **changes)  # type: ignore[arg-type]
    return attach_document(actor=SYSTEM, at=at, about=agency, organization=agency, facts=facts)


def test_attach_keeps_what_was_said_and_leaves_audit_and_event(agency: Organization, at: datetime) -> None:
    document = attach(agency, at)
    stored = Document.objects.get(pk=document.pk)
    assert (stored.title, stored.size_bytes, stored.about_id) == ("Letter of the Ministry", 120_000, agency.public_id)
    assert AuditRecord.objects.filter(resource="document", action="created").count() == 1
    event = OutboxEvent.objects.get(type="document.created")
    assert event.data["about"] == {"resource": "organization", "id": str(agency.public_id)}
    assert "Ministry" not in str(event.data)


def test_attach_reference_without_address_is_enough(agency: Organization, at: datetime) -> None:
    assert attach(agency, at, url="", external_reference="ARCHIVE-7").pk


@pytest.mark.parametrize(
    ("changes", "pointer"),
    [
        ({"kind": "poem"}, "/kind"),
        ({"language": "tlh"}, "/language"),
        ({"confidentiality": "top_secret"}, "/confidentiality"),
        ({"title": "   "}, "/title"),
        ({"url": "", "external_reference": ""}, "/url"),
        ({"url": "http://files.example.org/1"}, "/url"),
        ({"url": "javascript:alert(1)"}, "/url"),
        ({"url": "https://user:secret@example.org/1"}, "/url"),
        ({"url": "https:///nowhere"}, "/url"),
        ({"url": "https://[broken/1"}, "/url"),
        ({"url": "https://example.org/a\nb"}, "/url"),
        ({"media_type": "PDF"}, "/media_type"),
        ({"size_bytes": -1}, "/size_bytes"),
        ({"sha256": "AB" * 32}, "/sha256"),
    ],
)
def test_attach_wrong_field_is_named_and_nothing_is_kept(
    agency: Organization, at: datetime, changes: dict[str, object], pointer: str
) -> None:
    with pytest.raises(DomainError) as caught:
        attach(agency, at, **changes)
    assert caught.value.code is ErrorCode.RULE_BROKEN
    assert [error.pointer for error in caught.value.errors] == [pointer]
    assert not Document.objects.exists()


@pytest.mark.parametrize(
    ("is_party", "is_secretariat", "readable"),
    [
        (False, False, {"public"}),
        (True, False, {"public", "parties"}),
        (False, True, {"public", "parties", "secretariat"}),
    ],
)
def test_documents_are_read_by_level(
    agency: Organization, at: datetime, *, is_party: bool, is_secretariat: bool, readable: set[str]
) -> None:
    for level in ("public", "parties", "secretariat"):
        attach(agency, at, confidentiality=level)
    found = queries.documents_of(agency, is_party=is_party, is_secretariat=is_secretariat)
    assert {document.confidentiality for document in found} == readable
    grouped = queries.documents_by_thing(
        "organization", [agency.public_id], is_party=is_party, is_secretariat=is_secretariat
    )
    assert {document.confidentiality for document in grouped[agency.public_id]} == readable


def test_documents_of_many_things_take_one_query(
    agency: Organization, at: datetime, django_assert_num_queries: object
) -> None:
    for _ in range(5):
        attach(agency, at)
    with django_assert_num_queries(1):  # type: ignore[operator]
        grouped = queries.documents_by_thing("organization", [agency.public_id], is_party=True, is_secretariat=False)
        assert [document.organization.code for document in grouped[agency.public_id]] == ["AGENCY"] * 5


def test_remove_takes_it_off_the_lists_and_keeps_the_row(agency: Organization, at: datetime) -> None:
    document = attach(agency, at)
    removed = remove_document(document, about=agency, remover=OFFICE, actor=SYSTEM, at=at + timedelta(hours=1))
    assert not queries.documents_of(agency, is_party=True, is_secretariat=True).exists()
    assert queries.find_document(document.public_id, about=agency) == removed
    assert (removed.removed_by, removed.version) == ("test", 2)
    assert OutboxEvent.objects.filter(type="document.removed").count() == 1


def test_remove_twice_changes_nothing_more(agency: Organization, at: datetime) -> None:
    document = attach(agency, at)
    removed = remove_document(document, about=agency, remover=OFFICE, actor=SYSTEM, at=at + timedelta(hours=1))
    removed = remove_document(removed, about=agency, remover=OFFICE, actor=SYSTEM, at=at + timedelta(hours=2))
    assert removed.removed_at == at + timedelta(hours=1)
    assert OutboxEvent.objects.filter(type="document.removed").count() == 1


def test_remove_stale_version_is_refused(agency: Organization, at: datetime) -> None:
    document = attach(agency, at)
    with pytest.raises(DomainError) as caught:
        remove_document(document, about=agency, remover=OFFICE, actor=SYSTEM, at=at, expected_version=5)
    assert caught.value.code is ErrorCode.PRECONDITION_FAILED


def test_find_document_of_another_thing_is_none(agency: Organization, at: datetime) -> None:
    facts = OrganizationFacts(code="OTHER", names={"en": "Other"}, kind="member_agency")
    other = save_organization(facts, actor=SYSTEM, at=at)
    assert queries.find_document(attach(agency, at).public_id, about=other) is None


@pytest.mark.parametrize(
    ("level", "thing", "told"),
    [
        ("public", EventScope("group"), EventScope("group")),
        ("parties", EventScope("group", frozenset({1})), EventScope("organizations", frozenset({1}))),
        ("secretariat", EventScope("public"), EventScope("secretariat")),
        ("public", EventScope("private", frozenset({1})), EventScope("private")),
    ],
)
def test_event_reaches_no_further_than_the_level_and_the_thing(
    level: str, thing: EventScope, told: EventScope, at: datetime
) -> None:
    about = Organization()
    document = Document(confidentiality=level)
    document.thing = about
    with patch.object(Organization, "event_scope", return_value=thing):
        assert document.event_scope(at=at) == told


def test_event_without_a_known_thing_reaches_nobody(at: datetime) -> None:
    assert Document(confidentiality="public").event_scope(at=at) == EventScope("private")


def test_remove_by_another_party_is_refused(agency: Organization, at: datetime) -> None:
    document = attach(agency, at)
    others, own = (Remover({pk}, False, "requests:screen") for pk in (agency.pk + 1, agency.pk))
    with pytest.raises(DomainError) as caught:
        remove_document(document, about=agency, remover=others, actor=SYSTEM, at=at)
    assert caught.value.code is ErrorCode.PERMISSION_DENIED
    assert remove_document(document, about=agency, remover=own, actor=SYSTEM, at=at).removed_at == at
