"""Shapes of the catalogue."""

from providers.api.serializers.incoming import (
    NoteIn,
    OfferingChange,
    OfferingIn,
    ProviderChange,
    ProviderIn,
    PublicationIn,
    ReasonIn,
    SessionChange,
    SessionIn,
    VerificationIn,
    WindowChange,
    WindowIn,
)
from providers.api.serializers.outgoing import OfferingOut, ProviderOut, SessionOut, WindowOut

__all__ = [
    "NoteIn",
    "OfferingChange",
    "OfferingIn",
    "OfferingOut",
    "ProviderChange",
    "ProviderIn",
    "ProviderOut",
    "PublicationIn",
    "ReasonIn",
    "SessionChange",
    "SessionIn",
    "SessionOut",
    "VerificationIn",
    "WindowChange",
    "WindowIn",
    "WindowOut",
]
