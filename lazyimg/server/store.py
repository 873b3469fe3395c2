"""The one interface that storage keeps: large contents and small records.

Contents are addressed by digest and shared by all repositories. They are staged first and appear under
their digest whole or not at all. Records are small values with a name, in named groups; a group is to
records what a directory is to files. Implementations (`memory`, `disk`) are called from worker threads
and are safe to call from several at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from lazyimg.oci.digest import Digest
Chunk = bytes | memoryview

BLOCK = 1 << 20
"""The largest chunk read back from a store, in bytes."""


class Blocks(Protocol):
    """Bytes read back, block by block; used by one thread at a time."""

    def __next__(self) -> Chunk:
        """Return the next block, which is never empty; raise StopIteration at the end."""

    def close(self) -> None:
        """Let go of what is held open; harmless when called again."""


class Staged(Protocol):
    """Bytes that are arriving and have no digest yet."""

    @property
    def size(self) -> int:
        """The bytes written so far."""

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Append ``chunks``, which the caller will not change afterwards.

        Raises:
            OSError: they cannot be kept; what was staged is of no use any more.
        """

    def read(self) -> Iterable[Chunk]:
        """Return what was written so far, from its first byte."""

    def settle(self) -> None:
        """Make the bytes last as long as the store does: what takes time before they are kept.

        Raises:
            OSError: they cannot be kept.
        """

    def discard(self) -> None:
        """Forget the bytes; harmless when they are gone or kept already."""


class Store(Protocol):
    """Where a registry keeps what was pushed."""

    def open(self) -> None:
        """Make the store ready for use.

        Raises:
            OSError: its place cannot be used.
        """

    def close(self) -> None:
        """Let go of what the store holds open; it may be opened again."""

    def stage(self) -> Staged:
        """Begin new content."""

    def keep(self, staged: Staged, digest: Digest) -> None:
        """Make staged content the content of ``digest``, at once; the caller verified the digest."""

    def size(self, digest: Digest) -> int | None:
        """Return the size of a content in bytes, or None where there is none."""

    def read(self, digest: Digest, start: int, stop: int) -> Blocks:
        """Return the bytes from ``start`` up to ``stop`` of a content, in blocks.

        The content is opened by the call itself, so that one removed later is still read whole.

        Raises:
            LookupError: there is no such content.
        """

    def remove(self, digest: Digest) -> None:
        """Remove a content; harmless where there is none."""

    def get(self, group: str, name: str) -> bytes | None:
        """Return a record, or None where there is none."""

    def put(self, group: str, name: str, value: bytes) -> None:
        """Write a record, in place of the one of that name."""

    def delete(self, group: str, name: str) -> bool:
        """Remove a record and say whether there was one."""

    def names(self, group: str) -> list[str]:
        """Return the names of a group's records, unsorted."""
