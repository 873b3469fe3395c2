"""Tar headers: deterministic, and read back by two programs we did not write."""

import io
import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lazyimg.content import tar
from lazyimg.content.entry import Entry, decoded

NANO = 1_000_000_000


def read_back(*entries: Any, contents: dict[str, bytes] = ()) -> Any:
    """Give the members that Python's tarfile finds."""
    data = b"".join(
        tar.header(entry) + content + tar.padding(len(content))
        for entry, content in zip(entries, [*contents, *[b""] * len(entries)], strict=False)
    )
    with tarfile.open(fileobj=io.BytesIO(data + tar.END), errorlevel=2) as archive:
        return archive.getmembers()


def test_a_header_is_known() -> None:
    """The bytes of a header are those they were on the day this was written."""
    entry = Entry(path="/etc/motd", kind="file", mode=0o644, uid=1, gid=2, mtime_ns=3 * NANO, size=6)
    expected = (
        b"etc/motd".ljust(100, b"\0")
        + b"0000644\x000000001\x000000002\x0000000000006\x0000000000003\x00010650\x00 0"
        + bytes(100)
        + b"ustar\x0000"
        + bytes(64)
        + b"0000000\x000000000\x00"
        + bytes(167)
    )
    assert tar.header(entry) == expected


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (Entry(path="/a/b", kind="directory", mode=0o755), ("a/b", tarfile.DIRTYPE)),
        (Entry(path="/a", kind="symlink", link="../b"), ("a", tarfile.SYMTYPE)),
        (Entry(path="/a", kind="hardlink", link="etc/b"), ("a", tarfile.LNKTYPE)),
        (Entry(path="/a", kind="fifo"), ("a", tarfile.FIFOTYPE)),
        (Entry(path="/a", kind="character", device=(1, 3)), ("a", tarfile.CHRTYPE)),
        (Entry(path="/a", kind="block", device=(259, 7)), ("a", tarfile.BLKTYPE)),
    ],
    ids=lambda value: getattr(value, "kind", ""),
)
def test_every_kind_is_read_back(entry: Entry, expected: Any) -> None:
    """Each kind of entry is what it was, with its link and its device."""
    (member,) = read_back(entry)
    assert (member.name, member.type) == expected
    assert member.linkname == entry.link
    assert (member.devmajor, member.devminor) == entry.device
    assert member.mode == entry.mode


@pytest.mark.parametrize(
    "name",
    [
        "x" * 99,
        "x" * 100,
        "x" * 101,
        "/".join(["directory"] * 30) + "/file",
        "grüße/日本語.txt",
        "é" * 200,
        "with\nnewline",
        "nearly" + "x" * 200 + "\udcff",
        "latin\udce9",
        " leading space",
    ],
)
@pytest.mark.parametrize("kind", ["file", "directory", "symlink"])
def test_names_of_all_sorts_are_read_back(name: str, kind: str) -> None:
    """Long names, names that are not ASCII and names that are not even UTF-8 come back as they were."""
    (member,) = read_back(Entry(path="/" + name, kind=kind, link=name if kind == "symlink" else ""))
    assert member.name == name
    assert member.linkname == (name if kind == "symlink" else "")


@pytest.mark.parametrize(
    "mtime_ns", [0, 1, -1, NANO, -NANO, 1_500_000_000, -1_500_000_000, 8**11 * NANO, 8**11 * NANO - NANO]
)
def test_times_of_all_sorts_are_read_back(mtime_ns: int) -> None:
    """Times before 1970, with fractions and far ahead come back as they were."""
    (member,) = read_back(Entry(path="/a", kind="file", mtime_ns=mtime_ns))
    assert member.mtime == pytest.approx(mtime_ns / NANO, rel=1e-15)


def test_whole_times_and_ordinary_owners_need_no_pax() -> None:
    """What fits into a ustar header stands there, and costs 512 bytes."""
    entry = Entry(
        path="/" + "x" * 100, kind="file", uid=0o7777777, gid=0o7777777, mtime_ns=(8**11 - 1) * NANO
    )
    assert len(tar.header(entry)) == tar.BLOCK


