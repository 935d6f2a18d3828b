"""Health for load balancers and for people who start the product."""

from typing import ClassVar

from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from marketplace.api.base import ApiView
from marketplace.api.contracts import Contract
from marketplace.api.permissions import Public
from marketplace.api.serializers import Out
from marketplace.kernel.errors import ErrorCode
from marketplace.rest.readiness import findings

PROBE = Public("probes have no credentials; nothing private is said")


class LiveOut(Out):
    """The process answers."""

    example: ClassVar[dict[str, object]] = {"status": "ok"}

    status = serializers.CharField()


class CheckOut(Out):
    """One check."""

    name = serializers.CharField()
    ok = serializers.BooleanField()
    needed = serializers.BooleanField(help_text="Whether a failure refuses calls.")
    detail = serializers.SerializerMethodField()

    def get_detail(self, finding: object) -> str:
        """Say what is wrong, in the caller's language."""
        text = str(getattr(finding, "detail", ""))
        return gettext(text) if text else ""


class ReadyOut(Out):
    """Whether this installation takes calls, and what was looked at."""

    example: ClassVar[dict[str, object]] = {
        "status": "ready",
        "checks": [{"name": "database", "ok": True, "needed": True, "detail": ""}],
    }

    status = serializers.ChoiceField(choices=["ready", "not_ready"])
    checks = CheckOut(many=True)


class LiveView(ApiView):
    """`/health/live`."""

    tag = "Start"
    authentication_classes = ()
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "See whether the process answers", PROBE, out=LiveOut, counted=False, operation_id="health_live"
        )
    }

    def get(self, request: Request) -> Response:
        """Answer."""
        return Response({"status": "ok"})


class ReadyView(ApiView):
    """`/health/ready`."""

    tag = "Start"
    authentication_classes = ()
    contracts: ClassVar[dict[str, Contract]] = {
        "get": Contract(
            "See whether calls are taken",
            PROBE,
            description="503 with the same body while a needed check fails.",
            out=ReadyOut,
            counted=False,
            also=(503,),
            operation_id="health_ready",
            errors=(ErrorCode.SERVICE_UNAVAILABLE,),
        )
    }

    def get(self, request: Request) -> Response:
        """Run the checks; 503 while one that is needed fails."""
        found = findings(self.request.at)
        ready = all(finding.ok for finding in found if finding.needed)
        facts = {"status": "ready" if ready else "not_ready", "checks": found}
        data = ReadyOut(facts, context=self.shape_context()).data
        return Response(data, status=200 if ready else 503, headers={} if ready else {"Retry-After": "2"})
