"""The job of an import, and what is done where its job has died."""

from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from marketplace.accounts.actors import Actor
from marketplace.bulk import carrying
from marketplace.bulk.models import OPEN, Import, ImportStatus
from marketplace.bulk.operations import KIND, end
from marketplace.bulk.stamping import Clock
from marketplace.kernel.errors import DomainError
from marketplace.lifecycles import operations as lifecycles
from marketplace.work import queries as work
from marketplace.work.models import JobState
from marketplace.work.registry import Payload, Progress, chore, job

# Below what a Celery task may take; an import in batches goes on where the attempt before it ended.
ATTEMPT_SECONDS = 1_500.0
ROWS_KEPT = timedelta(days=30)
LOOKED_AT = 100  # in one turn


def prepare_import(payload: Payload, *, at: datetime, progress: Progress, clock: Clock = timezone.now) -> None:
    """Count the rows; write those of an import in batches."""
    one = _import(payload)
    if one is None or not carrying.begin(one, at=at):
        return
    one.refresh_from_db()
    if carrying.is_whole(one):
        return
    try:
        carrying.carry_in_batches(one, progress=progress, clock=clock)
    except DomainError as error:
        carrying.refuse(one, error, at=clock())


@job(KIND, prepare=prepare_import, lease_seconds=60, time_limit_seconds=ATTEMPT_SECONDS, max_attempts=40, at_most=2)
def carry_out(payload: Payload, *, at: datetime, clock: Clock = timezone.now, **_: object) -> None:
    """Write an import that is carried out whole; say that one in batches has come to its end."""
    one = _import(payload)
    if one is None or one.status != ImportStatus.RUNNING:
        return
    if not carrying.is_whole(one):
        carrying.finish(one, at=at)
        return
    try:
        carrying.carry_whole(one, clock=clock)
    except DomainError as error:
        carrying.refuse(one, error, at=clock())


def _import(payload: Payload) -> Import | None:
    return Import.objects.select_related("upload").filter(public_id=payload["import"]).first()


@chore("bulk.tidy", every=timedelta(minutes=1))
def tidy(*, at: datetime) -> int:
    """Say of imports whose job died or was called off that they failed; forget the rows told of long ago."""
    waiting = Import.objects.filter(status__in=OPEN).order_by("pk")[:LOOKED_AT]
    ended = sum(_fail(one, at) for one in waiting if _is_lost(one))
    old = Import.objects.filter(finished_at__lt=at - ROWS_KEPT, rows__isnull=False).order_by("pk").distinct()
    for one in old[:1]:
        one.rows.all().delete()
        ended += 1
    return ended


def _is_lost(one: Import) -> bool:
    found = work.job_by_key(f"import:{one.public_id}")
    return found is None or found.state in (JobState.DEAD, JobState.CANCELLED, JobState.DISCARDED)


@transaction.atomic
def _fail(one: Import, at: datetime) -> bool:
    row = lifecycles.lock(Import.objects.filter(pk=one.pk))
    if row.is_over:
        return False
    end(row, ImportStatus.FAILED, "finished", actor=Actor.system("imports"), at=at)
    return True
