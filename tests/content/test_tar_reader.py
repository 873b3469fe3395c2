"""Tars read as streams: what other programs and formats write, and what nobody should."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.layers import checked, cut, extension, file, hardlink, member, symlink, tar_of

from lazyimg.content.pax import items, pack, parse
from lazyimg.content.pull import Pull
from lazyimg.content.tar_header import Member, is_checked, number
from lazyimg.content.tar_reader import TarReader
from lazyimg.errors import InvalidContent

if TYPE_CHECKING:
    from collections.abc import Iterable

LONG = "long/" * 30 + "name"
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def read(*chunks: bytes) -> list[tuple[Member, bytes]]:
    """Give the members of a tar with their contents."""
    reader = TarReader(iter(chunks), "it")
    return [(one, b"".join(reader.data())) for one in reader]


def said(one: Member) -> tuple[Any, ...]:
    """Give what a member says, in tarfile's words."""
    return (
        one.name.rstrip(b"/").decode(),
        one.kind,
        one.mode,
        one.uid,
        one.gid,
        one.mtime_ns,
        one.link.decode(),
    )


@pytest.mark.parametrize("form", FORMATS, ids=["ustar", "gnu", "pax"])
def test_formats(form: int) -> None:
    """Long names, links and contents are read in each format that tarfile writes."""
    members = [
        member("a/", uid=3, gid=4, mtime=5),
        file(LONG if form != tarfile.USTAR_FORMAT else LONG[:120] + "/x", b"hello", mode=0o4711, uid=1),
        symlink("link", LONG if form != tarfile.USTAR_FORMAT else "a"),
        hardlink("hard", LONG if form != tarfile.USTAR_FORMAT else "a"),
        member("fifo", tarfile.FIFOTYPE),
        member("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
    ]
    found = read(tar_of(members, form))
    kinds = ["directory", "file", "symlink", "hardlink", "fifo", "character"]
    assert [said(one) for one, _ in found] == [
        (info.name.rstrip("/"), kind, info.mode, info.uid, info.gid, int(info.mtime) * 10**9, info.linkname)
        for (info, _), kind in zip(members, kinds, strict=True)
    ]
    assert [content for _, content in found] == [content for _, content in members]
    assert found[5][0].device == (1, 3)


def test_names_of_owners() -> None:
    """The names of owner and group are read from header and pax record."""
    ((one, _),) = read(tar_of([file("a", uname="me", gname="us")]))
    ((other, _),) = read(tar_of([file("a", uname="mé", gname="ûs")]))
    assert (one.uname, one.gname) == (b"me", b"us")
    assert (other.uname, other.gname) == ("mé".encode(), "ûs".encode())


@pytest.mark.parametrize("form", FORMATS[1:], ids=["gnu", "pax"])
def test_large_numbers(form: int) -> None:
    """Owners and times that octal digits cannot hold are read, GNU's binary numbers and pax records alike."""
    ((one, _),) = read(tar_of([file("a", uid=1 << 30, gid=1 << 31, mtime=-(1 << 33))], form))
    assert (one.uid, one.gid, one.mtime_ns) == (1 << 30, 1 << 31, -(1 << 33) * 10**9)


def test_fractions_of_seconds() -> None:
    """A pax time is read to the nanosecond."""
    info, content = file("a")
    info.pax_headers = {"mtime": "1234567890.123456789123"}
    ((one, _),) = read(tar_of([(info, content)]))
    assert one.mtime_ns == 1234567890_123456789


def test_old_tars() -> None:
    """A v7 tar has no prefix and no magic; a regular file's name that ends in a slash is a directory's."""
    block = bytearray(tar_of(["a/"])[:512])
    block[156:157] = b"\0"
    block[257:512] = bytes(255)
    ((one, _),) = read(checked(bytes(block)))
    assert (one.kind, one.name) == ("directory", b"a/")


def test_star() -> None:
    """A star header keeps times where others have the end of the prefix."""
    block = bytearray(tar_of(["a"])[:512])
    block[345:348] = b"dir"
    block[476:488] = b"00000000007\0"
    block[508:512] = b"tar\0"
    ((one, _),) = read(checked(bytes(block)))
    assert one.name == b"dir/a"


def test_signed_checksums() -> None:
    """A checksum over signed bytes counts, as some old programs make it."""
    block = bytearray(tar_of(["a"])[:512])
    block[:3] = b"\xffa\xfe"
    unsigned = checked(bytes(block))
    signed = unsigned[:148] + b"%06o\0 " % (number(unsigned[148:156]) - 512) + unsigned[156:]
    assert is_checked(unsigned)
    assert is_checked(signed)
    assert not is_checked(unsigned[:148] + b"999999\0 " + unsigned[156:])
    assert not is_checked(unsigned[:148] + b"000001\0 " + unsigned[156:])


@given(st.lists(st.binary(max_size=2000), max_size=5), st.lists(st.integers(1, 1500), min_size=1, max_size=4))
def test_pieces_do_not_matter(contents: list[bytes], sizes: list[int]) -> None:
    """Contents are the same however the bytes arrive, taken or skipped."""
    data = tar_of(file(f"f{number}", content) for number, content in enumerate(contents))
    assert [content for _, content in read(*cut(data, sizes))] == contents
    names = [one.name.decode() for one in TarReader(iter(cut(data, sizes)), "it")]
    assert names == [f"f{number}" for number in range(len(contents))]


def test_the_end() -> None:
    """A tar ends at zeros or at the end of its bytes; all that follows is taken, and means nothing."""
    data = tar_of([file("a", b"hello")])
    taken = []

    def chunks() -> Iterable[bytes]:
        for piece in (data[:1024], data[1024:], b"what follows", b""):
            taken.append(piece)
            yield piece

    assert [one.name for one in TarReader(iter(chunks()), "it")] == [b"a"]
    assert len(taken) == 4
    assert [content for _, content in read(data[:1024])] == [b"hello"]
    assert read(b"") == []
    assert [content for _, content in read(data[:517])] == [b"hello"]  # no padding


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"no tar at all" * 100, r"it is no tar \(at byte 0\)"),
        (tar_of(["a"])[:100], "ends after 100 bytes, in the middle of a member"),
        (tar_of([file("a", b"hello")])[:514], "in the middle of a member"),
        (
            tar_of([file("a", b"x" * 512)])[:1024] + b"garbage".ljust(512),
            r"a header is damaged \(at byte 1024\)",
        ),
        (tar_of([file(LONG)])[:600], "in the middle of a member"),
    ],
    ids=["no-tar", "short-header", "short-content", "damaged", "short-extension"],
)
def test_broken(data: bytes, words: str) -> None:
    """What is no tar, or no whole one, is refused, with the place where."""
    with pytest.raises(InvalidContent, match=words):
        read(data)


