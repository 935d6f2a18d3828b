"""How long one request's matching run takes on the database of this environment; nothing it writes is kept.

`.venv/bin/python bench/matching_run.py [requests]` after `manage.py load_demo` or `load_synthetic`. It prints, for each
open request, the seconds of the half that computes and of the half that writes.
"""

import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TARGET_SECONDS = 2.0  # with 1,000 requests and 5,000 offerings


def main(wanted: int) -> int:
    from django.db import transaction
    from django.utils import timezone

    from marketplace.accounts.actors import Actor
    from matching import operations, tasks
    from providers.models import Offering
    from requests_app.models import TrainingRequest

    actor, slowest = Actor.system("bench"), 0.0
    chosen = TrainingRequest.objects.filter(state="open").order_by("pk")
    print(f"{TrainingRequest.objects.count()} requests, {Offering.objects.count()} offerings")
    for request_id, reference in list(chosen.values_list("pk", "reference")[:wanted]):
        at = timezone.now()
        with transaction.atomic():
            run = operations.request_run(actor=actor, at=at, request_id=request_id)
            begun = time.perf_counter()
            answer = tasks.prepare_ranking({"run": str(run.public_id)}, at=at, progress=lambda *_: None)
            computed = time.perf_counter()
            tasks.write_ranking({"run": str(run.public_id)}, at=at, prepared=answer)
            written = time.perf_counter()
            transaction.set_rollback(True)
        slowest = max(slowest, written - begun)
        print(f"{reference}: compute {computed - begun:.3f} s, write {written - computed:.3f} s")
    print(f"slowest {slowest:.3f} s, target {TARGET_SECONDS} s")
    return 0 if slowest < TARGET_SECONDS else 1


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    import django

    django.setup()
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 10))
