"""What a person reads: tables, single things, events, refusals. What others wrote is shown as text and never obeyed."""

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

from clients.cli.connection import Body, RefusedError
from clients.cli.words import gettext as _
from clients.cli.words import said_in

MOST_ALLOWED = 12  # of a long list of allowed values; the rest is counted
NAMES = (
    *("reference", "code", "id"),
    *("alpha3", "m49", "type", "currency", "step", "theme", "content_version"),  # of what has none of these
)
TITLES = ("title", "titles", "name", "names", "label", "lead")


def clean(value: object) -> str:
    """Make text of ``value`` without control characters, which a terminal would obey."""
    return "".join(one for one in said_in(value) if one == "\n" or unicodedata.category(one) != "Cc")


class _Answers(Console):
    def on_broken_pipe(self) -> None:
        """Raise BrokenPipeError on, where `rich` would end with 1: that a reader has seen enough is no refusal."""
        raise BrokenPipeError


class _Remarks(Console):
    def on_broken_pipe(self) -> None:
        """Go on, where `rich` would end with 1: the exit code tells even those who do not read why."""
        closed(sys.stderr)


def out() -> Console:
    """Where answers go; on a pipe the lines are not cut."""
    return _Answers(file=sys.stdout, highlight=False, emoji=False, soft_wrap=not sys.stdout.isatty())


def err() -> Console:
    """Where everything else goes, so that answers can be piped."""
    return _Remarks(file=sys.stderr, highlight=False, emoji=False, soft_wrap=True)


def closed(stream: TextIO) -> None:
    """Let what is written to ``stream`` from now on, and what it still holds, go nowhere: its reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def as_json(value: object) -> None:
    """Write one thing as one line of JSON, which stays JSON where the shell has fewer letters than it."""
    has_all = (sys.stdout.encoding or "").lower().startswith("utf")
    sys.stdout.write(json.dumps(value, ensure_ascii=not has_all) + "\n")
    sys.stdout.flush()


def first_of(thing: Body, names: Iterable[str]) -> str:
    """Give the first of the named members that says something."""
    return next((clean(thing[name]) for name in names if thing.get(name)), "")


def table(things: Sequence[Body]) -> None:
    """Show a list: what it is called, its state, its title, who owes the next step by when."""
    columns = (_("Reference"), _("State"), _("Title"), _("Waiting for"), _("Due"))
    cells = [[line.replace("\n", " ") for line in _cells(thing)] for thing in things]
    if not sys.stdout.isatty():  # another program reads: a thing a line, tabs between
        sys.stdout.writelines("\t".join(row) + "\n" for row in (columns, *cells))
        return
    rows = Table(*columns, box=None, pad_edge=False)
    for row in cells:
        rows.add_row(*(Text(one) for one in row))
    out().print(rows if things else _("Nothing."))


def _cells(thing: Body) -> tuple[str, ...]:
    due = clean(thing.get("due_at"))[:16].replace("T", " ")  # to the minute, UTC
    state, waiting = clean(thing.get("state")), clean(thing.get("waiting_for"))
    return first_of(thing, NAMES), state, first_of(thing, TITLES), waiting, due


def one(thing: Body) -> None:
    """Show one thing, a member a line; what has parts of its own as JSON."""
    lines = Table(box=None, pad_edge=False, show_header=False)
    lines.add_column(style="bold", no_wrap=True)
    lines.add_column(overflow="fold")
    for name, value in thing.items():
        told = value if isinstance(value, str) or _is_text(value) else json.dumps(value, ensure_ascii=False)
        lines.add_row(clean(name), Text(clean(told)))
    out().print(lines)


def _is_text(value: object) -> bool:
    return isinstance(value, dict) and bool(value) and all(len(key) == len("en") for key in value)


def proposals(found: Sequence[Body]) -> None:
    """Show proposals, best first: score, who leads, the strongest reasons in words."""
    for proposal in found:
        head = Text.assemble((f"{proposal.get('score_100', '')}", "bold"), f"  {clean(proposal.get('lead'))}  ")
        out().print(head.append(f"{clean(proposal.get('state'))}  {proposal['id']}"))
        for sentence in _sentences(proposal)[:3]:
            out().print(Text(f"    {sentence}"))
    if not found:
        out().print(_("No proposal: nothing on offer fits."))


def _sentences(proposal: Body) -> list[str]:
    lines = (proposal.get("reasons") or {}).get("lines") or []
    weighty = sorted(
        (row for line in lines for row in line.get("breakdown", [])), key=lambda row: -row.get("contribution", 0)
    )
    return [clean(row["sentence"].get("text")) for row in weighty if row.get("sentence")]


def event(told: Body) -> None:
    """Show what became true, in one line."""
    parts = (told["sequence"], told["time"], told["type"], told.get("reference") or told["subject"])
    out().print(Text("  ".join(clean(part) for part in parts)))
    sys.stdout.flush()


def refusal(error: RefusedError, remedy: str) -> None:
    """Say why the marketplace refused, what is allowed, and what can be done about it."""
    problem, console = error.problem, err()
    code = f" ({problem['status']} {problem['code']})".replace(" )", ")")
    console.print(Text(f"{clean(problem['title'])}{code}", "bold red"))
    console.print(Text(clean(problem["detail"])))
    for field in problem.get("errors") or []:
        where = field.get("pointer") or field.get("parameter") or field.get("header") or ""
        console.print(Text(f"  {clean(where)}: {clean(field.get('detail'))}".replace("  : ", "  ")))
        if field.get("did_you_mean"):
            console.print(Text(f"    {_('Did you mean: %s') % clean(field['did_you_mean'])}"))
        elif field.get("allowed"):
            console.print(Text(f"    {_('Allowed: %s') % _some(field['allowed'])}"))
    if problem.get("allowed_actions"):
        console.print(Text(_("Open now: %s") % _some(problem["allowed_actions"])))
    if error.retry_after:
        console.print(Text(_("Try again in %s seconds.") % clean(error.retry_after)))
    if remedy:
        console.print(Text(clean(remedy), "green"))
    if problem.get("request_id"):
        console.print(Text(_("Tell us this number: %s") % clean(problem["request_id"])))


def _some(values: Sequence[object]) -> str:
    shown = ", ".join(clean(value) for value in values[:MOST_ALLOWED])
    more = len(values) - MOST_ALLOWED
    return f"{shown} {_('and %d more') % more}" if more > 0 else shown
