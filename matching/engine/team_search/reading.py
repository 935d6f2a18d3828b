"""A search for a team as JSON, read strictly, and its answer as JSON. The format is described in `docs/engine.md`.

Only `format`, `cells` and `candidates` (each with `id` and `cells`) are needed; every other member has a default.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TypeVar

from matching.engine.keeping.instance_files import BAD_INSTANCE, escaped, list_of, object_of, refuse, truth, whole, word
from matching.engine.keeping.reading import document_of, shown
from matching.engine.keeping.snapshot import plain
from matching.engine.sentences import LANGUAGES, render
from matching.engine.team_search.answer import TeamAnswer
from matching.engine.team_search.instance import TeamCandidate, TeamInstance

FORMAT = 1
MEMBERS = ("format", "cells", "candidates", "exclusions", "excluded", "budget", "max_partners", "lead", "search_nodes")
CANDIDATE_MEMBERS = ("id", "partner", "cells", "value", "values", "cost", "can_lead")

Value = TypeVar("Value")


def read_team_instance(content: bytes) -> TeamInstance:
    """Read an instance. Raises EngineError(bad_instance): the JSON pointer of what is wrong, and what is allowed."""
    document = object_of(document_of(content, BAD_INSTANCE), "", MEMBERS, needed=("format", "cells", "candidates"))
    if document["format"] != FORMAT:
        raise refuse("/format", f"expected {FORMAT}, found {shown(document['format'])}")
    cells = tuple(list_of(document["cells"], "/cells", word))
    position = {cell: number for number, cell in enumerate(cells)}
    lead = document.get("lead")
    if not (lead is None or isinstance(lead, str | bool)):
        raise refuse("/lead", f"expected the code of a partner, true, false or null, found {shown(lead)}")
    return TeamInstance(
        cells=cells,
        candidates=tuple(
            list_of(document["candidates"], "/candidates", lambda value, at: _candidate(value, at, position))
        ),
        exclusions=frozenset(list_of(document.get("exclusions", []), "/exclusions", _pair)),
        excluded=frozenset(list_of(document.get("excluded", []), "/excluded", word)),
        budget=None if document.get("budget") is None else whole(document["budget"], "/budget"),
        lead_required=lead is True,
        lead=lead if isinstance(lead, str) else None,
        **{
            name: whole(document[name], f"/{name}", least=1)
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


def _pair(value: object, at: str) -> tuple[str, str]:
    names = list_of(value, at, word)
    if len(names) != 2 or names[0] == names[1]:
        raise refuse(at, f"expected two different partners, found {shown(value)}")
    return names[0], names[1]


def _cell(value: object, at: str, position: Mapping[str, int]) -> int:
    cell = word(value, at)
    if cell not in position:
        raise refuse(at, f"{shown(cell)} is no cell; allowed are {', '.join(position)}")
    return position[cell]


def _candidate(value: object, at: str, position: Mapping[str, int]) -> TeamCandidate:
    entry = object_of(value, at, CANDIDATE_MEMBERS, needed=("id", "cells"))
    code = word(entry["id"], f"{at}/id")
    covered = list_of(entry["cells"], f"{at}/cells", lambda cell, pointer: _cell(cell, pointer, position))
    if len(set(covered)) != len(covered):
        raise refuse(f"{at}/cells", "a cell occurs twice")
    return TeamCandidate(
        id=code,
        partner=word(entry.get("partner", code), f"{at}/partner"),
        cells=sum(1 << cell for cell in covered),
        value=whole(entry.get("value", 0), f"{at}/value"),
        values=_values(entry.get("values", {}), f"{at}/values", position),
        cost=whole(entry.get("cost", 0), f"{at}/cost"),
        can_lead=truth(entry.get("can_lead", True), f"{at}/can_lead"),
    )


def _values(value: object, at: str, position: Mapping[str, int]) -> tuple[int, ...]:
    if not isinstance(value, dict):
        raise refuse(at, f"expected an object from cell to value, found {shown(value)}")
    found = [0] * len(position)
    for name, worth in value.items():
        pointer = f"{at}/{escaped(name)}"
        found[_cell(name, pointer, position)] = whole(worth, pointer)
    return tuple(found) if value else ()
