"""Archives and layouts that other programs made, read by lazyimg."""

from __future__ import annotations

import gzip
import json
import subprocess
from typing import TYPE_CHECKING

import pytest

import lazyimg as li

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.podman import Podman

    from tests.peers.conftest import Skopeo

pytestmark = pytest.mark.peer

ONE = {"/one.txt": b"one\n", "/etc/motd": b"hello\n"}
TWO = {"/two.txt": b"two\n"}


@pytest.fixture
def image() -> li.Image:
    """Compose an image of two layers."""
    return (
        li.Image.empty()
        .append(li.Layer.from_files(ONE))
        .append(li.Layer.from_files(TWO))
        .configure(env={"MODE": "prod"}, labels={"who": "me"}, cmd=["/bin/sh"])
    )


@pytest.fixture
def layout(image: li.Image, tmp_path: Path) -> Path:
    """Write it to a layout."""
    image.write(li.OCILayout(tmp_path / "layout", tag="v1"))
    return tmp_path / "layout"


def check(found: li.Image, image: li.Image) -> None:
    """Compare what every program keeps: the tars of the layers and what the config says."""
    assert found.config().diff_ids == image.config().diff_ids
    assert found.config().env == ("MODE=prod",)
    assert found.config().labels == {"who": "me"}


def test_a_layout_of_skopeo(image: li.Image, layout: Path, tmp_path: Path, skopeo: Skopeo) -> None:
    """Copied by skopeo, it is the same image under the same tag."""
    skopeo.copy(f"oci:{layout}:v1", f"oci:{tmp_path / 'copy'}:other/name:v2")
    for ref in ("other/name:v2", "v2", None, image.digest()):
        assert li.Image.from_layout(tmp_path / "copy", ref).digest() == image.digest()


def test_an_oci_archive_of_skopeo(image: li.Image, layout: Path, tmp_path: Path, skopeo: Skopeo) -> None:
    """The same image, by its name and as the only one, and when the archive is compressed."""
    skopeo.copy(f"oci:{layout}:v1", f"oci-archive:{tmp_path / 'app.tar'}:app:v1")
    (tmp_path / "app.tar.gz").write_bytes(gzip.compress((tmp_path / "app.tar").read_bytes()))
    for path in ("app.tar", "app.tar.gz"):
        for tag in ("app:v1", "v1", None):
            assert li.Image.from_archive(tmp_path / path, tag).digest() == image.digest()


def test_a_docker_archive_of_skopeo(image: li.Image, layout: Path, tmp_path: Path, skopeo: Skopeo) -> None:
    """The layers come back as plain tars, and are compressed to the same blobs again."""
    skopeo.copy(f"oci:{layout}:v1", f"docker-archive:{tmp_path / 'app.tar'}:me/app:v1")
    for tag in ("me/app:v1", "docker.io/me/app:v1", "v1", None):
        found = li.Image.from_archive(tmp_path / "app.tar", tag)
        check(found, image)
    with li.Registry() as registry:
        result = found.write(f"{registry.host}/app:1")
        assert [one.digest for one in found.manifest().layers] == [
            one.digest for one in image.manifest().layers
        ]
        seen = skopeo.inspect(f"docker://{registry.host}/app:1")
        assert (seen["Digest"], seen["Labels"]) == (result.digest, {"who": "me"})


def test_a_layout_of_umoci(tmp_path: Path, umoci: Callable[..., str]) -> None:
    """Two tags in one layout, with umoci's own layers."""
    path = tmp_path / "umoci"
    (tmp_path / "one.txt").write_text("one")
    umoci("init", "--layout", str(path))
    umoci("new", "--image", f"{path}:empty")
    umoci("tag", "--image", f"{path}:empty", "full")
    umoci("insert", "--image", f"{path}:full", str(tmp_path / "one.txt"), "/one.txt")
    umoci("config", "--image", f"{path}:full", "--config.label", "by=umoci")
    full = li.Image.from_layout(path, "full")
    assert full.config().labels == {"by": "umoci"}
    assert li.Image.from_layout(path, "empty").manifest().layers == ()
    full.append(li.Layer.from_files(TWO)).write(li.OCILayout(path, tag="more"))
    assert set(umoci("ls", "--layout", str(path)).split()) == {"empty", "full", "more"}
    stat = json.loads(umoci("stat", "--json", "--image", f"{path}:more"))
    assert len([entry for entry in stat["history"] if not entry.get("empty_layer")]) == 2


