"""An embedded registry to read images of, and to write them to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from support.images import Pushing

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def registry() -> Iterator[li.Registry]:
    """Give an embedded registry that records what it is asked."""
    with li.Registry() as running:
        yield running


@pytest.fixture
def base(registry: li.Registry) -> Pushing:
    """Give the repository ``base`` of the registry, to put images into by hand."""
    return Pushing(registry.host, "base")


@pytest.fixture
def app(registry: li.Registry) -> Pushing:
    """Give the repository ``app`` of the registry, to see what was written."""
    return Pushing(registry.host, "app")


@pytest.fixture(autouse=True)
def _own_engine() -> Iterator[None]:
    """Let each test have an engine of its own, so that none meets another's connections."""
    with li.Engine():
        yield


@pytest.fixture
def opened() -> Iterator[list[str]]:
    """Give the paths of the files that were opened, as the interpreter's audit sees them."""
    _watched.append([])
    yield _watched[-1]
    _watched.pop()


_watched: list[list[str]] = []


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "open" and _watched:
        _watched[-1].append(str(arguments[0]))


sys.addaudithook(_watch)
