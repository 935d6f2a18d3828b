"""How many columns a table may have, and which of them is told where the numbers of a list have gaps."""

from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from marketplace.bulk.columns import MOST_COLUMNS, columns_of, given_at, values_of
from marketplace.bulk.reading import count_rows, read_rows
from marketplace.kernel.errors import DomainError
from providers.api.serializers import OfferingIn
from requests_app.api.serializers import RequestIn
from requests_app.models import TrainingRequest
from tests.bulk.files import as_csv, as_xlsx, counts, imported, told
from tests.kit.api import ApiClient
from tests.kit.people import SmallGroup

pytestmark = pytest.mark.django_db
PARTS = (
    "theme",
    "audience",
    "country",
    "region",
    "language",
    "participants.min",
    "participants.max",
    "level",
    "governance_level",
)
AS = {"csv": as_csv, "xlsx": as_xlsx}


@pytest.fixture
def focal(group: SmallGroup) -> ApiClient:
    return ApiClient.of(group.focal_point, timezone.now())


# --- how many -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", AS)
def test_columns_to_the_last_that_is_promised_are_read(focal: ApiClient, kind: str) -> None:
    need = {"external_id": "n", "title.en": "Need", "language": "en"}
    for number in range(1, 31):
        line = {
            "theme": "mainstreaming",
            "country": "MLI",
            "participants.min": "15",
            "participants.max": f"{number + 15}",
        }
        need |= {f"lines.{number}.{name}": line.get(name, "") for name in PARTS}
    assert 256 < len(need) < MOST_COLUMNS
    one = imported(focal, AS[kind]([need], header=tuple(need)), format=kind, resource="requests")
    assert counts(one) == (1, 0, 0, 0), (one, told(focal, one))
    request = TrainingRequest.objects.get()
    found = request.lines.order_by("number").values_list("number", "participants_max")
    assert list(found) == [(number, number + 15) for number in range(1, 31)]


@pytest.mark.parametrize("is_export", [False, True])
@pytest.mark.parametrize("kind", AS)
def test_more_columns_than_are_read_are_refused_and_never_left_out(tmp_path: Path, kind: str, is_export: bool) -> None:
    def read(columns: int) -> list[Any]:
        names = tuple(f"lines.{number // 2 + 1}.{('theme', 'country')[number % 2]}" for number in range(columns))
        path = tmp_path / "file"
        path.write_bytes(AS[kind]([dict.fromkeys(names, "x")], header=names))
        assert count_rows(path, format=kind) == 1
        return list(read_rows(path, format=kind, form=RequestIn, is_export=is_export))

    from marketplace.bulk import columns

    assert columns.MOST_PARTS * 2 < MOST_COLUMNS  # so names are found for no more than these
    with pytest.raises(DomainError) as caught:
        read(MOST_COLUMNS + 1)
    assert "too_many_columns" in [error.code for error in caught.value.errors]
    with pytest.raises(DomainError) as caught:
        read(MOST_COLUMNS + 300)
    assert "too_many_columns" in [error.code for error in caught.value.errors]
    (row,) = read(columns.MOST_PARTS * 2)
    assert len(row.values["lines"]) == columns.MOST_PARTS


# --- which --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", AS)
def test_wrong_value_is_told_with_the_column_that_is_in_the_file(focal: ApiClient, kind: str) -> None:
    need = {"external_id": "n", "title.en": "Need", "language": "en", "lines.1.theme": "mainstreaming"}
    need |= {"lines.3.theme": "coffee", "lines.7.theme": "mainstreaming", "lines.7.country": "nowhere"}
    one = imported(focal, AS[kind]([need], header=tuple(need)), format=kind, resource="requests", mode="partial")
    (row,) = told(focal, one)
    found = {error["column"]: error["pointer"] for error in row["errors"]}
    assert found == {"lines.3.theme": "/lines/2/theme", "lines.7.country": "/lines/6/country"}


def test_gaps_that_empty_cells_make_are_those_of_the_row(focal: ApiClient) -> None:
    head = ("external_id", "title.en", "language", "lines.1.theme", "lines.2.theme", "lines.3.theme")
    full = dict(zip(head, ("a", "A", "en", "mainstreaming", "coffee", "mainstreaming"), strict=True))
    gap = {**full, "external_id": "b", "lines.2.theme": "", "lines.3.theme": "coffee"}
    unread = {**full, "external_id": "c", "lines.2.theme": "mainstreaming\x07"}
    content = as_csv([full, gap, unread], header=head)
    one = imported(focal, content, resource="requests", mode="partial")
    found = {row["line"]: [error["column"] for error in row["errors"]] for row in told(focal, one)}
    assert found == {2: ["lines.2.theme"], 3: ["lines.3.theme"], 4: ["lines.2.theme"]}


def test_places_lead_back_through_lists_within_lists() -> None:
    names = ("external_id", "lines.2.theme", "lines.4.theme", "lines.4.participants.min")
    values, errors, moved = values_of(columns_of(RequestIn, names), ("n", "a", "b", "5"))
    assert not errors
    assert values["lines"] == [{"theme": "a"}, {"theme": "b", "participants": {"min": "5"}}]
    assert given_at("/lines/0/theme", moved) == "/lines/1/theme"
    assert given_at("/lines/1/participants/min", moved) == "/lines/3/participants/min"
    assert given_at("/lines/1", moved) == "/lines/3"
    assert [given_at(one, moved) for one in ("", "/lines", "/external_id")] == ["", "/lines", "/external_id"]
    assert values_of(columns_of(OfferingIn, ("external_id", "themes")), ("n", "a;b"))[2] == {}
    assert given_at("/a/1/b/0/c", {"/a/1": "/a/3", "/a/1/b/0": "/a/3/b/5"}) == "/a/3/b/5/c"
