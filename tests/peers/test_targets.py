"""What lazyimg writes, each way: read, changed and loaded by others, and read again."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.bodies import some_bytes
from support.programs import need

import lazyimg as li
from tests.peers.conftest import run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.docker_registry import DockerRegistry
    from support.podman import Podman

    from tests.peers.conftest import Skopeo

pytestmark = pytest.mark.peer

IMAGE = (
    li.Image.empty()
    .append(li.Layer.from_files({"/etc/motd": b"hello\n", "/usr/large": some_bytes(3 << 20)}))
    .append(li.Layer.from_files({"/app/main": b"one\n"}))
    .configure(env={"MODE": "prod"}, labels={"who": "me"}, cmd=["/app/main"], user="1000")
)
PLAIN = li.Layer.from_files({"/app/other": b"two\n"}, compression=li.Uncompressed())
OTHER = IMAGE.configure(labels={"who": "you"}).append(PLAIN)


@pytest.fixture
def places(tmp_path: Path) -> Path:
    """Write two images to a layout and to an archive of each form, all in one write."""
    li.write(
        {
            li.OCILayout(tmp_path / "layout", tag="v1"): IMAGE,
            li.OCILayout(tmp_path / "layout", tag="v2"): OTHER,
            li.Archive(tmp_path / "oci.tar", tag="me/app:v1"): IMAGE,
            li.Archive(tmp_path / "oci.tar", tag="me/app:v2"): OTHER,
            li.Archive(tmp_path / "docker.tar", tag="me/app:v1", format="docker"): IMAGE,
            li.Archive(
                tmp_path / "docker.tar", tag=("me/app:v2", "reg.example/app:2"), format="docker"
            ): OTHER,
        }
    )
    return tmp_path


class TestSkopeo:
    """Skopeo reads all three, and pushes what it read to Debian's registry."""

    @pytest.mark.parametrize("source", ["oci:{}/layout:v1", "oci-archive:{}/oci.tar:me/app:v1"])
    def test_oci(
        self, places: Path, source: str, skopeo: Skopeo, docker_registry: DockerRegistry, repository: str
    ) -> None:
        """The same image, to the byte."""
        where = source.format(places)
        assert skopeo.inspect(where)["Digest"] == IMAGE.digest()
        skopeo.copy(where, f"docker://{docker_registry.host}/{repository}:1")
        assert li.Image.from_registry(f"{docker_registry.host}/{repository}:1").digest() == IMAGE.digest()

    @pytest.mark.parametrize(
        ("tag", "image"),
        [("me/app:v1", IMAGE), ("me/app:v2", OTHER), ("reg.example/app:2", OTHER)],
        ids=["v1", "v2", "2"],
    )
    def test_docker(
        self,
        places: Path,
        tag: str,
        image: li.Image,
        skopeo: Skopeo,
        docker_registry: DockerRegistry,
        repository: str,
    ) -> None:
        """Every config to the byte, though the layers are compressed; layers unpack to the same tars."""
        where = f"docker-archive:{places}/docker.tar:{tag}"
        assert skopeo.inspect(where)["Labels"] == dict(image.config().labels)
        skopeo.copy(where, f"docker://{docker_registry.host}/{repository}:1", "--format=oci")
        found = li.Image.from_registry(f"{docker_registry.host}/{repository}:1")
        assert found.manifest().config.digest == image.manifest().config.digest
        assert found.config().diff_ids == image.config().diff_ids

    def test_there_and_back(self, places: Path, skopeo: Skopeo) -> None:
        """What skopeo made of our archive, added to, is an archive that it reads again."""
        skopeo.copy(f"oci-archive:{places}/oci.tar:me/app:v1", f"oci-archive:{places}/theirs.tar:theirs:1")
        theirs = li.Image.from_archive(places / "theirs.tar", "theirs:1")
        assert theirs.digest() == IMAGE.digest()
        mine = theirs.annotate({"a": "b"})
        result = mine.write(li.Archive(places / "mine.tar", tag="mine:1"))
        assert skopeo.inspect(f"oci-archive:{places}/mine.tar")["Digest"] == result.digest


