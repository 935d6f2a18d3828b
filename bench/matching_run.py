"""How long one request's matching run takes on the database of this environment; nothing it writes is kept.

`.venv/bin/python bench/matching_run.py [requests]` after `manage.py load_demo` or `load_synthetic`. It prints CPU seconds of
reading ahead in a process that has just begun, then of runs: after that, after an edited offering, after a booking, and
without any change; of the slowest also its two halves, the one that computes and the one that writes. A worker reads
ahead before its first job, so that cold is what nobody waits for; exit code 1 where another run takes the target or more.
"""

import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET_SECONDS = 2.0  # with 1,000 requests and 5,000 offerings


def edit(number: int) -> None:
    """Change the duration of one offering."""
    from django.utils import timezone

    from marketplace.accounts.actors import Actor
    from providers import operations
    from providers.models import Offering

    offering = Offering.objects.filter(state="published").order_by("pk")[number]
    facts = {"duration_hours": (offering.duration_hours or 0) + 1}
    operations.change_offering(actor=Actor.system("bench"), at=timezone.now(), offering_id=offering.pk, facts=facts)


def book(number: int) -> None:
    """Hold one seat of one session."""
    from django.utils import timezone

    from marketplace.accounts.actors import Actor
    from providers import operations
    from providers.models import Session

    at = timezone.now()
    session = Session.objects.filter(state="open", end_on__gt=at.date(), seats_total__gt=5).order_by("pk")[number]
    operations.place_holds(
        actor=Actor.system("bench"),
        at=at,
        holder=session.public_id,
        wants=[operations.Want(1, session_id=session.pk)],
        expires_at=at + timedelta(days=5),
    )


def nothing(number: int) -> None:
    """Leave all as it is."""


def run_of(request_id: int, before: Callable[[int], None], number: int) -> tuple[float, float]:
    """Measure one run after a change, and undo both; returns CPU seconds of computing and of writing."""
    from django.db import transaction
    from django.utils import timezone

    from marketplace.accounts.actors import Actor
    from matching import operations, tasks
    from matching.queries import market

    at = timezone.now()
    with transaction.atomic():
        if before is not nothing:  # what is undone leaves no trace in versions, which is what the kept market goes by
            market._catalogue.cache_clear()  # noqa: SLF001  nothing but this measurement needs it
        before(number)
        run = operations.request_run(actor=Actor.system("bench"), at=at, request_id=request_id)
        payload = {"run": str(run.public_id)}
        begun = time.process_time()
        answer = tasks.prepare_ranking(payload, at=at, progress=lambda *_: None)
        computed = time.process_time()
        tasks.write_ranking(payload, at=at, prepared=answer)
        written = time.process_time()
        transaction.set_rollback(True)
    return computed - begun, written - computed


def main(wanted: int) -> int:
    """Print a table row for each situation; return 1 where a run that somebody waits for misses the target."""
    from django.utils import timezone

    from matching import tasks
    from providers.models import Offering
    from requests_app.models import TrainingRequest

    print(f"{TrainingRequest.objects.count()} requests, {Offering.objects.count()} offerings; CPU seconds")
    begun = time.process_time()
    tasks.read_market(at=timezone.now())
    print(f"reading ahead in a process that has just begun: {time.process_time() - begun:.2f}")
    chosen = TrainingRequest.objects.filter(state="open").order_by("pk").values_list("pk", flat=True)[:wanted]
    slowest = 0.0
    print("| run | median | slowest | of it computing | writing |\n|---|---|---|---|---|")
    for name, before in (
        ("after that", nothing),
        ("after an edit", edit),
        ("after a booking", book),
        ("warm", nothing),
    ):
        taken = sorted((run_of(pk, before, n) for n, pk in enumerate(chosen)), key=sum)
        worst = taken[-1]
        slowest = max(slowest, sum(worst))
        middle = sum(taken[len(taken) // 2])
        print(f"| {name} | {middle:.2f} | {sum(worst):.2f} | {worst[0]:.2f} | {worst[1]:.2f} |")
    print(f"slowest {slowest:.2f} s, target {TARGET_SECONDS} s")
    return 0 if slowest < TARGET_SECONDS else 1


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    import django

    django.setup()
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
