"""The same recipe on another base."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from attrs import frozen
from support.images import config_of

import lazyimg as li
from lazyimg.errors import InvalidMutation
from lazyimg.image.index import Index

if TYPE_CHECKING:
    from support.images import Pushing

    from lazyimg.state.image_state import ImageState


@frozen
class Joined(li.Mutation):
    """Take the annotations of another image too."""

    other: li.Image

    def mutate(self, state: ImageState, *others: ImageState) -> ImageState:
        annotations = {**others[0].manifest.annotations, **state.manifest.annotations}
        return state.with_manifest(state.manifest.with_annotations(annotations))


def recipe(base: li.Image) -> li.Image:
    return (
        base.append(li.Layer.from_files({"/a": b"a"}))
        .configure(env={"A": "b"})
        .apply(Joined(base.annotate({"seen": "yes"})))
        .with_subject(base)
        .annotate({"mine": "1"})
    )


@pytest.fixture
def bases(base: Pushing) -> tuple[li.Image, li.Image]:
    """Put two bases."""
    for name, layers in (("old", [b"0"]), ("new", [b"0", b"1"])):
        base.image(name, layers=layers, config=config_of(layers, config={"Env": [f"BASE={name}"]}))
    old, new = (li.Image.from_registry(f"{base.host}/base:{name}") for name in ("old", "new"))
    return old, new


def test_it_is_what_the_recipe_makes_of_the_other_base(bases: tuple[li.Image, li.Image]) -> None:
    """The same thunk, byte for byte the same image: wherever the base stands in the recipe."""
    old, new = bases
    moved = recipe(old).with_base(new)
    assert moved == recipe(new)
    assert moved.config().environment == {"BASE": "new", "A": "b"}
    assert moved.digest() == recipe(new).digest()
    assert moved.with_base(old) == recipe(old)


def test_it_touches_nothing(registry: li.Registry, bases: tuple[li.Image, li.Image]) -> None:
    """It composes; neither base is asked for."""
    old, new = bases
    registry.clear()
    assert len(recipe(old).with_base(new).graph()) == len(recipe(old).graph())
    assert not registry.requests


def test_every_step_keeps_its_origin(bases: tuple[li.Image, li.Image]) -> None:
    """An error still names the line that composed the step."""
    old, new = bases
    image = old.drop_layers(7).annotate({"a": "b"})
    with pytest.raises(InvalidMutation) as caught:
        image.with_base(new).digest()
    assert f"{image.base.origin}" in "".join(caught.value.__notes__)  # type: ignore[attr-defined]


def test_layers_are_shared(bases: tuple[li.Image, li.Image]) -> None:
    """A one-shot stream is the same stream, read once for both."""
    old, new = bases
    image = old.append(li.Layer.from_stream(io.BytesIO(b"tar")))
    moved = image.with_base(new)
    host = old.reference.registry  # type: ignore[attr-defined]  # of a registry
    results = li.write({f"{host}/app:1": image, f"{host}/app:2": moved})
    assert {result.opened for result in results.values()} == {1}


def test_an_image_without_mutations_is_the_other(bases: tuple[li.Image, li.Image]) -> None:
    """Nothing is to be repeated."""
    old, new = bases
    assert old.with_base(new) is new


def test_an_image_out_of_an_index(bases: tuple[li.Image, li.Image]) -> None:
    """The select is the base, not the index that was composed for it."""
    old, new = bases
    selected = Index.empty().add(old.annotate({"x": "y"}), platform="linux/amd64").select("linux/amd64")
    assert selected.annotate({"a": "b"}).with_base(new) == new.annotate({"a": "b"})


def test_within_a_map(bases: tuple[li.Image, li.Image], app: Pushing) -> None:
    """The stand-in for the index's images is a base as any other."""
    old, new = bases
    index = Index.empty().add(old, platform="linux/amd64")
    index.map(lambda image: image.annotate({"a": "b"}).with_base(new)).write(f"{app.host}/app:1")
    [entry] = app.json("1")["manifests"]
    assert entry["digest"] == new.annotate({"a": "b"}).digest()


def test_what_is_no_image_is_refused(bases: tuple[li.Image, li.Image]) -> None:
    """While composing."""
    with pytest.raises(InvalidMutation, match=r"with_base\(\) takes an image, and was given a str"):
        recipe(bases[0]).with_base("debian:12")  # type: ignore[arg-type]
