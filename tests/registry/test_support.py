"""The tools that tests of several packages share do what those tests rely on."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from _pytest.outcomes import Failed, Skipped
from support import guard
from support.programs import need

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.front import Front
    from support.http_server import Exchange
    from support.keeping_registry import KeepingRegistry

    from lazyimg.registry.client import Client


def test_guard_raises_before_anything_leaves_this_machine(foreign_attempts: list[str]) -> None:
    """Foreign addresses and names raise, and are remembered; loopback and Unix sockets do not."""
    with socket.socket() as sock, pytest.raises(guard.ForeignAddress):
        sock.connect(("192.0.2.1", 80))
    with socket.socket(type=socket.SOCK_DGRAM) as sock, pytest.raises(guard.ForeignAddress):
        sock.sendto(b"x", ("192.0.2.1", 53))
    for look_up in (lambda: socket.getaddrinfo("a.example", 80), lambda: socket.gethostbyname("b.example")):
        with pytest.raises(guard.ForeignAddress):
            look_up()
    assert foreign_attempts == ["192.0.2.1", "192.0.2.1", "a.example", "b.example"]
    assert socket.getaddrinfo("127.0.0.1", 80)
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(FileNotFoundError):
        sock.connect("/nowhere/socket")
    assert len(foreign_attempts) == 4


@pytest.mark.parametrize(
    ("host", "local"),
    [
        (None, True),
        ("", True),
        (b"localhost", True),
        ("a.localhost.", True),
        ("::1", True),
        ("10.0.0.1", False),
    ],
)
def test_guard_knows_this_machine(host: object, *, local: bool) -> None:
    """What is this machine is told by name and by address."""
    assert guard.is_local(host) is local


def test_missing_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A missing program skips the test with the package that has it; in CI it fails."""
    assert need("sh", "dash")
    monkeypatch.setenv("CI", "")
    with pytest.raises(Skipped, match="no-such-program is missing: apt-get install nothing"):
        need("no-such-program", "nothing")
    for value in ("true", "1"):
        monkeypatch.setenv("CI", value)
        with pytest.raises(Failed, match="apt-get install nothing"):
            need("no-such-program", "nothing")


def test_front_records_and_intercepts(
    client: Callable[..., Client], keeping: KeepingRegistry, front: Callable[[str], Front]
) -> None:
    """The proxy notes what passes, with statuses and bytes, and answers itself where it is told to."""
    proxy = front(keeping.host)
    registry = client(proxy.host)
    registry.begin_upload("me/app").cancel()
    assert proxy.log == ["POST /v2/me/app/blobs/uploads/", "DELETE /v2/me/app/blobs/uploads/1"]
    assert [(passed.status, passed.bytes_in) for passed in proxy.requests] == [(202, 0), (204, 0)]
    proxy.clear()

    def refuse(exchange: Exchange) -> bool:
        exchange.answer(403)
        return True

    proxy.intercept = refuse
    with pytest.raises(PermissionError):
        registry.begin_upload("me/app")
    assert [passed.status for passed in proxy.requests] == [403]
