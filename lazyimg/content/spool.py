"""The copy of a one-shot stream's blob: an unnamed scratch file that is gone when it is closed.

Scratch space that is full, or missing, ends the copy and not the write: it only matters if bytes are asked
for again, and the error then says so.
"""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO


class Spool:
    """Bytes appended by one thread and read, at any offset, by others.

    Args:
        directory: where the file lies; None is the system's directory for temporary files.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self.length = 0
        self.failure: OSError | None = None
        self._file: IO[bytes] | None = None
        self._guard(lambda: self._create(directory))

    def _create(self, directory: Path | None) -> None:
        self._file = tempfile.TemporaryFile(dir=directory, buffering=0, prefix="lazyimg-")  # noqa: SIM115 - close() is ours

    def append(self, data: bytes) -> None:
        """Copy ``data`` to the end; once that failed, nothing is copied any more."""
        if self.failure is None:
            self._guard(lambda: self._append(data))

    def _append(self, data: bytes) -> None:
        assert self._file is not None  # noqa: S101 - there is no failure, so there is a file
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file.fileno(), rest) :]
        self.length += len(data)

    def _guard(self, effect: Callable[[], None]) -> None:
        try:
            effect()
        except OSError as error:
            self.failure = error

    def read(self, offset: int, size: int) -> bytes:
        """Return at most ``size`` bytes from ``offset``; fewer at the end of what was copied so far."""
        if self._file is None:
            return b""
        return os.pread(self._file.fileno(), min(size, max(0, self.length - offset)), offset)

    def close(self) -> None:
        """Give the space back."""
        if self._file is not None:
            self._file.close()
            self._file = None
