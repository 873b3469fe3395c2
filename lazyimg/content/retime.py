"""Other times for the members of a tar, as it passes by: order, links and pax records stay.

The new time stands in the headers themselves where they can hold it, and in a pax record where not; records
of other times (``atime``, ``ctime``, of creation) get it too. Extension headers lose what they say of the
process that wrote them: the same tar written twice is the same afterwards.
"""

from collections.abc import Iterator

from lazyimg.content import pax, tar
from lazyimg.content.entry import NANOSECONDS
from lazyimg.content.tar_header import CHECKSUM, Member
from lazyimg.content.tar_reader import TarReader

_MTIME = slice(136, 148)
_GNU = b"ustar  \0"
_GNU_TIMES = (slice(345, 357), slice(357, 369))
_STAR = b"tar\0"
_STAR_TIMES = (slice(476, 488), slice(488, 500))
_OTHER_TIMES = (b"atime", b"ctime", b"LIBARCHIVE.creationtime")
_PAX = (b"x", b"X", b"g")
_OWN = (b"x", b"X")


def retimed(chunks: Iterator[bytes], what: str, time_ns: int) -> Iterator[bytes | memoryview]:
    """Yield a tar whose members were all modified at one time.

    Args:
        chunks: the tar, uncompressed.
        what: what it is called in messages.
        time_ns: the time, in nanoseconds since 1970.

    Raises:
        InvalidContent: it is no tar.
    """
    reader = TarReader(chunks, what)
    for member in reader:
        yield header(member, time_ns)
        yield from reader.data()
        yield tar.padding(0 if member.type == b"g" else member.size)
    yield tar.END


def header(member: Member, time_ns: int) -> bytes:
    """Return a member's headers with another time."""
    extensions = [_extension(block, content, time_ns) for block, content in member.extensions]
    if member.type == b"g":
        return b"".join(extensions)
    if not tar.fits(time_ns) and not any(block[156:157] in _OWN for block, _ in member.extensions):
        extensions.append(tar.extended({b"mtime": tar.decimal(time_ns)}))
    return b"".join((*extensions, _block(member.block, time_ns), member.more))


def _extension(block: bytes, content: bytes, time_ns: int) -> bytes:
    kind = block[156:157]
    if kind not in _PAX:  # a long name of GNU's
        return _block(block, 0) + content + tar.padding(len(content))
    records = list(_records(content, time_ns))
    if kind in _OWN and not tar.fits(time_ns):
        records.append((b"mtime", tar.decimal(time_ns)))
    return tar.extension(kind, pax.pack(records)) if records else b""


def _records(content: bytes, time_ns: int) -> Iterator[tuple[bytes, bytes]]:
    for key, value in pax.items(content):
        if key != b"mtime":
            yield key, tar.decimal(time_ns) if key in _OTHER_TIMES else value


def _block(block: bytes, time_ns: int) -> bytes:
    """A header block with its times set and its checksum right."""
    time = b"%011o\0" % (time_ns // NANOSECONDS if tar.fits(time_ns) else 0)
    changed = bytearray(block)
    changed[_MTIME] = time
    for where in _times_of(block):
        if changed[where].strip(b"\0"):
            changed[where] = time
    changed[CHECKSUM] = b" " * 8
    changed[CHECKSUM] = b"%06o\0 " % sum(changed)
    return bytes(changed)


def _times_of(block: bytes) -> tuple[slice, ...]:
    if block[257:265] == _GNU:
        return _GNU_TIMES
    return _STAR_TIMES if block[257:263] == b"ustar\0" and block[508:512] == _STAR else ()
