"""The body of an upload (`lazyimg.content.body.Body`) whose bytes are at hand."""

from collections.abc import Iterator

from lazyimg.content.body import Body


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


def body_of(given: Body | bytes | bytearray | memoryview) -> Body:
    """Take a body as it is, and bytes of any kind as one: as they are now, whatever becomes of them.

    >>> body_of(bytearray(b"hello")).size
    5
    """
    return BytesBody(bytes(given)) if isinstance(given, bytes | bytearray | memoryview) else given
