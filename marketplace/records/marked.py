"""Things written in test mode: rows of the same tables that nobody meets who does not ask for them by name.

`objects` of such a model knows real things only, so that whatever nobody thought of (a report, the engine, a count, a relation
read backwards) leaves test data out. Those who speak in test mode, and those who were given a key, ask `everything`.
"""

from typing import TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model)


class RealThings(models.Manager[M]):
    """What stands for something in the world."""

    def get_queryset(self) -> models.QuerySet[M]:
        """Leave test data out."""
        return super().get_queryset().filter(is_test=False)


class MarkedAsTest(models.Model):
    """A record that a client in test mode can write; the mark is set when it is made, and never changes."""

    is_test = models.BooleanField(default=False, db_default=False, editable=False)

    objects = RealThings()
    everything = models.Manager()  # noqa: DJ012  a second manager is no field

    class Meta:
        abstract = True
