"""Files come in here, by themselves; what they are about is said when a document is attached."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.roles import Permission
from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.parameters import query
from marketplace.api.parsers import FileParser
from marketplace.api.serializers import Example, ThingOut
from marketplace.files import uploads
from marketplace.files.content import MEDIA_TYPES
from marketplace.kernel.errors import ErrorCode

WRITERS = (
    Permission.CATALOGUE_WRITE,
    Permission.ORGANIZATIONS_MANAGE,
    Permission.REQUESTS_WRITE,
    Permission.REQUESTS_SCREEN,
    Permission.ENGAGEMENTS_DELIVER,
    Permission.ENGAGEMENTS_CONFIRM,
    Permission.ENGAGEMENTS_MANAGE,
)
FILE_NAME = {"type": "string", "pattern": uploads.FILE_NAME, "maxLength": uploads.FILE_NAME_LENGTH}


class UploadOut(ThingOut):
    """A file that was taken; attach it as `upload` of a document within a day."""

    example: ClassVar[Example] = {
        "id": "0198c0de-0000-7000-8000-000000000006",
        "version": 1,
        "created_at": "2026-11-23T09:00:00Z",
        "updated_at": "2026-11-23T09:00:00Z",
        "file_name": "letter.pdf",
        "media_type": "application/pdf",
        "size_bytes": 48213,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    }

    file_name = serializers.CharField(read_only=True)
    media_type = serializers.CharField(read_only=True)
    size_bytes = serializers.IntegerField(read_only=True)
    sha256 = serializers.CharField(read_only=True)


class UploadsView(ApiView):
    """`/uploads`."""

    tag = "Documents"
    parser_classes = (FileParser,)
    contracts: ClassVar[dict[str, Contract]] = {
        "post": Contract(
            "Upload a file",
            WRITERS,
            description="The body is the file itself. It is taken when its content is what the end of its name says, and has "
            f"no macros: {', '.join(f'`{kind}`' for kind in MEDIA_TYPES)}. Attach it as `upload` of a document, or import it, within "
            "a day.",
            file=True,
            out=UploadOut,
            status=201,
            parameters=(
                query("file_name", "What people call the file; its end says what it is.", FILE_NAME, required=True),
            ),
            errors=(ErrorCode.INVALID_INPUT, ErrorCode.RULE_BROKEN),
            operation_id="uploads_create",
        )
    }

    def post(self, request: Request) -> object:
        """Take a file. Raises DomainError(invalid_input, rule_broken, body_too_large)."""
        contract, actor, at = self.contracts["post"], self.request.actor, self.request.at

        def run() -> Response:
            content: Any = request.data or b""  # nothing sent is an empty mapping
            name = request.query_params.get("file_name", "")
            stored = uploads.keep_upload(actor=actor, at=at, file_name=name, content=content)
            return Response(UploadOut(stored, context=self.shape_context()).data, status=201)

        return self.write(contract, run)
