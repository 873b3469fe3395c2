"""Places in an image: checked paths, and the directories above them that a layer has to bring along."""

import os
import posixpath
from collections.abc import Iterator

from lazyimg.content.entry import Entry

MADE_MODE = 0o755
"""Mode of a directory that is made because something is put into it."""

_KNOWN_MODES = {"/tmp": 0o1777, "/var/tmp": 0o1777, "/dev/shm": 0o1777, "/root": 0o700}  # noqa: S108 - places in an image


def placed(path: str | os.PathLike[str]) -> str:
    """Return a place in an image: absolute, with nothing to resolve in it.

    >>> placed("app//dist/"), placed("/")
    ('/app/dist', '/')

    Raises:
        ValueError: it is empty, goes up by ``..``, or holds a NUL.
    """
    path = os.fspath(path)
    if not path or "\0" in path or ".." in path.split("/"):
        raise ValueError(f"{path!r} is no place in an image: use a path from its root, without '..'")
    return posixpath.normpath("/" + path.strip("/"))


def made_mode(path: str) -> int:
    """Return the mode of a directory that is made: what every distribution gives it, else 0755.

    >>> oct(made_mode("/app")), oct(made_mode("/tmp"))
    ('0o755', '0o1777')
    """
    return _KNOWN_MODES.get(path, MADE_MODE)


def parents(path: str) -> Iterator[str]:
    """Yield the directories above a place, the topmost first; not the root.

    >>> list(parents("/usr/local/bin"))
    ['/usr', '/usr/local']
    """
    parts = path.strip("/").split("/")
    for count in range(1, len(parts)):
        yield "/" + "/".join(parts[:count])


def made_directory(path: str, mtime_ns: int) -> Entry:
    """Return the entry of a directory that is made: root's, mode 0755."""
    return Entry(path=path, kind="directory", mode=made_mode(path), mtime_ns=mtime_ns)
