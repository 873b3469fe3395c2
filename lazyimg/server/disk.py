"""Storage in a directory, for one registry at a time.

    contents/sha256/<hex>    the contents, whole and verified
    records/<group>/<name>   the records
    staging/<number>         what is arriving; emptied when the store is opened
    lock                     held while a registry uses the directory

Everything is written under ``staging`` and renamed into place, so a registry that is killed leaves no
half content and no half record. A store that is durable also forces each file to the medium before it is
renamed, and each directory after, so that neither does a power cut, and what was answered stays. In
another a power cut may lose the newest, and leave some of it short under its name.

A registry that is read-only reads a directory that it cannot write as it is, and takes no lock in it.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING

from attrs import define, field

from lazyimg.errors import DirectoryInUse
from lazyimg.server.store import BLOCK, Blocks, Staged, Store

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lazyimg.oci.digest import Digest
    from lazyimg.server.store import Chunk


_NO_WRITING = frozenset({errno.EROFS, errno.EACCES, errno.EPERM})


@define(eq=False)
class FileBlocks(Blocks):
    """A part of a file that was opened, block by block."""

    _file: IO[bytes]
    _left: int

    @classmethod
    def open(cls, path: Path, start: int, stop: int) -> FileBlocks:
        """Open the bytes from ``start`` up to ``stop``."""
        file = path.open("rb", buffering=0)
        file.seek(start)
        return cls(file, stop - start)

    def __next__(self) -> bytes:
        if self._left == 0:
            raise StopIteration
        block = self._file.read(min(BLOCK, self._left))
        if not block:
            raise OSError(f"{self._file.name} was cut while it was read: {self._left} bytes are missing")
        self._left -= len(block)
        return block

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@define(eq=False)
class DiskStaged(Staged):
    """Arriving bytes, in a file of their own that is created with the first of them.

    It is open only while it is written: an upload that its client left begun holds no descriptor.
    """

    path: Path
    is_durable: bool = False
    written: int = 0

    @property
    def size(self) -> int:
        """The bytes written so far."""
        return self.written

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Append ``chunks``."""
        with self.path.open("ab") as file:
            file.writelines(chunks)
        self.written += sum(len(chunk) for chunk in chunks)

    def read(self) -> Iterator[bytes]:
        """Yield what was written so far."""
        with self.finish().open("rb", buffering=0) as file:
            while block := file.read(BLOCK):
                yield block

    def finish(self) -> Path:
        """Return where the file is, which may be empty."""
        if not self.written:
            self.path.touch()
        return self.path

    def settle(self) -> None:
        """Force the file to the medium, if the store is durable."""
        force(self.finish(), when=self.is_durable)

    def discard(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)


def force(path: Path, *, when: bool = True) -> None:
    """Force a file, or the names in a directory, to the medium, if ``when`` says so."""
    if when:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@define(eq=False)
class DiskStore(Store):
    """Everything below one directory.

    Attributes:
        directory: where.
        is_durable: whether what was kept, put or deleted survives a power cut.
        is_read_only: whether it may be opened where it cannot be written.
    """

    directory: Path
    is_durable: bool = False
    is_read_only: bool = False
    _numbers: Iterator[int] = field(factory=itertools.count, repr=False)
    _lock: IO[bytes] | None = field(default=None, repr=False)

    def open(self) -> None:
        """Create the directory where it is missing, take its lock, and remove what a killed registry left.

        Raises:
            DirectoryInUse: another registry uses the directory.
            OSError: the directory cannot be created or written.
        """
        self.directory.mkdir(parents=True, exist_ok=True)
        try:
            lock = (self.directory / "lock").open("ab")
        except OSError as error:
            if self.is_read_only and error.errno in _NO_WRITING:
                return
            raise
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            raise DirectoryInUse(f"{self.directory} is in use by another registry: stop it first") from None
        self._lock = lock
        try:
            self._prepare()
        except OSError:
            self.close()
            raise

    def _prepare(self) -> None:
        shutil.rmtree(self.directory / "staging", ignore_errors=True)
        (self.directory / "staging").mkdir()
        for algorithm in ("sha256", "sha512"):
            self._made(self.directory / "contents" / algorithm)
        force(self.directory.parent, when=self.is_durable)

    def close(self) -> None:
        """Release the lock."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _staging(self) -> Path:
        return self.directory / "staging" / str(next(self._numbers))

    def _content(self, digest: Digest) -> Path:
        return self.directory / "contents" / digest.algorithm / digest.encoded

    def _group(self, group: str) -> Path:
        return self.directory / "records" / group

    def stage(self) -> DiskStaged:
        """Begin new content."""
        return DiskStaged(self._staging(), self.is_durable)

    def keep(self, staged: Staged, digest: Digest) -> None:
        """Rename the staged file to its digest."""
        assert isinstance(staged, DiskStaged)  # noqa: S101 - what this store staged
        self._place(staged.finish(), self._content(digest))

    def _place(self, temporary: Path, path: Path) -> None:
        """Rename a file into place."""
        temporary.replace(path)
        force(path.parent, when=self.is_durable)

    def _made(self, directory: Path) -> Path:
        """Return a directory, which is made where it is missing; by one thread at a time."""
        if not directory.is_dir():
            directory.mkdir(parents=True, exist_ok=True)
            for parent in directory.parents[: len(directory.relative_to(self.directory).parts)]:
                force(parent, when=self.is_durable)
        return directory

    def size(self, digest: Digest) -> int | None:
        """Return the size of a content in bytes, or None."""
        try:
            return self._content(digest).stat().st_size
        except FileNotFoundError:
            return None

    def read(self, digest: Digest, start: int, stop: int) -> FileBlocks:
        """Open a content and return the bytes from ``start`` up to ``stop``."""
        try:
            return FileBlocks.open(self._content(digest), start, stop)
        except FileNotFoundError:
            raise LookupError(digest) from None

    def remove(self, digest: Digest) -> None:
        """Remove a content."""
        self._content(digest).unlink(missing_ok=True)

    def get(self, group: str, name: str) -> bytes | None:
        """Return a record, or None."""
        try:
            return (self._group(group) / name).read_bytes()
        except FileNotFoundError:
            return None

    def put(self, group: str, name: str, value: bytes) -> None:
        """Write a record, and rename it into place."""
        temporary = self._staging()
        try:
            temporary.write_bytes(value)
            force(temporary, when=self.is_durable)
            self._place(temporary, self._made(self._group(group)) / name)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise

    def delete(self, group: str, name: str) -> bool:
        """Remove a record and say whether there was one."""
        try:
            (self._group(group) / name).unlink()
        except FileNotFoundError:
            return False
        force(self._group(group), when=self.is_durable)
        return True

    def names(self, group: str) -> list[str]:
        """Return the names in a group."""
        try:
            return [path.name for path in self._group(group).iterdir()]
        except FileNotFoundError:
            return []
