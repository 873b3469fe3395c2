"""Merged layers, looked at as a mapping and written to a disk."""

from __future__ import annotations

import os
import stat
import tarfile
import threading
from typing import TYPE_CHECKING

import pytest
from support.layers import file, hardlink, is_root, layer, member, merged_of, symlink, tar_of, told

from lazyimg.content.files import Files
from lazyimg.errors import InvalidContent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

BASE = layer(
    "usr/lib/",
    file("usr/lib/os-release", b"ID=base\n", mode=0o444, uid=1, gid=2, mtime=3, uname="me", gname="us"),
    symlink("lib", "usr/lib"),
    symlink("etc/os-release", "../usr/lib/os-release"),
    symlink("etc/mtab", "/proc/mounts"),
    symlink("loop", "loop"),
    member("pipe", tarfile.FIFOTYPE),
    member("null", tarfile.CHRTYPE, devmajor=1, devminor=3),
)
TOP = layer(file("app", b"hello" * 100_000), hardlink("app2", "app"))


@pytest.fixture
def files() -> Iterator[Files]:
    """Give the files of two layers."""
    with Files(merged_of([BASE, TOP])) as merged:
        yield merged


def test_a_mapping(files: Files) -> None:
    """It is a mapping from path to file, sorted, without the root as long as no layer has an entry for it."""
    expected = ["/app", "/app2", "/etc", "/etc/mtab", "/etc/os-release", "/lib", "/loop", "/null", "/pipe"]
    assert list(files) == [*expected, "/usr", "/usr/lib", "/usr/lib/os-release"]
    assert len(files) == 12
    assert repr(files) == "<12 files>"
    assert [path for path, _ in files.items()] == [one.path for one in files.values()] == list(files)
    assert files.get("/missing") is None
    with pytest.raises(KeyError, match="/missing"):
        files["/missing"]
    with pytest.raises(KeyError):
        files["/"]


def test_the_root() -> None:
    """The root is an item where a layer says something of it."""
    with Files(merged_of([layer("./", "a")])) as files:
        assert (list(files), len(files), files["/"].kind) == (["/", "/a"], 2, "directory")


def test_what_is_said_of_a_file(files: Files) -> None:
    """A file has its header's fields, and says which layer it is of."""
    found = files["/usr/lib/os-release"]
    assert (found.path, found.kind, found.mode, found.uid, found.gid) == (
        "/usr/lib/os-release",
        "file",
        0o444,
        1,
        2,
    )
    assert (found.mtime, found.size, found.uname, found.gname, found.layer) == (3, 8, "me", "us", 0)
    assert (files["/app"].layer, files["/usr"].layer) == (1, None)
    assert files["/null"].device == (1, 3)
    assert files["/etc/mtab"].link == "/proc/mounts"
    assert "read" not in repr(found)


def test_extended_attributes() -> None:
    """Extended attributes are bytes by name."""
    info, content = file("a")
    info.pax_headers = {"SCHILY.xattr.security.capability": "\1\2", "SCHILY.xattr.user.x": "y"}
    with Files(merged_of([tar_of([(info, content)])])) as files:
        assert files["/a"].xattrs == {"security.capability": b"\1\2", "user.x": b"y"}


@pytest.mark.parametrize(
    "path", ["/lib/os-release", "lib/os-release", "./usr//lib/os-release", "/lib/../../usr/lib/os-release"]
)
def test_spellings(files: Files, path: str) -> None:
    """A path is found under any spelling, and through links to directories, as in a container."""
    assert files[path].path == "/usr/lib/os-release"


def test_up() -> None:
    """Going up is from where the path has led to, and stops at the root."""
    with Files(merged_of([BASE, layer("./")])) as files:
        assert files["/lib/.."].path == "/usr"
        assert files[".."].path == files["/"].path == "/"
        assert files.get("/null/..") is None


def test_reading(files: Files) -> None:
    """Contents are read whole or in parts, by any name, and through links."""
    assert files["/etc/os-release"].read() == b"ID=base\n"
    assert files["/app2"].read() == files["/app"].read() == b"hello" * 100_000
    assert files["/app2"].inode == files["/app"].inode
    with files["/app"].open() as opened:
        assert opened.read(7) == b"hellohe"
        opened.seek(499_999)
        assert opened.read() == b"o"
        assert opened.seekable()


