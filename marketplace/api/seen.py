"""Light records: columns that were read, with the properties of their model, for code that asks a thing about itself."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import models

Values = Sequence[Any]
Convert = Callable[[Any], Any]


class Seen:
    """A thing of which only some columns were read; asked for another one it raises AttributeError."""


@dataclass(frozen=True, slots=True)
class SeenMany:
    """The related things that were read along; as quiet as a related manager whose rows were fetched ahead."""

    things: Sequence[Any]

    def all(self) -> Sequence[Any]:
        """Give them in the order of the relation."""
        return self.things

    def __iter__(self) -> Iterator[Any]:
        return iter(self.things)


@cache
def seen_class(model: type[models.Model]) -> type[Seen]:
    """Make the class of light records of a model: its properties and constants, and it says that it is of the model's class."""
    taken: dict[str, Any] = {"__class__": property(lambda self: model)}
    for klass in reversed(model.__mro__):
        if klass.__module__.startswith("django."):
            continue
        taken |= {name: value for name, value in vars(klass).items() if isinstance(value, property)}
        taken |= {name: vars(klass)[name] for name in ("lifecycle", "resource") if name in vars(klass)}
    return type(f"Seen{model.__name__}", (Seen,), taken)


Place = tuple[int, Convert | None]  # where a value stands, and what makes of it what the model would have


def record_of(model: type[models.Model], places: Mapping[str, Place]) -> Callable[[Values], Any]:
    """Make the function from values to a light record; ``places`` tells by path where each value stands.

    A related thing is None where nothing that was read of it has a value.
    """
    own = {path: place for path, place in places.items() if "__" not in path}
    below: dict[str, dict[str, Place]] = {}
    for path, place in places.items():
        if path not in own:
            first, _, rest = path.partition("__")
            below.setdefault(first, {})[rest] = place
    kind = seen_class(model)
    plain = [(name, index) for name, (index, convert) in own.items() if convert is None]
    converted = [(name, index, convert) for name, (index, convert) in own.items() if convert is not None]
    nested = [
        (name, record_of(_related(model, name), inner), [index for index, _ in inner.values()])
        for name, inner in below.items()
    ]

    def record(values: Values) -> Any:
        seen = kind()
        known = seen.__dict__
        for name, index in plain:
            known[name] = values[index]
        for name, index, convert in converted:
            known[name] = convert(values[index])
        for name, make, indexes in nested:
            known[name] = make(values) if any(values[index] is not None for index in indexes) else None
        return seen

    return record


def _related(model: type[models.Model], name: str) -> type[models.Model]:
    found = model._meta.get_field(name).related_model
    if not isinstance(found, type):
        raise TypeError(f"{model.__name__}.{name} leads to no other model")
    return found
