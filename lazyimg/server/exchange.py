"""One request and its answer, as their bytes pass: counted, and with the faults that wait on the way."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from attrs import define, field
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Send

from lazyimg.server.access import Caller
from lazyimg.server.connection import Connection
from lazyimg.server.endpoints.context import Context
from lazyimg.server.faults import Faults, Waiting
from lazyimg.server.request import Request

if TYPE_CHECKING:
    from lazyimg.server.place import Place

DIGEST = b"docker-content-digest"


@define(eq=False)
class Exchange:
    """The two directions of one request.

    Attributes:
        request: the record of it.
        caller: who asks, for what.
        context: what all requests share.
        connection: the connection it came by.
        wrong_byte: the byte of the answer's body in which a bit is to be wrong, or None.
    """

    request: Request
    caller: Caller
    context: Context
    connection: Connection
    faults: Faults
    _receive: Receive
    _send: Send
    wrong_byte: int | None = None
    _armed: list[Waiting] = field(factory=list)
    _held: Message | None = None
    _sent: int = 0

    @property
    def place(self) -> Place:
        """What the path names."""
        return self.caller.place

    async def arrive(self) -> None:
        """Note what may go wrong, and let go wrong what does before the request is looked at.

        Raises:
            ClientDisconnect: the connection was broken.
            ApiError: what is to be answered.
        """
        self._armed = self.faults.arm(self.request)
        await self._come_to("arrival", 0)

    async def receive(self) -> Message:
        """Receive the next piece of the body, and count."""
        if not self._armed:
            return self._counted(await self._next())
        await self._come_to("received", self.request.bytes_in)
        message, self._held = split(await self._next(), self._way_to("received", self.request.bytes_in))
        return self._counted(message)

    async def _next(self) -> Message:
        message, self._held = self._held, None
        return await self._receive() if message is None else message

    def _counted(self, message: Message) -> Message:
        self.request.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Count, and send: who has the answer finds it in the record."""
        if message["type"] == "http.response.start":
            await self._come_to("handled", 0)
            await self._begin(message)
            return
        rest: Message | None = message
        while rest is not None:
            piece, rest = split(rest, self._way_to("sent", self._sent))
            await self._pass(piece)
            await self._come_to("sent", self._sent)

    async def _begin(self, head: Message) -> None:
        """Send the head; an answer without a body may end with it, for a client that is quick."""
        self.request.status = head["status"]
        size = 0 if self.request.method == "HEAD" else int(dict(head["headers"]).get(b"content-length", b"0"))
        if not size and not self._armed:
            self.request.end()
        await self._send(head if self.wrong_byte is None else self._wrong_head(head, size))
        await self._come_to("sent", 0)

    async def _pass(self, piece: Message) -> None:
        body = piece.get("body", b"")
        if self.wrong_byte is not None and self._sent <= self.wrong_byte < self._sent + len(body):
            piece = {**piece, "body": flipped(body, self.wrong_byte - self._sent)}
        if self.request.method != "HEAD":
            self._sent += len(body)
            self.request.bytes_out = self._sent
        if not piece.get("more_body", False):
            self.request.end()
        await self._send(piece)

    def _wrong_head(self, head: Message, size: int) -> Message:
        """Settle where the wrong bit is: in a byte of the body, if there is a body, else in the header."""
        if size and self.wrong_byte is not None:
            self.wrong_byte = min(self.wrong_byte, size - 1)
            return head
        self.wrong_byte = None
        headers = [
            (name, other_digest(value) if name == DIGEST else value) for name, value in head["headers"]
        ]
        return {**head, "headers": headers}

    def _way_to(self, side: str, count: int) -> int | None:
        """Return how many bytes it is to the next fault on a side, None where there is none."""
        places = [each.fault.point for each in self._armed]
        return min((at - count for name, at in places if name == side and at > count), default=None)

    async def _come_to(self, side: str, count: int) -> None:
        """Let go wrong what does at a point."""
        for each in [each for each in self._armed if each.fault.point == (side, count)]:
            self._armed.remove(each)
            if self.faults.takes(each, self.request):
                await each.fault.action.act(self)

    async def leave(self) -> NoReturn:
        """Wait until a connection that was cut is noticed to be, and end the request.

        Raises:
            ClientDisconnect: always.
        """
        while (await self._receive())["type"] != "http.disconnect":
            pass
        raise ClientDisconnect


def split(message: Message, size: int | None) -> tuple[Message, Message | None]:
    """Return a part of a body as its first ``size`` bytes and the rest; None where it has fewer.

    >>> split({"body": b"abc", "more_body": False}, 3)
    ({'body': b'abc', 'more_body': True}, {'body': b'', 'more_body': False})
    """
    body = message.get("body", b"")
    if size is None or len(body) < size:
        return message, None
    return {**message, "body": body[:size], "more_body": True}, {**message, "body": body[size:]}


def flipped(data: bytes | memoryview, at: int) -> bytes:
    """Return bytes with one bit of one byte the other way."""
    wrong = bytearray(data)
    wrong[at] ^= 1
    return bytes(wrong)


def other_digest(digest: bytes) -> bytes:
    """Return a digest of the same algorithm.

    >>> other_digest(b"sha256:00ff")
    b'sha256:1100'
    """
    algorithm, _, encoded = digest.partition(b":")
    return algorithm + b":" + encoded.translate(bytes.maketrans(b"0123456789abcdef", b"123456789abcdef0"))
