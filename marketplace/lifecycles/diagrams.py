"""Pages about the life cycles, written from their tables: a Mermaid state diagram, the verbs, the open steps."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from marketplace.kernel.lifecycle import Lifecycle, Step, Transition
from marketplace.lifecycles.registry import lifecycle_models
from marketplace.records.models import LifecycleRecord
from marketplace.vocabularies.datafiles import SHIPPED, Entry, read_json

INDEX = "README.md"
MADE = "Written by `make schema` from the tables in the code; do not edit it here."
LEGEND = (
    "In the diagrams a verb in (parentheses) follows from other facts and is offered to nobody. Working days are those of "
    "the shipped service levels, which the secretariat can change. Why it is so: [ADR 0004](../adr/0004-transition-tables.md), "
    "[ADR 0008](../adr/0008-deadlines-on-the-record.md)."
)
OWN_STEP = "The record itself says which step is open (`usual_step` of the model): "
SAME = "*unchanged*"


@dataclass(frozen=True, slots=True)
class Term:
    """What the shipped service levels say of one step; the secretariat may have changed it since."""

    label: str
    working_days: str
    reminder: str
    at_deadline: str


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table of verbs: what the transitions of one verb have in common, and where they start."""

    verb: str
    sources: tuple[str, ...]
    target: str
    permission: str
    event: str
    step: str


def pages() -> dict[str, str]:
    """Write every page: file name to text, one for each model with a life cycle, and the index."""
    terms = shipped_terms()
    models = list(lifecycle_models())
    return {INDEX: index_page(models)} | {file_name(model): page(model, terms) for model in models}


def file_name(model: type[LifecycleRecord]) -> str:
    """Name the page of a model."""
    return f"{model.resource}.md"


def shipped_terms() -> dict[str, Term]:
    """Read the service levels that the product ships, by step code."""
    entries = read_json(SHIPPED / "service_levels.json").entries("steps", "step")
    return {entry.text("step"): _term(entry) for entry in entries}


def _term(entry: Entry) -> Term:
    before = entry.whole_or_none("remind_before")
    reminder = f"{before} before" if before else "none"
    days = str(entry.whole("working_days"))
    return Term(entry.labels("labels")["en"], days, reminder, entry.labels("at_deadline")["en"])


def index_page(models: Iterable[type[LifecycleRecord]]) -> str:
    """Write the page that lists the others."""
    rows = (
        (
            f"[{model.resource}]({file_name(model)})",
            f"`{model._meta.app_label}`",
            str(len(model.lifecycle.states)),
            str(len({row.verb for row in model.lifecycle.transitions})),
            ", ".join(f"`{state}`" for state in ordered(model.lifecycle, model.lifecycle.final)) or "none",
        )
        for model in models
    )
    table = tabled(("life cycle", "app", "states", "verbs", "final states"), rows)
    return "\n".join(
        (
            "# Life cycles",
            "",
            "Everything with a `state` moves along a table in its app's `lifecycle.py`, and only "
            "[`lifecycles.operations.transition`](../../marketplace/lifecycles/operations.py) moves it. " + MADE,
            "",
            *table,
            "",
            LEGEND,
            "",
        )
    )


def page(model: type[LifecycleRecord], terms: dict[str, Term]) -> str:
    """Write the page of one model."""
    lifecycle = model.lifecycle
    about = (model.__doc__ or "").strip().split("\n")[0]
    table = f"{model._meta.app_label}/lifecycle.py"
    verbs = tabled(
        ("verb", "from", "to", "permission", "event", "opens the step"),
        (
            (f"`{row.verb}`", coded(row.sources), row.target, row.permission, f"`{row.event}`", row.step)
            for row in verb_rows(lifecycle)
        ),
    )
    return "\n".join(
        (
            f"# {model.resource}",
            "",
            about,
            f"Model `{model.__name__}`, table in [`{table}`](../../{table}). {MADE} [All life cycles]({INDEX})",
            "",
            "```mermaid",
            *diagram(lifecycle),
            "```",
            "",
            "## Verbs",
            *verbs,
            "",
            *steps_section(lifecycle, terms, own=own_words(model)),
        )
    )


