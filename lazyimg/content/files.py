"""Merged layers as a mapping from path to file, to be looked at."""

import io
from collections.abc import Callable, ItemsView, Iterator, Mapping, ValuesView
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

import attrs
from attrs import field, frozen

from lazyimg.content.entry import Entry, decoded, encoded
from lazyimg.content.extent import Extent
from lazyimg.content.extract import extract
from lazyimg.content.follow import LINKS, place_at
from lazyimg.content.layer_path import ROOT
from lazyimg.content.merged import Merged
from lazyimg.content.shelf import Shelf
from lazyimg.content.tree import IMPLIED, Row
from lazyimg.errors import InvalidContent

_BUFFER = 64 << 10
_WITHOUT = {
    "hardlink": "it is a hard link to a file of the layers below, which were not read",
    "fifo": "it is a fifo",
    "character": "it is a device",
    "block": "it is a device",
}


@frozen(kw_only=True)
class File(Entry):
    """What stands at a path of a merged filesystem, or of a layer.

    Attributes:
        uname: the owner's name, as the layer has it; containers go by the number.
        gname: the group's.
        layer: which layer it is of, counted from 0, base first; None for a directory without an entry.
        inode: equal for the names of one file.
    """

    uname: str = ""
    gname: str = ""
    layer: int | None = None
    inode: int = 0
    _opened: Callable[["File"], BinaryIO] = field(repr=False, eq=False)

    def open(self) -> BinaryIO:
        """Open it for reading, from anywhere in it; a symbolic link is followed, inside the filesystem.

        Raises:
            FileNotFoundError: a link leads nowhere.
            IsADirectoryError: it is a directory.
            InvalidContent: it is no file at all, or a hard link into layers that were not read.
        """
        return self._opened(self)

    def read(self) -> bytes:
        """Its content, all of it; see `open`."""
        with self.open() as file:
            return file.read()


class Files(Mapping[str, File]):
    """A merged filesystem, by path.

    Its files' contents lie in scratch space, which is given back when nobody uses it any more, or by
    `close`, or at the end of a ``with`` block. Any thread may look at it.

    Paths are absolute. A path is found under any spelling, and through symbolic links to directories, as
    in a container; iterating gives each file once, sorted by bytes.

    Args:
        merged: what it shows.
    """

    def __init__(self, merged: Merged) -> None:
        self._merged = merged
        self._tree = merged.tree

    def __getitem__(self, path: str) -> File:
        place = place_at(self._tree, encoded(path))
        row = None if place is None else self._tree.row(place)
        if row is None or not _is_shown(row):
            raise KeyError(path)
        return self._file(row)

    def __iter__(self) -> Iterator[str]:
        return ("/" + decoded(row.place) for row in self._tree.rows() if _is_shown(row))

    def __len__(self) -> int:
        root = self._tree.row(ROOT)
        return self._tree.count() - (root is None or not _is_shown(root))

    def __repr__(self) -> str:
        return f"<{len(self)} files>"

    def values(self) -> ValuesView[File]:
        """The files, in the order of their paths."""
        return _Values(self)

    def items(self) -> ItemsView[str, File]:
        """Paths and files, in order."""
        return _Items(self)

    def all(self) -> Iterator[File]:
        """The files one after another, in the order of their paths."""
        return (self._file(row) for row in self._tree.rows() if _is_shown(row))

    @property
    def whiteouts(self) -> tuple[str, ...]:
        """Of a layer: the paths that it hides in the layers below."""
        return self._hidden(whole=True)

    @property
    def opaque(self) -> tuple[str, ...]:
        """Of a layer: the directories of which it hides all that is in the layers below."""
        return self._hidden(whole=False)

    def _hidden(self, *, whole: bool) -> tuple[str, ...]:
        return tuple("/" + decoded(place) for place, is_whole in self._tree.hidden() if is_whole is whole)

    def follow(self, path: str) -> File:
        """What a path leads to, symbolic links followed to their end.

        Raises:
            FileNotFoundError: it leads nowhere.
        """
        place = encoded(path)
        for _ in range(LINKS):
            file = self.get(decoded(place))
            if file is None:
                raise FileNotFoundError(f"{path!r} leads to {decoded(place)!r}, where there is nothing")
            if file.kind != "symlink":
                return file
            above = "" if file.link.startswith("/") else file.path.rpartition("/")[0] + "/"
            place = encoded(above + file.link)
        raise FileNotFoundError(f"{path!r} leads through too many symbolic links")

    def _file(self, row: Row) -> File:
        member = self._merged.member(row)
        entry = self._merged.entry(row, member)
        names: dict[str, Any] = (
            {} if member is None else {"uname": decoded(member.uname), "gname": decoded(member.gname)}
        )
        said: dict[str, Any] = {a.name: getattr(entry, a.name) for a in attrs.fields(Entry)}
        layer = None if row.layer is None else row.layer - 1
        return File(**said, **names, layer=layer, inode=row.member, opened=self._open)

    def _open(self, file: File) -> BinaryIO:
        found = self.follow(file.path)
        if found.kind == "directory":
            raise IsADirectoryError(f"{found.path} is a directory")
        row = self._tree.row(encoded(found.path)[1:])
        if found.kind != "file" or row is None:
            raise InvalidContent(f"{found.path} has no content: {_WITHOUT[found.kind]}")
        member = self._merged.member(row)
        assert member is not None  # noqa: S101 - only directories have none
        content = Content(self._merged.shelf, self._merged.extent(row, member))
        return io.BufferedReader(content, _BUFFER)

    def tar(self) -> Iterator[bytes]:
        """The filesystem as a tar, in pieces: each path once, sorted, hard links after their targets."""
        return self._merged.pieces()

    def extract(self, directory: str | Path) -> tuple[str, ...]:
        """Write the filesystem into an empty or new directory of this machine; see `extract.extract`.

        Returns:
            The paths of the devices, which are left out.
        """
        return extract(self._merged, Path(directory))

    def close(self) -> None:
        """Give the scratch space back."""
        self._merged.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Values(ValuesView[File]):
    """Each file without its path being followed anew."""

    _mapping: Files

    def __iter__(self) -> Iterator[File]:
        return self._mapping.all()


class _Items(ItemsView[str, File]):
    """The same, with the paths."""

    _mapping: Files

    def __iter__(self) -> Iterator[tuple[str, File]]:
        return ((file.path, file) for file in self._mapping.all())


class Content(io.RawIOBase):
    """A file's content, read where it lies in scratch space."""

    def __init__(self, shelf: Shelf, extent: Extent) -> None:
        self._shelf = shelf
        self._extent = extent
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a position."""
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._extent.size}[whence]
        self._position = max(0, begin + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        """Read into ``buffer``."""
        data = self._extent.read(self._shelf, self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)


def _is_shown(row: Row) -> bool:
    """Whether a node is an item: the root is one only if a layer has an entry for it."""
    return row.place != ROOT or row.member != IMPLIED
