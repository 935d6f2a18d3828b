"""Shapes of the catalogue."""

from providers.api.serializers.incoming import (
    CapacityWindowChange,
    CapacityWindowIn,
    CatalogueNoteIn,
    CatalogueReasonIn,
    OfferingChange,
    OfferingIn,
    ProviderChange,
    ProviderIn,
    PublicationIn,
    TrainingSessionChange,
    TrainingSessionIn,
    VerificationIn,
)
from providers.api.serializers.outgoing import CapacityWindowOut, OfferingOut, ProviderOut, TrainingSessionOut

__all__ = [
    "CapacityWindowChange",
    "CapacityWindowIn",
    "CapacityWindowOut",
    "CatalogueNoteIn",
    "CatalogueReasonIn",
    "OfferingChange",
    "OfferingIn",
    "OfferingOut",
    "ProviderChange",
    "ProviderIn",
    "ProviderOut",
    "PublicationIn",
    "TrainingSessionChange",
    "TrainingSessionIn",
    "TrainingSessionOut",
    "VerificationIn",
]
