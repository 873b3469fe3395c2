"""Bodies to upload."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def some_bytes(size: int, seed: int = 0) -> bytes:
    """Return bytes that look random and are the same each time."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - the same each time is the point


class ListedBody:
    """A body of bytes in memory that notes from where it was asked for.

    Args:
        data: the bytes.
        size: what it says of its size; None does not tell.
        piece: bytes a piece.
        before: called with the offset of each piece before it is given out.
    """

    def __init__(
        self,
        data: bytes,
        *,
        size: int | None = None,
        piece: int = 64 << 10,
        before: Callable[[int], None] | None = None,
    ) -> None:
        self.data = data
        self._size = size
        self._piece = piece
        self._before = before
        self.offsets: list[int] = []

    @property
    def size(self) -> int | None:
        """What it says of its size."""
        return self._size

    def chunks(self, offset: int) -> Iterator[bytes | memoryview]:
        """Yield the bytes from an offset."""
        self.offsets.append(offset)
        for start in range(offset, len(self.data), self._piece):
            if self._before is not None:
                self._before(start)
            yield memoryview(self.data)[start : start + self._piece]
