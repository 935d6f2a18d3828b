"""The read layer: answers from plain columns, without model instances and without serializing field by field.

A view says ``rows = Rows(...)``; everything else follows from the shape that it shows (``reads``), which stays the one
description. A plan reads the shape once: a field that names a column is copied, stored JSON goes out as the text that it
is, and whatever is computed (nested shapes, method fields, properties, `allowed_actions`) is computed by the shape's very
own code, on a light record (`seen`) that has the columns which it follows from and nothing else; so once is enough for each
different value on the page. A fast answer differs from the serializer's in nothing but time; tests compare the two.

What belongs to a row and is many (lines, partners) is fetched along as one JSON array (`many`): a page takes one query.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from operator import attrgetter, itemgetter
from threading import local
from typing import Any

import orjson
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast
from rest_framework import serializers
from rest_framework.fields import _UnvalidatedField, empty

from marketplace.accounts.permissions import STRANGE
from marketplace.api.many import Many, field_at
from marketplace.api.seen import Convert, record_of
from marketplace.api.serializers import LinksField, Out

Values = Sequence[Any]
Key = Callable[[Values], Any]
Make = Callable[[Values], Any]  # from the values of a row to what is shown
Bind = Callable[["Bound"], Make]  # from the serializer of a call to that


class Seat(str):
    """The path of an organization that only matters for what the caller holds there: where that is nothing, all are alike."""

    __slots__ = ()


OF_ONE = frozenset({"pk", "public_id"})  # columns that no two rows share
READER = "*"  # among what ``follows``: what decides who may see which fields
SAME: tuple[tuple[type, type], ...] = (  # a field and a column whose values are shown as they are
    (serializers.UUIDField, models.UUIDField),
    (serializers.DateTimeField, models.DateTimeField),
    (serializers.DateField, models.DateField),
    (serializers.BooleanField, models.BooleanField),
    (serializers.IntegerField, models.IntegerField),
    (serializers.DecimalField, models.DecimalField),
    (serializers.CharField, models.CharField),
    (serializers.CharField, models.TextField),
)


@dataclass(frozen=True)
class Rows:
    """Where a shape's answers come from: the ``model``; by relation, what is read of ``many``; and by field, what a computed
    one ``follows`` from: paths of columns (a `Seat` for the organization in whose name the caller may act), names of relations. Its
    code sees nothing else. ``READER`` is who may see what.
    """

    model: type[models.Model]
    follows: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    many: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def __hash__(self) -> int:
        return id(self)


@lru_cache(maxsize=1_000)
def plan_of(shape: type[Out], rows: Rows, names: tuple[str, ...], ordering: tuple[str, ...] = ()) -> "Plan":
    """Give the plan by which the fields ``names`` of a shape are shown; ``ordering`` are the paths that a page is cut by."""
    return Plan(shape, rows, names, ordering)


class Columns:
    """The columns that a plan asks for, each once, and where in a row they stand."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.names: dict[str, int] = {}
        self.annotations: dict[str, Any] = {}
        self.converts: dict[str, Convert] = {}  # by path: what makes of a value what the model would have

    def index(self, path: str) -> int:
        """Ask for a column, an annotation or a relation by its path; give its place."""
        name = path
        if path in self.rows.many:
            name, many = f"many_{path}", Many(self.rows.model, path, self.rows.many[path])
            if name not in self.names:
                self.annotations[name], self.converts[path] = many.expression(), lru_cache(256)(many.convert())
        elif isinstance(self.kind(path), models.JSONField):
            name = f"text_{path}"
            self.annotations[name], self.converts[path] = Cast(path, TextField()), _parsed
        return self.names.setdefault(name, len(self.names))

    def kind(self, path: str) -> Any:
        """Give the model field at the end of a path; None for anything else."""
        try:
            return field_at(self.rows.model, path)
        except (FieldDoesNotExist, AttributeError):
            return None