def diagram(lifecycle: Lifecycle) -> Iterator[str]:
    """Yield the lines of a Mermaid state diagram; verbs between the same two states share an arrow."""
    yield "stateDiagram-v2"
    yield f"    [*] --> {lifecycle.initial}"
    for source in lifecycle.states:
        for target in lifecycle.states:
            verbs = [
                f"({row.verb})" if row.automatic else row.verb
                for row in lifecycle.transitions
                if source in row.sources and target in row.targets
            ]
            if verbs:
                yield f"    {source} --> {target} : {', '.join(dict.fromkeys(verbs))}"
    for state in ordered(lifecycle, lifecycle.final):
        yield f"    {state} --> [*]"


def verb_rows(lifecycle: Lifecycle) -> Iterator[Row]:
    """Yield the verbs in the order of the table; rows that differ in nothing but where they start become one."""
    merged: dict[Row, list[str]] = {}
    for transition in lifecycle.transitions:
        merged.setdefault(_row(lifecycle, transition), []).extend(ordered(lifecycle, transition.sources))
    for row, sources in merged.items():
        yield Row(row.verb, tuple(sources), row.target, row.permission, row.event, row.step)


def _row(lifecycle: Lifecycle, transition: Transition) -> Row:
    stays = transition.sources == set(transition.targets)
    target = SAME if stays else ", ".join(f"`{state}`" for state in transition.targets)
    steps = [transition.step] if transition.step else [lifecycle.steps.get(state) for state in transition.targets]
    opened = "the same, its clock goes on" if stays and not transition.step else named(filter(None, steps))
    if transition.pauses:
        opened += "; the clock of the step left behind pauses"
    if transition.resumes:
        opened += "; its clock goes on where it paused"
    return Row(transition.verb, (), target, permission(transition), transition.event, opened)


def permission(transition: Transition) -> str:
    """Say who may use a verb."""
    if transition.automatic:
        return "*automatic*"
    return f"`{transition.permission}`" if transition.permission else "*see the operation*"


def named(steps: Iterable[Step]) -> str:
    """Write steps with the party that owes each."""
    return ", ".join(dict.fromkeys(f"`{step.code}` ({step.party.value})" for step in steps)) or "none"


def steps_section(lifecycle: Lifecycle, terms: dict[str, Term], *, own: str = "") -> Iterator[str]:
    """Yield the part about who owes what by when; nothing for a life cycle that waits for nobody.

    ``own`` tells how the model chooses the step where the table alone does not.
    """
    found: dict[Step, list[str]] = {}
    for state in lifecycle.states:
        opened = [row.step for row in lifecycle.transitions if row.step and state in row.targets]
        for step in dict.fromkeys((*filter(None, (lifecycle.steps.get(state),)), *opened)):
            found.setdefault(step, []).append(state)
    if not found:
        return
    yield "## Open steps"
    yield from tabled(
        ("step", "in state", "owed by", "working days", "reminder", "when the deadline passes"),
        (
            (
                f"`{step.code}`: {terms[step.code].label}",
                coded(states),
                step.party.value,
                terms[step.code].working_days,
                terms[step.code].reminder,
                terms[step.code].at_deadline,
            )
            for step, states in found.items()
        ),
    )
    yield from ("", OWN_STEP + own, "") if own else ("",)


def own_words(model: type[LifecycleRecord]) -> str:
    """Say how the model chooses the open step; empty where the table alone does."""
    usual = model.usual_step
    return "" if usual is LifecycleRecord.usual_step else (usual.__doc__ or "")


def ordered(lifecycle: Lifecycle, states: Iterable[str]) -> list[str]:
    """Sort states as the table lists them."""
    return sorted(states, key=lifecycle.states.index)


def coded(names: Iterable[str]) -> str:
    """Write names as code, separated by commas."""
    return ", ".join(f"`{name}`" for name in names)


def tabled(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    """Yield the lines of a Markdown table."""
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
