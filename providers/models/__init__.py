"""Rows of the providers app."""

from providers.models.capacity import CapacityHold, CapacityWindow
from providers.models.harvests import Harvest, HarvestedCourse
from providers.models.offerings import Offering, OfferingFacet, OfferingPartner
from providers.models.outcomes import TrackRecordEntry
from providers.models.providers import Provider, TrackRecordColumns
from providers.models.sessions import Session

__all__ = [
    "CapacityHold",
    "CapacityWindow",
    "Harvest",
    "HarvestedCourse",
    "Offering",
    "OfferingFacet",
    "OfferingPartner",
    "Provider",
    "Session",
    "TrackRecordColumns",
    "TrackRecordEntry",
]
