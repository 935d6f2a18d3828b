"""Life cycles as tables: the table is the documentation, the test matrix and the diagram."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Party(StrEnum):
    """Who owes the next step (`waiting_for`)."""

    AUTHORITY = "authority"
    NOBODY = "nobody"
    PROVIDER = "provider"
    PROVIDERS = "providers"
    REQUESTER = "requester"
    REQUESTER_AND_SECRETARIAT = "requester_and_secretariat"
    SECOND_APPROVER = "second_approver"
    SECRETARIAT = "secretariat"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Step:
    """An open step: a code of the service-level table and the party that owes it."""

    code: str
    party: Party


@dataclass(frozen=True, slots=True)
class Transition:
    """One verb: from which states, to which (the first is the usual one), by whose permission.

    ``automatic`` transitions follow from other facts and are never offered to a person. ``pauses`` keeps what is left
    of the clock of the state that is left; ``resumes`` gives it back (the clock pauses while another party holds the step).
    """

    verb: str
    sources: frozenset[str]
    targets: tuple[str, ...]
    event: str
    permission: str | None = None
    automatic: bool = False
    pauses: bool = False
    resumes: bool = False
    public: bool = True  # has a route of its own name
    step: Step | None = None  # opens this step instead of the usual one of the target state


@dataclass(frozen=True)
class Lifecycle:
    """All states and verbs of one kind of thing."""

    name: str
    initial: str
    states: tuple[str, ...]
    transitions: tuple[Transition, ...]
    steps: Mapping[str, Step] = field(default_factory=dict)

    def __post_init__(self) -> None:
        known = set(self.states)
        named = {self.initial, *self.steps}.union(*(t.sources | set(t.targets) for t in self.transitions))
        if named - known:
            raise ValueError(f"life cycle {self.name} names unknown states: {sorted(named - known)}")

    @property
    def final(self) -> frozenset[str]:
        """States that no verb leaves."""
        return frozenset(self.states) - {source for t in self.transitions for source in t.sources}

    @property
    def waiting(self) -> frozenset[str]:
        """States in which a step may be open: in every other nobody is waited for."""
        opened = (target for t in self.transitions if t.step is not None for target in t.targets)
        return frozenset(self.steps).union(opened)

    def find(self, state: str, verb: str) -> Transition | None:
        """Give the transition of ``verb`` that leaves ``state``, or None."""
        return next((t for t in self.transitions if t.verb == verb and state in t.sources), None)

    def open_transitions(self, state: str) -> Iterator[Transition]:
        """Give what may be done in ``state``, automatic transitions left out."""
        return (t for t in self.transitions if state in t.sources and not t.automatic)

    def sources_of(self, verb: str) -> frozenset[str]:
        """Give the states in which ``verb`` is open."""
        return frozenset().union(*(t.sources for t in self.transitions if t.verb == verb))


def move(
    verb: str,
    sources: str,
    target: str,
    event: str,
    permission: str | None = None,
    *,
    step: Step | None = None,
    **flags: bool,
) -> Transition:
    """Write one row of a table briefly: ``sources`` and ``target`` are names separated by blanks."""
    return Transition(verb, frozenset(sources.split()), tuple(target.split()), event, permission, step=step, **flags)
