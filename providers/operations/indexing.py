"""Making the catalogue findable: which words of a provider or an offering are searched."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import islice

from django.db.models import QuerySet

from marketplace.privacy.redaction import after_redaction
from marketplace.search import operations as search
from marketplace.search.operations import Text
from marketplace.vocabularies import queries as vocabularies
from providers.models import Offering, Provider

ALWAYS = ("en", "fr")  # the languages in which labels of themes exist for every offering
BATCH = 500


def index_offering(offering: Offering) -> None:
    """Index an offering by its title; and by summary, objectives, themes with their other names, provider and code."""
    search.index("offering", offering.pk, _texts_of_offering(offering))


def index_new_offerings(offerings: Sequence[Offering]) -> None:
    """Index offerings that were just stored and have no words yet."""
    search.index_new({"offering": {offering.pk: _texts_of_offering(offering) for offering in offerings}})


def index_provider(provider: Provider) -> None:
    """Index a provider by its names and codes."""
    search.index("provider", provider.pk, _texts_of_provider(provider))


def reindex_offerings_of(provider: Provider) -> int:
    """Index the offerings of a provider anew, as after a change of its name; returns how many."""
    return index_offerings(Offering.objects.filter(provider=provider))


def reindex_catalogue() -> int:
    """Index everything anew, as after new labels of themes; returns how many things."""
    providers = Provider.objects.select_related("organization").order_by("pk")
    search.index_many("provider", {provider.pk: _texts_of_provider(provider) for provider in providers})
    return len(providers) + index_offerings(Offering.objects.all())


def index_offerings(rows: "QuerySet[Offering]") -> int:
    """Index some offerings anew; returns how many."""
    offerings = rows.select_related("provider").order_by("pk")
    for some in _batches(offerings.iterator(chunk_size=BATCH)):
        search.index_many("offering", {offering.pk: _texts_of_offering(offering) for offering in some})
    return rows.count()


@after_redaction("providers.Offering")
def reindex_offerings(offering_ids: Collection[int]) -> int:
    """Index some offerings anew, by their keys; returns how many."""
    return index_offerings(Offering.objects.filter(pk__in=offering_ids))


def _batches(offerings: Iterable[Offering]) -> Iterator[list[Offering]]:
    waiting = iter(offerings)
    while some := list(islice(waiting, BATCH)):
        yield some


def _texts_of_offering(offering: Offering) -> dict[str, Text]:
    spoken = {*ALWAYS, *offering.titles, *offering.summaries}
    return {language: Text(offering.titles.get(language, ""), _body(offering, language)) for language in spoken}


def _body(offering: Offering, language: str) -> str:
    provider = offering.provider
    parts = [
        offering.summaries.get(language, ""),
        *offering.objectives.get(language, ()),
        *(name for theme in (*offering.themes, *offering.scheme_concepts) for name in _names(theme, language)),
        provider.names.get(language) or provider.names.get("en", ""),
        provider.code,
        offering.code,
        offering.external_id,
    ]
    return " ".join(part for part in parts if part)


def _names(concept_code: str, language: str) -> tuple[str, ...]:
    concept = vocabularies.concept(concept_code)
    if concept is None:
        return ()
    return (concept.labels.get(language, ""), *concept.alt_labels.get(language, ()))


def _texts_of_provider(provider: Provider) -> dict[str, Text]:
    spoken = {*ALWAYS, *provider.names}
    codes = f"{provider.code} {provider.organization.code}"
    return {language: Text(provider.names.get(language) or provider.names.get("en", ""), codes) for language in spoken}
