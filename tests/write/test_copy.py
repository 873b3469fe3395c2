"""Copies of blobs that rest in a registry or a layout, through this machine."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest
from support.bodies import some_bytes
from support.images import Pushing

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from support.front import Front
    from support.http_server import Exchange

SIZE = 24 << 20


@pytest.fixture
def other() -> Iterator[li.Registry]:
    """Give a second registry."""
    with li.Registry() as running:
        yield running


@pytest.fixture
def image(base: Pushing) -> li.Image:
    """Give an image with a large layer and a small one."""
    base.image("1", layers=[some_bytes(SIZE), b"small"])
    return li.Image.from_registry(f"{base.host}/base:1")


def test_one_download_serves_every_target(
    image: li.Image, base: Pushing, registry: li.Registry, other: li.Registry, tmp_path: Path
) -> None:
    """A registry and a layout get the blob from one reading of it."""
    registry.clear()
    result = image.write(f"{other.host}/app:1", li.OCILayout(tmp_path / "out"))
    large = base.json("1")["layers"][0]
    gets = [r.path for r in registry.requests if r.method == "GET" and r.path.endswith(large["digest"])]
    assert len(gets) == 1
    assert Pushing(other.host, "app").bytes(large) == some_bytes(SIZE)
    assert (tmp_path / "out/blobs" / large["digest"].replace(":", "/")).read_bytes() == some_bytes(SIZE)
    assert result.opened == 0


def test_a_cut_upload_goes_on(
    image: li.Image, base: Pushing, other: li.Registry, front: Callable[[str], Front]
) -> None:
    """What was sent twice is counted as sent; the other target has it as well."""
    proxy = front(other.host)
    proxy.cut(SIZE // 2, method="PUT", times=8)  # smaller bodies pass
    result = image.write(f"{proxy.host}/app:1", f"{other.host}/second:1")
    there = Pushing(other.host, "app")
    assert there.raw("1") == base.raw("1")
    assert there.bytes(base.json("1")["layers"][0]) == some_bytes(SIZE)
    first, second = result.targets
    assert first.attempts > second.attempts


def test_a_cut_upload_goes_on_however_the_download_arrives(
    base: Pushing, registry: li.Registry, other: li.Registry, front: Callable[[str], Front]
) -> None:
    """A second download need not come in the same pieces as the first to be known for the same bytes."""
    data = some_bytes(2 * SIZE)
    large = base.image("1", layers=[data])["layers"][0]
    sizes = random.Random(0)  # noqa: S311 - the same each time is the point

    def in_odd_pieces(exchange: Exchange) -> bool:
        if exchange.method != "GET" or not exchange.path.endswith(large["digest"]):
            return False
        exchange.answer(200, length=len(data))
        start = 0
        while start < len(data):
            end = start + sizes.randrange(1_000, 250_000)
            exchange.write(data[start:end])
            start = end
        return True

    source, target = front(registry.host), front(other.host)
    source.intercept = in_odd_pieces
    target.cut(SIZE, method="PUT")
    result = li.Image.from_registry(f"{source.host}/base:1").write(f"{target.host}/app:1")
    assert result.targets[0].bytes_sent > len(data)
    assert Pushing(other.host, "app").bytes(large) == data


def test_an_image_of_a_layout_is_written_elsewhere(image: li.Image, app: Pushing, tmp_path: Path) -> None:
    """Out of the layout, to the byte."""
    result = image.write(li.OCILayout(tmp_path / "out", tag="v1"))
    again = li.Image.from_layout(tmp_path / "out", "v1").write(f"{app.host}/app:1")
    assert again.digest == result.digest
    assert app.bytes(app.json("1")["layers"][0]) == some_bytes(SIZE)
