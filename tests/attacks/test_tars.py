"""Layers and archives made to write elsewhere, to be read for ever, or to break their reader."""

from __future__ import annotations

import io
import os
import tarfile
import time
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from support.layers import checked, extension, file, hardlink, layer, member, merged_of, symlink, tar_of
from support.layouts import Saving

import lazyimg as li
from lazyimg.content.extract import extract
from lazyimg.content.limits import Limits
from lazyimg.content.merged import Merged
from lazyimg.content.pax import pack, parse
from lazyimg.content.tar_reader import TarReader
from lazyimg.errors import ArchiveError, InvalidContent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from lazyimg.content.tar_header import Member


def records(*pairs: tuple[bytes, bytes], content: bytes = b"x") -> bytes:
    """Give a tar of one file ``a`` with pax records."""
    return extension(b"x", pack(pairs)) + tar_of([file("a", content)])


def altered(where: slice, value: bytes) -> bytes:
    """Give a tar of one empty file with a field of its header changed."""
    block = bytearray(tar_of(["a"])[:512])
    block[where] = value
    return checked(bytes(block)) + bytes(1024)


def outside(path: Path) -> dict[str, bytes]:
    """Say what is in a directory, of which a part is where a layer is extracted."""
    found = (one for one in path.rglob("*") if one.is_file() and not one.is_relative_to(path / "root"))
    return {str(one): one.read_bytes() for one in found}


# --- where things are written ----------------------------------------------------------------------------

VICTIM = "victim"
LAYERS: dict[str, Callable[[Path], Sequence[bytes]]] = {
    "absolute name": lambda path: [layer(file(f"{path}/{VICTIM}", b"evil"))],
    "a link to a directory, then through it": lambda path: [
        layer(symlink("out", str(path)), file(f"out/{VICTIM}", b"evil"))
    ],
    "a relative link, then through it": lambda _: [
        layer(symlink("out", "../"), file(f"out/{VICTIM}", b"evil"))
    ],
    "a link in a layer, through it in the next": lambda path: [
        layer(symlink("out", str(path))),
        layer(file(f"out/{VICTIM}", b"evil")),
    ],
    "a link in place of a directory": lambda path: [
        layer("d/", file("d/x")),
        layer(symlink("d", str(path)), file(f"d/{VICTIM}", b"evil")),
    ],
    "a link to a file, written onto": lambda path: [
        layer(symlink("f", f"{path}/{VICTIM}"), file("f", b"evil")),
    ],
    "a link to a file, then a hard link to that": lambda path: [
        layer(symlink("f", f"{path}/{VICTIM}"), hardlink("g", "f"), file("g", b"evil")),
    ],
    "a circle of links": lambda _: [layer(symlink("a", "b"), symlink("b", "a"), file("a/x/y", b"evil"))],
    "a link to itself": lambda _: [layer(symlink("a", "a"), file("a/x", b"evil"))],
    "links through links": lambda path: [
        layer(
            symlink("a", "b/.."), symlink("b", "c"), symlink("c", str(path.parent)), file(f"a/{VICTIM}", b"e")
        )
    ],
    "a whiteout through a link": lambda path: [
        layer(symlink("out", str(path))),
        layer(file(f"out/.wh.{VICTIM}")),
    ],
    "an opaque marker through a link": lambda path: [
        layer(symlink("out", str(path))),
        layer(file("out/.wh..wh..opq")),
    ],
    "duplicates of all kinds": lambda path: [
        layer(
            "x/", symlink("x", str(path)), file("x", b"1"), symlink("x", str(path)), file(f"x/{VICTIM}", b"e")
        )
    ],
    "a device": lambda _: [layer(member("disk", tarfile.BLKTYPE, devmajor=8, devminor=0))],
    "a fifo onto a link": lambda path: [
        layer(symlink("p", f"{path}/{VICTIM}"), member("p", tarfile.FIFOTYPE)),
    ],
    "a long name that is absolute": lambda path: [
        tar_of([file(f"{path}/" + "d/" * 60 + VICTIM, b"evil")], tarfile.GNU_FORMAT)
    ],
    "a pax name over a harmless one": lambda path: [
        records((b"path", f"{path}/{VICTIM}".encode())),
    ],
}


@pytest.mark.parametrize("make", LAYERS.values(), ids=LAYERS)
def test_nothing_is_written_outside(tmp_path: Path, make: Callable[[Path], Sequence[bytes]]) -> None:
    """Extracting writes below its directory alone, whatever leads out of it; no device is made."""
    (tmp_path / VICTIM).write_bytes(b"mine")
    before = outside(tmp_path)
    merged = merged_of(make(tmp_path))
    extract(merged, tmp_path / "root")
    assert outside(tmp_path) == before
    for path in (tmp_path / "root").rglob("*"):
        assert not path.is_block_device()
        assert not path.is_char_device()
    merged.close()