@pytest.mark.parametrize(
    ("where", "value", "words"),
    [
        (slice(124, 136), b"\xff" * 12, "its size is"),
        (slice(124, 136), b"00000000009\0", "a number in it is"),
    ],
    ids=["negative", "no-octal"],
)
def test_broken_numbers(where: slice, value: bytes, words: str) -> None:
    """A size that is none is refused."""
    block = bytearray(tar_of(["a"])[:512])
    block[where] = value
    with pytest.raises(InvalidContent, match=f"a member that is broken: {words}"):
        read(checked(bytes(block)))


@pytest.mark.parametrize(
    ("records", "words"),
    [
        (b"nonsense", "a pax record is broken"),
        (b"99 path=x\n", "a pax record is broken"),
        (b"6 =xy\n", "a pax record is broken"),
        (b"11 size=no\n", "its size is b'no'"),
        (b"14 mtime=soon\n", "a time in it is b'soon'"),
    ],
)
def test_broken_records(records: bytes, words: str) -> None:
    """Broken pax records are refused."""
    with pytest.raises(InvalidContent, match=words):
        _ = [one.mtime_ns for one, _ in read(extension(b"x", records) + tar_of(["a"]))]


def test_extensions_are_bounded() -> None:
    """An extension header that is too large, or the last of too many, is refused before it is read."""
    with pytest.raises(InvalidContent, match="an extension header of 1048577 bytes"):
        read(extension(b"x", b"", (1 << 20) + 1))
    with pytest.raises(InvalidContent, match="too many extension headers"):
        read(extension(b"x", b"9 path=x\n") * 9 + tar_of(["a"]))
    with pytest.raises(InvalidContent, match="too many parts"):
        read(checked(_sparse_block()) + (b"\0" * 504 + b"\1" + b"\0" * 7) * ((1 << 14) + 1))
    with pytest.raises(InvalidContent, match="in the middle of a member"):
        read(checked(_sparse_block()) + b"\0" * 100)


