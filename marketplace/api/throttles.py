"""How often one caller may call: counted by credential, told in `RateLimit` and `RateLimit-Policy`, refused with 429.

The header fields are those of draft-ietf-httpapi-ratelimit-headers-10. Counting is by fixed windows of a minute, shared
between processes through Redis where there is one (docs/adr/0013). Redis may be away or frozen: after one short timeout a
process counts by itself for a while, and says so in the log.
"""

import time
import zlib
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.core.cache import BaseCache, caches
from django.http import HttpRequest
from redis.exceptions import RedisError

from marketplace.accounts.actors import Actor
from marketplace.accounts.addresses import client_address, network_of
from marketplace.kernel.errors import DomainError, ErrorCode

log = structlog.get_logger(__name__)
WINDOW_SECONDS = 60
AWAY_SECONDS = 10.0  # for which a process leaves a store alone that did not answer
SHARED, OWN = "counters", "default"  # aliases of CACHES


@dataclass(frozen=True, slots=True)
class Allowance:
    """What a caller may still do in the window of now; ``quota`` calls were allowed in it."""

    policy: str
    quota: int
    used: int
    resets_in: int  # seconds

    @property
    def is_exceeded(self) -> bool:
        """Tell whether this call is one too many."""
        return self.used > self.quota

    def headers(self) -> dict[str, str]:
        """Write both fields."""
        left = max(self.quota - self.used, 0)
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.quota};w={WINDOW_SECONDS}',
            "RateLimit": f'"{self.policy}";r={left};t={self.resets_in}',
        }


def charge_actor(request: HttpRequest, actor: Actor) -> Allowance | None:
    """Count a call of ``actor``: a person's session and all their tokens apart, a service client as one, others by address.

    The allowance stays on the request for the headers of the answer. Raises DomainError(throttled).
    """
    if actor.client is not None:
        return _charge(request, "client", actor.public_id, actor.client.requests_per_minute)
    if actor.user is not None:
        way = "session" if actor.scopes is None else "tokens"
        return _charge(request, "person", f"{actor.public_id}:{way}")
    return charge_address(request)


def charge_address(request: HttpRequest) -> Allowance | None:
    """Count a call of somebody unknown. Raises DomainError(throttled)."""
    return _charge(request, "anonymous", network_of(client_address(request)))


def leave_out(request: HttpRequest) -> None:
    """Count nobody for this call."""
    request.allowance = None  # type: ignore[attr-defined]


def _charge(request: HttpRequest, policy: str, who: str, quota: int | None = None) -> Allowance | None:
    allowed = settings.CALLS_PER_MINUTE[policy] if quota is None else quota
    allowance = count(policy, who, allowed, now=time.time()) if allowed else None
    request.allowance = allowance  # type: ignore[attr-defined]
    if allowance is not None and allowance.is_exceeded:
        raise DomainError(ErrorCode.THROTTLED, retry_after=allowance.resets_in)
    return allowance


def count(policy: str, who: str, quota: int, *, now: float) -> Allowance:
    """Add one to what ``who`` used at ``now`` (seconds since 1970). Windows of different callers end at different moments,
    so that not everybody who waits comes back at once.
    """
    shifted = int(now) + zlib.crc32(who.encode()) % WINDOW_SECONDS
    window, passed = divmod(shifted, WINDOW_SECONDS)
    used = counters.add_one(f"calls:{policy}:{who}:{window}")
    return Allowance(policy, quota, used, WINDOW_SECONDS - passed)


class Counters:
    """The shared counters, and the process's own for as long as the shared ones do not answer."""

    def __init__(self) -> None:
        self.away_until = 0.0  # on the monotonic clock

    def add_one(self, key: str) -> int:
        """Add one to a counter and give what it is now; a counter that is not there begins at 0."""
        if time.monotonic() < self.away_until:
            return _add_one(caches[OWN], key)
        try:
            return _add_one(caches[SHARED], key)
        except (RedisError, OSError) as error:
            self.away_until = time.monotonic() + AWAY_SECONDS
            log.error("shared_counters_away", error=str(error), counting_alone_for_seconds=AWAY_SECONDS)
            return _add_one(caches[OWN], key)


counters = Counters()


def _add_one(store: BaseCache, key: str) -> int:
    try:
        return store.incr(key)
    except ValueError:  # not there
        if store.add(key, 1, 2 * WINDOW_SECONDS):
            return 1
        return store.incr(key)
