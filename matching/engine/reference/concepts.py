"""The theme scheme: a forest of concepts (SKOS broader/narrower) and how close two of them are.

Closeness is Wu and Palmer's (1994): `2 * depth(common ancestor) / (depth(a) + depth(b))`, a top
concept having depth 1 and concepts without a common ancestor closeness 0. It is kept as an integer
0..1000 so that everything built on it stays exact.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from matching.engine.errors import EngineError


class Relation(StrEnum):
    """What an offered concept is to the asked one."""

    EQUAL = "equal"
    NARROWER = "narrower"
    BROADER = "broader"  # the direct parent of what is asked
    SAME_FIELD = "same_field"  # under the same top concept only
    NONE = "none"


RELATION_ORDER = tuple(Relation)  # the nearest first


class Nearness(NamedTuple):
    """How near a concept is to one asked, the nearest first: place of its relation in RELATION_ORDER, minus its closeness."""

    order: int
    farness: int
    concept: str

    @classmethod
    def none(cls, concept: str) -> "Nearness":
        """Return that of a concept of another field."""
        return cls(RELATION_ORDER.index(Relation.NONE), 0, concept)


@dataclass(frozen=True, slots=True)
class Concept:
    """One theme; `broader` is its only parent, None for a top concept."""

    id: str
    broader: str | None = None


@dataclass(frozen=True, slots=True)
class ThemeScheme:
    """A versioned forest of concepts, with closeness of every pair computed once."""

    version: str
    concepts: tuple[Concept, ...]
    position: Mapping[str, int] = field(init=False, repr=False, compare=False)
    ancestry: tuple[tuple[int, ...], ...] = field(init=False, repr=False, compare=False)
    closeness: NDArray[np.int64] = field(init=False, repr=False, compare=False)
    _relations: dict[str, dict[Relation, NDArray[np.bool_]]] = field(
        init=False, repr=False, compare=False, default_factory=dict
    )
    _nearness: dict[str, dict[str, "Nearness"]] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        ordered = tuple(sorted(self.concepts, key=lambda concept: concept.id))
        position = {concept.id: number for number, concept in enumerate(ordered)}
        if len(position) != len(ordered):
            raise EngineError("bad_scheme", self.version, "a concept occurs twice")
        ancestry = tuple(_ancestry(concept, ordered, position) for concept in ordered)
        object.__setattr__(self, "concepts", ordered)
        object.__setattr__(self, "position", position)
        object.__setattr__(self, "ancestry", ancestry)
        object.__setattr__(self, "closeness", _wu_palmer(ancestry))

    def index(self, concept: str) -> int:
        """Return the row of a concept. Raises EngineError(unknown_concept)."""
        try:
            return self.position[concept]
        except KeyError:
            raise EngineError("unknown_concept", concept, f"not in scheme {self.version}") from None

    def relation(self, *, asked: int, offered: int) -> Relation:
        """Tell what the offered concept is to the asked one."""
        if asked == offered:
            return Relation.EQUAL
        if asked in self.ancestry[offered]:
            return Relation.NARROWER
        if self.ancestry[asked][1:2] == (offered,):
            return Relation.BROADER
        if self.ancestry[asked][-1] == self.ancestry[offered][-1]:
            return Relation.SAME_FIELD
        return Relation.NONE

    def relations(self, asked: str) -> dict[Relation, NDArray[np.bool_]]:
        """Return, for each relation, which concepts stand in it to the asked one. Kept: not to be written to."""
        if asked not in self._relations:
            number = self.index(asked)
            kinds = {kind: np.zeros(len(self.concepts), dtype=np.bool_) for kind in Relation}
            kinds[Relation.NONE] = self.closeness[number] == 0
            for other in np.flatnonzero(self.closeness[number]).tolist():  # those of one field: few of many
                kinds[self.relation(asked=number, offered=other)][other] = True
            self._relations[asked] = kinds
        return self._relations[asked]

    def nearness(self, asked: str) -> Mapping[str, "Nearness"]:
        """Return how near the concepts of its field are to the asked one. Kept: not to be written to."""
        if asked not in self._nearness:
            number = self.index(asked)
            self._nearness[asked] = {
                self.concepts[other].id: Nearness(
                    RELATION_ORDER.index(self.relation(asked=number, offered=other)),
                    -int(self.closeness[number, other]),
                    self.concepts[other].id,
                )
                for other in np.flatnonzero(self.closeness[number]).tolist()
            }
        return self._nearness[asked]

    def parent(self, concept: str) -> str | None:
        """Return the broader concept, None for a top concept."""
        return self.concepts[self.index(concept)].broader

    def field_of(self, concept: str) -> frozenset[str]:
        """Return every concept under the same top concept, itself included."""
        top = self.ancestry[self.index(concept)][-1]
        return frozenset(self.concepts[number].id for number, line in enumerate(self.ancestry) if line[-1] == top)


def scheme_from_pairs(version: str, pairs: Iterable[tuple[str, str | None]]) -> ThemeScheme:
    """Build a scheme from (concept, broader) pairs."""
    return ThemeScheme(version=version, concepts=tuple(Concept(id=a, broader=b) for a, b in pairs))


def _ancestry(concept: Concept, concepts: tuple[Concept, ...], position: Mapping[str, int]) -> tuple[int, ...]:
    line: list[int] = []
    current: str | None = concept.id
    while current is not None:
        if current not in position:
            raise EngineError("bad_scheme", concept.id, f"broader concept {current} is missing")
        number = position[current]
        if number in line:
            raise EngineError("bad_scheme", concept.id, "broader concepts form a circle")
        line.append(number)
        current = concepts[number].broader
    return tuple(line)


def _wu_palmer(ancestry: tuple[tuple[int, ...], ...]) -> NDArray[np.int64]:
    size = len(ancestry)
    table = np.zeros((size, size), dtype=np.int64)
    for a in range(size):
        for b in range(a, size):
            common = len(set(ancestry[a]) & set(ancestry[b]))
            table[a, b] = table[b, a] = 2000 * common // (len(ancestry[a]) + len(ancestry[b]))
    return table
