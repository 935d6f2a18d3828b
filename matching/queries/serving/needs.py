"""Which open needs a provider could serve: ranked by its best offering, and told with reasons and near misses.

Who asks sees what they see of requests anyway, and of offerings only those of the one provider. Where no more than the
summary of a need is for them, nothing is worked out from its body: the fit is undetermined.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from marketplace.accounts.actors import Actor
from matching.engine import Finding, Policy, finding_of
from matching.lifecycle import LIVE_PROPOSALS
from matching.models import FITS, PartLine
from matching.queries.inputs import rates_of
from matching.queries.needs import ReadNeed, read_needs
from matching.queries.serving.supply import ProviderSupply
from requests_app import queries as requests

if TYPE_CHECKING:
    from requests_app.models import RequestLine, TrainingRequest

MOST_LINES = 500  # the most recently opened that are looked at; filters reach the older ones
NEAR_MISSES = 1  # told for one line: the nearest that can be helped
ELIGIBLE, NEAR_MISS, UNDETERMINED = FITS
UNKNOWN_GRADE = 99  # behind everything that was weighed


@dataclass(frozen=True, slots=True)
class NeedPlace:
    """Where a line stands in the order: constraints failed, score, key; without a number it is a request in summary."""

    grade: int
    score: int
    request_id: int
    number: int | None
    key: int

    @property
    def pk(self) -> int:
        """The key that ends the order; requests in summary have a grade of their own."""
        return self.key

    @property
    def fit(self) -> str:
        """Say how it fits in a word."""
        if self.number is None:
            return UNDETERMINED
        return NEAR_MISS if self.grade else ELIGIBLE


@dataclass(frozen=True, slots=True)
class FoundNeed:
    """A line (or a request in summary) with what the provider's offerings are to it."""

    place: NeedPlace
    request: "TrainingRequest"
    line: "RequestLine | None"
    finding: Finding
    offer: UUID | None  # the provider's own offer for the line, while it is open

    @property
    def public_id(self) -> UUID:
        """Outward id of the line; of the request where that is all that is shown."""
        return self.request.public_id if self.line is None else self.line.public_id


def places_of_needs(
    supply: ProviderSupply,
    criteria: requests.NeedCriteria,
    policy: Policy,
    *,
    actor: Actor,
    at: datetime,
    language: str = "en",
    fits: Sequence[str] = FITS,
    only: int | None = None,
) -> list[NeedPlace]:
    """Order the open lines that an actor sees and the provider serves or nearly serves: fewest constraints failed, then score.

    At most `MOST_LINES` lines and as many summaries are looked at, those opened last. ``only`` looks at one request alone.
    """
    if not supply.rows:
        return []
    wanted = requests.wanted_lines(
        criteria, themes=supply.themes, actor=actor, at=at, language=language, most=MOST_LINES, only=only
    )
    whole = [row for row in wanted if row.number is not None]
    summaries = [NeedPlace(UNKNOWN_GRADE, 0, row.request_id, None, row.key) for row in wanted if row.number is None]
    found = [*_weighed(supply, whole, policy, at), *summaries]
    return sorted(
        (place for place in found if place.fit in fits), key=lambda place: (place.grade, -place.score, place.key)
    )


def _weighed(
    supply: ProviderSupply, wanted: Sequence[requests.WantedLine], policy: Policy, at: datetime
) -> Iterator[NeedPlace]:
    day = at.date()
    known = supply.known_standings({(row.request_id, row.request_version) for row in wanted}, policy)
    unknown = sorted({row.request_id for row in wanted} - known.keys())
    for request_id, read in read_needs(unknown).items():
        known[request_id] = supply.standings(read, policy, day=day)
    for row in wanted:
        standing = known.get(row.request_id, {}).get(row.number or 0)
        if standing is not None:
            yield NeedPlace(standing.grade, standing.score, row.request_id, row.number, row.key)


def found_needs(
    supply: ProviderSupply, places: Sequence[NeedPlace], policy: Policy, *, provider_id: int, at: datetime
) -> list[FoundNeed]:
    """Tell all about some lines, in the order given; one that no small change would help is left out."""
    lines = requests.wanted_needs(place.key for place in places if place.number is not None)
    summaries = requests.wanted_summaries(place.key for place in places if place.number is None)
    reads = read_needs(sorted({line.request_id for line in lines.values()}))
    offers = _own_offers(provider_id, {place.request_id for place in places})
    told = replace(policy, near_misses=NEAR_MISSES)
    found = []
    for place in places:
        if place.number is None:
            if place.key in summaries:
                offer = offers.get((place.request_id, None))
                found.append(FoundNeed(place, summaries[place.key], None, Finding(), offer))
            continue
        line, read = lines.get(place.key), reads.get(place.request_id)
        if line is None or read is None:  # it was placed meanwhile
            continue
        said = _finding(supply, read, place, told, at)
        if said.best is not None or said.near_misses:
            offer = offers.get((place.request_id, place.number))
            found.append(FoundNeed(place, line.request, line, said, offer))
    return found


def shown_codes(places: Sequence[NeedPlace]) -> Iterator[Mapping[str, set[str]]]:
    """Yield of each need the themes, countries and languages that are shown of it: those of the line, or what the summary tells."""
    for line in requests.wanted_needs(place.key for place in places if place.number is not None).values():
        yield {"theme": {line.theme}, "country": {line.country}, "language": {line.language}}
    for request in requests.wanted_summaries(place.key for place in places if place.number is None).values():
        lines = [line for line in request.lines.all() if line.state != "dropped"]
        yield {
            "theme": {line.theme for line in lines},
            "country": {line.country for line in lines},
            "language": set(request.languages_must),
        }


def _finding(supply: ProviderSupply, read: ReadNeed, place: NeedPlace, policy: Policy, at: datetime) -> Finding:
    if not any(line.number == place.number for line in read.need.lines):
        return Finding()
    day = at.date()
    return finding_of(read.need, place.number or 0, supply.catalogue, policy, as_of=day, rates=rates_of(day))


def _own_offers(provider_id: int, request_ids: Iterable[int]) -> dict[tuple[int, int | None], UUID]:
    """Give the provider's open offers by request and line, and by request alone (the latest)."""
    rows = PartLine.objects.filter(
        part__proposal__origin="provider",
        part__proposal__lead_id=provider_id,
        part__proposal__state__in=LIVE_PROPOSALS,
        part__proposal__request_id__in=list(request_ids),
    ).order_by("part__proposal_id")
    found: dict[tuple[int, int | None], UUID] = {}
    for request_id, number, offer in rows.values_list(
        "part__proposal__request_id", "line__number", "part__proposal__public_id"
    ):
        found[request_id, number] = found[request_id, None] = offer
    return found
