"""What a tar header says, read from its bytes: v7, ustar, pax, GNU and star (POSIX.1-2001 "pax").

A *member* is a header with the extension headers before it. It keeps the bytes of them all, and reads of
them only what is asked for: most members of a layer are looked at for their name alone.
"""

import re
from collections.abc import Sequence
from functools import cached_property

from lazyimg.content.entry import NANOSECONDS, Kind
from lazyimg.content.pax import parse
from lazyimg.errors import InvalidContent

BLOCK = 512
"""Bytes of a header block, and what content is padded to."""

CHECKSUM = slice(148, 156)

_BLANK = sum(b" " * 8)
_GNU = b"ustar  \0"
_STAR = b"tar\0"
_SLASH = b"/"

KINDS: dict[bytes, Kind] = {
    b"0": "file",
    b"\0": "file",
    b"7": "file",
    b"S": "file",
    b"1": "hardlink",
    b"2": "symlink",
    b"3": "character",
    b"4": "block",
    b"5": "directory",
    b"6": "fifo",
}
"""What each type of member is; of those with another the content can be skipped, and that is all."""

_WITHOUT_CONTENT = frozenset((b"1", b"2", b"3", b"4", b"5", b"6"))
_TIME = re.compile(rb"(-?)(\d{1,19})(?:\.(\d*))?")
_DIGITS = re.compile(rb"\d{1,19}")
_LARGEST = (1 << 63) - 1  # what other readers hold such numbers in, and systems


class Member:
    """One member of a tar, without its content.

    Attributes:
        offset: where its first block stands in the tar, extension headers included.
        extensions: the headers before its own that belong to it, each with its content.
        block: its own header.
        more: the blocks right after its header that continue it (GNU's old sparse format).
        type: the type flag.
        data: where its content begins in the tar.
        name: as written, by whichever header says it.
        link: likewise.
        records: of its pax header.
    """

    def __init__(
        self, offset: int, extensions: Sequence[tuple[bytes, bytes]], block: bytes, more: bytes, data: int
    ) -> None:
        self.offset = offset
        self.extensions = extensions
        self.block = block
        self.more = more
        self.data = data
        self.type = block[156:157]
        self.records: dict[bytes, bytes] = {}
        self.name = self._own_name()
        self.link = text(block[157:257])
        for header, content in extensions:
            self._extend(header[156:157], content)
        self.name = self.records.get(b"path") or self.name
        self.link = self.records.get(b"linkpath") or self.link

    def _extend(self, kind: bytes, content: bytes) -> None:
        if kind == b"L":
            self.name = text(content)
        elif kind == b"K":
            self.link = text(content)
        else:
            self.records |= parse(content)

    def _own_name(self) -> bytes:
        block = self.block
        name = text(block[:100])
        if block[257:263] != b"ustar\0":
            return name
        end = 476 if block[508:512] == _STAR else 500
        prefix = text(block[345:end])
        return prefix + _SLASH + name if prefix else name

    @cached_property
    def kind(self) -> Kind | None:
        """What it is; None for a type that no filesystem has."""
        kind = KINDS.get(self.type)
        return "directory" if kind == "file" and self.name.endswith(_SLASH) else kind

    @cached_property
    def size(self) -> int:
        """Bytes of content that follow in the tar, without padding."""
        if self.type in _WITHOUT_CONTENT:
            return 0
        return self._number(b"size", slice(124, 136))

    @property
    def mode(self) -> int:
        """Permission bits."""
        return number(self.block[100:108]) & 0o7777

    @property
    def uid(self) -> int:
        """The owner."""
        return self._number(b"uid", slice(108, 116))

    @property
    def gid(self) -> int:
        """The group."""
        return self._number(b"gid", slice(116, 124))

    @property
    def mtime_ns(self) -> int:
        """The time of modification, in nanoseconds since 1970."""
        said = self.records.get(b"mtime")
        return nanoseconds(said) if said else _seconds(number(self.block[136:148])) * NANOSECONDS

    @property
    def uname(self) -> bytes:
        """The owner's name, if it is said."""
        return self.records.get(b"uname") or text(self.block[265:297])

    @property
    def gname(self) -> bytes:
        """The group's name, if it is said."""
        return self.records.get(b"gname") or text(self.block[297:329])

    @property
    def device(self) -> tuple[int, int]:
        """Major and minor number."""
        return number(self.block[329:337]), number(self.block[337:345])

    def _number(self, key: bytes, where: slice) -> int:
        said = self.records.get(key)
        found = number(self.block[where]) if not said else int(said) if _DIGITS.fullmatch(said) else -1
        if not 0 <= found <= _LARGEST:
            raise InvalidContent(f"its {key.decode()} is {(said or self.block[where])[:40]!r}")
        return found


def text(field: bytes) -> bytes:
    """The bytes of a field up to the first zero."""
    return field.partition(b"\0")[0]


def number(field: bytes) -> int:
    r"""Read a number: octal digits, or GNU's binary form.

    >>> number(b"0000644\0"), number(b"\x80\x00\x01\x00"), number(b"\xff\xff\xff\xfe")
    (420, 256, -2)

    Raises:
        InvalidContent: it is neither.
    """
    if field[0] & 0x80:
        value = int.from_bytes(field, "big", signed=True)
        return value if field[0] & 0x40 else value + (1 << (8 * len(field) - 1))
    digits = text(field.strip(b" \0")).strip(b" ")
    try:
        return int(digits, 8) if digits else 0
    except ValueError:
        raise InvalidContent(f"a number in it is {field!r}") from None


def nanoseconds(said: bytes) -> int:
    """Read the time of a pax record, decimal seconds, to the nanosecond.

    >>> nanoseconds(b"1.5"), nanoseconds(b"-0.25"), nanoseconds(b"7")
    (1500000000, -250000000, 7000000000)

    Raises:
        InvalidContent: it is no time.
    """
    match = _TIME.fullmatch(said)
    if match is None:
        raise InvalidContent(f"a time in it is {said[:40]!r}")
    sign, seconds, fraction = match.groups()
    value = _seconds(int(seconds)) * NANOSECONDS + int(((fraction or b"") + b"0" * 9)[:9])
    return -value if sign else value


def _seconds(said: int) -> int:
    if not -_LARGEST <= said <= _LARGEST:
        raise InvalidContent(f"a time in it is {said}")
    return said


def is_checked(block: bytes) -> bool:
    """Whether a header's checksum is right, over unsigned bytes or, as in some old tars, signed ones."""
    try:
        said = number(block[CHECKSUM])
    except InvalidContent:
        return False
    total = sum(block) - sum(block[CHECKSUM]) + _BLANK
    return said == total or said == total - 256 * sum(byte > 0x7F for byte in block)  # noqa: PLR2004 - the sign bit
