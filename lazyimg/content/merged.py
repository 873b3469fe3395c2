"""The merged filesystem of some layers: looked up by place, and written as one tar.

The tar has each entry once, sorted by place, so that it depends on the filesystem and not on how it came to
be layered. Of a file that has several names the first has the content, and the others are hard links to it.
Names of users and groups, and times other than of modification, are left out; all other pax records stay.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from attrs import evolve

from lazyimg.content import tar
from lazyimg.content.entry import Entry, Kind, decoded
from lazyimg.content.extent import Extent
from lazyimg.content.layer_path import OPAQUE, ROOT, above, joined, whiteout_of
from lazyimg.content.limits import Limits
from lazyimg.content.merge import Merge
from lazyimg.content.shelf import Shelf
from lazyimg.content.sparse import is_sparse, parts_of, real_size
from lazyimg.content.tar_header import Member
from lazyimg.content.tar_reader import member_of, shown
from lazyimg.content.tree import Row, Tree
from lazyimg.errors import InvalidMutation

PIECE = 1 << 20
"""Bytes of a file that are read at a time: 1 MiB."""

_IMPLIED_MODE = 0o755
_SAID_BY_HEADER = frozenset(
    (b"path", b"linkpath", b"size", b"uid", b"gid", b"uname", b"gname", b"mtime", b"atime", b"ctime")
)
_XATTR = b"SCHILY.xattr."
_LEFT_OUT = (_XATTR, b"GNU.sparse.", b"SCHILY.dev", b"SCHILY.ino", b"SCHILY.nlink")
_WHITEOUT, _ENTRY, _OPAQUE = range(3)  # in which order they come at one place


class Merged:
    """Layers merged into one filesystem, or into one layer on top of others.

    Args:
        directory: for scratch space; None is the system's directory for temporary files.
        on_top: whether there are layers below that are not among these.
        limits: how large files may be that are mostly holes.
    """

    def __init__(
        self, directory: Path | None = None, *, on_top: bool = False, limits: Limits | None = None
    ) -> None:
        self.tree = Tree(directory)
        self.shelf = Shelf(directory)
        self._on_top = on_top
        self._merge = Merge(self.tree, self.shelf, on_top=on_top, limits=limits)

    def add(self, chunks: Iterable[bytes], what: str) -> None:
        """Read the next layer, lowest first, and apply it; see `lazyimg.content.merge.Merge.add`."""
        self._merge.add(chunks, what)

    def settle(self) -> None:
        """Say that no layer follows."""
        self.tree.settle()

    def close(self) -> None:
        """Give the scratch space back."""
        self.tree.close()
        self.shelf.close()

    # --- single entries -------------------------------------------------------------------------------

    def member(self, row: Row) -> Member | None:
        """The header of what stands at a place; None for a directory without an entry."""
        if row.start is None or row.data is None:
            return None
        return member_of(self.shelf.read(row.start, row.data - row.start))

    def entry(self, row: Row, member: Member | None) -> Entry:
        """What stands at a place; a file that has several names is a file at each of them."""
        path = "/" + decoded(row.place)
        if member is None:
            return Entry(path=path, kind="directory", mode=_IMPLIED_MODE)
        kind: Kind = row.kind  # type: ignore[assignment]  # it was one when it was put down
        return Entry(
            path=path,
            kind=kind,
            mode=member.mode,
            uid=member.uid,
            gid=member.gid,
            mtime_ns=member.mtime_ns,
            size=real_size(member) if kind == "file" else 0,
            link=decoded(row.target or b""),
            device=member.device if kind in ("character", "block") else (0, 0),
            xattrs=_xattrs(member.records),
        )

    def extent(self, row: Row, member: Member) -> Extent:
        """Where the content of a file lies."""
        start, size = row.data or 0, row.size or 0
        whole = Extent.whole(start, size)
        if not is_sparse(member):
            return whole
        return Extent.sparse(parts_of(member, self._read(whole)), start)

    def content(self, row: Row, member: Member) -> Iterator[bytes]:
        """The content of a file, in pieces of at most 1 MiB, the holes of a sparse one filled with zeros."""
        return self._read(self.extent(row, member))

    def _read(self, extent: Extent) -> Iterator[bytes]:
        position = 0
        while piece := extent.read(self.shelf, position, PIECE):
            position += len(piece)
            yield piece

    # --- as a tar -------------------------------------------------------------------------------------

    def pieces(self) -> Iterator[bytes]:
        """The tar, in pieces of at most about 1 MiB.

        Raises:
            InvalidMutation: a hard link leads to a file of layers that are not seen, and is hidden there.
        """
        rows = ((row.place, _ENTRY, row) for row in self.tree.rows())
        marks = ((place, order, None) for place, order in self._marks())
        for place, order, row in heapq.merge(rows, marks, key=lambda item: item[:2]):
            if row is not None:
                yield from self._written(row)
            else:
                name = whiteout_of(place) if order == _WHITEOUT else joined(place, OPAQUE)
                yield tar.header(Entry(path="/" + decoded(name), kind="file"))
        yield tar.END

    def _written(self, row: Row) -> Iterator[bytes]:
        member = self.member(row)
        if member is None:
            if self._has_entry(row.place):
                yield tar.header(self.entry(row, None))
            return
        entry = self.entry(row, member)
        if row.place == ROOT:
            entry = evolve(entry, path="./")
        if row.kind == "hardlink":
            self._verify_below(row)
            if row.target == row.place:
                return  # a link to itself leaves what is below as it is
        if row.first is not None and row.first != row.place and row.kind == "file":
            yield tar.header(evolve(entry, kind="hardlink", size=0, link=decoded(row.first), xattrs={}))
            return
        header = tar.header(entry, _kept(member.records))
        if 0 < entry.size <= PIECE:
            yield b"".join((header, *self.content(row, member), tar.padding(entry.size)))
        else:
            yield header
            yield from self.content(row, member)
            yield tar.padding(entry.size)

    def _has_entry(self, directory: bytes) -> bool:
        """Whether a directory that no layer has an entry for gets one; not one that may be there below."""
        if directory == ROOT:
            return False
        return not self._on_top or self.tree.hides(directory, whole=True) or self._is_covered(directory)

    def _verify_below(self, row: Row) -> None:
        """Refuse a link into layers that are not seen, if what it leads to is hidden by those that are."""
        target = row.target or b""
        node = self.tree.get(target)
        is_replaced = node is not None and node.target != target
        if is_replaced or self.tree.hides(target, whole=True) or self._is_covered(target):
            raise InvalidMutation(
                f"{shown(row.place)} is a hard link to {shown(target)}, which is in a layer below those that "
                "are merged and hidden by one of them: merge from the layer on that has it"
            )

    def _marks(self) -> Iterator[tuple[bytes, int]]:
        """The whiteouts and opaque markers that hide in layers below what these layers hide."""
        if not self._on_top:
            return
        for place, whole in self.tree.hidden():
            if self._is_covered(place):
                continue
            node = self.tree.get(place)
            if node is not None and node.kind != "directory":
                continue
            if whole:
                yield place, _WHITEOUT
            if node is not None or not whole:
                yield place, _OPAQUE

    def _is_covered(self, place: bytes) -> bool:
        """Whether something above a place hides all that layers below have there."""
        while place != ROOT:
            place = above(place)
            node = self.tree.get(place)
            if self.tree.hides(place) or (node is not None and node.kind != "directory"):
                return True
        return False


def _kept(records: Mapping[bytes, bytes]) -> dict[bytes, bytes]:
    """The pax records that say what no header does, and not where the file once lay."""
    return {
        key: value
        for key, value in records.items()
        if key not in _SAID_BY_HEADER and not key.startswith(_LEFT_OUT)
    }


def _xattrs(records: Mapping[bytes, bytes]) -> dict[str, bytes]:
    found = ((key, value) for key, value in records.items() if key.startswith(_XATTR))
    return {decoded(key[len(_XATTR) :]): value for key, value in found}
