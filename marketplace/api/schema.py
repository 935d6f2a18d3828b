"""OpenAPI 3.1 from the contracts: nothing is documented by hand that the behaviour does not follow."""

from types import UnionType
from typing import Any, ClassVar, Union, cast, get_args, get_origin, get_type_hints

from django.core.validators import RegexValidator
from drf_spectacular.drainage import has_override
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, force_instance, resolve_type_hint
from drf_spectacular.utils import Direction
from rest_framework.serializers import CharField, DecimalField

from marketplace.api import parameters
from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.deprecations import Deprecation, in_schema, leaving
from marketplace.api.finding import FACETS_SCHEMA, HIGHLIGHTS_SCHEMA
from marketplace.api.parsers import FileParser
from marketplace.api.permissions import Public, scopes_of
from marketplace.api.problems import MEDIA_TYPE
from marketplace.api.promises import codes_of
from marketplace.api.samples import sample
from marketplace.api.serializers import Out, StrictSerializer
from marketplace.api.views import ThingViewSet
from marketplace.kernel.errors import CATALOGUE, ErrorCode

Schema = dict[str, Any]
ACTION_IDS = {"retrieve": "read", "partial_update": "change"}
LEAST = {"array": "minItems", "object": "minProperties"}  # the word for "not empty"


