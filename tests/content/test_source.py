"""The simple sources: files, streams, openers, bytes."""

import errno
import io
import os
import pickle
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lazyimg.content.compression import Gzip, Uncompressed
from lazyimg.content.local import LocalFile, absolute, shown
from lazyimg.content.pipeline import Pass, identity_of
from lazyimg.content.source import Bytes, Opener, Source, Stream, TarFile
from lazyimg.content.stream import OneShot
from lazyimg.errors import SourceChanged, SourceError, StreamSpent
from lazyimg.oci.digest import Digest
from lazyimg.thunk.key import Opaque, digest_of


def diff_id(source: Source) -> Any:
    """Give the digest of a source's content."""
    return identity_of(Pass(source, Uncompressed())).diff_id


# --- tar files ---------------------------------------------------------------------------------------


def test_a_tar_file_is_read_as_it_is(tmp_path: Path) -> None:
    """The layer's diff_id is the file's digest."""
    path = tmp_path / "rootfs.tar"
    path.write_bytes(b"tar" * 1000)
    assert diff_id(TarFile(path)) == Digest.of(b"tar" * 1000)
    assert TarFile(path).describe() == str(path)


def test_a_fifo_is_read_when_somebody_writes(tmp_path: Path) -> None:
    """A FIFO is opened when the bytes are wanted, and known to be one-shot once open."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    source = TarFile(path)
    assert not source.one_shot
    writer = threading.Thread(target=lambda: path.write_bytes(b"tar" * 100_000))
    writer.start()
    with Pass(source, Uncompressed()) as one:
        assert b"".join(one) == b"tar" * 100_000
    writer.join()
    assert one.one_shot


def test_a_fifo_that_nobody_writes_to_holds_nobody_up(
    tmp_path: Path, stopper: Any, threads: Callable[[], Any]
) -> None:
    """Waiting for a writer is ended by the check; the thread left in open() goes when a writer comes."""
    path, stop = tmp_path / "fifo", threading.Event()
    os.mkfifo(path)
    check = stopper(stop)
    threading.Timer(0.2, stop.set).start()
    with threads():
        with pytest.raises(check.error):
            identity_of(Pass(TarFile(path), Gzip(), check))
        os.close(os.open(path, os.O_WRONLY))


def test_paths_are_made_absolute_without_looking(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Relative paths and ~ are resolved where they are written."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home/me")
    assert TarFile("a/../b.tar").path == tmp_path / "b.tar"
    assert absolute("~/b.tar") == absolute("/home/me/b.tar")


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda _: None, "No such file or directory; check the path"),
        (lambda path: path.mkdir(), r"Is a directory; it is a directory: use Layer\.from_directory"),
        (lambda path: path.symlink_to(path), "symbolic links; check the symbolic links"),
    ],
    ids=["missing", "directory", "loop"],
)
def test_what_cannot_be_opened_is_named(tmp_path: Path, make: Any, why: str) -> None:
    """The error names the path, what the system said, and what to do."""
    path = tmp_path / "rootfs.tar"
    make(path)
    with pytest.raises(SourceError, match=f"{path}.*{why}") as caught:
        diff_id(TarFile(path))
    assert caught.value.errno in (errno.ENOENT, errno.EISDIR, errno.ELOOP)


def test_a_failing_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error in the middle names the path too."""
    path = tmp_path / "rootfs.tar"
    path.write_bytes(b"tar")

    def fail(*_: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "readv", fail)
    with pytest.raises(SourceError, match=f"cannot read {path}: Input/output error; the disk"):
        diff_id(TarFile(path))


def test_an_error_without_advice_still_has_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the system says, the path is named."""

    def fail(*_: Any) -> None:
        raise OSError(errno.ENXIO, "No such device")

    monkeypatch.setattr(os, "open", fail)
    with pytest.raises(SourceError, match="No such device; check the file and the file system"):
        LocalFile(tmp_path)


def rest(file: LocalFile) -> None:
    """Read to the end."""
    while file.readinto(memoryview(bytearray(1 << 20))):
        pass


@pytest.mark.parametrize(
    ("act", "how"),
    [
        (lambda path: os.truncate(path, 1_000_000), "shrank from 3000000 to 1000000 bytes"),
        (lambda path: os.truncate(path, 3_000_001), "grew from 3000000 to 3000001 bytes"),
        (lambda path: os.utime(path, (1, 1)), "was written to"),
        (lambda path: path.unlink(), "was removed or replaced"),
        (lambda path: path.with_name("new").replace(path), "was removed or replaced"),
    ],
    ids=["truncated", "grown", "touched", "removed", "replaced"],
)
def test_a_file_that_changes_while_it_is_read_is_named(tmp_path: Path, act: Any, how: str) -> None:
    """Whatever happens to a file between its first byte and its last, the write fails and names it."""
    path = tmp_path / "rootfs.tar"
    path.write_bytes(bytes(3_000_000))
    path.with_name("new").write_bytes(bytes(3_000_000))
    buffer = memoryview(bytearray(1 << 20))
    with LocalFile(path) as file:
        assert file.readinto(buffer)
        act(path)
        with pytest.raises(SourceChanged, match=f"{path} {how} while it was read.*make the layer of a copy"):
            rest(file)
    file.close()


def test_names_that_are_not_utf8_can_be_shown() -> None:
    """A message never fails for a name's sake."""
    assert shown(b"/a\xff") == "/a\\xff"
    assert TarFile(os.fsdecode(b"/a\xff")).describe() == "/a\\xff"


