"""A target of a user's own: a frozen value with a site, whose session takes what is written.

One here says everything itself, another derives from what is there to derive from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from attrs import field, frozen
from support.images import Pushing, sha256

import lazyimg as li
from lazyimg.write.record import Placed, Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


@frozen
class Shelf:
    """A site that keeps everything in a dict."""

    name: str
    blobs: dict[str, bytes] = field(factory=dict, eq=False)
    names: dict[str, str] = field(factory=dict, eq=False)
    said: list[str] = field(factory=list, eq=False)
    is_remote = True
    images_only = False

    def __str__(self) -> str:
        return f"shelf {self.name}"

    def holds(self, home: Any) -> bool:
        return home is None

    def opening(self, pulls: Sequence[str]) -> str:
        return f"Make room on {self} {pulls}"

    def open(self, work: Any, pulls: Sequence[str]) -> Any:
        assert (work is not None, pulls) == (True, ())
        if self.name == "full":
            raise PermissionError("the shelf is full")
        return Taking(self)


@frozen
class OnShelf:
    """A target on a shelf."""

    site: Shelf
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.site}:{self.names[0]}"


class Taking:
    """A session with a shelf."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.record = Record()

    def find(self, descriptor: li.Descriptor) -> Placed | None:
        found = descriptor.digest in self._shelf.blobs
        return self.record.add(Placed("existing", descriptor)) if found else None

    def offer(self, blobs: Sequence[Any]) -> Placed | None:
        return self.find(blobs[0].descriptor)

    def receive(self, body: Any, name: Any, run: Any) -> Placed:
        data = b"".join(bytes(chunk) for chunk in body.chunks(0))
        descriptor = name.get(check=run.check)
        self._shelf.blobs[descriptor.digest] = data
        return self.record.add(Placed("uploaded", descriptor, len(data), 1))

    def put(self, blob: Any) -> Placed:
        self._shelf.blobs[blob.descriptor.digest] = blob.data
        return self.record.add(Placed("uploaded", blob.descriptor, len(blob.data), 1))

    def stage(self, root: Any, target: OnShelf | None) -> None:
        assert target is None or isinstance(target, OnShelf)
        self.put(root)

    def prepare(self, root: Any, target: OnShelf) -> None:
        assert (self._shelf.names, target.site) == ({}, self._shelf)
        self.put(root)

    def publish(self, root: Any, target: OnShelf) -> None:
        for name in target.names:
            self._shelf.names[name] = root.descriptor.digest
            self.record.tags[name] = "moved"

    def abort(self) -> None:
        self._shelf.said.append("abort")

    def close(self) -> None:
        self._shelf.said.append("close")


def test_it_takes_what_is_written(base: Pushing) -> None:
    """Layers of this machine and of a registry, config, manifest, names; then it is closed."""
    base.image("1", layers=[b"layer 0"])
    shelf = Shelf("one")
    image = li.Image.from_registry(f"{base.host}/base:1").append(li.Layer.from_files({"/a": b"a"}))
    result = image.write(OnShelf(shelf, ("v1", "v2")))  # type: ignore[arg-type]  # a Target by its shape
    assert shelf.names == {"v1": result.digest, "v2": result.digest}
    assert {sha256(data) for data in shelf.blobs.values()} == set(shelf.blobs)
    assert len(shelf.blobs) == 2 + 2  # layers; config and manifest
    assert (result.targets[0].target, result.targets[0].tags) == ("shelf one:v1", ("v1", "v2"))
    assert shelf.said == ["close"]


def test_beside_a_registry_it_is_one_write(app: Pushing) -> None:
    """Read once, and in both."""
    shelf = Shelf("one")
    image = li.Image.empty().append(li.Layer.from_files({"/a": b"a"}))
    result = image.write(OnShelf(shelf, ("v1",)), f"{app.host}/app:1")  # type: ignore[arg-type]  # as above
    assert shelf.blobs[result.digest] == app.raw("1")
    assert result.opened == 1


def test_its_refusal_ends_the_write(app: Pushing) -> None:
    """As a registry's: before anything is read; what others began is taken back."""
    opened: list[int] = []
    image = li.Image.empty().append(li.Layer.from_opener(lambda: opened.append(1)))
    other = Shelf("other")
    with li.Engine(jobs=1), pytest.raises(PermissionError, match="the shelf is full"):
        image.write(OnShelf(other, ("v1",)), OnShelf(Shelf("full"), ("v1",)), f"{app.host}/app:1")  # type: ignore[arg-type]  # as above
    assert not opened
    assert other.said == ["abort"]


def test_a_plan_says_what_it_says() -> None:
    """In its own words."""
    steps = li.Image.empty().plan(OnShelf(Shelf("one"), ("v1",))).steps  # type: ignore[arg-type]  # as above
    assert steps[0].what == "Make room on shelf one ()"
    assert steps[-1].what == "Put the manifest at shelf one as v1, when all is in place"


@frozen
class Drawer(li.Site):
    """A site that says what it must, and no more."""

    blobs: dict[str, bytes] = field(factory=dict, eq=False)
    names: dict[str, str] = field(factory=dict, eq=False)

    def __str__(self) -> str:
        return "the drawer"

    def open(self, work: Any, pulls: Sequence[str]) -> Any:  # noqa: ARG002 - needs neither
        return Filling(self)


@frozen
class InDrawer(li.Target):
    """A target in the drawer."""

    site: Drawer
    names: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.site}, {self.names[0]}"


class Filling(li.Session[InDrawer]):
    """A session with the drawer."""

    def __init__(self, drawer: Drawer) -> None:
        super().__init__()
        self._drawer = drawer

    def has(self, blob: li.Descriptor) -> bool:
        return blob.digest in self._drawer.blobs

    def write(self, chunks: Iterable[bytes | memoryview], digest: Callable[[], li.Digest]) -> int:
        data = b"".join(chunks)
        self._drawer.blobs[digest()] = data
        return len(data)

    def move(self, goals: Sequence[tuple[Any, InDrawer]]) -> None:
        for root, target in goals:
            self._drawer.names.update(dict.fromkeys(target.names, root.descriptor.digest))


def test_three_methods_are_enough(base: Pushing, app: Pushing) -> None:
    """Images and an index, of this machine and of a registry; beside a registry; and once more."""
    base.image("1", layers=[b"layer 0"])
    drawer = Drawer()
    image = li.Image.from_registry(f"{base.host}/base:1").append(li.Layer.from_files({"/a": b"a"}))
    index = li.Index.empty().add(image)
    written = li.write(
        {InDrawer(drawer, ("v1",)): image, InDrawer(drawer, ("v2", "v3")): index, f"{app.host}/app:1": image}
    )
    one, two, three = written.values()
    assert drawer.names == {"v1": one.digest, "v2": two.digest, "v3": two.digest}
    assert {sha256(data) for data in drawer.blobs.values()} == set(drawer.blobs)
    assert drawer.blobs[three.digest] == app.raw("1")
    assert len(drawer.blobs) == 2 + 1 + 2  # layers; config; manifest and index
    assert two.targets[0].tags == ("v2", "v3")

    again = image.write(InDrawer(drawer, ("v4",)))
    assert len(again.existing) == 3  # all but the local layer, which is read again
    step = image.plan(InDrawer(drawer, ("v4",))).steps[0]
    assert step.what == "Open the drawer"
