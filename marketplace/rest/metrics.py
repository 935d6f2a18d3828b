"""Numbers for those who watch an installation, in Prometheus' text format."""

import os
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import ClassVar

from django.conf import settings
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
from marketplace.audit import queries as audit
from marketplace.events import queries as events
from marketplace.rest import readiness
from marketplace.webhooks import queries as webhooks
from marketplace.work import queries as work
from marketplace.work import registry as kinds
from marketplace.work.queries import KindStatistics

MEDIA_TYPE = "text/plain"
SHARED = (
    "PROMETHEUS_MULTIPROC_DIR"  # where the processes of one web server put their numbers together (gunicorn.conf.py)
)
UNKNOWN = "unknown"  # the label of all kinds that this version does not list, so that labels stay few whatever the table holds


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
        yield from self._jobs()
        age = events.outbox_age_seconds(self.at)
        yield _gauge("marketplace_outbox_age_seconds", "How long the oldest unpublished event waits", age)
        yield _gauge("marketplace_events_published", "The highest sequence of the feed", events.head())
        yield from self._audit()
        yield from self._webhooks()
        yield self._processes()
        if settings.REDIS_URL:
            up = readiness.broker(self.at).ok
            yield _gauge("marketplace_redis_up", "Whether Redis answered a ping, where it is used", up)

    def _jobs(self) -> Iterator[Metric]:
        jobs = GaugeMetricFamily("marketplace_jobs", "Jobs by kind and state", labels=["kind", "state"])
        due = GaugeMetricFamily("marketplace_jobs_due", "Jobs that a worker could take now", labels=["kind"])
        oldest = GaugeMetricFamily(
            "marketplace_job_oldest_due_seconds", "How long the oldest due job waits", labels=["kind"]
        )
        *listed, unknown = _jobs_by_kind(self.at)
        for row in (*listed, unknown):
            for state, number in (("queued", row.queued), ("running", row.running), ("dead", row.dead)):
                jobs.add_metric([row.kind, state], number)
        for row in listed:
            due.add_metric([row.kind], row.due)
            oldest.add_metric([row.kind], row.oldest_due_seconds)
        yield from (jobs, due, oldest, _limits())
        help_text = "Queued jobs that this version cannot do"
        yield _gauge("marketplace_jobs_of_unknown_kind", help_text, unknown.queued)

    def _audit(self) -> Iterator[Metric]:
        chain = audit.chain_status(self.at)
        yield _gauge("marketplace_audit_pending", "Audit records that are not in the chain yet", chain.waiting)
        help_text = "How long the oldest of them waits"
        yield _gauge("marketplace_audit_pending_oldest_seconds", help_text, chain.waiting_seconds)
        shown, walked = chain.verification, chain.verified_at
        help_text = "What walks along the chain of the audit trail found amiss, and none has taken back since"
        yield _gauge("marketplace_audit_findings", help_text, shown.findings if shown else 0)
        help_text = "When the last walk along the chain was, in Unix time; 0: never"
        yield _gauge("marketplace_audit_verified_timestamp_seconds", help_text, walked.timestamp() if walked else 0)

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


def _jobs_by_kind(at: datetime) -> list[KindStatistics]:
    """Count the jobs of each listed kind, those without any included, and last those of all other kinds together."""
    found = {row.kind: row for row in work.statistics_by_kind(at)}
    known = sorted(kinds.job_kinds())
    listed = [found.get(kind, KindStatistics(kind, 0, 0, 0, 0, 0.0)) for kind in known]
    others = [found[kind] for kind in found.keys() - set(known)]
    queued, running, dead = (sum(getattr(row, name) for row in others) for name in ("queued", "running", "dead"))
    return [*listed, KindStatistics(UNKNOWN, queued, 0, running, dead, 0.0)]


def _limits() -> Metric:
    family = GaugeMetricFamily(
        "marketplace_jobs_at_most", "How many jobs of a kind may run at a time, where that is limited", labels=["kind"]
    )
    for kind in kinds.job_kinds().values():
        if kind.at_most is not None:
            family.add_metric([kind.kind], kind.at_most)
    return family


def _gauge(name: str, help_text: str, value: float) -> Metric:
    return GaugeMetricFamily(name, help_text, value=value)