class MarketplaceSchema(AutoSchema):
    """Describe one operation from the contract of its view."""

    reasons: ClassVar[dict[int, str]] = {200: "Done.", 201: "Made.", 202: "Taken on; see Location.", 204: "Done."}

    @property
    def route(self) -> ApiView:
        """The view, which is one of ours."""
        return cast("ApiView", self.view)

    @property
    def contract(self) -> Contract:
        """The promise; an undeclared route cannot be documented."""
        view = self.route
        if isinstance(view, ThingViewSet):
            found = view.contract_of(view.action or "")
        else:
            found = view.contracts.get(self.method.lower())
        if found is None:
            raise LookupError(f"{self.method} {self.path} declares no contract")
        return found

    # --- words ---
    def get_operation_id(self) -> str:
        """`requests_submit`: the resource, then the action."""
        if self.contract.operation_id:
            return self.contract.operation_id
        if isinstance(self.view, ThingViewSet):
            name = (self.view.action or "").rstrip("_")
            return f"{self.view.resource}_{ACTION_IDS.get(name, name)}"
        return super().get_operation_id()

    def get_summary(self) -> str:
        """Give the contract's summary."""
        return self.contract.summary

    def get_description(self) -> str:  # type: ignore[override]
        """Give the contract's description, and how access is decided."""
        access = self.contract.access
        scopes = scopes_of(access)
        if isinstance(access, Public):
            how = f"Public: {access.reason}"
        elif scopes:
            how = f"Needs one of the scopes {', '.join(f'`{scope}`' for scope in scopes)} and a role that allows it."
        else:
            how = "Open to everybody who is signed in."
        return "\n\n".join(part for part in (self.contract.description, how) if part)

    def _own_deprecations(self) -> list[Deprecation]:
        return [one for one in (self.route.deprecated, self.contract.deprecated) if one is not None]

    def _leaving(self, serializer_class: Any) -> list[Deprecation]:
        shapes = (self.contract.body, serializer_class)
        return [*self._own_deprecations(), *(one for shape in shapes for _path, one in leaving(shape))]

    def is_deprecated(self) -> bool:
        """Tell whether the operation leaves."""
        return bool(self._own_deprecations())

    def get_extensions(self) -> Schema:
        """Say when an operation that leaves may be gone."""
        ends = [in_schema(one) for one in self._own_deprecations() if one.sunset]
        return {"x-sunset": min(one["x-sunset"] for one in ends)} if ends else {}

    def get_tags(self) -> list[str]:
        """Give the tag of the contract or of the view."""
        return [self.contract.tag or self.route.tag]

    def get_auth(self) -> list[Schema]:
        """Give the ways to sign in, with each of the scopes that is enough by itself; none for public routes."""
        if isinstance(self.contract.access, Public):
            return [{}]
        enough = [[scope] for scope in scopes_of(self.contract.access)] or [[]]
        return [*({way: scopes} for way in ("BearerToken", "OAuth2") for scopes in enough), {"Session": []}]

    # --- what goes in ---
    def get_override_parameters(self) -> list[Any]:
        """Give the query parameters and headers that this operation reads."""
        return parameters.of_operation(self.route, self.contract, self.method)

    def _get_filter_parameters(self) -> list[Schema]:
        return []

    def _get_pagination_parameters(self) -> list[Schema]:
        return []

    def _get_format_parameters(self) -> list[Schema]:
        return []  # reports describe theirs

    def _resolve_path_parameters(self, variables: list[str]) -> list[Schema]:
        return [parameters.of_path(self.view, name) for name in variables]

    def get_request_serializer(self) -> Any:
        """Give the body's shape."""
        return self.contract.body() if self.contract.body else None

    def _get_request_body(self, direction: Direction = "request") -> Schema | None:
        if self.contract.file:
            entry = {"schema": {"type": "string", "format": "binary"}, "examples": {"file": {"value": "%PDF-1.7 ..."}}}
            return {"required": True, "content": {FileParser.media_type: entry}}
        if self.contract.body is None or self.method not in ("POST", "PUT", "PATCH"):
            return None
        serializer: Any = self.contract.body(partial=self.method == "PATCH")
        schema = self.resolve_serializer(serializer, direction).ref
        media = ["application/json", "application/merge-patch+json"] if self.method == "PATCH" else ["application/json"]
        entry = {"schema": schema, **self._example(serializer)}
        return {"required": True, "content": dict.fromkeys(media, entry)}

    # --- what comes out ---
    def get_response_serializers(self) -> Any:
        """Give the answer's shape."""
        contract = self.contract
        if contract.status == 204:
            return None
        return contract.out or getattr(self.view, "reads", None)

    def _get_response_bodies(self, direction: Direction = "response") -> Schema:
        contract = self.contract
        status = self._status()
        answers: Schema = {str(status): self._answer(status, self.get_response_serializers())}
        if contract.later:
            answers["202"] = self._answer(202, getattr(self.view, "reads", None))
        if contract.see_other:
            answers["303"] = {
                "description": contract.see_other,
                "headers": parameters.answer_headers(contract, "", 303),
            }
        if self.method == "GET":
            answers["304"] = {"description": "Unchanged since the ETag in If-None-Match."}
        by_status: dict[int, list[ErrorCode]] = {}
        for code in codes_of(contract, self.method, self.path, in_test_mode=self._in_test_mode()):
            by_status.setdefault(CATALOGUE[code].status, []).append(code)
        for number in sorted(by_status):
            answers[str(number)] = self._refusal(number, by_status[number])
        for number in contract.also:
            answers[str(number)]["content"]["application/json"] = self._json(self.get_response_serializers())
        return answers

    def _in_test_mode(self) -> bool:
        return self.route.is_in_test_mode(self.method)

    def _status(self) -> int:
        contract = self.contract
        made = getattr(self.view, "action", "") == "create" and contract.status == 200
        return 201 if made else contract.status

    def _answer(self, status: int, serializer_class: Any) -> Schema:
        contract = self.contract
        found: Schema = {
            "description": self.reasons[status],
            "headers": parameters.answer_headers(
                contract,
                self.method,
                status,
                self._leaving(serializer_class),
                in_test_mode=self._in_test_mode(),
            ),
        }
        # JSON first: generators of clients take the first media type that they know.
        content: Schema = {} if serializer_class is None else {"application/json": self._json(serializer_class)}
        for name in (*contract.media_types, *(form.media_type for form in contract.representations)):
            if name != "application/json":
                content[name] = {"schema": {"type": "object" if name.endswith("+json") else "string"}, **sample(name)}
        return {**found, "content": content} if content and status != 204 else found

    def _json(self, serializer_class: Any) -> Schema:
        serializer = force_instance(serializer_class)
        schema = self.resolve_serializer(serializer, "response").ref
        example = self._example(serializer)
        if self.contract.pages:
            schema = self._page(serializer_class, schema)
            example = {"example": {"results": [example["example"]], "next": None, "previous": None}} if example else {}
        return {"schema": schema, **example}

    def _page(self, serializer_class: Any, schema: Schema) -> Schema:
        name = f"Page{serializer_class.__name__.removesuffix('Out')}"
        paginator = parameters.default_paginator()
        component = ResolvedComponent(
            name=name,
            type=ResolvedComponent.SCHEMA,
            schema=self._beside(paginator.get_paginated_response_schema({"type": "array", "items": schema})),
            object=serializer_class,
        )
        self.registry.register_on_missing(component)
        return component.ref

    def _beside(self, page: Schema) -> Schema:
        """Describe what the list tells beside its things."""
        told = {"facets": FACETS_SCHEMA, "highlights": HIGHLIGHTS_SCHEMA}
        names = self.view.beside() if isinstance(self.view, ThingViewSet) else ()
        return {**page, "properties": {**page["properties"], **{name: told[name] for name in sorted(names)}}}

    @staticmethod
    def _example(serializer: Any) -> Schema:
        example = getattr(serializer, "example", None)
        return {} if example is None else {"example": example}

    def _refusal(self, status: int, codes: list[ErrorCode]) -> Schema:
        return {
            "headers": parameters.refusal_headers(self.contract, status),
            "description": "; ".join(f"`{code.value}`: {CATALOGUE[code].title}" for code in codes) + ".",
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": {code.value: {"$ref": f"#/components/examples/{code.value}"} for code in codes},
                }
            },
        }

    # --- shapes ---
    def _map_basic_serializer(self, serializer: Any, direction: Direction) -> Schema:
        schema = super()._map_basic_serializer(serializer, direction)  # type: ignore[no-untyped-call]
        if isinstance(serializer, StrictSerializer) or getattr(serializer, "closed", False):
            schema = {**schema, "additionalProperties": False}
        for name, deprecation in getattr(serializer, "deprecated", {}).items():
            schema["properties"][name] = {**schema["properties"][name], **in_schema(deprecation)}
        if isinstance(serializer, Out):
            optional = set(serializer.expandable)
            required = [name for name in schema.get("required", []) if name not in optional]
            schema = (
                {**schema, "required": required} if required else {k: v for k, v in schema.items() if k != "required"}
            )
        return cast("Schema", schema)

    def _map_serializer_field(self, field: Any, direction: Direction, bypass_extensions: bool = False) -> Schema:
        schema: Schema = super()._map_serializer_field(field, direction, bypass_extensions)  # type: ignore[no-untyped-call]
        if not getattr(field, "allow_empty", True) and not field.read_only:
            kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            return {**schema, **{LEAST[kind]: 1 for kind in kinds if kind in LEAST}}
        if isinstance(field, DecimalField) and "pattern" in schema:
            # A digit at least; and where nothing is the least, a minus before nothing alone.
            sign = "-?" if field.min_value is None or field.min_value < 0 else "(-(?=[0.]*$))?"
            return {**schema, "pattern": schema["pattern"].replace("^-?", f"^{sign}(?=[.]?[0-9])", 1)}
        if direction == "request" and isinstance(field, CharField) and field.trim_whitespace and "minLength" in schema:
            shaped = "format" in schema or any(isinstance(one, RegexValidator) for one in field.validators)
            return schema if shaped else {"pattern": r"\S", **schema}  # blanks around a text do not count
        return schema

    def _map_response_type_hint(self, method: Any) -> Schema:
        """Describe what a method field gives; `object` in its type means any JSON value."""
        hint = get_type_hints(method).get("return") if callable(method) else None
        if "object" in str(hint) and not has_override(method, "field"):
            return cast("Schema", resolve_type_hint(_open(hint)))
        return cast("Schema", super()._map_response_type_hint(method))  # type: ignore[no-untyped-call]

    def _get_serializer_name(self, serializer: Any, direction: Direction, bypass_extensions: bool = False) -> str:
        name: str = super()._get_serializer_name(serializer, direction, bypass_extensions)
        return name.removesuffix("Out") if isinstance(serializer, Out) else name


def _open(hint: Any) -> Any:
    """Put Any in the place of `object`, at any depth of a type."""
    if hint is object:
        return Any
    inner = get_args(hint)
    origin = get_origin(hint)
    if not inner or origin is None:
        return hint
    opened = tuple(_open(one) for one in inner)
    return Union[opened] if origin in (Union, UnionType) else origin[opened]  # noqa: UP007
