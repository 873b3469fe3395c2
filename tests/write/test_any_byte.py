"""A connection that breaks once, at any byte of a push or a pull and in either direction, costs a try."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support.bodies import some_bytes
from support.cutting_relay import Direction, Relay

import lazyimg as li
from lazyimg.registry.retry import Retries

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PLACES = 14
"""How many bytes are tried of each exchange, spread over it, its first and its last among them."""

WAYS: tuple[Direction, ...] = ("there", "back")


@pytest.fixture
def relay(registry: li.Registry) -> Iterator[Relay]:
    """Give a relay before the registry."""
    with Relay(registry.host) as running:
        yield running


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """Give a file for a layer that does not compress."""
    path = tmp_path / "data"
    path.write_bytes(some_bytes(300_000))
    return path


def engine(host: str) -> li.Engine:
    """Make an engine without connections, as a process that starts has one."""
    return li.Engine(jobs=1, hosts={host: li.Host(retries=Retries(first=0.001, longest=0.002))})


def places(total: int) -> list[int]:
    """Give the bytes to cut at: the first, the last, and some between, at even and odd distances."""
    return sorted({0, 1, total - 1, *((number * total) // PLACES + number for number in range(1, PLACES))})


@pytest.mark.parametrize("way", WAYS)
def test_a_push(relay: Relay, registry: li.Registry, layer: Path, way: Direction) -> None:
    """The image is there, whole, and its source was opened once more at most."""
    image = li.Image.empty().append(li.Layer.from_files({"/data": layer}))
    with engine(relay.host) as whole:
        expected = image.write(f"{relay.host}/whole:1", engine=whole).digest
    for at in places(relay.passed[way]):
        relay.cut(way, at)
        with engine(relay.host) as broken:
            result = image.write(f"{relay.host}/cut-{at}:1", engine=broken)
        assert (result.digest, result.opened <= 2) == (expected, True), at
        li.Image.from_registry(f"{registry.host}/cut-{at}:1").validate().raise_if_wrong()
    assert relay.cuts >= PLACES - 1


@pytest.mark.parametrize("way", WAYS)
def test_a_pull(relay: Relay, registry: li.Registry, layer: Path, tmp_path: Path, way: Direction) -> None:
    """The layout has the image, whole."""
    image = li.Image.empty().append(li.Layer.from_files({"/data": layer}))
    expected = image.write(f"{registry.host}/app:1").digest
    pulled = li.Image.from_registry(f"{relay.host}/app:1")
    with engine(relay.host) as whole:
        pulled.write(li.OCILayout(tmp_path / "whole", tag="1"), engine=whole)
    for at in places(relay.passed[way]):
        relay.cut(way, at)
        with engine(relay.host) as broken:
            result = pulled.write(li.OCILayout(tmp_path / f"cut-{at}", tag="1"), engine=broken)
        assert result.digest == expected, at
        li.Image.from_layout(tmp_path / f"cut-{at}", "1").validate().raise_if_wrong()
    assert relay.cuts >= PLACES - 1
