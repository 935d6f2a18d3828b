"""The declarative base of things: an app says what a route promises, the kit keeps the promise."""

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from keyword import iskeyword
from typing import Any, ClassVar, TypeVar, cast

from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.decorators import action
from rest_framework.generics import GenericAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.viewsets import ViewSetMixin

from marketplace.api.base import ApiView
from marketplace.api.choosing import narrowed, paths_of, tree_of
from marketplace.api.contracts import Contract, IfMatch, Later, Write
from marketplace.api.exports import EXPORTS
from marketplace.api.filters import PAGE_PARAMETERS, best_first, chosen_names, chosen_ordering
from marketplace.api.lookups import Parent, find
from marketplace.api.parsers import MergePatchParser, StrictJSONParser
from marketplace.api.permissions import Access, check_role, may_somewhere
from marketplace.api.preconditions import expected_version
from marketplace.api.reading import Lists, Reading, Reads
from marketplace.api.request import ApiRequest
from marketplace.api.serializers import Out
from marketplace.formats.registry import Representation
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.lifecycles import operations as lifecycles
from marketplace.records.lookups import sole
from marketplace.records.models import LifecycleRecord

Handler = TypeVar("Handler", bound=Callable[..., Any])
NOT_LOOKED_UP = -1  # a version that nothing has


__all__ = ["Changes", "Creates", "Lists", "Reads", "Removes", "ThingViewSet", "collection_verb", "described", "verb"]


