"""Blobs on their way into an archive: one unnamed file beside it, gone when it is closed or the process ends.

An archive has its files one after the other, each with its size before it, and in an order that depends on
nothing but them; blobs arrive several at once, and their sizes, and digests, are known at their ends. So they
rest here first, in pieces as they come.
"""

import os
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from attrs import define, field

from lazyimg.content.block import SLICE
from lazyimg.errors import ArchiveUnwritable, LazyImgError
from lazyimg.oci.digest import Digest


@contextmanager
def writing(what: str) -> Iterator[None]:
    """Say what could not be written, where the system refuses.

    Args:
        what: such as ``the archive /srv/app.tar``.

    Raises:
        ArchiveUnwritable: it does.
    """
    try:
        yield
    except LazyImgError:
        raise
    except OSError as error:
        refused = ArchiveUnwritable(
            f"cannot write {what}: {error.strerror or error}; what was there before is still there: "
            "make room in its directory, or the directory writable, and write again"
        )
        refused.errno = error.errno
        raise refused from error


@define
class _Pieces:
    """Where the parts of one blob lie: offsets and sizes, in order; neighbours are one."""

    found: list[tuple[int, int]] = field(factory=list)

    def add(self, offset: int, size: int) -> None:
        if self.found and sum(self.found[-1]) == offset:
            before, length = self.found.pop()
            offset, size = before, length + size
        self.found.append((offset, size))

    @property
    def size(self) -> int:
        return sum(size for _, size in self.found)


class BlobSpool:
    """Blobs by their digests, taken in from several threads at once.

    Args:
        directory: where they rest; that of an archive has to have room for them anyway. None is the system's
            directory for temporary files.
        what: what they are for, for messages.

    Raises:
        ArchiveUnwritable: the directory cannot be written.
    """

    def __init__(self, directory: Path | None, what: str) -> None:
        self._what = what
        self._end = 0
        self._blobs: dict[Digest, _Pieces] = {}
        self._lock = threading.Lock()
        with writing(what):
            self._file: IO[bytes] = tempfile.TemporaryFile(dir=directory, buffering=0, prefix=".lazyimg-")  # noqa: SIM115 - close() is ours

    @property
    def sizes(self) -> dict[Digest, int]:
        """The sizes of all blobs, in the order of their digests."""
        with self._lock:
            return {digest: self._blobs[digest].size for digest in sorted(self._blobs)}

    def has(self, digest: Digest, size: int) -> bool:
        """Whether a blob is here, whole."""
        with self._lock:
            return digest in self._blobs and self._blobs[digest].size == size

    def write(self, chunks: Iterable[bytes | memoryview], digest: Callable[[], Digest]) -> int:
        """Take in a blob.

        Args:
            chunks: its bytes, in order.
            digest: gives its digest, once ``chunks`` has ended.

        Returns:
            How many bytes it has.

        Raises:
            ArchiveUnwritable: there is no room.
            BaseException: what ``chunks`` or ``digest`` raise, as it is.
        """
        pieces = _Pieces()
        for chunk in chunks:
            self._append(pieces, memoryview(chunk))
        name = digest()
        with self._lock:
            self._blobs[name] = pieces
        return pieces.size

    def _append(self, pieces: _Pieces, rest: memoryview) -> None:
        with self._lock:
            offset, self._end = self._end, self._end + len(rest)
        pieces.add(offset, len(rest))
        with writing(self._what):
            while rest:
                written = os.pwrite(self._file.fileno(), rest, offset)
                offset, rest = offset + written, rest[written:]

    def chunks(self, digest: Digest) -> Iterator[bytes]:
        """Yield a blob's bytes, in pieces of at most 1 MiB."""
        for offset, size in self._blobs[digest].found:
            for start in range(0, size, SLICE):
                with writing(self._what):
                    piece = os.pread(self._file.fileno(), min(SLICE, size - start), offset + start)
                yield piece

    def close(self) -> None:
        """Give the space back."""
        self._file.close()
