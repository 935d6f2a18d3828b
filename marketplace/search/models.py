"""The words of each searchable record, one row for each language."""

from django.db import models


class SearchDocument(models.Model):
    """Folded words of one record in one language, each word after a blank.

    Migration 0002 adds what the engine needs: on PostgreSQL the generated column ``words`` (tsvector) with a GIN index, on
    SQLite the FTS5 table ``search_words`` with triggers. Both only find candidates; `queries` weighs them.
    """

    resource = models.CharField(max_length=40)
    record_id = models.BigIntegerField()
    language = models.CharField(max_length=10)
    title = models.TextField()
    body = models.TextField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["resource", "record_id", "language"], name="search_document_once"),
        ]

    def __str__(self) -> str:
        return f"{self.resource} {self.record_id} ({self.language})"
