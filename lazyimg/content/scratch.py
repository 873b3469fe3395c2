"""Scratch space that matters: an unnamed file, gone when it is closed, or when the process ends."""

import os
import tempfile
from pathlib import Path
from typing import IO

from lazyimg.errors import SourceError


class Scratch:
    """Bytes appended by one thread, and then read at any offset by several.

    Args:
        directory: where the file lies; None is the system's directory for temporary files.
        what: what rests there, for messages.

    Raises:
        SourceError: there is no room, or no such directory.
    """

    def __init__(self, directory: Path | None, what: str) -> None:
        self._directory = directory
        self._what = what
        self.size = 0
        try:
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=directory, buffering=0, prefix="lazyimg-")  # noqa: SIM115 - close() is ours
        except OSError as error:
            raise self._failure(error) from error

    def append(self, data: bytes | memoryview) -> None:
        """Copy ``data`` to the end.

        Raises:
            SourceError: there is no room.
        """
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[os.write(self._file.fileno(), rest) :]
        except OSError as error:
            raise self._failure(error) from error
        self.size += len(data)

    def read_at(self, offset: int, size: int) -> bytes:
        """Read ``size`` bytes from ``offset``, or fewer at the end."""
        return os.pread(self._file.fileno(), size, offset)

    def close(self) -> None:
        """Give the space back."""
        self._file.close()

    def _failure(self, error: OSError) -> SourceError:
        where = self._directory or tempfile.gettempdir()
        failed = SourceError(
            f"cannot keep {self._what} in scratch space at {where}: {error.strerror or error}; make room, "
            "or name another directory: Engine(scratch=...)"
        )
        failed.errno = error.errno
        return failed
