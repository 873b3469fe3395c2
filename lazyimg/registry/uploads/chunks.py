"""A blob in chunks (distribution-spec, "Pushing a blob in chunks").

One reading of the body serves all chunks. The one under way stays in memory until it has arrived: a chunk
that is refused, or breaks, goes out again, or a part of it does, and nothing is read twice.
"""

from collections.abc import Iterator

from lazyimg.content.body import Body
from lazyimg.errors import ContentMismatch
from lazyimg.registry.transport.outgoing import PIECE


class Chunks:
    """One reading of a body, with a chunk of it at hand. For one thread.

    Args:
        body: the bytes; read again only from where nothing is at hand.

    Attributes:
        total: bytes of the whole; None until its end was read.

    >>> from lazyimg.registry.uploads.bytes_body import BytesBody
    >>> chunks = Chunks(BytesBody(b"hello"))
    >>> chunks.fill(0, 4), chunks.total, chunks.fill(4, 4), chunks.total
    (4, None, 1, 5)
    """

    def __init__(self, body: Body) -> None:
        self.total: int | None = None
        self._body = body
        self._size = body.size
        self._parts: Iterator[bytes | memoryview] | None = None
        self._held = bytearray()
        self._start = 0

    def fill(self, offset: int, size: int) -> int:
        """Have the bytes from ``offset`` at hand: ``size`` of them, or what there is to the end.

        Returns:
            How many they are.

        Raises:
            BaseException: what the body raised.
            ContentMismatch: the body has fewer bytes than it said, or more.
        """
        self._go_to(offset)
        while self.total is None and len(self._held) <= size:  # one more byte, and it is not the last chunk
            self._read_on()
        return min(size, len(self._held))

    def pieces(self, size: int) -> Iterator[bytes]:
        """Yield the first ``size`` bytes at hand, in pieces that are sent at once."""
        with memoryview(self._held) as held:
            for start in range(0, size, PIECE):
                yield bytes(held[start : min(start + PIECE, size)])

    def close(self) -> None:
        """Let go of the body's iterator. What is at hand stays."""
        parts, self._parts = self._parts, None
        close = getattr(parts, "close", None)
        if close is not None:
            close()

    def _go_to(self, offset: int) -> None:
        if self._start <= offset <= self._start + len(self._held):
            del self._held[: offset - self._start]
        else:
            self.close()
            self._held.clear()
            self.total = None
        self._start = offset

    def _read_on(self) -> None:
        if self._parts is None:
            self._parts = self._body.chunks(self._start + len(self._held))
        part = next(self._parts, None)
        if part is None:
            self.close()
        else:
            self._held += part
        given = self._start + len(self._held)
        self.total = given if part is None else None
        if self._size is not None and (given > self._size or (part is None and given < self._size)):
            raise ContentMismatch(f"the source gave {given} bytes where {self._size} were announced")