class ThingViewSet(Reading, ViewSetMixin, ApiView, GenericAPIView[Any]):
    """Things of one kind under one path. Subclasses mix in `Lists`, `Reads`, `Creates`, `Changes`, `Removes` and add
    `verb`s.
    """

    lookup_field = "public_id"
    lookup_url_kwarg = "id"
    lookup_value_regex = r"[A-Za-z0-9._~:@-]{1,100}"

    noun: ClassVar[str]  # singular, for summaries: "training request"
    nouns: ClassVar[str]  # plural
    resource: ClassVar[str]  # plural, snake case, for operation ids: "requests"
    basename: str
    reads: ClassVar[type[Out]]
    access: ClassVar[Access]  # of reading
    reference_field: ClassVar[str] = ""  # column of the human reference, accepted wherever an id is
    id_argument: ClassVar[str] = ""  # name under which operations take the primary key of the thing
    parent: ClassVar[Parent | None] = None
    ordering: ClassVar[Sequence[str]] = ("-created_at",)
    ordering_fields: ClassVar[Mapping[str, str]] = {"created_at": "created_at", "updated_at": "updated_at"}
    searchable: ClassVar[bool] = False  # then `search` is overridden
    filterset_class: ClassVar[Any] = None
    create_with: ClassVar[Write | None] = None
    change_with: ClassVar[Write | None] = None
    remove_with: ClassVar[Write | None] = None
    verbs: ClassVar[dict[str, Write]] = {}
    representations: ClassVar[tuple[Representation, ...]] = ()  # other forms of lists and single things
    found: Any = None  # the thing that the URL names, once it was looked up

    # --- what an app says ---
    def visible(self) -> QuerySet[Any]:
        """Give the things that the caller may see; `*_visible_to(self.request.actor, at=self.request.at)` of the app."""
        raise LookupError(f"{type(self).__name__} does not say what is visible")

    def prepare(self, things: QuerySet[Any]) -> QuerySet[Any]:
        """Add select_related and prefetch_related, so that the number of queries does not grow with the page."""
        return things

    def search(self, things: QuerySet[Any], q: str) -> QuerySet[Any]:
        """Leave the things whose text matches ``q``."""
        return things

    def allowed_actions(self, thing: Any) -> list[str]:
        """List what the caller may do with the thing now; apps with finer rules override this."""
        if not isinstance(thing, LifecycleRecord):
            return []
        needed = {row.permission for row in thing.lifecycle.transitions if row.permission}
        actor, at = self.request.actor, self.request.at
        return lifecycles.allowed_actions(thing, {name: may_somewhere(actor, cast("Any", name), at) for name in needed})

    # --- contracts ---
    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> ApiRequest:
        """Wrap the request; the mixin of view sets also notes the action."""
        return cast("ApiRequest", super().initialize_request(request, *args, **kwargs))

    def contract(self) -> Contract | None:
        """Give the promise of the action being served."""
        return self.contract_of(getattr(self, "action", None) or "")

    @classmethod
    def contract_of(cls, name: str) -> Contract | None:
        """Give the promise of an action by its name."""
        if name == "create":
            return cls.create_with
        if name == "partial_update":
            return cls.change_with
        if name == "destroy":
            return cls.remove_with
        if name in ("list", "retrieve"):
            return _reading(cls, name)
        return getattr(getattr(cls, name, None), "contract", None)

    def open_methods(self) -> set[str]:
        """Give the methods that the route maps to an action with a contract."""
        actions: Mapping[str, str] = getattr(self, "action_map", None) or {}
        return {method for method, name in actions.items() if name == "head" or self.contract_of(name)}

    def names_a_thing(self) -> bool:
        """Tell whether the URL names a thing or its parent."""
        return bool(self.kwargs)

    def known_parameters(self) -> set[str]:
        """Give the names that the query may have: filters on lists, shapes where things are shown."""
        names = super().known_parameters()
        names |= {"fields"} | ({"expand"} if self.reads.expandable else set())
        names |= self.beside() if self.action == "list" else set()
        if self.action == "list":
            names |= (
                {*PAGE_PARAMETERS}
                | ({"ordering"} if self.ordering_fields else set())
                | ({"q"} if self.searchable else set())
            )
            names |= set(self.filterset_class.base_filters) if self.filterset_class else set()
        return names

    # --- lookups ---
    def get_queryset(self) -> QuerySet[Any]:
        """Give the visible things of the parent, if there is one. Raises DomainError(not_found)."""
        things = self.visible()
        if self.parent is not None:
            things = things.filter(**{self.parent.column: self.parent_thing().pk})
        return things

    def parent_thing(self) -> Model:
        """Find the thing that this one belongs to. Raises DomainError(not_found)."""
        if self.parent is None:
            raise LookupError("these things have no parent")
        if not hasattr(self, "_parent_thing"):
            things = self.parent.visible(self.request.actor, at=self.request.at)
            self._parent_thing: Model = find(things, self.kwargs["parent_id"], self.parent.reference_field)
        return self._parent_thing

    def thing(self, *, to_show: bool = True) -> Any:
        """Find the thing that the URL names, then ask the role. Raises DomainError(not_found, permission_denied).

        What is only to be changed is fetched without what is shown beside it: it is read again after the change.
        """
        if self.found is None:
            things = self.get_queryset()
            things = self.prepare(things) if to_show else things
            self.found = find(things, self.kwargs["id"], self.reference_field)
        contract = self.contract()
        if contract is not None:
            check_role(self.request.actor, contract.access, self.request.at)
        return self.found

    def ordering_of(self, request: Request) -> list[str]:
        """Give the column paths of the ordering that the caller chose; a search without one has the best first."""
        if self.searchable and (best := best_first(request)):
            return best
        return chosen_ordering(request, dict(self.ordering_fields), self.ordering)

    # --- answers ---
    def shape_context(self) -> dict[str, Any]:
        """Give what serializers may know of the call, with the chosen fields and expansions."""
        chosen = chosen_names(self.request, "fields", paths_of(self.reads))
        return {
            **super().shape_context(),
            "fields": None if chosen is None or self.own_shape else tuple(tree_of(chosen)),
            "fields_named": chosen,
            "expand": self.expand,
        }

    def narrow(self, shown: Any) -> Any:
        """Leave of nested members what `fields` names of them."""
        chosen = chosen_names(self.request, "fields", paths_of(self.reads))
        if self.own_shape is not None or not chosen or not any("." in path for path in chosen):
            return shown
        return narrowed(shown, {**{name: {} for name in self.expand}, **tree_of(chosen)})

    @property
    def expand(self) -> tuple[str, ...]:
        """The expansions that the caller asked for, or that the form needs; `prepare` fetches ahead for them."""
        if self.own_shape is not None:
            return self.own_shape.expand
        return chosen_names(self.request, "expand", self.reads.expandable) or ()

    def show(self, thing: Any, *, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
        """Answer with the thing and its ETag."""
        self.etag_version = getattr(getattr(thing, "root", thing), "version", None)
        shown = self.narrow(self.reads(thing, context=self.shape_context()).data)
        return Response(shown, status=status, headers=dict(headers or {}))

    def read_again(self, thing: Any) -> Any:
        """Read a thing as the caller sees it after a write; what they may no longer see is shown a last time."""
        fresh = sole(self.prepare(self.visible()).filter(pk=thing.pk))
        return fresh or sole(self.prepare(type(thing)._base_manager.filter(pk=thing.pk)))

    def carry_out(self, write: Write, *, thing: Any = None, partial: bool = False) -> HttpResponseBase:
        """Check precondition and body, call the operation, answer with what it made or changed."""
        arguments = self._aimed(write, thing)

        def read() -> None:
            shown = self.reads(thing, context={**self.shape_context(), "fields": None}).data if partial else None
            arguments.update(self.body(write, patched=shown).arguments())

        def run() -> Response:
            if write.prepare is None:
                read()
            return self.answer(write, self.called(write.operation, arguments, thing), thing)

        def ahead() -> None:
            read()
            arguments["prepared"] = self.called(cast("Callable[..., Any]", write.prepare), arguments, thing)

        return self.write(write, run, ahead=ahead if write.prepare is not None else None)

    def _aimed(self, write: Write, thing: Any) -> dict[str, Any]:
        """Say which thing an operation is about, in which version; or where what it makes belongs."""
        if thing is not None:
            known = {self.id_argument: thing.pk}
            if write.if_match is IfMatch.NONE:
                return known
            actual = getattr(getattr(thing, "root", thing), "version", 0)
            return {**known, "expected_version": expected_version(self.request, write.if_match, actual)}
        if self.parent is not None:
            above = {self.parent.argument: self.parent_thing().pk}
            check_role(self.request.actor, write.access, self.request.at)
            return above
        if write.if_match is IfMatch.NONE:
            return {}
        # Of an upsert, whose operation finds out what there is.
        return {"expected_version": expected_version(self.request, write.if_match, NOT_LOOKED_UP)}

    def called(self, operation: Callable[..., Any], arguments: Mapping[str, Any], thing: Any) -> Any:
        """Call an operation for this caller; its refusals name what this caller may do instead."""
        try:
            return operation(actor=self.request.actor, at=self.request.at, **arguments)
        except DomainError as error:
            raise self.for_caller(error, thing) from error

    def for_caller(self, error: DomainError, thing: Any) -> DomainError:
        """Narrow a refusal over the state of the thing to what this caller may do instead; others stay as they are.

        Operations know which verbs a state leaves open, not which of them are this caller's.
        """
        of_thing = getattr(thing, "resource", None) == error.params.get("resource")
        if error.code is not ErrorCode.WRONG_STATE or not of_thing or "allowed_actions" not in self.reads().fields:
            return error
        shape = {**self.shape_context(), "fields": ("allowed_actions",), "expand": ()}
        verbs = tuple(self.reads(self.read_again(thing), context=shape).data["allowed_actions"])
        told: dict[str, Any] = {**error.params, "allowed": ", ".join(verbs) or "-", "allowed_actions": verbs}
        return DomainError(error.code, **told)

    def answer(self, write: Write, result: Any, thing: Any) -> Response:
        """Show the outcome of an operation as its contract says."""
        if write.status == 204:
            return Response(status=204)
        if isinstance(result, Later):
            return self.taken_on(thing)
        created = thing is None
        if isinstance(result, tuple):
            result, created = result
        if write.out is not None:
            data = write.out(result, context=self.shape_context()).data
            self.etag_version = getattr(result, "version", None)
            return Response(data, status=write.status, headers=self.location(write, result))
        if thing is not None:
            return self.shown_again(thing, status=write.status)
        return self.shown_again(result, status=201 if created else 200, headers=self.location(write, result))

    def taken_on(self, thing: Any) -> Response:
        """Answer that the work goes on; the thing tells its outcome."""
        url = reverse(f"{self.basename}-detail", kwargs={"id": str(thing.public_id)}, request=self.request)
        return self.show(self.read_again(thing), status=202, headers={"Location": url, "Retry-After": "1"})

    def location(self, write: Write, result: Any) -> dict[str, str]:
        """Give `Location` (and `Retry-After` for work that goes on) of what was made or started."""
        if write.out is not None and not write.location:
            return {}
        kwargs = {**({"parent_id": self.kwargs["parent_id"]} if self.parent and not write.location else {})}
        route = write.location or f"{self.basename}-detail"
        url = reverse(route, kwargs={**kwargs, "id": str(result.public_id)}, request=self.request)
        return {"Location": url, "Retry-After": "1"} if write.status == 202 else {"Location": url}


class Creates:
    """`POST /things`, as ``create_with`` says: 201 with Location (200 where an upsert found the thing)."""

    def create(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Create one."""
        return cast("HttpResponseBase", self.carry_out(self.create_with))


class Changes:
    """`PATCH /things/{id}` (JSON Merge Patch), as ``change_with`` says."""

    def get_parsers(self: Any) -> list[Any]:
        """Accept merge patches on PATCH."""
        patching = self.request is not None and self.request.method == "PATCH"  # no request while it is described
        return [StrictJSONParser(), *([MergePatchParser()] if patching else ())]

    def partial_update(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Change one."""
        return cast("HttpResponseBase", self.carry_out(self.change_with, thing=self.thing(), partial=True))


class Removes:
    """`DELETE /things/{id}`, as ``remove_with`` says."""

    def destroy(self: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Take one off."""
        return cast("HttpResponseBase", self.carry_out(self.remove_with, thing=self.thing(to_show=False)))


def attribute(name: str) -> str:
    """Give the name under which a verb stands in its class: `mark-unmet` is `mark_unmet`, `return` is `return_`."""
    plain = name.replace("-", "_")
    return f"{plain}_" if iskeyword(plain) else plain


class VerbRoute:
    """Becomes the handler of a `POST` under the name of the attribute that it is assigned to."""

    def __init__(self, name: str, write: Write, *, detail: bool) -> None:
        self.name, self.write, self.detail = name, write, detail

    def __set_name__(self, owner: type, attribute: str) -> None:
        """Put the handler in its place; DRF wants it to bear the attribute's name (`return` cannot be one)."""
        write, detail = self.write, self.detail

        def handle(view: ThingViewSet, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
            return view.carry_out(write, thing=view.thing(to_show=False) if detail else None)

        handle.__name__ = attribute
        handle.__doc__ = write.summary
        handle.contract = write  # type: ignore[attr-defined]
        handle.verb = self.name.replace("-", "_")  # type: ignore[attr-defined]
        setattr(owner, attribute, action(["post"], detail, url_path=self.name, url_name=self.name)(handle))


def verb(name: str, write: Write) -> Any:
    """Make `POST /things/{id}/<name>` of a contract; assign it to an attribute of the view set."""
    return VerbRoute(name, write, detail=True)


def collection_verb(name: str, write: Write) -> Any:
    """Make `POST /things/<name>`, a call about the collection (or about the parent), of a contract."""
    return VerbRoute(name, write, detail=False)


def described(
    contract: Contract, *, detail: bool = True, method: str = "get", path: str = ""
) -> Callable[[Handler], Handler]:
    """Mark a hand-written action of a view set with its contract and route it."""

    def mark(handle: Handler) -> Handler:
        handle.contract = contract  # type: ignore[attr-defined]
        url = path or handle.__name__.replace("_", "-")
        methods: Any = [method]
        return cast("Handler", action(methods, detail, url_path=url, url_name=url)(handle))

    return mark


@cache
def _reading(of: type[ThingViewSet], name: str) -> Contract:
    """Give the promise of `list` or `retrieve`, which is asked for many times in each call."""
    summary = f"List {of.nouns}" if name == "list" else f"Read one {of.noun}"
    forms = tuple(form for form in (*of.representations, *EXPORTS) if name in form.on)
    return Contract(summary, of.access, out=of.reads, pages=name == "list", representations=forms)
