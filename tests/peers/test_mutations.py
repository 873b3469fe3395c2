"""What mutations make of documents, read by programs we did not write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.docker_registry import DockerRegistry

    from tests.peers.conftest import Skopeo

pytestmark = pytest.mark.peer

DOCKER = "application/vnd.docker."


def layer(path: str, text: str) -> li.Layer:
    return li.Layer.from_files({path: text.encode()})


def entry(name: str, *, empty: bool = False) -> li.History:
    return li.History(created_by=name, empty_layer=empty)


@pytest.fixture
def stat(umoci: Callable[..., str]) -> Callable[[str], list[tuple[str, str | None]]]:
    """Give a function that says of ``layout:tag`` what umoci takes for the layer of each entry of history."""

    def said(image: str) -> list[tuple[str, str | None]]:
        found = json.loads(umoci("stat", "--json", "--image", image))
        layers = [(one["created_by"], one["layer"]) for one in found["history"]]
        return [(name, None if blob is None else blob["digest"]) for name, blob in layers]

    return said


def test_a_rebased_image_unpacks_as_its_parts(
    tmp_path: Path, unpack: Callable[[str], Path], stat: Callable[[str], Any]
) -> None:
    """The new base's files below the image's own; umoci finds each layer's own entry of history."""
    old = li.Image.empty().append(
        layer("/etc/os", "old"), layer("/old", ""), history=[entry("1"), entry("2")]
    )
    new = li.Image.empty("linux/arm64").append(
        layer("/etc/os", "new"),
        layer("/new", ""),
        layer("/newer", ""),
        history=[entry("a"), entry("b"), entry("CMD", empty=True), entry("c")],
    )
    app = old.append(history=entry("ENV", empty=True)).append(layer("/app", "app"), history=entry("app"))
    for name, image in (("old", old), ("new", new), ("app", app)):
        image.write(li.OCILayout(tmp_path / "parts", tag=name))
    at = {name: li.Image.from_layout(tmp_path / "parts", name) for name in ("old", "new", "app")}
    rebased = at["app"].rebase(at["old"], at["new"])
    rebased.write(li.OCILayout(tmp_path / "out", tag="v1"))

    root = unpack(f"{tmp_path}/out:v1")
    assert {str(path.relative_to(root)) for path in root.rglob("*")} == {
        "etc",
        "etc/os",
        "new",
        "newer",
        "app",
    }
    assert (root / "etc/os").read_text() == "new"
    digests = [one.digest() for one in rebased.layers()]
    assert stat(f"{tmp_path}/out:v1") == [
        ("a", digests[0]),
        ("b", digests[1]),
        ("CMD", None),
        ("c", digests[2]),
        ("ENV", None),
        ("app", digests[3]),
    ]


def test_what_is_left_of_dropped_layers(
    tmp_path: Path, unpack: Callable[[str], Path], stat: Callable[[str], Any]
) -> None:
    """Files and history of the layers that stay."""
    image = li.Image.empty()
    for name in "abcd":
        image = image.append(layer(f"/{name}", name), history=[entry(f"# {name}", empty=True), entry(name)])
    left = image.drop_layers(0, -2)
    left.write(li.OCILayout(tmp_path / "out", tag="v1"))
    root = unpack(f"{tmp_path}/out:v1")
    assert {path.name for path in root.iterdir()} == {"b", "d"}
    told = [(name, digest) for name, digest in stat(f"{tmp_path}/out:v1") if digest is not None]
    assert told == [("b", left.layers()[0].digest()), ("d", left.layers()[1].digest())]


