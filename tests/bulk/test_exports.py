"""Whole lists as files: what they hold, for whom, in how many queries; and that an import reads them back."""

import csv
from io import BytesIO, StringIO
from typing import Any
from unittest.mock import patch

import orjson
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from openpyxl import load_workbook

from marketplace.api import exports, tables
from marketplace.api.worker import Alive
from marketplace.bulk.columns import columns_of, values_of
from marketplace.kernel.cells import plain_text
from marketplace.kernel.errors import ErrorCode as C
from providers.api.serializers import OfferingChange
from providers.operations import reindex_catalogue
from tests.factories.providers import OfferingFactory, ProviderFactory
from tests.factories.requests import draft, opened
from tests.kit.api import ApiClient, check_problem
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db
LINKS = {"links"}


def content(answer: Any) -> bytes:
    assert answer.status_code == 200, answer.content
    return b"".join(answer.streaming_content)


def fetch(client: ApiClient, path: str, *, accept: str = "") -> Any:
    headers = {**client.headers, **({"Accept": accept} if accept else {})}
    return client.client.get(f"/api/v1{path}", headers=headers)


def table(client: ApiClient, path: str) -> list[dict[str, str]]:
    text = content(fetch(client, path)).decode("utf-8-sig")
    return [{name: plain_text(cell) for name, cell in row.items()} for row in csv.DictReader(StringIO(text))]


def sheet(client: ApiClient, path: str) -> list[dict[str, Any]]:
    book = load_workbook(BytesIO(content(fetch(client, path))), read_only=True)
    head, *rows = (list(row) for one in book.worksheets for row in one.iter_rows(values_only=True))
    return [dict(zip(head, row, strict=False)) for row in rows]


def lines(client: ApiClient, path: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in content(fetch(client, path)).splitlines()]


