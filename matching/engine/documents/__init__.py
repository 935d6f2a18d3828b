"""Requests and offerings in the shapes of the API, as one JSON document, and rankings as another: `manage.py rank`."""

from matching.engine.documents.answers import ranking_document, spoken
from matching.engine.documents.market import Background, LeftOut, MarketDocument, read_market

__all__ = ["Background", "LeftOut", "MarketDocument", "ranking_document", "read_market", "spoken"]
