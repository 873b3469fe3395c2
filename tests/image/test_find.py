"""Finding entries of an index, and weighing images."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import pytest
from support.images import sha256, text_of

import lazyimg as li
from lazyimg.errors import InvalidDigest, InvalidPlatform, NobodyConsumes
from lazyimg.image.image import Image

if TYPE_CHECKING:
    from pathlib import Path

    from support.images import Json, Pushing

NAME = "org.opencontainers.image.ref.name"


class TestFind:
    """By platform, digest, name, annotation."""

    @pytest.fixture
    def pushed(self, base: Pushing) -> Json:
        """Put an index of two images, and one within it of two more."""
        children = [base.image(annotations={"for": str(number)}) for number in range(4)]
        inner = base.index("inner", children=[(children[2], "linux/arm/v6"), (children[3], "linux/arm/v7")])
        plain = base.index(
            "0", children=[(children[0], "linux/amd64"), (children[1], "linux/arm64"), (inner, None)]
        )
        entries = [dict(entry) for entry in plain["manifests"]]
        entries[0]["annotations"] = {NAME: "v1", "k": "v"}
        entries[1]["annotations"] = {NAME: "v2", "k": "w"}
        index = {**plain, "manifests": entries}
        base.manifest(index, "1", media_type=index["mediaType"])
        return index

    @pytest.fixture
    def index(self, base: Pushing, pushed: Json) -> li.Index:
        """Give it."""
        assert pushed
        return li.Index.from_registry(f"{base.host}/base:1")

    @staticmethod
    def numbers(index: li.Index, **wanted: object) -> list[str]:
        found = index.find(**wanted)  # type: ignore[arg-type]  # names of parameters
        return [one.child.manifest().annotations.get("for", "index") for one in found]

    def test_by_each(self, index: li.Index, pushed: Json) -> None:
        """And by all that is given together; those within come after their index."""
        assert self.numbers(index) == ["0", "1", "index", "2", "3"]
        assert self.numbers(index, platform="linux/arm64") == ["1"]
        assert self.numbers(index, platform="linux/arm/v7") == ["2", "3"]
        assert self.numbers(index, platform=li.Platform.parse("linux/arm/v6")) == ["2"]
        assert self.numbers(index, name="v1") == ["0"]
        assert self.numbers(index, annotation="k") == ["0", "1"]
        assert self.numbers(index, annotation=("k", "w")) == ["1"]
        assert self.numbers(index, digest=pushed["manifests"][2]["digest"]) == ["index"]
        assert self.numbers(index, annotation="k", platform="linux/amd64") == ["0"]
        assert self.numbers(index, name="v3") == []

    def test_what_it_gives(self, index: li.Index, pushed: Json) -> None:
        """The descriptor as it stands there, and the image."""
        [found] = index.find(name="v2")
        assert found.descriptor.to_json() == pushed["manifests"][1]
        assert isinstance(found.child, Image)
        assert found.child.digest() == found.descriptor.digest

    def test_each_index_is_read_once(self, index: li.Index, registry: li.Registry) -> None:
        """And no image."""
        registry.clear()
        assert len(index.find(platform="linux/arm/v7")) == 2
        assert len(registry.requests) == 2

    def test_of_one_that_was_composed(self) -> None:
        """Its entries are sealed for it, with the platforms of their configs."""
        image = li.Image.empty("linux/arm64").append(li.Layer.from_files({"/a": b"a"}))
        index = li.Index.empty().add(image, annotations={"k": "v"}).with_subject(li.Image.empty())
        [found] = index.find(platform="linux/arm64", digest=image.digest(), annotation="k")
        assert found.child == image
        assert li.Index.empty().find() == ()

    def test_what_cannot_be_looked_for(self, index: li.Index) -> None:
        """It is refused before anything is read."""
        with pytest.raises(InvalidPlatform):
            index.find(platform="arm64")
        with pytest.raises(InvalidDigest):
            index.find(digest="latest")


class TestSizes:
    """As they travel, uncompressed, and shared."""

    def test_of_a_few_images(self, registry: li.Registry, base: Pushing) -> None:
        """Blobs that several have are told apart from those that one has."""
        one = base.image("1", layers=[b"shared", b"one"])
        other = base.image("2", layers=[b"shared", b"other!"], annotations={"a": "b"})
        images = {name: li.Image.from_registry(f"{base.host}/base:{name}") for name in ("1", "2")}
        registry.clear()
        sizes = li.sizes(images)
        assert len(registry.requests) == 2
        configs = [document["config"]["size"] for document in (one, other)]
        manifests = [len(text_of(document)) for document in (one, other)]
        assert sizes.of("1") == images["1"].size() == 9 + configs[0] + manifests[0]
        assert sizes.of("2") == images["2"].size() == 12 + configs[1] + manifests[1]
        assert (sizes.shared, sizes.shared_by("1")) == (6, 6)
        assert sizes.unique_to("2") == sizes.of("2") - 6
        assert sizes.total == sizes.of("1") + sizes.of("2") - 6
        assert "6 of them shared" in repr(sizes)
        assert "its own" in sizes._repr_html_()

    def test_of_one_image_under_two_names(self) -> None:
        """All of it is shared; a layer that stands twice in one image is one blob."""
        layer = li.Layer.from_files({"/a": b"a"})
        image = li.Image.empty().append(layer, layer)
        sizes = li.sizes({"a": image, "b": image})
        assert sizes.total == sizes.shared == sizes.of("a") == image.size() - layer.size()
        assert sizes.unique_to("a") == 0
        assert li.sizes({}).total == 0

    def test_uncompressed(self, app: Pushing, tmp_path: Path) -> None:
        """The tars in it, wherever they rest and however they are compressed; each place counts."""
        files = {"/a": b"a" * 100_000}
        layers = [
            li.Layer.from_files(files, compression=one) for one in (li.Gzip(), li.Zstd(), li.Uncompressed())
        ]
        image = li.Image.empty().append(*layers)
        tar = layers[2].size()
        assert image.size(uncompressed=True) == 3 * tar
        image.write(f"{app.host}/app:1", li.OCILayout(tmp_path / "out"))
        assert li.Image.from_registry(f"{app.host}/app:1").size(uncompressed=True) == 3 * tar
        assert li.Image.from_layout(tmp_path / "out").size(uncompressed=True) == 3 * tar
        assert li.Image.empty().append(layers[0], layers[0]).size(uncompressed=True) == 2 * tar
        assert image.size() < image.size(uncompressed=True)

    def test_a_stream_is_not_used_up(self, app: Pushing) -> None:
        """Only a write reads it."""
        image = li.Image.empty().append(li.Layer.from_stream(io.BytesIO(b"tar")))
        with pytest.raises(NobodyConsumes, match="measuring would use it up"):
            image.size(uncompressed=True)
        assert image.write(f"{app.host}/app:1").opened == 1

    def test_what_is_there_is_known_by_its_descriptors(self, base: Pushing) -> None:
        """No layer has to be there to be weighed."""
        base.image("1")
        image = li.Image.from_registry(f"{base.host}/base:1")
        assert {sha256(b"layer 0"), sha256(b"layer 1")} <= set(li.sizes({"1": image}).images["1"])
