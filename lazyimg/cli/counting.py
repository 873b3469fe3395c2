"""A source that counts: how much of it was read is measured, not claimed."""

from __future__ import annotations

import io
import tarfile
from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 1 << 20
"""Bytes that are made up at a time: 1 MiB."""


class CountingTar:
    """A tar with one file of made-up bytes, the same each time it is opened. Making one reads nothing.

    >>> tar = CountingTar("model.bin", megabytes=1)
    >>> with tar.open() as file:
    ...     len(file.read()) == tar.size == tar.bytes_read
    True

    Args:
        name: of the file.
        megabytes: its size in MiB.

    Attributes:
        size: of the tar, in bytes.
        opened: how often it was opened.
        bytes_read: how many bytes were read of it, in all.
    """

    def __init__(self, name: str, megabytes: int) -> None:
        self._info = tarfile.TarInfo(name)
        self._info.size = megabytes * BLOCK
        self._end = bytes(2 * tarfile.BLOCKSIZE)
        self.size = tarfile.BLOCKSIZE + self._info.size + len(self._end)
        self.opened = 0
        self.bytes_read = 0

    def open(self) -> io.RawIOBase:
        """Open it, which is counted."""
        self.opened += 1
        return _Reader(self, self._parts())

    def _parts(self) -> Iterator[bytes]:
        yield self._info.tobuf()
        block = Random(0).randbytes(BLOCK)  # noqa: S311 - bytes that do not compress, and no secret
        for _ in range(self._info.size // BLOCK):
            yield block
        yield self._end


class _Reader(io.RawIOBase):
    """Reads the parts one after the other."""

    def __init__(self, tar: CountingTar, parts: Iterator[bytes]) -> None:
        super().__init__()
        self._tar = tar
        self._parts = parts
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]  # of bytes, as callers give it
        """Fill the buffer, and count."""
        self._rest = self._rest or memoryview(next(self._parts, b""))
        size = min(len(self._rest), len(buffer))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        self._tar.bytes_read += size
        return size
