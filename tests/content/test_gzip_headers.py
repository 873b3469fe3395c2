"""Headers of gzip members in all their forms, in pieces of any size: read as zlib reads them whole."""

from __future__ import annotations

import gzip
import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.content.decompress import GzipMembers

TEXT = b"hello world " * 50
BODY = gzip.compress(TEXT, mtime=0)[10:]
TEXT_FLAG, CHECKED, EXTRA, NAME, COMMENT = 1, 2, 4, 8, 16


def header(flags: int, *, wrong: int = 0, long: int = 1) -> bytes:
    """Give a header with all that its flags say (RFC 1952, 2.3)."""
    data = b"\x1f\x8b\x08" + bytes([flags]) + bytes(5) + b"\xff"
    if flags & EXTRA:
        data += struct.pack("<H", 30) + b"abc" * 10
    if flags & NAME:
        data += b"name" * long + b"\0"
    if flags & COMMENT:
        data += b"comment\0"
    if flags & CHECKED:
        data += struct.pack("<H", (zlib.crc32(data) & 0xFFFF) ^ wrong)
    return data


def read(data: bytes, size: int) -> tuple[bytes, bool] | None:
    """Give what a blob holds and whether it is whole, read in pieces of a size; None if it is refused."""
    members = GzipMembers()
    try:
        found = b"".join(
            piece for at in range(0, len(data), size) for piece in members.feed(data[at : at + size])
        )
    except members.error:
        return None
    return found, members.is_complete


@pytest.mark.parametrize("flags", range(32))
@pytest.mark.parametrize("size", [1, 2, 7, 16, 33, 64, 1 << 16])
def test_every_form_in_pieces(flags: int, size: int) -> None:
    """The same comes of it however the pieces fall, also in a member that is not the first."""
    one = header(flags) + BODY
    assert read(one, size) == (TEXT, True)
    assert read(one + one + bytes(9), size) == (TEXT * 2, True)


@pytest.mark.parametrize("size", [1, 5, 1 << 16])
def test_a_header_whose_checksum_is_wrong(size: int) -> None:
    """It is refused, in pieces as whole."""
    assert read(header(CHECKED | NAME, wrong=1) + BODY, size) is None


@pytest.mark.parametrize("size", [1, 100])
def test_a_header_that_ends_early(size: int) -> None:
    """What is there of it is no whole blob, after another member neither."""
    for data in (header(NAME | EXTRA)[:-1], gzip.compress(b"") + b"\x1f\x8b\x08"):
        assert read(data, size) == (b"", False)


def test_a_name_without_end() -> None:
    """A header is held up to a mebibyte."""
    assert read(header(NAME, long=200_000) + BODY, 1 << 16) == (TEXT, True)
    assert read(header(NAME, long=300_000) + BODY, 1 << 16) is None


@given(st.lists(st.integers(0, 31), min_size=1, max_size=4), st.integers(1, 300))
def test_members_of_any_form(flags: list[int], size: int) -> None:
    """One after another, as zlib reads them."""
    assert read(b"".join(header(each) + BODY for each in flags), size) == (TEXT * len(flags), True)
