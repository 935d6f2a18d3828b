"""Writing the lines of a request. A line that somebody holds is changed with care and never taken away."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from requests_app.models import RequestLine, TrainingRequest
from requests_app.operations.content import LINE_COLUMNS, LineContent, line_content
from requests_app.operations.locking import lock_lines
from requests_app.operations.placing import follow_claims

NUMBERS = ("participants_min", "participants_max")


def add_lines(request: TrainingRequest, lines: Sequence[LineContent], *, actor: Actor, at: datetime) -> None:
    """Insert lines of a locked request; those without a number get the next free one."""
    for line in _made(request, lines, taken=request.lines.values_list("number", flat=True)):
        lifecycles.create(line, actor=actor, at=at, bump_root=request.state != "draft")


def drafted_lines(request: TrainingRequest, lines: Sequence[LineContent]) -> list[RequestLine]:
    """Make the lines of a new request, which are to be inserted with it."""
    return _made(request, lines, taken=())


def _made(request: TrainingRequest, lines: Sequence[LineContent], taken: Iterable[int]) -> list[RequestLine]:
    numbers = {*taken, *(line.number for line in lines if line.number is not None)}
    made = []
    for content in lines:
        number = content.number or max(numbers, default=0) + 1
        numbers.add(number)
        columns = {name: getattr(content, name) for name in LINE_COLUMNS}
        made.append(RequestLine(request=request, number=number, **columns))
    return made


def rewrite_lines(request: TrainingRequest, lines: Sequence[LineContent], *, actor: Actor, at: datetime) -> None:
    """Make the lines of a locked request those given: matched by number, the others added, the missing dropped.

    Raises DomainError(rule_broken) where a line that is held or agreed would be dropped or cut below what is placed.
    """
    existing = {line.number: line for line in lock_lines(request)}
    errors = [
        error
        for index, content in enumerate(lines)
        if content.number in existing
        for error in _refused(existing[content.number], content, f"/lines/{index}")
    ]
    kept = {content.number for content in lines}
    gone = [line for number, line in existing.items() if number not in kept and line.state != "dropped"]
    errors += [_in_use(line) for line in gone if line.state not in ("open", "unmet") or line.claimed]
    if errors:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)
    for content in lines:
        if content.number in existing:
            _change(existing[content.number], content, actor=actor, at=at)
    for line in gone:
        _drop(line, actor=actor, at=at)
    add_lines(request, [content for content in lines if content.number not in existing], actor=actor, at=at)


def _refused(line: RequestLine, content: LineContent, pointer: str) -> list[FieldError]:
    """Say what speaks against the new content of a line."""
    if line.state == "dropped":
        return [FieldError(f"{pointer}/number", "line_dropped", _("This line was dropped; a new one needs no number."))]
    changed = _changed(line, content)
    if not changed or (line.state in ("open", "unmet") and not line.claimed):
        return []
    if line.state in ("agreed", "delivered"):
        return [FieldError(pointer, "line_agreed", _("Partners are agreed for this line; propose a change to them."))]
    if "divisible" in changed:
        return [FieldError(f"{pointer}/divisible", "line_held", _("This cannot change while participants are placed."))]
    if content.participants_max < line.claimed:
        detail = _("%(placed)s participants of this line are placed already.")
        return [FieldError(f"{pointer}/participants/max", "below_placed", detail, (), {"placed": line.claimed})]
    return []


def _in_use(line: RequestLine) -> FieldError:
    detail = _("Line %(line)s is held or agreed and cannot be dropped; retract or cancel that first.")
    return FieldError("/lines", "line_in_use", detail, (), {"line": line.number})


def _changed(line: RequestLine, content: LineContent) -> list[str]:
    return [name for name in LINE_COLUMNS if getattr(line, name) != getattr(content, name)]


def _change(line: RequestLine, content: LineContent, *, actor: Actor, at: datetime) -> None:
    changed = _changed(line, content)
    if not changed:
        return
    before = line_content(line)
    for name in changed:
        setattr(line, name, getattr(content, name))
    changes = {name: [getattr(before, name), getattr(content, name)] for name in changed}
    private = line.request.is_private
    lifecycles.record_change(
        line,
        "changed",
        actor=actor,
        at=at,
        changes={"fields": changed} if private else changes,
        data={"changed": changed},
    )
    if line.claimed:  # what is placed may be enough now, or no longer
        follow_claims(line, actor=actor, at=at)


def _drop(line: RequestLine, *, actor: Actor, at: datetime) -> None:
    if line.request.is_private:
        line.delete()  # a draft leaves no trace of what was never asked
    else:
        lifecycles.transition(line, "drop", actor=actor, at=at)
