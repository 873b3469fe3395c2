"""Other times for the members of a tar: everything else stays."""

from __future__ import annotations

import io
import subprocess
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.layers import (
    applied,
    checked,
    cut,
    extension,
    file,
    hardlink,
    is_root,
    member,
    stacks,
    symlink,
    tar_of,
)
from support.programs import need

from lazyimg.content.pax import parse
from lazyimg.content.retime import retimed
from lazyimg.content.tar_reader import TarReader

if TYPE_CHECKING:
    from pathlib import Path

NANO = 1_000_000_000
LONG = "long/" * 30 + "name"
FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def at(time_ns: int, *chunks: bytes) -> bytes:
    """Give a tar with another time."""
    return b"".join(retimed(iter(chunks), "a tar", time_ns))


def members_of(tar: bytes) -> list[tarfile.TarInfo]:
    """Give the members of a tar."""
    with tarfile.open(fileobj=io.BytesIO(tar), errorlevel=2) as archive:
        return archive.getmembers()


def said(one: tarfile.TarInfo) -> tuple[Any, ...]:
    """Give everything that a member says but its time."""
    fields = (one.name, one.type, one.linkname, one.mode, one.uid, one.gid, one.uname, one.gname, one.size)
    records = {key: value for key, value in one.pax_headers.items() if key != "mtime"}
    return (*fields, one.devmajor, one.devminor, records)


