"""Which addresses a registry may send us to: token services, upload locations, redirects.

A registry names other servers in its answers, and could name ones that only we can reach. The rules:

- a server on a public address is followed, over https unless the registry itself is spoken to in plain http;
- a link-local address never, nor another one where a cloud keeps the metadata of its machines;
- a loopback address only from a registry on loopback, a private one only from a private one.

The registry that the user named is always dialled, wherever it is. Names are judged twice: here by what they
say, and in `network` by the addresses they resolve to.
"""

import ipaddress
import re
import socket
from collections.abc import Iterable
from enum import Enum

from lazyimg.errors import RegistryError


class Zone(Enum):
    """How far an address reaches, the nearest first."""

    LOOPBACK = "a loopback address"
    LINK_LOCAL = "a link-local address"
    METADATA = "the address of a cloud's metadata"
    PRIVATE = "a private address"
    PUBLIC = "a public address"


_NEVER = frozenset({Zone.LINK_LOCAL, Zone.METADATA})
_METADATA = frozenset(
    map(ipaddress.ip_address, ("fd00:ec2::254", "100.100.100.200", "168.63.129.16", "192.0.0.192"))
)  # those that are not link-local: of AWS, Alibaba, Azure, Oracle
_FOUR_IN_SIX = tuple(map(ipaddress.IPv6Network, ("::/96", "::ffff:0:0:0/96", "64:ff9b::/96")))
_INNER_SIX = tuple(map(ipaddress.IPv6Network, ("fec0::/10", "64:ff9b:1::/48")))
_NUMERIC = re.compile(r"(?:0[xX][0-9a-fA-F]*|[0-9]+)(?:\.(?:0[xX][0-9a-fA-F]*|[0-9]+)){0,3}")


class RefusedAddress(RegistryError, PermissionError):
    """A registry named a server that it has no business naming."""


def zone_of(address: str) -> Zone | None:
    """Return the zone of an IP address, None of what is no address.

    >>> zone_of("127.0.0.1"), zone_of("::ffff:169.254.169.254"), zone_of("ghcr.io")
    (<Zone.LOOPBACK: 'a loopback address'>, <Zone.LINK_LOCAL: 'a link-local address'>, None)
    """
    try:
        ip = ipaddress.ip_address(address.strip("[]").partition("%")[0])
    except ValueError:
        return None
    return _zone(ip if isinstance(ip, ipaddress.IPv4Address) else _four_in(ip) or ip)


def _four_in(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """The IPv4 address that an IPv6 address stands for: mapped, translated or tunnelled."""
    if ip in _FOUR_IN_SIX[0] and int(ip) <= 1:
        return None  # unspecified and loopback are IPv6's own
    if any(ip in network for network in _FOUR_IN_SIX):
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)


def _zone(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> Zone:
    if ip.is_loopback or ip.is_unspecified:
        return Zone.LOOPBACK
    if ip.is_link_local:
        return Zone.LINK_LOCAL
    if ip in _METADATA:
        return Zone.METADATA
    is_inner = ip.is_multicast or any(ip in network for network in _INNER_SIX)
    return Zone.PUBLIC if ip.is_global and not is_inner else Zone.PRIVATE


def widest(zones: Iterable[Zone]) -> Zone:
    """The one that reaches furthest: of a name with several addresses, what it may name is judged by it.

    >>> widest([Zone.LOOPBACK, Zone.PUBLIC])
    <Zone.PUBLIC: 'a public address'>
    """
    return max(zones, key=list(Zone).index)


def zone_of_name(host: str) -> Zone | None:
    """Return the zone that a host's name alone tells; None if it has to be resolved.

    >>> zone_of_name("registry.localhost")
    <Zone.LOOPBACK: 'a loopback address'>
    """
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return Zone.LOOPBACK
    return zone_of(name) or _zone_of_number(name)


def _zone_of_number(name: str) -> Zone | None:
    """The zone of an IPv4 address as only resolvers read it: ``127.1``, ``2130706433``, ``0x7f000001``."""
    if _NUMERIC.fullmatch(name) is None:
        return None
    try:
        return _zone(ipaddress.IPv4Address(socket.inet_aton(name)))
    except OSError:
        return None


def is_allowed(zone: Zone, home: Zone | None) -> bool:
    """Tell whether a registry in the zone ``home`` may name a server in ``zone``.

    >>> is_allowed(Zone.PUBLIC, Zone.LOOPBACK), is_allowed(Zone.LOOPBACK, Zone.PUBLIC)
    (True, False)
    """
    if zone in _NEVER:
        return False
    return zone is Zone.PUBLIC or zone is home


def check_server(scheme: str, host: str, *, home_scheme: str, home: Zone | None, what: str) -> None:
    """Refuse a server that a registry named, by its address as written.

    Args:
        scheme: the scheme of the address, ``http`` or ``https``.
        host: its host.
        home_scheme: the scheme the registry is spoken to with.
        home: the registry's own zone, None where unknown (then only public servers are allowed).
        what: what the registry named it as, for the message: "the token realm".

    Raises:
        RefusedAddress: the rules of this module forbid it.
    """
    if scheme not in {"http", "https"}:
        raise RefusedAddress(f"{what} is refused: {scheme[:20]!r} is not http or https")
    if scheme == "http" and home_scheme == "https":
        raise RefusedAddress(
            f"{what} at {host[:100]} is refused: plain http from a registry that speaks https"
        )
    zone, host = zone_of_name(host), host[:100]
    if zone is not None and not is_allowed(zone, home):
        raise RefusedAddress(
            f"{what} at {host} is refused: {zone.value}, named by a registry that is not there"
        )
