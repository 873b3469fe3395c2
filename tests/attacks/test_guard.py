"""The guard of these tests: it raises before anything leaves this machine, wherever that is tried."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from support import guard
from support.guard import ForeignAddress, is_local

if TYPE_CHECKING:
    from collections.abc import Callable

ADDRESS = ("192.0.2.1", 9)  # set aside for documentation: nobody is there
ADDRESS6 = ("2001:db8::1", 9)


def tcp() -> socket.socket:
    """Give a socket that waits for little."""
    made = socket.socket()
    made.settimeout(1)
    return made


def udp(family: int = socket.AF_INET) -> socket.socket:
    """Give a socket for datagrams."""
    return socket.socket(family, socket.SOCK_DGRAM)


def with_one(
    make: Callable[[], socket.socket], use: Callable[[socket.socket], object]
) -> Callable[[], object]:
    """Give a function that uses a socket and closes it."""

    def act() -> object:
        with make() as made:
            return use(made)

    return act


ESCAPES = {
    "connect": with_one(tcp, lambda made: made.connect(ADDRESS)),
    "connect_ex": with_one(tcp, lambda made: made.connect_ex(ADDRESS)),
    "create_connection": lambda: socket.create_connection(ADDRESS, timeout=1),
    "udp connect": with_one(udp, lambda made: made.connect(ADDRESS)),
    "sendto": with_one(udp, lambda made: made.sendto(b"x", ADDRESS)),
    "sendto with flags": with_one(udp, lambda made: made.sendto(b"x", 0, ADDRESS)),
    "sendmsg": with_one(udp, lambda made: made.sendmsg([b"x"], [], 0, ADDRESS)),
    "IPv6": with_one(lambda: udp(socket.AF_INET6), lambda made: made.sendto(b"x", ADDRESS6)),
    "getaddrinfo": lambda: socket.getaddrinfo("registry.example", 443),
    "getaddrinfo of bytes": lambda: socket.getaddrinfo(b"registry.example", 443),
    "getaddrinfo of a number": lambda: socket.getaddrinfo("3221225985", 443),
    "gethostbyname": lambda: socket.gethostbyname("registry.example"),
    "gethostbyname_ex": lambda: socket.gethostbyname_ex("registry.example"),
    "gethostbyaddr": lambda: socket.gethostbyaddr("192.0.2.1"),
    "getnameinfo": lambda: socket.getnameinfo(ADDRESS, 0),
    "getfqdn": lambda: socket.getfqdn("registry.example"),
    "asyncio": lambda: asyncio.run(asyncio.open_connection(*ADDRESS)),
}


@pytest.mark.parametrize("escape", ESCAPES.values(), ids=ESCAPES)
def test_nothing_leaves_this_machine(escape: Callable[[], object], foreign_attempts: list[str]) -> None:
    """Each way to dial, to send a datagram or to look up a name raises, and is remembered."""
    with pytest.raises(ForeignAddress, match="tests dial nothing but loopback"):
        escape()
    assert len(foreign_attempts) == 1


def test_threads_are_watched_too(foreign_attempts: list[str]) -> None:
    """An audit hook is the interpreter's: a thread is no way around it."""
    raised: list[BaseException] = []

    def dial() -> None:
        try:
            socket.create_connection(ADDRESS, timeout=1)
        except ForeignAddress as error:
            raised.append(error)

    thread = threading.Thread(target=dial)
    thread.start()
    thread.join()
    assert len(raised) == len(foreign_attempts) == 1


@pytest.mark.parametrize(
    "environment", [{}, {"PYTHONPATH": guard.python_path("/nowhere")}], ids=["ours", "own"]
)
def test_pythons_that_tests_start_are_watched_too(environment: dict[str, str]) -> None:
    """A process of its own, with our environment or a path of its own, has the guard from its beginning."""
    program = "import socket; socket.create_connection(('192.0.2.1', 9), timeout=1)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1
    assert "ForeignAddress: socket.getaddrinfo of '192.0.2.1'" in done.stderr


LOCAL = ["127.0.0.1", "127.8.8.8", "::1", "::1%lo", "localhost", "Localhost.", "a.localhost", b"localhost"]
FOREIGN = [
    "localhost.example",
    "127.0.0.1.example",
    "10.0.0.1",
    "169.254.169.254",
    "::ffff:8.8.8.8",
    "2130706433",
]


def test_this_machine_may_be_dialled(foreign_attempts: list[str]) -> None:
    """Loopback, in whatever form, and Unix sockets are what tests talk through."""
    for host in LOCAL:
        assert is_local(host)
    for host in FOREIGN:
        assert not is_local(host)
    with socket.create_server(("127.0.0.1", 0)) as server, socket.create_connection(server.getsockname()[:2]):
        pass
    with socket.socket(socket.AF_UNIX) as made, pytest.raises(FileNotFoundError):
        made.connect("/nowhere/there.sock")
    socket.getaddrinfo(None, 80)
    socket.getaddrinfo("localhost", 80)
    assert foreign_attempts == []
