"""Law 2: the sessions with all targets are the first effects of a write, registries before layouts."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest
from laws.audit import text_of
from laws.readers import Aside, Counted, tar_of
from laws.talk import Held, asked, begun_and_cancelled, is_begin

import lazyimg as li
from lazyimg.errors import LayoutError
from lazyimg.thunk.graph import sources, thunk_of

if TYPE_CHECKING:
    from pathlib import Path

    from laws.audit import Recorder

    from lazyimg.server.request import Request

NewRegistry = "Callable[..., li.Registry]"


class Scene:
    """Two images of every kind of source, two registries and two layouts to write them to, all watched.

    Attributes:
        touched: each effect on a source, with the sessions that stood when it happened.
        prepared: each effect on a layout, with the registries' sessions that stood when it happened.
        begun: set as soon as there is any effect but the beginning of a session with a registry.
    """

    def __init__(self, directory: Path, new_registry: Any, push_base: Any, recorder: Recorder) -> None:
        self.touched: list[tuple[str, int]] = []
        self.prepared: list[tuple[str, int]] = []
        self.begun = threading.Event()
        self.a, self.b = new_registry(), new_registry()
        self.source = new_registry()
        self.source_host = self.source.host
        push_base(self.source.host, "base")
        self.source.clear()
        self.source.hook = lambda _: self.touch("source registry")
        self.layouts = [directory / "one", directory / "two"]
        self.files = directory / "files"
        self.files.mkdir()
        (self.files / "rootfs.tar").write_bytes(tar_of({"a": b"b"}))
        (self.files / "tree").mkdir()
        recorder.also = self.hear
        recorder.start(here=False)

    def images(self) -> tuple[li.Image, li.Image]:
        """Compose two images over every kind of source."""
        base = li.Image.from_registry(f"{self.source.host}/base:1")
        first = base.append(
            li.Layer.from_tar(self.files / "rootfs.tar"),
            li.Layer.from_stream(Watched(tar_of({"s": b"t"}), self)),
            li.Layer.from_directory(self.files / "tree"),
        )
        second = base.append(li.Layer.from_opener(self.open)).configure(user="1")
        return first, second

    def write(self, jobs: int) -> None:
        """Write the two images to everything."""
        first, second = self.images()
        targets = {
            li.OCILayout(self.layouts[0], tag="v1"): first,
            f"{self.a.host}/app:1": first,
            li.OCILayout(self.layouts[1], tag="v1"): second,
            f"{self.b.host}/app:1": second,
            f"{self.b.host}/other:1": first,
        }
        with li.Engine(jobs=jobs) as engine:
            li.write(targets, engine=engine)

    def open(self) -> Counted:
        """Open a source of the user's own."""
        self.touch("opener")
        return Counted(tar_of({"o": b"p"}))

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Sort what the interpreter audits: the sources' directory is touched, a layout is prepared."""
        path = text_of(arguments[0]) if arguments else ""
        if event in {"open", "os.listdir", "os.scandir"} and path.startswith(str(self.files)):
            self.touch(path.removeprefix(str(self.files)))
        if event.startswith("os.") and any(path.startswith(str(layout)) for layout in self.layouts):
            self.begun.set()
            self.prepared.append((event, self.standing()))

    def touch(self, what: str) -> None:
        """Note that a source was touched."""
        self.begun.set()
        layouts = sum((layout / "oci-layout").exists() for layout in self.layouts)
        self.touched.append((what, self.standing() + layouts))

    def standing(self) -> int:
        """Count the registries' sessions that stand: three repositories are written to."""
        begun = ((host, r) for host in (self.a, self.b) for r in host.requests if is_begin(r))
        return len({(id(host), request.path) for host, request in begun if request.status == 202})


class Watched(Counted):
    """A stream that tells the scene of its first read."""

    def __init__(self, data: bytes, scene: Scene) -> None:
        super().__init__(data)
        self._scene = scene

    def readinto(self, buffer: memoryview) -> int:
        if not self.reads:
            self._scene.touch("stream")
        return super().readinto(buffer)


