"""Sparse files in tars: which parts of a file stand in it (GNU tar manual, "Storing Sparse Files").

There are four formats: GNU's old one, with the parts in the header and blocks that continue it, and three of
pax records, the last of which has the parts before the content.
"""

from collections.abc import Iterator

from attrs import frozen

from lazyimg.content.pax import SPARSE_MAP
from lazyimg.content.tar_header import BLOCK, Member, number
from lazyimg.errors import InvalidContent

_OLD_PARTS = range(386, 482, 24)
_MORE_PARTS = range(0, 504, 24)
_REAL_SIZE = slice(483, 495)
_PARTS_LIMIT = 1 << 20
_DIGITS = 20
_NUMBERS_LIMIT = 1 << 20  # bytes of the list of parts that stands before the content

Part = tuple[int, int]
"""Where a part stands in the file, and how many bytes it has."""


@frozen
class Sparse:
    """How a sparse file is put together again.

    Attributes:
        parts: that are in the tar, in order; the rest of the file is zeros.
        size: of the whole file, in bytes.
        skipped: bytes before the first part that are no content.
    """

    parts: tuple[Part, ...]
    size: int
    skipped: int = 0


def is_sparse(member: Member) -> bool:
    """Whether a member is a sparse file."""
    return member.type == b"S" or any(key.startswith(b"GNU.sparse.") for key in member.records)


def real_name(member: Member) -> bytes:
    """The name of the file, for which some formats have a record of their own."""
    return member.records.get(b"GNU.sparse.name") or member.name


def real_size(member: Member) -> int:
    """The size of the file, in bytes; of one that is not sparse the size of its content.

    Raises:
        InvalidContent: it says none.
    """
    if not is_sparse(member):
        return member.size
    if member.type == b"S":
        return number(member.block[_REAL_SIZE])
    said = member.records.get(b"GNU.sparse.realsize") or member.records.get(b"GNU.sparse.size") or b""
    return _number(said)


def parts_of(member: Member, content: Iterator[bytes]) -> Sparse:
    """How a sparse member is put together; of the last format, read from the beginning of its ``content``.

    Raises:
        InvalidContent: it makes no sense.
    """
    if member.type == b"S":
        parts, skipped = list(_old_parts(member)), 0
    elif SPARSE_MAP in member.records:
        numbers = [_number(text) for text in member.records[SPARSE_MAP].split(b",")]
        parts, skipped = _paired(numbers), 0
    else:
        parts, skipped = _leading_parts(content)
    size = real_size(member)
    _verify(parts, size, member.size - skipped)
    return Sparse(tuple(parts), size, skipped)


def _old_parts(member: Member) -> Iterator[Part]:
    yield from _pairs(member.block, _OLD_PARTS)
    for start in range(0, len(member.more), BLOCK):
        yield from _pairs(member.more[start : start + BLOCK], _MORE_PARTS)


def _pairs(block: bytes, places: range) -> Iterator[Part]:
    for at in places:
        if block[at]:
            yield number(block[at : at + 12]), number(block[at + 12 : at + 24])


def _leading_parts(content: Iterator[bytes]) -> tuple[list[Part], int]:
    """Read the parts that stand before the content: decimal numbers, a line each, padded to a block."""
    read, lines, wanted, limit = b"", list[bytes](), 1, _DIGITS
    while len(lines) < wanted:
        piece = next(content, b"") if len(read) <= limit else b""
        if not piece:
            raise InvalidContent("it is a sparse file whose list of parts is broken")
        read += piece
        lines = read.split(b"\n")[:-1]
        wanted = 1 + 2 * min(_number(lines[0]), _PARTS_LIMIT) if lines else 1
        limit = _NUMBERS_LIMIT if lines else _DIGITS
    numbers = [_number(line) for line in lines[1:wanted]]
    used = sum(len(line) + 1 for line in lines[:wanted])
    return _paired(numbers), used + -used % BLOCK


def _paired(numbers: list[int]) -> list[Part]:
    if len(numbers) % 2:
        raise InvalidContent("it is a sparse file with a part of no size")
    return list(zip(numbers[::2], numbers[1::2], strict=True))


def _number(text: bytes) -> int:
    if not (text.isdigit() and len(text) <= _DIGITS):
        raise InvalidContent(f"it is a sparse file with {text[:40]!r} for a number")
    return int(text)


def _verify(parts: list[Part], size: int, content: int) -> None:
    """Refuse parts that are not in order, do not fit into the file, or are not what the tar has."""
    end = 0
    for start, length in parts:
        if start < end or length < 0:
            raise InvalidContent("it is a sparse file whose parts are not in order")
        end = start + length
    if size < end or sum(length for _, length in parts) != content:
        raise InvalidContent("it is a sparse file whose parts do not fit its size")
