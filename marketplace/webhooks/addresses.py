"""Where calls may go: public addresses of the internet, looked at when the connection is made and not before.

A name may lead elsewhere at every look-up. Whoever checks it first and connects afterwards has checked another address
(DNS rebinding); therefore the address that was checked is the one that is connected to, by its number.
"""

import socket
from collections.abc import Iterable
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from django.conf import settings

Address = IPv4Address | IPv6Address

# All that is given out of IPv6 as the public internet. Outside lie, among others, IPv4 addresses in other clothes
# (compatible, translated, NAT64), segment routing, site-local addresses and what nobody has been given yet: the
# standard library, which lists what is private, takes some of these for global.
GIVEN_OUT = ip_network("2000::/3")

# Beyond what the standard library calls "not global": relays, what carries IPv4 addresses inside, and examples.
FORBIDDEN = tuple(
    ip_network(text)
    for text in (
        "100.64.0.0/10",  # carrier-grade NAT
        "192.88.99.0/24",  # relays of 6to4
        "2001::/32",  # Teredo
        "2002::/16",  # 6to4
        "3fff::/20",  # documentation
    )
)


class ForbiddenAddressError(Exception):
    """The name leads to no address that may be called."""


def is_allowed(address: Address) -> bool:
    """Tell whether calls may go to an address: a public one, or this very machine where the settings allow it."""
    plain = getattr(address, "ipv4_mapped", None) or address
    if plain.is_loopback:
        return bool(settings.WEBHOOKS_TO_LOOPBACK)
    if plain.version == 6 and plain not in GIVEN_OUT:
        return False
    if any(plain.version == network.version and plain in network for network in FORBIDDEN):
        return False
    return plain.is_global and not plain.is_multicast


def resolve(host: str, port: int) -> list[Address]:
    """Look the name up and give its addresses that may be called.

    Raises OSError where there is no such name, and ForbiddenAddressError where any of its addresses is forbidden: who
    mixes public and private ones has no good reason to.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [ip_address(str(entry[4][0]).partition("%")[0]) for entry in found]
    return checked(addresses, host)


def checked(addresses: Iterable[Address], host: str) -> list[Address]:
    """Give the addresses without repetition. Raises ForbiddenAddressError unless there are some and all are allowed."""
    once = list(dict.fromkeys(addresses))
    if not once or not all(is_allowed(address) for address in once):
        raise ForbiddenAddressError(host)
    return once
