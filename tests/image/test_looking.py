"""Looking at images and layers: forces nothing."""

from __future__ import annotations

import copy
import inspect
import io
import pickle
from typing import TYPE_CHECKING

import pytest

import lazyimg as li

if TYPE_CHECKING:
    from support.images import Pushing


@pytest.fixture
def image() -> li.Image:
    """Give an image of a registry that does not exist, on which everything was done."""
    return (
        li.Image.from_registry("registry.invalid/base:1")
        .append(li.Layer.from_directory("/nonexistent", at="/app"))
        .configure(user="1000")
        .annotate({"a": "<b>"})
    )


def test_its_graph_is_that_of_its_thunks(image: li.Image) -> None:
    """Inputs come before their dependents."""
    graph = image.graph()
    names = [graph.nodes[key]["thunk"].name for key in graph]
    assert sorted(names) == ["Annotate", "Append", "Configure", "FromDirectory", "FromRegistry"]
    assert graph.has_edge(image.base.key, image.key)  # type: ignore[attr-defined]  # a mutation has one


def test_its_card_shows_what_is_pending(image: li.Image) -> None:
    """What is not known is said to be, and what others wrote is escaped."""
    card = image._repr_html_()
    assert "Annotate" in card
    assert "pending" in card
    assert "<b>" not in card


def test_a_layer_shows_its_own_graph() -> None:
    """One thunk, and no line to another."""
    layer = li.Layer.from_files({"/a": b"a"})
    assert len(layer.graph()) == 1
    assert "pending" in layer._repr_html_()


def test_a_stream_that_was_consumed_is_known(app: Pushing) -> None:
    """Its card says digest, size and diff_id; before, that they are pending."""
    layer = li.Layer.from_stream(io.BytesIO(b"data"), compression=li.Uncompressed())
    assert "pending" in layer._repr_html_()
    li.Image.empty().append(layer).write(f"{app.host}/app:1")
    card = layer._repr_html_()
    assert str(layer.digest(timeout=1)) in card
    assert "4 bytes" in card
    assert "pending" not in card


def test_its_text_is_short(image: li.Image) -> None:
    """A name, and parameters; what is below is a name and the beginning of its key."""
    assert repr(image).startswith("Annotate(base=<Configure ")
    assert len(repr(image)) < 200


def test_it_is_pickled_and_copied(image: li.Image) -> None:
    """A copy is equal, and knows where it was composed."""
    again = pickle.loads(pickle.dumps(image))  # noqa: S301 - our own
    assert again == image
    assert again.origin == image.origin
    assert copy.deepcopy(image) is image
    assert copy.copy(image) is image


def test_a_set_of_images(image: li.Image) -> None:
    """They are hashed by their keys."""
    same = image.base.annotate({"a": "<b>"})  # type: ignore[attr-defined]  # a mutation has one
    assert {image, same} == {image}
    assert image != "another thing"


def test_the_signature_of_configure_reads_well() -> None:
    """What keeps a field is shown by its name."""
    assert "= KEEP" in str(inspect.signature(li.Image.configure))
