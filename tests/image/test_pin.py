"""Pinning: the same recipe, every moving tag replaced by the digest it names now."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest

import lazyimg as li
from lazyimg.errors import NotFound
from lazyimg.image.from_registry import FromRegistry
from lazyimg.image.index import Index
from lazyimg.image.index_source import IndexFromRegistry

if TYPE_CHECKING:
    from support.images import Pushing


@pytest.fixture
def moving(base: Pushing) -> str:
    """Put an image and an index under tags."""
    child = base.image("1", annotations={"v": "1"})
    base.index("multi", children=[(child, "linux/amd64")])
    return f"{base.host}/base"


def sources(image: li.Image | Index) -> list[FromRegistry | IndexFromRegistry]:
    graph = image.graph()
    thunks = [graph.nodes[key]["thunk"] for key in graph]
    return [thunk for thunk in thunks if isinstance(thunk, FromRegistry | IndexFromRegistry)]


def test_it_stays_what_it_is_when_the_tag_moves(base: Pushing, moving: str) -> None:
    """The tag is kept as a name; what is read is the digest that it named."""
    image = li.Image.from_registry(f"{moving}:1").annotate({"a": "b"})
    pinned = image.pin()
    assert pinned.digest() == image.digest()
    base.image("1", annotations={"v": "2"})
    assert pinned.manifest().annotations == {"a": "b", "v": "1"}
    assert image.manifest().annotations == {"a": "b", "v": "2"}
    [source] = sources(pinned)
    assert source.reference.tag == "1"
    assert source.reference.digest is not None


def test_wherever_a_tag_stands_in_the_recipe(moving: str) -> None:
    """As a base, a further input, a subject, in an index, and in a recipe that is only held."""
    one, other = (
        li.Image.from_registry(f"{moving}:1"),
        li.Image.from_registry(f"{moving}:multi", "linux/amd64"),
    )
    whole = Index.from_registry(f"{moving}:multi")
    image = one.rebase(other, one).with_subject(other).append(li.Layer.from_files({"/a": b"a"}))
    index = whole.add(image, platform="linux/arm64").map(lambda each: each.with_subject(one))
    pinned = index.pin()
    assert len(sources(pinned)) == len(sources(index)) == 3
    assert all(source.reference.digest for source in sources(pinned))
    assert [
        source.platform for source in sources(pinned) if isinstance(source, FromRegistry) and source.platform
    ]
    assert pinned.digest() == index.digest()
    assert isinstance(pinned, type(index))


def test_one_head_a_tag(moving: str, registry: li.Registry) -> None:
    """No manifest is read, and a tag that stands twice is asked for once."""
    one = li.Image.from_registry(f"{moving}:1")
    image = one.rebase(one, li.Image.from_registry(f"{moving}:multi", "linux/amd64")).with_subject(one)
    registry.clear()
    image.pin()
    asked = sorted((request.method, request.path.rpartition("/")[2]) for request in registry.requests)
    assert asked == [("HEAD", "1"), ("HEAD", "multi")]


def test_what_is_pinned_is_not_asked_for(moving: str, registry: li.Registry) -> None:
    """Neither a digest nor what is of no registry moves; the recipe is the very same."""
    digest = li.Image.from_registry(f"{moving}:1").digest()
    image = li.Image.from_registry(f"{moving}@{digest}").with_subject(li.Image.empty())
    registry.clear()
    assert image.pin() is image
    assert image.pin().pin() is image
    assert not registry.requests


def test_every_step_keeps_its_origin(moving: str) -> None:
    """And the recipe travels as any other."""
    image = li.Image.from_registry(f"{moving}:1").annotate({"a": "b"})
    pinned = image.pin()
    assert pinned.origin == image.origin
    assert sources(pinned)[0].origin == sources(image)[0].origin
    assert pickle.loads(pickle.dumps(pinned)) == pinned  # noqa: S301 - our own


def test_a_tag_that_is_not_there(moving: str) -> None:
    """The error is the registry's, with the line."""
    with pytest.raises(NotFound) as caught:
        li.Image.from_registry(f"{moving}:absent").pin()
    assert any("test_pin.py" in note for note in caught.value.__notes__)


def test_in_an_engine_of_ones_own(moving: str) -> None:
    """As everything that forces."""
    with li.Engine(jobs=1) as engine:
        assert li.Image.from_registry(f"{moving}:1").pin(engine=engine) != li.Image.from_registry(
            f"{moving}:1"
        )
