"""A shelf: bytes put down once, in order, and read again at any offset.

The first bytes stay in memory, so that small things touch no disk; beyond a bound all of them lie in an
unnamed file in scratch space, which is gone with its last user.
"""

import os
import tempfile
import threading
import weakref
from pathlib import Path

from lazyimg.errors import SourceError

IN_MEMORY = 8 << 20
"""Bytes that are kept in memory before a file is made: 8 MiB."""

_BUFFER = 1 << 20


class Shelf:
    """Bytes appended by one thread at a time, and read by any.

    >>> shelf = Shelf()
    >>> shelf.append(b"hello"), shelf.append(b"world"), shelf.length
    (0, 5, 10)
    >>> shelf.read(3, 4)
    b'lowo'

    Args:
        directory: where the file lies; None is the system's directory for temporary files.
        in_memory: bytes that are kept in memory before there is a file.
    """

    def __init__(self, directory: Path | None = None, in_memory: int = IN_MEMORY) -> None:
        self.length = 0
        self._directory = directory
        self._in_memory = in_memory
        self._lock = threading.Lock()
        self._written = 0
        self._tail = bytearray()
        self._descriptor = -1
        self._close: weakref.finalize[..., Shelf] | None = None

    def append(self, data: bytes | memoryview) -> int:
        """Put ``data`` down at the end; say at which offset.

        Raises:
            SourceError: there is no room.
        """
        with self._lock:
            offset = self.length
            self._tail += data
            self.length += len(data)
            if len(self._tail) >= (_BUFFER if self._close else self._in_memory):
                self._write_out()
        return offset

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes from ``offset``; fewer at the end.

        Raises:
            SourceError: they cannot be read.
        """
        with self._lock:
            from_file = max(0, min(size, self._written - offset))
            start = max(0, offset - self._written)
            tail = bytes(self._tail[start : start + size - from_file])
        return self._read_file(offset, from_file) + tail if from_file else tail

    def _read_file(self, offset: int, size: int) -> bytes:
        try:
            return os.pread(self._descriptor, size, offset)
        except OSError as error:
            raise self._failure("read", error) from error

    def close(self) -> None:
        """Give the space back; it also goes when nobody uses this object any more."""
        with self._lock:
            self._tail, self._descriptor = bytearray(), -1
            if self._close is not None:
                self._close()

    def _write_out(self) -> None:
        try:
            if self._close is None:
                self._create()
            rest = memoryview(self._tail)
            while rest:
                written = os.write(self._descriptor, rest)
                self._written += written
                rest = rest[written:]
        except OSError as error:
            raise self._failure("write", error) from error
        self._tail = bytearray()

    def _create(self) -> None:
        descriptor, name = tempfile.mkstemp(prefix="lazyimg-", dir=self._directory)
        os.unlink(name)  # noqa: PTH108 - no Path needed
        self._descriptor = descriptor
        self._close = weakref.finalize(self, os.close, descriptor)

    def _failure(self, doing: str, error: OSError) -> SourceError:
        where = self._directory or tempfile.gettempdir()
        ours = SourceError(
            f"cannot {doing} scratch space in {where}: {error.strerror or error}; "
            "give it room, or name another directory with Engine(scratch=...)"
        )
        ours.errno = error.errno
        return ours
