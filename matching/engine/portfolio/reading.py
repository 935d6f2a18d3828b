"""A portfolio as JSON, read strictly, and its plan as JSON. The format is described in `docs/engine.md`.

    {"format": 1,
     "needs": [{"id": "N1", "priority_class": 1, "groups": ["ldc"]}],
     "capacities": [{"id": "session", "maximum": 20, "minimum": 0}],
     "budgets": [{"id": "total", "maximum": 2500000}],
     "pairs": [{"need": "N1", "candidate": "session", "score": 730000, "uses": {"session": 12},
                "costs": {"total": 180000}, "previous": false, "tie": 5}],
     "floors": [{"group": "ldc", "minimum": 1}],
     "locks": [{"need": "N1", "candidate": "session"}], "bans": [],
     "links": [{"need": "N1", "candidate": "session", "one_of": [{"need": "N2", "candidate": "session"}]}],
     "settings": {"worst_served": true, "stability": true, "unique": true, "time_limit_seconds": 60}}

Only `format`, `needs` (each with `id`) and `pairs` (each with `need`, `candidate`, `score`) are needed. Amounts of money are
cents; a pair without `tie` gets one from the hash of its names.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from hashlib import sha256
from typing import TypeVar

from matching.engine.keeping.instance_files import BAD_INSTANCE, escaped, list_of, object_of, refuse, truth, whole, word
from matching.engine.keeping.reading import document_of, shown
from matching.engine.policy import SCORE_TOP
from matching.engine.portfolio.building import build_instance
from matching.engine.portfolio.instance import (
    AMOUNT_TOP,
    LAST_CLASS,
    TIE_BITS,
    BudgetLimit,
    Capacity,
    Floor,
    Instance,
    NeedEntry,
    Pair,
)
from matching.engine.portfolio.results import Settings, Solution

FORMAT = 1
TIME_LIMIT_TOP = 86_400  # seconds
NUMBERED = 1_000_000_000

Value = TypeVar("Value")
Document = dict[str, object]
Names = tuple[str, str]  # of a pair: need, candidate


def read_portfolio(content: bytes) -> tuple[Instance, Settings]:
    """Read an instance and how to solve it.

    Raises EngineError(bad_instance): the JSON pointer of what is wrong, and what is allowed.
    """
    members = ("format", "needs", "capacities", "budgets", "pairs", "floors", "locks", "bans", "links", "settings")
    document = object_of(document_of(content, BAD_INSTANCE), "", members, needed=("format", "needs", "pairs"))
    if document["format"] != FORMAT:
        raise refuse("/format", f"expected {FORMAT}, found {shown(document['format'])}")
    settings = _settings(document.get("settings", {}))
    needs = list_of(document["needs"], "/needs", _need)
    capacities = list_of(document.get("capacities", []), "/capacities", _capacity)
    budgets = list_of(document.get("budgets", []), "/budgets", _budget)
    known = _Names(
        _unique("/needs", [entry.id for entry in needs]),
        _unique("/capacities", [entry.id for entry in capacities]),
        _unique("/budgets", [entry.id for entry in budgets]),
    )
    pairs = list_of(document["pairs"], "/pairs", lambda value, at: _pair(value, at, known))
    names = _unique("/pairs", [(pair.need, pair.candidate) for pair in pairs])
    locks = list_of(document.get("locks", []), "/locks", lambda value, at: _named(value, at, names))
    bans = list_of(document.get("bans", []), "/bans", lambda value, at: _ban(value, at, names, locks))
    floors = list_of(document.get("floors", []), "/floors", _floor)
    links = list_of(document.get("links", []), "/links", lambda value, at: _link(value, at, names))
    instance = build_instance(
        needs, capacities, pairs, budgets=budgets, floors=floors, locks=locks, bans=bans, links=links
    )
    return instance, settings


def plan_document(instance: Instance, solution: Solution, timings: Mapping[str, float]) -> Document:
    """Return a solution as JSON data; `timings` are seconds by stage, everything else follows from the instance alone."""
    conflict = solution.conflict
    return {
        "format": FORMAT,
        "status": solution.status,
        "plan": [_entry(instance, number) for number in solution.chosen],
        "unserved": _unserved(instance, solution),
        "objective": {
            "served_by_class": {str(number): count for number, count in solution.served_by_class.items()},
            "worst_score": solution.worst_score,
            "total_score": solution.total_score,
            "kept": solution.kept,
        },
        "stages": [
            {
                "name": stage.name,
                "value": stage.value,
                "bound": stage.bound,
                "gap": stage.gap,
                "proven": stage.proven,
                "solver": stage.solver,
            }
            for stage in solution.stages
        ],
        "conflict": None
        if conflict is None
        else {
            "locks": [_names(instance, number) for number in conflict.locks],
            "floors": list(conflict.floors),
            "minima": list(conflict.minima),
        },
        "seconds": {name: round(value, 6) for name, value in timings.items()},
    }


class _Names:
    """The ids that pairs may name."""

    def __init__(self, needs: frozenset[str], capacities: frozenset[str], budgets: frozenset[str]) -> None:
        self.needs, self.capacities, self.budgets = needs, capacities, budgets


def _entry(instance: Instance, number: int) -> Document:
    return {**_names(instance, number), "score": int(instance.pairs.score[number])}


def _names(instance: Instance, number: int) -> Document:
    need, candidate = instance.pair_name(number)
    return {"need": need, "candidate": candidate}


def _unserved(instance: Instance, solution: Solution) -> list[str]:
    served = {int(instance.pairs.need[number]) for number in solution.chosen}
    return [entry.id for place, entry in enumerate(instance.needs) if place not in served]


def _settings(value: object) -> Settings:
    members = ("worst_served", "stability", "unique", "time_limit_seconds")
    entry = object_of(value, "/settings", members, needed=())
    limit = entry.get("time_limit_seconds")
    if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int | Decimal)):
        raise refuse("/settings/time_limit_seconds", f"expected a number of seconds or null, found {shown(limit)}")
    if limit is not None and not 0 < limit <= TIME_LIMIT_TOP:
        raise refuse("/settings/time_limit_seconds", f"expected more than 0 and at most {TIME_LIMIT_TOP} seconds")
    switches = {name: truth(entry.get(name, True), f"/settings/{name}") for name in members[:-1]}
    return Settings(**switches, time_limit_seconds=None if limit is None else float(limit))


def _need(value: object, at: str) -> NeedEntry:
    entry = object_of(value, at, ("id", "priority_class", "groups"), needed=("id",))
    return NeedEntry(
        word(entry["id"], f"{at}/id"),
        whole(entry.get("priority_class", 4), f"{at}/priority_class", 1, LAST_CLASS),
        frozenset(list_of(entry.get("groups", []), f"{at}/groups", word)),
    )


def _capacity(value: object, at: str) -> Capacity:
    entry = object_of(value, at, ("id", "maximum", "minimum"), needed=("id", "maximum"))
    maximum = whole(entry["maximum"], f"{at}/maximum", 0, AMOUNT_TOP)
    return Capacity(word(entry["id"], f"{at}/id"), maximum, whole(entry.get("minimum", 0), f"{at}/minimum", 0, maximum))


def _budget(value: object, at: str) -> BudgetLimit:
    entry = object_of(value, at, ("id", "maximum"), needed=("id", "maximum"))
    return BudgetLimit(word(entry["id"], f"{at}/id"), whole(entry["maximum"], f"{at}/maximum", 0, AMOUNT_TOP))


def _floor(value: object, at: str) -> Floor:
    entry = object_of(value, at, ("group", "minimum"), needed=("group", "minimum"))
    return Floor(word(entry["group"], f"{at}/group"), whole(entry["minimum"], f"{at}/minimum", 0, NUMBERED))


def _pair(value: object, at: str, known: _Names) -> Pair:
    members = ("need", "candidate", "score", "uses", "costs", "previous", "tie")
    entry = object_of(value, at, members, needed=("need", "candidate", "score"))
    need, candidate = (
        _of(entry["need"], f"{at}/need", known.needs, "need"),
        word(entry["candidate"], f"{at}/candidate"),
    )
    return Pair(
        need,
        candidate,
        whole(entry["score"], f"{at}/score", 0, SCORE_TOP),
        tuple(_amounts(entry.get("uses", {}), f"{at}/uses", known.capacities, "capacity")),
        tuple(_amounts(entry.get("costs", {}), f"{at}/costs", known.budgets, "budget")),
        truth(entry.get("previous", False), f"{at}/previous"),
        whole(entry["tie"], f"{at}/tie", 0, (1 << TIE_BITS) - 1) if "tie" in entry else tie_of(need, candidate),
    )


def tie_of(need: str, candidate: str) -> int:
    """Return 60 bits of the hash of a pair's names."""
    content = f"{len(need)}:{need}{candidate}".encode()
    return int.from_bytes(sha256(content).digest()[:8], "big") >> (64 - TIE_BITS)


