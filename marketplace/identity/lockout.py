"""Failed sign-ins: how long an account stays closed to a network (django-axes counts them in the database)."""

import math
from datetime import datetime

from axes.models import AccessAttempt
from django.conf import settings
from django.http import HttpRequest

from marketplace.accounts.addresses import client_address, network_of


def address_of(request: HttpRequest) -> str | None:
    """Give the address that failed tries are counted under (called by axes); None where the server knows none.

    Of an IPv6 address that of its network: who has one has all of it, and would begin anew with each address.
    """
    address = client_address(request)
    return network_of(address).partition("/")[0] if address else None  # the column holds addresses, no networks


def is_locked(request: HttpRequest) -> bool:
    """Tell whether axes has refused the sign-in that this request tried."""
    return bool(getattr(request, "axes_locked_out", False))


def seconds_left(login: str, request: HttpRequest, *, at: datetime) -> int:
    """Compute after how many seconds ``login`` may be tried again from where the request comes; at least one."""
    attempts = AccessAttempt.objects.filter(username=login, ip_address=address_of(request))
    last = attempts.order_by("-attempt_time").values_list("attempt_time", flat=True).first()
    return max(math.ceil((last + settings.AXES_COOLOFF_TIME - at).total_seconds()), 1) if last else 1
