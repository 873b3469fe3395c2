"""A layer made of a few files, each from bytes or from a file of this machine."""

import os
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from attrs import field, frozen

from lazyimg.content import tar
from lazyimg.content.attributes import Attributes, mode_setting, mtime_setting, owner_setting
from lazyimg.content.entry import Entry, encoded
from lazyimg.content.local import LocalFile, absolute, shown
from lazyimg.content.pieces import Pieces, PiecesReader
from lazyimg.content.place import made_directory, parents, placed
from lazyimg.errors import SourceError

Content: TypeAlias = bytes | Path

_SHOWN = 3


def _content(path: str, value: Any) -> Content:
    if isinstance(value, os.PathLike):
        return absolute(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    raise ValueError(
        f"the content of {path} is a {type(value).__qualname__}: give bytes, or a Path to a file"
    )


def _files(files: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> tuple[tuple[str, Content], ...]:
    """Check a map of files and put it into the order of a tar."""
    pairs = list(files.items() if isinstance(files, Mapping) else files)
    placed_pairs = [(placed(path), _content(path, value)) for path, value in pairs]
    names = {path for path, _ in placed_pairs}
    if len(names) < len(pairs):
        raise ValueError("two of the files have the same place in the image")
    for path in names:
        if path == "/" or not names.isdisjoint(parents(path)):
            raise ValueError(f"{path} cannot be a file: it is the root, or lies below another of the files")
    return tuple(sorted(placed_pairs, key=lambda pair: encoded(pair[0])))


def _summary(files: tuple[tuple[str, Content], ...]) -> str:
    names = [path for path, _ in files]
    more = ", ..." if len(names) > _SHOWN else ""
    return f"{len(names)} file{'' if len(names) == 1 else 's'}: {', '.join(names[:_SHOWN])}{more}"


def _named(files: tuple[tuple[str, Content], ...]) -> str:
    """What a ``repr`` shows: nothing of what is in the files, which may be keys and passwords."""
    return f"<{_summary(files)}>"


@frozen
class FileMap:
    """Files by their place in the image; the directories above them are made, root's with mode 0755.

    >>> FileMap({"etc/motd": b"hello", "/bin/tool": Path("/srv/tool")}).describe()
    '2 files: /bin/tool, /etc/motd'

    Args:
        files: place in the image to content: bytes, or a path whose file is read when the layer is; links
            are followed.
        owner: ``(uid, gid)``, a function of the entry, or None to keep a file's own (0, 0 for bytes).
        mode: permission bits, a function of the entry, or None: a file's own, 0644 for bytes.
        mtime: seconds since 1970 or a datetime, a function of the entry, or None: a file's own, 0 for bytes.

    Raises:
        ValueError: a place twice, inside another file, or going up; a setting that makes no sense.
    """

    files: tuple[tuple[str, Content], ...] = field(converter=_files, repr=_named)
    owner: Any = field(default=(0, 0), converter=owner_setting)
    mode: Any = field(default=None, converter=mode_setting)
    mtime: Any = field(default=0, converter=mtime_setting)
    one_shot = False

    def describe(self) -> str:
        """Return how many files, and the first names."""
        return _summary(self.files)

    def open(self) -> PiecesReader:
        """Return a reader; files are opened as it comes to them."""
        return PiecesReader(_pieces(self.files, Attributes(self.owner, self.mode, self.mtime)))


def _pieces(files: tuple[tuple[str, Content], ...], attributes: Attributes) -> Pieces:
    made: set[str] = set()
    for path, content in files:
        for parent in parents(path):
            if parent not in made:
                made.add(parent)
                yield tar.header(made_directory(parent, attributes.fixed_mtime_ns()))
        if isinstance(content, bytes):
            entry = attributes.apply(Entry(path=path, kind="file", size=len(content)))
            yield b"".join((tar.header(entry), content, tar.padding(len(content))))
        else:
            yield from _from_disk(path, content, attributes)
    yield tar.END


def _from_disk(path: str, source: Path, attributes: Attributes) -> Pieces:
    with LocalFile(source, wait=False) as file:
        status = file.stat
        if not stat.S_ISREG(status.st_mode):
            raise SourceError(f"{shown(source)} is no regular file: its size must be known before it is read")
        found = Entry(
            path=path,
            kind="file",
            mode=stat.S_IMODE(status.st_mode),
            uid=status.st_uid,
            gid=status.st_gid,
            mtime_ns=status.st_mtime_ns,
            size=status.st_size,
        )
        yield tar.header(attributes.apply(found))
        yield file
        yield tar.padding(status.st_size)
