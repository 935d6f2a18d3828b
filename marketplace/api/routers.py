"""Routes without trailing slash or format suffix."""

from rest_framework.routers import SimpleRouter


class Routes(SimpleRouter):
    """`routes.register("things", ThingViewSet, basename="thing")`; nested: `"parents/(?P<parent_id>[^/]+)/things"`."""

    def __init__(self) -> None:
        super().__init__(trailing_slash=False)


PARENT = r"(?P<parent_id>[A-Za-z0-9._~:@-]{1,100})"


def nested(parents: str, things: str) -> str:
    """Make the prefix of nested things: `parents/{parent_id}/things`."""
    return f"{parents}/{PARENT}/{things}"
