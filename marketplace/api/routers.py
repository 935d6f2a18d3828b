"""Routes without trailing slash or format suffix."""

from typing import cast

from django.urls import URLPattern, URLResolver, include, path, re_path
from rest_framework.routers import SimpleRouter


class Routes(SimpleRouter):
    """`routes.register("things", ThingViewSet, basename="thing")`; nested: `"parents/(?P<parent_id>[^/]+)/things"`."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=False)

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """Put what is below `things/` behind these letters: a call tries the routes of its things, not those of all."""
        alone: list[URLPattern | URLResolver] = []
        below: dict[str, list[URLPattern]] = {}
        for found in cast("list[URLPattern]", super().get_urls()):
            things, slash, rest = str(found.pattern).removeprefix("^").partition("/")
            if slash:
                below.setdefault(things, []).append(re_path(f"^{rest}", found.callback, name=found.name))
            else:
                alone.append(found)
        return [*alone, *(path(f"{things}/", include(patterns)) for things, patterns in below.items())]


PARENT = r"(?P<parent_id>[A-Za-z0-9._~:@-]{1,100})"


def nested(parents: str, things: str) -> str:
    """Make the prefix of nested things: `parents/{parent_id}/things`."""
    return f"{parents}/{PARENT}/{things}"