@pytest.fixture
def scene(tmp_path: Path, new_registry: Any, push_base: Any, recorder: Recorder) -> Scene:
    """Give two images and five targets, all watched."""
    return Scene(tmp_path, new_registry, push_base, recorder)


@pytest.mark.parametrize("jobs", [1, 2, 8])
def test_all_sessions_stand_before_any_source_is_touched(scene: Scene, jobs: int) -> None:
    """Every kind of local source, and the source registry, wait for three repositories and two layouts."""
    scene.write(jobs)

    assert {what for what, _ in scene.touched} == {
        *("source registry", "stream", "opener", "/rootfs.tar", "/tree")
    }
    assert {standing for _, standing in scene.touched} == {5}


@pytest.mark.parametrize("jobs", [1, 8])
def test_registries_come_before_layouts(scene: Scene, jobs: int) -> None:
    """No layout's directory is made before every registry agreed."""
    scene.write(jobs)

    assert scene.prepared
    assert {standing for _, standing in scene.prepared} == {3}


def test_the_first_request_is_the_post_and_no_ping(registry: li.Registry) -> None:
    """What a registry hears first of a write is an upload begun in the target's repository."""
    li.Image.empty().append(li.Layer.from_files({"/a": b"b"})).write(f"{registry.host}/me/app:1")

    assert asked(registry)[0] == "POST /v2/me/app/blobs/uploads/"


def test_nothing_happens_while_one_session_is_awaited(scene: Scene) -> None:
    """One registry that does not answer holds everything back: sources, layouts, the other registry."""
    held = Held(is_begin)
    scene.b.hook = held
    written = Aside(lambda: scene.write(8))
    assert held.arrived.wait(10)

    assert not scene.begun.wait(0.5), "something was touched before all sessions stood"
    assert len(scene.a.requests) <= 1
    held.released.set()
    written.result()
    assert scene.begun.is_set()


def test_several_sessions_are_opened_side_by_side(new_registry: Any) -> None:
    """The session with one registry does not wait for that with another."""
    meeting = threading.Barrier(3)

    def meet(request: Request) -> None:
        if is_begin(request):
            meeting.wait(10)

    hosts = [new_registry(hook=meet).host for _ in range(3)]
    li.Image.empty().write(*(f"{host}/app:1" for host in hosts))


def test_order_edges_put_sessions_before_all_that_starts_from_nothing(tmp_path: Path) -> None:
    """The law is in the graph: every other thunk without inputs has an edge from every session."""
    image = li.Image.from_registry("a.example/base:1").append(li.Layer.from_tar(tmp_path / "a.tar"))
    graph = image.plan("a.example/app:1", "b.example/app:1", li.OCILayout(tmp_path / "out")).graph()

    sessions = {key for key in graph if thunk_of(graph, key).name == "OpenSession"}
    others = [key for key in graph if key not in sessions and not thunk_of(graph, key).inputs]
    assert len(sessions) == 3
    assert len(others) == 2
    assert all(set(graph.predecessors(key)) == sessions for key in others)
    assert set(sources(graph)) < sessions, "the layout's session comes after the registries'"
    assert all(data["order"] for _, key, data in graph.edges(data=True) if key in others)


def test_a_layout_that_cannot_be_written_touches_no_source(tmp_path: Path, registry: li.Registry) -> None:
    """A directory that is no layout ends the write before a source is read, and gives the upload back."""
    (tmp_path / "no layout").mkdir()
    (tmp_path / "no layout" / "file").write_bytes(b"")
    stream = Counted(tar_of({"a": b"b"}))
    image = li.Image.empty().append(li.Layer.from_stream(stream))

    with pytest.raises(LayoutError):
        image.write(f"{registry.host}/app:1", li.OCILayout(tmp_path / "no layout"))

    assert stream.reads == 0
    assert begun_and_cancelled(registry) == (1, 1)
