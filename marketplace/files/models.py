"""What is known of a document; its content is uploaded, or kept elsewhere under an address or a reference."""

from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q

from marketplace.records.models import EventScope, Record


class Confidentiality(StrEnum):
    """Who may read a document of a thing that they see."""

    PARTIES = "parties"  # the organizations concerned, and the secretariat
    PUBLIC = "public"  # whoever sees the thing
    SECRETARIAT = "secretariat"


class StoredFile(Record):
    """A file that was uploaded; the row stays when the file is deleted, with the hash of what there was."""

    resource: ClassVar[str] = "upload"

    name = models.CharField(max_length=32, unique=True)  # in the storage; says nothing
    file_name = models.CharField(max_length=150)  # what people call it
    media_type = models.CharField(max_length=100)  # found in its bytes
    size_bytes = models.PositiveBigIntegerField()
    sha256 = models.CharField(max_length=64)
    uploaded_by = models.CharField(max_length=80)  # kind and public id of the caller, who alone may attach it
    kept_until = models.DateTimeField(null=True, blank=True)  # work that reads it needs it until then, attached or not
    purged_at = models.DateTimeField(null=True, blank=True)  # since then there is no file

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["created_at"], condition=Q(purged_at__isnull=True), name="stored_file_kept")]

    def __str__(self) -> str:
        return self.file_name

    def event_scope(self, *, at: datetime) -> EventScope:
        """Nobody learns of an upload before it is attached to something."""
        return EventScope("private")


class Document(Record):
    """A letter, report, list ... about one thing; its row outlives its removal, for the timeline."""

    resource: ClassVar[str] = "document"

    about_resource = models.CharField(max_length=40)
    about_id = models.UUIDField()
    about_reference = models.CharField(max_length=80, blank=True)
    organization = models.ForeignKey("accounts.Organization", on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(max_length=40)  # vocabulary document_kinds
    title = models.CharField(max_length=300)
    language = models.CharField(max_length=10)  # vocabulary languages
    confidentiality = models.CharField(
        max_length=16,
        choices=[(level.value, level.value) for level in Confidentiality],
        default=Confidentiality.PARTIES,
    )
    media_type = models.CharField(max_length=100, blank=True)
    size_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    sha256 = models.CharField(max_length=64, blank=True)
    url = models.URLField(max_length=1000, blank=True)
    external_reference = models.CharField(max_length=200, blank=True)  # a file number, an archive's mark
    content = models.OneToOneField(StoredFile, null=True, blank=True, on_delete=models.PROTECT, related_name="document")
    issued_on = models.DateField(null=True, blank=True)
    added_by = models.CharField(max_length=200)
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.CharField(max_length=200, blank=True)

    class Meta:
        ordering = ["created_at", "id"]
        indexes = [models.Index(fields=["about_resource", "about_id"], name="document_about")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(url="") | ~Q(external_reference="") | Q(content__isnull=False),
                name="document_is_somewhere",
            ),
            models.CheckConstraint(
                condition=Q(confidentiality__in=[level.value for level in Confidentiality]),
                name="document_confidentiality_known",
            ),
            models.CheckConstraint(
                condition=Q(removed_at__isnull=True, removed_by="") | (Q(removed_at__isnull=False) & ~Q(removed_by="")),
                name="document_removal_has_author",
            ),
        ]

    thing: Record | None = None  # what it is about; set while a change is written

    def __str__(self) -> str:
        return self.title

    @property
    def organization_for_audit(self) -> str:
        """The organization that the document is from."""
        return self.organization.code

    def event_scope(self, *, at: datetime) -> EventScope:
        """Never wider than the thing's own; a document for the secretariat alone is told to it alone."""
        scope = None if self.thing is None else self.thing.parts_scope(at=at)
        if self.thing is None or scope is None or scope.audience == "private":
            return EventScope("private")
        if self.confidentiality == Confidentiality.SECRETARIAT:
            return EventScope("secretariat")
        if self.confidentiality == Confidentiality.PARTIES:
            return replace(scope, audience="organizations", organization_ids=self.thing.party_ids(at=at))
        return scope

    def event_data(self) -> dict[str, Any]:
        """What kind of document, about what; never its title or address."""
        return {"kind": self.kind, "about": {"resource": self.about_resource, "id": str(self.about_id)}}
