"""Images and indexes of OCI layouts: by tag, digest and platform, never outside the directory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support.images import MANIFEST, described, sha256, text_of
from support.layouts import CONTAINERD_NAME, Laying

import lazyimg as li
from lazyimg.errors import (
    BlobNotFound,
    ContentMismatch,
    ImageNotFound,
    InvalidDocument,
    InvalidMutation,
    LayoutError,
    PlatformNotFound,
    SourceError,
)

if TYPE_CHECKING:
    from pathlib import Path

    from support.images import Pushing


@pytest.fixture
def laying() -> Laying:
    return Laying()


def digest_of(document: object) -> str:
    return sha256(text_of(document))


class TestNames:
    """Which of several images is meant."""

    def test_the_only_image_needs_no_name(self, laying: Laying, tmp_path: Path) -> None:
        """However often it is named."""
        image = laying.image("a", "b", unknown={"x": 1.50})
        laying.write(tmp_path)
        found = li.Image.from_layout(tmp_path)
        assert found.manifest().to_bytes() == text_of(image)
        assert found.config().labels == {"is": ""}

    def test_a_tag_and_a_digest_name_one(self, laying: Laying, tmp_path: Path) -> None:
        """By the annotation of the specification."""
        one, two = laying.image("v1", label="one"), laying.image("v2", label="two")
        laying.write(tmp_path)
        assert li.Image.from_layout(tmp_path, "v2").digest() == digest_of(two)
        assert li.Image.from_layout(str(tmp_path), digest_of(one)).digest() == digest_of(one)

    @pytest.mark.parametrize("ref", ["ghcr.io/me/app:2", "app:1", "docker.io/library/app:1", "2"])
    def test_a_full_name_is_read_as_a_reference(self, laying: Laying, tmp_path: Path, ref: str) -> None:
        """As containerd, docker and podman write it; a tag alone will do."""
        laying.image("docker.io/library/app:1", label="1")
        second = laying.image(label="2")
        laying.name(second, "latest")
        laying.entries[-1]["annotations"][CONTAINERD_NAME] = "ghcr.io/me/app:2"
        laying.write(tmp_path)
        assert li.Image.from_layout(tmp_path, ref).config().labels == {"is": "2" if "2" in ref else "1"}

    def test_the_name_as_written_wins(self, laying: Laying, tmp_path: Path) -> None:
        """A tag that is also the tag of a longer name."""
        exact = laying.image("1", label="exact")
        laying.image("ghcr.io/me/app:1", label="longer")
        laying.write(tmp_path)
        assert li.Image.from_layout(tmp_path, "1").digest() == digest_of(exact)

    def test_several_without_a_name_are_listed(self, laying: Laying, tmp_path: Path) -> None:
        """The error says what to write."""
        laying.image("v1", label="one")
        laying.image("v2", label="two")
        third = laying.image("", label="three")
        laying.write(tmp_path)
        with pytest.raises(ImageNotFound, match="several images: say ref= one of v1; v2; sha256:") as caught:
            li.Image.from_layout(tmp_path).digest()
        assert digest_of(third) in str(caught.value)
        assert isinstance(caught.value, LookupError)
        assert any("test_from_layout.py" in note for note in caught.value.__notes__)

    @pytest.mark.parametrize("ref", ["v3", "sha256:" + 64 * "0", "not/a/../reference"])
    def test_a_name_that_is_nobodys(self, laying: Laying, tmp_path: Path, ref: str) -> None:
        """What there is, is listed."""
        laying.image("v1")
        laying.write(tmp_path)
        with pytest.raises(ImageNotFound, match=f"called '{ref}': it has v1"):
            li.Image.from_layout(tmp_path, ref).digest()

    def test_a_long_list_is_cut(self, laying: Laying, tmp_path: Path) -> None:
        """Twenty are enough."""
        for number in range(25):
            laying.image(f"v{number}", label=str(number))
        laying.write(tmp_path)
        with pytest.raises(ImageNotFound, match="v19; and 5 more"):
            li.Image.from_layout(tmp_path).digest()

    def test_an_empty_layout_says_so(self, tmp_path: Path) -> None:
        """There is nothing to name."""
        Laying().write(tmp_path)
        with pytest.raises(ImageNotFound, match="holds no image"):
            li.Image.from_layout(tmp_path).digest()


class TestPlatforms:
    """An index in a layout, and several platforms under one name."""

    def test_a_nested_index(self, laying: Laying, tmp_path: Path) -> None:
        """The platform is looked for in the index, and in the index in it."""
        arm, intel = laying.image(label="arm"), laying.image(label="intel")
        inner = laying.index(children=[(arm, "linux/arm64"), (intel, "linux/amd64")])
        laying.index("1", children=[(inner, "linux/arm64")])
        laying.write(tmp_path)
        image = li.Image.from_layout(tmp_path, platform="linux/arm64")
        assert image.digest() == digest_of(arm)
        with pytest.raises(PlatformNotFound, match="no platform was named"):
            li.Image.from_layout(tmp_path, "1").digest()
        assert li.Image.from_layout(tmp_path, digest_of(intel)).digest() == digest_of(intel)

    def test_several_entries_of_one_name(self, laying: Laying, tmp_path: Path) -> None:
        """``index.json`` is an index itself; an attestation is no image."""
        for platform in ("linux/amd64", "linux/arm64", "unknown/unknown"):
            os, architecture = platform.split("/")
            image = laying.image(label=platform)
            laying.name(image, "1", platform={"os": os, "architecture": architecture})
        laying.write(tmp_path)
        for ref in ("1", None):
            image = li.Image.from_layout(tmp_path, ref, platform=li.Platform.parse("linux/arm64"))
            assert image.config().labels == {"is": "linux/arm64"}

    def test_an_index_is_read_with_its_children(self, laying: Laying, tmp_path: Path, app: Pushing) -> None:
        """Written to a registry it arrives whole: the index to the byte, each image, each layer."""
        arm, intel = laying.image(label="arm"), laying.image(label="intel")
        inner = laying.index(children=[(intel, "linux/amd64")])
        index = laying.index("1", children=[(arm, "linux/arm64"), (inner, None)], unknown=1.0)
        laying.write(tmp_path)
        source = li.Index.from_layout(tmp_path, "1")
        assert source.digest() == digest_of(index)
        source.write(f"{app.host}/app:1")
        assert app.raw("1") == text_of(index)
        assert app.raw(digest_of(intel)) == text_of(intel)
        assert app.bytes(arm["layers"][0])
        assert source.select("linux/arm64").config().labels == {"is": "arm"}

    def test_an_image_is_no_index(self, laying: Laying, tmp_path: Path) -> None:
        """It is said what it is."""
        laying.image("1")
        laying.write(tmp_path)
        with pytest.raises(InvalidMutation, match="is an image, not an index"):
            li.Index.from_layout(tmp_path).digest()

    def test_an_index_of_several(self, laying: Laying, tmp_path: Path) -> None:
        """As for images, one has to be named."""
        laying.index("1", children=[])
        laying.index("2", children=[(laying.image(), "linux/amd64")])
        laying.write(tmp_path)
        assert len(li.Index.from_layout(tmp_path, "2").manifest().manifests) == 1
        with pytest.raises(ImageNotFound, match="one of 1; 2"):
            li.Index.from_layout(tmp_path).digest()


class TestUse:
    """What is read is mutated and written like any other image."""

    def test_it_is_copied_to_a_registry(self, laying: Laying, tmp_path: Path, app: Pushing) -> None:
        """To the byte; each layer's file is opened once."""
        image = laying.image("1", trees=[{"a": b"1"}, {"b": b"2"}], annotations={"a": "\\u003c"})
        laying.write(tmp_path)
        result = li.Image.from_layout(tmp_path).write(f"{app.host}/app:1")
        assert app.raw("1") == text_of(image)
        assert result.digest == digest_of(image)
        for descriptor in (*image["layers"], image["config"]):
            assert len(app.bytes(descriptor)) == descriptor["size"]
        assert result.opened == 4  # the manifest, the config and the layers

    def test_mutated_in_its_own_directory(self, laying: Laying, tmp_path: Path) -> None:
        """Nothing that is there is read or written again but what changed."""
        laying.image("1", trees=[{"a": b"1"}])
        laying.write(tmp_path)
        image = li.Image.from_layout(tmp_path).configure(user="me")
        result = image.write(li.OCILayout(tmp_path, tag="2"))
        assert len(result.uploaded) == 2
        assert result.opened == 2
        assert li.Image.from_layout(tmp_path, "2").config().user == "me"
        assert li.Image.from_layout(tmp_path, "1").config().user is None

    def test_an_index_is_mapped_in_its_own_directory(self, laying: Laying, tmp_path: Path) -> None:
        """The images that change are written, the others only named."""
        children = [(laying.image(label=name), f"linux/{name}") for name in ("arm64", "amd64")]
        laying.index("1", children=children)
        laying.write(tmp_path)
        index = li.Index.from_layout(tmp_path, "1")
        index.map(lambda i: i.annotate({"a": "b"}), platforms=["linux/arm64"]).write(
            li.OCILayout(tmp_path, tag="2")
        )
        changed = li.Image.from_layout(tmp_path, "2", "linux/arm64")
        kept = li.Image.from_layout(tmp_path, "2", "linux/amd64")
        assert changed.manifest().annotations == {"a": "b"}
        assert kept.digest() == digest_of(children[1][0])

    def test_its_layers_are_known_by_their_descriptors(self, laying: Laying, tmp_path: Path) -> None:
        """They can be appended to another image, and are not read for their digests."""
        image = laying.image("1", trees=[{"a": b"1"}, {"b": b"2"}])
        laying.write(tmp_path)
        layers = li.Image.from_layout(tmp_path).layers()
        assert [layer.digest() for layer in layers] == [one["digest"] for one in image["layers"]]
        other = li.Image.empty().append(layers[1])
        assert other.manifest().layers[0].digest == image["layers"][1]["digest"]


