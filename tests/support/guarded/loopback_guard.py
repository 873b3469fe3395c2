"""A guard against dialling anything but this machine.

Once installed it stays for the life of the process: an audit hook cannot be taken away, and sees all threads.
It raises before a foreign address is connected to, or a foreign name looked up, and remembers what was tried.
This directory is on ``PYTHONPATH`` of the Pythons that tests start, so it loads nothing before it is needed.
"""

from __future__ import annotations

import sys
from typing import Any

attempts: list[str] = []
_LOOK_UPS = frozenset(
    {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}
)
_DIALS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})


class ForeignAddress(RuntimeError):
    """A test was about to leave this machine."""


def install() -> None:
    """Install the guard, once for the process."""
    if not getattr(sys, "_lazyimg_guard", False):
        sys._lazyimg_guard = True  # type: ignore[attr-defined]
        sys.addaudithook(_hook)


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event in _LOOK_UPS:
        _refuse_foreign(event, arguments[0])
    elif event in _DIALS:
        _refuse_foreign(event, arguments[1] if len(arguments) > 1 else None)


def _refuse_foreign(event: str, address: Any) -> None:
    host = address[0] if isinstance(address, tuple) and address else address
    is_path = event in _DIALS and not isinstance(
        address, tuple
    )  # of a Unix socket, or it is connected already
    if not is_path and not is_local(host):
        attempts.append(str(host))
        raise ForeignAddress(f"{event} of {host!r}: tests dial nothing but loopback")


def is_local(host: object) -> bool:
    """Tell whether a host is this machine."""
    import ipaddress  # noqa: PLC0415 - a Python that dials nothing does not need it

    if isinstance(host, bytes | bytearray):
        host = bytes(host).decode(errors="replace")
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
