"""The open needs that a provider could serve, over HTTP."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, cast

from django.db.models import QuerySet
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts import permissions
from marketplace.accounts.roles import Permission
from marketplace.api.exports import EXPORTS, exported
from marketplace.api.filters import search_text
from marketplace.api.finding import MOST_CODES, Facet, Found
from marketplace.api.lookups import Parent
from marketplace.api.pagination import CursorPages, Cut, Keyset
from marketplace.api.permissions import check_role
from marketplace.api.views import Lists, ThingViewSet
from marketplace.vocabularies.queries import THEMES
from matching import queries
from matching.api import serializers
from matching.api.filters import NeedFilters
from matching.engine import DEFAULT_POLICY, Policy
from matching.operations.policies import engine_policy
from matching.queries import serving
from providers import queries as providers
from requests_app import queries as requests


@dataclass(frozen=True)
class NeedFacet(Facet):
    """Counts what is shown of needs; ``things`` are no rows, but the codes of each by the name of the facet."""

    def count(self, things: Any, language: str) -> list[Found]:
        """Count the needs that are shown with each code."""
        counted = Counter(code for codes in things for code in codes[self.column] if code)
        most = sorted(counted.items(), key=lambda found: (-found[1], found[0]))[:MOST_CODES]
        return [{"code": code, "label": self._label(code, language), "count": number} for code, number in most]


class ProviderNeedViewSet(Lists, ThingViewSet):
    """The open needs that a provider could serve, best first.

    Those that the caller may see, weighed against the published offerings of this provider with the conditions and criteria of matching.
    """

    tag, noun, nouns = "Matching", "need that a provider could serve", "needs that a provider could serve"
    resource, basename = "provider_needs", "provider-need"
    access = Permission.REQUESTS_READ
    reads = serializers.NeedOut
    parent = Parent(providers.providers_visible_to, column="", argument="provider_id", reference_field="code")
    filterset_class = NeedFilters
    searchable = True
    facets = {
        "theme": NeedFacet("theme", THEMES),
        "country": NeedFacet("country", "countries"),
        "language": NeedFacet("language", "languages"),
    }
    highlighted = ("title",)
    ordering, ordering_fields = ("grade", "-score"), {}  # the order is that of the ranking and no other

    def visible(self) -> QuerySet[Any]:
        """Give the lines that the caller reads."""
        return requests.lines_readable_by(self.request.actor, at=self.request.at)

    def ordering_of(self, request: Request) -> list[str]:
        """Best first."""
        return list(self.ordering)

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Rank, then tell all about one page. Raises DomainError(not_found, permission_denied, invalid_input)."""
        self.check_reader()
        if self.representation in EXPORTS:
            return cast("Response", exported(self, self.representation))
        places, pages = self.places(), cast("CursorPages", self.paginator)
        keyset = self.keyset()
        page = pages.page(
            request,
            keyset,
            lambda found: keyset.values(found.place),
            lambda cut: list(self.read(_beyond(places, cut), cut.size)),
            lambda: len(places),
        )
        data: Any = self.reads(page, many=True, context=self.shape_context()).data
        answer = pages.get_paginated_response(self.narrow(data))
        answer.data.update(self.told_beside(data))
        return answer

    def everything(self) -> Any:
        """Give what facets count: the codes that are shown of each need, on whatever page it is."""
        return list(serving.shown_codes(self.places()))

    def whole_pages(self, size: int) -> Iterator[Any]:
        """Yield all that was found, some at a time, for exports."""
        places = self.places()
        for start in range(0, len(places), size):
            page = self.read(places[start : start + size], size)
            yield self.narrow(self.reads(list(page), many=True, context=self.shape_context()).data)

    # --- what is looked at ---
    def check_reader(self) -> None:
        """Let in who reads requests in the name of the provider's organization, and who reads everything."""
        provider: Any = self.parent_thing()
        check_role(self.request.actor, self.access, self.request.at)
        permissions.check(self.request.actor, self.access, at=self.request.at, organization_id=provider.organization_id)

    def keyset(self) -> Keyset:
        """Give the order of the pages."""
        return Keyset([*self.ordering, "pk"])

    def supply(self) -> serving.ProviderSupply:
        """Give what the provider has on offer, read once for the call."""
        if not hasattr(self, "_supply"):
            self._supply = serving.provider_supply(self.parent_thing().pk, at=self.request.at)
        return self._supply

    def policy(self) -> Policy:
        """Give the policy in force; the engine's own where none was published yet."""
        found = queries.policy_in_force()
        return DEFAULT_POLICY if found is None else engine_policy(found)

    def places(self) -> Sequence[serving.NeedPlace]:
        """Order what the filters leave, once for the call."""
        if not hasattr(self, "_places"):
            self._places = self._ordered()
        return self._places

    def _ordered(self) -> Sequence[serving.NeedPlace]:
        self.filter_queryset(self.visible().none())  # refuses what is not well formed
        asked: Any = cast("Any", NeedFilters)(self.request.query_params, queryset=self.visible().none())
        asked.form.is_valid()
        return serving.places_of_needs(
            self.supply(),
            asked.criteria(search_text(self.request)),
            self.policy(),
            actor=self.request.actor,
            at=self.request.at,
            language=self.request.language,
            fits=asked.form.cleaned_data["fit"] or serving.FITS,
        )

    def read(self, places: Sequence[serving.NeedPlace], size: int) -> Iterator[serving.FoundNeed]:
        """Yield up to ``size`` of the needs at these places; near misses that nothing helps are passed over."""
        told = 0
        while places and told < size:
            some, places = places[: size - told], places[size - told :]
            found = serving.found_needs(
                self.supply(), some, self.policy(), provider_id=self.parent_thing().pk, at=self.request.at
            )
            told += len(found)
            yield from found

    def shape_context(self) -> dict[str, Any]:
        """Add what is told of the provider's side."""
        provider: Any = self.parent_thing()
        own = {"at": self.request.at, "organization_id": provider.organization_id}
        return {
            **super().shape_context(),
            "supply": self.supply(),
            "may_offer": permissions.can(self.request.actor, Permission.OFFERS_MAKE, **own),
            "reads_offers": permissions.can(self.request.actor, Permission.PROPOSALS_READ, **own),
        }


def _beyond(places: Sequence[serving.NeedPlace], cut: Cut) -> Sequence[serving.NeedPlace]:
    """Give the places after a cursor, the nearest first (before it when the page is asked for backwards)."""
    found = places
    if cut.values is not None:
        grade, score, key = cast("tuple[int, int, int]", cut.values)
        edge = (grade, -score, key)
        found = [place for place in places if (_key(place) < edge if cut.backwards else _key(place) > edge)]
    return found[::-1] if cut.backwards else found


def _key(place: serving.NeedPlace) -> tuple[int, int, int]:
    return place.grade, -place.score, place.key
