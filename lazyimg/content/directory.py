"""A layer made of a directory of this machine."""

import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from attrs import define, field, frozen

from lazyimg.content import tar
from lazyimg.content.attributes import Attributes, mode_setting, mtime_setting, owner_setting
from lazyimg.content.entry import Entry, Kind, decoded
from lazyimg.content.exclude import excluded, patterns
from lazyimg.content.local import LocalFile, absolute, changed, failure, read_whole, shown
from lazyimg.content.pieces import Pieces, PiecesReader
from lazyimg.content.place import made_directory, made_mode, parents, placed
from lazyimg.content.walk import Found, walk
from lazyimg.content.xattr import xattrs
from lazyimg.errors import SourceError

SMALL = 256 << 10
"""Files up to this many bytes are read in one go."""

_KINDS: dict[int, Kind] = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFIFO: "fifo",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
}


@frozen
class Directory:
    """The tree below a directory, as a tar whose bytes depend on nothing but the tree and these settings.

    Entries are sorted by the bytes of their names. Symbolic links are kept as links, hard links within the
    tree as hard links, extended attributes without those that belong to the machine. Directories above
    ``at`` are made, root's with mode 0755; ``at`` itself is made with mode 0755, and then owner, mode and
    mtime apply to it as to everything in it. Below an image whose ``/bin`` is a link to ``usr/bin``, use
    ``/usr/bin``: a directory in a layer takes the place of a link.

    >>> Directory("/srv/dist", at="app").at
    '/app'

    Args:
        path: the directory.
        at: where its contents go in the image.
        owner: ``(uid, gid)``, a function of the entry, or None to keep what the files have.
        mode: permission bits, a function of the entry, or None to keep; directories can in any case be
            entered by whoever may read them.
        mtime: seconds since 1970 or a datetime, a function of the entry, or None to keep.
        exclude: gitignore patterns, relative to the directory (the ``patterns`` extra).

    Raises:
        ValueError: a setting that makes no sense.
    """

    path: Path = field(converter=absolute)
    at: str = field(default="/", converter=placed)
    owner: Any = field(default=(0, 0), converter=owner_setting)
    mode: Any = field(default=None, converter=mode_setting)
    mtime: Any = field(default=0, converter=mtime_setting)
    exclude: tuple[str, ...] = field(default=(), converter=patterns)
    one_shot = False

    def describe(self) -> str:
        """Return the path."""
        return shown(self.path)

    def open(self) -> PiecesReader:
        """Return a reader; the tree is walked as it reads.

        Raises:
            MissingExtra: there are patterns and pathspec is not installed.
        """
        return PiecesReader(_Tree(self, Attributes(self.owner, self.mode, self.mtime)).pieces())


@define
class _Tree:
    """One walk over a directory: the hard links seen so far are its memory."""

    directory: Directory
    attributes: Attributes
    links: dict[tuple[int, int], str] = field(factory=dict)

    def pieces(self) -> Pieces:
        """Make the tar."""
        left_out = excluded(self.directory.exclude)
        yield from self._above()
        for found in walk(os.fsencode(self.directory.path), left_out):
            yield from self._entry(found)
        yield tar.END

    def _above(self) -> Iterable[bytes]:
        """Make the directory that the tree goes into, and those above it."""
        at = self.directory.at
        found = self._root()
        if at == "/":
            return
        for path in parents(at):
            yield tar.header(made_directory(path, self.attributes.fixed_mtime_ns()))
        itself = Entry(
            path=at,
            kind="directory",
            mode=made_mode(at),
            uid=found.st_uid,
            gid=found.st_gid,
            mtime_ns=found.st_mtime_ns,
        )
        yield tar.header(self.attributes.apply(itself))

    def _root(self) -> os.stat_result:
        try:
            return os.stat(self.directory.path)  # noqa: PTH116 - one way to look at files, in bytes and text
        except OSError as error:
            raise failure(error, "look at", self.directory.path) from error

    def _entry(self, found: Found) -> Pieces:
        entry = self.attributes.apply(self._describe(found))
        header = tar.header(entry)
        if entry.kind != "file":
            yield header
        elif entry.size <= SMALL:
            yield b"".join((header, read_whole(found.path, found.stat), tar.padding(entry.size)))
        else:
            yield header
            with LocalFile(found.path, found.stat) as file:
                yield file
            yield tar.padding(entry.size)

    def _describe(self, found: Found) -> Entry:
        """Say what was found, before owner, mode and time are set."""
        status = found.stat
        path = self._place(found.name)
        kind, link = self._kind(found, path)
        return Entry(
            path=path,
            kind=kind,
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            mtime_ns=status.st_mtime_ns,
            size=status.st_size if kind == "file" else 0,
            link=link,
            device=(os.major(status.st_rdev), os.minor(status.st_rdev)),
            xattrs=xattrs(found.path),
        )

    def _place(self, name: bytes) -> str:
        return f"{self.directory.at.rstrip('/')}/{decoded(name.rstrip(b'/'))}"

    def _kind(self, found: Found, path: str) -> tuple[Kind, str]:
        """Return the kind of an entry and what it links to."""
        kind = _KINDS.get(stat.S_IFMT(found.stat.st_mode))
        if kind is None:
            raise SourceError(
                f"{shown(found.path)} is a socket, which no layer can hold: exclude it, or stop what made it"
            )
        if kind == "symlink":
            return kind, _target(found.path)
        if found.stat.st_nlink == 1 or kind == "directory":
            return kind, ""
        first = self.links.setdefault((found.stat.st_dev, found.stat.st_ino), path)
        return (kind, "") if first == path else ("hardlink", first.lstrip("/"))


def _target(path: bytes) -> str:
    try:
        return decoded(os.readlink(path))  # noqa: PTH115 - a Path holds no bytes
    except OSError as error:
        raise changed(path, "vanished") from error
