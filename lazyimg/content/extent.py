"""Where the bytes of a file lie in scratch space: in one piece, or with holes between that are zeros."""

from bisect import bisect_right

from attrs import frozen

from lazyimg.content.shelf import Shelf
from lazyimg.content.sparse import Sparse


@frozen
class Extent:
    """A file's content.

    Attributes:
        starts: where each part stands in the file, in order.
        parts: of each, how long it is, and where it lies in scratch space.
        size: of the whole file, in bytes.
    """

    starts: tuple[int, ...]
    parts: tuple[tuple[int, int], ...]
    size: int

    @classmethod
    def whole(cls, offset: int, size: int) -> "Extent":
        """Content in one piece."""
        return cls((0,), ((size, offset),), size)

    @classmethod
    def sparse(cls, sparse: Sparse, offset: int) -> "Extent":
        """Content with holes, whose parts lie one after another from ``offset`` on."""
        parts, lies = list[tuple[int, int]](), offset + sparse.skipped
        for _, length in sparse.parts:
            parts.append((length, lies))
            lies += length
        return cls(tuple(start for start, _ in sparse.parts), tuple(parts), sparse.size)

    def read(self, shelf: Shelf, position: int, size: int) -> bytes:
        """Return ``size`` bytes from ``position``, or those up to the next hole or part; none at the end.

        Args:
            shelf: where the parts lie.
            position: in the file.
            size: bytes, at most.
        """
        size = max(0, min(size, self.size - position))
        number = bisect_right(self.starts, position) - 1
        if number >= 0:
            start, (length, offset) = self.starts[number], self.parts[number]
            if position < start + length:
                return shelf.read(offset + position - start, min(size, start + length - position))
        if number + 1 < len(self.starts):
            size = min(size, self.starts[number + 1] - position)
        return bytes(size)
