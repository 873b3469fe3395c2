"""Layers of directories: deterministic, sorted, whole, and true to what lies on disk."""

import errno
import io
import os
import socket
import subprocess
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lazyimg.content.block import BLOCK
from lazyimg.content.compression import Gzip, Uncompressed
from lazyimg.content.directory import SMALL, Directory
from lazyimg.content.entry import Entry
from lazyimg.content.pipeline import Pass, identity_of
from lazyimg.content.source import Source
from lazyimg.errors import MissingExtra, SourceChanged, SourceError


def bytes_of(source: Source, size: int = BLOCK) -> Any:
    """Give the tar of a source, read in pieces of ``size``."""
    data, buffer = bytearray(), memoryview(bytearray(size))
    with source.open() as reader:
        while count := reader.readinto(buffer):
            data += buffer[:count]
    return bytes(data)


def members(source: Source) -> Any:
    """Give the members of a source's tar by name, in order."""
    with tarfile.open(fileobj=io.BytesIO(bytes_of(source))) as archive:
        return {member.name + "/" * member.isdir(): member for member in archive.getmembers()}


@pytest.fixture
def tree(tmp_path: Path) -> Any:
    """Give a directory with a bit of everything."""
    root = tmp_path / "dist"
    (root / "a").mkdir(parents=True)
    (root / "a" / "b").write_bytes(b"b" * 1000)
    (root / "a.txt").write_bytes(b"text")
    (root / "a-").write_bytes(b"")
    (root / "large").write_bytes(os.urandom(SMALL + 1))
    (root / "run").write_bytes(b"#!/bin/sh\n")
    (root / "run").chmod(0o755)
    (root / "a" / "private").write_bytes(b"secret")
    (root / "a" / "private").chmod(0o600)
    (root / "link").symlink_to("a/b")
    (root / "broken").symlink_to("nowhere")
    os.link(root / "a" / "b", root / "z")
    os.mkfifo(root / "fifo")
    os.utime(root / "run", ns=(0, 1_500_000_000_250_000_000))
    return root


# --- what is in it -----------------------------------------------------------------------------------


def test_names_are_sorted_by_their_bytes(tree: Path) -> None:
    """Entries stand in the order of their names' bytes, a directory's with its slash."""
    (tree / "É").write_bytes(b"")
    (tree / os.fsdecode(b"\xff")).write_bytes(b"")
    names = [name.encode("utf-8", "surrogateescape") for name in members(Directory(tree))]
    assert names == sorted(names)
    assert names[:5] == [b"a-", b"a.txt", b"a/", b"a/b", b"a/private"]
    assert names[-2:] == ["É".encode(), b"\xff"]


def test_contents_come_back(tree: Path) -> None:
    """Small files, large files and empty ones are in the tar byte for byte."""
    with tarfile.open(fileobj=io.BytesIO(bytes_of(Directory(tree)))) as archive:
        for name in ("a/b", "a.txt", "a-", "large", "run"):
            assert archive.extractfile(name).read() == (tree / name).read_bytes()


def test_links_are_kept(tree: Path) -> None:
    """Symbolic links stay links, whole or broken; a second name of a file is a hard link to the first."""
    found = members(Directory(tree, at="/app"))
    assert found["app/link"].linkname == "a/b"
    assert found["app/broken"].linkname == "nowhere"
    assert found["app/link"].mode == 0o777
    assert found["app/z"].islnk()
    assert found["app/z"].linkname == "app/a/b"
    assert found["app/a/b"].isreg()
    assert found["app/fifo"].isfifo()


def test_gnu_tar_unpacks_it(tree: Path, tmp_path: Path) -> None:
    """GNU tar makes the same tree of it, hard links included."""
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "layer.tar").write_bytes(bytes_of(Directory(tree, at="/srv/app")))
    subprocess.run(["tar", "-xpf", tmp_path / "layer.tar", "-C", out], check=True)
    subprocess.run(["diff", "-r", "--no-dereference", "--exclude=fifo", tree, out / "srv/app"], check=True)
    assert (out / "srv/app/z").samefile(out / "srv/app/a/b")
    assert (out / "srv/app/run").stat().st_mode & 0o777 == 0o755


def test_defaults_hide_the_machine(tree: Path) -> None:
    """Unless asked for, owners and times of this machine are not in the tar; modes are."""
    found = members(Directory(tree))
    assert {(member.uid, member.gid, member.mtime) for member in found.values()} == {(0, 0, 0)}
    assert found["run"].mode == 0o755
    assert found["a/private"].mode == 0o600


