"""Merging layers: each is read once, put down in scratch space, and applied to what is below it.

The rules (image-spec layer.md, "Applying Changesets"), and what it leaves open:

- Whiteouts and opaque markers hide what the layers *below* have, wherever they stand in their own layer:
  they are worked out, all of them, against what is below, before the layer's entries are applied in order.
- Of a place that has several entries the last counts. A directory onto a directory changes its attributes;
  anything else takes the place of all that was there.
- A path leads through symbolic links, as it does in a running container, whose root is the layers' root. A
  part of a path that is no directory gives way to one. Directories without an entry are made.
- A hard link shares its target's content and attributes, whatever becomes of the target afterwards. A target
  that its own layer hides, or that only AUFS's metadata names, still counts.
"""

from collections.abc import Iterable, Iterator
from itertools import islice

from lazyimg.content.entry import decoded
from lazyimg.content.follow import directory_at, place_at
from lazyimg.content.layer_path import PATH_LIMIT, ROOT, above, joined, meaning_of, place_of
from lazyimg.content.limits import Limits
from lazyimg.content.shelf import Shelf
from lazyimg.content.sparse import is_sparse, real_name, real_size
from lazyimg.content.tar_header import Member
from lazyimg.content.tar_reader import TarReader, shown
from lazyimg.content.tree import IMPLIED, Found, Node, Tree
from lazyimg.errors import InvalidContent

_BATCH = 1000
_KNOWN = 4096  # directories remembered
_GLOBAL = b"g"


