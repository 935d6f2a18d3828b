"""Imports: files of many records, as jobs (docs/bulk.md)."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract, IfMatch, Write
from marketplace.api.exports import EXPORTS
from marketplace.api.filters import CodesFilter, FilterSet
from marketplace.api.lookups import Parent
from marketplace.api.permissions import check_role
from marketplace.api.reports import format_parameter
from marketplace.api.representations import RepresentationRenderer
from marketplace.api.serializers import LinksField, Out, StrictSerializer, ThingOut
from marketplace.api.views import Creates, Lists, Reads, ThingViewSet, verb
from marketplace.bulk import operations, queries
from marketplace.bulk.models import OPEN, Import, ImportMode, ImportRow, ImportStatus, RowOutcome
from marketplace.bulk.reading import FORMATS
from marketplace.bulk.targets import targets
from marketplace.bulk.templates import template_of
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.rest.organizations import STAMPS

WRITERS = (Permission.CATALOGUE_WRITE, Permission.ORGANIZATIONS_MANAGE, Permission.REQUESTS_WRITE)
RESOURCES = ("offerings", "organizations", "providers", "requests", "sessions")  # as listed; a test compares


class ImportIn(StrictSerializer):
    """What to do with a file that was uploaded."""

    example: ClassVar[dict[str, object]] = {
        "resource": "offerings",
        "format": "csv",
        "mode": "partial",
        "dry_run": True,
        "upload": "0198c0de-0000-7000-8000-000000000006",
    }

    resource = serializers.ChoiceField(choices=RESOURCES)
    format = serializers.ChoiceField(choices=FORMATS)
    mode = serializers.ChoiceField(
        choices=ImportMode.values, default=ImportMode.ATOMIC, help_text="Whether a refused row keeps the others out."
    )
    dry_run = serializers.BooleanField(default=False, help_text="Tell what would happen, and write nothing.")
    from_export = serializers.BooleanField(
        default=False,
        help_text="The file is one that a list gave (`format=csv` ...): what is shown only is passed over, see `passed_over`.",
    )
    upload = serializers.UUIDField(help_text="Id of an upload of yours (`POST /uploads`), not older than a day.")


class ImportProblemOut(serializers.Serializer[Any]):
    """What is wrong at one place."""

    code = serializers.CharField(read_only=True)
    detail = serializers.CharField(read_only=True)
    pointer = serializers.CharField(read_only=True, required=False, help_text="Into the row as an object.")
    column = serializers.CharField(read_only=True, required=False, help_text="In a table.")
    allowed = serializers.ListField(child=serializers.CharField(), read_only=True, required=False)


PROBLEM = {
    "code": "unknown_reference",
    "detail": "`coffee` is not in the list themes.",
    "pointer": "/themes/0",
    "column": "themes",
    "allowed": ["fair-recruitment", "mainstreaming"],
}


class ImportOut(ThingOut):
    """An import: how far it has come, and what became of the rows. Of a refused one, nothing was written."""

    example: ClassVar[dict[str, object]] = {
        "id": "0198c0de-0000-7000-8000-000000000060",
        **STAMPS,
        "resource": "offerings",
        "format": "csv",
        "mode": "partial",
        "dry_run": True,
        "from_export": False,
        "status": "done",
        "rows_total": 1200,
        "rows_done": 1200,
        "created": 1100,
        "changed": 60,
        "unchanged": 38,
        "refused": 2,
        "passed_over": [],
        "problems": [],
        "finished_at": "2026-11-23T09:00:09Z",
        "allowed_actions": [],
        "links": {
            "self": "https://marketplace.example/api/v1/imports/0198c0de-0000-7000-8000-000000000060",
            "rows": "https://marketplace.example/api/v1/imports/0198c0de-0000-7000-8000-000000000060/rows",
        },
    }

    resource = serializers.CharField(source="target")
    format = serializers.CharField()
    mode = serializers.ChoiceField(choices=ImportMode.values)
    dry_run = serializers.BooleanField()
    from_export = serializers.BooleanField()
    status = serializers.ChoiceField(choices=ImportStatus.values)
    rows_total = serializers.IntegerField(allow_null=True, help_text="Null: not counted yet.")
    rows_done = serializers.IntegerField(help_text="Atomic and dry run: moves at the end.")
    created = serializers.IntegerField()
    changed = serializers.IntegerField()
    unchanged = serializers.IntegerField()
    refused = serializers.IntegerField()
    passed_over = serializers.ListField(
        child=serializers.CharField(),
        help_text="Of an export: the columns, or the members of the first line, that are shown only.",
    )
    problems = ImportProblemOut(many=True, help_text="Of the file as a whole.")
    finished_at = serializers.DateTimeField(allow_null=True)
    allowed_actions = serializers.SerializerMethodField()
    links = LinksField({"self": "import-detail", "rows": "import-row-list"}, argument="parent_id")

    def get_allowed_actions(self, one: Import) -> list[str]:
        """Say what is open."""
        return ["cancel"] if one.status in OPEN else []


class ImportRowOut(Out):
    """A row that was refused, with its problems; of a dry run also each that would create or change something."""

    example: ClassVar[dict[str, object]] = {
        "line": 17,
        "outcome": "refused",
        "reference": "course-12",
        "changes": {},
        "errors": [PROBLEM],
    }

    line = serializers.IntegerField(help_text="In the file; the first is 1.")
    outcome = serializers.ChoiceField(choices=RowOutcome.values)
    reference = serializers.CharField(help_text="As the row names itself, such as its `external_id`.")
    changes = serializers.DictField(help_text="Before and after by field, as the audit trail has it.")
    errors = ImportProblemOut(many=True)  # type: ignore[assignment]  # a field of that name is no property of this one


class ImportFilters(FilterSet):
    """Filters of the list."""

    status = CodesFilter("status", allowed=ImportStatus.values)
    resource = CodesFilter("target", allowed=RESOURCES)


class ImportRowFilters(FilterSet):
    """Filters of the rows."""

    outcome = CodesFilter("outcome", allowed=RowOutcome.values)


def request_import(
    *,
    actor: Actor,
    at: datetime,
    resource: str,
    format: str,  # noqa: A002  as the API calls it
    mode: str,
    dry_run: bool,
    from_export: bool,
    upload: UUID,
    language: str,
) -> Import:
    """Begin an import. Raises what the operation raises."""
    return operations.request_import(
        actor=actor,
        at=at,
        target=resource,
        permission=targets()[resource].permission,
        format=format,
        mode=mode,
        dry_run=dry_run,
        from_export=from_export,
        upload=upload,
        language=language,
    )


class ImportViewSet(Lists, Reads, Creates, ThingViewSet):
    """`/imports`: one's own."""

    tag, noun, nouns = "Imports", "import", "imports"
    resource, basename = "imports", "import"
    access = WRITERS
    reads = ImportOut
    id_argument = "import_id"
    filterset_class = ImportFilters
    create_with = Write(
        "Import a file",
        WRITERS,
        description="The file is uploaded first (`POST /uploads`). The rows are read by a job, in your name and with your "
        "rights of then, by the rules of the single writes; a row with a known key changes what it names.",
        body=ImportIn,
        status=202,
        errors=(ErrorCode.RULE_BROKEN, ErrorCode.UNKNOWN_REFERENCE),
        operation=request_import,
    )
    cancel = verb(
        "cancel",
        Write(
            "Call an import off",
            WRITERS,
            description="What was written stays; no further row is.",
            if_match=IfMatch.OPTIONAL,
            errors=(ErrorCode.WRONG_STATE,),
            operation=operations.cancel_import,
        ),
    )

    def visible(self) -> QuerySet[Import]:
        """Those that the caller asked for."""
        return queries.imports_visible_to(self.request.actor, at=self.request.at)

    def answer(self, write: Write, result: Any, thing: Any) -> Any:
        """Answer 202 with the import and where to look for it again."""
        return self.taken_on(result) if write is self.create_with else super().answer(write, result, thing)

    def called(self, operation: Any, arguments: Any, thing: Any) -> Any:
        """Call an operation; an import is told in the caller's language what is wrong with its rows."""
        more = {"language": self.request.language} if operation is request_import else {}
        return super().called(operation, {**arguments, **more}, thing)


