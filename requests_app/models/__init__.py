"""Rows of what is asked."""

from requests_app.models.exchanges import Clarification, Endorsement, RequestShare
from requests_app.models.lines import LineClaim, RequestLine
from requests_app.models.requests import KeptApart, ReferenceCounter, RequestRevision, TrainingRequest

__all__ = [
    "Clarification",
    "Endorsement",
    "KeptApart",
    "LineClaim",
    "ReferenceCounter",
    "RequestLine",
    "RequestRevision",
    "RequestShare",
    "TrainingRequest",
]
