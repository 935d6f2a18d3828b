"""Things in the formats of the field: chosen by `format=` or by Accept, declared by contracts, written from what the JSON shows.

A view set says ``representations = (...)``, another view gives them to its contract; negotiation, documentation and refusals
follow. The writers are in the apps (`<app>/api/formats.py`), what formats are in `marketplace.formats`.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from django.db.models import Max, QuerySet
from rest_framework import exceptions
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.renderers import OrjsonRenderer
from marketplace.formats.registry import OLDEST, Representation, Telling, youngest
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop

JSON = OrjsonRenderer.format
CHUNK = 200  # things that an export reads at once


class BytesRenderer(BaseRenderer):
    """Gives out what has been written already."""

    charset: str | None
    render_style = "binary"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, object] | None = None,
    ) -> bytes:
        """Give the bytes."""
        return b"" if data is None else bytes(data)


class RepresentationRenderer(BytesRenderer):
    """Gives out what the writer of a representation has written."""

    def __init__(self, representation: Representation) -> None:
        self.representation = representation
        self.media_type = representation.media_type
        self.format = representation.code
        self.charset = "utf-8" if representation.media_type.startswith("text/") else None


def not_acceptable(pointer: str, allowed: Sequence[str]) -> DomainError:
    """Make the refusal of a format that is not given here, naming those that are."""
    detail = gettext_noop("This format is not given here.")
    return DomainError(
        ErrorCode.NOT_ACCEPTABLE, errors=[FieldError(pointer, "not_acceptable", detail, tuple(dict.fromkeys(allowed)))]
    )


class Represented:
    """What every view knows of other forms than JSON."""

    told_as: ClassVar[Representation | None] = None  # set where something is told outside of a call

    def open_representations(self: Any) -> tuple[Representation, ...]:
        """Give the other forms of the call being served."""
        contract = self.contract()
        return contract.representations if contract else ()

    @property
    def representation(self: Any) -> Representation | None:
        """The form that was negotiated; None for JSON."""
        chosen = getattr(getattr(self, "request", None), "accepted_renderer", None)
        return chosen.representation if isinstance(chosen, RepresentationRenderer) else self.told_as

    @property
    def own_shape(self: Any) -> Representation | None:
        """The form that was negotiated, if it says by itself which fields it is written from."""
        form: Representation | None = self.representation
        return None if form is None or form.as_asked else form

    def get_renderers(self: Any) -> list[Any]:
        """Offer JSON first, then the other forms."""
        return [*super().get_renderers(), *map(RepresentationRenderer, self.open_representations())]  # type: ignore[misc]

    def formats(self: Any) -> list[str]:
        """Give the names of the forms of the call being served, for `format=`."""
        return list(dict.fromkeys(one.format for one in self.get_renderers()))

    def knows_format(self: Any) -> bool:
        """Tell whether `format` may be said: where there is something to choose, and where it says JSON, which is given anyway."""
        formats = self.formats()
        return len(formats) > 1 or self.request.query_params.get("format") == JSON == formats[0]

    def check_format(self: Any, request: Request) -> None:
        """Refuse a `format` that is not given here. Raises DomainError(not_acceptable)."""
        formats = self.formats()
        if request.query_params["format"] not in formats:
            raise not_acceptable("?format", formats)

    def perform_content_negotiation(self: Any, request: Request, force: bool = False) -> Any:
        """Choose the form by `format=`, else by Accept. Raises DomainError(not_acceptable)."""
        try:
            return super().perform_content_negotiation(request, force)  # type: ignore[misc]
        except exceptions.NotAcceptable:
            raise not_acceptable("Accept", [one.media_type for one in self.get_renderers()]) from None

    def told(
        self: Any, form: Representation, things: Sequence[Any], *, single: bool = False, pages: Any = None
    ) -> Response:
        """Answer with things in another form; ``pages`` is the paginator whose page they are."""
        told = self.request.build_absolute_uri
        telling = Telling(
            root=told("/")[:-1],
            url=told(),
            language=self.request.language,
            single=single,
            next_url=pages.next if pages else None,
            updated=youngest(things),
        )
        headers = {"Link": pages.get_paginated_response([]).headers.get("Link")} if pages else {}
        return Response(
            b"".join(form.write(things, telling)), headers={name: text for name, text in headers.items() if text}
        )


def exported(
    view_class: Any, form: Representation, things: QuerySet[Any], *, root: str, path: str, language: str = "en"
) -> Iterator[bytes]:
    """Write all of ``things`` as the route of a view set would, chunk by chunk: memory does not grow with them."""
    view = view_class()
    view.told_as = form
    rows = form.of(things) if form.of else things
    updated = rows.order_by().aggregate(last=Max("updated_at"))["last"] or OLDEST
    context = {"expand": form.expand, "fields": None}

    def shown() -> Iterator[Any]:
        for row in view.prepare(rows).order_by("pk").iterator(chunk_size=CHUNK):
            yield view.reads(row, context=context).data

    telling = Telling(root, f"{root}{path}", language, updated=updated.isoformat())
    return form.write(shown(), telling)
