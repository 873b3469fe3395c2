"""Images that a docker daemon loads, the daemon being a socket that answers as one."""

from __future__ import annotations

import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from support.docker_socket import chunked, listening, refusing

import lazyimg as li
from lazyimg.errors import DaemonError, InvalidTarget
from lazyimg.write import daemon_target

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

IMAGE = li.Image.empty().append(li.Layer.from_files({"/a": b"a"})).configure(user="1")


class Loading:
    """What a daemon was sent, and what it says to it."""

    def __init__(self, *said: bytes) -> None:
        self.requests: list[bytes] = []
        self.said = said or (b'{"stream":"Loaded image: app:1\\n"}\n',)

    def __call__(self, request: bytes) -> Iterator[bytes]:
        self.requests.append(request)
        return chunked(b"OK" if request.startswith(b"GET /_ping ") else b"".join(self.said))

    @property
    def archive(self) -> dict[str, bytes]:
        """The files of the tar that was sent last."""
        head, _, rest = self.requests[-1].partition(b"\r\n\r\n")
        assert head.startswith(b"POST /images/load?quiet=1 HTTP/1.1\r\n")
        assert b"Content-Type: application/x-tar" in head
        data = b""
        while rest:
            size, _, rest = rest.partition(b"\r\n")
            data, rest = data + rest[: int(size, 16)], rest[int(size, 16) + 2 :]
        with tarfile.open(fileobj=io.BytesIO(data)) as tar:
            return {one.name: tar.extractfile(one).read() for one in tar}  # type: ignore[union-attr]  # files all


def test_it_is_loaded_last(app: Any) -> None:
    """After a ping, and in one archive for all images of the write."""
    loading = Loading()
    with listening(loading) as path:
        other = IMAGE.configure(user="2")
        results = li.write(
            {
                li.Daemon(("app:1", "reg.example/app:1"), path): IMAGE,
                li.Daemon("app:2", path): other,
                f"{app.host}/app:1": IMAGE,
            }
        )
    assert [request.split(b" ")[1] for request in loading.requests] == [b"/_ping", b"/images/load?quiet=1"]
    files = loading.archive
    entries = json.loads(files["manifest.json"])
    assert [entry["RepoTags"] for entry in entries] == [["app:1", "reg.example/app:1"], ["app:2"]]
    assert json.loads(files[entries[1]["Config"]])["config"] == {"User": "2"}
    assert entries[0]["Layers"] == entries[1]["Layers"]
    assert {result.opened for result in results.values()} == {1}
    first = next(iter(results.values()))
    assert first.targets[0].tags == ("app:1", "reg.example/app:1")
    assert first.reference == f"app:1 of the docker daemon at {path}@{first.digest}"


def test_no_daemon_ends_the_write_before_it_begins(tmp_path: Path) -> None:
    """Nothing is read; the message says what to do."""
    opened: list[int] = []
    image = li.Image.empty().append(li.Layer.from_opener(lambda: opened.append(1)))
    with pytest.raises(DaemonError, match="start the daemon"):
        image.write(li.Daemon("app:1", str(tmp_path / "none.sock")))
    assert not opened


def test_a_daemon_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up after a while."""
    monkeypatch.setattr(daemon_target, "_PATIENCE", 0.2)

    def never(_: bytes) -> Iterator[bytes]:
        import time  # noqa: PLC0415

        time.sleep(1)
        yield b""

    with listening(never) as path, pytest.raises(DaemonError, match="does not answer"):
        IMAGE.write(li.Daemon("app:1", path))


@pytest.mark.parametrize(
    "said",
    [
        b'{"stream":"x"}\nnot json\n[]\n{"errorDetail":{"code":1},"error":"no space left"}\n',
        b'{"error":"no space left"}',
    ],
)
def test_a_failure_after_the_status(said: bytes) -> None:
    """Docker answers 200, and tells what went wrong in the body; which tags moved is not known."""
    with listening(Loading(said)) as path, pytest.raises(DaemonError, match="no space left") as caught:
        IMAGE.write(li.Daemon("app:1", path))
    assert any("tag app:1: unknown" in note for note in caught.value.__notes__)


def test_a_refusal() -> None:
    """In the daemon's words."""

    def answer(request: bytes) -> Iterator[bytes]:
        return chunked(b"OK") if b"_ping" in request else refusing("500 Oh", b'{"message":"read only"}')(b"")

    with listening(answer) as path, pytest.raises(DaemonError, match="answered 500: read only"):
        IMAGE.write(li.Daemon("app:1", path))


def test_nonsense_is_refused_at_once() -> None:
    """Names are references with tags."""
    for name, words in (((), "name a reference"), ("a@sha256:" + "0" * 64, "leave out"), ("A B", "is none")):
        with pytest.raises(InvalidTarget, match=words):
            li.Daemon(name)


def test_an_index_is_refused_before_anything_is_read() -> None:
    """A daemon loads images; the message says what to do."""
    loading = Loading()
    opened: list[int] = []
    image = li.Image.empty().append(li.Layer.from_opener(lambda: opened.append(1)))
    with listening(loading) as path, pytest.raises(InvalidTarget, match=r"select\(\) gives it"):
        li.Index.empty().add(image, platform="linux/amd64").write(li.Daemon("app:1", path))
    assert (len(loading.requests), opened) == (1, [])


def test_a_plan_says_what_it_asks() -> None:
    """And touches nothing."""
    steps = IMAGE.plan(li.Daemon("app:1", "unix:///none")).steps
    assert steps[0].what == "Ask the docker daemon at unix:///none whether it is there"
