"""Where the files of a tar lie in it, so that each can be read by its offset.

Names are taken as a table, never as paths: what leads out of the archive is in no table. Links are followed
inside it alone.
"""

import io
import posixpath
import tarfile
from collections.abc import Iterator, Mapping
from typing import Protocol

from attrs import frozen

from lazyimg.errors import ArchiveError

MOST_MEMBERS = 200_000
"""Members of an archive that are listed at most; one of images has few."""

_MOST_HEADER = 2 << 20  # bytes of one header with all that belongs to it
_MOST_LINKS = 40  # as a kernel follows


class ReadsAt(Protocol):
    """Bytes that are read at any offset, by several threads."""

    @property
    def size(self) -> int:
        """How many bytes there are."""
        ...

    def read_at(self, offset: int, size: int) -> bytes:
        """The bytes from ``offset``; fewer than ``size`` at the end."""
        ...

    def close(self) -> None:
        """Give back what is held."""
        ...


@frozen
class Member:
    """A regular file in a tar.

    Attributes:
        name: what it is called there.
        offset: where its bytes begin.
        size: how many it has.
    """

    name: str
    offset: int
    size: int


@frozen
class Link:
    """A symbolic or hard link in a tar.

    Attributes:
        name: what it is called there.
        target: the name that it leads to; None, where that is outside the tar.
    """

    name: str
    target: str | None


@frozen
class TarTable:
    """The files of a tar by name; of several with one name the last, as extracting it would leave.

    Attributes:
        what: what the tar is called in messages.
    """

    what: str
    members: Mapping[str, Member | Link]

    def find(self, name: str) -> Member | None:
        """The file with this name, through links; None if there is none.

        Raises:
            ArchiveError: a link leads outside the archive, nowhere, or in a circle.
        """
        found = self._get(name)
        for _ in range(_MOST_LINKS):
            if not isinstance(found, Link):
                return found
            followed = None if found.target is None else self._get(found.target)
            if followed is None:
                raise ArchiveError(
                    f"{self.what}: {found.name} is a link to what is not in the archive, and is not followed"
                )
            found = followed
        raise ArchiveError(f"{self.what}: {name} is a link that leads in a circle")

    def _get(self, name: str) -> Member | Link | None:
        inside = normal(name)
        return None if inside is None else self.members.get(inside)


def normal(name: str) -> str | None:
    """A name without what says nothing; None if it leads out of the archive.

    >>> normal("./a//b/../c"), normal("/a"), normal("../a")
    ('a/c', 'a', None)
    """
    path = posixpath.normpath(name.lstrip("/"))
    return None if path == ".." or path.startswith("../") else path


def read_table(file: ReadsAt, what: str) -> TarTable:
    """Read all headers of a tar.

    Raises:
        ArchiveError: it is no tar, or has far more members than an archive of images.
    """
    members: dict[str, Member | Link] = {}
    try:
        for count, entry in enumerate(_entries(file)):
            if count >= MOST_MEMBERS:
                raise ArchiveError(f"{what} has over {MOST_MEMBERS} members: it is no archive of images")
            name = normal(entry.name)
            found = _taken(entry)
            if name is not None and found is not None:
                members[name] = found
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        raise ArchiveError(f"{what} is no tar, or a broken one: {error}") from error
    return TarTable(what, members)


def _entries(file: ReadsAt) -> Iterator[tarfile.TarInfo]:
    headers = _Headers(file)
    with tarfile.open(fileobj=headers, mode="r:") as archive:
        while (entry := archive.next()) is not None:
            headers.taken = 0
            archive.members = []  # type: ignore[attr-defined] # they would be kept, each with all its fields
            yield entry


def _taken(entry: tarfile.TarInfo) -> Member | Link | None:
    if entry.issym():
        target = "/.." if entry.linkname.startswith("/") else entry.linkname
        return Link(entry.name, normal(posixpath.join(posixpath.dirname(entry.name), target)))
    if entry.islnk():
        return Link(entry.name, normal(entry.linkname))
    if entry.isreg() and not entry.issparse() and entry.size >= 0:
        return Member(entry.name, entry.offset_data, entry.size)
    return None


class _Headers(io.RawIOBase):
    """The tar as `tarfile` reads it: header by header, none of them larger than a header may be.

    Attributes:
        taken: bytes that were read for the present header.
    """

    def __init__(self, file: ReadsAt) -> None:
        self._file = file
        self._position = 0
        self.taken = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _MOST_HEADER - self.taken:
            raise tarfile.ReadError(f"a header of {self.taken} and {size} bytes")
        self.taken += size
        data = self._file.read_at(self._position, size)
        self._position += len(data)
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        assert whence == io.SEEK_SET  # noqa: S101 - tarfile seeks so
        if offset < self._position - 1:  # where it looks whether the member before is all there
            raise tarfile.ReadError("a member of a negative size")
        self._position = offset
        return offset

    def tell(self) -> int:
        return self._position
