"""Images that skopeo and umoci made are read, mutated and pushed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.docker_registry import DockerRegistry

    from tests.peers.conftest import Skopeo

pytestmark = pytest.mark.peer


@pytest.fixture
def layout(umoci: Callable[..., str], tmp_path: Path) -> Path:
    """Let umoci make an image of two layers in a layout."""
    path = tmp_path / "umoci"
    (tmp_path / "one.txt").write_text("one")
    (tmp_path / "two.txt").write_text("two")
    umoci("init", "--layout", str(path))
    umoci("new", "--image", f"{path}:base")
    umoci("insert", "--image", f"{path}:base", str(tmp_path / "one.txt"), "/one.txt")
    umoci("insert", "--image", f"{path}:base", str(tmp_path / "two.txt"), "/two.txt")
    umoci("config", "--image", f"{path}:base", "--config.env", "FROM=umoci", "--config.label", "by=umoci")
    return path


@pytest.mark.parametrize("media_types", ["oci", "v2s2"])
def test_an_image_of_umoci_is_mutated(
    docker_registry: DockerRegistry,
    repository: str,
    layout: Path,
    skopeo: Skopeo,
    unpack: Callable[[str], Path],
    media_types: str,
) -> None:
    """Pushed by skopeo in either family of media types, it keeps its family, its layers and its history."""
    name = f"{docker_registry.host}/{repository}"
    skopeo.copy(f"oci:{layout}:base", f"docker://{name}:base", "--format", media_types)
    base = li.Image.from_registry(f"{name}:base")
    image = base.append(li.Layer.from_files({"/three.txt": b"three"})).configure(env={"MORE": "yes"})
    result = image.write(f"{name}:1")
    before = json.loads(base.manifest().to_bytes())
    after = json.loads(image.manifest().to_bytes())
    assert after.get("mediaType") == before.get("mediaType")
    assert after["layers"][:2] == before["layers"]
    assert ("docker" in after["layers"][2]["mediaType"]) is (media_types == "v2s2")
    assert len(image.config().history) == len(base.config().history) + 1
    seen = skopeo.inspect(f"docker://{name}:1")
    assert seen["Digest"] == result.digest
    assert seen["Env"][-2:] == ["FROM=umoci", "MORE=yes"]
    assert seen["Labels"] == {"by": "umoci"}
    target = layout.parent / f"back-{media_types}"
    skopeo.copy(f"docker://{name}:1", f"oci:{target}:1")
    rootfs = unpack(f"{target}:1")
    assert {path.name: path.read_text() for path in rootfs.iterdir()} == {
        "one.txt": "one",
        "two.txt": "two",
        "three.txt": "three",
    }


def test_a_copy_keeps_every_byte(
    docker_registry: DockerRegistry, repository: str, layout: Path, skopeo: Skopeo
) -> None:
    """An image that nothing mutates has the same digest wherever it is written."""
    name = f"{docker_registry.host}/{repository}"
    skopeo.copy(f"oci:{layout}:base", f"docker://{name}:base")
    digest = skopeo.inspect(f"docker://{name}:base")["Digest"]
    with li.Registry() as elsewhere:
        result = li.Image.from_registry(f"{name}:base").write(f"{elsewhere.host}/copy:1", f"{name}-copy:1")
        assert result.digest == digest
        assert skopeo.inspect(f"docker://{elsewhere.host}/copy:1")["Digest"] == digest
    assert skopeo.inspect(f"docker://{name}-copy:1")["Digest"] == digest
    assert len(result.targets[1].mounted) == len(result.targets[0].uploaded) - 1


def test_what_skopeo_pushed_to_the_embedded_registry(layout: Path, skopeo: Skopeo) -> None:
    """The embedded registry takes a push of skopeo's and gives it back to lazyimg and to skopeo."""
    with li.Registry() as registry:
        name = f"{registry.host}/made/by-umoci"
        skopeo.copy(f"oci:{layout}:base", f"docker://{name}:base")
        image = li.Image.from_registry(f"{name}:base").annotate({"seen": "yes"})
        result = image.write(f"{name}:1")
        skopeo.copy(f"docker://{name}:1", f"oci:{layout.parent / 'again'}:1")
        assert skopeo.inspect(f"docker://{name}:1")["Digest"] == result.digest
