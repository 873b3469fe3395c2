"""The last blocks of a blob, by number and by offset, with the digest of all that came before each."""

import hashlib
from collections import deque
from collections.abc import Iterator

from attrs import field, frozen

from lazyimg.thunk.brief import sized

KEEP = 8
"""Blocks that are kept: what a sink has still to take, and as many again for one that was cut."""


@frozen
class Kept:
    """A block, where it begins in the blob, and the digest of all before it."""

    data: bytes = field(repr=sized)
    start: int
    digest: str


class Window:
    """A sliding view of the blob; not locked, its owner is.

    >>> window = Window()
    >>> window.add(b"abc", "digest of abc")
    >>> window.end, window.find(2), window.find(3), window.block(0)
    (3, 0, 1, b'abc')
    """

    def __init__(self) -> None:
        self._blocks: deque[Kept] = deque()
        self._dropped = 0
        self._digest = hashlib.sha256().hexdigest()
        self.end = 0

    @property
    def end_number(self) -> int:
        """The number of the block that comes next; the first is 0."""
        return self._dropped + len(self._blocks)

    def add(self, data: bytes, digest: str) -> None:
        """Take the next block, and the digest of all bytes up to its end."""
        self._blocks.append(Kept(data, self.end, self._digest))
        self._digest = digest
        self.end += len(data)
        if len(self._blocks) > KEEP:
            self._blocks.popleft()
            self._dropped += 1

    @property
    def begins_at_zero(self) -> bool:
        """Whether the blob's beginning is still kept, or yet to come."""
        return not self._dropped

    def blocks(self) -> Iterator[bytes]:
        """Yield all blocks that are kept."""
        return (kept.data for kept in self._blocks)

    def block(self, number: int) -> bytes | None:
        """Return a block that is kept; None for the one that comes next."""
        return None if number == self.end_number else self._blocks[number - self._dropped].data

    def start_of(self, number: int) -> int:
        """Return the offset at which a kept block, or the next one, begins."""
        return self.end if number == self.end_number else self._blocks[number - self._dropped].start

    def find(self, offset: int) -> int | None:
        """Return the number of the block that holds ``offset``; None if it is not kept any more."""
        if offset == self.end:
            return self.end_number
        for number, kept in enumerate(self._blocks, self._dropped):
            if kept.start <= offset < kept.start + len(kept.data):
                return number
        return None

    def number_at(self, offset: int) -> int:
        """Return the number of the block that begins at ``offset``, which is known to be one's beginning."""
        number = self.find(offset)
        assert number is not None  # noqa: S101 - the caller asked digest_at before
        return number

    def digest_at(self, offset: int) -> str | None:
        """Return the digest of the bytes before ``offset``; None if no kept block begins there."""
        if offset == self.end:
            return self._digest
        return next((kept.digest for kept in self._blocks if kept.start == offset), None)
