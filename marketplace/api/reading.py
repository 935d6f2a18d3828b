"""`GET` of lists and single things: by the read layer where a view has ``rows``, else by the serializer itself.

What is asked again with the same words by somebody with the same rights is asked by a kept statement, in which only the
moment and the cursor vary. Rights are read afresh for each call and are part of what a statement is kept by.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar, cast

from django.db import connection
from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts.actors import Actor
from marketplace.api.exports import EXPORTS, exported
from marketplace.api.filters import PAGE_PARAMETERS, chosen_names, is_by_value, search_text
from marketplace.api.finding import Facet, highlights
from marketplace.api.lookups import find, named
from marketplace.api.pagination import Cut, Keyset, page_size, truth
from marketplace.api.permissions import check_role
from marketplace.api.rows import Plan, Rows, Values, plan_of
from marketplace.formats.registry import Representation
from marketplace.kernel.errors import DomainError, ErrorCode
from marketplace.records.statements import Statement, keep
from marketplace.search.queries import MOST_RANKED

RELEVANCE = "relevance"  # the annotation of `search`, which is no column
KEPT = 1_000  # statements in a process
SHAPING = frozenset({*PAGE_PARAMETERS, "fields", "expand", "ordering", "facets"})


class Memory:
    """The statements of this process; the one not used for longest goes first. One is kept when it is asked again."""

    def __init__(self) -> None:
        self.found: OrderedDict[object, Statement | None] = OrderedDict()
        self.once: OrderedDict[object, None] = OrderedDict()

    def get(self, key: object) -> Statement | None:
        """Give a kept statement."""
        found = self.found.get(key)
        if found is not None:
            self.found.move_to_end(key)
        return found

    def is_due(self, key: object) -> bool:
        """Tell whether something was asked before, and never tried to be kept."""
        if key in self.once:
            return key not in self.found
        self.once[key] = None
        if len(self.once) > KEPT:
            self.once.popitem(last=False)
        return False

    def put(self, key: object, statement: Statement | None) -> None:
        """Keep a statement, or that it cannot be kept."""
        self.found[key] = statement
        if len(self.found) > KEPT:
            self.found.popitem(last=False)


memory = Memory()


class Reading:
    """What view sets know of reading."""

    counts_all = False  # while all that match is counted
    rows: ClassVar[Rows | None] = None
    whole_pages: Any = None  # lists that no query gives: yields all that match, so many at a time
    facets: ClassVar[Mapping[str, Facet]] = {}  # by the name in `facets=`
    highlighted: ClassVar[tuple[str, ...]] = ()  # texts by language in which the words of `q` are looked for

    @classmethod
    def beside(cls) -> set[str]:
        """Give the names of the parameters that ask a list for more than its things."""
        return ({"facets"} if cls.facets else set()) | ({"highlights"} if cls.highlighted else set())

    def told_beside(self: Any, shown: list[Any]) -> dict[str, Any]:
        """Give facets and highlights where they were asked for."""
        request = self.request
        found: dict[str, Any] = {}
        names = chosen_names(request, "facets", self.facets) if self.facets else None
        if names is not None:
            things = self.everything()
            found["facets"] = {name: self.facets[name].count(things, request.language) for name in names}
        if self.highlighted and truth(request, "highlights"):
            found["highlights"] = highlights(shown, self.highlighted, search_text(request))
        return found

    def plan(self: Any, ordering: Sequence[str] = ()) -> Plan | None:
        """Give the plan of the read layer for what the caller chose; None where it takes the serializer itself."""
        if self.rows is None or self.expand:
            return None
        chosen = self.shape_context()["fields"]
        names = tuple(
            name
            for name in self.reads.field_names()
            if name not in self.reads.expandable and (chosen is None or name in chosen)
        )
        return plan_of(self.reads, self.rows, names, tuple(ordering))

    def listed(self: Any) -> QuerySet[Any]:
        """Give what the caller may see and asked for; of a search by relevance, the newest that are ranked."""
        return cast("QuerySet[Any]", self.filter_queryset(self.get_queryset()))

    def everything(self: Any) -> QuerySet[Any]:
        """Give all that the caller may see and asked for, to count it."""
        self.counts_all = True
        try:
            return cast("QuerySet[Any]", self.listed().order_by())
        finally:
            self.counts_all = False

    def most_ranked(self: Any) -> int | None:
        """Give how many of the newest matches a search ranks; None where all are wanted, or another order is."""
        return None if self.counts_all or "ordering" in self.request.query_params else MOST_RANKED

    def values_of(self: Any, plan: Plan, cut: Cut) -> list[Values]:
        """Read the values of a page, by a kept statement where there is one."""

        def build(*values: object) -> Any:
            return Cut(cut.keyset, cut.size, values or None, cut.backwards).of(plan.of(self.listed()))

        return cast("list[Values]", self._kept(self.kept_by(plan, cut), build, *(cut.values or ())))

    def one_by(self: Any, plan: Plan, column: str, wanted: object) -> Values | None:
        """Read the values of the visible thing with this value in a column."""
        key = (connection.vendor, type(self), plan, column, *reach_of(self.request.actor, self.request.at))

        def build(value: object) -> Any:
            return plan.of(self.visible().order_by()).filter(**{column: value})[:1]

        return next(iter(self._kept(key, build, wanted)), None)

    def weighed(self: Any, cut: Cut) -> list[Values]:
        """Find the page of a search: the values of its ordering alone."""
        return list(cut.of(self.listed()).values_list(*cut.keyset.paths))

    def these(self: Any, plan: Plan, pks: Sequence[int]) -> list[Values]:
        """Read the values of the visible things with these keys, in their order; ``plan`` is ordered by the key."""
        whole = len(pks) == page_size(self.request)  # a statement for each shorter page would drive others out
        key = (connection.vendor, type(self), plan, len(pks), *reach_of(self.request.actor, self.request.at))

        def build(*wanted: object) -> Any:
            return plan.of(self.visible().order_by()).filter(pk__in=wanted)

        by_key = {plan.keys(values)[0]: values for values in self._kept(key if whole else None, build, *pks)}
        return [by_key[pk] for pk in pks if pk in by_key]

    def _kept(self: Any, key: object | None, build: Callable[..., Any], *values: object) -> list[Values]:
        """Ask what ``build`` makes of ``values`` at the moment of the call, by a kept statement where ``key`` has one."""

        def built(at: datetime, *others: object) -> Any:
            now, self.request.at = self.request.at, at
            try:
                return build(*others)
            finally:
                self.request.at = now

        given = (self.request.at, *values)
        found = memory.get(key) if key is not None else None
        if found is None and key is not None and memory.is_due(key):
            found = keep(built, *given)
            memory.put(key, found)
        return found.rows(*given) if found is not None else list(build(*values))

    def shown_by(
        self: Any, plan: Plan, values: Values, *, status: int = 200, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Answer with one thing and its ETag."""
        self.etag_version = values[plan.version]
        shown = self.narrow(plan.show([values], self.shape_context())[0])
        return Response(shown, status=status, headers=dict(headers or {}))

    def shown_again(self: Any, thing: Any, *, status: int, headers: Mapping[str, str] | None = None) -> Response:
        """Answer with a thing as the caller sees it after a write."""
        plan = self.plan()
        values = None if plan is None else self.one_by(plan, "pk", thing.pk)
        if values is None:
            return cast("Response", self.show(self.read_again(thing), status=status, headers=headers))
        return cast("Response", self.shown_by(plan, values, status=status, headers=headers))

    def kept_by(self: Any, plan: Plan, cut: Cut) -> object | None:
        """Give all that a statement hangs on beside moment and cursor; None where it hangs on more."""
        asked = self.request.query_params
        filters = self.filterset_class.base_filters if self.filterset_class else {}
        if self.parent is not None or any(
            name not in SHAPING and not (name in filters and is_by_value(filters[name])) for name in asked
        ):
            return None
        words = tuple((name, *values) for name, values in sorted(asked.lists()) if name != "cursor")
        pattern = tuple(value is None for value in cut.values or ())
        who = reach_of(self.request.actor, self.request.at)
        return (connection.vendor, type(self), plan, words, cut.keyset.name, cut.backwards, pattern, *who)