def _amounts(value: object, at: str, known: frozenset[str], what: str) -> Iterator[tuple[str, int]]:
    if not isinstance(value, dict):
        raise refuse(at, f"expected an object from {what} to amount, found {shown(value)}")
    for name, amount in value.items():
        pointer = f"{at}/{escaped(name)}"
        yield _of(name, pointer, known, what), whole(amount, pointer, 0, AMOUNT_TOP)


def _named(value: object, at: str, pairs: frozenset[Names]) -> Names:
    entry = object_of(value, at, ("need", "candidate"), needed=("need", "candidate"))
    names = word(entry["need"], f"{at}/need"), word(entry["candidate"], f"{at}/candidate")
    if names not in pairs:
        raise refuse(at, "expected the need and the candidate of one of the pairs")
    return names


def _link(value: object, at: str, pairs: frozenset[Names]) -> tuple[Names, list[Names]]:
    entry = object_of(value, at, ("need", "candidate", "one_of"), needed=("need", "candidate", "one_of"))
    pair = _named({name: entry[name] for name in ("need", "candidate")}, at, pairs)
    others = list_of(entry["one_of"], f"{at}/one_of", lambda one, place: _named(one, place, pairs))
    if pair in others:
        raise refuse(f"{at}/one_of/{others.index(pair)}", "a pair does not lean on itself")
    return pair, others


def _ban(value: object, at: str, pairs: frozenset[Names], locks: list[Names]) -> Names:
    names = _named(value, at, pairs)
    if names in locks:
        raise refuse(at, "this pair is locked; a pair is locked or banned, not both")
    return names


def _unique(at: str, names: list[Value]) -> frozenset[Value]:
    seen: set[Value] = set()
    for place, name in enumerate(names):
        if name in seen:
            raise refuse(f"{at}/{place}", f"{shown(name)} is there twice")
        seen.add(name)
    return frozenset(seen)


def _of(value: object, at: str, known: frozenset[str], what: str) -> str:
    name = word(value, at)
    if name not in known:
        raise refuse(at, f"expected the id of a {what}, found {shown(name)}")
    return name
