"""Storage in memory: contents are lists of the chunks as they came in, never joined into one."""

from __future__ import annotations

import threading
from bisect import bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

from attrs import define, field, frozen

from lazyimg.oci.digest import Digest
from lazyimg.server.store import BLOCK, Blocks, Chunk, Staged, Store

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence


SMALL = 16 << 10
"""Chunks below this size on average, in bytes, are joined: a list of tiny ones costs more than a copy."""


@frozen
class Content:
    """Bytes at rest: chunks and the offset at which each of them ends."""

    chunks: tuple[Chunk, ...]
    ends: tuple[int, ...]

    @classmethod
    def of(cls, chunks: Sequence[Chunk]) -> Content:
        """Return the content that ``chunks`` make up."""
        return cls(tuple(chunks), tuple(accumulate(len(chunk) for chunk in chunks)))

    @property
    def size(self) -> int:
        """The size in bytes."""
        return self.ends[-1] if self.ends else 0

    def read(self, start: int, stop: int) -> Generator[Chunk, None, None]:
        """Yield the bytes from ``start`` up to ``stop``, as views of at most a block."""
        index = bisect_right(self.ends, start)
        while start < stop:
            chunk = memoryview(self.chunks[index])
            begin = start - (self.ends[index] - len(chunk))
            end = min(len(chunk), begin + stop - start, begin + BLOCK)
            yield chunk[begin:end]
            start += end - begin
            index += end == len(chunk)


@define
class MemoryStaged(Staged):
    """Arriving bytes, in memory."""

    chunks: list[Chunk] = field(factory=list)
    written: int = 0

    @property
    def size(self) -> int:
        """The bytes written so far."""
        return self.written

    def write(self, chunks: Sequence[Chunk]) -> None:
        """Append ``chunks``; tiny ones are joined."""
        size = sum(len(chunk) for chunk in chunks)
        tiny = len(chunks) > 1 and size < SMALL * len(chunks)
        self.chunks.extend([b"".join(chunks)] if tiny else filter(None, chunks))
        self.written += size

    def read(self) -> Sequence[Chunk]:
        """Return what was written so far."""
        return self.chunks

    def settle(self) -> None:
        """Nothing is to be done: they last as long as the process."""

    def discard(self) -> None:
        """Forget the bytes."""
        self.chunks = []


@define
class MemoryStore(Store):
    """Everything in two dictionaries; gone with the process."""

    _contents: dict[Digest, Content] = field(factory=dict, repr=False)
    _records: dict[str, dict[str, bytes]] = field(factory=dict, repr=False)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    def open(self) -> None:
        """Do nothing: what was kept before is still here."""

    def close(self) -> None:
        """Do nothing: what was kept stays for the next time."""

    def stage(self) -> MemoryStaged:
        """Begin new content."""
        return MemoryStaged()

    def keep(self, staged: Staged, digest: Digest) -> None:
        """Make the staged chunks the content of ``digest``."""
        content = Content.of(tuple(staged.read()))
        with self._lock:
            self._contents.setdefault(digest, content)
        staged.discard()

    def size(self, digest: Digest) -> int | None:
        """Return the size of a content in bytes, or None."""
        content = self._contents.get(digest)
        return None if content is None else content.size

    def read(self, digest: Digest, start: int, stop: int) -> Blocks:
        """Return views of the bytes from ``start`` up to ``stop``."""
        return self._contents[digest].read(start, stop)

    def remove(self, digest: Digest) -> None:
        """Remove a content."""
        with self._lock:
            self._contents.pop(digest, None)

    def get(self, group: str, name: str) -> bytes | None:
        """Return a record, or None."""
        return self._records.get(group, {}).get(name)

    def put(self, group: str, name: str, value: bytes) -> None:
        """Write a record."""
        with self._lock:
            self._records.setdefault(group, {})[name] = value

    def delete(self, group: str, name: str) -> bool:
        """Remove a record and say whether there was one."""
        with self._lock:
            return self._records.get(group, {}).pop(name, None) is not None

    def names(self, group: str) -> list[str]:
        """Return the names in a group."""
        with self._lock:
            return list(self._records.get(group, {}))