@pytest.mark.parametrize("form", FORMATS, ids=["ustar", "gnu", "pax"])
@pytest.mark.parametrize("time_ns", [0, 5 * NANO, 1_700_000_000 * NANO], ids=str)
def test_only_the_time_changes(form: int, time_ns: int) -> None:
    """Order, links, owners, devices, contents and pax records stay, in any format."""
    info, content = file("records", b"x", uid=1 << 30 if form == tarfile.PAX_FORMAT else 7)
    info.pax_headers = {"SCHILY.xattr.user.a": "value", "comment": "kept"}
    tar = tar_of(
        [
            member("z/", mtime=7),
            file(
                "z/" + (LONG if form != tarfile.USTAR_FORMAT else "n"), b"hello" * 300, mtime=99, uname="me"
            ),
            hardlink("hard", "z/n"),
            symlink("a", LONG if form != tarfile.USTAR_FORMAT else "b"),
            member("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
            (info, content),
        ],
        form,
    )
    changed = at(time_ns, tar)
    assert [said(one) for one in members_of(changed)] == [said(one) for one in members_of(tar)]
    assert {one.mtime for one in members_of(changed)} == {time_ns / NANO}
    reader = TarReader(iter([changed]), "it")
    assert [b"".join(reader.data()) for _ in reader] == [b"", b"hello" * 300, b"", b"", b"", b"x"]


@pytest.mark.parametrize("time_ns", [-5 * NANO, 1_500_000_000, 1 << 64], ids=["past", "fraction", "far"])
def test_times_that_headers_cannot_hold(time_ns: int) -> None:
    """They stand in a pax record: one more, or one in place of another."""
    info, content = file("b", b"x")
    info.pax_headers = {"mtime": "7.25", "comment": "kept"}
    changed = at(time_ns, tar_of([file("a"), (info, content)]))
    found = [(one.name, one.mtime_ns) for one in TarReader(iter([changed]), "it")]
    assert found == [(b"a", time_ns), (b"b", time_ns)]
    assert members_of(changed)[1].pax_headers["comment"] == "kept"


def test_records_of_times() -> None:
    """Other times get the new one; a record that says what the header says goes, with its header if alone."""
    info, content = file("a")
    info.pax_headers = {"mtime": "7.25", "atime": "8", "ctime": "9", "LIBARCHIVE.creationtime": "10"}
    alone, _ = file("b")
    alone.pax_headers = {"mtime": "7.25"}
    changed = at(5 * NANO, tar_of([(info, content), (alone, b"")]))
    first, second = TarReader(iter([changed]), "it")
    assert first.records == {b"atime": b"5", b"ctime": b"5", b"LIBARCHIVE.creationtime": b"5"}
    assert (first.mtime_ns, second.mtime_ns, second.records, second.extensions) == (
        5 * NANO,
        5 * NANO,
        {},
        [],
    )


def test_global_headers() -> None:
    """A global header keeps its records but for the time, and is dropped with its last."""
    tar = extension(b"g", b"20 comment=a commit\n13 mtime=123\n") + tar_of(["a"])
    first, second = TarReader(iter([at(5 * NANO, tar)]), "it")
    assert (first.type, first.records, second.name) == (b"g", {b"comment": b"a commit"}, b"a")
    tar = extension(b"g", b"13 mtime=123\n") + tar_of(["a"])
    assert [one.name for one in TarReader(iter([at(5 * NANO, tar)]), "it")] == [b"a"]


def test_the_process_that_wrote_it_is_forgotten() -> None:
    """Extension headers differ by nothing but their records."""
    record = b"20 comment=a commit\n"
    one, other = bytearray(extension(b"x", record)), bytearray(extension(b"x", record))
    other[:26] = b"./PaxHeaders.12345/a".ljust(26, b"\0")
    other[136:148] = b"00000000777\0"
    tars = [bytes(block) + tar_of(["a"]) for block in (one, checked(bytes(other[:512])) + other[512:])]
    assert tars[0] != tars[1]
    assert at(0, tars[0]) == at(0, tars[1])
    block = at(0, tars[0])[:1024]
    assert parse(block[512:]) == {b"comment": b"a commit"}


@pytest.mark.parametrize("kind", ["gnu", "star"])
def test_times_in_old_headers(kind: str) -> None:
    """GNU's and star's own headers have times of access and change, too."""
    block = bytearray(tar_of(["a"], tarfile.GNU_FORMAT if kind == "gnu" else tarfile.USTAR_FORMAT)[:512])
    where = [slice(345, 357), slice(357, 369)] if kind == "gnu" else [slice(476, 488), slice(488, 500)]
    if kind == "star":
        block[508:512] = b"tar\0"
    block[where[0]] = b"00000000777\0"
    changed = at(8 * NANO, checked(bytes(block)))
    assert changed[where[0]] == b"00000000010\0"
    assert changed[where[1]] == bytes(12)
    assert [one.name for one in TarReader(iter([changed]), "it")] == [b"a"]


@given(stacks(), st.lists(st.integers(1, 700), min_size=1, max_size=4), st.integers(-3, 3))
def test_pieces_do_not_matter(layers: list[bytes], sizes: list[int], seconds: int) -> None:
    """The same tar at the same time is the same bytes, and stays so when it is given that time again."""
    for tar in layers:
        changed = at(seconds * NANO, *cut(tar, sizes))
        assert changed == at(seconds * NANO, tar) == at(seconds * NANO, changed)


@is_root
def test_a_layer_means_the_same() -> None:
    """Applied to a directory, a layer with other times differs in its times alone."""
    tar = tar_of([file("a", b"1", mtime=5), hardlink("b", "a"), ".wh.x", "d/", symlink("d/l", "a", mtime=9)])
    expected = applied([tar])
    for entry in expected.values():
        if entry[0] in ("file", "symlink"):
            entry[4 if entry[0] == "file" else 2] = 3
    assert applied([at(3 * NANO, tar)]) == expected


@pytest.mark.peer
@pytest.mark.parametrize("form", ["gnu", "posix", "ustar", "v7", "oldgnu"])
def test_tars_of_gnu_tar(form: str, tmp_path: Path) -> None:
    """What GNU tar wrote it reads again, sparse files included, and nothing but times is another."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "a").write_bytes(b"hello")
    (tree / "l").symlink_to("a")
    with (tree / "holes").open("wb") as holes:
        for number in range(30):
            holes.seek(number * 50_000)
            holes.write(b"x")
    tar = need("tar", "tar")
    flags = ["--sparse"] if form in ("gnu", "posix", "oldgnu") else []
    command = [tar, f"--format={form}", *flags, "--sort=name", "-C", str(tree), "-cf", "-", "."]
    packed = subprocess.run(command, check=True, capture_output=True).stdout
    changed = tmp_path / "changed.tar"
    changed.write_bytes(at(1_000_000_000 * NANO, packed))
    out = tmp_path / "out"
    out.mkdir()
    subprocess.run([tar, "-C", str(out), "-xf", str(changed)], check=True)
    assert (out / "holes").read_bytes() == (tree / "holes").read_bytes()
    assert {path.lstat().st_mtime for path in out.iterdir()} == {1_000_000_000}