class TestPodman:
    """What podman saves, and what its service exports as docker's would."""

    @pytest.fixture
    def loaded(self, layout: Path, skopeo: Skopeo, podman: Podman) -> str:
        """Let podman have the image under a name of this test's own."""
        archive = layout.parent / "for-podman.tar"
        name = f"example.com/test/{layout.parent.name.lower()}:v1".replace("_", "-")
        skopeo.copy(f"oci:{layout}:v1", f"docker-archive:{archive}:{name}")
        podman("load", "--input", str(archive))
        return name

    @pytest.mark.parametrize("form", ["docker-archive", "oci-archive"])
    def test_a_saved_archive(
        self, image: li.Image, loaded: str, tmp_path: Path, podman: Podman, form: str
    ) -> None:
        """By its name, by its tag, and as the only one."""
        podman("save", "--format", form, "--output", str(tmp_path / "saved.tar"), loaded)
        for tag in (loaded, "v1", None):
            check(li.Image.from_archive(tmp_path / "saved.tar", tag), image)

    def test_several_images_in_one_archive(
        self, image: li.Image, loaded: str, tmp_path: Path, podman: Podman
    ) -> None:
        """Which one is said by its tag; without one, the error lists them."""
        other = loaded.replace(":v1", ":v2")
        image.configure(labels={"who": "you"}).write(li.OCILayout(tmp_path / "other", tag="v2"))
        subprocess.run(
            ["skopeo", "copy", f"oci:{tmp_path}/other:v2", f"docker-archive:{tmp_path}/other.tar:{other}"],
            check=True,
            capture_output=True,
        )
        podman("load", "--input", str(tmp_path / "other.tar"))
        podman("save", "--multi-image-archive", "--output", str(tmp_path / "saved.tar"), loaded, other)
        check(li.Image.from_archive(tmp_path / "saved.tar", loaded), image)
        assert li.Image.from_archive(tmp_path / "saved.tar", "v2").config().labels == {"who": "you"}
        with pytest.raises(LookupError, match=f"{loaded}; {other}"):
            li.Image.from_archive(tmp_path / "saved.tar").digest()

    def test_the_service_exports(
        self,
        image: li.Image,
        loaded: str,
        tmp_path: Path,
        podman: Podman,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        """By name and by id; DOCKER_HOST is read when something is forced."""
        found = li.Image.from_daemon(loaded)
        monkeypatch.setenv("DOCKER_HOST", podman.host)
        check(found, image)
        by_id = podman("inspect", "--format", "{{.Id}}", loaded)
        check(li.Image.from_daemon(by_id, host=podman.host), image)
        pinned = found.pin()
        assert pinned == li.Image.from_daemon(f"sha256:{by_id}")
        check(pinned, image)
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        with li.Registry() as registry, li.Engine(scratch=scratch):
            result = found.append(li.Layer.from_files({"/three": b"3"})).write(f"{registry.host}/app:1")
            written = li.Image.from_registry(f"{registry.host}/app:1")
            assert (written.digest(), len(written.layers())) == (result.digest, 3)
        assert not list(scratch.iterdir())

    def test_what_the_service_does_not_have(self, podman: Podman) -> None:
        """The error says what it was asked and what it said."""
        with pytest.raises(LookupError, match=r"cannot export example\.com/no/such:1: the docker daemon at"):
            li.Image.from_daemon("example.com/no/such:1", host=podman.host).digest()
