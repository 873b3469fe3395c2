"""The one place where files of this machine are opened and read.

A file must not change while it is read: what `os.fstat` says before is compared with what it says at the
end, and with the number of bytes read. An `OSError` of the system becomes a `SourceError` that names the
path and says what to do.
"""

import errno
import os
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

from lazyimg.errors import SourceChanged, SourceError

_ADVICE = {
    errno.ENOENT: "check the path, or make the file before the layer is needed",
    errno.ENOTDIR: "check the path: a part of it is no directory",
    errno.EACCES: "give this user the right to read it",
    errno.EPERM: "give this user the right to read it",
    errno.ELOOP: "check the symbolic links it goes through",
    errno.EMFILE: "close files, or raise the limit of open files (ulimit -n)",
    errno.EIO: "the disk or the file system under it failed",
    errno.EISDIR: "it is a directory: use Layer.from_directory",
}


def absolute(path: str | os.PathLike[str]) -> Path:
    """Make ``path`` absolute and expand ``~``, without a look at the disk."""
    return Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111 - Path.resolve would stat


def shown(path: str | bytes | os.PathLike[str]) -> str:
    """Return ``path`` as it stands in messages: readable whatever bytes it holds."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def failure(error: OSError, doing: str, path: str | bytes | os.PathLike[str]) -> SourceError:
    """Turn an error of the system into ours.

    Args:
        error: what the system raised.
        doing: the verb, such as ``open``.
        path: what it was done to.
    """
    advice = _ADVICE.get(error.errno or 0, "check the file and the file system it is on")
    ours = SourceError(f"cannot {doing} {shown(path)}: {error.strerror or error}; {advice}")
    ours.errno = error.errno
    return ours


def changed(path: str | bytes | os.PathLike[str], how: str) -> SourceChanged:
    """Return the error for a file that was not left alone while it was read."""
    return SourceChanged(
        f"{shown(path)} {how} while it was read for a layer; "
        "write again when nothing changes it, or make the layer of a copy"
    )


class LocalFile:
    """An open file of this machine, read once from its beginning to its end.

    Args:
        path: the file; a FIFO waits here until somebody writes to it.
        flags: further flags for `os.open`.

    Raises:
        SourceError: it cannot be opened, or is a directory.
    """

    __slots__ = ("_before", "_descriptor", "_position", "path")

    def __init__(self, path: str | bytes | os.PathLike[str], flags: int = 0) -> None:
        self.path = path
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | flags)
        except OSError as error:
            raise failure(error, "open", path) from error
        self._before = os.fstat(self._descriptor)
        self._position = 0
        if stat.S_ISDIR(self._before.st_mode):
            self.close()
            raise failure(OSError(errno.EISDIR, os.strerror(errno.EISDIR)), "read", path)

    @property
    def stat(self) -> os.stat_result:
        """What the system said of the file when it was opened."""
        return self._before

    @property
    def one_shot(self) -> bool:
        """Whether the bytes are gone once read: a FIFO, a terminal, a character device."""
        return not (stat.S_ISREG(self._before.st_mode) or stat.S_ISBLK(self._before.st_mode))

    def readinto(self, buffer: memoryview) -> int:
        """Read into ``buffer`` and return the number of bytes, 0 at the end.

        Raises:
            SourceError: the system could not read it.
            SourceChanged: it is not the file any more that it was when it was opened.
        """
        try:
            size = os.readv(self._descriptor, [buffer])
        except OSError as error:
            raise failure(error, "read", self.path) from error
        self._position += size
        if not size and len(buffer):
            self.verify()
        return size

    def verify(self) -> None:
        """Check, at the end of a regular file, that it was left alone.

        Raises:
            SourceChanged: it was not; the message says how.
        """
        if stat.S_ISREG(self._before.st_mode):
            how = _change(self._before, os.fstat(self._descriptor), self._position)
            if how:
                raise changed(self.path, how)

    def close(self) -> None:
        """Close the file; a second time does nothing."""
        descriptor, self._descriptor = self._descriptor, -1
        if descriptor >= 0:
            os.close(descriptor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _change(before: os.stat_result, after: os.stat_result, read: int) -> str:
    """Say how a regular file changed between two looks, or nothing."""
    if after.st_size < before.st_size or read < before.st_size:
        return f"shrank from {before.st_size} to {min(after.st_size, read)} bytes"
    if after.st_size > before.st_size or read > before.st_size:
        return f"grew from {before.st_size} to {max(after.st_size, read)} bytes"
    if after.st_mtime_ns != before.st_mtime_ns:
        return "was written to"
    if not after.st_nlink:
        return "was removed or replaced"
    return ""