def reach_of(actor: Actor, at: datetime) -> tuple[object, ...]:
    """Give all that decides what an actor sees at ``at``, apart from the things themselves."""
    own = (actor.kind, actor.user and actor.user.pk, actor.client and actor.client.pk, actor.scopes)
    return (*own, actor.on or at.date(), actor.rights(at), actor.grants(at))


class Lists:
    """`GET /things`."""

    def list(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List what the caller may see."""
        if self.parent is not None:
            self.parent_thing()
        check_role(self.request.actor, self.access, self.request.at)
        pages, count = self.paginator, lambda: self.everything().count()
        form = self.representation
        if form in EXPORTS:
            return cast("Response", exported(self, form))
        if form is not None:
            things = form.of(self.listed()) if form.of else self.listed()
            page = pages.paginate_queryset(self.prepare(things), request, self)
            return cast(
                "Response",
                self.told(form, self.reads(page, many=True, context=self.shape_context()).data, pages=pages),
            )
        if self.rows is None or self.expand:
            page = pages.paginate_queryset(self.prepare(self.listed()), request, self)
            data = self.reads(page, many=True, context=self.shape_context()).data
        else:
            keyset = Keyset(self.ordering_of(request), self.rows.model)
            if RELEVANCE in keyset.paths:  # what is shown is read for the page alone, not for all that are weighed
                plan = self.plan(["pk"])
                found = pages.page(request, keyset, list, self.weighed, count)
                page = self.these(plan, [keys[-1] for keys in found])
            else:
                plan = self.plan(keyset.paths)
                page = pages.page(request, keyset, plan.keys, lambda cut: self.values_of(plan, cut), count)
            data = plan.show(page, self.shape_context())
        beside = self.told_beside(data)
        answer = cast("Response", pages.get_paginated_response(self.narrow(data)))
        answer.data.update(beside)
        return answer


class Reads:
    """`GET /things/{id}`."""

    def retrieve_as(self: Any, form: Representation) -> Response:
        """Read one in another form. Raises DomainError(not_found) where it does not exist in this form."""
        things = form.of(self.get_queryset()) if form.of else self.get_queryset()
        self.found = find(self.prepare(things), self.kwargs["id"], self.reference_field)
        shown = self.show(self.thing()).data
        return cast("Response", self.told(form, [shown], single=True))

    def retrieve(self: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Read one."""
        form = self.representation
        if form is not None:
            return cast("Response", self.retrieve_as(form))
        plan = self.plan()
        if plan is None:
            return cast("Response", self.show(self.thing()))
        values = self.one_by(plan, *named(self.kwargs["id"], self.reference_field))
        if values is None:
            raise DomainError(ErrorCode.NOT_FOUND)
        check_role(self.request.actor, self.access, self.request.at)
        return cast("Response", self.shown_by(plan, values))
