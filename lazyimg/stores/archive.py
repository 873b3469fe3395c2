"""An open archive of images: a tar that is opened once, and whose files are read by their offsets.

What a file of it must be is not known here; whoever reads holds it against a digest.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from lazyimg.content.block import SLICE
from lazyimg.content.magic import compression_of
from lazyimg.content.source import ReadInto
from lazyimg.errors import ArchiveError
from lazyimg.stores.tar_table import Member, ReadsAt, read_table


class OpensArchive(Protocol):
    """Where an archive comes from: a frozen value. Making one touches nothing."""

    def __str__(self) -> str:
        """The archive as a person names it."""
        ...

    def __hash__(self) -> int: ...

    def open(self, scratch: Path | None, check: Callable[[], None]) -> "Archive":
        """Open it.

        Args:
            scratch: the directory for what cannot be read by offset where it is.
            check: called in waits; what it raises ends them.
        """
        ...


class Archive:
    """A tar of images, open.

    Args:
        file: its bytes; closed with it.
        what: what it is called in messages.

    Raises:
        ArchiveError: it is no tar.
    """

    def __init__(self, file: ReadsAt, what: str) -> None:
        self.what = what
        self._file = file
        self._table = read_table(file, what)

    def find(self, name: str) -> Member | None:
        """The file with this name, if there is one."""
        return self._table.find(name)

    def member(self, name: str) -> Member:
        """The file with this name.

        Raises:
            ArchiveError: there is none.
        """
        found = self.find(name)
        if found is None:
            raise ArchiveError(f"{self.what} has no {name[:200]!r}, which it says it has: it is not whole")
        return found

    def read(self, member: Member, limit: int) -> bytes:
        """All the bytes of a small file.

        Raises:
            ArchiveError: it has more than ``limit``, or the archive ends before it does.
        """
        if member.size > limit:
            raise ArchiveError(
                f"{member.name} in {self.what} has {member.size} bytes, over the limit of {limit}"
            )
        return b"".join(self.chunks(member))

    def chunks(self, member: Member, offset: int = 0) -> Iterator[bytes]:
        """The bytes of a file from ``offset``, in pieces of at most 1 MiB.

        Raises:
            ArchiveError: the archive ends before they do.
        """
        while offset < member.size:
            piece = self._piece(member, offset, SLICE)
            offset += len(piece)
            yield piece

    def _piece(self, member: Member, offset: int, size: int) -> bytes:
        data = self._file.read_at(member.offset + offset, min(size, member.size - offset))
        if not data:
            raise ArchiveError(f"{self.what} ends in the middle of {member.name}: it is not whole")
        return data

    def compression(self, member: Member) -> str:
        """How a file is compressed, told by its first bytes."""
        return compression_of(self._file.read_at(member.offset, min(8, member.size)))

    def reader(self, member: Member) -> ReadInto:
        """A reader over a file."""
        return MemberReader(self, member)

    def close(self) -> None:
        """Close it."""
        self._file.close()


class MemberReader:
    """Reads a file of an archive from its beginning to its end."""

    one_shot = False

    def __init__(self, archive: Archive, member: Member) -> None:
        self._archive = archive
        self._member = member
        self._position = 0

    def readinto(self, buffer: memoryview) -> int:
        """Fill ``buffer`` from its beginning; 0 is the end."""
        if self._position == self._member.size:
            return 0
        data = self._archive._piece(self._member, self._position, len(buffer))  # noqa: SLF001 - of this module
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)

    def close(self) -> None:
        """Nothing: the archive stays open for the others."""
