"""Where a call comes from: one answer for audit, throttles and sign-in, which no header of a caller can change."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings
from django.http import HttpRequest

IPV6_SITE_BITS = 64  # what one customer is given at least (RFC 6177): a bucket for each address would hold nobody


def client_address(request: HttpRequest) -> str:
    """Give the address of the caller; empty where the server knows none (a Unix socket).

    Each proxy appends to X-Forwarded-For the address that called it, so the last TRUSTED_PROXIES entries are ours to
    believe and everything before them is what the caller says. A call that did not come through all of them is known
    by its peer.
    """
    peer = request.META.get("REMOTE_ADDR", "")
    chain = [part for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",") if part.strip()]
    proxies = settings.TRUSTED_PROXIES
    said = chain[-proxies] if 0 < proxies <= len(chain) else peer
    found = _read(said) or _read(peer)
    return str(found) if found else ""


def network_of(address: str) -> str:
    """Give what ``address`` is counted under: itself, or its /64 where it is IPv6."""
    found = _read(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, IPV6_SITE_BITS), strict=False))
    return str(found) if found else "unknown"


def _read(text: str) -> IPv4Address | IPv6Address | None:
    """Read an address as proxies write it, also with a port; None for anything else."""
    text = text.strip().removeprefix('"').removesuffix('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
