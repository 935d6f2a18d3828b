"""Coded lists and themes: small, read whole, kept by callers (ETag, five minutes)."""

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.base import READING, ApiView
from marketplace.api.contracts import Contract
from marketplace.api.serializers import Out
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.rest.labels import KEEP, OPEN, LabelledOut
from marketplace.vocabularies import queries
from marketplace.vocabularies.queries import skos


class SchemeOut(LabelledOut):
    """A vocabulary: what it is and where it comes from."""

    example: ClassVar[dict[str, object]] = {
        "code": "themes",
        "label": "Themes",
        "labels": {"en": "Themes", "fr": "Thèmes"},
        "kind": "concepts",
        "version": "2026-11-01",
        "source": "Founding texts of the group",
        "licence": "CC-BY-4.0",
    }

    code = serializers.CharField()
    kind = serializers.CharField()
    version = serializers.CharField()
    source = serializers.CharField()  # type: ignore[assignment]
    licence = serializers.CharField()


class CodeOut(LabelledOut):
    """A code of a vocabulary; concepts of SKOS schemes have their relations too."""

    code = serializers.CharField()
    active = serializers.BooleanField(help_text="Only active codes may be chosen anew.")
    broader = serializers.CharField(default=None, allow_null=True)
    notation = serializers.CharField(default="")
    alt_labels = serializers.DictField(child=serializers.ListField(child=serializers.CharField()), default=dict)
    scope_notes = serializers.DictField(child=serializers.CharField(), default=dict)
    related = serializers.ListField(child=serializers.CharField(), default=list)
    exact_match = serializers.ListField(child=serializers.CharField(), default=list)
    close_match = serializers.ListField(child=serializers.CharField(), default=list)
    narrow_match = serializers.ListField(child=serializers.CharField(), default=list)


class SchemesOut(Out):
    """All vocabularies."""

    example: ClassVar[dict[str, object]] = {"results": [SchemeOut.example]}

    results = SchemeOut(many=True)


class VocabularyOut(SchemeOut):
    """A vocabulary with all its codes."""

    example: ClassVar[dict[str, object]] = {
        **SchemeOut.example,
        "codes": [
            {
                "code": "integration",
                "label": "Integration",
                "labels": {"en": "Integration", "fr": "Intégration"},
                "active": True,
                "broader": None,
                "notation": "",
                "alt_labels": {},
                "scope_notes": {},
                "related": [],
                "exact_match": [],
                "close_match": [],
                "narrow_match": [],
            }
        ],
    }

    codes = CodeOut(many=True)


class SchemesView(ApiView):
    """`/vocabularies`."""

    tag = "Vocabularies"
    in_test_mode = READING
    cache_control = KEEP
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract("List vocabularies", OPEN, out=SchemesOut, operation_id="vocabularies_list")
    }

    def get(self, request: Request) -> Response:
        """List them."""
        return Response(SchemesOut({"results": queries.schemes()}, context=self.shape_context()).data)


class VocabularyView(ApiView):
    """`/vocabularies/{scheme}`."""

    tag = "Vocabularies"
    in_test_mode = READING
    cache_control = KEEP
    path_parameters: ClassVar[dict[str, str]] = {"scheme": "Code of the vocabulary."}
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read one vocabulary",
            OPEN,
            out=VocabularyOut,
            operation_id="vocabularies_read",
            representations=(skos.JSONLD, skos.TURTLE),
        )
    }

    def get(self, request: Request, scheme: str) -> Response:
        """Read one with its codes. Raises DomainError(not_found)."""
        row = queries.scheme(scheme)
        if row is None:
            raise DomainError(ErrorCode.NOT_FOUND)
        if self.representation is not None:
            return self.told(self.representation, [{"code": scheme}], single=True)
        codes: list[Any] = list(queries.concepts(scheme)) or list(queries.terms(scheme))
        shown = {name: getattr(row, name) for name in ("code", "kind", "labels", "version", "source", "licence")}
        shape = VocabularyOut(_Row({**shown, "codes": codes}), context=self.shape_context())
        return Response(shape.data)


class _Row(dict[str, Any]):
    """A mapping whose keys are attributes too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None
