"""The name of a registry: ``host[:port]``, as the distribution project's reference grammar has it."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from lazyimg.errors import InvalidReference

DOCKER_HUB: Final = "docker.io"
DOCKER_HUB_HOST: Final = "registry-1.docker.io"

_ALIASES: Final = frozenset({DOCKER_HUB, "index.docker.io", DOCKER_HUB_HOST})
_MAX_PORT: Final = 65535
_PORT_DIGITS: Final = 5
_LABEL: Final = r"[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?"
_REGISTRY: Final = re.compile(
    rf"(?P<host>{_LABEL}(?:\.{_LABEL})*|\[(?P<ipv6>[0-9a-fA-F:]+)\])(?::(?P<port>[0-9]+))?"
).fullmatch


def looks_like_registry(name: str) -> bool:
    """Tell whether the first part of an image's name is a registry rather than a namespace.

    Docker's rule: it is one if it holds a dot, a colon or a capital letter, or is ``localhost``.
    """
    return _is_qualified(name.lower()) or name != name.lower()


def canonical_registry(text: str) -> str:
    """Check the name of a registry and return its one form: in lower case, Docker Hub as ``docker.io``.

    Raises:
        InvalidReference: it is no ``host[:port]``, or would be read as a namespace of Docker Hub.
    """
    found = _REGISTRY(text)
    if found is None or not looks_like_registry(text):
        raise InvalidReference(
            f"{text[:100]!r} is no registry: write host[:port], such as ghcr.io, reg.lan:5000 or [::1]:5000"
        )
    _check_port(found["port"])
    _check_ipv6(found["ipv6"])
    # A capital letter may be all that makes it a registry: then it stays.
    name = text.lower() if _is_qualified(text.lower()) else text
    return DOCKER_HUB if name in _ALIASES else name


def is_loopback(registry: str) -> bool:
    """Tell whether ``host[:port]`` is this machine by its name; nothing is looked up.

    Example:
        >>> is_loopback("127.0.0.1:5000"), is_loopback("app.localhost"), is_loopback("ghcr.io")
        (True, True, False)
    """
    found = _REGISTRY(registry)
    if found is None:
        return False
    name = found["host"].strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_qualified(name: str) -> bool:
    return "." in name or ":" in name or name == "localhost"


def _check_port(port: str | None) -> None:
    if port is not None and (len(port) > _PORT_DIGITS or not 0 < int(port) <= _MAX_PORT):
        raise InvalidReference(f"{port[:20]} is no port: it must be 1 to {_MAX_PORT}")


def _check_ipv6(address: str | None) -> None:
    try:
        ipaddress.IPv6Address(address or "::")
    except ValueError:
        raise InvalidReference(f"[{address}] is no IPv6 address") from None
