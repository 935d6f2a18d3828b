"""Reads of the providers app."""

from providers.queries.calendars import own_session_happenings, session_happening
from providers.queries.capacity import free_capacity, held_by, live_holds, trainer_days_needed
from providers.queries.catalogue import KeptCatalogue, catalogue_for_matching, catalogue_version
from providers.queries.choosing import (
    bookable_sessions,
    having,
    in_period,
    offerings_for_audience,
    offerings_in_language,
    offerings_on_theme,
    offerings_serving,
    providers_serving,
    with_code,
)
from providers.queries.counting import miscounted_sessions, miscounted_windows
from providers.queries.facts import CatalogueOffer, CatalogueSession, CatalogueWindow, OutcomeFacts
from providers.queries.finding import (
    allowed_actions,
    find_offering,
    find_provider,
    find_session,
    find_window,
    named,
    offering_by_reference,
    offering_organizations,
    provider_by_code,
    visible_offering,
    visible_provider,
    visible_providers,
)
from providers.queries.harvests import harvests_due, harvests_visible_to
from providers.queries.naming import NamedOffer, named_offers
from providers.queries.visibility import (
    in_catalogue,
    offerings_visible_to,
    open_to_all,
    providers_visible_to,
    sessions_in_catalogue,
    sessions_visible_to,
    windows_visible_to,
)

__all__ = [
    "CatalogueOffer",
    "CatalogueSession",
    "CatalogueWindow",
    "KeptCatalogue",
    "NamedOffer",
    "OutcomeFacts",
    "allowed_actions",
    "bookable_sessions",
    "catalogue_for_matching",
    "catalogue_version",
    "find_offering",
    "find_provider",
    "find_session",
    "find_window",
    "free_capacity",
    "harvests_due",
    "harvests_visible_to",
    "having",
    "held_by",
    "in_catalogue",
    "in_period",
    "live_holds",
    "miscounted_sessions",
    "miscounted_windows",
    "named",
    "named_offers",
    "offering_by_reference",
    "offering_organizations",
    "offerings_for_audience",
    "offerings_in_language",
    "offerings_on_theme",
    "offerings_serving",
    "offerings_visible_to",
    "open_to_all",
    "own_session_happenings",
    "provider_by_code",
    "providers_serving",
    "providers_visible_to",
    "session_happening",
    "sessions_in_catalogue",
    "sessions_visible_to",
    "trainer_days_needed",
    "visible_offering",
    "visible_provider",
    "visible_providers",
    "windows_visible_to",
    "with_code",
]
