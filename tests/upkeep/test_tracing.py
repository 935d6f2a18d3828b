"""Traces reach a collector over HTTP, and without the packages the product says what is missing."""

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from django.conf import settings
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

CALL_AND_JOB = """
import django; django.setup()
from uuid import UUID
from django.test import Client
from opentelemetry import trace
from marketplace.work.registry import Claim, watched
answer = Client(headers={"Host": "localhost"}).get("/api/v1/health/live")
print(answer.headers["X-Request-ID"])
with watched(Claim(1, UUID(int=7), "matching.rank", {}, 1, 1, 8, "worker", "call-1")):
    pass
trace.get_tracer_provider().force_flush()
"""


class Collector(HTTPServer):
    """Keeps what it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Receiver)
        self.spans: dict[str, dict[str, str]] = {}


class Receiver(BaseHTTPRequestHandler):
    """Reads one export of spans."""

    server: Collector

    def do_POST(self) -> None:
        sent = ExportTraceServiceRequest.FromString(self.rfile.read(int(self.headers["Content-Length"])))
        for span in (span for group in sent.resource_spans for scope in group.scope_spans for span in scope.spans):
            self.server.spans[span.name] = {one.key: one.value.string_value for one in span.attributes}
        self.send_response(200)
        self.end_headers()

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def run(code: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "marketplace.settings", "TESTING": "1", **more}
    return subprocess.run(
        [sys.executable, "-c", code],
        env=environment,
        cwd=settings.BASE_DIR,
        capture_output=True,
        text=True,
        check=False,
    )


def test_spans_of_calls_and_jobs_carry_the_request_id(collector: Collector) -> None:
    done = run(CALL_AND_JOB, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{collector.server_port}")
    assert done.returncode == 0, done.stderr
    assert collector.spans["GET api/v1/health/live"]["marketplace.request_id"] == done.stdout.strip()
    assert collector.spans["job matching.rank"]["marketplace.request_id"] == "call-1"


def test_missing_packages_are_named_with_the_command_that_brings_them() -> None:
    without = "import sys; sys.modules['opentelemetry'] = None; import django; django.setup()"
    done = run(without, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:1")
    assert done.returncode != 0
    assert "pip install --no-deps --require-hashes -r requirements/traces.txt" in done.stderr


def test_nothing_is_loaded_where_nobody_collects() -> None:
    done = run(
        "import django, sys; django.setup(); print('opentelemetry.sdk.trace' in sys.modules)",
        OTEL_EXPORTER_OTLP_ENDPOINT="",
    )
    assert done.stdout.strip() == "False", done.stderr