def test_the_machine_can_be_kept(tree: Path) -> None:
    """None keeps owner, mode and time, to the nanosecond."""
    found = members(Directory(tree, owner=None, mode=None, mtime=None))
    status = (tree / "run").stat()
    assert (found["run"].uid, found["run"].gid) == (status.st_uid, status.st_gid)
    assert found["run"].mtime == 1_500_000_000.25
    assert b"mtime=1500000000.25\n" in bytes_of(Directory(tree, mtime=None))


def test_values_are_set(tree: Path) -> None:
    """Owner, mode and time by value; directories can be entered by whoever may read them."""
    found = members(Directory(tree, owner=(7, 8), mode=0o640, mtime=datetime(2024, 1, 1, tzinfo=UTC)))
    assert {(member.uid, member.gid, member.mtime) for member in found.values()} == {(7, 8, 1704067200)}
    assert found["run"].mode == 0o640
    assert found["a/"].mode == 0o750
    assert found["link"].mode == 0o777


def test_functions_are_given_the_entry(tree: Path) -> None:
    """Owner, mode and time by function of the entry as it was found."""
    seen = {}

    def owner(entry: Entry) -> Any:
        seen[entry.path] = entry
        return (entry.size, 1)

    source = Directory(
        tree,
        at="/app",
        owner=owner,
        mode=lambda entry: entry.mode | 0o111,
        mtime=lambda entry: entry.mtime + 1,
    )
    found = members(source)
    assert seen["/app/run"].kind == "file"
    assert seen["/app/run"].size == 10
    assert seen["/app"].kind == "directory"
    assert found["app/run"].uid == 10
    assert found["app/a/private"].mode == 0o711
    assert found["app/run"].mtime == 1_500_000_001.25


@pytest.mark.parametrize(
    "setting", [{"owner": lambda _: (1, -1)}, {"mode": lambda _: 0o10000}, {"mtime": lambda _: "now"}]
)
def test_functions_that_return_nonsense_are_refused(tree: Path, setting: Any) -> None:
    """What a function returns is checked like a value."""
    with pytest.raises(ValueError, match="this is"):
        bytes_of(Directory(tree, **setting))


@pytest.mark.parametrize(
    "setting",
    [
        {"owner": (1,)},
        {"owner": ("a", "b")},
        {"mode": -1},
        {"mode": 0o10000},
        {"mtime": "now"},
        {"at": "/a/../b"},
    ],
)
def test_values_that_are_nonsense_are_refused_at_once(tree: Path, setting: Any) -> None:
    """A wrong setting is an error where it is written, not where it is used."""
    with pytest.raises(ValueError, match=r"this is|no place"):
        Directory(tree, **setting)


def test_parents_are_made(tree: Path) -> None:
    """Directories above ``at`` are root's with mode 0755; ``at`` itself takes the settings."""
    tree.chmod(0o700)
    found = members(Directory(tree, at="/opt/my/app", owner=(5, 6), mtime=9))
    assert list(found)[:4] == ["opt/", "opt/my/", "opt/my/app/", "opt/my/app/a-"]
    assert (found["opt/"].uid, found["opt/"].mode, found["opt/"].mtime) == (0, 0o755, 9)
    assert (found["opt/my/app/"].uid, found["opt/my/app/"].mode) == (5, 0o755)


def test_at_the_root_nothing_is_made(tree: Path) -> None:
    """The root directory of an image is not touched."""
    assert next(iter(members(Directory(tree)))) == "a-"


def test_known_directories_keep_their_modes(tree: Path) -> None:
    """Putting something below /tmp does not close it to everyone."""
    assert members(Directory(tree, at="/tmp/x"))["tmp/"].mode == 0o1777  # noqa: S108 - a place in an image
    assert members(Directory(tree, at="/var/tmp"))["var/tmp/"].mode == 0o1777  # noqa: S108 - a place in an image


