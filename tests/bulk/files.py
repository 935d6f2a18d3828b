"""Files of made-up offerings for tests of imports, and the way in that a caller has: upload, then import."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from io import BytesIO, StringIO
from typing import Any

import orjson
from openpyxl import Workbook

from marketplace.work.loop import settle
from tests.kit.api import Answer, ApiClient

HEADER = ("provider", "external_id", "source", "titles.en", "titles.fr", "themes", "languages", "duration_hours")


def rows(count: int, *, provider: str = "PRO", first: int = 0, **given: Any) -> list[dict[str, Any]]:
    """Make rows of offerings that may be drafted."""
    return [
        {
            "provider": provider,
            "external_id": f"course-{number}",
            "source": "lms",
            "titles.en": f"Course {number}",
            "titles.fr": f"Cours {number}",
            "themes": "fair-recruitment;mainstreaming",
            "languages": "en;fr",
            "duration_hours": "14",
            **given,
        }
        for number in range(first, first + count)
    ]


def as_csv(found: Iterable[Mapping[str, str]], *, header: Sequence[str] = HEADER, delimiter: str = ",") -> bytes:
    target = StringIO()
    writer = csv.DictWriter(target, header, delimiter=delimiter, restval="")
    writer.writeheader()
    writer.writerows(found)
    return target.getvalue().encode()


def as_xlsx(found: Iterable[Mapping[str, Any]], *, header: Sequence[str] = HEADER) -> bytes:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(list(header))
    for row in found:
        sheet.append([row.get(name) for name in header])
    target = BytesIO()
    book.save(target)
    return target.getvalue()


def as_jsonl(found: Iterable[object]) -> bytes:
    return b"".join(orjson.dumps(one) + b"\n" for one in found)


def upload(client: ApiClient, content: bytes, name: str = "offerings.csv") -> Answer:
    return client.call("POST", f"/uploads?file_name={name}", raw=content, content_type="application/octet-stream")


def begin(
    client: ApiClient,
    content: bytes,
    *,
    format: str = "csv",  # noqa: A002  as the API calls it
    resource: str = "offerings",
    **more: Any,
) -> Answer:
    sent = upload(client, content, f"table.{format}")
    assert sent.status_code == 201, sent.content
    return client.post("/imports", {"resource": resource, "format": format, "upload": sent.body["id"], **more})


def imported(client: ApiClient, content: bytes, **more: Any) -> dict[str, Any]:
    """Import a file to the end, and give what the import says of itself."""
    answer = begin(client, content, **more)
    assert answer.status_code == 202, answer.content
    settle()
    found: dict[str, Any] = client.get(f"/imports/{answer.body['id']}").body
    return found


def told(client: ApiClient, one: Mapping[str, Any], query: str = "") -> list[dict[str, Any]]:
    """Read the rows that an import tells of."""
    found: list[dict[str, Any]] = client.get(f"/imports/{one['id']}/rows{query}").body["results"]
    return found


def counts(one: Mapping[str, Any]) -> tuple[int, int, int, int]:
    return one["created"], one["changed"], one["unchanged"], one["refused"]
