"""In the demo, calls are taken once its data is loaded and every open need has been ranked."""

from datetime import datetime

from django.conf import settings

from marketplace.demo.models import LoadedDemo
from marketplace.kernel.text import gettext_noop as _
from marketplace.rest.readiness import Finding, readiness_check


@readiness_check
def demo_data(at: datetime) -> Finding:
    """Look for the demo's data; elsewhere there is nothing to wait for."""
    if not settings.DEMO or LoadedDemo.objects.filter(ready_at__isnull=False).exists():
        return Finding("demo data", ok=True, needed=settings.DEMO)
    return Finding("demo data", ok=False, detail=_("The demo data is being loaded, or its needs are being ranked."))
