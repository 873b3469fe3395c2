"""Tar headers, packed by hand: ustar (POSIX.1-1988), with pax records (POSIX.1-2001) where it is too small.

The same entry always gives the same bytes: no names of users, no times of reading, records sorted. A pax
header is written for names that are long or not ASCII, times before 1970 or with a fraction, sizes from
8 GiB, owners from 2097152, and extended attributes (``SCHILY.xattr.``, as GNU tar, Go and containerd read).
A name that is not UTF-8 and fits goes into the ustar header as it is.
"""

import struct
from collections.abc import Iterator, Mapping

from lazyimg.content import pax
from lazyimg.content.entry import NANOSECONDS, Entry, encoded

BLOCK = 512
"""Bytes that everything in a tar is a multiple of."""

END = bytes(2 * BLOCK)
"""What ends a tar."""

_HEADER = struct.Struct("100s8s8s8s12s12s8sc100s8s32s32s8s8s155s12x")
_CHECKSUM = slice(148, 156)
_BLANK = b" " * 8
_MAGIC = b"ustar\x0000"
_NO_DEVICE = b"0000000\0"
_NAME = 100
_ID = 0o7777777
_NUMBER = 0o77777777777
_PAX_NAME = b"././@PaxHeader"
_DEVICES = ("character", "block")
_TYPES = {
    "file": b"0",
    "hardlink": b"1",
    "symlink": b"2",
    "character": b"3",
    "block": b"4",
    "directory": b"5",
    "fifo": b"6",
}


def header(entry: Entry, more: Mapping[bytes, bytes] | None = None) -> bytes:
    """Return the header of ``entry``, with a pax header before it if it needs one.

    Args:
        entry: what it says.
        more: pax records besides those of the entry.

    >>> len(header(Entry(path="/etc/motd", kind="file", size=6)))
    512
    >>> len(header(Entry(path="/etc/" + "x" * 100, kind="file")))
    1536
    """
    name, link = entry.name, encoded(entry.link)
    records = {**(more or {}), **dict(_records(entry, name, link))}
    block = _ustar(
        name,
        _TYPES[entry.kind],
        link=link,
        rights=(entry.mode & 0o7777, entry.uid, entry.gid),
        size=entry.size,
        seconds=entry.mtime_ns // NANOSECONDS,
        device=entry.device if entry.kind in _DEVICES else None,
    )
    return extended(records) + block if records else block


def padding(size: int) -> bytes:
    """Return the zeros that follow ``size`` bytes of content.

    >>> len(padding(500)), len(padding(512))
    (12, 0)
    """
    return bytes(-size % BLOCK)


def _ustar(  # noqa: PLR0913 - the fields of the format
    name: bytes,
    kind: bytes,
    *,
    size: int,
    link: bytes = b"",
    rights: tuple[int, int, int] = (0o644, 0, 0),
    seconds: int = 0,
    device: tuple[int, int] | None = None,
) -> bytes:
    """Pack one block; what does not fit stands in a pax record and is cut or zero here."""
    mode, uid, gid = rights
    major, minor = (b"%07o\0" % number for number in device) if device else (_NO_DEVICE, _NO_DEVICE)
    block = bytearray(
        _HEADER.pack(
            name[:_NAME],
            b"%07o\0" % mode,
            b"%07o\0" % (uid if uid <= _ID else 0),
            b"%07o\0" % (gid if gid <= _ID else 0),
            b"%011o\0" % (size if size <= _NUMBER else 0),
            b"%011o\0" % (seconds if 0 <= seconds <= _NUMBER else 0),
            _BLANK,
            kind,
            link[:_NAME],
            _MAGIC,
            b"",
            b"",
            major,
            minor,
            b"",
        )
    )
    block[_CHECKSUM] = b"%06o\0 " % sum(block)
    return bytes(block)


def _records(entry: Entry, name: bytes, link: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the pax records that an entry needs."""
    if not _fits(name):
        yield b"path", name
    if not _fits(link):
        yield b"linkpath", link
    if entry.uid > _ID:
        yield b"uid", b"%d" % entry.uid
    if entry.gid > _ID:
        yield b"gid", b"%d" % entry.gid
    if entry.size > _NUMBER:
        yield b"size", b"%d" % entry.size
    if not fits(entry.mtime_ns):
        yield b"mtime", decimal(entry.mtime_ns)
    for attribute, value in entry.xattrs.items():
        yield b"SCHILY.xattr." + encoded(attribute), value


def fits(nanoseconds: int) -> bool:
    """Whether a time can stand in a ustar header: whole seconds since 1970, not too many."""
    return not nanoseconds % NANOSECONDS and 0 <= nanoseconds <= _NUMBER * NANOSECONDS


def _fits(name: bytes) -> bool:
    """Whether a name can stand in a ustar header."""
    return len(name) <= _NAME and (name.isascii() or not _is_utf8(name))


def _is_utf8(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


def decimal(nanoseconds: int) -> bytes:
    """Write a time in decimal seconds, as pax records have it.

    >>> decimal(1_500_000_000), decimal(-1_500_000_000), decimal(-2_000_000_000)
    (b'1.5', b'-1.5', b'-2')
    """
    seconds, fraction = divmod(abs(nanoseconds), NANOSECONDS)
    text = b"%d.%09d" % (seconds, fraction)
    return (b"-" if nanoseconds < 0 else b"") + text.rstrip(b"0").rstrip(b".")


def extended(records: Mapping[bytes, bytes]) -> bytes:
    """Return a pax extended header with these records, sorted."""
    return extension(b"x", pax.pack(sorted(records.items())))


def extension(kind: bytes, data: bytes) -> bytes:
    """Return an extension header of a kind, such as ``x``, with its content."""
    return b"".join((_ustar(_PAX_NAME, kind, size=len(data)), data, padding(len(data))))
