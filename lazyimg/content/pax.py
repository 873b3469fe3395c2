r"""The records of pax extended headers (POSIX.1-2001): parsed and packed, in their order.

>>> pack([(b"path", b"x")]), parse(b"9 path=x\n")
(b'9 path=x\n', {b'path': b'x'})
"""

from collections.abc import Iterable, Iterator

from lazyimg.errors import InvalidContent

SPARSE_MAP = b"GNU.sparse.map"
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
    while data.strip(b"\0"):
        key, value, data = _first(data)
        yield key, value


def _first(data: bytes) -> tuple[bytes, bytes, bytes]:
    digits, _, _ = data[:20].partition(b" ")
    size = int(digits) if digits.isdigit() else 0
    key, equals, value = data[len(digits) + 1 : size - 1].partition(b"=")
    if not key or not equals or data[size - 1 : size] != b"\n":
        raise InvalidContent(f"a pax record is broken: {data[:40]!r}")
    return key, value, data[size:]


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
