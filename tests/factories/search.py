"""Search documents."""

from factory.declarations import Sequence
from factory.django import DjangoModelFactory

from marketplace.search.models import SearchDocument


class SearchDocumentFactory(DjangoModelFactory[SearchDocument]):
    """The words of one record in English."""

    class Meta:
        model = SearchDocument

    resource = "offering"
    record_id = Sequence(lambda n: n + 1)
    language = "en"
    title = " migration"
    body = ""