def test_following(files: Files) -> None:
    """A link is followed to its end; one that leads nowhere says so."""
    assert files.follow("/etc/os-release").path == "/usr/lib/os-release"
    assert files.follow("/app").path == "/app"
    with pytest.raises(
        FileNotFoundError, match="'/etc/mtab' leads to '/proc/mounts', where there is nothing"
    ):
        files.follow("/etc/mtab")
    with pytest.raises(FileNotFoundError, match="'/loop' leads through too many symbolic links"):
        files.follow("/loop")


def test_what_cannot_be_read(files: Files) -> None:
    """What has no content says why."""
    with pytest.raises(IsADirectoryError, match="/usr/lib is a directory"):
        files["/lib"].read()
    with pytest.raises(InvalidContent, match="/pipe has no content: it is a fifo"):
        files["/pipe"].read()
    with pytest.raises(InvalidContent, match="/null has no content: it is a device"):
        files["/null"].open()


def test_a_layer_alone() -> None:
    """A layer says what it hides, and a hard link into others where it leads."""
    data = layer("a/.wh.b", "c/.wh..wh..opq", "c/d", hardlink("e", "f"))
    with Files(merged_of([data], on_top=True)) as files:
        assert files.whiteouts == ("/a/b",)
        assert files.opaque == ("/c",)
        assert list(files) == ["/c", "/c/d", "/e"]
        assert (files["/e"].kind, files["/e"].link) == ("hardlink", "f")
        with pytest.raises(
            InvalidContent, match="/e has no content: it is a hard link to a file of the layers"
        ):
            files["/e"].read()


def test_from_many_threads(files: Files) -> None:
    """Any number of threads may look and read at once."""
    seen = []

    def look() -> None:
        seen.append(sum(len(one.read()) for one in files.values() if one.kind == "file"))

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [1_000_008] * 6


def test_as_a_tar(files: Files) -> None:
    """The whole is a tar again, as often as it is asked for."""
    tar = b"".join(files.tar())
    assert b"".join(files.tar()) == tar
    with Files(merged_of([tar])) as again:
        assert list(again) == list(files)


# --- on a disk ---------------------------------------------------------------------------------------


def test_extracting(files: Files, tmp_path: Path) -> None:
    """Everything but devices is written below a new directory, with modes, times and links."""
    root = tmp_path / "new" / "root"
    assert files.extract(root) == ("/null",)
    assert (root / "app").read_bytes() == b"hello" * 100_000
    assert (root / "app").samefile(root / "app2")
    assert (root / "lib").readlink().name == "lib"
    status = (root / "usr/lib/os-release").stat()
    assert (stat.S_IMODE(status.st_mode), status.st_mtime) == (0o444, 3)
    assert stat.S_ISFIFO((root / "pipe").lstat().st_mode)
    assert not os.path.lexists(root / "null")
    assert (root / "usr/lib").stat().st_mtime == 0


def test_extracting_writes_nowhere_else(tmp_path: Path) -> None:
    """Links of the image lead nothing out of the directory."""
    (tmp_path / "outside").mkdir()
    hostile = layer(symlink("d", str(tmp_path / "outside")), "d/x", symlink("up", "../.."), "up/y")
    with Files(merged_of([hostile])) as files:
        files.extract(tmp_path / "root")
    assert list((tmp_path / "outside").iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["outside", "root"]


def test_extracting_into_something(files: Files, tmp_path: Path) -> None:
    """A directory that holds anything is refused."""
    (tmp_path / "x").touch()
    with pytest.raises(FileExistsError, match="is not empty: name an empty or a new directory"):
        files.extract(tmp_path)


@is_root
def test_extracting_sets_owners(files: Files, tmp_path: Path) -> None:
    """Root's extraction has the owners, too."""
    files.extract(str(tmp_path))
    status = (tmp_path / "usr/lib/os-release").stat()
    assert (status.st_uid, status.st_gid) == (1, 2)


def test_told_agrees(files: Files) -> None:
    """The words that random tests compare are those of the mapping."""
    assert list(told(merged_of([BASE, TOP]))) == list(files)