def test_large_numbers_are_read_back() -> None:
    """Sizes from 8 GiB and owners from 2097152 stand in pax records."""
    entry = Entry(path="/a", kind="file", size=8 << 30, uid=0o10000000, gid=4_294_967_294)
    member = tarfile.TarInfo.frombuf(tar.header(entry)[-512:], "utf-8", "surrogateescape")
    assert (member.size, member.uid, member.gid) == (0, 0, 0)
    header = tar.header(entry)
    for record in (b"16 uid=2097152\n", b"18 gid=4294967294\n"):
        assert record[3:] in header
    assert b"size=8589934592\n" in header
    with tarfile.open(fileobj=io.BytesIO(header)) as archive:
        found = archive.next()
        assert (found.size, found.uid, found.gid) == (8 << 30, 0o10000000, 4_294_967_294)


def test_extended_attributes_are_binary_pax_records() -> None:
    """Attributes are written as GNU tar and Go write them, sorted, whatever bytes they hold."""
    value = b"\x01\x00\x00\x02\x00\x20\x00\x00\n=\xff"
    first = Entry(path="/a", kind="file", xattrs={"user.b": b"2", "security.capability": value})
    second = Entry(path="/a", kind="file", xattrs={"security.capability": value, "user.b": b"2"})
    assert tar.header(first) == tar.header(second)
    assert b" SCHILY.xattr.security.capability=" + value + b"\n" in tar.header(first)
    (member,) = read_back(first)
    assert member.pax_headers["SCHILY.xattr.user.b"] == "2"


entries = st.builds(
    Entry,
    path=st.binary(min_size=1, max_size=300)
    .filter(lambda name: b"\0" not in name and name.strip(b"/"))
    .map(lambda name: "/" + decoded(name.strip(b"/"))),
    kind=st.sampled_from(["file", "directory"]),
    mode=st.integers(0, 0o7777),
    uid=st.integers(0, 2**32 - 2),
    gid=st.integers(0, 2**32 - 2),
    mtime_ns=st.integers(-(2**40) * NANO, 2**40 * NANO).map(lambda time: time // 1000 * 1000),
)


@settings(deadline=None)
@given(entries)
def test_any_entry_is_read_back(entry: Entry) -> None:
    """Whatever the fields, a reader finds them again, and the next entry after them."""
    last = Entry(path="/zz", kind="file")
    found, after = read_back(entry, last)
    assert found.name == entry.path[1:]
    assert found.isdir() == (entry.kind == "directory")
    assert (found.mode, found.uid, found.gid) == (entry.mode, entry.uid, entry.gid)
    assert found.mtime == pytest.approx(entry.mtime, rel=1e-12, abs=1e-6)
    assert after.name == "zz"


def test_gnu_tar_reads_what_we_write(tmp_path: Path) -> None:
    """GNU tar lists names, modes, owners and times as they were meant, without a warning."""
    listed = [
        Entry(path="/short", kind="file", mode=0o4755, uid=1, gid=2, mtime_ns=NANO),
        Entry(path="/" + "long/" * 40 + "name", kind="file", uid=3_000_000, mtime_ns=1_500_000_000),
        Entry(path="/grüße", kind="directory", mode=0o1777, mtime_ns=-NANO),
        Entry(path="/link", kind="symlink", link="t" * 150),
        Entry(path="/xattr", kind="file", xattrs={"user.a": b"b"}),
    ]
    path = tmp_path / "layer.tar"
    path.write_bytes(b"".join(map(tar.header, listed)) + tar.END)
    done = subprocess.run(
        [shutil.which("tar") or "tar", "--numeric-owner", "--full-time", "-tvf", path],
        capture_output=True,
        text=True,
        check=True,
        env={"TZ": "UTC", "LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"},
    )
    assert done.stderr == ""
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["-rwsr-xr-x", "1/2", "0", "1970-01-01", "00:00:01", "short"]
    assert rows[1].split()[1] == "3000000/0"
    assert rows[1].endswith("00:00:01.5 " + "long/" * 40 + "name")
    assert rows[2].startswith("drwxrwxrwt")
    assert rows[2].split()[3:] == ["1969-12-31", "23:59:59", "grüße/"]
    assert rows[3].endswith("link -> " + "t" * 150)
    assert rows[4].endswith("xattr")
