"""How many took part, as sums by stage: no persons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from django.db import transaction

from fulfilment.models import Delivery, Participation
from fulfilment.models.deliveries import STAGES
from fulfilment.operations.locking import check_deliverer, lock_delivery
from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import DomainError, ErrorCode, FieldError
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles.operations import record_change, wrong_state
from marketplace.vocabularies import queries as vocabularies

# Which vocabulary the keys of a breakdown come from.
BREAKDOWNS: Mapping[str, str] = {
    "age_group": "age_groups",
    "country": "countries",
    "disability": "disability_status",
    "sector": "audiences",
    "sex": "sexes",
}
UNSTATED = "not_stated"
LARGEST = 100_000


@dataclass(frozen=True, slots=True)
class StageCount:
    """How many reached a stage; each breakdown counts them all, what is unknown under ``not_stated``."""

    stage: str
    total: int
    breakdown: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@transaction.atomic
def record_participation(
    *,
    actor: Actor,
    at: datetime,
    delivery_id: int,
    counts: Sequence[StageCount],
    expected_version: int | None = None,
) -> Delivery:
    """Record or replace the numbers of some stages of a delivery; other stages stay as they are.

    Raises DomainError(permission_denied, wrong_state, precondition_failed), DomainError(rule_broken) when a breakdown
    does not add up or a later stage counts more than an earlier one.
    """
    _engagement, _deliveries, delivery = lock_delivery(delivery_id, expected_version=expected_version)
    check_deliverer(delivery, actor, at)
    if delivery.state in ("confirmed", "cancelled"):
        raise wrong_state(delivery, "record-participation")
    write_participation(delivery, counts, actor=actor, at=at)
    return delivery


def write_participation(delivery: Delivery, counts: Sequence[StageCount], *, actor: Actor, at: datetime) -> None:
    """Write the numbers of a locked delivery. Raises DomainError(rule_broken, unknown_reference)."""
    errors = [error for place, count in enumerate(counts) for error in _errors_of(count, f"/participation/{place}")]
    totals = {row.stage: row.total for row in Participation.objects.filter(delivery=delivery)}
    totals |= {count.stage: count.total for count in counts}
    errors += _errors_of_funnel(totals)
    if errors:
        raise DomainError(ErrorCode.RULE_BROKEN, errors=errors)
    for count in counts:
        breakdown = {name: dict(parts) for name, parts in count.breakdown.items()}
        Participation.objects.update_or_create(
            delivery=delivery,
            stage=count.stage,
            defaults={"total": count.total, "breakdown": breakdown, "recorded_at": at},
        )
    record_change(
        delivery,
        "participation_recorded",
        actor=actor,
        at=at,
        changes={"participation": {count.stage: count.total for count in counts}},
    )


def _errors_of(count: StageCount, pointer: str) -> list[FieldError]:
    if count.stage not in STAGES:
        return [
            FieldError(
                f"{pointer}/stage", "unknown_code", _("`%(value)s` is no stage."), STAGES, {"value": count.stage}
            )
        ]
    if not 0 <= count.total <= LARGEST:
        return [
            FieldError(f"{pointer}/total", "out_of_range", _("Give a number from 0 to %(top)s."), (), {"top": LARGEST})
        ]
    errors: list[FieldError] = []
    for name, parts in count.breakdown.items():
        errors += _errors_of_breakdown(name, parts, count.total, f"{pointer}/breakdown/{name}")
    return errors


def _errors_of_breakdown(name: str, parts: Mapping[str, int], total: int, pointer: str) -> list[FieldError]:
    scheme = BREAKDOWNS.get(name)
    if scheme is None:
        detail = _("Participants are not broken down by `%(value)s`.")
        return [FieldError(pointer, "unknown_breakdown", detail, tuple(BREAKDOWNS), {"value": name})]
    found = (vocabularies.check_code(scheme, code, f"{pointer}/{code}") for code in parts if code != UNSTATED)
    errors = [error for error in found if error]
    if any(number < 0 for number in parts.values()) or sum(parts.values()) != total:
        detail = _("The parts add up to %(sum)s, not to %(total)s.")
        errors.append(FieldError(pointer, "sum_differs", detail, (), {"sum": sum(parts.values()), "total": total}))
    return errors


def _errors_of_funnel(totals: Mapping[str, int]) -> list[FieldError]:
    """Nobody is accepted who was not nominated, nobody completes who did not attend; stages may be left out."""
    known = [(stage, totals[stage]) for stage in STAGES if stage in totals]
    detail = _("More `%(later)s` than `%(earlier)s`.")
    return [
        FieldError("/participation", "stage_exceeds_earlier", detail, (), {"later": later, "earlier": earlier})
        for (earlier, before), (later, after) in pairwise(known)
        if after > before
    ]
