"""Imports and the rows that they tell of."""

from datetime import UTC, datetime

from factory.declarations import Sequence, SubFactory
from factory.django import DjangoModelFactory

from marketplace.bulk.models import Import, ImportRow
from tests.factories.notices import StoredFileFactory

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)


class ImportFactory(DjangoModelFactory[Import]):
    """An import that waits for its job."""

    class Meta:
        model = Import

    target = "offerings"
    format = "csv"
    mode = "partial"
    dry_run = False
    upload = SubFactory(StoredFileFactory)
    requested_by = "user:0198c0de-0000-7000-8000-000000000002"
    language = "en"
    created_at = AT
    updated_at = AT


class ImportRowFactory(DjangoModelFactory[ImportRow]):
    """A row that was refused."""

    class Meta:
        model = ImportRow

    of = SubFactory(ImportFactory)
    line = Sequence(lambda number: number + 2)
    outcome = "refused"
