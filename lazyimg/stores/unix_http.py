"""HTTP over a Unix socket, with waits that can be ended: how the docker daemon is spoken to.

The daemon may think for minutes before it answers, so no wait has a limit of its own; each asks ``check``
every tenth of a second whether to go on.
"""

import errno
import http.client
import io
import select
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, cast

from lazyimg.content.block import SLICE, WAIT

_READ = 256 << 10  # bytes that are asked of the system at a time


class UnixConnection(http.client.HTTPConnection):
    """One connection to a server that listens on a path of this machine.

    Args:
        path: the socket.
        check: called while waiting; what it raises ends the wait.
    """

    def __init__(self, path: str, check: Callable[[], None]) -> None:
        super().__init__("localhost")
        self._path = path
        self._check = check

    def connect(self) -> None:
        """Connect; a Unix socket does so at once, or not at all."""
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.connect(self._path)
            connected.setblocking(False)  # noqa: FBT003 - the socket's own way to say it
        except BaseException:
            connected.close()
            raise
        self.sock = cast("Any", _Waiting(connected, self._check))


class _Waiting:
    """A socket as `http.client` uses it, whose every wait is short."""

    def __init__(self, connected: socket.socket, check: Callable[[], None]) -> None:
        self._socket = connected
        self._check = check

    def sendall(self, data: bytes | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            self._wait(select.POLLOUT)
            rest = rest[self._socket.send(rest) :]

    def recv_into(self, buffer: Any) -> int:
        self._wait(select.POLLIN)
        return self._socket.recv_into(buffer)

    def _wait(self, event: int) -> None:
        poll = select.poll()
        poll.register(self._socket, event)
        while not poll.poll(WAIT * 1000):
            self._check()

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(_Incoming(self), _READ)

    def close(self) -> None:
        self._socket.close()


class _Incoming(io.RawIOBase):
    """What comes in on a socket; closing it leaves the socket to its connection."""

    def __init__(self, source: _Waiting) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        return self._source.recv_into(buffer)


class BrokenAnswer(OSError):
    """What came back is no HTTP, or ended early."""


class Answer:
    """An answer whose body is still to be read.

    Attributes:
        status: of HTTP.
    """

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self._response = response

    def chunks(self) -> Iterator[bytes]:
        """Yield the body, in pieces of at most 1 MiB.

        Raises:
            BrokenAnswer: it ended early.
        """
        while piece := self._response.read(SLICE):
            yield piece
        if self._response.length:
            raise BrokenAnswer(errno.EPROTO, f"{self._response.length} bytes are missing")

    def beginning(self, size: int) -> bytes:
        """The first ``size`` bytes of the body, or fewer."""
        return self._response.read(size)


@contextmanager
def answered(
    path: str,
    method: str,
    target: str,
    check: Callable[[], None],
    body: Iterable[bytes | memoryview] | None = None,
) -> Iterator[Answer]:
    """Send a request and give the answer; the connection ends with the block.

    Args:
        path: the socket.
        method: of HTTP.
        target: path and query of the request.
        check: called while waiting; what it raises ends the wait.
        body: a tar, in pieces of any size, sent chunked.

    Raises:
        OSError: the socket cannot be connected to, or broke.
        BrokenAnswer: what came back is no HTTP, or ended early.
    """
    connection = UnixConnection(path, check)
    headers = {} if body is None else {"Content-Type": "application/x-tar"}
    try:
        connection.request(method, target, body=cast("Iterable[bytes] | None", body), headers=headers)
        yield Answer(connection.getresponse())
    except http.client.HTTPException as error:
        raise BrokenAnswer(errno.EPROTO, f"{type(error).__name__}: {error}") from error
    finally:
        connection.close()
