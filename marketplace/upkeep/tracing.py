"""Traces of calls, statements and background work for a collector of OpenTelemetry; off unless one is named.

The packages are an extra (`requirements/traces.txt`): who collects no traces installs and loads none of them. What the
OpenTelemetry specification reads from `OTEL_...` variables (headers, sampling, resource) counts here, too.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.http import HttpRequest, HttpResponse

from marketplace.work import registry
from marketplace.work.registry import Claim

if TYPE_CHECKING:
    from opentelemetry.trace import Span

NAME = "gmg-training-marketplace"
REQUEST_ID = "marketplace.request_id"  # the same as in logs, audit records and jobs


def start_tracing() -> None:
    """Send spans of every call, statement and job of this process. Raises ImproperlyConfigured without the packages."""
    try:
        from opentelemetry import trace
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.instrumentation.django import DjangoInstrumentor
        from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as error:
        raise ImproperlyConfigured(
            "OTEL_EXPORTER_OTLP_ENDPOINT is set, but the packages are not installed: "
            "pip install --no-deps --require-hashes -r requirements/traces.txt"
        ) from error
    provider = TracerProvider(resource=Resource.create({"service.name": NAME}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    DjangoInstrumentor().instrument(response_hook=name_call)
    if connection.vendor == "postgresql":
        PsycopgInstrumentor().instrument()
    registry.watch_jobs(span_of_job)


def name_call(span: "Span", request: HttpRequest, response: HttpResponse) -> None:
    """Write the id of a call on its span."""
    span.set_attribute(REQUEST_ID, response.headers.get("X-Request-ID", ""))


@contextmanager
def span_of_job(claim: Claim) -> Iterator[None]:
    """Make a span around one attempt at a job, with the id of the call that it follows from."""
    from opentelemetry import trace

    facts: dict[str, str | int] = {
        REQUEST_ID: claim.request_id,
        "marketplace.job": str(claim.public_id),
        "marketplace.attempt": claim.attempt,
    }
    with trace.get_tracer(NAME).start_as_current_span(f"job {claim.kind}", attributes=facts):
        yield