def test_extended_attributes_are_kept(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Attributes of a file are in its pax header, those of the machine are not."""
    kept = {"user.lazyimg": b"\x00\xff\n", "security.capability": b"\x01\x00"}
    dropped = {"security.selinux": b"label", "system.posix_acl_access": b"acl", "user.overlay.opaque": b"y"}
    monkeypatch.setattr(os, "listxattr", lambda path, **_: [*dropped, *kept] if path.endswith(b"run") else [])
    monkeypatch.setattr(os, "getxattr", lambda _, name, **__: kept[name])
    data = bytes_of(Directory(tree))
    assert b"SCHILY.xattr.user.lazyimg=\x00\xff\n\n" in data
    assert b"SCHILY.xattr.security.capability=\x01\x00\n" in data
    assert data.count(b"SCHILY") == 2


def test_a_file_system_without_attributes_has_none(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there are no extended attributes, nothing is missing."""

    def unsupported(*_args: Any, **_more: Any) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    expected = bytes_of(Directory(tree))
    monkeypatch.setattr(os, "listxattr", unsupported)
    assert bytes_of(Directory(tree)) == expected


def test_long_names_are_kept(tmp_path: Path) -> None:
    """Deep trees with long names come back as they were."""
    deep = tmp_path / "root" / "/".join(["directory" * 10] * 8)
    deep.mkdir(parents=True)
    (deep / "ü").write_bytes(b"x")
    names = list(members(Directory(tmp_path / "root")))
    assert names[-1] == str((deep / "ü").relative_to(tmp_path / "root"))


def test_an_empty_directory_is_an_empty_tar(tmp_path: Path) -> None:
    """Nothing but the end of the tar."""
    assert bytes_of(Directory(tmp_path)) == bytes(1024)


def test_a_link_to_a_directory_is_followed_at_the_top(tree: Path, tmp_path: Path) -> None:
    """The directory that is named may be a link; links inside are not followed."""
    (tmp_path / "current").symlink_to(tree)
    assert bytes_of(Directory(tmp_path / "current")) == bytes_of(Directory(tree))


# --- the same bytes ----------------------------------------------------------------------------------


def test_the_digest_is_known(tmp_path: Path) -> None:
    """A tree has the digest it had on the day this was written."""
    (tmp_path / "b").mkdir(mode=0o755)
    (tmp_path / "b").chmod(0o755)
    for name, data in (("b/ü", b"hello"), ("b/" + "n" * 120, b"x" * 1000), ("a", b"")):
        (tmp_path / name).write_bytes(data)
        (tmp_path / name).chmod(0o644)
    (tmp_path / "l").symlink_to("b/ü")
    identity = identity_of(Pass(Directory(tmp_path, at="app"), Gzip()))
    assert identity.diff_id == "sha256:24e44be32365937e191adafed146018104a6c807d22f021e25fd3d809619c29c"
    assert identity.digest == "sha256:bcc48e600ef4d92fa376bec5b27368fa7f65cb436bb10c22e0284e1dd5c0bd45"


@pytest.mark.parametrize("size", [1, 511, 4096, SMALL + 7])
def test_bytes_do_not_depend_on_reads(tree: Path, size: int) -> None:
    """The tar is the same however it is read."""
    (tree / "large").write_bytes(bytes(SMALL + 1) if size > 1 else b"")
    assert bytes_of(Directory(tree), size) == bytes_of(Directory(tree))


def test_bytes_do_not_depend_on_the_order_of_creation(tmp_path: Path) -> None:
    """Two trees of the same files are the same layer, whichever came first."""
    names = [f"{number:03}" for number in range(200)]
    for root, order in (("one", names), ("two", names[::-1])):
        (tmp_path / root).mkdir()
        for name in order:
            (tmp_path / root / name).write_bytes(name.encode())
    one, two = (identity_of(Pass(Directory(tmp_path / root), Uncompressed())) for root in ("one", "two"))
    assert one == two


# --- leaving out -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("exclude", "gone"),
    [
        ("*.txt", {"a.txt"}),
        (["a/"], {"a/", "a/b", "a/private"}),
        (("/b*", "priv*"), {"broken", "a/private"}),
        (["*", "!a.txt"], None),
        (["a/*", "!a/b"], {"a/private"}),
        ((), set()),
    ],
)
def test_patterns_are_those_of_git(tree: Path, exclude: Any, gone: Any) -> None:
    """Patterns leave out what ``.gitignore`` would, with directories, roots and exceptions."""
    everything, rest = set(members(Directory(tree))), set(members(Directory(tree, exclude=exclude)))
    assert rest == ({"a.txt"} if gone is None else everything - gone)


