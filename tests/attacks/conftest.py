"""What hostile servers are asked with."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from support.clients import client  # noqa: F401 - a fixture

if TYPE_CHECKING:
    from collections.abc import Callable


def family(address: str) -> socket.AddressFamily:
    """Give the family of an address."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


@pytest.fixture
def resolving(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, list[str]]], dict[str, list[str]]]:
    """Give a function that makes names resolve to addresses, as a hostile DNS would; nobody is asked."""

    def resolve(names: dict[str, list[str]]) -> dict[str, list[str]]:
        def look_up(host: str, port: int, *_: object, **__: object) -> list[object]:
            return [(family(one), socket.SOCK_STREAM, 6, "", (one, port)) for one in names.get(host, [host])]

        monkeypatch.setattr(socket, "getaddrinfo", look_up)
        return names

    return resolve
