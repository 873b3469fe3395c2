"""The docker daemon's socket: which it is, what goes over it, and how that breaks."""

from __future__ import annotations

import json
import socket
import threading
from typing import TYPE_CHECKING

import pytest
from support.docker_socket import chunked, listening, refusing
from support.layouts import Laying, Saving

import lazyimg as li
from lazyimg.errors import ArchiveError, Cancelled, DaemonError, ImageNotFound, SourceError
from lazyimg.stores.daemon import Daemon, address_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class TestAddress:
    """Which socket is asked."""

    @pytest.fixture(autouse=True)
    def _no_environment(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("DOCKER_HOST", "XDG_RUNTIME_DIR"):
            monkeypatch.delenv(name, raising=False)

    def test_what_is_named_is_taken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Before the environment."""
        monkeypatch.setenv("DOCKER_HOST", "unix:///environment.sock")
        assert address_of(None) == "/environment.sock"
        assert address_of("unix:///named.sock") == "/named.sock"
        assert address_of("/a/path.sock") == "/a/path.sock"

    @pytest.mark.parametrize("host", ["tcp://user:secret@1.2.3.4:2375", "ssh://me@host", "relative.sock"])
    def test_what_is_no_unix_socket(self, host: str) -> None:
        """The error says how to reach such a daemon all the same, and repeats no credential."""
        with pytest.raises(DaemonError, match="over a Unix socket") as caught:
            address_of(host)
        assert "ssh -nNT -L" in str(caught.value)
        assert "secret" not in str(caught.value)

    def test_the_usual_sockets(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The first that is there; docker's own for the error, where none is."""
        there = set()
        monkeypatch.setattr("os.path.exists", lambda path: path in there)
        monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
        assert address_of(None) == "/var/run/docker.sock"
        for path in ("/run/podman/podman.sock", f"{tmp_path}/podman/podman.sock", f"{tmp_path}/docker.sock"):
            there.add(path)
            assert address_of(None) == path
        there.add("/var/run/docker.sock")
        assert address_of(None) == "/var/run/docker.sock"
        there.clear()
        monkeypatch.delenv("XDG_RUNTIME_DIR")
        there.add("/run/podman/podman.sock")
        assert address_of("") == "/run/podman/podman.sock"


class TestExport:
    """An image of the daemon is what docker save writes."""

    @pytest.mark.parametrize("form", ["old", "new"])
    def test_it_is_read_once(self, form: str, tmp_path: Path) -> None:
        """One export for a write, of either form; it rests in scratch space that has no name."""
        made = Saving() if form == "old" else Laying()
        made.image("app:latest", trees=[{"a": bytes(100_000)}, {"b": b"2"}], label=form)
        asked: list[bytes] = []

        def answer(request: bytes) -> Iterator[bytes]:
            asked.append(request.partition(b"\r\n")[0])
            return chunked(made.tar())

        with listening(answer) as path, li.Registry() as registry, li.Engine(scratch=tmp_path):
            image = li.Image.from_daemon("me/app:latest", host=f"unix://{path}")
            image.configure(user="me").write(f"{registry.host}/app:1")
            written = li.Image.from_registry(f"{registry.host}/app:1")
            assert written.config().labels == {"is": form}
            assert len(written.layers()) == 2
        assert asked == [b"GET /images/me/app:latest/get HTTP/1.1"]
        assert not list(tmp_path.iterdir())

    def test_its_layers_can_be_asked_later(self) -> None:
        """Another run exports again."""
        saving = Saving()
        saving.image(trees=[{"a": b"1"}])
        with listening(lambda _: chunked(saving.tar())) as path:
            layers = li.Image.from_daemon("app", host=path).layers()
            assert (
                layers[0].diff_id()
                == json.loads(saving.files[saving.images[0]["Config"]])["rootfs"]["diff_ids"][0]
            )

    def test_the_name_is_quoted(self) -> None:
        """What would be another request is part of the name."""
        asked: list[bytes] = []

        def answer(request: bytes) -> Iterator[bytes]:
            asked.append(request.partition(b"\r\n")[0])
            return refusing("404 Not Found", b'{"message": "no such image"}')(request)

        with listening(answer) as path, pytest.raises(ImageNotFound, match="answered 404: no such image\n"):
            li.Image.from_daemon("a?b=c d#é", host=path).digest()
        assert asked == [b"GET /images/a%3Fb%3Dc%20d%23%C3%A9/get HTTP/1.1"]

    @pytest.mark.parametrize(
        ("status", "body", "error", "why"),
        [
            ("404 Not Found", b'{"message": "No such image: app"}', ImageNotFound, "404: No such image: app"),
            ("500 Oh", b'{"message": "disk\\nfull \\u001b[31m"}', DaemonError, r"500: disk full \[31m"),
            ("403 No", b"plain words", DaemonError, "403: plain words"),
            ("400 Bad", b'["odd"]', DaemonError, r'400: \["odd"\]'),
        ],
    )
    def test_a_refusal(self, status: str, body: bytes, error: type[Exception], why: str) -> None:
        """The daemon's words are in the error, and what was being done."""
        with listening(refusing(status, body)) as path, pytest.raises(error, match=why) as caught:
            li.Image.from_daemon("app", host=path).digest()
        assert f"cannot export app: the docker daemon at {path}" in str(caught.value)

    @pytest.mark.parametrize(
        "answer",
        [
            b"nonsense\r\n\r\n",
            b"",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfff\r\nhalf",
            b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        ],
    )
    def test_an_answer_that_breaks_off(self, answer: bytes) -> None:
        """Whether in its head or in its body."""
        with (
            listening(lambda _: iter([answer])) as path,
            pytest.raises(DaemonError, match=r"broke off its answer|reset by peer"),
        ):
            li.Image.from_daemon("app", host=path).digest()

    def test_what_is_no_archive(self) -> None:
        """It is said to be the daemon's."""
        with listening(lambda _: chunked(b"hello" * 1000)) as path, pytest.raises(ArchiveError) as caught:
            li.Image.from_daemon("app", host=path).digest()
        assert "app of the docker daemon is no tar" in str(caught.value)

    def test_full_scratch_space_is_no_fault_of_the_daemon(self, tmp_path: Path) -> None:
        """The error names the place."""
        with (
            listening(lambda _: chunked(Saving().tar())) as path,
            li.Engine(scratch=tmp_path / "missing"),
            pytest.raises(SourceError, match="in scratch space"),
        ):
            li.Image.from_daemon("app", host=path).digest()

    def test_a_denied_write_exports_nothing(self) -> None:
        """The daemon is a source: not asked before the session stands."""
        asked: list[bytes] = []

        def answer(request: bytes) -> Iterator[bytes]:
            asked.append(request)
            return chunked(Saving().tar())

        with (
            listening(answer) as path,
            li.Registry(read_only=True) as registry,
            pytest.raises(PermissionError),
        ):
            li.Image.from_daemon("app", host=path).write(f"{registry.host}/app:1")
        assert asked == []


class TestPin:
    """An image's name moves, its id does not."""

    @pytest.mark.parametrize("prefix", ["", "sha256:"])
    def test_its_id_is_asked(self, prefix: str) -> None:
        """One request, and no export; podman leaves the algorithm out."""
        asked: list[bytes] = []

        def answer(request: bytes) -> Iterator[bytes]:
            asked.append(request.partition(b"\r\n")[0])
            return refusing("200 OK", json.dumps({"Id": prefix + 64 * "a"}).encode())(request)

        with listening(answer) as path:
            pinned = li.Image.from_daemon("app:1", host=path).pin()
            assert pinned == li.Image.from_daemon("sha256:" + 64 * "a", host=path)
            assert pinned.pin() == pinned
        assert asked == [b"GET /images/app:1/json HTTP/1.1"]

    @pytest.mark.parametrize("body", [b"nonsense", b"[]", b"{}", b'{"Id": "short"}'])
    def test_an_answer_without_one(self, body: bytes) -> None:
        """Is no answer."""
        with listening(refusing("200 OK", body)) as path, pytest.raises(DaemonError, match="says no id"):
            li.Image.from_daemon("app:1", host=path).pin()


class TestReach:
    """A daemon that is not there."""

    def test_no_socket(self, tmp_path: Path) -> None:
        """The error says what to do."""
        with pytest.raises(
            DaemonError, match="cannot be reached: No such file or directory; start"
        ) as caught:
            li.Image.from_daemon("app", host=f"unix://{tmp_path}/none.sock").digest()
        assert isinstance(caught.value, OSError)
        assert caught.value.errno

    def test_nobody_listens(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """The socket is a dead daemon's."""
        monkeypatch.chdir(tmp_path)
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind("dead.sock")
        with pytest.raises(DaemonError, match="but nobody listens"):
            li.Image.from_daemon("app", host=f"{tmp_path}/dead.sock").digest()

    def test_a_path_that_is_too_long(self) -> None:
        """Sockets have short names."""
        with pytest.raises(DaemonError, match="too long"):
            li.Image.from_daemon("app", host="/" + "x" * 200).digest()


class TestWaiting:
    """The daemon may be slow; nobody has to wait for it."""

    def test_a_wait_is_ended(self) -> None:
        """By whatever check raises, while the daemon thinks."""
        ended = threading.Event()

        def answer(_: bytes) -> Iterator[bytes]:
            ended.wait(10)
            yield b""

        def check() -> None:
            raise Cancelled("enough")

        with listening(answer) as path:
            with pytest.raises(Cancelled), Daemon(path).ask("GET", "/", "wait", check):
                pass
            ended.set()

    def test_a_body_is_sent(self) -> None:
        """In chunks, however slowly it is taken."""
        received: list[bytes] = []

        def answer(request: bytes) -> Iterator[bytes]:
            received.append(request)
            return chunked(b"taken")

        body = [bytes([n]) * 100_000 for n in range(20)]
        with (
            listening(answer) as path,
            Daemon(path).ask("POST", "/images/load", "load", lambda: None, body) as taken,
        ):
            assert b"".join(taken.chunks()) == b"taken"
        assert all(piece in received[0] for piece in body)
        assert b"Content-Type: application/x-tar" in received[0]


def test_composing_touches_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the environment nor a socket is looked at."""
    monkeypatch.setenv("DOCKER_HOST", "nonsense")
    image = li.Image.from_daemon("app:latest", "linux/arm64")
    assert image == li.Image.from_daemon("app:latest", li.Platform.parse("linux/arm64"))
    what = [step.what for step in image.plan("a.example/b:1").steps]
    assert "Export app:latest for linux/arm64 from the docker daemon" in what