def test_devices_are_told_and_left_out(tmp_path: Path) -> None:
    """Whoever extracts is told of them; nothing else stands in their place."""
    devices = [member(f"dev/{name}", kind, devmajor=8) for name, kind in (("b", b"4"), ("c", b"3"))]
    merged = merged_of([layer(*devices, file("dev/x"))])
    assert extract(merged, tmp_path / "root") == ("/dev/b", "/dev/c")
    assert list((tmp_path / "root" / "dev").iterdir()) == [tmp_path / "root" / "dev" / "x"]
    merged.close()


UP = [
    file("../victim", b"evil"),
    file("a/../../victim", b"evil"),
    file("./../victim"),
    file("/../victim"),
    file("a\\..\\..\\victim"),
    hardlink("a", "../victim"),
    hardlink("a", "/../victim"),
]


@pytest.mark.parametrize("entry", UP, ids=lambda entry: str(entry[0].name + entry[0].linkname))
@pytest.mark.parametrize("form", [tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
def test_names_that_go_up_are_refused(
    tmp_path: Path, entry: tuple[tarfile.TarInfo, bytes], form: int
) -> None:
    """The layer is refused with the entry named, and nothing of it is extracted."""
    (tmp_path / "a.tar").write_bytes(tar_of(["before", entry], form))
    image = li.Image.empty().append(li.Layer.from_tar(tmp_path / "a.tar"))
    with pytest.raises(InvalidContent, match=r"has the entry '.*', which is refused: .* goes up"):
        image.flatten().digest()
    with pytest.raises(InvalidContent, match="goes up"), image.files() as files:
        files.extract(tmp_path / "root")
    assert not (tmp_path / "root").exists()


def test_what_others_wrote_is_not_extracted_onto(tmp_path: Path) -> None:
    """A directory that holds anything, a link that others left there first, is refused."""
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "etc").symlink_to("/etc")
    merged = merged_of([layer(file("etc/passwd", b"evil"))])
    with pytest.raises(FileExistsError, match="is not empty"):
        extract(merged, tmp_path / "root")
    merged.close()


# --- numbers ---------------------------------------------------------------------------------------------

FIELDS = {"mode": slice(100, 108), "uid": slice(108, 116), "size": slice(124, 136), "mtime": slice(136, 148)}


@pytest.mark.parametrize("key", [b"size", b"uid", b"gid", b"mtime"])
@pytest.mark.parametrize(
    "value", [b"9" * 20, b"9" * 30, b"9" * 5000, b"-1", b"1e9", b" 1", "\u0663".encode()]
)
def test_pax_numbers_that_no_system_has(tmp_path: Path, key: bytes, value: bytes) -> None:
    """A size, an owner or a time beyond 63 bits is refused; what no number is, likewise."""
    if (key, value) == (b"mtime", b"-1"):
        return  # a second before 1970
    with pytest.raises(InvalidContent):
        _everything(tmp_path, records((key, value)))


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("first", [b"\x80", b"\xff", b"\xc0", b"\xbf"])
@pytest.mark.parametrize("rest", [b"\xff", b"\0"])
def test_binary_numbers_that_no_system_has(tmp_path: Path, field: str, first: bytes, rest: bytes) -> None:
    """GNU's binary numbers, negative ones and those of 95 bits: refused, or what a system takes."""
    where = FIELDS[field]
    data = altered(where, first + rest * (where.stop - where.start - 1))
    try:
        _everything(tmp_path, data)
    except InvalidContent:
        return
    assert (tmp_path / "root" / "a").is_file()


def _everything(tmp_path: Path, data: bytes) -> None:
    for one in TarReader(iter([data]), "it"):
        _ = one.size, one.uid, one.gid, one.mtime_ns, one.mode
    merged = merged_of([data])
    try:
        b"".join(merged.pieces())
        extract(merged, tmp_path / "root")
    finally:
        merged.close()


def test_an_owner_that_no_system_has(tmp_path: Path) -> None:
    """A tar may say an owner that its format can hold and no disk can: it is named when it is extracted."""
    merged = merged_of([records((b"uid", b"9" * 18))])
    if os.geteuid() == 0:
        with pytest.raises(InvalidContent, match="'/a' cannot be extracted: its owner or time"):
            extract(merged, tmp_path / "root")
    assert merged.entry(*_row(merged)).uid == int("9" * 18)
    merged.close()


def _row(merged: Merged) -> tuple[object, Member | None]:
    row = merged.tree.row(b"a")
    assert row is not None
    return row, merged.member(row)


def test_a_pax_size_counts_before_the_headers_own() -> None:
    """What a pax record says is how far a member goes, for us as for others: nothing hides in it."""
    hidden = tar_of([file("hidden", b"evil")])[:1024]
    data = (
        extension(b"x", pack([(b"size", b"1024")])) + altered(FIELDS["size"], b"00000000000\0")[:512] + hidden
    )
    found = [(one.name, one.size) for one in TarReader(iter([data + bytes(1024)]), "it")]
    assert found == [(b"a", 1024)]
    with tarfile.open(fileobj=io.BytesIO(data + bytes(1024))) as other:
        assert [info.name for info in other] == ["a"]


# --- time and memory -------------------------------------------------------------------------------------


def test_many_small_records_are_read_quickly() -> None:
    """A mebibyte of the shortest pax records takes the time of reading it, not its square."""
    began = time.process_time()
    assert parse(b"5 a=\n" * 200_000) == {b"a": b""}
    assert time.process_time() - began < 5


PARTS = {"line": b"1" * (8 << 20), "lines": b"99999999\n" + b"0\n" * (4 << 20)}


@pytest.mark.parametrize("content", PARTS.values(), ids=PARTS)
def test_a_list_of_parts_without_end_is_refused(content: bytes) -> None:
    """A sparse file's list of its parts is read to a limit, and the rest of it is not held."""
    said = ((b"major", b"1"), (b"minor", b"0"), (b"name", b"s"), (b"realsize", b"1"))
    data = records(*((b"GNU.sparse." + key, value) for key, value in said), content=content)
    merged = merged_of([data])
    tracemalloc.start()
    try:
        with pytest.raises(InvalidContent, match="sparse file"):
            b"".join(merged.pieces())
        held = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        merged.close()
    assert held < 128 << 20


def test_sparse_files_do_not_grow_beyond_the_limits() -> None:
    """Many small files of holes add up, and are held against the ratio as one bomb."""
    parts = ((b"GNU.sparse.map", b"0,1"), (b"GNU.sparse.size", str(10 << 20).encode()))
    one = records(*parts)[: 1024 - 10240]
    merged = Merged(limits=Limits(ratio=100, free=32 << 20))
    with pytest.raises(InvalidContent, match="raise Limits"):
        merged.add([one * 100 + bytes(1024)], "a layer")
    merged.close()


# --- archives --------------------------------------------------------------------------------------------


def negative(size: int) -> bytes:
    """Give an archive whose second member says a negative size, which leads its reader back."""
    one = tar_of(["x"])[:512]
    block = bytearray(tar_of(["back"])[:512])
    block[124:136] = size.to_bytes(12, "big", signed=True)
    return one + checked(bytes(block)) + bytes(1024)


@pytest.mark.parametrize("size", [-1, -512, -1024, -1536, -(1 << 40)])
def test_an_archive_that_leads_back_is_refused(tmp_path: Path, size: int) -> None:
    """A member of a negative size is no reason to read the same headers for ever."""
    (tmp_path / "a.tar").write_bytes(negative(size))
    with pytest.raises(ArchiveError, match=r"is no tar, or a broken one|neither index\.json nor"):
        li.Image.from_archive(tmp_path / "a.tar").digest()


def test_an_archive_whose_sparse_map_has_no_end(tmp_path: Path) -> None:
    """The list of parts that Python's tarfile would read is bounded as any other header."""
    info = tarfile.TarInfo("s")
    info.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
    content = b"999999999\n" + b"0\n" * (4 << 20)
    info.size = len(content)
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as archive:
        archive.addfile(info, io.BytesIO(content))
    (tmp_path / "a.tar").write_bytes(data.getvalue())
    with pytest.raises(ArchiveError, match="a header of"):
        li.Image.from_archive(tmp_path / "a.tar").digest()


@pytest.mark.parametrize("name", ["../config.json", "a/../../config.json", "/../config.json", ".."])
def test_a_member_that_leads_out_of_its_archive_is_none(tmp_path: Path, name: str) -> None:
    """It is not found by the name that it has, either."""
    saving = Saving()
    saving.image(trees=[{"a": b"1"}])
    saving.files[name] = saving.files.pop(saving.images[0]["Config"])
    saving.images[0]["Config"] = name
    (tmp_path / "a.tar").write_bytes(saving.tar())
    with pytest.raises(ArchiveError, match="has no"):
        li.Image.from_archive(tmp_path / "a.tar").config()


@pytest.mark.parametrize("name", ["../elsewhere.json", "/etc/passwd", "a/../../../etc/passwd"])
def test_an_archive_names_nothing_outside(tmp_path: Path, name: str) -> None:
    """A config or layer by such a name is not there, whatever is on the disk."""
    saving = Saving()
    saving.image(trees=[{"a": b"1"}])
    (tmp_path / "elsewhere.json").write_bytes(saving.files[saving.images[0]["Config"]])
    saving.images[0]["Config"] = name
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "a.tar").write_bytes(saving.tar())
    with pytest.raises(li.LazyImgError, match=r"not|no "):
        li.Image.from_archive(tmp_path / "inside" / "a.tar").config()
