"""Law 1: composing does nothing, as the interpreter's audit, the threads and strace see it."""

from __future__ import annotations

import inspect
import io
import os
import re
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from laws import apart, everything
from laws.readers import Counted, fifo, is_being_read, tar_of
from support.programs import need

import lazyimg as li
from lazyimg.thunk.graph import thunk_of

if TYPE_CHECKING:
    from laws.audit import Recorder

NOWHERE = "registry.example.invalid"


@pytest.fixture
def sources(tmp_path: Path) -> Path:
    """Give a directory with everything that is composed over, so that touching it would succeed."""
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist/main.py").write_text("print(1)\n")
    for name in ("rootfs.tar", "layer.tar.gz", "layer.tar.zst", "tool"):
        (tmp_path / name).write_bytes(tar_of({"a": b"b"}))
    fifo(tmp_path / "pipe")
    return tmp_path


@pytest.fixture
def warmed(sources: Path) -> Path:
    """Give the same once all of lazyimg's lazy imports are there."""
    everything.look(sources, object(), "warm.example.invalid")
    return sources


def test_composing_and_looking_have_no_audited_effect(warmed: Path, recorder: Recorder) -> None:
    """Sources, mutations, keys, graphs, reprs, HTML and plans open, list, connect, run and import nothing."""
    stream = Counted(b"never read")
    threads = threading.enumerate()

    recorder.start()
    everything.look(warmed, stream, NOWHERE)
    recorder.stop()

    assert recorder.events == []
    assert recorder.threads == []
    assert threading.enumerate() == threads
    assert stream.reads == 0
    assert not is_being_read(warmed / "pipe")
    assert not (warmed / "out").exists()


FORCES = {
    *("config", "digest", "diff_id", "export", "files", "identity", "layers", "manifest", "pin", "size"),
    *("compare", "find", "validate", "write", "evaluate"),
    *("placed",),  # what an evaluation asks of a layer
}
"""The public methods that do not compose."""


@pytest.mark.parametrize("face", [li.Image, li.Index, li.Layer])
def test_nothing_that_composes_was_left_out(face: type) -> None:
    """Every public method that composes is part of the composition above, the newest too."""
    composed = Path(everything.__file__).read_text()
    public = {
        name for name in dir(face) if not name.startswith("_") and inspect.isfunction(getattr(face, name))
    }
    missing = [name for name in sorted(public - FORCES) if f".{name}(" not in composed]

    assert not missing, "use these in tests/laws/everything.py, or name them in FORCES"


def test_the_recorder_would_have_seen_them(tmp_path: Path, recorder: Recorder) -> None:
    """Opening, listing, connecting, starting a thread and a process are all events that it records."""
    recorder.start()
    (tmp_path / "a").write_bytes(b"")
    list(tmp_path.iterdir())
    thread = threading.Thread(target=int, name="short-lived")
    thread.start()
    thread.join()
    os.waitpid(os.posix_spawn("/bin/true", ["true"], {}), 0)
    recorder.stop()

    seen = {event for event, _ in recorder.events}
    assert {"open", "os.listdir", "os.posix_spawn"} <= seen
    assert recorder.threads == ["short-lived"]


def test_composing_over_what_does_not_exist_is_no_error(tmp_path: Path) -> None:
    """A path that is not there, and a registry that is not there, are found missing when forced."""
    everything.look(tmp_path / "missing", object(), NOWHERE)


def test_a_stream_is_not_asked_anything_but_its_type(recorder: Recorder) -> None:
    """A one-shot stream is kept as it is: no read, no seek, no fileno."""

    class Untouchable:
        def __getattribute__(self, name: str) -> Any:
            if name in {"__class__", "__reduce_ex__"}:
                return object.__getattribute__(self, name)
            raise AssertionError(f"composing asked a stream for {name}")

    recorder.start()
    layer = li.Layer.from_stream(Untouchable())
    image = li.Image.empty().append(layer)
    assert len(image.key) == 64
    assert "Untouchable" in repr(layer)
    assert len(image.graph()) == 3
    recorder.stop()

    assert recorder.events == []


