"""Editing of service levels by the secretariat."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from django.db import transaction

from marketplace.kernel.errors import DomainError, ErrorCode, FieldError, unknown_reference
from marketplace.kernel.text import gettext_noop as _
from marketplace.vocabularies import queries
from marketplace.vocabularies.models import ServiceLevel
from marketplace.vocabularies.revision import announce_change

EDITABLE = (
    "working_days",
    "remind_before",
    "overdue_action",
    "escalate_to",
    "deadline_effect",
    "effect_after_working_days",
)
LONGEST_DAYS = 520  # two working years; beyond it a promise is none


def change_service_level(
    *, step: str, changes: Mapping[str, object], by: str, at: datetime, expected_version: int | None = None
) -> ServiceLevel:
    """Write the named columns of a step's service level and mark it as edited by ``by`` (login or client id).

    ``changes`` holds any of EDITABLE. Deadlines already running keep their date. The effect at the deadline may be
    switched off (``none``) and back to the shipped one, not to one that the step has no operation for. Raises
    DomainError(not_found) for an unknown step, DomainError(precondition_failed) when ``expected_version`` is not the
    stored one, DomainError(rule_broken) naming each wrong field. Who may edit is checked by the caller.
    """
    with transaction.atomic():
        level = ServiceLevel.objects.select_for_update(of=("self",)).filter(step=step).first()
        if level is None:
            raise DomainError(ErrorCode.NOT_FOUND)
        if expected_version not in (None, level.version):
            raise DomainError(ErrorCode.PRECONDITION_FAILED, expected=expected_version, actual=level.version)
        errors = list(_problems(level, changes))
        if errors:
            raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)
        for column, value in changes.items():
            setattr(level, column, value)
        level.edited_at, level.edited_by = at, by
        level.version += 1
        level.updated_at = at
        level.save(update_fields=[*changes, "edited_at", "edited_by", "version", "updated_at"])
        announce_change(at)
    return level


def _problems(level: ServiceLevel, changes: Mapping[str, object]) -> Iterable[FieldError]:
    yield from _wrong_columns(changes)
    yield from _wrong_days(level, changes)
    yield from _wrong_codes(level, changes)


def _wrong_columns(changes: Mapping[str, object]) -> Iterable[FieldError]:
    for column in changes:
        if column not in EDITABLE:
            detail = _("This cannot be edited.")
            yield FieldError(f"/{column}", "not_editable", detail, EDITABLE)


def _wrong_days(level: ServiceLevel, changes: Mapping[str, object]) -> Iterable[FieldError]:
    days = changes.get("working_days", level.working_days)
    if not _is_days(days, least=1):
        detail = _("A number of working days between %(least)s and %(most)s.")
        yield FieldError("/working_days", "out_of_range", detail, params={"least": 1, "most": LONGEST_DAYS})
        return
    remind = changes.get("remind_before", level.remind_before)
    if remind is not None and not (_is_days(remind, least=0) and int(str(remind)) < int(str(days))):
        detail = _("A reminder comes after the step began and before the deadline.")
        yield FieldError("/remind_before", "out_of_range", detail)
    later = changes.get("effect_after_working_days", level.effect_after_working_days)
    if later is not None and not _is_days(later, least=0):
        detail = _("A number of working days between %(least)s and %(most)s.")
        params = {"least": 0, "most": LONGEST_DAYS}
        yield FieldError("/effect_after_working_days", "out_of_range", detail, params=params)


def _wrong_codes(level: ServiceLevel, changes: Mapping[str, object]) -> Iterable[FieldError]:
    lists = {"overdue_action": "overdue_actions", "escalate_to": "escalation_targets"}
    found = (queries.check_code(lists[name], str(changes[name]), f"/{name}") for name in lists if name in changes)
    yield from (error for error in found if error)
    allowed = tuple(dict.fromkeys(("none", level.shipped_effect)))
    effect = changes.get("deadline_effect", level.deadline_effect)
    if effect not in allowed:
        yield unknown_reference("/deadline_effect", effect, allowed).errors[0]


def _is_days(value: object, *, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= LONGEST_DAYS
