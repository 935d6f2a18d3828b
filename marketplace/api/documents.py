"""Documents of a thing over HTTP, alike for every kind of thing: `/things/{parent_id}/documents`."""

from collections.abc import Callable
from typing import Any, ClassVar

from django.db.models import QuerySet
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.reverse import reverse

from marketplace.api.contracts import Contract, IfMatch, Write
from marketplace.api.permissions import Access
from marketplace.api.serializers import CodeField, Example, OrganizationRefOut, StrictSerializer, ThingOut
from marketplace.api.views import Creates, Lists, Reads, Removes, ThingViewSet
from marketplace.files import uploads
from marketplace.files.content import MEDIA_TYPES
from marketplace.files.models import Confidentiality, Document
from marketplace.files.operations import LARGEST_BYTES, DocumentFacts
from marketplace.kernel.errors import ErrorCode

MOMENT = "2026-11-23T09:00:00Z"


class DocumentIn(StrictSerializer):
    """What is known of a document; its content was uploaded, or is kept elsewhere."""

    example: ClassVar[Example] = {
        "kind": "endorsement_letter",
        "title": "Letter of the Ministry of Foreign Affairs",
        "language": "fr",
        "external_reference": "MAE/2026/114",
        "issued_on": "2026-11-20",
    }

    kind = CodeField("document_kinds")
    title = serializers.CharField(max_length=300)
    language = CodeField("languages")
    confidentiality = serializers.ChoiceField(choices=[one.value for one in Confidentiality], required=False)
    media_type = serializers.CharField(required=False, allow_blank=True, max_length=100)
    size_bytes = serializers.IntegerField(required=False, min_value=0, max_value=LARGEST_BYTES)
    sha256 = serializers.CharField(required=False, allow_blank=True, max_length=64)
    url = serializers.CharField(required=False, allow_blank=True, max_length=1_000)
    external_reference = serializers.CharField(required=False, allow_blank=True, max_length=200)
    issued_on = serializers.DateField(required=False, allow_null=True)
    upload = serializers.UUIDField(
        required=False, allow_null=True, help_text="Id of an upload of yours; its type, size and hash are known."
    )

    def arguments(self) -> dict[str, Any]:
        """Give the argument of the app's ``attach_document``."""
        return {"facts": DocumentFacts(**self.validated_data)}


class DocumentOut(ThingOut):
    """What is known of a document."""

    example: ClassVar[Example] = {
        "id": "0198c0de-0000-7000-8000-000000000005",
        "version": 1,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "kind": "endorsement_letter",
        "title": "Letter of the Ministry of Foreign Affairs",
        "language": "fr",
        "confidentiality": "parties",
        "organization": {"code": "UNDP", "name": "United Nations Development Programme"},
        "media_type": "application/pdf",
        "size_bytes": 48213,
        "sha256": "",
        "url": "",
        "external_reference": "MAE/2026/114",
        "issued_on": "2026-11-20",
        "file_name": "",
        "content_url": None,
    }

    kind = serializers.CharField(read_only=True)
    title = serializers.CharField(read_only=True)
    language = serializers.CharField(read_only=True)
    confidentiality = serializers.CharField(read_only=True)
    organization = OrganizationRefOut(read_only=True)
    media_type = serializers.CharField(read_only=True)
    size_bytes = serializers.IntegerField(read_only=True, allow_null=True)
    sha256 = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True)
    external_reference = serializers.CharField(read_only=True)
    issued_on = serializers.DateField(read_only=True, allow_null=True)
    file_name = serializers.CharField(source="content.file_name", default="", read_only=True)
    content_url = serializers.SerializerMethodField(help_text="Where the uploaded content is given out.")

    def get_content_url(self, document: Document) -> str | None:
        """Say where the content is; None where it was not uploaded."""
        view = self.context["view"]
        if document.content_id is None:
            return None
        names = {"parent_id": view.kwargs["parent_id"], "id": str(document.public_id)}
        return reverse(f"{view.basename}-content", kwargs=names, request=self.context["request"])


def attaching(thing: str, by: Access, operation: Callable[..., Document]) -> Write:
    """Make the contract of attaching a document to ``thing``, such as "a request"."""
    return Write(
        f"Attach a document to {thing}",
        by,
        description="What is known of it. Its content was sent to `POST /uploads` before and is named by `upload`, or is kept "
        "elsewhere, under `url` or `external_reference`.",
        body=DocumentIn,
        errors=(ErrorCode.UNKNOWN_REFERENCE, ErrorCode.RULE_BROKEN),
        operation=operation,
    )


def taking_off(thing: str, by: Access, operation: Callable[..., Document]) -> Write:
    """Make the contract of taking a document off ``thing``."""
    return Write(
        f"Take a document off {thing}",
        by,
        description="By the party that it is from, or by the secretariat, until the thing has ended.",
        status=204,
        if_match=IfMatch.REQUIRED,
        errors=(ErrorCode.WRONG_STATE,),
        operation=operation,
    )


class AsItIs(BaseRenderer):
    """Stands for the form that the content has."""

    media_type = "*/*"
    format = "content"


class DocumentViewSet(Lists, Reads, Creates, Removes, ThingViewSet):
    """Documents of one thing. Subclasses say whose they are: ``parent``, the two writes, and ``visible`` of that parent."""

    tag = "Documents"
    reads = DocumentOut
    id_argument = "document_id"
    ordering = ("created_at",)
    ordering_fields: ClassVar[dict[str, str]] = {"created_at": "created_at"}

    def get_queryset(self) -> QuerySet[Document]:
        """Give what is visible: a document names its thing by resource and public id, not by a foreign key."""
        return self.visible()

    @classmethod
    def contract_of(cls, name: str) -> Contract | None:
        """Give the promise of an action; the content is for who reads the document."""
        if name != "content":
            return super().contract_of(name)
        types = tuple(sorted({*MEDIA_TYPES.values()}))
        text = "As an attachment, never to be shown in place."
        return Contract(f"Download the content of a {cls.noun}", cls.access, description=text, media_types=types)

    def get_renderers(self) -> list[Any]:
        """Give the content in its own form, whatever was asked."""
        return [AsItIs()] if getattr(self, "action", "") == "content" else super().get_renderers()

    @action(["get"], detail=True)
    def content(self, request: Request, *args: Any, **kwargs: Any) -> HttpResponse:
        """Give the uploaded content. Raises DomainError(not_found) where there is none."""
        stored, content = uploads.content_of(self.thing())
        headers = {
            "Content-Disposition": content_disposition_header(True, stored.file_name) or "attachment",
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "same-origin",
            "ETag": f'"{stored.sha256}"',
        }
        return HttpResponse(content, stored.media_type, headers=headers)
