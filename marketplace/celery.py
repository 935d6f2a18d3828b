"""Celery as doorbell and worker pool (docs/adr/0001-work-table.md): a message says "look at the work table" and no more.

A lost, doubled or stale message therefore costs a look, never a job.
"""

import os

from celery import Celery
from django.conf import settings

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")

HARD_LIMIT_SECONDS = 1_800
SOFT_LIMIT_SECONDS = 1_740  # raises inside the task, so that the job's failure is recorded
SWEEP_SECONDS = 30.0

app = Celery("marketplace")
app.conf.update(
    broker_url=settings.REDIS_URL or "memory://",  # without Redis nobody rings: the embedded worker looks by itself
    broker_transport_options={
        # Kombu swallows an acknowledgement that cannot be sent and goes on counting its message as unfinished: a worker
        # that was at work while Redis froze never heard a bell again. A ring needs no acknowledgement.
        "ack_emulation": False,
        "socket_timeout": 5,  # measured: without it a publish to a frozen Redis blocked for more than 90 s
        "socket_connect_timeout": 5,
        "socket_keepalive": True,
        "health_check_interval": 10,
    },
    broker_connection_timeout=5,
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,  # Redis may be away for an hour
    task_publish_retry=True,
    task_publish_retry_policy={"max_retries": 1, "interval_start": 0.1, "interval_step": 0.2, "interval_max": 0.5},
    task_default_queue="marketplace",
    task_ignore_result=True,
    task_store_errors_even_if_ignored=False,
    result_backend=None,
    task_serializer="json",
    accept_content=["json"],
    task_time_limit=HARD_LIMIT_SECONDS,
    task_soft_time_limit=SOFT_LIMIT_SECONDS,
    worker_prefetch_multiplier=1,
    worker_max_tasks_per_child=500,
    worker_proc_alive_timeout=60.0,  # a process reads ahead before it says that it is up
    # A broker that goes away is no reason to stop a job: the work table, not the message, says whether it counts.
    worker_cancel_long_running_tasks_on_connection_loss=False,
    worker_hijack_root_logger=False,
    worker_send_task_events=False,
    enable_utc=True,
    timezone="UTC",
    beat_scheduler="celery.beat:Scheduler",  # keeps nothing on disk: what is periodic is in the work table
    beat_schedule={
        "sweep": {"task": "marketplace.work.sweep", "schedule": SWEEP_SECONDS, "options": {"expires": SWEEP_SECONDS}}
    },
)
app.autodiscover_tasks()
