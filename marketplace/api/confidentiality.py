"""Who sees which field: one table for all shapes, `data/fields.csv`, which the shapes themselves obey.

`open`: who may call the route. `thing`: who sees the thing. Of a request, `summary`: also who sees no more than that;
`body`: who reads it whole; `inner`: its own side and the secretariat. Of a proposal, `assessment`: who sees the scores.
"""

import csv
from functools import cache
from pathlib import Path

TABLE = Path(__file__).parent / "data" / "fields.csv"
CLASSES = ("open", "thing", "summary", "body", "inner", "assessment")


@cache
def classes() -> dict[tuple[str, str], str]:
    """Read the table: the class by shape and field. Raises ValueError for a class that is not known or a field told twice."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    found = {(row["shape"], row["field"]): row["class"] for row in rows}
    if len(found) != len(rows) or not set(found.values()) <= set(CLASSES):
        raise ValueError(f"{TABLE.name} tells a field twice or a class that is not one of {', '.join(CLASSES)}")
    return found


def fields_of(shape: str, *wanted: str) -> frozenset[str]:
    """Give the fields of a shape that are of these classes."""
    return frozenset(field for (name, field), kind in classes().items() if name == shape and kind in wanted)
