r"""The records of pax extended headers (POSIX.1-2001): parsed and packed, in their order.

>>> pack([(b"path", b"x")]), parse(b"9 path=x\n")
(b'9 path=x\n', {b'path': b'x'})
"""

import re
from collections.abc import Iterable, Iterator

from lazyimg.errors import InvalidContent

SPARSE_MAP = b"GNU.sparse.map"
_SIZE = re.compile(rb"(\d{1,19}) ")
_SPARSE_PAIR = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")


def parse(data: bytes) -> dict[bytes, bytes]:
    """Read records; of two of one key the last counts.

    The pairs of GNU's first sparse format, which stand once for each part of the file, are gathered into
    the one record of its second.

    Raises:
        InvalidContent: they are broken.
    """
    records: dict[bytes, bytes] = {}
    pairs: list[bytes] = []
    for key, value in items(data):
        if key in _SPARSE_PAIR:
            pairs.append(value)
        else:
            records[key] = value
    if pairs:
        records[SPARSE_MAP] = b",".join(pairs)
    return records


def items(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the records one by one; a key may come more than once.

    Raises:
        InvalidContent: they are broken.
    """
    at, end = 0, len(data.rstrip(b"\0"))
    while at < end:
        key, value, at = _record_at(data, at)
        yield key, value


def _record_at(data: bytes, at: int) -> tuple[bytes, bytes, int]:
    """The record that begins there, and where the next one does."""
    match = _SIZE.match(data, at)
    following = at + int(match[1]) if match else at
    key, equals, value = data[match.end() if match else at : following - 1].partition(b"=")
    if not key or not equals or data[following - 1 : following] != b"\n":
        raise InvalidContent(f"a pax record is broken: {data[at : at + 40]!r}")
    return key, value, following


def pack(records: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Write records, in their order."""
    return b"".join(record(key, value) for key, value in records)


def record(key: bytes, value: bytes) -> bytes:
    r"""Write one record, whose length counts its own digits.

    >>> record(b"path", b"x"), len(record(b"path", b"x" * 91))
    (b'9 path=x\n', 101)
    """
    rest = b" %s=%s\n" % (key, value)
    size = len(rest) + len(str(len(rest)))
    size = len(rest) + len(str(size))
    return b"%d%s" % (size, rest)
