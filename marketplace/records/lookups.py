"""Looking one row up by what only one can have."""

from typing import TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)


def sole(rows: "QuerySet[M]") -> M | None:
    """Return the row of a look-up by a unique key, or None.

    Other than `first` it asks for no order: where many columns are selected, Django takes longer to write the ordering of
    a single row than the rest of the statement.
    """
    return next(iter(rows.order_by()[:1]), None)