def _parsed(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


class Plan:
    """How rows of ``rows.model`` become what ``shape`` shows of the fields ``names``."""

    def __init__(self, shape: type[Out], rows: Rows, names: tuple[str, ...], ordering: tuple[str, ...]) -> None:
        self.shape, self.rows, self.names = shape, rows, names
        self.columns, self.threads = Columns(rows), local()
        declared = shape().fields
        self.binds: list[tuple[str, Bind]] = []
        self.texts: list[tuple[str, int]] = []  # JSON that goes out as it is stored
        indexes = [self._read(name, declared[name]) for name in names]
        self.take = _taker(indexes)
        self.reader = self._following(rows.follows[READER]) if READER in rows.follows else None
        self.version = self.columns.index("version")
        self.ordering = [self.columns.index(path) for path in ordering]

    def of(self, things: QuerySet[Any]) -> Any:
        """Ask for the columns of the plan."""
        return things.annotate(**self.columns.annotations).values_list(*self.columns.names)

    def keys(self, values: Values) -> list[object]:
        """Give the values by which the next page is found."""
        return [values[index] for index in self.ordering]

    def show(self, found: Iterable[Values], context: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Make the answers, in the order of the rows; ``context`` is what serializers know of the call."""
        shape = self._of_thread()
        shape.serializer.serve(context)
        makes = [(name, bind(shape)) for name, bind in self.binds]
        hidden = self.reader and _kept(*self.reader, shape.serializer.hidden_from_reader)
        take, names, texts, stored, shown = self.take, self.names, self.texts, orjson.Fragment, []
        for values in found:
            answer = dict(zip(names, take(values), strict=True))
            for name, index in texts:
                text = values[index]
                if text is not None:
                    answer[name] = stored(text)
            for name, make in makes:
                answer[name] = make(values)
            for name in hidden(values) if hidden else ():
                if name in answer:
                    answer[name] = None
            shown.append(answer)
        return shown

    def _of_thread(self) -> "Bound":
        """Give the serializer of this thread, whose fields are bound once; its context is that of the call being served."""
        found: Bound | None = getattr(self.threads, "bound", None)
        if found is None:
            found = self.threads.bound = Bound(self.shape())
        return found

    # --- one field ---
    def _read(self, name: str, of: Any) -> int:
        """Ask for what a field needs; give its place in the row, and note how it is made where it is no mere copy."""
        path = of.source.replace(".", "__")
        kind = self.columns.kind(path)
        if name in self.rows.follows:
            self.binds.append((name, self._computed(name, self.rows.follows[name])))
            return 0
        if isinstance(of, LinksField):
            self.binds.append((name, _links(name, self.columns.index("public_id"))))
            return 0
        if _is_same(of, kind):
            return self.columns.index(path)
        if _is_stored(of, kind):
            index = self.columns.index(path)
            self.texts.append((name, index))
            return index
        make = self._grouped(of)
        if make is None:
            self.binds.append((name, self._computed(name, self._inner(name, of, path, kind))))
        else:
            self.binds.append((name, lambda shape: make))
        return 0

    def _grouped(self, of: Any) -> Make | None:
        """Show a nested shape that only puts columns of the thing together; None where it does more than that."""
        if of.source != "*" or type(of).to_representation is not serializers.Serializer.to_representation:
            return None
        inner = {name: (one, self.columns.kind(one.source.replace(".", "__"))) for name, one in of.fields.items()}
        if not all(_is_same(one, kind) or _is_stored(one, kind) for one, kind in inner.values()):
            return None
        indexes = [self.columns.index(one.source.replace(".", "__")) for one, _ in inner.values()]
        take, names = _taker(indexes), tuple(inner)
        texts = [name for name, (one, kind) in inner.items() if _is_stored(one, kind)]

        def make(values: Values) -> dict[str, Any]:
            group = dict(zip(names, take(values), strict=True))
            for name in texts:
                if group[name] is not None:
                    group[name] = orjson.Fragment(group[name])
            return group

        return make

    def _inner(self, name: str, of: Any, path: str, kind: Any) -> tuple[str, ...]:
        """Give what a field follows from where the declaration says it: a column, a relation, the columns of a nested shape."""
        if path in self.rows.many or (kind is not None and not isinstance(kind, models.ForeignKey)):
            return (path,)
        prefix = "" if of.source == "*" else f"{path}__"
        inner = [f"{prefix}{one.source.replace('.', '__')}" for one in getattr(of, "fields", {}).values()]
        if not inner or any(self.columns.kind(below) is None for below in inner):
            raise LookupError(f"{self.shape.__name__}.{name} does not say what it follows from")
        return tuple(inner)

    def _following(self, paths: Iterable[str]) -> tuple[Key, Callable[[Values], Any]]:
        """Ask for columns; give what reads their values from a row, and what makes a record of them alone."""
        places = {path: (self.columns.index(path), self.columns.converts.get(path)) for path in paths}
        return itemgetter(*(index for index, _ in places.values())), record_of(self.rows.model, places)

    def _computed(self, name: str, paths: Iterable[str]) -> Bind:
        """Show a field by its own code, once for each different value of what it follows from."""
        key, record = self._following(paths)
        seats = [place for place, path in enumerate(paths) if isinstance(path, Seat)]
        if not OF_ONE.isdisjoint(paths):  # no two rows have the same
            return lambda shape: _each(record, shape.show(name))
        if not seats:
            return lambda shape: _kept(key, record, shape.show(name))
        return lambda shape: _kept(_alike(key, seats, shape.held()), record, shape.show(name))


def _alike(key: Key, seats: Sequence[int], held: frozenset[int]) -> Key:
    """Take every organization but those ``held`` for the same one."""

    def narrowed(values: Values) -> Any:
        found = key(values)
        for place in seats:
            if found[place] not in held:
                found = (*found[:place], STRANGE, *found[place + 1 :])
        return found

    return narrowed


def _each(record: Callable[[Values], Any], show: Callable[[Any], Any]) -> Make:
    return lambda values: show(record(values))


def _kept(key: Key, record: Callable[[Values], Any], show: Callable[[Any], Any]) -> Make:
    kept: dict[Any, Any] = {}

    def make(values: Values) -> Any:
        wanted = key(values)
        try:
            return kept[wanted]
        except KeyError:
            shown = kept[wanted] = show(record(values))
            return shown

    return make


class Bound:
    """A serializer with those of its fields that are asked to show something."""

    def __init__(self, serializer: Any) -> None:
        self.serializer = serializer
        self.fields: dict[str, Any] = {}
        self.shows: dict[str, Callable[[Any], Any]] = {}

    def field(self, name: str) -> Any:
        """Give a field, bound."""
        if name not in self.fields:
            self.fields[name] = self.serializer.one(name)
        return self.fields[name]

    def held(self) -> frozenset[int]:
        """Give the organizations in which the caller holds anything."""
        request = self.serializer.context["request"]
        found: frozenset[int] = request.actor.held(request.at)
        return found

    def show(self, name: str) -> Callable[[Any], Any]:
        """Give the code by which a field of a thing is shown."""
        if name not in self.shows:
            of = self.field(name)
            is_method = isinstance(of, serializers.SerializerMethodField)
            self.shows[name] = getattr(self.serializer, of.method_name) if is_method else _shown(of)
        return self.shows[name]


def _shown(of: Any) -> Callable[[Any], Any]:
    written = of.to_representation
    # What is named outright is read outright; the framework's way asks much of each value, and has answers for what is absent.
    read = attrgetter(of.source) if of.source.isidentifier() and of.default is empty else of.get_attribute

    def show(seen: Any) -> Any:
        found = read(seen)
        return None if found is None else written(found)

    return show


def _links(name: str, index: int) -> Bind:
    def bind(shape: Bound) -> Make:
        links_of = shape.field(name).links()
        return lambda values: links_of(values[index])

    return bind


def _taker(indexes: Sequence[int]) -> Callable[[Values], Values]:
    if len(indexes) > 1:
        return itemgetter(*indexes)
    return lambda values: tuple(values[index] for index in indexes)


def _is_same(of: Any, kind: Any) -> bool:
    """Tell whether a field shows a column as it is: no code of ours is in between."""
    plain = type(of).to_representation in PLAIN
    return plain and any(isinstance(of, shown) and isinstance(kind, stored) for shown, stored in SAME)


def _is_stored(of: Any, kind: Any) -> bool:
    """Tell whether a field shows JSON as it is stored."""
    return isinstance(kind, models.JSONField) and _is_json(of)


def _is_json(of: Any) -> bool:
    """Tell whether a field shows JSON of lists, objects and texts as it is stored."""
    if isinstance(of, serializers.ListField | serializers.DictField):
        return type(of).to_representation in PLAIN and _is_json(of.child)
    return type(of) in (serializers.CharField, _UnvalidatedField)


PLAIN = {shown.to_representation for shown, _ in SAME}  # type: ignore[attr-defined]
PLAIN |= {serializers.ListField.to_representation, serializers.DictField.to_representation}
