"""Reports: one answer as JSON, as a table or as a picture, chosen by `format=` or by Accept."""

from collections.abc import Callable
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.base import ApiView
from marketplace.api.charts import HeatMap, SvgRenderer
from marketplace.api.parameters import TEXT, query
from marketplace.api.renderers import OrjsonRenderer
from marketplace.api.tables import CsvRenderer, Tables, XlsxRenderer
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop

FORMAT_WORDS = "In place of the header Accept."


def format_parameter(*formats: str) -> Any:
    """Describe the parameter `format`."""
    return query("format", FORMAT_WORDS, {**TEXT, "enum": list(formats), "default": formats[0]})


def invalid_choice(parameter: str, value: str, allowed: list[str]) -> DomainError:
    """Make the refusal of a value that a query parameter cannot have."""
    detail = gettext_noop("`%(value)s` is not one of the allowed values.")
    error = FieldError(f"?{parameter}", "invalid_choice", detail, tuple(allowed), {"value": value[:100]})
    return DomainError(ErrorCode.INVALID_INPUT, errors=[error])


class ReportView(ApiView):
    """A report. Subclasses give their contract and answer with `shown`."""

    renderer_classes: Any = (OrjsonRenderer, CsvRenderer, XlsxRenderer)
    file_name: ClassVar[str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Check the format before it is negotiated. Raises DomainError(invalid_input)."""
        formats = [renderer.format for renderer in self.renderer_classes]
        named = request.query_params.get("format")
        if named is not None and named not in formats:
            raise invalid_choice("format", named, formats)
        super().initial(request, *args, **kwargs)

    def shown(
        self,
        *,
        data: Callable[[], object],
        tables: Callable[[], Tables],
        picture: Callable[[], HeatMap] | None = None,
    ) -> Response:
        """Answer in the form negotiated: only that one is made."""
        chosen = self.request.accepted_renderer
        if isinstance(chosen, CsvRenderer | XlsxRenderer):
            name = f'attachment; filename="{self.file_name}.{chosen.format}"'
            return Response(tables(), headers={"Content-Disposition": name})
        if picture is not None and isinstance(chosen, SvgRenderer):
            return Response(picture())
        return Response(data())