class TestDamage:
    """What is read is verified, and nothing outside is read."""

    def test_no_layout(self, tmp_path: Path) -> None:
        """The error says what a layout has."""
        with pytest.raises(LayoutError, match="has no oci-layout, so it is no OCI layout"):
            li.Image.from_layout(tmp_path).digest()

    def test_no_directory(self, tmp_path: Path) -> None:
        """Neither what is not there nor a file."""
        with pytest.raises(LayoutError, match="no OCI layout"):
            li.Image.from_layout(tmp_path / "nowhere").digest()
        (tmp_path / "file").touch()
        with pytest.raises(SourceError, match="no directory"):
            li.Image.from_layout(tmp_path / "file").digest()

    def test_another_version(self, laying: Laying, tmp_path: Path) -> None:
        """It may mean anything."""
        laying.files["oci-layout"] = b'{"imageLayoutVersion": "2.0.0"}'
        laying.write(tmp_path)
        with pytest.raises(LayoutError, match=r"version '2\.0\.0'"):
            li.Image.from_layout(tmp_path).digest()

    def test_a_broken_index_is_named(self, laying: Laying, tmp_path: Path) -> None:
        """The note names the file."""
        laying.write(tmp_path)
        (tmp_path / "index.json").write_text("nonsense")
        with pytest.raises(InvalidDocument) as caught:
            li.Image.from_layout(tmp_path).digest()
        assert f"in {tmp_path / 'index.json'}" in caught.value.__notes__

    def test_a_missing_blob(self, laying: Laying, tmp_path: Path) -> None:
        """It is named."""
        image = laying.image("1")
        del laying.files[f"blobs/{image['config']['digest'].replace(':', '/')}"]
        laying.write(tmp_path)
        with pytest.raises(BlobNotFound, match=f"has no blob {image['config']['digest']}"):
            li.Image.from_layout(tmp_path).config()

    @pytest.mark.parametrize(
        ("change", "why"),
        [
            (lambda data: data[:-1], "bytes, and not"),
            (lambda data: data + b"x", "has more than the"),
            (lambda data: data[:-1] + bytes([data[-1] ^ 1]), "it is damaged"),
        ],
    )
    def test_a_damaged_layer_moves_no_tag(
        self, laying: Laying, tmp_path: Path, app: Pushing, registry: li.Registry, change: object, why: str
    ) -> None:
        """Its last byte is never sent."""
        assert callable(change)
        image = laying.image("1")
        name = f"blobs/{image['layers'][0]['digest'].replace(':', '/')}"
        laying.files[name] = change(laying.files[name])
        laying.write(tmp_path)
        with pytest.raises(ContentMismatch, match=why):
            li.Image.from_layout(tmp_path).write(f"{app.host}/app:1")
        assert not [r for r in registry.requests if r.method == "PUT" and "/manifests/" in r.path]

    @pytest.mark.parametrize("what", ["blob", "blobs", "sha256", "index.json", "oci-layout"])
    def test_links_are_not_followed(self, laying: Laying, tmp_path: Path, what: str) -> None:
        """Wherever on the way the link is, and though it leads to the right bytes."""
        image = laying.image("1")
        layout, elsewhere = laying.write(tmp_path / "layout"), tmp_path / "elsewhere"
        blob = f"blobs/{image['config']['digest'].replace(':', '/')}"
        path = layout / {"blob": blob, "sha256": "blobs/sha256"}.get(what, what)
        path.rename(elsewhere)
        path.symlink_to(elsewhere)
        with pytest.raises(LayoutError, match="never followed elsewhere"):
            li.Image.from_layout(layout).config()

    def test_a_directory_is_no_blob(self, laying: Laying, tmp_path: Path) -> None:
        """Nor is a FIFO, for which nobody waits."""
        image = laying.image("1")
        laying.write(tmp_path)
        path = tmp_path / f"blobs/{image['config']['digest'].replace(':', '/')}"
        path.unlink()
        path.mkdir()
        with pytest.raises(LayoutError, match="no regular file"):
            li.Image.from_layout(tmp_path).config()

    def test_the_index_says_another_size(self, laying: Laying, tmp_path: Path) -> None:
        """The manifest is held against it."""
        image = laying.image()
        laying.entries.append({**described(text_of(image), MANIFEST), "size": 5})
        laying.write(tmp_path)
        with pytest.raises(ContentMismatch):
            li.Image.from_layout(tmp_path).digest()

    def test_the_index_says_another_media_type(self, laying: Laying, tmp_path: Path) -> None:
        """A manifest that is listed as an index is refused."""
        image = laying.image("1")
        laying.entries[0]["mediaType"] = "application/vnd.oci.image.index.v1+json"
        laying.write(tmp_path)
        assert json.loads(text_of(image))
        with pytest.raises(InvalidDocument):
            li.Image.from_layout(tmp_path).digest()


def test_composing_touches_nothing(tmp_path: Path) -> None:
    """The directory need not be there; the path is made absolute, and ``~`` expanded."""
    image = li.Image.from_layout(tmp_path / "x" / ".." / "layout", "v1", "linux/amd64")
    assert image == li.Image.from_layout(tmp_path / "layout", "v1", "linux/amd64")
    steps = [step.what for step in image.plan("a.example/b:1").steps]
    assert f"Read the manifest of v1 for linux/amd64 in {tmp_path / 'layout'}" in steps
    index = li.Index.from_layout(tmp_path, "v1")
    assert f"Read the index of v1 in {tmp_path}" in [s.what for s in index.plan("a.example/b:1").steps]
    assert not list(tmp_path.iterdir())
