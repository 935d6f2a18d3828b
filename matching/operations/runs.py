"""Runs: asked for, computed in the background, written down, superseded, failed, cancelled, asked for again."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import F, Q

from marketplace.accounts import permissions
from marketplace.accounts.actors import Actor
from marketplace.accounts.roles import Permission
from marketplace.kernel.errors import DomainError, ErrorCode, rule_broken
from marketplace.kernel.text import gettext_noop
from marketplace.lifecycles import operations as lifecycles
from marketplace.lifecycles.operations import lock, transition
from marketplace.work import operations as work
from matching.models import MatchRun, ProposalPart
from matching.operations.policies import current_policy
from matching.queries.inputs import wants_partner
from requests_app import operations as requests
from requests_app import queries

if TYPE_CHECKING:
    from requests_app.models import TrainingRequest

RANKABLE = {"request": ("open",), "preview": ("submitted", "open")}
UNFINISHED = ("queued", "running")
MATCHING = Actor.system("matching")
ANSWERED = ("complete", "no_solution")
PRIORITY = 5  # somebody waits for the answer: before notices and other chores


@transaction.atomic
def request_run(*, actor: Actor, at: datetime, request_id: int, mode: str = "request") -> MatchRun:
    """Ask for a ranking of one request; a run that is still under way is given instead of a second one.

    ``preview`` ranks a submitted request too and leaves no proposals. Raises DomainError(permission_denied),
    DomainError(wrong_state) for a request that is not open, DomainError(rule_broken) where no line is left to place.
    """
    permissions.check(actor, Permission.MATCHING_RUN, at=at)
    request = _lock_rankable(request_id, mode)
    under_way = MatchRun.objects.filter(request=request, mode=mode, state__in=UNFINISHED).first()
    if under_way is not None and under_way.request_content_version == request.content_version:
        return under_way
    if under_way is not None:
        transition(under_way, "cancel", actor=actor, at=at, reason_code="need_changed")
    run = MatchRun(
        mode=mode,
        request=request,
        request_content_version=request.content_version,
        policy=current_policy(at=at),
        requested_by=actor.label,
        exclusions=refused_offerings(request.pk, request.content_version),
    )
    lifecycles.create(run, actor=actor, at=at)
    _enqueue(run, at=at)
    return run


def rank_if_open(request_id: int, *, at: datetime, again: bool = True) -> MatchRun | None:
    """Ask for a ranking where the request is open and has a line left to place; else there is nothing to rank.

    Unless ``again``, nothing is asked for where what the request says now has been ranked. Call it in a transaction.
    """
    requests.lock_request(request_id=request_id)  # or a run that ends this very moment would be taken for none
    if not again and is_ranked(request_id):
        return None
    if not (queries.is_open(request_id) and _lines_left(request_id)):
        return None
    return request_run(actor=MATCHING, at=at, request_id=request_id)


def _lock_rankable(request_id: int, mode: str) -> "TrainingRequest":
    request = requests.lock_request(request_id=request_id)
    if request.state not in RANKABLE[mode]:
        raise lifecycles.wrong_state(request, "match")
    if not _lines_left(request_id):
        raise rule_broken("/request", "no_open_line", gettext_noop("Every line of this request is placed or closed."))
    return request


def _lines_left(request_id: int) -> bool:
    return any(wants_partner(line) for line in queries.request_for_matching(request_id).lines)


def refused_offerings(request_id: int, content_version: int) -> list[str]:
    """Give the public ids of offerings whose providers refused this very need: they are not asked again."""
    ranked = Q(proposal__run__request_content_version=content_version)
    planned = Q(
        proposal__run__plan_lines__request_id=request_id,
        proposal__run__plan_lines__content_version=content_version,
    )
    refused = ProposalPart.objects.filter(ranked | planned, proposal__request_id=request_id, state="refused")
    return sorted({str(pk) for pk in refused.values_list("offering__public_id", flat=True)})


@transaction.atomic
def cancel_run(*, actor: Actor, at: datetime, run_id: int, expected_version: int | None = None) -> MatchRun:
    """Cancel a run that has not ended. Raises DomainError(wrong_state, permission_denied)."""
    run = lock(MatchRun.objects.filter(pk=run_id), expected_version=expected_version)
    permissions.check(actor, Permission.MATCHING_RUN, at=at)
    transition(run, "cancel", actor=actor, at=at)
    return run


@transaction.atomic
def retry_ranking(*, actor: Actor, at: datetime, run_id: int, expected_version: int | None = None) -> MatchRun:
    """Ask again for a ranking that failed or was cancelled; it reads the request as it is now.

    Raises DomainError(wrong_state, conflict, permission_denied, rule_broken).
    """
    request_id, mode = MatchRun.objects.values_list("request_id", "mode").get(pk=run_id)
    permissions.check(actor, Permission.MATCHING_RUN, at=at)
    request = requests.lock_request(request_id=request_id)
    run = lock(MatchRun.objects.filter(pk=run_id), expected_version=expected_version)
    lifecycles.find_transition(run, "retry")
    _lock_rankable(request_id, mode)
    if MatchRun.objects.filter(request_id=run.request_id, mode=run.mode, state__in=UNFINISHED).exists():
        raise DomainError(ErrorCode.CONFLICT)
    run.error, run.started_at, run.finished_at = "", None, None
    run.request_content_version = request.content_version
    run.exclusions = refused_offerings(request_id, request.content_version)
    columns = ("error", "started_at", "finished_at", "request_content_version", "exclusions")
    transition(run, "retry", actor=actor, at=at, columns=columns)
    _enqueue(run, at=at)
    return run


def is_ranked(request_id: int) -> bool:
    """Tell whether a run has answered for what the request says now."""
    answered = MatchRun.objects.filter(request_id=request_id, mode="request", state__in=ANSWERED)
    return answered.filter(request_content_version=F("request__content_version")).exists()


def cancel_open_runs(request_id: int, *, actor: Actor, at: datetime, reason_code: str = "need_gone") -> None:
    """Cancel what is still under way for a request that is no longer open, or no longer what was read."""
    rows = MatchRun.objects.select_for_update(of=("self",)).filter(request_id=request_id, state__in=UNFINISHED)
    for run in rows.order_by("pk"):
        transition(run, "cancel", actor=actor, at=at, reason_code=reason_code)


def fail_run(run: MatchRun, *, error: str, actor: Actor, at: datetime) -> None:
    """End a locked run that could not be computed; what went wrong is kept and it can be asked for again."""
    run.error, run.finished_at = error[:2000], at
    transition(run, "fail", actor=actor, at=at, columns=("error", "finished_at"))


def _enqueue(run: MatchRun, *, at: datetime) -> None:
    key = f"rank:{run.public_id}:{run.version}"
    work.enqueue("matching.rank", {"run": str(run.public_id)}, key=key, at=at, priority=PRIORITY)
