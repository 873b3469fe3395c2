"""A guard against dialling anything but this machine.

Once installed it stays for the life of the process: an audit hook cannot be taken away. It raises before a
foreign address is connected to, or a foreign name looked up, and remembers what was tried.
"""

from __future__ import annotations

import ipaddress
import sys
from typing import Any

attempts: list[str] = []
_EVENTS = frozenset(
    {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo", "socket.gethostbyname"}
)


class ForeignAddress(RuntimeError):
    """A test was about to leave this machine."""


def install() -> None:
    """Install the guard, once for the process."""
    if not getattr(sys, "_lazyimg_guard", False):
        sys._lazyimg_guard = True  # type: ignore[attr-defined]
        sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event not in _EVENTS:
        return
    host = _host(event, arguments)
    if not is_local(host):
        attempts.append(str(host))
        raise ForeignAddress(f"{event} of {host!r}: tests dial nothing but loopback")


def _host(event: str, arguments: tuple[Any, ...]) -> Any:
    if event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        return arguments[0]
    address = arguments[1] if len(arguments) > 1 else None
    return address[0] if isinstance(address, tuple) and address else None  # a Unix socket has no host


def is_local(host: object) -> bool:
    """Tell whether a host is this machine."""
    if isinstance(host, bytes):
        host = host.decode(errors="replace")
    if host is None or host == "":
        return True
    name = str(host).rstrip(".").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
