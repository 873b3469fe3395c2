"""skopeo, which we did not write, pushes to the registry and pulls from it."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.peer,
    pytest.mark.skipif(shutil.which("skopeo") is None, reason="skopeo is not installed"),
]

INDEX = "application/vnd.oci.image.index.v1+json"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


class Layout:
    """An OCI layout written by hand (image-spec image-layout.md)."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        (directory / "blobs" / "sha256").mkdir(parents=True)
        (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')

    def add(self, media_type: str, data: bytes, **more: Any) -> dict[str, Any]:
        encoded = hashlib.sha256(data).hexdigest()
        (self.directory / "blobs" / "sha256" / encoded).write_bytes(data)
        return {"mediaType": media_type, "digest": f"sha256:{encoded}", "size": len(data), **more}

    def document(self, media_type: str, **fields: Any) -> dict[str, Any]:
        document = {"schemaVersion": 2, "mediaType": media_type, **fields}
        return self.add(media_type, json.dumps(document).encode())

    def image(self, architecture: str, *layers: bytes) -> dict[str, Any]:
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {},
            "rootfs": {
                "type": "layers",
                "diff_ids": [f"sha256:{hashlib.sha256(tar).hexdigest()}" for tar in layers],
            },
        }
        return self.document(
            MANIFEST,
            config=self.add("application/vnd.oci.image.config.v1+json", json.dumps(config).encode()),
            layers=[
                self.add("application/vnd.oci.image.layer.v1.tar+gzip", gzip.compress(tar, mtime=0))
                for tar in layers
            ],
        )

    def tag(self, name: str, descriptor: dict[str, Any]) -> None:
        entry = {**descriptor, "annotations": {"org.opencontainers.image.ref.name": name}}
        index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [entry]}
        (self.directory / "index.json").write_text(json.dumps(index))

    @property
    def blobs(self) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in (self.directory / "blobs" / "sha256").iterdir()}


TARS = (bytes(10240), bytes(512) + b"not a real tar, which skopeo does not mind" + bytes(3 << 20))


def skopeo(*arguments: str) -> str:
    ended = subprocess.run(["skopeo", *arguments], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Return a layout with an index of two images that share a layer, tagged v1."""
    layout = Layout(tmp_path / "layout")
    images = []
    for architecture, tars in (("amd64", TARS), ("arm64", TARS[:1])):
        platform = {"os": "linux", "architecture": architecture}
        images.append({**layout.image(architecture, *tars), "platform": platform})
    layout.tag("v1", layout.document(INDEX, manifests=images))
    return layout


def test_an_index_travels_through_the_registry(registry: Registry, layout: Layout, tmp_path: Path) -> None:
    """All of an index is pushed and pulled back to the byte."""
    image = f"docker://{registry.host}/team/app:v1"
    skopeo("copy", "--all", "--dest-tls-verify=false", f"oci:{layout.directory}:v1", image)
    skopeo("copy", "--all", "--src-tls-verify=false", image, f"oci:{tmp_path / 'back'}:v1")
    back = {path.name: path.read_bytes() for path in (tmp_path / "back" / "blobs" / "sha256").iterdir()}
    assert back == layout.blobs


def test_one_platform_is_picked_and_inspected(registry: Registry, layout: Layout) -> None:
    """`skopeo inspect` reads what `skopeo copy` pushed."""
    image = f"docker://{registry.host}/app:v1"
    source = f"oci:{layout.directory}:v1"
    skopeo("copy", "--override-arch=arm64", "--dest-tls-verify=false", source, image)
    seen = json.loads(skopeo("inspect", "--tls-verify=false", image))
    assert (seen["Architecture"], seen["RepoTags"], len(seen["Layers"])) == ("arm64", ["v1"], 1)


def test_what_the_registry_has_is_not_sent_again(registry: Registry, layout: Layout) -> None:
    """A copy into another repository of the registry mounts or reuses, and sends no layer."""
    first = f"docker://{registry.host}/one:v1"
    skopeo("copy", "--dest-tls-verify=false", f"oci:{layout.directory}:v1", first)
    registry.clear()
    skopeo(
        "copy", "--src-tls-verify=false", "--dest-tls-verify=false", first, f"docker://{registry.host}/two:v1"
    )
    assert sum(request.bytes_in for request in registry.requests if "/blobs/" in request.path) < 10_000


def test_deleting_and_listing(registry: Registry, layout: Layout) -> None:
    """`skopeo list-tags` and `skopeo delete` speak the same dialect."""
    image = f"docker://{registry.host}/app"
    skopeo("copy", "--dest-tls-verify=false", f"oci:{layout.directory}:v1", f"{image}:v1")
    assert json.loads(skopeo("list-tags", "--tls-verify=false", image))["Tags"] == ["v1"]
    skopeo("delete", "--tls-verify=false", f"{image}:v1")
    assert json.loads(skopeo("list-tags", "--tls-verify=false", image))["Tags"] == []


def test_with_a_password(layout: Layout) -> None:
    """Basic authentication lets skopeo in, and a wrong password keeps it out."""
    with Registry(users={"anna": "secret"}) as registry:
        copy = (
            "copy",
            "--dest-tls-verify=false",
            f"oci:{layout.directory}:v1",
            f"docker://{registry.host}/app:v1",
        )
        skopeo(*copy, "--dest-creds=anna:secret")
        with pytest.raises(AssertionError, match=r"authentication required|unauthorized"):
            skopeo(*copy, "--dest-creds=anna:wrong")


def test_a_denied_push_is_told_so(registry: Registry, layout: Layout) -> None:
    """skopeo shows the registry's words, and no blob was kept."""
    registry.deny("team/*")
    with pytest.raises(AssertionError, match="denied"):
        skopeo(
            "copy",
            "--dest-tls-verify=false",
            f"oci:{layout.directory}:v1",
            f"docker://{registry.host}/team/app:v1",
        )
    assert not [request for request in registry.requests if request.bytes_in]