def test_umoci(places: Path, umoci: Callable[..., str], unpack: Callable[[str], Path]) -> None:
    """Unpacked, changed and packed again in our layout; changed by us; unpacked once more."""
    layout = places / "layout"
    rootfs = unpack(f"{layout}:v1")
    assert (rootfs / "usr/large").read_bytes() == some_bytes(3 << 20)
    (rootfs / "app/main").write_text("changed\n")
    (rootfs / "etc/motd").unlink()
    rootless = [] if os.getuid() == 0 else ["--rootless"]
    umoci("repack", "--image", f"{layout}:packed", str(rootfs.parent))
    packed = li.Image.from_layout(layout, "packed")
    assert len(packed.manifest().layers) == 3
    assert packed.config().labels == {"who": "me"}

    packed.append(li.Layer.from_files({"/app/more": b"more\n"})).write(li.OCILayout(layout, tag="more"))
    assert set(umoci("ls", "--layout", str(layout)).split()) == {"v1", "v2", "packed", "more"}
    umoci("unpack", *rootless, "--image", f"{layout}:more", str(places / "again"))
    again = places / "again/rootfs"
    assert sorted(str(path.relative_to(again)) for path in again.rglob("*") if path.is_file()) == [
        "app/main",
        "app/more",
        "usr/large",
    ]
    assert (again / "app/main").read_text() == "changed\n"

    before = {path.name for path in (layout / "blobs/sha256").iterdir()}
    packed.write(li.OCILayout(layout, tag="packed", replace=True, collect=True))
    left = {path.name for path in (layout / "blobs/sha256").iterdir()}
    assert len(left) == 2 + 3
    assert left < before
    umoci("gc", "--layout", str(layout))
    assert {path.name for path in (layout / "blobs/sha256").iterdir()} == left
    umoci("stat", "--json", "--image", f"{layout}:packed")


def test_buildah(places: Path, unpack: Callable[[str], Path]) -> None:
    """Built on, committed to our layout, and read and changed by us."""
    program = need("buildah", "buildah")
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True, check=False).returncode != 0:
        pytest.skip("buildah needs to mount, which this user may not: run as root, or in `buildah unshare`")
    layout, storage = places / "layout", places / "storage"
    buildah = (program, "--storage-driver", "vfs", "--root", f"{storage}/root", "--runroot", f"{storage}/run")
    (places / "copied").write_text("by buildah\n")
    working = run(*buildah, "from", f"oci:{layout}:v1").strip()
    run(*buildah, "copy", working, str(places / "copied"), "/app/copied")
    run(*buildah, "config", "--label", "by=buildah", working)
    run(*buildah, "commit", working, f"oci:{layout}:built")
    run(*buildah, "rm", working)

    built = li.Image.from_layout(layout, "built")
    assert built.config().labels.items() >= {"who": "me", "by": "buildah"}.items()
    assert built.config().diff_ids[:2] == IMAGE.config().diff_ids
    assert len(built.config().diff_ids) == 3
    layers = [layer.digest for layer in built.manifest().layers]
    result = built.annotate({"a": "b"}).write(
        li.OCILayout(layout, tag="annotated", replace=True, collect=True)
    )
    assert [layer.digest for layer in li.Image.from_layout(layout).manifest().layers] == layers
    assert li.Image.from_layout(layout, "annotated").digest() == result.digest
    rootfs = unpack(f"{layout}:annotated")
    assert (rootfs / "app/copied").read_text() == "by buildah\n"
    assert (rootfs / "etc/motd").read_text() == "hello\n"


class TestPodman:
    """Podman loads what docker would, and its service what the daemon would."""

    def images(self, podman: Podman, *names: str) -> dict[str, dict[str, object]]:
        """Return what podman says of images, by the names asked for."""
        return {name: json.loads(podman("image", "inspect", name))[0] for name in names}

    def test_it_loads_a_docker_archive(self, places: Path, podman: Podman) -> None:
        """With several images in it; their ids are the digests of our configs."""
        podman("load", "--input", str(places / "docker.tar"))
        found = self.images(podman, "localhost/me/app:v1", "reg.example/app:2")
        for one, image in zip(found.values(), (IMAGE, OTHER), strict=True):
            assert f"sha256:{one['Id']}" == image.manifest().config.digest
        podman("rmi", "--force", *found)

    def test_it_loads_an_oci_archive(self, places: Path, podman: Podman) -> None:
        """With one image in it, which is all that podman takes; under our digest."""
        IMAGE.write(li.Archive(places / "one.tar", tag="me/one:v1"))
        podman("load", "--input", str(places / "one.tar"))
        [one] = self.images(podman, "localhost/me/one:v1").values()
        assert one["Digest"] == IMAGE.digest()
        podman("rmi", "--force", "me/one:v1")

    def test_the_service_loads(self, tmp_path: Path, podman: Podman) -> None:
        """Several images, beside a layout; and gives them back."""
        service = podman.host
        results = li.write(
            {
                li.Daemon(("reg.example/loaded:v1", "reg.example/loaded:latest"), service): IMAGE,
                li.Daemon("reg.example/loaded:v2", service): OTHER,
                li.OCILayout(tmp_path / "out", tag="v2"): OTHER,
            }
        )
        assert {result.opened for result in results.values()} == {3}
        names = [f"reg.example/loaded:{tag}" for tag in ("v1", "latest", "v2")]
        found = self.images(podman, *names)
        for one, image in zip(found.values(), (IMAGE, IMAGE, OTHER), strict=True):
            assert f"sha256:{one['Id']}" == image.manifest().config.digest
            assert li.Image.from_daemon(str(one["Id"]), host=service).config() == image.config()
        podman("rmi", "--force", *names)