def test_callables_are_not_called_and_paths_keep_their_links(tmp_path: Path) -> None:
    """Openers, edits, owners and times are kept for later; a path is absolute and not resolved."""

    def never(*_: object) -> Any:
        raise AssertionError("composing called a function")

    (tmp_path / "link").symlink_to(tmp_path / "target")
    opener = li.Layer.from_opener(never)
    tree = li.Layer.from_directory(tmp_path / "link", owner=never, mode=never, mtime=never)
    image = li.Image.empty().append(opener, tree).edit_config(never)
    image.plan(f"{NOWHERE}/app:1").steps  # noqa: B018 - asked for what asking does

    assert tree.parameters["directory"].path == tmp_path / "link"
    assert image.key == image.key


def test_a_relative_path_means_the_directory_of_the_composing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Paths are made absolute when they are named, so that changing the directory later changes nothing."""
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "layer.tar").write_bytes(tar_of({name: b""}))
    monkeypatch.chdir(tmp_path / "one")
    relative, absolute = (li.Layer.from_tar(p) for p in ("../one/layer.tar", tmp_path / "one/layer.tar"))
    monkeypatch.chdir(tmp_path / "two")

    assert relative == absolute
    assert relative.diff_id() == absolute.diff_id()


def test_an_origin_is_the_users_line_and_no_source_is_read_for_it(recorder: Recorder) -> None:
    """The origin is taken from the frame: code whose file never existed has one all the same."""
    text = "image = (\n    li.Image.empty()\n    .annotate({'a': 'b'}))\nlayer = li.Layer.from_files({})\n"
    code = compile(text, "/nowhere/at/all/recipe.py", "exec")
    names: dict[str, Any] = {"li": li}

    recorder.start()
    exec(code, names)  # noqa: S102 - code without a file is the point
    seen = str(names["image"].origin), str(names["layer"].origin)
    recorder.stop()

    assert seen[0] in {"/nowhere/at/all/recipe.py:2", "/nowhere/at/all/recipe.py:3"}
    assert seen[1] == "/nowhere/at/all/recipe.py:4"
    assert recorder.events == []


def test_every_thunk_of_the_user_knows_where_it_was_composed(sources: Path) -> None:
    """Images and layers carry the file and line of the call that made them."""
    for image in everything.images(sources, io.BytesIO(), NOWHERE):
        graph = image.graph()
        origins = [thunk_of(graph, key).origin for key in graph]
        assert {Path(origin.file).name for origin in origins if origin} == {"everything.py"}
        assert None not in origins


def test_a_plan_is_a_write_that_did_not_happen(
    sources: Path, registry: li.Registry, recorder: Recorder
) -> None:
    """A plan lists sessions first and tags last, and neither the registry nor the disk hears of it."""
    image = li.Image.empty().append(li.Layer.from_directory(sources / "dist"))
    targets = f"{registry.host}/app:1", li.OCILayout(sources / "out", tag="v1")
    image.plan(*targets)._repr_html_()

    recorder.start()
    steps = image.plan(*targets).steps
    recorder.stop()

    names = [step.name for step in steps]
    assert names[:2] == ["OpenSession", "OpenSession"]
    assert names[-2:] == ["Publish", "Publish"]
    assert recorder.events == []
    assert registry.requests == []
    assert not (sources / "out").exists()


def test_strace_sees_no_system_call_on_files_or_sockets(sources: Path, tmp_path: Path) -> None:
    """Not even stat, which the interpreter does not audit: no call on a file, socket or process at all."""
    strace = need("strace", "strace")
    trace = tmp_path / "trace"
    command = (
        strace,
        "-f",
        "-qq",
        "-s",
        "4096",
        "-e",
        "trace=%file,%network,%process,%desc",
        "-o",
        str(trace),
    )
    script = Path(everything.__file__).read_text()
    (sources / "warm").mkdir()

    apart.run(script, sources / "warm", sources, before=command)

    lines = trace.read_text().splitlines()
    begin, end = (
        next(n for n, text in enumerate(lines) if f"MARK-{name}" in text) for name in ("BEGIN", "END")
    )
    between = [text for text in lines[begin + 1 : end] if not re.search(r"\b(getcwd|m(un)?map)\(", text)]
    assert between == []
    assert not any(str(sources / "dist") in text for text in lines)
