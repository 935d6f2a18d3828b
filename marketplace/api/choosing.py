"""`fields=`: which members of a thing are shown, nested ones with dots."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any

from rest_framework import serializers

from marketplace.api.serializers import Out

DEPTH = 3  # names in a path
Tree = dict[str, Any]  # by name: the tree of what is shown of it, empty where all is


@lru_cache(maxsize=500)
def paths_of(shape: type[Out]) -> tuple[str, ...]:
    """Give all that `fields=` may name for a shape, in the order of its fields."""
    return tuple(_paths(shape(), "", DEPTH))


def _paths(serializer: Any, prefix: str, depth: int) -> Iterable[str]:
    hidden = getattr(serializer, "expandable", ()) if prefix else ()  # nested things are not expanded further
    for name, of in serializer.fields.items():
        if name in hidden:
            continue
        yield f"{prefix}{name}"
        inner = of.child if isinstance(of, serializers.ListSerializer) else of
        if depth > 1 and isinstance(inner, serializers.BaseSerializer):
            yield from _paths(inner, f"{prefix}{name}.", depth - 1)


def tree_of(paths: Iterable[str]) -> Tree:
    """Put paths together; a name by itself means all of it."""
    tree: Tree = {}
    for path in sorted(paths, key=lambda one: one.count(".")):
        below = tree
        *names, last = path.split(".")
        for name in names:
            if below.get(name) == {} and name in below:
                break
            below = below.setdefault(name, {})
        else:
            below.setdefault(last, {})
    return tree


def narrowed(shown: Any, tree: Tree) -> Any:
    """Leave what the tree names of something shown, a list or one; an empty tree leaves all."""
    if not tree or shown is None:
        return shown
    if isinstance(shown, list):
        return [narrowed(one, tree) for one in shown]
    return {name: narrowed(value, tree[name]) for name, value in shown.items() if name in tree}
