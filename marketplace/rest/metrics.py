"""Numbers for those who watch an installation, in Prometheus' text format."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.accounts import permissions
from marketplace.accounts import queries as accounts
from marketplace.accounts.roles import Permission
from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.events import queries as events
from marketplace.webhooks import queries as webhooks
from marketplace.work import queries as work

MEDIA_TYPE = "text/plain"
SHARED = (
    "PROMETHEUS_MULTIPROC_DIR"  # where the processes of one web server put their numbers together (gunicorn.conf.py)
)


class MetricsRenderer(BaseRenderer):
    """text/plain in Prometheus' text format; views hand over the bytes."""

    media_type = MEDIA_TYPE
    format = "prometheus"
    charset = None  # the content type of the answer names it

    def render(
        self,
        data: object,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, object] | None = None,
    ) -> bytes:
        """Give the bytes. Raises TypeError for anything else."""
        if not isinstance(data, bytes):
            raise TypeError(f"{type(data).__name__} is no text of metrics")
        return data


class MetricsView(ApiView):
    """`/metrics`."""

    tag = "Start"
    renderer_classes = (MetricsRenderer,)
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "Read the metrics",
            Permission.METRICS_READ,
            description=(
                "Prometheus' text format: calls of this web server by route, method and status, and the state of work, "
                "events and processes. For staff of the secretariat and its own service clients."
            ),
            operation_id="metrics",
            media_types=(MEDIA_TYPE,),
        )
    }

    def get(self, request: Request) -> Response:
        """Write what this server counted, then what the database says. Raises DomainError(permission_denied)."""
        at, office = self.request.at, accounts.secretariat_organization(self.request.at.date())
        of = office.pk if office else 0  # no organization: nobody's
        permissions.check(self.request.actor, Permission.METRICS_READ, at=at, organization_id=of)
        return Response(web_numbers() + installation_numbers(at), content_type=CONTENT_TYPE_LATEST)


def web_numbers() -> bytes:
    """Write what the processes of this web server have counted since it started."""
    if SHARED not in os.environ:
        return generate_latest(REGISTRY)
    together = CollectorRegistry()
    MultiProcessCollector(together)  # type: ignore[no-untyped-call]
    return generate_latest(together)


def installation_numbers(at: datetime) -> bytes:
    """Write what the database says about the whole installation at a moment."""
    registry = CollectorRegistry()
    registry.register(Installation(at))
    return generate_latest(registry)


class Installation(Collector):
    """The state of work, events and processes, read when it is asked for; docs/operations.md says when to worry."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def collect(self) -> Iterator[Metric]:
        """Read it in a few queries, whatever the size of the tables."""
        found = work.statistics(self.at)
        jobs = GaugeMetricFamily("marketplace_jobs", "Jobs by state", labels=["state"])
        for state, number in (("queued", found.queued), ("running", found.running), ("dead", found.dead)):
            jobs.add_metric([state], number)
        yield jobs
        yield _gauge("marketplace_jobs_due", "Jobs that a worker could take now", found.due)
        yield _gauge("marketplace_jobs_of_unknown_kind", "Queued jobs that this version cannot do", found.unknown_kinds)
        yield _gauge(
            "marketplace_job_oldest_due_seconds", "How long the oldest due job waits", found.oldest_due_seconds
        )
        age = events.outbox_age_seconds(self.at)
        yield _gauge("marketplace_outbox_age_seconds", "How long the oldest unpublished event waits", age)
        yield _gauge("marketplace_events_published", "The highest sequence of the feed", events.head())
        yield from self._webhooks()
        yield self._processes()

    def _webhooks(self) -> Iterator[Metric]:
        found = webhooks.statistics()
        family = GaugeMetricFamily("marketplace_webhooks", "Webhooks by how they are", labels=["state"])
        well = found.active - found.failing
        for state, number in (("well", well), ("failing", found.failing), ("switched_off", found.switched_off)):
            family.add_metric([state], number)
        yield family
        yield _gauge("marketplace_webhook_deliveries_pending", "Deliveries that wait for being taken", found.pending)
        oldest = (self.at - found.oldest_pending).total_seconds() if found.oldest_pending else 0.0
        yield _gauge("marketplace_webhook_delivery_oldest_seconds", "How long the oldest of them waits", oldest)

    def _processes(self) -> Metric:
        family = GaugeMetricFamily(
            "marketplace_processes", "Processes that beat within the last minute", labels=["role"]
        )
        for role, number in work.live_processes_by_role(self.at).items():
            family.add_metric([role], number)
        return family


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)