def test_what_umoci_packed_is_dropped_again(
    tmp_path: Path, umoci: Callable[..., str], unpack: Callable[[str], Path], stat: Callable[[str], Any]
) -> None:
    """A layer that umoci put on top, with its own history, comes off as one of ours."""
    base = li.Image.empty().append(layer("/base", "base"), history=entry("base"))
    base.write(li.OCILayout(tmp_path / "out", tag="v1"))
    (tmp_path / "file").write_text("inserted")
    umoci("insert", "--image", f"{tmp_path}/out:v1", "--tag", "v2", str(tmp_path / "file"), "/inserted")
    packed = li.Image.from_layout(tmp_path / "out", "v2")
    assert packed.validate().raise_if_wrong()
    assert len(packed.config().history) == 2
    packed.drop_layers(-1).configure(user="1").write(li.OCILayout(tmp_path / "out", tag="v3"))
    assert {path.name for path in unpack(f"{tmp_path}/out:v3").iterdir()} == {"base"}
    assert [name for name, _ in stat(f"{tmp_path}/out:v3")] == ["base"]


def test_dockers_media_types_are_taken_for_dockers(
    docker_registry: DockerRegistry, repository: str, skopeo: Skopeo, tmp_path: Path
) -> None:
    """Debian's registry takes them, and skopeo reads and converts them."""
    image = li.Image.empty().append(layer("/a", "a")).configure(env={"A": "b"})
    index = li.Index.empty().add(image).add(image.with_platform("linux/arm64"))
    host = docker_registry.host
    index.with_media_types("docker").write(f"{host}/{repository}:docker")
    raw = json.loads(
        skopeo._run("inspect", "--raw", "--tls-verify=false", f"docker://{host}/{repository}:docker")
    )
    assert raw["mediaType"] == f"{DOCKER}distribution.manifest.list.v2+json"
    child = f"docker://{host}/{repository}@{raw['manifests'][1]['digest']}"
    manifest = json.loads(skopeo._run("inspect", "--raw", "--tls-verify=false", child))
    assert manifest["mediaType"] == f"{DOCKER}distribution.manifest.v2+json"
    assert skopeo.inspect(child)["Architecture"] == "arm64"
    skopeo.copy(f"docker://{host}/{repository}:docker", f"oci:{tmp_path / 'copied'}:v1", "--all")
    back = li.Index.from_registry(f"{host}/{repository}:docker").with_media_types("oci")
    theirs = li.Index.from_layout(tmp_path / "copied", "v1")
    for platform in ("linux/amd64", "linux/arm64"):
        ours, copied = back.select(platform).manifest(), theirs.select(platform).manifest()
        assert [one.media_type for one in ours.layers] == [one.media_type for one in copied.layers]
        assert (ours.config, ours.layers[0].digest) == (copied.config, copied.layers[0].digest)


def test_a_rebased_image_is_pushed_by_mounts(
    docker_registry: DockerRegistry, repository: str, skopeo: Skopeo
) -> None:
    """No layer is sent; skopeo finds the new base's layers and platform, and the annotations."""
    host = docker_registry.host
    old = li.Image.empty().append(layer("/os", "old"))
    new = li.Image.empty("linux/arm64").append(layer("/os", "new"))
    li.write(
        {
            f"{host}/{repository}:old": old,
            f"{host}/{repository}:new": new,
            f"{host}/{repository}:app": old.append(layer("/app", "app")),
        }
    )
    at = {name: li.Image.from_registry(f"{host}/{repository}:{name}") for name in ("old", "new", "app")}
    result = at["app"].rebase(at["old"], at["new"]).pin().write(f"{host}/{repository}:rebased")
    assert result.opened == 0
    seen = skopeo.inspect(f"docker://{host}/{repository}:rebased")
    assert seen["Architecture"] == "arm64"
    assert seen["Layers"] == [layer("/os", "new").digest(), layer("/app", "app").digest()]
    raw = json.loads(
        skopeo._run("inspect", "--raw", "--tls-verify=false", f"docker://{host}/{repository}:rebased")
    )
    assert raw["annotations"]["org.opencontainers.image.base.digest"] == at["new"].digest()
    assert raw["annotations"]["org.opencontainers.image.base.name"] == f"{host}/{repository}:new"
