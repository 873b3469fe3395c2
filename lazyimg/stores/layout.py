"""An OCI layout: a directory with ``oci-layout``, ``index.json``, ``blobs/`` (image-spec image-layout.md).

Blobs are written beside their final name and renamed, so that a blob under a digest is always whole;
``index.json`` is replaced last, under a lock, so that a reader sees the old image or the new one. A process
that is killed leaves at most files whose names begin with ``.lazyimg-``.
"""

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from lazyimg.errors import (
    InvalidDocument,
    LayoutError,
    LayoutUnwritable,
    LazyImgError,
)
from lazyimg.oci.annotated import MAX_MANIFEST
from lazyimg.oci.digest import Digest
from lazyimg.oci.document import dumps
from lazyimg.oci.index import Index
from lazyimg.oci.media_type import OCI_INDEX
from lazyimg.stores.below import open_below
from lazyimg.stores.marker import VERSION, refuse_other_version

TEMPORARY = ".lazyimg-"
_LOCK = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC


@frozen
class Layout:
    """An OCI layout directory. Making the value touches nothing."""

    path: Path

    def create(self) -> None:
        """Make the directory a layout if it is not one yet.

        The marker comes first: a directory that holds anything of a layout says that it is one, also to
        another writer that looks at this moment, and also after this one was killed.

        Raises:
            LayoutError: it holds something else, or another version of the layout.
            LayoutUnwritable: it cannot be written.
        """
        marker = self.path / "oci-layout"
        with self.writing():
            self.path.mkdir(parents=True, exist_ok=True)
            if not marker.exists():
                self._refuse_foreign(marker)
                self._replace(marker, dumps(VERSION))
            self.refuse_other()
            (self.path / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)

    def refuse_other(self) -> None:
        """Check that it is a layout.

        Raises:
            LayoutError: it is none, or one of another version, or its marker is no regular file.
        """
        marker = self._document("oci-layout") if self.path.is_dir() else None
        if marker is None:
            raise LayoutError(f"{self.path} is no OCI layout: it has no file oci-layout")
        refuse_other_version(marker, f"{self.path / 'oci-layout'}")

    def _document(self, name: str) -> bytes | None:
        file = open_below(self.path, name)
        if file is None:
            return None
        with file:
            return file.read(MAX_MANIFEST + 1)

    def _refuse_foreign(self, marker: Path) -> None:
        names = (child.name for child in self.path.iterdir())
        if any(not name.startswith(TEMPORARY) for name in names) and not marker.exists():
            raise LayoutError(
                f"{self.path} is no OCI layout and not empty: name an empty or a new directory, "
                "or one with the file oci-layout"
            )

    def blob(self, digest: Digest) -> Path:
        """Where the blob with this digest lies, if it is there."""
        return self.path / "blobs" / digest.algorithm / digest.encoded

    def has(self, digest: Digest, size: int) -> bool:
        """Whether a regular file, no link, with the blob's name and size is there."""
        try:
            found = self.blob(digest).lstat()
        except FileNotFoundError:
            return False
        return stat.S_ISREG(found.st_mode) and found.st_size == size

    def write_blob(self, chunks: Iterable[bytes | memoryview], digest: Callable[[], Digest]) -> int:
        """Write a blob beside its final name, and rename it when it is whole.

        Args:
            chunks: its bytes, in order.
            digest: gives its name, once ``chunks`` has ended.

        Returns:
            How many bytes it has.

        Raises:
            LayoutUnwritable: it could not be written; nothing is there under its name then.
            BaseException: what ``chunks`` or ``digest`` raise, as it is.
        """
        size = 0
        with self._temporary(self.path / "blobs") as (path, file):
            for chunk in chunks:
                with self.writing():
                    size += file.write(chunk)
            target = self.blob(digest())
            with self.writing():
                target.parent.mkdir(exist_ok=True)
                _settle(file)
                path.replace(target)
        return size

    def index(self) -> Index:
        """What ``index.json`` says; empty where there is none.

        Raises:
            InvalidDocument: it is no index.
            LayoutError: it is no regular file.
        """
        data = self._document("index.json")
        if data is None:
            return Index.new(media_type=OCI_INDEX, manifests=())
        try:
            return Index.parse(data)
        except InvalidDocument as error:
            error.add_note(f"in {self.path / 'index.json'}")
            raise

    def rename(self, change: Callable[[Index], Index]) -> None:
        """Let ``index.json`` say something else, while no other writer changes it.

        Args:
            change: pure, from what it says to what it is to say; what it raises passes, and changes nothing.

        Raises:
            InvalidDocument: what is there is no index.
            LayoutUnwritable: it could not be written; it says what it said before.
        """
        with self.writing(), self._locked("lock", fcntl.LOCK_EX):
            self._replace(self.path / "index.json", change(self.index()).to_bytes())

    @contextlib.contextmanager
    def held(self, *, alone: bool = False) -> Iterator[None]:
        """Hold the layout, so that nobody removes blobs that nothing names yet.

        Args:
            alone: hold it against all others, without waiting for them.

        Raises:
            BlockingIOError: it was to be held alone, and somebody holds it.
            LayoutUnwritable: it cannot be written.
        """
        how = fcntl.LOCK_EX | fcntl.LOCK_NB if alone else fcntl.LOCK_SH
        with contextlib.ExitStack() as stack:
            with self.writing():
                stack.enter_context(self._locked("writers", how))
            yield

    @contextlib.contextmanager
    def _locked(self, name: str, how: int) -> Iterator[None]:
        """Hold a lock; freed by the system if this process dies."""
        lock = os.open(self.path / f"{TEMPORARY}{name}", _LOCK, 0o666)  # a link there is not followed
        try:
            fcntl.flock(lock, how)
            yield
        finally:
            os.close(lock)

    def _replace(self, path: Path, data: bytes) -> None:
        with self._temporary(path.parent) as (written, file):
            file.write(data)
            _settle(file)
            written.replace(path)

    @contextlib.contextmanager
    def _temporary(self, directory: Path) -> Iterator[tuple[Path, BinaryIO]]:
        """A file of a name nobody has; gone at the end of the block unless it was renamed."""
        path = directory / f"{TEMPORARY}{secrets.token_hex(8)}"
        with self.writing():
            file = path.open("xb")
        try:
            yield path, file
        finally:
            with contextlib.suppress(OSError):  # what had to be on the disk was settled before
                file.close()
            path.unlink(missing_ok=True)

    @contextlib.contextmanager
    def writing(self) -> Iterator[None]:
        """Say what could not be written, where the system refuses."""
        try:
            yield
        except (LazyImgError, BlockingIOError):
            raise
        except OSError as error:
            refused = LayoutUnwritable(
                f"cannot write the OCI layout {self.path}: {error.strerror or error}; what was in it before "
                "is still in it: make room, or the directory writable, and write again"
            )
            refused.errno = error.errno
            raise refused from error


def _settle(file: BinaryIO) -> None:
    """Make what was written outlive a crash of the machine."""
    file.flush()
    os.fsync(file.fileno())
