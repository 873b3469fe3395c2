"""A tar being made, read like a file: headers and small files as bytes, large files straight from disk."""

from collections.abc import Generator
from types import TracebackType
from typing import Self

from lazyimg.content.local import LocalFile

Pieces = Generator[bytes | memoryview | LocalFile, None, None]
"""Parts of a tar in order; a `LocalFile` stands for its bytes, and is closed by the generator."""


class PiecesReader:
    """Reads what a generator makes, as it makes it.

    Args:
        pieces: the parts; nothing is made before the first read.
    """

    one_shot = False

    def __init__(self, pieces: Pieces) -> None:
        self._pieces = pieces
        self._rest = memoryview(b"")
        self._file: LocalFile | None = None

    def readinto(self, buffer: memoryview) -> int:
        """Fill ``buffer``; fewer bytes mean the end."""
        filled = 0
        while filled < len(buffer):
            if self._file is not None:
                filled += self._from_file(self._file, buffer[filled:])
            elif self._rest:
                filled += self._from_rest(buffer[filled:])
            elif not self._advance():
                break
        return filled

    def _from_file(self, file: LocalFile, buffer: memoryview) -> int:
        size = file.readinto(buffer)
        if not size:
            self._file = None
        return size

    def _from_rest(self, buffer: memoryview) -> int:
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size

    def _advance(self) -> bool:
        piece = next(self._pieces, None)
        if isinstance(piece, LocalFile):
            self._file = piece
        else:
            self._rest = memoryview(piece or b"")
        return piece is not None

    def close(self) -> None:
        """Stop making parts; an open file is closed."""
        self._pieces.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
