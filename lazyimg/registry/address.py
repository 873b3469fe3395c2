"""Which addresses a registry may send us to: token services, upload locations, redirects.

A registry names other servers in its answers, and could name ones that only we can reach. The rules:

- a server on a public address is followed, over https unless the registry itself is spoken to in plain http;
- a link-local address (where clouds keep their metadata) never;
- a loopback address only from a registry on loopback, a private one only from a private one.

The registry that the user named is always dialled, wherever it is. Names are judged twice: here by what they
say, and in `network` by the addresses they resolve to.
"""

import ipaddress
from enum import Enum

from lazyimg.errors import RegistryError


class Zone(Enum):
    """How far an address reaches."""

    LOOPBACK = "a loopback address"
    LINK_LOCAL = "a link-local address"
    PRIVATE = "a private address"
    PUBLIC = "a public address"


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
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    if ip.is_loopback or ip.is_unspecified:
        return Zone.LOOPBACK
    if ip.is_link_local:
        return Zone.LINK_LOCAL
    return Zone.PUBLIC if ip.is_global and not ip.is_multicast else Zone.PRIVATE


def zone_of_name(host: str) -> Zone | None:
    """Return the zone that a host's name alone tells; None if it has to be resolved.

    >>> zone_of_name("registry.localhost")
    <Zone.LOOPBACK: 'a loopback address'>
    """
    name = host.rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return Zone.LOOPBACK
    return zone_of(host)


def is_allowed(zone: Zone, home: Zone | None) -> bool:
    """Tell whether a registry in the zone ``home`` may name a server in ``zone``.

    >>> is_allowed(Zone.PUBLIC, Zone.LOOPBACK), is_allowed(Zone.LOOPBACK, Zone.PUBLIC)
    (True, False)
    """
    if zone is Zone.LINK_LOCAL:
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
