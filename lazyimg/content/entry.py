"""An entry of a layer: what one header of a tar says."""

from collections.abc import Mapping
from typing import Literal

from attrs import field, frozen

Kind = Literal["file", "directory", "symlink", "hardlink", "fifo", "character", "block"]

NANOSECONDS = 1_000_000_000


@frozen(kw_only=True)
class Entry:
    """A file, directory or link in a layer, as it is before and after owner, mode and mtime are set.

    >>> entry = Entry(path="/app/run", kind="file", mode=0o755, mtime_ns=1_500_000_000)
    >>> entry.mtime, entry.name
    (1.5, b'app/run')

    Attributes:
        path: absolute in the image, ``/`` between the parts; bytes that are no UTF-8 are surrogate escapes.
        kind: what it is.
        mode: permission bits, with set-uid, set-gid and sticky.
        uid: the owner.
        gid: the group.
        mtime_ns: the time of modification, in nanoseconds since 1970, UTC.
        size: of a file's content, in bytes.
        link: where a symbolic link points, as written in it; a hard link's is a name in the tar.
        device: major and minor number of a device.
        xattrs: extended attributes by name.
    """

    path: str
    kind: Kind
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    mtime_ns: int = 0
    size: int = 0
    link: str = ""
    device: tuple[int, int] = (0, 0)
    xattrs: Mapping[str, bytes] = field(factory=dict)

    @property
    def mtime(self) -> float:
        """The time of modification, in seconds since 1970, UTC."""
        return self.mtime_ns / NANOSECONDS

    @property
    def name(self) -> bytes:
        """The name in the tar: relative, with a slash at the end of a directory's."""
        name = encoded(self.path).lstrip(b"/")
        return name + b"/" if self.kind == "directory" else name


def encoded(text: str) -> bytes:
    """Return the bytes of a path, whatever the locale of this process."""
    return text.encode("utf-8", "surrogateescape")


def decoded(data: bytes) -> str:
    """Return the text of a path, whatever its bytes."""
    return data.decode("utf-8", "surrogateescape")
