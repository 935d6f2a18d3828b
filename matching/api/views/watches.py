"""Saved searches of needs over HTTP."""

from typing import Any

from django.db.models import QuerySet

from marketplace.accounts.roles import Permission
from marketplace.api.contracts import IfMatch, Write
from marketplace.api.views import Changes, Creates, Lists, Reads, Removes, ThingViewSet
from marketplace.kernel.errors import ErrorCode
from matching import operations, queries
from matching.api import serializers
from matching.api.filters import WatchFilters
from matching.models import NeedWatch

WRITE = Permission.CATALOGUE_WRITE
REFUSED = (ErrorCode.UNKNOWN_REFERENCE, ErrorCode.RULE_BROKEN, ErrorCode.DUPLICATE)


class WatchViewSet(Lists, Reads, Creates, Changes, Removes, ThingViewSet):
    """Searches of needs that providers have saved, to be told of new ones: the provider's own affair and the secretariat's."""

    tag, noun, nouns = "Matching", "saved search of needs", "saved searches of needs"
    resource, basename = "need_watches", "need-watch"
    access = Permission.CATALOGUE_READ
    reads = serializers.WatchOut
    id_argument = "watch_id"
    filterset_class = WatchFilters
    create_with = Write(
        "Save a search of needs, to be told of new ones",
        WRITE,
        description="Needs that open, change or become visible from now on are told once each: by the event `need_watch.matched`, in the "
        "feed and by webhook, and to the staff of the provider. `GET /providers/{id}/needs` shows what is open already.",
        body=serializers.WatchIn,
        errors=REFUSED,
        operation=operations.save_watch,
    )
    change_with = Write(
        "Change a saved search, or switch it off and on",
        WRITE,
        body=serializers.WatchChange,
        if_match=IfMatch.REQUIRED,
        errors=REFUSED,
        operation=operations.change_watch,
    )
    remove_with = Write(
        "Remove a saved search",
        WRITE,
        status=204,
        if_match=IfMatch.REQUIRED,
        operation=operations.delete_watch,
    )

    def visible(self) -> QuerySet[NeedWatch]:
        """Give the saved searches of which the caller may know."""
        return queries.watches_visible_to(self.request.actor, at=self.request.at)

    def prepare(self, things: QuerySet[Any]) -> QuerySet[Any]:
        """Fetch providers ahead."""
        return things.select_related("provider__organization")