def everything(client: ApiClient, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    url: str | None = path
    while url:
        page = client.get(url).body
        found += page["results"]
        url = page["next"]
    return found


# --- what they hold -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("resource", ["offerings", "requests", "organizations", "providers", "sessions", "imports"])
def test_lines_are_what_the_pages_of_the_list_show(group: SmallGroup, resource: str) -> None:
    OfferingFactory.create_batch(3)
    opened(group.requester)
    officer = ApiClient.of(group.officer, timezone.now())
    assert lines(officer, f"/{resource}?format=jsonl") == everything(officer, f"/{resource}?page_size=2")


def test_forms_hold_the_same_and_are_chosen_by_name_or_accept(staff: ApiClient) -> None:
    OfferingFactory.create_batch(2, published=True)
    for code, kind in (("csv", "text/csv"), ("xlsx", exports.XLSX.media_type), ("jsonl", "application/jsonl")):
        named, accepted = fetch(staff, f"/offerings?format={code}"), fetch(staff, "/offerings", accept=kind)
        assert named["Content-Type"].split(";")[0] == accepted["Content-Type"].split(";")[0] == kind
        assert named["Content-Disposition"] == f'attachment; filename="offerings.{code}"'
        if code != "xlsx":  # a workbook tells when it was made
            assert content(named) == content(accepted)
    told = [str(thing["id"]) for thing in lines(staff, "/offerings?format=jsonl")]
    assert [row["id"] for row in table(staff, "/offerings?format=csv")] == told
    assert [row["id"] for row in sheet(staff, "/offerings?format=xlsx")] == told


def test_filters_fields_and_ordering_are_those_of_the_list(staff: ApiClient) -> None:
    for hours in (7, 21, 14):
        OfferingFactory.create(published=True, duration_hours=hours, form="workshop")
    OfferingFactory.create(published=True, form="e_learning")
    found = table(staff, "/offerings?format=csv&form=workshop&ordering=-hours&fields=id,duration_hours,titles")
    assert [row["duration_hours"] for row in found] == ["21", "14", "7"]
    assert set(found[0]) == {"id", "duration_hours", "titles.en", "titles.fr", "titles"}
    check_problem(staff.get("/offerings?format=csv&state=coffee"), C.INVALID_INPUT)
    check_problem(staff.get("/offerings?format=csv&coffee=1"), C.UNKNOWN_PARAMETER)
    check_problem(staff.get("/offerings?format=coffee"), C.NOT_ACCEPTABLE)


def test_search_finds_all_that_match(staff: ApiClient) -> None:
    wanted = OfferingFactory.create_batch(3, published=True)
    reindex_catalogue()
    found = table(staff, "/offerings?format=csv&q=recruitment&fields=id")
    assert {row["id"] for row in found} == {str(one.public_id) for one in wanted}


def test_list_with_nothing_in_it_is_a_header(staff: ApiClient) -> None:
    text = content(fetch(staff, "/imports?format=csv")).decode("utf-8-sig")
    assert text.splitlines() == [text.strip()]
    assert text.startswith("id,version,")
    assert content(fetch(staff, "/imports?format=jsonl")) == b""


def test_texts_that_look_like_formulas_are_neutral_and_read_back_equal(staff: ApiClient) -> None:
    titles = {"en": '=HYPERLINK("http://x")', "fr": "'=déjà", "es": "+uno", "ar": "@"}
    OfferingFactory.create(published=True, titles=titles, accreditor="-1+1", places=[{"city": "=1", "country": "SEN"}])
    raw = content(fetch(staff, "/offerings?format=csv")).decode("utf-8-sig")
    head, row = list(csv.reader(StringIO(raw)))
    assert not [cell for cell in row if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]
    names = ["titles.en", "titles.fr", "titles", "accreditor", "themes", "places", "duration_hours"]
    cells = [plain_text(row[head.index(name)]) for name in names]
    values, errors, moved = values_of(columns_of(OfferingChange, names), cells)
    assert not errors
    assert not moved
    form = OfferingChange(data=values)
    assert form.is_valid(), form.errors
    sent = form.validated_data
    assert (sent["titles"], sent["accreditor"], sent["duration_hours"]) == (titles, "-1+1", 14)
    assert sent["places"][0]["city"] == "=1"
    (found,) = sheet(staff, "/offerings?format=xlsx")
    assert found["titles.en"] == titles["en"]
    assert orjson.loads(found["titles"]) == {"es": "+uno", "ar": "@"}


# --- for whom -----------------------------------------------------------------------------------------------------
def test_file_shows_nobody_what_the_list_does_not(group: SmallGroup) -> None:
    hidden = draft(group.requester)
    summary = opened(group.requester, visibility="group")
    OfferingFactory.create(provider=ProviderFactory.create(code="OTHER"))
    stranger = ApiClient.of(group.outsider, timezone.now())
    for kind in ("csv", "jsonl"):
        text = content(fetch(stranger, f"/requests?format={kind}")).decode()
        assert str(hidden.public_id) not in text
        assert str(summary.public_id) in text
    (shown,) = lines(stranger, "/requests?format=jsonl")
    assert shown == stranger.get("/requests").body["results"][0]
    assert lines(stranger, "/offerings?format=jsonl") == []
    check_problem(ApiClient().get("/offerings?format=csv"), C.NOT_AUTHENTICATED)


# --- how ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["csv", "xlsx", "jsonl"])
def test_page_takes_the_same_queries_however_many_things_it_has(staff: ApiClient, kind: str) -> None:
    def queries(size: int) -> int:
        with patch.object(exports, "PAGE", size), CaptureQueriesContext(connection) as caught:
            content(fetch(staff, f"/offerings?format={kind}"))
        return len(caught)

    OfferingFactory.create_batch(20, published=True)
    queries(100)  # what is read once
    whole, halves, fifths = queries(100), queries(11), queries(4)
    assert halves == whole + 1
    assert fifths == whole + 5  # five full pages, and the look whether there is another


def test_all_pages_are_there_once_and_in_order(staff: ApiClient) -> None:
    OfferingFactory.create_batch(23, published=True)
    wanted = [row["id"] for row in everything(staff, "/offerings?page_size=200")]
    for size in (1, 5, 23, 24):
        with patch.object(exports, "PAGE", size):
            assert [row["id"] for row in lines(staff, "/offerings?format=jsonl")] == wanted


def test_full_sheet_goes_on_in_the_next_and_long_text_is_cut(staff: ApiClient) -> None:
    OfferingFactory.create_batch(5, published=True, summaries={"en": "x" * 40_000})
    with patch.object(tables, "SHEET_ROWS", 3):
        book = load_workbook(BytesIO(content(fetch(staff, "/offerings?format=xlsx&fields=id,summaries"))))
    rows = [list(row) for one in book.worksheets for row in one.iter_rows(min_row=2, values_only=True)]
    assert (len(book.worksheets), len(rows)) == (3, 5)
    assert len(rows[0][1]) == 32_767


def test_head_sends_no_file(staff: ApiClient) -> None:
    OfferingFactory.create(published=True)
    answer: Any = staff.client.head("/api/v1/offerings?format=csv", headers=staff.headers)
    assert answer.status_code == 200
    assert b"".join(answer.streaming_content) == b""


def test_worker_is_told_to_be_alive_at_each_piece_and_the_answer_is_closed() -> None:
    class Answer:
        closed = False

        def __iter__(self) -> Any:
            return iter([b"a", b"", b"b"])

        def close(self) -> None:
            self.closed = True

    told: list[int] = []
    answer = Answer()
    alive = Alive(answer, lambda: told.append(1))
    assert b"".join(alive) == b"ab"
    alive.close()
    assert (len(told), answer.closed) == (3, True)
