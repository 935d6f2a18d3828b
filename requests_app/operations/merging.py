"""Merging a near-duplicate: both requests keep ownership, timeline and answer."""

from dataclasses import replace
from datetime import datetime

from django.db import transaction

from marketplace.accounts.actors import Actor
from marketplace.kernel.errors import rule_broken, unknown_reference
from marketplace.kernel.text import gettext_noop as _
from marketplace.lifecycles import operations as lifecycles
from requests_app import queries
from requests_app.models import RequestLine, TrainingRequest
from requests_app.operations.content import content_of, line_content
from requests_app.operations.indexing import index_request
from requests_app.operations.lines import add_lines
from requests_app.operations.locking import check_screener, lock_lines, lock_request
from requests_app.operations.placing import follow_lines
from requests_app.operations.revisions import keep_revision

SAME = ("theme", "audience", "country", "region", "language", "level", "governance_level")
TARGET_STATES = ("submitted", "open")


@transaction.atomic
def merge_request(
    *,
    actor: Actor,
    at: datetime,
    request_id: int,
    into: str,
    take_lines: bool = False,
    expected_version: int | None = None,
) -> TrainingRequest:
    """Merge a request into another (reference or public id); returns the one that was merged.

    Its organizations join the other as co-requesters. With ``take_lines`` its participants are added to the equal line
    of the other, lines without an equal are copied; the other then has a new content version. Raises
    DomainError(permission_denied, wrong_state), unknown_reference for an unseen target, rule_broken for the request
    itself, a target in the wrong state or lines that are held.
    """
    check_screener(actor, at)
    found = queries.find_request(into, actor=actor, at=at)
    if found is None:
        raise unknown_reference("/into", into)
    if found.pk == request_id:
        raise rule_broken("/into", "merged_into_itself", _("A request cannot be merged into itself."))
    locked = {pk: lock_request(request_id=pk) for pk in sorted((found.pk, request_id))}
    source, target = locked[request_id], locked[found.pk]
    lifecycles.check_version(source, expected_version)
    lifecycles.find_transition(source, "merge")
    if target.state not in TARGET_STATES:
        raise rule_broken("/into", "target_not_open", _("The other request is neither submitted nor open."))
    lines = lock_lines(source)
    if any(line.claimed for line in lines):
        raise rule_broken("/lines", "line_held", _("Retract or decline the proposals that hold lines first."))
    _join(source, target, lines if take_lines else [], actor=actor, at=at)
    for line in lines:
        if line.state in ("open", "unmet"):
            lifecycles.transition(line, "drop", actor=actor, at=at)
    source.merged_into = target
    lifecycles.transition(
        source,
        "merge",
        actor=actor,
        at=at,
        changes={"merged_into": ["", target.reference_text]},
        columns=("merged_into",),
    )
    return source


def _join(
    source: TrainingRequest, target: TrainingRequest, lines: list[RequestLine], *, actor: Actor, at: datetime
) -> None:
    before = content_of(target)
    own = target.requesting_organization_id
    joining = {source.requesting_organization_id, *source.co_requesters.values_list("pk", flat=True)} - {own}
    target.co_requesters.add(*sorted(joining))
    if lines:
        _take(lines, target, actor=actor, at=at)
        keep_revision(target, before, ["co_requesters", "lines"], actor=actor, at=at)
    data = {"material": bool(lines), "changed": ["co_requesters", *(["lines"] if lines else [])]}
    lifecycles.record_change(
        target, "changed", actor=actor, at=at, changes={"merged": ["", source.reference_text]}, data=data
    )
    if lines and target.state == "open" and target.call_ends_at is None:
        lifecycles.reschedule_step(target, at=at)
    follow_lines(target, actor=actor, at=at)
    index_request(target)


def _take(lines: list[RequestLine], target: TrainingRequest, *, actor: Actor, at: datetime) -> None:
    """Add the participants to the equal open line of the target, or copy the line."""
    existing = [line for line in lock_lines(target) if line.state in ("open", "held")]
    for line in lines:
        if line.state not in ("open", "unmet"):
            continue
        equal = next((one for one in existing if all(getattr(one, n) == getattr(line, n) for n in SAME)), None)
        if equal is None:
            add_lines(target, [replace(line_content(line), number=None)], actor=actor, at=at)
            continue
        before = equal.participants_max
        equal.participants_max += line.participants_max
        lifecycles.record_change(
            equal, "changed", actor=actor, at=at, changes={"participants_max": [before, equal.participants_max]}
        )
