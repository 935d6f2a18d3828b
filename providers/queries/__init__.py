"""Reads of the providers app."""

from providers.queries.capacity import free_capacity, live_holds, trainer_days_needed
from providers.queries.catalogue import (
    CatalogueOffer,
    CatalogueSession,
    CatalogueWindow,
    OutcomeFacts,
    catalogue_for_matching,
    catalogue_version,
)
from providers.queries.choosing import (
    in_period,
    offerings_for_audience,
    offerings_in_language,
    offerings_on_theme,
    offerings_serving,
    providers_serving,
    with_code,
)
from providers.queries.finding import (
    allowed_actions,
    find_offering,
    find_provider,
    find_session,
    find_window,
    offering_by_reference,
    offering_organizations,
    provider_by_code,
)
from providers.queries.visibility import (
    offerings_visible_to,
    providers_visible_to,
    sessions_visible_to,
    windows_visible_to,
)

__all__ = [
    "CatalogueOffer",
    "CatalogueSession",
    "CatalogueWindow",
    "OutcomeFacts",
    "allowed_actions",
    "catalogue_for_matching",
    "catalogue_version",
    "find_offering",
    "find_provider",
    "find_session",
    "find_window",
    "free_capacity",
    "in_period",
    "live_holds",
    "offering_by_reference",
    "offering_organizations",
    "offerings_for_audience",
    "offerings_in_language",
    "offerings_on_theme",
    "offerings_serving",
    "offerings_visible_to",
    "provider_by_code",
    "providers_serving",
    "providers_visible_to",
    "sessions_visible_to",
    "trainer_days_needed",
    "windows_visible_to",
    "with_code",
]
