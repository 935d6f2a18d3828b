"""A worker killed while the mail server has the letter in its hands: a real process, a real server."""

import signal
from datetime import timedelta

import pytest
from django.utils import timezone

from marketplace.notifications import operations
from marketplace.notifications.models import Mail
from marketplace.notifications.recipients import Recipient
from marketplace.notifications.subjects import Subject
from marketplace.work.models import Job
from tests.factories.requests import TrainingRequestFactory
from tests.kit.people import small_group
from tests.notifications.server import serving
from tests.work import children

pytestmark = pytest.mark.django_db(transaction=True)
WORKER = "tests/work/worker.py"


def test_letter_of_a_killed_worker_is_sent_again_and_recognisable(settings: object) -> None:
    settings.MAIL_ENABLED = True  # type: ignore[attr-defined]
    at = timezone.now() - timedelta(minutes=5)
    group = small_group(at)
    focal = group.focal_point
    focal.email = "awa@agency.example"
    focal.save()
    request = TrainingRequestFactory.create(
        requesting_organization=group.requester, reference="GMG-MLI-2026-0007", state="submitted", submitted_at=at
    )
    Job.objects.all().delete()
    told = [Recipient(focal, group.requester)]
    operations.notify(told, subject=Subject.STEP_OPENED, about=request, at=at)
    with serving(answers=False) as server:
        place = {"EMAIL_URL": f"smtp://127.0.0.1:{server.port}", "PUBLIC_URL": "https://market.example.org"}
        with children.running(WORKER, "forever", **place) as worker:
            children.wait_until(lambda: len(server.letters) == 1, seconds=30)
            worker.send_signal(signal.SIGKILL)
            worker.wait(10)
        assert Mail.objects.get().outcome == "waiting"
        server.answers.set()
        with children.running(WORKER, "forever", **place):
            children.wait_until(lambda: Mail.objects.get().outcome == "sent", seconds=60)
        assert server.ids() == [f"<{Mail.objects.get().public_id}@market.example.org>"] * 2
