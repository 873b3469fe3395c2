"""What one registry was found to want of uploads: learned from its refusals, and kept for all that follow.

A limit on what one request may carry often is not the registry's own, but that of something in front of it,
and is told by nothing but a 413. So blobs go out in one stream until the first 413, and in chunks from then
on, halved until they pass; the next blob begins with what was found.
"""

from typing import Final

from attrs import define

from lazyimg.errors import InvalidSetting

USUAL: Final = 4 << 20
"""Bytes of a chunk where nothing is known but that everything at once is too much."""

LEAST: Final = 64 << 10
"""Bytes of a chunk below which it is not halved any more."""

MOST: Final = 64 << 20
"""Bytes of a chunk that are held in memory, whatever a registry wants at least."""


@define(eq=False)
class Habits:
    """What a registry wants of uploads, as far as is known. Shared by threads.

    Attributes:
        takes_streams: whether blobs can be sent in a PATCH.
        chunk_size: bytes that one request may carry; None sends everything in one.
        closes_with_last: whether the PUT that closes an upload has to carry its last chunk.

    >>> habits = Habits()
    >>> habits.shrink(None, least=0), habits.chunk_size, habits.shrink(habits.chunk_size, least=0)
    (True, 4194304, True)
    >>> habits.chunk_size
    2097152
    """

    takes_streams: bool = True
    chunk_size: int | None = None
    closes_with_last: bool = False

    def __attrs_post_init__(self) -> None:
        if self.chunk_size is not None and self.chunk_size < 1:
            raise InvalidSetting(f"chunk_size={self.chunk_size}: a chunk has at least one byte")

    def chunk_for(self, least: int, *, always: bool = False) -> int | None:
        """Return how many bytes the next request may carry; None for no limit.

        Args:
            least: bytes that the registry wants each chunk but the last to have.
            always: whether there have to be chunks.
        """
        size = self.chunk_size or (USUAL if always or self.closes_with_last else None)
        return None if size is None or least > MOST else max(size, least)

    def shrink(self, refused: int | None, *, least: int) -> bool:
        """Learn that a request was too large; tell whether a smaller one can be tried.

        Args:
            refused: the bytes it carried; None if that was never said.
            least: bytes that the registry wants each chunk but the last to have.
        """
        half = USUAL if refused is None else min(USUAL, (refused + 1) // 2)
        smaller = max(half, LEAST, least)
        if least > MOST or (refused is not None and smaller >= refused):
            return False
        self.chunk_size = min(self.chunk_size or smaller, smaller)
        return True