class Merge:
    """The merging of layers into a tree, lowest first.

    Args:
        tree: the index that is filled.
        shelf: where the layers' tars are put down.
        on_top: whether there are layers below that are not seen, so that hard links may lead to them.
        limits: how large files may be that are mostly holes.
    """

    def __init__(
        self, tree: Tree, shelf: Shelf, *, on_top: bool = False, limits: Limits | None = None
    ) -> None:
        self._tree = tree
        self._shelf = shelf
        self._on_top = on_top
        self._limits = limits or Limits()
        self._holes = 0
        self._layer = 0
        self._what = ""
        self._known: dict[bytes, bytes] = {}

    def add(self, chunks: Iterable[bytes], what: str) -> None:
        """Read the next layer to its end, and apply it.

        Args:
            chunks: its tar, uncompressed.
            what: what the layer is called in messages.

        Raises:
            InvalidContent: it is no tar, or has an entry that cannot be; the message names it.
        """
        self._layer, self._what = self._layer + 1, what
        before = self._tree.last_member()
        found = self._read(chunks)
        while batch := list(islice(found, _BATCH)):
            self._tree.note(self._layer, batch)
        self._known.clear()
        self._hide(before)
        for number, entry in self._tree.members(before, "entry"):
            self._put(number, entry)
        self._tree.forget_ghosts()

    # --- reading --------------------------------------------------------------------------------------

    def _read(self, chunks: Iterable[bytes]) -> Iterator[Found]:
        """The layer's members, while its tar is put down."""
        base = self._shelf.length
        for member in TarReader(self._kept(chunks), self._what):
            if member.type == _GLOBAL:
                continue
            try:
                yield self._found(member, base)
            except InvalidContent as error:
                raise self._refusal(real_name(member), str(error)) from error

    def _kept(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            self._shelf.append(chunk)
            yield chunk

    def _found(self, member: Member, base: int) -> Found:
        meaning, place = meaning_of(real_name(member))
        link = b""
        if member.kind is None and meaning == "entry":
            raise InvalidContent(f"it has the type {decoded(member.type)!r}, which no filesystem has")
        if member.kind == "hardlink":
            link = place_of(member.link)
        if member.kind == "symlink":
            link = _pointed(member.link)
        if place == ROOT and meaning == "entry" and member.kind != "directory":
            raise InvalidContent("it would take the place of the root directory")
        if is_sparse(member):
            self._holes += real_size(member)
            self._limits.check(self._shelf.length, self._holes)
        return Found(
            meaning, place, member.kind or "", link, base + member.offset, base + member.data, member.size
        )

    def _refusal(self, name: bytes, how: str) -> InvalidContent:
        return InvalidContent(f"{self._what} has the entry {shown(name)}, which is refused: {how}")

    # --- what is hidden -------------------------------------------------------------------------------

    def _hide(self, before: int) -> None:
        for number, mark in self._tree.members(before, "whiteout", "opaque", "metadata"):
            if mark.meaning == "metadata":
                if mark.kind == "file":
                    self._tree.haunt(mark.place, Node("file", number))
            elif mark.meaning == "opaque":
                self._doom(directory_at(self._tree, mark.place, self._is_replaced), whole=False)
            else:
                self._doom(place_at(self._tree, mark.place, self._is_replaced), whole=True)
        self._tree.hide_doomed()

    def _is_replaced(self, link: bytes) -> bool:
        """Whether an entry of the layer, none of which was applied yet, will take a link's place."""
        return self._tree.has_entry(self._layer, link)

    def _doom(self, place: bytes | None, *, whole: bool) -> None:
        if place is not None:
            self._tree.doom(place, whole=whole)

    # --- entries --------------------------------------------------------------------------------------

    def _put(self, number: int, entry: Found) -> None:
        if entry.place == ROOT:
            self._tree.put(ROOT, Node("directory", number))
            return
        at = joined(self._enter(above(entry.place)), _last(entry.place))
        if entry.kind == "hardlink":
            self._link(at, number, entry)
        else:
            self._set(at, Node(entry.kind, number, entry.link if entry.kind == "symlink" else None))

    def _set(self, at: bytes, node: Node) -> None:
        old = self._tree.get(at)
        is_directory = node.kind == "directory"
        if old is not None and not (is_directory and old.kind == "directory"):
            self._tree.remove(at)
            if old.kind in ("directory", "symlink"):
                self._known.clear()
            if is_directory:
                self._tree.hide(at, whole=True)  # for whatever stood here also hid what is below
        self._tree.put(at, node)

    def _link(self, at: bytes, number: int, entry: Found) -> None:
        place = place_at(self._tree, entry.link)
        target = self._target(place, entry.link)
        if target is not None and target.kind == "directory":
            raise self._refusal(entry.place, f"it is a hard link to the directory {shown(entry.link)}")
        if target is not None:
            self._set(at, target)
            self._tree.share(target.member)
        elif self._on_top and place is not None:
            self._set(at, Node("hardlink", number, place))
        else:
            raise self._refusal(entry.place, f"it is a hard link to {shown(entry.link)}, which is not there")

    def _target(self, place: bytes | None, named: bytes) -> Node | None:
        found = None if place is None else self._tree.get(place) or self._tree.ghost(place)
        return found or self._tree.ghost(named)

    # --- paths ----------------------------------------------------------------------------------------

    def _enter(self, directory: bytes) -> bytes:
        """Where a directory really is; it is made where it is missing, with those it is in."""
        known = self._known.get(directory)
        if known is None:
            known = self._walk(directory)
            if len(self._known) >= _KNOWN:
                self._known.clear()
            self._known[directory] = known
        return known

    def _walk(self, directory: bytes) -> bytes:
        at = ROOT
        for part in directory.split(b"/") if directory else ():
            child = joined(at, part)
            node = self._tree.get(child)
            if node is not None and node.kind == "symlink":
                real = directory_at(self._tree, child)
                at = self._made(child if real is None else real)
            else:
                at = self._made_in(child, node)
        return at

    def _made_in(self, directory: bytes, node: Node | None) -> bytes:
        if node is None or node.kind != "directory":
            self._set(directory, Node("directory", IMPLIED))
        return directory

    def _made(self, directory: bytes) -> bytes:
        """Make a directory, and those it is in, where there is none."""
        at = ROOT
        for part in directory.split(b"/") if directory else ():
            at = joined(at, part)
            self._made_in(at, self._tree.get(at))
        return directory


def _last(place: bytes) -> bytes:
    return place.rpartition(b"/")[2]


def _pointed(link: bytes) -> bytes:
    if not link or b"\0" in link or len(link) > PATH_LIMIT:
        raise InvalidContent("it is a symbolic link to nothing that can be")
    return link
