"""Rows of what is asked."""

from requests_app.models.exchanges import MAY, SEES, Clarification, Endorsement, PostingConsent, RequestShare
from requests_app.models.lines import LineClaim, RequestLine
from requests_app.models.requests import KeptApart, ReferenceCounter, RequestRevision, TrainingRequest

__all__ = [
    "MAY",
    "SEES",
    "Clarification",
    "Endorsement",
    "KeptApart",
    "LineClaim",
    "PostingConsent",
    "ReferenceCounter",
    "RequestLine",
    "RequestRevision",
    "RequestShare",
    "TrainingRequest",
]
