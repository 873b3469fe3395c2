"""Composing and forcing are linear: counted in calls, keys and evaluations, never in seconds."""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

import lazyimg as li
from lazyimg.image.index import Index
from lazyimg.thunk import thunk as thunk_module
from lazyimg.thunk.events import Event, Started

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import CodeType, FrameType

SIZES = (100, 1_000, 10_000)
KEY: CodeType = thunk_module._key_of.__code__
LAYER = li.Layer.from_files({"/a": b"a"})
MOMENT = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _warm() -> None:
    """Load what is loaded on use, so that it is not counted."""
    recipe(chain(20)).manifest()
    many(2).map(recipe).manifest()


class Counts:
    """What some work took: calls of Python functions, keys made, and thunks evaluated by name."""

    def __init__(self) -> None:
        self.calls = 0
        self.keys = 0
        self.evaluated: Counter[str] = Counter()

    def of(self, work: Callable[[], Any]) -> Any:
        """Do the work on this thread, counting."""
        before = sys.getprofile()
        sys.setprofile(self._seen)
        try:
            with li.Engine(on_event=self._note):
                return work()
        finally:
            sys.setprofile(before)

    def _seen(self, frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            self.calls += 1
            self.keys += frame.f_code is KEY

    def _note(self, event: Event) -> None:
        if isinstance(event, Started):
            self.evaluated[event.name] += 1


def chain(length: int) -> li.Image:
    """Compose an image of so many mutations, of every kind that needs no layer's bytes."""
    layer = li.Layer.from_files({"/a": b"a"})
    steps: list[Callable[[li.Image, int], li.Image]] = [
        lambda image, n: image.annotate({"n": str(n)}),
        lambda image, n: image.configure(labels={"n": str(n)}, user=str(n)),
        lambda image, n: image.append(history=li.History(created_by=str(n), empty_layer=True)),
        lambda image, _: image.with_created(MOMENT),
        lambda image, _: image.with_platform("linux/arm64"),
        lambda image, _: image.with_media_types("docker", lossy=True),
        lambda image, _: image.with_media_types("oci"),
        lambda image, _: image.append(layer).drop_layers(-1),
        lambda image, _: image.annotate({"a": "b"}, layers=slice(0)),
        lambda image, n: image.with_artifact_type(f"a/{n}"),
    ]
    image = li.Image.empty()
    for number in range(length):
        image = steps[number % len(steps)](image, number)
    return image


def assert_linear(counts: dict[int, int], *, within: float = 0.02) -> None:
    """Assert that each further step costs what each step before cost."""
    small, middle, large = sorted(counts)
    before = (counts[middle] - counts[small]) / (middle - small)
    after = (counts[large] - counts[middle]) / (large - middle)
    assert after == pytest.approx(before, rel=within), counts


def test_composing_a_chain() -> None:
    """One key a thunk, and the same number of calls for each, with nothing evaluated."""
    counts = {size: Counts() for size in SIZES}
    for size, count in counts.items():
        image = count.of(lambda size=size: chain(size))  # type: ignore[misc]  # called at once
        assert count.keys == 0
        count.of(lambda image=image: image.key)  # type: ignore[misc]  # called at once
        assert (
            count.keys == size + size // 10 + 2
        )  # a step of ten is two mutations; the source, and the layer
        assert not count.evaluated
    assert_linear({size: count.calls for size, count in counts.items()})


def test_a_key_is_made_once() -> None:
    """A mutation more costs one key more, however long the chain below."""
    image = chain(1_000)
    assert image.key
    count = Counts()
    count.of(lambda: image.annotate({"one": "more"}).key)
    assert count.keys == 1


def test_forcing_a_chain() -> None:
    """Each thunk is evaluated once, and each further one costs as many calls as those before."""
    counts = {size: Counts() for size in SIZES}
    for size, count in counts.items():
        image = chain(size)
        count.of(image.manifest)
        mutations = sum(
            count.evaluated[name] for name in ("Annotate", "Configure", "Append", "WithMediaTypes")
        )
        assert mutations == size // 10 * 6
        assert count.evaluated["EditedConfig"] == size // 10 * 6
        assert count.evaluated["SealConfig"] == count.evaluated["SealManifest"] == 1
    assert_linear({size: count.calls for size, count in counts.items()})
    assert_linear({size: count.evaluated.total() for size, count in counts.items()}, within=0)


def test_rebuilding_a_chain() -> None:
    """A recipe on another base is linear in the recipe."""
    counts = {size: Counts() for size in SIZES}
    other = li.Image.empty("linux/s390x")
    for size, count in counts.items():
        image = chain(size)
        moved = count.of(lambda image=image: image.with_base(other))  # type: ignore[misc]  # called at once
        assert moved.key != image.key
    assert_linear({size: count.calls for size, count in counts.items()})


def test_a_rebase_after_a_rebase() -> None:
    """A thousand of them, each on the base of the one before: the digests of bases do not pile up."""
    counts = {size: Counts() for size in (10, 100, 1_000)}
    for size, count in counts.items():
        bases = [li.Image.empty().annotate({"n": str(n)}) for n in range(size + 1)]
        image = bases[0].configure(user="1")
        for old, new in itertools.pairwise(bases):
            image = image.rebase(old, new)
        count.of(image.manifest)
        assert count.evaluated["SealManifest"] == 2
    assert_linear({size: count.calls for size, count in counts.items()})


def many(size: int) -> Index:
    """Compose an index of so many platforms."""
    index = Index.empty()
    for number in range(size):
        index = index.add(li.Image.empty(f"linux/a{number}"))
    return index


def recipe(image: li.Image) -> li.Image:
    return image.append(LAYER).configure(labels={"a": "b"}).annotate({"a": "b"})


@pytest.mark.parametrize("say", [True, False])
def test_a_map_of_500_platforms(say: bool) -> None:  # noqa: FBT001
    """Linear in the platforms; the layer they share is read once; the function is called once."""
    counts = {size: Counts() for size in (5, 50, 500)}
    for size, count in counts.items():
        calls = []

        def function(image: li.Image, calls: list[Any] = calls) -> li.Image:
            calls.append(image)
            return recipe(image)

        mapped = many(size).map(function, platforms=["linux/a1", "linux/a2"] if say else None)
        document = count.of(mapped.manifest)
        assert len(document.manifests) == size
        assert len({entry.digest for entry in document.manifests}) == size
        assert len(calls) == 1
        assert count.evaluated["Consume"] == 1
        assert count.evaluated["Annotate"] == (2 if say else size)
        assert count.evaluated["SealManifest"] == size
    assert_linear({size: count.calls for size, count in counts.items()})
    assert_linear({size: count.evaluated.total() for size, count in counts.items()}, within=0)


def test_writing_a_map_of_500_platforms(tmp_path: Path) -> None:
    """Linear too: what each manifest waits for is not listed anew for each."""
    counts = {size: Counts() for size in (50, 100, 500)}
    for size, count in counts.items():
        target = li.OCILayout(tmp_path / str(size))
        result = count.of(lambda size=size, target=target: many(size).map(recipe).write(target))  # type: ignore[misc]
        assert result.opened == 1
        assert count.evaluated["Stage"] == count.evaluated["PutConfig"] == size
    assert_linear({size: count.keys for size, count in counts.items()}, within=0)
    assert_linear({size: count.evaluated.total() for size, count in counts.items()}, within=0)
    assert_linear({size: count.calls for size, count in counts.items()}, within=0.1)


def test_a_map_of_500_platforms_of_a_registry(registry: li.Registry) -> None:
    """Each document is read once and written once, and the layer is read once.

    A request that met a closed connection was sent again, so that what was asked is looked at, not how often.
    """
    many(500).write(f"{registry.host}/base:1")
    registry.clear()
    result = Index.from_registry(f"{registry.host}/base:1").map(recipe).write(f"{registry.host}/base:2")
    asked = {
        (request.method, request.path.split("/")[3], request.query or request.path)
        for request in registry.requests
        if request.method in ("GET", "PUT")
    }
    assert Counter((method, kind) for method, kind, _ in asked) == {
        ("GET", "manifests"): 1 + 500,
        ("GET", "blobs"): 500,
        ("PUT", "manifests"): 500 + 1,
        ("PUT", "blobs"): 500 + 1,
    }
    assert result.opened == 1
