"""Files to fill in: the header with all columns, and the example of the API description as the first row."""

from datetime import datetime

import orjson

from marketplace.api.tables import Table, write_csv, write_xlsx
from marketplace.bulk.columns import flat, template_columns
from marketplace.bulk.targets import Target


def template_of(target: Target, format: str, *, at: datetime) -> bytes:  # noqa: A002  as callers say it
    """Write the template of a target as csv, xlsx or jsonl."""
    example = dict(target.form.example)
    if format == "jsonl":
        return orjson.dumps(example, default=str) + b"\n"
    columns = template_columns(target.form)
    cells = flat(example, columns)
    table = Table(target.name, columns, [[cells[name] for name in columns]])
    return write_csv(table).encode() if format == "csv" else write_xlsx([table], at=at)