class ImportRowViewSet(Lists, ThingViewSet):
    """`/imports/{parent_id}/rows`: kept for 30 days."""

    tag, noun, nouns = "Imports", "row of an import", "rows of an import"
    resource, basename = "import_rows", "import-row"
    access = WRITERS
    reads = ImportRowOut
    parent = Parent(queries.imports_visible_to, column="of", argument="import_id")
    filterset_class = ImportRowFilters
    ordering, ordering_fields = ("line",), {"line": "line"}

    def visible(self) -> QuerySet[ImportRow]:
        """Those of the import in the URL, which only its caller finds."""
        return queries.import_rows()


class TemplateView(ApiView):
    """`/imports/templates/{resource}`."""

    tag = "Imports"
    path_parameters: ClassVar[dict[str, str]] = {"resource": f"One of {', '.join(RESOURCES)}."}
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Download a template",
            WRITERS,
            description="The header with all columns, and one row as an example.",
            media_types=tuple(form.media_type for form in EXPORTS),
            parameters=(format_parameter(*(form.code for form in EXPORTS)),),
            errors=(ErrorCode.INVALID_INPUT, ErrorCode.NOT_ACCEPTABLE, ErrorCode.NOT_FOUND),
            operation_id="import_templates_read",
        )
    }

    def get_renderers(self) -> list[Any]:
        """Give templates in the forms of files that imports take, and in no other."""
        return [RepresentationRenderer(form) for form in EXPORTS]

    def names_a_thing(self) -> bool:
        """What is absent is not found, whoever asks."""
        return True

    def get(self, request: Request, resource: str) -> Response:
        """Give the template. Raises DomainError(not_found, permission_denied)."""
        target = targets().get(resource)
        if target is None:
            raise DomainError(ErrorCode.NOT_FOUND)
        check_role(self.request.actor, WRITERS, self.request.at)
        chosen = self.request.accepted_renderer.format
        headers = {"Content-Disposition": f'attachment; filename="{resource}-template.{chosen}"'}
        return Response(template_of(target, chosen, at=self.request.at), headers=headers)
