"""A tar of small documents and of blobs, made beside its final name and renamed when it is whole.

The same documents and blobs give the same bytes: every file belongs to root, has mode 644 and no time, and
the blobs stand in the order of their digests.
"""

import contextlib
import os
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from lazyimg.content.entry import Entry
from lazyimg.content.tar import BLOCK, header, padding
from lazyimg.stores.blob_spool import BlobSpool, writing

Check = Callable[[], None]


def blob_name(encoded: str, algorithm: str = "sha256") -> str:
    """The file that a blob is in an archive.

    >>> blob_name("0123")
    'blobs/sha256/0123'
    """
    return f"blobs/{algorithm}/{encoded}"


def archive_chunks(documents: Mapping[str, bytes], blobs: BlobSpool) -> Iterator[bytes]:
    """Yield the bytes of the archive.

    Args:
        documents: small files by their names, in this order before the blobs.
        blobs: what the documents name.
    """
    for name, data in documents.items():
        yield from _file(name, len(data), (data,))
    for digest, size in blobs.sizes.items():
        yield from _file(blob_name(digest.encoded, digest.algorithm), size, blobs.chunks(digest))
    yield bytes(2 * BLOCK)


def _file(name: str, size: int, chunks: Iterable[bytes]) -> Iterator[bytes]:
    yield header(Entry(path=name, kind="file", size=size))
    yield from chunks
    yield padding(size)


class NewFile:
    """A file beside its final name, which it gets when it is whole.

    Args:
        path: the final name; what has it is left alone until then.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._what = f"the archive {path}"
        self._beside = path.parent / f".lazyimg-{secrets.token_hex(8)}"

    def write(self, chunks: Iterable[bytes], check: Check) -> None:
        """Write it, and see to it that it outlives a crash of the machine.

        Args:
            chunks: its bytes in order.
            check: called between them; what it raises ends the writing.

        Raises:
            ArchiveUnwritable: the system refuses.
        """
        with writing(self._what), self._beside.open("xb") as file:
            _fill(file, chunks, check)
            file.flush()
            os.fsync(file.fileno())

    def rename(self) -> None:
        """Give it its name, and take it from what had it.

        Raises:
            ArchiveUnwritable: the system refuses.
        """
        with writing(self._what):
            self._beside.replace(self._path)

    def discard(self) -> None:
        """Remove it, if it has not its final name."""
        with contextlib.suppress(OSError):  # what is left does no harm, and has no name that anyone knows
            self._beside.unlink(missing_ok=True)


def _fill(file: BinaryIO, chunks: Iterable[bytes], check: Check) -> None:
    for chunk in chunks:
        check()
        file.write(chunk)
