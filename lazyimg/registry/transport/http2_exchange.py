"""One request and its answer on an HTTP/2 connection, as what is known of it so far."""

from collections import deque
from typing import TYPE_CHECKING, Any, Final

import httpcore

from lazyimg.registry.transport.network import Call

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_DROPPED: Final = frozenset(
    {b"host", b"transfer-encoding", b"connection", b"keep-alive", b"proxy-connection", b"upgrade"}
)
"""Headers of HTTP/1.1 alone (RFC 9113, 8.2.2)."""


class Exchange:
    """One request and its answer.

    Args:
        interrupt: ends it, from another thread.
        request: what is asked.
        call: bounds it.

    Attributes:
        id: the number of its stream.
        head: the headers of the answer, once they are there.
        data: what came of the answer's body, and was not read yet.
        untold: bytes that were read, and that the server was not told of.
        is_sent: whether the request is complete.
        is_answered: whether the answer is.
        error: why it cannot go on.
    """

    def __init__(
        self, interrupt: "Callable[[Exchange], None]", request: httpcore.Request, call: Call
    ) -> None:
        limits = request.extensions.get("timeout", {})
        self.call = call
        self.silence: float | None = limits.get("read")
        self.stall: float | None = limits.get("write")
        self.id = 0
        self.head: list[tuple[bytes, bytes]] | None = None
        self.data: deque[bytes] = deque()
        self.untold = 0  # bytes that were taken, and the server has not been told of
        self.is_sent = self.is_answered = False
        self.error: Exception | None = None
        self._interrupt = interrupt

    def limit(self, *, writes: bool) -> float | None:
        """Return the seconds it may wait for the server: to take something, or to say something."""
        return self.call.limit_write(self.stall) if writes else self.call.limit_read(self.silence)

    def cut(self) -> None:
        """End it, from another thread."""
        self._interrupt(self)


class Body:
    """The body of an answer.

    Args:
        parts: yields it as it arrives.
        end: lets go of it.
    """

    def __init__(self, parts: "Iterator[bytes]", end: "Callable[[], None]") -> None:
        self._parts, self._end = parts, end

    def __iter__(self) -> "Iterator[bytes]":
        return self._parts

    def close(self) -> None:
        """Let go of it, read to its end or not."""
        self._end()


def status_of(head: "list[tuple[bytes, bytes]]") -> int:
    """Read the status of an answer.

    Raises:
        httpcore.RemoteProtocolError: there is none, or it is no number of three digits.
    """
    found = next((value for name, value in head if name == b":status"), b"")
    if not (found.isdigit() and len(found) == 3):  # noqa: PLR2004 - RFC 9110, 15
        raise httpcore.RemoteProtocolError("an answer without a status")
    return int(found)


def fields_of(request: httpcore.Request) -> tuple[list[tuple[bytes, bytes]], bool]:
    """Return the headers of a request as HTTP/2 has them, and whether it is over with them."""
    sent = {name.lower(): value for name, value in request.headers}
    fields: list[tuple[Any, Any]] = [
        (b":method", request.method),
        (b":authority", sent.get(b"host", b"")),
        (b":scheme", request.url.scheme),
        (b":path", request.url.target),
    ]
    fields += [(name, value) for name, value in sent.items() if name not in _DROPPED]
    has_body = b"transfer-encoding" in sent or sent.get(b"content-length", b"0") != b"0"
    return fields, not has_body
