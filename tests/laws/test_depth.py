"""Graphs of any depth: composed, looked at, pickled and written without recursion."""

from __future__ import annotations

import copy
import functools
import pickle
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from laws.everything import Merged
from laws.readers import Aside

import lazyimg as li
from lazyimg.thunk.events import Event, Started

if TYPE_CHECKING:
    from collections.abc import Callable

CHAIN, DIAMOND = 10_000, 60
START = datetime(2024, 1, 1, tzinfo=UTC)


def same(config: li.ConfigFile) -> li.ConfigFile:
    """Edit nothing."""
    return config


@functools.cache
def chain() -> li.Image:
    """Compose an image of 10,000 mutations of several kinds."""
    image = li.Image.empty()
    steps: list[Callable[[li.Image, int], li.Image]] = [
        lambda image, n: image.annotate({"n": str(n)}),
        lambda image, n: image.configure(user=str(n)),
        lambda image, n: image.with_created(START + timedelta(seconds=n)),
        lambda image, _: image.edit_config(same, key="same"),
        lambda image, _: image.append(),
    ]
    for number in range(CHAIN):
        image = steps[number % len(steps)](image, number)
    return image


@functools.cache
def diamond() -> li.Image:
    """Compose a diamond of 60 levels: two ways on each, 2**60 paths in all."""
    image = li.Image.empty()
    for level in range(DIAMOND):
        image = image.annotate({f"left-{level}": "1"}).apply(
            Merged(image.configure(labels={str(level): "1"}))
        )
    return image


@functools.cache
def subjects() -> li.Image:
    """Compose an image that refers to one that refers to one, 60 levels down, each made of the one before."""
    image = li.Image.empty()
    for level in range(DIAMOND):
        image = image.annotate({"level": str(level)}).with_subject(image)
    return image


DEEP = pytest.mark.parametrize("deep", [chain, diamond, subjects])


@pytest.fixture(autouse=True)
def _shallow_stack() -> None:
    """Make sure that it is not a large limit that lets these tests pass."""
    assert sys.getrecursionlimit() <= 1000


@DEEP
def test_keys_are_equal_for_equal_recipes(deep: Callable[[], li.Image]) -> None:
    """Composed twice it is one thunk: equal keys, equal values, equal hashes, and not those of another."""
    one = deep()
    two = deep.__wrapped__()  # type: ignore[attr-defined] # composed anew
    assert one is not two
    assert one.key == two.key
    assert one == two
    assert hash(one) == hash(two)
    assert one != one.annotate({"other": "1"})
    assert copy.copy(one) == copy.deepcopy(one) == one


@DEEP
def test_graphs_reprs_and_pages_are_made_and_bounded(deep: Callable[[], li.Image]) -> None:
    """Every thunk is in the graph once; what a person is shown of it stays small."""
    image = deep()
    graph = image.graph()
    assert len(graph) == {chain: CHAIN + 1, diamond: 3 * DIAMOND + 1, subjects: 2 * DIAMOND + 1}[deep]
    assert len(repr(image)) < 2_000
    assert len(repr(graph)) < 50_000
    assert len(image._repr_html_()) < 500_000
    assert len(graph._repr_html_()) < 500_000
    assert len(graph.to_svg()) < 500_000


@DEEP
def test_plans_are_made(deep: Callable[[], li.Image]) -> None:
    """A plan has a step for each thunk, and shows itself."""
    plan = deep().plan("registry.example.invalid/app:1")
    assert len(plan.steps) > len(deep().graph())
    assert str(plan)
    assert plan._repr_html_()


@DEEP
def test_pickles_go_there_and_back(deep: Callable[[], li.Image]) -> None:
    """A graph travels to another process and is the same there, origins included."""
    image = pickle.loads(pickle.dumps(deep()))  # noqa: S301 - our own
    assert image.key == deep().key
    assert image.origin == deep().origin
    assert len(image.graph()) == len(deep().graph())


@DEEP
def test_it_is_written_each_thunk_once(deep: Callable[[], li.Image], registry: li.Registry) -> None:
    """Writing evaluates each thunk once, and what was written is what was composed."""
    started: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Started):
            started.append(event.key)

    image = deep()
    with li.Engine(on_event=note):
        result = Aside(lambda: image.write(f"{registry.host}/app:1")).result()

    assert len(started) == len(set(started))
    assert set(started) >= set(image.graph())
    assert image.digest() == result.digest
    back = li.Image.from_registry(f"{registry.host}/app:1")
    assert back.config() == image.config()
    assert back.manifest() == image.manifest()


def test_what_a_long_chain_comes_to_is_right() -> None:
    """The last of ten thousand mutations of each kind wins, in the order of composing."""
    config, manifest = chain().config(), chain().manifest()
    assert manifest.annotations == {"n": "9995"}
    assert config.user == "9996"
    assert config.created == START + timedelta(seconds=9997)


def test_what_a_diamond_comes_to_is_right() -> None:
    """Each level's annotation is there once, and the config is that of the left side."""
    assert set(diamond().manifest().annotations) == {f"left-{level}" for level in range(DIAMOND)}
    assert subjects().manifest().subject is not None
    other = functools.reduce(lambda image, _: image.annotate({"x": "1"}), range(3), subjects())
    assert other.manifest().subject == subjects().manifest().subject


def test_a_long_chain_of_referrers_is_written() -> None:
    """An image that refers to an image that refers to an image, a thousand times, needs no recursion."""
    image: li.Image = li.Image.empty()
    for number in range(1000):
        image = li.Image.empty().annotate({"number": str(number)}).with_subject(image)
    with li.Registry() as registry:
        assert image.write(f"{registry.host}/app:1").digest == image.digest()
