"""The one place where files of this machine are opened and read.

A file must not change while it is read: what `os.fstat` says before is compared with what it says at the
end, and with the number of bytes read. An `OSError` of the system becomes a `SourceError` that names the
path and says what to do.
"""

import contextlib
import errno
import fcntl
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self, TypeAlias

from lazyimg.errors import SourceChanged, SourceError

AnyPath: TypeAlias = str | bytes | os.PathLike[str]

_PIPE = 1 << 20  # bytes; what Linux lets everyone have

_GONE = {errno.ENOENT, errno.ENOTDIR, errno.ELOOP}

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
    """Make ``path`` absolute and expand ``~`` by the environment, without a look at the disk.

    Raises:
        ValueError: it is another user's home, or not in the environment: finding it would open files.
    """
    first = os.fspath(path).partition(os.sep)[0]
    if first.startswith("~") and (first != "~" or "HOME" not in os.environ):
        raise ValueError(
            f"{shown(path)}: the home directory {shown(first)} would have to be looked up; "
            "write the directory itself"
        )
    return Path(os.path.abspath(os.path.expanduser(path)))  # noqa: PTH100, PTH111 - Path.resolve would stat


def shown(path: AnyPath) -> str:
    """Return ``path`` as it stands in messages: whatever bytes it holds, and steering no terminal."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def widen(descriptor: int) -> None:
    """Let a pipe hold more at a time, which makes reading it faster; anything else is left alone."""
    with contextlib.suppress(OSError):  # no pipe, or no right to: both are as good as before
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)


def failure(error: OSError, doing: str, path: AnyPath) -> SourceError:
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


def changed(path: AnyPath, how: str) -> SourceChanged:
    """Return the error for a file that was not left alone while it was read."""
    return SourceChanged(
        f"{shown(path)} {how} while it was read for a layer; "
        "write again when nothing changes it, or make the layer of a copy"
    )


class LocalFile:
    """An open file of this machine, read once from its beginning to its end.

    Args:
        path: the file; a FIFO waits here until somebody writes to it.
        found: what the system said of it earlier, when a directory was listed; it must still be so.
        wait: False opens a FIFO at once, for whoever refuses it then.

    Raises:
        SourceError: it cannot be opened, or is a directory.
        SourceChanged: it is not the file that was found.
    """

    __slots__ = ("_before", "_descriptor", "_position", "path")

    def __init__(self, path: AnyPath, found: os.stat_result | None = None, *, wait: bool = True) -> None:
        self.path = path
        self._position = 0
        self._descriptor = _open(path, found, wait=wait)
        try:
            self._before = found or os.fstat(self._descriptor)
            self._verify_kind()
            if self.one_shot:
                widen(self._descriptor)
        except BaseException:
            self.close()
            raise

    def _verify_kind(self) -> None:
        if stat.S_ISDIR(self._before.st_mode):
            raise failure(OSError(errno.EISDIR, os.strerror(errno.EISDIR)), "read", self.path)

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
        if stat.S_ISREG(self._before.st_mode) and (not size or self._position > self._before.st_size):
            self._verify()
        return size

    def _verify(self) -> None:
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


class OffsetFile(LocalFile):
    """An open file of this machine that several threads read at offsets of their own.

    Closing waits for nobody: whoever is reading reads to the end, and the last one closes.

    Args:
        path: the file.

    Raises:
        SourceError: it cannot be opened, or is a directory.
    """

    __slots__ = ("_is_closing", "_lock", "_readers")

    def __init__(self, path: AnyPath) -> None:
        self._lock = threading.Lock()
        self._readers = 0
        self._is_closing = False
        super().__init__(path)

    @property
    def size(self) -> int:
        """Bytes of it, as the system said when it was opened."""
        return self.stat.st_size

    def read_at(self, offset: int, size: int) -> bytes:
        """Read ``size`` bytes from ``offset``, or fewer at the end.

        Whether they are the right ones is for the reader to see, who knows their digests.

        Raises:
            SourceError: the system could not read it, or it is closed.
        """
        with self._reading() as descriptor:
            try:
                return os.pread(descriptor, size, offset)
            except OSError as error:
                raise failure(error, "read", self.path) from error

    @contextlib.contextmanager
    def _reading(self) -> Iterator[int]:
        with self._lock:
            if self._is_closing:
                raise SourceError(f"{shown(self.path)} is read after the run that opened it has ended")
            self._readers += 1
        try:
            yield self._descriptor
        finally:
            with self._lock:
                self._readers -= 1
            self._close_if_unused()

    def close(self) -> None:
        """Close it, as soon as nobody reads it."""
        self._is_closing = True
        self._close_if_unused()

    def _close_if_unused(self) -> None:
        with self._lock:
            if self._is_closing and not self._readers:
                super().close()


def read_whole(path: AnyPath, found: os.stat_result) -> bytes:
    """Read a small regular file that a listing found, in one go.

    Raises:
        SourceError: it cannot be opened or read.
        SourceChanged: it is not the file any more that was found.
    """
    descriptor = _open(path, found)
    try:
        data = os.read(descriptor, found.st_size + 1)
        how = _change(found, os.fstat(descriptor), len(data))
    except OSError as error:
        raise failure(error, "read", path) from error
    finally:
        os.close(descriptor)
    if how:
        raise changed(path, how)
    return data


def _open(path: AnyPath, found: os.stat_result | None, *, wait: bool = False) -> int:
    """Open for reading; what a listing found must still be there."""
    flags = os.O_RDONLY | os.O_CLOEXEC
    if found is not None:
        flags |= os.O_NOFOLLOW  # by now it may be a link
    if found is not None or not wait:
        flags |= os.O_NONBLOCK  # or a FIFO nobody writes to
    try:
        return os.open(path, flags)
    except OSError as error:
        if found is not None and error.errno in _GONE:
            raise changed(path, "vanished") from error
        raise failure(error, "open", path) from error


def _change(before: os.stat_result, after: os.stat_result, read: int) -> str:
    """Say how a regular file changed between two looks, or nothing."""
    if (after.st_ino, after.st_dev) != (before.st_ino, before.st_dev):
        return "was replaced"
    if after.st_size < before.st_size or read < before.st_size:
        return f"shrank from {before.st_size} to {min(after.st_size, read)} bytes"
    if after.st_size > before.st_size or read > before.st_size:
        return f"grew from {before.st_size} to {max(after.st_size, read)} bytes"
    if after.st_mtime_ns != before.st_mtime_ns:
        return "was written to"
    if not after.st_nlink:
        return "was removed or replaced"
    return ""