def _sparse_block() -> bytes:
    block = bytearray(tar_of(["a"])[:512])
    block[156:157] = b"S"
    block[482:483] = b"\1"
    return bytes(block)


def test_extensions_alone() -> None:
    """Extension headers that no member follows are nothing; Solaris's count like pax's own."""
    assert read(extension(b"x", b"9 path=x\n")) == []
    ((one, _),) = read(extension(b"X", b"9 path=y\n") + tar_of(["a"]))
    assert one.name == b"y"


def test_global_headers() -> None:
    """A global header is a member of its own, without content, and names nobody."""
    data = extension(b"g", b"20 comment=a commit\n") + tar_of([file("a", b"hello")])
    (first, nothing), (second, content) = read(data)
    assert (first.type, nothing, second.name, content) == (b"g", b"", b"a", b"hello")
    assert first.kind is None
    assert second.records == {}


def test_records() -> None:
    """Pax records are read in order, of two of one key the last counts, and sparse pairs are gathered."""
    pairs = [
        (b"path", b"a=b\n"),
        (b"GNU.sparse.offset", b"0"),
        (b"GNU.sparse.numbytes", b"5"),
        (b"path", b"c"),
    ]
    data = pack(pairs)
    assert list(items(data + bytes(100))) == pairs
    assert parse(data) == {b"path": b"c", b"GNU.sparse.map": b"0,5"}


@given(st.dictionaries(st.text(min_size=1).filter(lambda key: "=" not in key), st.binary(max_size=300)))
def test_records_survive(records: dict[str, bytes]) -> None:
    """Whatever is packed is parsed."""
    pairs = [(key.encode("utf-8", "surrogatepass"), value) for key, value in records.items()]
    if not any(key.startswith(b"GNU.sparse.") for key, _ in pairs):
        assert list(items(pack(pairs))) == pairs


def test_pull() -> None:
    """Bytes are taken in order, fewer at the end, and what is skipped is told from what is missing."""
    pull = Pull(iter([b"abc", b"", b"defg"]))
    assert pull.take(2) == b"ab"
    assert [bytes(piece) for piece in pull.pieces(3)] == [b"c", b"de"]
    assert pull.skip(1)
    assert not pull.skip(2)
    assert (pull.offset, pull.take(1)) == (7, b"")
    pull.drain()


def test_types_without_content() -> None:
    """The size of a link means nothing; unknown types have content that can be skipped."""
    link = bytearray(tar_of([symlink("l", "x")])[:512])
    link[124:136] = b"00000000777\0"
    unknown = bytearray(tar_of([file("u", b"12345")])[:1024])
    unknown[156:157] = b"V"
    data = checked(bytes(link)) + checked(bytes(unknown[:512])) + unknown[512:] + tar_of(["z"])
    assert [(one.name, one.kind, content) for one, content in read(data)] == [
        (b"l", "symlink", b""),
        (b"u", None, b"12345"),
        (b"z", "file", b""),
    ]


def test_tarfile_agrees() -> None:
    """Offsets are where tarfile finds contents."""
    data = tar_of([file(LONG, b"hello"), file("b", b"x" * 700)], tarfile.GNU_FORMAT)
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        expected = [(one.offset, one.offset_data) for one in archive]
    assert [(one.offset, one.data) for one, _ in read(data)] == expected
