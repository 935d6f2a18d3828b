"""Matching turned round: what is open, seen from one provider."""

from matching.models import FITS
from matching.queries.serving.needs import (
    ELIGIBLE,
    MOST_LINES,
    NEAR_MISS,
    UNDETERMINED,
    FoundNeed,
    NeedPlace,
    found_needs,
    places_of_needs,
    shown_codes,
)
from matching.queries.serving.supply import ProviderSupply, provider_supply

__all__ = [
    "ELIGIBLE",
    "FITS",
    "MOST_LINES",
    "NEAR_MISS",
    "UNDETERMINED",
    "FoundNeed",
    "NeedPlace",
    "ProviderSupply",
    "found_needs",
    "places_of_needs",
    "provider_supply",
    "shown_codes",
]
