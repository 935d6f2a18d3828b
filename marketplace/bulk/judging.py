"""From rows of a file to what became of them: read by the shape of the single write, carried out by its operation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from marketplace.accounts.actors import Actor
from marketplace.api.problems import fill, place_of
from marketplace.api.serializers import StrictSerializer, checked
from marketplace.bulk.columns import column_at, given_at
from marketplace.bulk.models import ImportRow, RowOutcome
from marketplace.bulk.reading import Row
from marketplace.bulk.targets import Arguments, Saved, Target
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop as _

ALLOWED_KEPT = 1_000  # refused rows that tell what would be allowed; the lists are long and always the same


@dataclass(frozen=True, slots=True)
class Judged:
    """A row, how it names itself, and what became of it."""

    row: Row
    reference: str
    saved: Saved


class Judge:
    """Judges the rows of one import. One shape serves all rows: binding its fields anew costs more than checking a row."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.form = target.form()
        self.form_of_known = target.form()  # of what is there already nothing has to be said again
        for field in self.form_of_known.fields.values():
            field.required = False

    def judge(self, rows: Sequence[Row], *, actor: Actor, at: datetime) -> list[Judged]:
        """Read and carry out rows in the caller's transaction."""
        read = [self._read(row) for row in rows]
        good = [(row.id, one) for row, one in zip(rows, read, strict=True) if not isinstance(one, DomainError)]
        saved = iter(self._saved(good, actor, at))
        return [
            Judged(
                row,
                str(row.values.get(self.target.key) or row.id)[:200],
                Saved(RowOutcome.REFUSED, error=one) if isinstance(one, DomainError) else next(saved),
            )
            for row, one in zip(rows, read, strict=True)
        ]

    def _saved(self, rows: Sequence[tuple[str, Arguments]], actor: Actor, at: datetime) -> Sequence[Saved]:
        change = self.target.change
        if change is None or not any(public_id for public_id, _arguments in rows):
            return self.target.save([arguments for _id, arguments in rows], actor=actor, at=at) if rows else ()
        found: list[Saved] = []
        for public_id, arguments in rows:  # in the order of the file, which may name one record twice
            known = {**arguments, "id": public_id}
            found += (
                change([known], actor=actor, at=at) if public_id else self.target.save([arguments], actor=actor, at=at)
            )
        return found

    def _read(self, row: Row) -> Arguments | DomainError:
        """Give the arguments of the operation, or why the row has no such shape."""
        if row.errors:
            return DomainError(ErrorCode.INVALID_INPUT, errors=row.errors)
        is_known = bool(row.id and self.target.change)
        if not row.values.get(self.target.key) and not is_known:
            detail = _("Each row names itself here, so that it is found again.")
            return DomainError(ErrorCode.INVALID_INPUT, errors=[FieldError(f"/{self.target.key}", "required", detail)])
        form = self.form_of_known if is_known else self.form
        vars(form).pop("_validated_data", None)
        form.initial_data = row.values
        try:
            return checked(form).arguments()
        except DomainError as error:
            return error


def kept(one: Judged, *, form: StrictSerializer, of: int, with_allowed: bool) -> ImportRow:
    """Make the row that tells of it, in the language that is active."""
    error = one.saved.error
    # What could not be read at all is told of by its place in the file already.
    moved = {} if one.row.errors else one.row.moved
    errors = [] if error is None else _problems(error, form, moved, with_allowed=with_allowed)
    changes = dict(one.saved.changes)
    return ImportRow(
        of_id=of, line=one.row.line, outcome=one.saved.outcome, reference=one.reference, changes=changes, errors=errors
    )


def _problems(
    error: DomainError, form: StrictSerializer, moved: Mapping[str, str], *, with_allowed: bool
) -> list[dict[str, Any]]:
    if not error.errors:
        return [{"code": error.code.value, "detail": fill(error.kind.detail, error.params)}]
    errors = (replace(one, pointer=given_at(one.pointer, moved)) for one in error.errors)
    return [problem_of(one, form, with_allowed=with_allowed) for one in errors]


def problem_of(error: FieldError, form: StrictSerializer, *, with_allowed: bool = True) -> dict[str, Any]:
    """Write what is wrong with one place as a problem has it, with the column where the pointer leads to one."""
    found: dict[str, Any] = {"code": error.code, "detail": fill(error.detail, error.params)}
    if place_of(error.pointer) == "pointer":
        found["pointer"] = error.pointer
        found["column"] = column_at(form, error.pointer)
    else:
        found["column"] = error.pointer
    if error.allowed and with_allowed:
        found["allowed"] = list(error.allowed)
    return found
