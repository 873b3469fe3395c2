"""Layers of named files."""

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from lazyimg.content.compression import Gzip
from lazyimg.content.filemap import FileMap
from lazyimg.content.pipeline import Pass, identity_of
from lazyimg.content.source import Source
from lazyimg.errors import SourceChanged, SourceError


def bytes_of(source: Source) -> Any:
    """Give the tar of a source."""
    data, buffer = bytearray(), memoryview(bytearray(1 << 20))
    with source.open() as reader:
        while count := reader.readinto(buffer):
            data += buffer[:count]
    return bytes(data)


def archive(source: Source) -> Any:
    """Open the tar of a source."""
    return tarfile.open(fileobj=io.BytesIO(bytes_of(source)))


def test_files_come_from_bytes_and_from_disk(tmp_path: Path) -> None:
    """Both kinds of content are in the tar, the file's mode with it, parents before them."""
    tool = tmp_path / "tool"
    tool.write_bytes(b"#!/bin/sh\n" * 100_000)
    tool.chmod(0o755)
    with archive(
        FileMap({"/usr/bin/tool": tool, "etc/motd": b"hello\n", "/etc/empty": bytearray()})
    ) as found:
        assert found.getnames() == ["etc", "etc/empty", "etc/motd", "usr", "usr/bin", "usr/bin/tool"]
        assert found.extractfile("etc/motd").read() == b"hello\n"
        assert found.extractfile("usr/bin/tool").read() == tool.read_bytes()
        assert found.getmember("usr/bin/tool").mode == 0o755
        assert found.getmember("etc/motd").mode == 0o644
        assert found.getmember("usr").mode == 0o755
        assert {(member.uid, member.gid, member.mtime) for member in found} == {(0, 0, 0)}


def test_the_digest_is_known() -> None:
    """A map of files has the digest it had on the day this was written, in whatever order it is given."""
    known = "sha256:6f1ffa34b67dde65bd29342e222cb4bdbb18a51caa77a0a86e0d5d677e69c56c"
    files = {"/etc/motd": b"hello\n", "/a": b"", "/usr/share/ü": b"x" * 1000}
    assert identity_of(Pass(FileMap(files), Gzip())).digest == known
    assert FileMap(dict(reversed(files.items()))) == FileMap(files)


def test_settings_apply_to_files_and_not_to_made_parents(tmp_path: Path) -> None:
    """Owner, mode and time by value or function; parents are root's."""
    (tmp_path / "b").write_bytes(b"b")
    source = FileMap(
        {"/x/a": b"a", "/x/b": tmp_path / "b"},
        owner=lambda entry: (entry.size, 9),
        mode=0o600,
        mtime=7,
    )
    with archive(source) as found:
        assert (found.getmember("x").uid, found.getmember("x").mode, found.getmember("x").mtime) == (
            0,
            0o755,
            7,
        )
        assert (found.getmember("x/a").uid, found.getmember("x/a").mode, found.getmember("x/a").mtime) == (
            1,
            0o600,
            7,
        )
    with archive(FileMap({"/b": tmp_path / "b"}, owner=None, mtime=None)) as found:
        assert found.getmember("b").mtime == pytest.approx((tmp_path / "b").stat().st_mtime)
        assert found.getmember("b").uid == os.getuid()


def test_paths_are_made_absolute_without_looking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path means the directory it was written in."""
    monkeypatch.chdir(tmp_path)
    source = FileMap({"/b": Path("b")})
    (tmp_path / "b").write_bytes(b"b")
    monkeypatch.chdir("/")
    with archive(source) as found:
        assert found.extractfile("b").read() == b"b"


def test_it_says_what_it_is() -> None:
    """The description is bounded."""
    assert FileMap({f"/{name}": b"" for name in "abcdef"}).describe() == "6 files: /a, /b, /c, ..."


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"/a": b"", "a": b""}, "two of the files"),
        ({"/a": b"", "/a/b": b""}, "cannot be a file"),
        ({"/": b""}, "cannot be a file"),
        ({"/a/../../b": b""}, "no place"),
        ({"": b""}, "no place"),
        ({"/a\0": b""}, "no place"),
        ({"/a": "text"}, "is a str: give bytes"),
    ],
)
def test_impossible_maps_are_refused_at_once(files: Any, why: str) -> None:
    """What cannot be a layer is refused where it is composed."""
    with pytest.raises(ValueError, match=why):
        FileMap(files)


def test_what_is_no_regular_file_is_refused(tmp_path: Path) -> None:
    """Directories, FIFOs and missing files are named, with what to do."""
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(SourceError, match=r"fifo is no regular file"):  # though nobody writes to it
        bytes_of(FileMap({"/a": tmp_path / "fifo"}))
    with pytest.raises(SourceError, match=r"it is a directory: use Layer\.from_directory"):
        bytes_of(FileMap({"/a": tmp_path}))
    with pytest.raises(SourceError, match="missing: No such file"):
        bytes_of(FileMap({"/a": tmp_path / "missing"}))


def test_a_file_that_changes_while_it_is_read_is_named(tmp_path: Path) -> None:
    """The same care as with any file."""
    path = tmp_path / "b"
    path.write_bytes(bytes(100_000))
    with FileMap({"/b": path}).open() as reader:
        reader.readinto(memoryview(bytearray(1024)))
        os.truncate(path, 50_000)
        with pytest.raises(SourceChanged, match=f"{path} shrank from 100000 to 50000 bytes"):
            reader.readinto(memoryview(bytearray(1 << 20)))
