"""Portfolios as JSON: read strictly, refused by pointer, and answered by the command."""

import json
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from matching.engine import EngineError
from matching.engine.portfolio import Settings, plan_document, read_portfolio, solve
from matching.engine.portfolio.reading import tie_of


def document(**changes: object) -> dict[str, Any]:
    base: dict[str, Any] = {
        "format": 1,
        "needs": [{"id": "N1", "priority_class": 1, "groups": ["ldc"]}, {"id": "N2"}],
        "capacities": [{"id": "hall", "maximum": 20, "minimum": 2}],
        "budgets": [{"id": "total", "maximum": 500_000}],
        "pairs": [
            {"need": "N1", "candidate": "hall", "score": 700_000, "uses": {"hall": 12}, "costs": {"total": 180_000}},
            {"need": "N2", "candidate": "hall", "score": 900_000, "uses": {"hall": 9}, "tie": 5},
            {"need": "N2", "candidate": "web", "score": 400_000, "previous": True},
        ],
        "floors": [{"group": "ldc", "minimum": 1}],
        "locks": [{"need": "N2", "candidate": "web"}],
        "bans": [],
        "settings": {"worst_served": True, "time_limit_seconds": 1.5},
    }
    return base | changes


def encoded(value: object) -> bytes:
    return json.dumps(value).encode()


def test_document_is_read_as_the_instance_it_describes() -> None:
    instance, settings = read_portfolio(encoded(document()))
    assert settings == Settings(time_limit_seconds=1.5)
    assert [entry.id for entry in instance.needs] == ["N1", "N2"]
    assert instance.needs[0].groups == {"ldc"}
    assert list(instance.pairs.score) == [700_000, 900_000, 400_000]
    assert list(instance.pairs.tie) == [tie_of("N1", "hall"), 5, tie_of("N2", "web")]
    assert instance.locked == {2}
    assert (instance.capacities[0].minimum, instance.budgets[0].maximum, instance.floors[0].minimum) == (2, 500_000, 1)


def test_plan_document_says_plan_objectives_bounds_and_seconds() -> None:
    instance, settings = read_portfolio(encoded(document()))
    answer = plan_document(instance, solve(instance, settings), {"reading": 0.25})
    assert answer["plan"] == [
        {"need": "N1", "candidate": "hall", "score": 700_000},
        {"need": "N2", "candidate": "web", "score": 400_000},
    ]
    assert answer["objective"] == {
        "served_by_class": {"1": 1, "4": 1},
        "worst_score": 400_000,
        "total_score": 1_100_000,
        "kept": 1,
    }
    assert (answer["status"], answer["unserved"], answer["conflict"]) == ("optimal", [], None)
    assert answer["seconds"] == {"reading": 0.25}
    stages = answer["stages"]
    assert isinstance(stages, list)
    assert {"value", "bound", "gap", "proven", "solver", "name"} == set(stages[0])


def test_plan_document_names_a_conflict() -> None:
    instance, settings = read_portfolio(
        encoded(document(floors=[{"group": "ldc", "minimum": 2}], locks=[], settings={}))
    )
    conflict = plan_document(instance, solve(instance, settings), {})["conflict"]
    assert conflict == {"locks": [], "floors": ["ldc"], "minima": []}


@pytest.mark.parametrize(
    ("changes", "pointer", "allowed"),
    [
        ({"format": 2}, "/format", "expected 1"),
        ({"extra": 1}, "/extra", "allowed are format, needs"),
        ({"needs": {}}, "/needs", "expected a list"),
        ({"needs": [{"id": ""}]}, "/needs/0/id", "not empty"),
        ({"needs": [{"id": "N1"}, {"id": "N1"}]}, "/needs/1", "twice"),
        ({"needs": [{"id": "N1", "priority_class": 0}]}, "/needs/0/priority_class", "from 1 to 99"),
        ({"capacities": [{"id": "hall", "maximum": 1, "minimum": 2}]}, "/capacities/0/minimum", "from 0 to 1"),
        ({"pairs": [{"need": "N9", "candidate": "a", "score": 1}]}, "/pairs/0/need", "id of a need"),
        ({"pairs": [{"need": "N1", "candidate": "a", "score": 1.5}]}, "/pairs/0/score", "from 0 to 1000000"),
        ({"pairs": [{"need": "N1", "candidate": "a"}]}, "/pairs/0/score", "missing"),
        (
            {"pairs": [{"need": "N1", "candidate": "a", "score": 1, "uses": {"a/b": 1}}]},
            "/pairs/0/uses/a~1b",
            "id of a capacity",
        ),
        ({"locks": [{"need": "N1", "candidate": "web"}]}, "/locks/0", "one of the pairs"),
        ({"bans": [{"need": "N2", "candidate": "web"}]}, "/bans/0", "not both"),
        (
            {"links": [{"need": "N2", "candidate": "web", "one_of": [{"need": "N1", "candidate": "web"}]}]},
            "/links/0/one_of/0",
            "one of the pairs",
        ),
        (
            {"links": [{"need": "N2", "candidate": "web", "one_of": [{"need": "N2", "candidate": "web"}]}]},
            "/links/0/one_of/0",
            "lean on itself",
        ),
        ({"links": [{"need": "N2", "candidate": "web"}]}, "/links/0/one_of", "missing"),
        ({"settings": {"time_limit_seconds": 0}}, "/settings/time_limit_seconds", "more than 0"),
        ({"settings": {"unique": 1}}, "/settings/unique", "true or false"),
        ({"floors": [{"group": "sids", "minimum": 1}]}, "sids", "no need belongs"),
    ],
)
def test_bad_document_is_refused_by_pointer(changes: dict[str, object], pointer: str, allowed: str) -> None:
    with pytest.raises(EngineError) as refused:
        read_portfolio(encoded(document(**changes)))
    assert (refused.value.code, refused.value.subject) == ("bad_instance", pointer)
    assert allowed in refused.value.detail


def test_command_prints_the_plan_of_a_file(tmp_path: Path) -> None:
    file = tmp_path / "portfolio.json"
    file.write_bytes(encoded(document()))
    written = StringIO()
    call_command("solve_portfolio", str(file), stdout=written)
    answer = json.loads(written.getvalue())
    assert answer["status"] == "optimal"
    assert {"reading", "model", "verify"} <= set(answer["seconds"])


def test_command_reads_standard_input_and_refuses_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(encoded(document(format=7)))))
    with pytest.raises(CommandError, match=r"^The instance is bad at /format: expected 1, found 7\.$") as refused:
        call_command("solve_portfolio", "-")
    assert refused.value.returncode == 2


def test_command_without_a_file_says_why(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read: No such file") as refused:
        call_command("solve_portfolio", str(tmp_path / "none.json"))
    assert refused.value.returncode == 2
