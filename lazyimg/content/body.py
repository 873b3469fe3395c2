"""The body of an upload: bytes that can be asked for again from any offset."""

from collections.abc import Iterator
from typing import Protocol


class Body(Protocol):
    """The bytes of one blob, for one sink."""

    @property
    def size(self) -> int | None:
        """The size of the blob in bytes; None while it is not known."""
        ...

    def chunks(self, offset: int) -> Iterator[bytes | memoryview]:
        """Yield the blob's bytes from ``offset`` to its end, each piece at most 1 MiB.

        May be called again after a fault, with another offset; the iterator before it is then dead.

        Args:
            offset: bytes of the blob to leave out from its beginning.
        """
        ...
