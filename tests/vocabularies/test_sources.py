"""The shipped files hold what their README says, and a spoiled file is refused with its name and record."""

from collections.abc import Callable
from pathlib import Path

import pytest

from marketplace.kernel.lifecycle import Party
from marketplace.vocabularies.datafiles import DataFileError
from marketplace.vocabularies.sources import SchemeData, codes_of, read_all

Edit = Callable[[str, str, str], None]


@pytest.fixture(scope="module")
def shipped() -> dict[str, SchemeData]:
    return {scheme.code: scheme for scheme in read_all()}


@pytest.mark.parametrize(
    ("scheme", "number"),
    [
        ("countries", 249),
        ("regions", 30),
        ("themes", 80),
        ("cifal_2012", 9),
        ("antwerp_2012", 6),
        ("gcm", 23),
        ("sdg", 42),
        ("languages", 119),
        ("currencies", 154),
        ("exchange_rates", 5),
        ("service_levels", 28),
    ],
)
def test_shipped_scheme_has_the_rows_its_readme_counts(
    shipped: dict[str, SchemeData], scheme: str, number: int
) -> None:
    assert len(shipped[scheme].rows) == number


@pytest.mark.parametrize(("group", "number"), [("is_ldc", 44), ("is_lldc", 32), ("is_sids", 53)])
def test_country_groups_have_the_size_of_the_united_nations_lists(
    shipped: dict[str, SchemeData], group: str, number: int
) -> None:
    assert sum(bool(row[group]) for row in shipped["countries"].rows) == number


def test_countries_without_a_place_in_united_nations_practice_are_not_offered(shipped: dict[str, SchemeData]) -> None:
    assert {row["alpha3"] for row in shipped["countries"].rows if not row["active"]} == {"ATA", "TWN"}


def test_every_global_compact_objective_is_reached_by_a_theme(shipped: dict[str, SchemeData]) -> None:
    reached = {
        match
        for row in shipped["themes"].rows
        for column in ("exact_match", "close_match")
        for match in list(row[column])  # type: ignore[call-overload]
    }
    assert set(codes_of(shipped["gcm"])) <= reached


def test_every_scope_note_is_given_in_french_too(shipped: dict[str, SchemeData]) -> None:
    notes = {str(row["code"]): row["scope_notes"] for row in shipped["themes"].rows}
    assert [code for code, note in notes.items() if not (isinstance(note, dict) and note.get("fr"))] == []


def test_parties_of_the_code_list_are_those_of_the_life_cycles(shipped: dict[str, SchemeData]) -> None:
    assert set(codes_of(shipped["parties"])) == {party.value for party in Party}


def test_checksum_same_content_is_the_same_and_changed_content_differs(
    shipped: dict[str, SchemeData], folder: Path, edit: Edit
) -> None:
    edit("codelists.json", "Webinar", "Web seminar")
    changed = {scheme.code: scheme for scheme in read_all(folder)}
    assert changed["forms"].checksum != shipped["forms"].checksum
    assert changed["levels"].checksum == shipped["levels"].checksum


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("regions.csv", "015,Northern Africa", "15,Northern Africa", r"countries\.csv, countries .*'015'"),
        ("regions.csv", "m49,name_en", "code,name_en", r"regions\.csv, header: columns are missing: m49"),
        ("regions.csv", "001,World,Monde", "001,World,", r"regions\.csv, line 2 \(001\): name_\* has no text in fr"),
        ("countries.csv", "false,false,true,nl pap", "no,false,true,nl pap", r"line 2 \(ABW\): ldc is 'no'"),
        ("countries.csv", "AFG,AF,", "ABW,AF,", r"countries ABW: is given twice"),
        ("countries.csv", ",nl pap,", ",nl xx,", r"countries ABW: official_languages names 'xx'"),
        ("themes.json", '"broader": "migration-governance"', '"broader": "governance"', r"broader names 'governance'"),
        ("themes.json", '"gcm:23"', '"gcm:24"', r"close_match names 'gcm:24'"),
        ("exchange_rates.csv", "1.100000", "1,1", r"exchange_rates\.csv, line 3: does not have 4 columns"),
        ("exchange_rates.csv", "1.100000", "abc", r"line 3 \(EUR\): usd_per_unit is not a decimal number"),
        ("exchange_rates.csv", "1.100000", "-1.1", r"line 3 \(EUR\): usd_per_unit is not greater than zero"),
        ("exchange_rates.csv", "EUR,1.1", "XXX,1.1", r"exchange_rates XXX: currency names 'XXX'"),
        ("exchange_rates.csv", "2026-11-01,synthetic", "1 Nov,synthetic", r"valid_on is not a date"),
        (
            "service_levels.json",
            '"owner": "authority"',
            '"owner": "king"',
            r"step request.endorsement: owner is 'king'",
        ),
        ("service_levels.json", '"working_days": 5', '"working_days": "5"', r"working_days is not a whole number"),
        ("service_levels.json", '"silence_is_no_objection"', '"silence"', r"deadline_effect is 'silence'"),
        ("codelists.json", '"fr": "Webinaire"', '"fr": ""', r"code webinar: labels has no text in fr"),
        ("codelists.json", '"lists"', '"list"', r"codelists\.json, file: lists is not a list"),
        ("codelists.json", "{", "[", r"codelists\.json, file: "),
    ],
)
def test_read_all_spoiled_file_is_refused_with_file_and_record(
    folder: Path, edit: Edit, file: str, old: str, new: str, message: str
) -> None:
    edit(file, old, new)
    with pytest.raises(DataFileError, match=message):
        read_all(folder)


def test_read_all_missing_file_is_named(folder: Path) -> None:
    (folder / "sdg_targets.csv").unlink()
    with pytest.raises(DataFileError, match=r"sdg_targets\.csv, file"):
        read_all(folder)
