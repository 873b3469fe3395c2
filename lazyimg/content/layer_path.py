"""Where an entry of a layer goes, and what its name means there (image-spec layer.md, "Whiteouts").

A place is the bytes of a path without a slash at either end: ``etc/motd``. The root is empty.
"""

import re
from typing import Literal, NamedTuple

from lazyimg.content.entry import decoded
from lazyimg.errors import InvalidContent

ROOT = b""

PATH_LIMIT = 4096
"""Bytes that a path may have, as Linux's PATH_MAX."""

WHITEOUT = b".wh."
"""How the name of a file begins that hides one of the layers below."""

OPAQUE = b".wh..wh..opq"
"""The name of a file that hides everything which the layers below have in its directory."""

_METADATA = b".wh..wh."
_DRIVE = re.compile(rb"[A-Za-z]:(?:\\|$)")
_NOWHERE = (b"", b".", b"..")

Meaning = Literal["entry", "whiteout", "opaque", "metadata"]


class Named(NamedTuple):
    """What a name means.

    Attributes:
        meaning: an entry of its own; a whiteout; an opaque marker; or metadata of AUFS, which is no part of
            the image.
        place: of the entry; of what is hidden; of the directory that is opaque.
    """

    meaning: Meaning
    place: bytes


def place_of(name: bytes) -> bytes:
    """Where a name leads: ``./x``, ``/x`` and ``x`` are one place.

    >>> place_of(b"./etc//motd"), place_of(b"/")
    (b'etc/motd', b'')

    Raises:
        InvalidContent: it goes up, names a drive, holds a zero byte, or is too long.
    """
    if len(name) > PATH_LIMIT:
        raise InvalidContent(f"{decoded(name[:80])!r}... is longer than a path may be ({PATH_LIMIT} bytes)")
    if b"." not in name and b"//" not in name and b":" not in name and b"\0" not in name:
        return name.strip(b"/")
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if any(b".." in part.split(b"\\") for part in parts):
        raise InvalidContent(f"{decoded(name)!r} goes up out of its directory with '..'")
    if parts and _DRIVE.match(parts[0]):
        raise InvalidContent(f"{decoded(name)!r} names a drive")
    if b"\0" in name:
        raise InvalidContent(f"{decoded(name)!r} has a zero byte in it")
    return b"/".join(parts)


def meaning_of(name: bytes) -> Named:
    """What a name in a layer means.

    >>> meaning_of(b"a/.wh.b").meaning, meaning_of(b"a/.wh.b").place
    ('whiteout', b'a/b')

    Raises:
        InvalidContent: as `place_of`, and for a whiteout of nothing, or anything below one.
    """
    place = place_of(name)
    if WHITEOUT not in place:
        return Named("entry", place)
    above, _, last = place.rpartition(b"/")
    for part in above.split(b"/"):
        if part.startswith(_METADATA):
            return Named("metadata", place)
        if part.startswith(WHITEOUT):
            raise InvalidContent(f"{decoded(name)!r} lies below a whiteout")
    if last == OPAQUE:
        return Named("opaque", above)
    if last.startswith(_METADATA):
        return Named("metadata", place)
    if last.startswith(WHITEOUT):
        return Named("whiteout", joined(above, _hidden(last, name)))
    return Named("entry", place)


def _hidden(last: bytes, name: bytes) -> bytes:
    hidden = last[len(WHITEOUT) :]
    if hidden in _NOWHERE:
        raise InvalidContent(f"{decoded(name)!r} is a whiteout of nothing")
    return hidden


def joined(directory: bytes, name: bytes) -> bytes:
    """The place of a name in a directory.

    >>> joined(b"", b"etc"), joined(b"etc", b"motd")
    (b'etc', b'etc/motd')
    """
    return directory + b"/" + name if directory else name


def above(place: bytes) -> bytes:
    """The directory that a place is in; the root is in itself."""
    return place.rpartition(b"/")[0]


def whiteout_of(place: bytes) -> bytes:
    """The name of the whiteout that hides a place.

    >>> whiteout_of(b"a/b")
    b'a/.wh.b'
    """
    directory, _, name = place.rpartition(b"/")
    return joined(directory, WHITEOUT + name)
