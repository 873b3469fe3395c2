"""The body of an upload (`lazyimg.content.body.Body`) whose bytes are at hand."""

from collections.abc import Iterator


class BytesBody:
    """A body of bytes in memory.

    >>> b"".join(BytesBody(b"hello").chunks(2))
    b'llo'
    """

    def __init__(self, data: bytes) -> None:
        self._data = data

    @property
    def size(self) -> int:
        """The number of bytes."""
        return len(self._data)

    def chunks(self, offset: int) -> Iterator[bytes | memoryview]:
        """Yield what follows ``offset``."""
        yield memoryview(self._data)[offset:]
