"""Instances of teams as JSON: read strictly, refused by pointer, and answered by the command."""

import json
from collections.abc import Callable
from io import BytesIO, StringIO, TextIOWrapper
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from matching.engine import EngineError
from matching.engine.team_search import TeamCandidate, TeamInstance, find_team, read_team_instance, team_document


def document(**changes: object) -> dict[str, Any]:
    base: dict[str, Any] = {
        "format": 1,
        "cells": ["fr", "ar"],
        "candidates": [
            {"id": "A", "cells": ["fr"], "value": 7, "cost": 10},
            {"id": "B1", "partner": "B", "cells": ["ar", "fr"], "values": {"ar": 4}, "cost": 5, "can_lead": False},
        ],
        "exclusions": [["A", "B"]],
        "excluded": ["A"],
        "budget": 40,
        "max_partners": 3,
        "lead": True,
        "search_nodes": 1000,
    }
    return base | changes


def read(value: object) -> TeamInstance:
    return read_team_instance(json.dumps(value).encode())


def test_document_is_read_as_the_instance_it_describes() -> None:
    assert read(document()) == TeamInstance(
        cells=("fr", "ar"),
        candidates=(
            TeamCandidate("A", "A", 0b01, value=7, cost=10),
            TeamCandidate("B1", "B", 0b11, values=(0, 4), cost=5, can_lead=False),
        ),
        exclusions=frozenset({("A", "B")}),
        excluded=frozenset({"A"}),
        budget=40,
        max_partners=3,
        lead_required=True,
        search_nodes=1000,
    )


def test_only_format_cells_and_candidates_are_needed() -> None:
    short = {"format": 1, "cells": ["a"], "candidates": [{"id": "A", "cells": ["a"]}]}
    assert read(short) == TeamInstance(("a",), (TeamCandidate("A", "A", 1),))
    assert read(document(lead="B")).lead == "B"
    assert not read(document(lead=False)).needs_lead


def _at(*steps: Any, value: object) -> Callable[[dict[str, Any]], None]:
    def change(found: Any) -> None:
        for step in steps[:-1]:
            found = found[step]
        found[steps[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "pointer", "allowed"),
    [
        (_at("format", value=2), "/format", "expected 1"),
        (_at("colour", value=2), "/colour", "allowed are format"),
        (_at("cells", value="fr"), "/cells", "expected a list"),
        (_at("cells", 1, value=""), "/cells/1", "not empty"),
        (_at("candidates", 0, "cells", 0, value="en"), "/candidates/0/cells/0", "allowed are fr, ar"),
        (_at("candidates", 0, "cells", value=["fr", "fr"]), "/candidates/0/cells", "twice"),
        (_at("candidates", 1, "values", value={"a/b": 1}), "/candidates/1/values/a~1b", "allowed are fr, ar"),
        (_at("candidates", 1, "values", value=[1]), "/candidates/1/values", "expected an object"),
        (_at("candidates", 1, "cost", value=1.5), "/candidates/1/cost", "whole number from 0"),
        (_at("candidates", 1, "cost", value=True), "/candidates/1/cost", "whole number from 0"),
        (_at("candidates", 1, "can_lead", value=1), "/candidates/1/can_lead", "true or false"),
        (_at("candidates", 1, value={"cells": []}), "/candidates/1/id", "missing"),
        (_at("candidates", 1, "id", value="A"), "/candidates", "twice"),
        (_at("exclusions", 0, value=["A", "A"]), "/exclusions/0", "two different"),
        (_at("exclusions", 0, value=["A", "Z"]), "/exclusions", "partners that are there"),
        (_at("budget", value=-1), "/budget", "from 0"),
        (_at("max_partners", value=0), "/max_partners", "from 1"),
        (_at("max_partners", value=99), "/max_partners", "1 to 16"),
        (_at("lead", value=3), "/lead", "true, false or null"),
        (_at("lead", value="Z"), "/lead", "no partner"),
    ],
)
def test_mistake_is_named_by_its_pointer_and_what_is_allowed(
    change: Callable[[dict[str, Any]], None], pointer: str, allowed: str
) -> None:
    found = json.loads(json.dumps(document()))
    change(found)
    with pytest.raises(EngineError) as refused:
        read(found)
    assert (refused.value.code, refused.value.subject) == ("bad_instance", pointer)
    assert allowed in refused.value.detail


def test_answer_as_json_holds_team_objective_bound_gap_and_sentences() -> None:
    short = document(excluded=[], exclusions=[], cells=["fr", "ar", "es"], lead=None)
    found = team_document(find_team(read(short)), {"searching": 1.5})
    assert json.loads(json.dumps(found)) == found
    assert found["objective"] == found["bound"] == {"cells": 2, "partners": 1, "value": 4}
    assert found["gap"] == {"cells": 0, "partners": 0, "value": 0}
    assert found["proven"] is True
    assert found["uncovered"] == [
        {"cell": "es", "reasons": ["no_candidate"], "needed": {}, "candidates": 0, "certain": True}
    ]
    sentences = found["sentences"]
    assert isinstance(sentences, dict)
    assert "es reste sans réponse." in sentences["fr"]


def test_command_prints_the_answer_as_json(tmp_path: Path) -> None:
    path = tmp_path / "instance.json"
    path.write_text(json.dumps(document(exclusions=[], excluded=[], lead=None)))
    out = StringIO()
    call_command("find_team", str(path), stdout=out)
    answer = json.loads(out.getvalue())
    assert [member["candidate"] for member in answer["team"]] == ["B1"]
    assert set(answer["milliseconds"]) == {"reading", "searching"}


def test_command_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(json.dumps(document()).encode())))
    out = StringIO()
    call_command("find_team", "-", stdout=out)
    assert json.loads(out.getvalue())["proven"] is True


@pytest.mark.parametrize("content", [b"{", b'{"format": 1, "format": 1}', b"[]", b'{"format": 1}', b"\xff"])
def test_command_refuses_a_bad_instance_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(content)
    with pytest.raises(CommandError, match=r"^The instance is bad at .+\.$") as refused:
        call_command("find_team", str(path), stdout=StringIO())
    assert refused.value.returncode == 2


def test_command_refuses_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read") as refused:
        call_command("find_team", str(tmp_path / "none.json"))
    assert refused.value.returncode == 2
