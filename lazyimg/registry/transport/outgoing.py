"""A body on its way out."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

import httpx

from lazyimg.errors import ContentMismatch

PIECE: Final = 1 << 20  # bytes sent at once; smaller slices cost CPU, larger ones hold the GIL longer


class Outgoing(httpx.SyncByteStream):
    """A body on its way out; keeps count, and keeps the very exception its source raised.

    Args:
        chunks: the bytes, in pieces of any size.
        size: how many bytes there will be; None sends them chunked.
        on_progress: called before each piece that is handed to the connection, and when the source has ended,
            with the bytes before.

    Attributes:
        sent: bytes that left.
        handed: those, and the piece that was handed to the connection last: it may have left in part.
    """

    def __init__(
        self, chunks: Iterable[bytes | memoryview], size: int | None, on_progress: Callable[[int], None]
    ) -> None:
        self._chunks = iter(chunks)
        self._on_progress = on_progress
        self.size = size
        self.sent = self.handed = 0
        self.is_exhausted = False
        self.failure: BaseException | None = None

    def __iter__(self) -> Iterator[bytes]:
        try:
            for chunk in self._chunks:
                for piece in _pieces(chunk):
                    self._check_size(self.sent + len(piece), is_end=False)
                    self._on_progress(self.sent)
                    self.handed = self.sent + len(piece)
                    yield piece
                    self.sent += len(piece)
            self._on_progress(self.sent)  # a source may take its time to end, which is not the registry's
            self._check_size(self.sent, is_end=True)
        except GeneratorExit:
            raise
        except BaseException as error:
            self.failure = error
            raise
        self.is_exhausted = True

    def _check_size(self, given: int, *, is_end: bool) -> None:
        if self.size is not None and (given > self.size or (is_end and given < self.size)):
            raise ContentMismatch(f"the source gave {given} bytes where {self.size} were announced")

    def close(self) -> None:
        """Close the source's iterator, where it can be closed."""
        close = getattr(self._chunks, "close", None)
        if close is not None:
            close()


def _pieces(chunk: bytes | memoryview) -> Iterator[bytes]:
    if isinstance(chunk, bytes) and len(chunk) <= PIECE:
        if chunk:
            yield chunk
        return
    view = memoryview(chunk).cast("B")
    for start in range(0, len(view), PIECE):
        yield view[start : start + PIECE]  # type: ignore[misc] # h11 and sockets take a view as they take bytes
