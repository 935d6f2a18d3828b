"""A search for a team as JSON, read strictly, and its answer as JSON. The format is described in `docs/engine.md`.

Only `format`, `cells` and `candidates` (each with `id` and `cells`) are needed; every other member has a default.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TypeVar

from matching.engine.errors import EngineError
from matching.engine.reading import document_of, shown
from matching.engine.sentences import LANGUAGES, render
from matching.engine.snapshot import plain
from matching.engine.team_search.answer import TeamAnswer
from matching.engine.team_search.instance import TeamCandidate, TeamInstance

FORMAT = 1
BAD_INSTANCE = "bad_instance"
MEMBERS = ("format", "cells", "candidates", "exclusions", "excluded", "budget", "max_partners", "lead", "search_nodes")
CANDIDATE_MEMBERS = ("id", "partner", "cells", "value", "values", "cost", "can_lead")

Value = TypeVar("Value")


def read_team_instance(content: bytes) -> TeamInstance:
    """Read an instance. Raises EngineError(bad_instance): the JSON pointer of what is wrong, and what is allowed."""
    document = _object(document_of(content, BAD_INSTANCE), "", MEMBERS, needed=("format", "cells", "candidates"))
    if document["format"] != FORMAT:
        raise _refuse("/format", f"expected {FORMAT}, found {shown(document['format'])}")
    cells = tuple(_list(document["cells"], "/cells", _word))
    position = {cell: number for number, cell in enumerate(cells)}
    lead = document.get("lead")
    if not (lead is None or isinstance(lead, str | bool)):
        raise _refuse("/lead", f"expected the code of a partner, true, false or null, found {shown(lead)}")
    return TeamInstance(
        cells=cells,
        candidates=tuple(
            _list(document["candidates"], "/candidates", lambda value, at: _candidate(value, at, position))
        ),
        exclusions=frozenset(_list(document.get("exclusions", []), "/exclusions", _pair)),
        excluded=frozenset(_list(document.get("excluded", []), "/excluded", _word)),
        budget=None if document.get("budget") is None else _whole(document["budget"], "/budget"),
        lead_required=lead is True,
        lead=lead if isinstance(lead, str) else None,
        **{
            name: _whole(document[name], f"/{name}", least=1)
            for name in ("max_partners", "search_nodes")
            if name in document
        },
    )


def team_document(answer: TeamAnswer, timings: Mapping[str, float]) -> dict[str, object]:
    """Return an answer as JSON data: team, objective, bound, gap, reasons, sentences; timings in milliseconds."""
    return {
        "format": FORMAT,
        "team": plain(answer.members),
        "partners": list(answer.partners),
        "lead": answer.lead,
        "cost": answer.cost,
        "covered": list(answer.covered),
        "uncovered": [
            {
                "cell": entry.cell,
                "reasons": list(entry.reasons),
                "needed": plain(entry.needed),
                "candidates": entry.candidates,
                "certain": entry.certain,
            }
            for entry in answer.uncovered
        ],
        "objective": asdict(answer.objective),
        "bound": asdict(answer.bound),
        "gap": asdict(answer.gap),
        "proven": answer.proven,
        "nodes": answer.nodes,
        "sentences": {code: [render(said, code) for said in answer.sentences] for code in LANGUAGES},
        "milliseconds": {name: round(value, 3) for name, value in timings.items()},
    }


def _refuse(pointer: str, detail: str) -> EngineError:
    return EngineError(BAD_INSTANCE, pointer, detail)


def _object(value: object, at: str, members: tuple[str, ...], needed: tuple[str, ...]) -> dict[str, object]:
    if not isinstance(value, dict):
        raise _refuse(at, f"expected an object, found {shown(value)}")
    for name in value:
        if name not in members:
            raise _refuse(f"{at}/{_escaped(name)}", f"unknown; allowed are {', '.join(members)}")
    for name in needed:
        if name not in value:
            raise _refuse(f"{at}/{name}", "missing")
    return value


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


def _list(value: object, at: str, read: Callable[[object, str], Value]) -> list[Value]:
    if not isinstance(value, list):
        raise _refuse(at, f"expected a list, found {shown(value)}")
    return [read(entry, f"{at}/{number}") for number, entry in enumerate(value)]


def _word(value: object, at: str) -> str:
    if not isinstance(value, str) or not value:
        raise _refuse(at, f"expected a text that is not empty, found {shown(value)}")
    return value


def _whole(value: object, at: str, least: int = 0) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise _refuse(at, f"expected a whole number from {least} on, found {shown(value)}")
    return value


def _truth(value: object, at: str) -> bool:
    if not isinstance(value, bool):
        raise _refuse(at, f"expected true or false, found {shown(value)}")
    return value


def _pair(value: object, at: str) -> tuple[str, str]:
    names = _list(value, at, _word)
    if len(names) != 2 or names[0] == names[1]:
        raise _refuse(at, f"expected two different partners, found {shown(value)}")
    return names[0], names[1]


def _cell(value: object, at: str, position: Mapping[str, int]) -> int:
    cell = _word(value, at)
    if cell not in position:
        raise _refuse(at, f"{shown(cell)} is no cell; allowed are {', '.join(position)}")
    return position[cell]


def _candidate(value: object, at: str, position: Mapping[str, int]) -> TeamCandidate:
    entry = _object(value, at, CANDIDATE_MEMBERS, needed=("id", "cells"))
    code = _word(entry["id"], f"{at}/id")
    covered = _list(entry["cells"], f"{at}/cells", lambda cell, pointer: _cell(cell, pointer, position))
    if len(set(covered)) != len(covered):
        raise _refuse(f"{at}/cells", "a cell occurs twice")
    return TeamCandidate(
        id=code,
        partner=_word(entry.get("partner", code), f"{at}/partner"),
        cells=sum(1 << cell for cell in covered),
        value=_whole(entry.get("value", 0), f"{at}/value"),
        values=_values(entry.get("values", {}), f"{at}/values", position),
        cost=_whole(entry.get("cost", 0), f"{at}/cost"),
        can_lead=_truth(entry.get("can_lead", True), f"{at}/can_lead"),
    )


def _values(value: object, at: str, position: Mapping[str, int]) -> tuple[int, ...]:
    if not isinstance(value, dict):
        raise _refuse(at, f"expected an object from cell to value, found {shown(value)}")
    found = [0] * len(position)
    for name, worth in value.items():
        pointer = f"{at}/{_escaped(name)}"
        found[_cell(name, pointer, position)] = _whole(worth, pointer)
    return tuple(found) if value else ()
