"""The product's Celery application with the test jobs listed, for `celery -A tests.work.celery_pool`."""

import os

from marketplace.celery import app

__all__ = ["app"]

if "TEST_SWEEP_SECONDS" in os.environ:
    app.conf.beat_schedule["sweep"]["schedule"] = float(os.environ["TEST_SWEEP_SECONDS"])


@app.on_after_finalize.connect
def list_jobs(sender: object, **_: object) -> None:
    """List the test jobs once Django is set up."""
    from tests.work.jobs import list_test_jobs

    list_test_jobs()
