"""Exact reads out of bytes that come in pieces of any size."""

from collections.abc import Iterator

_EMPTY = memoryview(b"")


class Pull:
    """Bytes taken from an iterator, as many as are asked for.

    >>> pull = Pull(iter([b"ab", b"cdef"]))
    >>> pull.take(3), b"".join(pull.pieces(2)), pull.offset, pull.take(9)
    (b'abc', b'de', 5, b'f')

    Args:
        chunks: gives the bytes, each chunk unchanged once given.

    Attributes:
        offset: how many bytes were taken.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self.offset = 0
        self._chunks = chunks
        self._rest = _EMPTY

    def take(self, size: int) -> bytes:
        """Take ``size`` bytes; fewer mean the end."""
        if size <= len(self._rest):  # what is nearly always so
            data = bytes(self._rest[:size])
            self._rest = self._rest[size:]
            self.offset += size
            return data
        return b"".join(self.pieces(size))

    def pieces(self, size: int) -> Iterator[memoryview]:
        """Take ``size`` bytes in pieces, none copied; fewer mean the end."""
        while size and (self._rest or self._refill()):
            piece = self._rest[:size]
            self._rest = self._rest[len(piece) :]
            self.offset += len(piece)
            size -= len(piece)
            yield piece

    def skip(self, size: int) -> bool:
        """Take ``size`` bytes and drop them; say whether there were as many."""
        end = self.offset + size
        for _ in self.pieces(size):
            pass
        return self.offset == end

    def drain(self) -> None:
        """Drop all the rest: whoever gives the chunks may verify them at their end."""
        self._rest = _EMPTY
        for _ in self._chunks:
            pass

    def _refill(self) -> bool:
        for chunk in self._chunks:
            if chunk:
                self._rest = memoryview(chunk)
                return True
        return False