def test_names_steer_no_terminal() -> None:
    """Control characters, and those that turn a line round, are shown by their codes."""
    assert shown("/\x1b[31m\n\u202eé") == "/\\x1b[31m\\n\\u202eé"


# --- streams -----------------------------------------------------------------------------------------


class Reads:
    """An object that can only read."""

    def __init__(self, answers: Any) -> None:
        self._answers = list(answers)

    def read(self, _size: Any) -> Any:
        """Give the next answer."""
        return self._answers.pop(0)


@pytest.mark.parametrize(
    "readable", [io.BytesIO(b"abcdef"), Reads([b"abc", bytearray(b"def"), b""])], ids=["readinto", "read"]
)
def test_a_stream_is_read_by_readinto_or_read(readable: Any) -> None:
    """Either method will do."""
    source = Stream(readable)
    assert source.one_shot
    assert diff_id(source) == Digest.of(b"abcdef")


def test_a_pipe_is_a_stream() -> None:
    """The output of a program, unbuffered or not, is a stream."""
    with subprocess.Popen(["seq", "300000"], stdout=subprocess.PIPE) as program:
        expected = "".join(f"{number}\n" for number in range(1, 300_001)).encode()
        assert diff_id(Stream(program.stdout)) == Digest.of(expected)


def test_a_stream_is_not_closed() -> None:
    """Who opened it closes it."""
    readable = io.BytesIO(b"abc")
    diff_id(Stream(readable))
    assert not readable.closed


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("text", "gives text: open it in binary mode"),
        (None, "no bytes ready"),
        (b"x" * (3 << 20), "3145728 bytes of"),
    ],
    ids=["text", "nothing", "too much"],
)
def test_impossible_answers_are_refused(answer: Any, why: str) -> None:
    """What a stream may not answer is an error that says so."""
    with pytest.raises(SourceError, match=why):
        diff_id(Stream(Reads([answer])))


def test_what_cannot_be_read_is_refused() -> None:
    """An object with neither method is named by its type."""
    with pytest.raises(SourceError, match=r"a int, which cannot be read.*readinto\(buffer\) or read\(size\)"):
        diff_id(Stream(7))


def test_a_stream_is_spent_by_its_first_read() -> None:
    """Opening spends nothing, reading does, and a second reading says what to do."""
    source = Stream(io.BytesIO(b"abc"))
    with source.open():
        assert not source.stream.spent
    diff_id(source)
    assert source.stream.spent
    with pytest.raises(StreamSpent, match=r"was read already.*from_opener"):
        diff_id(source)


def test_a_stream_is_claimed_by_one_write_at_a_time() -> None:
    """A claim is exclusive; given back unread, it can be taken again; read, it cannot."""
    stream = OneShot(io.BytesIO(b"abc"))
    assert "spent" not in repr(stream)
    assert not stream.claimed
    stream.claim()
    assert stream.claimed
    with pytest.raises(StreamSpent, match="being read by another write"):
        stream.claim()
    stream.release()
    stream.claim()
    stream.spend()
    stream.release()
    with pytest.raises(StreamSpent, match="was read already"):
        stream.claim()
    with pytest.raises(StreamSpent, match="was read already"):
        stream.spend()
    assert "spent" in repr(stream)


def test_a_stream_is_not_pickled() -> None:
    """The message says what to use instead."""
    with pytest.raises(TypeError, match=r"open in this process.*from_opener"):
        pickle.dumps(OneShot(io.BytesIO()))


def test_streams_have_keys_of_their_own() -> None:
    """Two streams are two things, unless they are named the same."""
    readable = io.BytesIO()
    first, second = Stream(readable), Stream(readable)
    assert digest_of("x", [("s", first)]) != digest_of("x", [("s", second)])
    assert Stream(first.stream) == first
    named = [Stream(OneShot(readable, name="same")) for _ in range(2)]
    assert digest_of("x", [("s", named[0])]) == digest_of("x", [("s", named[1])])
    assert named[0].stream.key == "same"
    assert named[0].describe() == "<one-shot BytesIO>"


# --- openers and bytes -------------------------------------------------------------------------------


def test_an_opener_is_called_each_time_and_its_result_closed() -> None:
    """What the function returns is ours to close."""
    made = []

    def open_it() -> Any:
        made.append(io.BytesIO(b"abc"))
        return made[-1]

    source = Opener(open_it)
    assert not source.one_shot
    assert diff_id(source) == diff_id(source) == Digest.of(b"abc")
    assert len(made) == 2
    assert all(readable.closed for readable in made)
    assert "open_it" in source.describe()
    assert Opener(Opaque(open_it, token="t")).function.token == "t"


def test_what_an_opener_returns_need_not_be_closable() -> None:
    """An object that only reads is fine."""
    assert diff_id(Opener(lambda: SimpleNamespace(readinto=lambda _: 0))) == Digest.of(b"")


def test_bytes_are_a_source() -> None:
    """Bytes at hand, as often as wanted."""
    source = Bytes(b"abc")
    assert diff_id(source) == diff_id(source) == Digest.of(b"abc")
    assert identity_of(Pass(source, Gzip())).diff_id == Digest.of(b"abc")