def test_what_is_left_out_is_not_looked_at(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An unreadable or unwanted thing can be excluded."""
    monkeypatch.chdir(tree)  # the path of a socket may not be long
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("control.sock")
        assert "control.sock" not in members(Directory(tree, exclude="*.sock"))
        with pytest.raises(SourceError, match=r"control\.sock is a socket.*exclude"):
            bytes_of(Directory(tree))


def test_a_hard_link_whose_first_name_is_left_out_has_the_content(tree: Path) -> None:
    """The first name that is in the layer carries the bytes."""
    found = members(Directory(tree, exclude="/a"))
    assert found["z"].isreg()
    assert found["z"].size == 1000


def test_patterns_need_pathspec(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the library the error names the extra; without patterns it is not needed."""
    monkeypatch.setitem(sys.modules, "pathspec", None)
    assert members(Directory(tree))
    with pytest.raises(MissingExtra, match=r"lazyimg\[patterns\]"):
        bytes_of(Directory(tree, exclude="*.pyc"))


# --- what goes wrong ---------------------------------------------------------------------------------


def test_composing_touches_nothing(tmp_path: Path) -> None:
    """A directory that does not exist can be described; reading it says what is wrong."""
    source = Directory(tmp_path / "missing", at="/app")
    assert source.describe() == str(tmp_path / "missing")
    reader = source.open()
    with pytest.raises(SourceError, match="missing: No such file or directory; check the path"):
        reader.readinto(memoryview(bytearray(100)))


def test_a_file_is_no_directory(tmp_path: Path) -> None:
    """A path to a file says which source takes it."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SourceError, match=r"file is no directory: use Layer\.from_files"):
        bytes_of(Directory(tmp_path / "file"))


def test_a_missing_directory_at_the_root(tmp_path: Path) -> None:
    """The path is named in any case."""
    with pytest.raises(SourceError, match="missing"):
        bytes_of(Directory(tmp_path / "missing"))


def rest(reader: Any) -> None:
    """Read to the end."""
    while reader.readinto(memoryview(bytearray(4096))):
        pass


def during(source: Source, act: Any) -> None:
    """Read a source, and ``act`` when the first bytes came."""
    buffer = memoryview(bytearray(512))
    with source.open() as reader:
        assert reader.readinto(buffer)
        act()
        rest(reader)


@pytest.mark.parametrize("size", [10, SMALL + 10], ids=["small", "large"])
@pytest.mark.parametrize(
    ("how", "act"),
    [
        ("vanished", lambda path: path.unlink()),
        ("shrank", lambda path: os.truncate(path, 5)),
        ("grew", lambda path: path.write_bytes(path.read_bytes() + b"x")),
        (
            "was written to",
            lambda path: (path.write_bytes(b"y" * path.stat().st_size), os.utime(path, (5, 5))),
        ),
        ("was replaced", lambda path: (path.rename(path.with_name("zz")), path.write_bytes(b"new"))),
        ("was replaced", lambda path: (path.rename(path.with_name("zz")), os.mkfifo(path))),
        ("vanished", lambda path: (path.rename(path.with_name("zz")), path.symlink_to("zz"))),
    ],
)
def test_a_file_that_changes_after_it_was_found_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, how: str, act: Any
) -> None:
    """What was found when the directory was listed must be what is read."""
    path = tmp_path / "b"
    path.write_bytes(b"x" * size)
    from lazyimg.content import directory  # noqa: PLC0415 - its reading is held back below

    real = directory.xattrs

    def changes(name: str) -> Any:
        if name == os.fsencode(path):
            act(path)
        return real(name) if path.exists() else {}

    monkeypatch.setattr(directory, "xattrs", changes)
    with pytest.raises(SourceChanged, match=f"{path} {how}.* while it was read for a layer"):
        bytes_of(Directory(tmp_path))


def test_a_file_that_grows_while_it_is_read_is_named(tmp_path: Path) -> None:
    """A log that is written to is no layer, and is not followed for ever."""
    path = tmp_path / "log"
    path.write_bytes(bytes(SMALL * 2))

    def grow() -> None:
        with path.open("ab") as log:
            log.write(bytes(SMALL))

    with pytest.raises(SourceChanged, match=rf"{path} grew from {SMALL * 2} to {SMALL * 3} bytes"):
        during(Directory(tmp_path), grow)


def test_a_file_that_is_removed_while_it_is_read_is_named(tmp_path: Path) -> None:
    """A file that is gone before its last byte was read may not be what it was."""
    path = tmp_path / "file"
    path.write_bytes(bytes(SMALL * 2))
    buffer = memoryview(bytearray(4096))
    with Directory(tmp_path).open() as reader:
        reader.readinto(buffer)
        path.unlink()
        with pytest.raises(SourceChanged, match="was removed or replaced"):
            rest(reader)


@pytest.mark.parametrize("act", ["file", "directory", "link"])
def test_what_vanishes_between_listing_and_reading_is_named(tmp_path: Path, act: Any) -> None:
    """Things that vanish after the listing are named, whatever they are."""
    (tmp_path / "a").write_bytes(b"x" * 600)
    (tmp_path / "b").mkdir()
    (tmp_path / "c").symlink_to("a")

    def remove() -> None:
        {
            "file": (tmp_path / "d").unlink,
            "directory": (tmp_path / "b").rmdir,
            "link": (tmp_path / "c").unlink,
        }[act]()

    (tmp_path / "d").write_bytes(b"x")
    name = {"file": "d", "directory": "b", "link": "c"}[act]
    with pytest.raises(SourceChanged, match=f"{tmp_path / name} vanished"):
        during(Directory(tmp_path), remove)


def test_a_directory_that_vanishes_after_it_was_named_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between its own entry and its listing a directory can vanish as well."""
    (tmp_path / "b").mkdir()
    from lazyimg.content import directory  # noqa: PLC0415 - held back below

    monkeypatch.setattr(directory, "xattrs", lambda _: (tmp_path / "b").rmdir() or {})
    with pytest.raises(SourceChanged, match=f"{tmp_path / 'b'} vanished"):
        bytes_of(Directory(tmp_path))


def test_a_link_that_vanishes_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A link is read after it was found."""
    (tmp_path / "b").symlink_to("x")

    def gone(_path: Any) -> None:
        raise FileNotFoundError

    monkeypatch.setattr(os, "readlink", gone)
    with pytest.raises(SourceChanged, match=f"{tmp_path / 'b'} vanished"):
        bytes_of(Directory(tmp_path))


@pytest.mark.parametrize("call", ["scandir", "listxattr", "read"])
def test_the_system_s_refusals_name_the_path(tree: Path, monkeypatch: pytest.MonkeyPatch, call: Any) -> None:
    """Whatever the system refuses, the error says to what and what to do."""

    def refuse(*_args: Any, **_more: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, call, refuse)
    with pytest.raises(
        SourceError, match=rf"cannot .* {tree}.*: Permission denied; give this user the right"
    ):
        bytes_of(Directory(tree))


def test_a_refused_look_names_the_path(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A listing whose entries cannot be looked at is an error of that entry."""
    real = os.scandir

    class Refusing:
        def __init__(self, entry: Entry) -> None:
            self._entry, self.name, self.path = entry, entry.name, entry.path

        def is_dir(self, *, follow_symlinks: Any) -> Any:
            return self._entry.is_dir(follow_symlinks=follow_symlinks)

        def stat(self, **_: Any) -> None:
            raise PermissionError(13, "Permission denied")

    class Listing:
        def __init__(self, path: Path) -> None:
            self._entries = real(path)

        def __enter__(self) -> Any:
            return [Refusing(entry) for entry in self._entries]

        def __exit__(self, *_: object) -> None:
            self._entries.close()

    monkeypatch.setattr(os, "scandir", Listing)
    with pytest.raises(SourceError, match=rf"cannot look at {tree}/a-: Permission denied"):
        bytes_of(Directory(tree))


def open_files() -> int:
    """Count the files that this process has open."""
    return len(list(Path("/proc/self/fd").iterdir()))


def test_leaving_early_closes_the_file(tmp_path: Path) -> None:
    """A reader that is closed in the middle of a large file leaves no file open."""
    (tmp_path / "large").write_bytes(bytes(SMALL * 4))
    before = open_files()
    with Directory(tmp_path).open() as reader:
        reader.readinto(memoryview(bytearray(4096)))
        assert open_files() == before + 1
    assert open_files() == before


def test_many_small_files(tmp_path: Path) -> None:
    """Twenty thousand files are one layer, each of them opened once."""
    for number in range(100):
        folder = tmp_path / f"{number:03}"
        folder.mkdir()
        for inner in range(200):
            (folder / f"{inner:03}").write_bytes(b"%d" % inner)
    data = bytes_of(Directory(tmp_path))
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        names = archive.getnames()
    assert len(names) == 20_100
    assert names == sorted(names)
