"""An OCI layout as a source: read, never written, and never outside its directory."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from attrs import frozen

from lazyimg.content.block import SLICE
from lazyimg.content.counters import Counters
from lazyimg.content.local import failure, shown
from lazyimg.content.verified import verified
from lazyimg.errors import BlobNotFound, InvalidDocument, LayoutError
from lazyimg.oci.annotated import MAX_MANIFEST
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.stores.below import open_below
from lazyimg.stores.marker import refuse_other_version

INDEX = "index.json"
MARKER = "oci-layout"


@frozen
class LayoutSource:
    """An OCI layout that somebody made (image-spec image-layout.md). Making the value touches nothing."""

    path: Path

    def index(self) -> Index:
        """What ``index.json`` says.

        Raises:
            LayoutError: the directory is no OCI layout.
            InvalidDocument: ``index.json`` is no index.
        """
        marker = self._document(MARKER)
        refuse_other_version(marker, shown(self.path / MARKER))
        try:
            return Index.parse(self._document(INDEX))
        except InvalidDocument as error:
            error.add_note(f"in {shown(self.path / INDEX)}")
            raise

    def _document(self, name: str) -> bytes:
        file = open_below(self.path, name)
        if file is None:
            raise LayoutError(
                f"{shown(self.path)} has no {name}, so it is no OCI layout: name the directory that has "
                "oci-layout, index.json and blobs in it"
            )
        with file:
            return b"".join(_pieces(file, self.path / name, MAX_MANIFEST + 1))

    def size_of(self, digest: Digest) -> int | None:
        """The bytes of the file that has a digest for its name; None if there is none."""
        file = self._open(digest)
        if file is None:
            return None
        with file:
            return file.seek(0, 2)

    def blob(self, descriptor: Descriptor, offset: int, counters: Counters) -> Iterator[bytes]:
        """Yield a blob's bytes from ``offset``; the last of them once size and digest of the whole are right.

        Raises:
            BlobNotFound: it is not there.
            ContentMismatch: it is not what the descriptor names.
            LayoutError: it is no regular file.
            SourceError: the system could not read it.
        """
        file = self._open(descriptor.digest)
        if file is None:
            raise BlobNotFound(f"{shown(self.path)} has no blob {descriptor.digest}: the layout is not whole")
        with file:
            counters.add(opened=1)
            path = self.path / self._place(descriptor.digest)
            pieces = _counted(_pieces(file, path, descriptor.size + 1), counters)
            yield from verified(pieces, descriptor, offset, shown(path))

    def _open(self, digest: Digest) -> BinaryIO | None:
        return open_below(self.path, *self._place(digest).parts)

    def _place(self, digest: Digest) -> Path:
        return Path("blobs", digest.algorithm, digest.encoded)


def _pieces(file: BinaryIO, path: Path, limit: int) -> Iterator[bytes]:
    """Yield a file's bytes, ``limit`` at most."""
    while limit:
        try:
            piece = file.read(min(limit, SLICE))
        except OSError as error:
            raise failure(error, "read", path) from error
        if not piece:
            return
        limit -= len(piece)
        yield piece


def _counted(pieces: Iterator[bytes], counters: Counters) -> Iterator[bytes]:
    for piece in pieces:
        counters.add(bytes_read=len(piece))
        yield piece
