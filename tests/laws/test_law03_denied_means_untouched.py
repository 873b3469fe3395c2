"""Law 3: a refused session reads nothing, asks no source registry, and takes the other sessions back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from laws.readers import Aside, Counted, Openings, fifo, is_being_read, sha256, tar_of
from laws.talk import Held, asked, begun_and_cancelled, is_begin, refusing

import lazyimg as li
from lazyimg.errors import Denied, RegistryUnreachable, Unauthorized

if TYPE_CHECKING:
    from pathlib import Path

    from laws.audit import Recorder

    from lazyimg.server.request import Request

TAR = tar_of({"a": b"b"})


def test_a_fifo_nobody_writes_to_does_not_hold_a_denial_back(tmp_path: Path, registry: li.Registry) -> None:
    """The write ends at once, with one request and 0 bytes read; opening the layer would wait for ever."""
    registry.deny("app")
    pipe = fifo(tmp_path / "pipe")
    image = li.Image.empty().append(li.Layer.from_tar(pipe))

    denied = Aside(lambda: image.write(f"{registry.host}/app:1"))
    denied.end()

    assert isinstance(denied.error, PermissionError)
    assert isinstance(denied.error, Denied)
    assert "DENIED" in str(denied.error)
    assert asked(registry) == ["POST /v2/app/blobs/uploads/"]
    assert any("no local source was opened" in note for note in denied.error.__notes__)
    assert not is_being_read(pipe)


def test_no_source_of_any_kind_is_touched(
    tmp_path: Path, registry: li.Registry, new_registry: Any, push_base: Any, recorder: Recorder
) -> None:
    """Neither files, directories, streams, openers, nor the registry of the base hear of a denied write."""
    source = new_registry()
    push_base(source.host, "base")
    source.clear()
    registry.deny("app")
    (tmp_path / "tree").mkdir()
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "rootfs.tar").write_bytes(TAR)
    stream, opener = Counted(TAR), Openings(TAR)
    image = li.Image.from_registry(f"{source.host}/base:1").append(
        li.Layer.from_stream(stream),
        li.Layer.from_opener(opener),
        li.Layer.from_tar(tmp_path / "rootfs.tar"),
        li.Layer.from_directory(tmp_path / "tree"),
        li.Layer.from_files({"/a": tmp_path / "file"}),
    )

    recorder.start(here=False)
    with pytest.raises(Denied):
        image.configure(user="1").write(
            f"{registry.host}/app:1",
            li.OCILayout(tmp_path / "out"),
            li.Archive(tmp_path / "new" / "app.tar"),
            li.Daemon("app:1", str(tmp_path / "docker.sock")),
        )
    recorder.stop()

    assert source.requests == []
    assert (stream.reads, opener.opened) == (0, [])
    assert {path.name for path in tmp_path.iterdir()} == {"tree", "file", "rootfs.tar"}
    opened = recorder.paths("open", "os.scandir", "os.listdir")
    assert not [path for path in opened if path.startswith(str(tmp_path))]


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [(403, "DENIED", Denied), (404, "NAME_UNKNOWN", Denied), (401, "UNAUTHORIZED", Unauthorized)],
)
def test_every_way_of_refusing_is_a_denial(
    registry: li.Registry, status: int, code: str, expected: type[Exception]
) -> None:
    """403, a missing repository, and 401 without a way in: each a PermissionError, with nothing read."""
    registry.hook = refusing(is_begin, status, code, "not for you")
    stream = Counted(TAR)

    with pytest.raises(expected, match="not for you") as caught:
        li.Image.empty().append(li.Layer.from_stream(stream)).write(f"{registry.host}/app:1")

    assert isinstance(caught.value, PermissionError)
    assert stream.reads == 0
    assert {request.method for request in registry.requests} == {"POST"}


def test_a_registry_that_is_not_there_reads_nothing_either(new_registry: Any) -> None:
    """A refused connection ends the write before any source is read."""
    gone = new_registry()
    host = gone.host
    gone.stop()
    stream = Counted(TAR)

    with li.Engine(retries=0), pytest.raises(RegistryUnreachable):
        li.Image.empty().append(li.Layer.from_stream(stream)).write(f"{host}/app:1")

    assert stream.reads == 0


def test_uploads_begun_at_other_registries_are_cancelled(new_registry: Any) -> None:
    """A registry that agreed first gets its upload back when another denies."""
    friendly, strict = new_registry(), new_registry()
    stands = Held(lambda _: False)
    friendly.hook = lambda _: stands.arrived.set()

    def deny(_: Request) -> tuple[int, str, str]:
        assert stands.arrived.wait(10)
        return 403, "DENIED", "no"

    strict.hook = deny
    stream = Counted(TAR)
    with pytest.raises(Denied):
        li.Image.empty().append(li.Layer.from_stream(stream)).write(
            f"{friendly.host}/app:1", f"{strict.host}/app:1"
        )

    assert stream.reads == 0
    assert asked(strict) == ["POST /v2/app/blobs/uploads/"]
    assert begun_and_cancelled(friendly) == (1, 1)
    assert asked(friendly)[-1] == "DELETE /v2/app/blobs/uploads/"


def test_an_upload_that_was_just_being_begun_is_cancelled_too(new_registry: Any) -> None:
    """A registry that agrees only after another has denied gets its upload back as well."""
    slow, strict = new_registry(), new_registry()
    strict.deny("app")
    denied = Held(is_begin)

    def wait_for_denial(request: Request) -> None:
        if is_begin(request):
            denied.released.wait(10)

    slow.hook = wait_for_denial
    engine = li.Engine(
        on_event=lambda event: denied.released.set() if type(event).__name__ == "Failed" else None
    )
    with engine, pytest.raises(Denied):
        li.Image.empty().write(f"{slow.host}/app:1", f"{strict.host}/app:1")

    begun, cancelled = begun_and_cancelled(slow)
    assert begun == 1
    assert cancelled >= 1


def test_a_stream_survives_a_denied_write(registry: li.Registry) -> None:
    """The same stream goes to another repository afterwards, whole; whoever waits for it is not failed."""
    registry.deny("secret")
    stream = Counted(TAR)
    layer = li.Layer.from_stream(stream)
    image = li.Image.empty().append(layer)
    waiter = Aside(layer.diff_id)

    with pytest.raises(Denied):
        image.write(f"{registry.host}/secret:1")
    assert waiter.is_running
    result = image.write(f"{registry.host}/open:1")

    assert stream.given == len(TAR)
    assert waiter.result() == sha256(TAR)
    assert result.bytes_read == len(TAR)


def test_a_denial_moves_no_tag_and_says_so(registry: li.Registry) -> None:
    """The error says for each tag of each target that it was not moved."""
    registry.deny("app")
    with pytest.raises(Denied) as caught:
        li.Image.empty().write(f"{registry.host}/app:1", f"{registry.host}/fine:2", tags=["latest"])

    notes = "\n".join(caught.value.__notes__)
    assert "app:1" in notes
    assert "tag 1: not moved" in notes
    assert "tag 2: not moved" in notes
    assert notes.count("tag latest: not moved") == 2
