"""Sources of a user's own: a frozen class that gives a manifest and blobs, and nothing else."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from attrs import frozen
from support.images import INDEX, text_of

import lazyimg as li
from lazyimg.errors import ContentMismatch, InvalidDocument, InvalidMutation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.images import Json, Pushing


@frozen
class FromZip(li.ImageSource):
    """Read an image from a zip file of blobs."""

    path: Path

    def read_manifest(self, work: Any) -> bytes:
        assert work.counters
        with zipfile.ZipFile(self.path) as file:
            return file.read("manifest")

    def read_blob(self, descriptor: li.Descriptor, work: Any) -> Iterator[bytes]:
        assert work.counters
        with zipfile.ZipFile(self.path) as file, file.open(descriptor.digest.encoded) as blob:
            while piece := blob.read(3):
                yield piece


@frozen
class Given(li.ImageSource):
    """Give what it was given."""

    data: bytes
    blob: Any = b""

    def read_manifest(self, work: Any) -> bytes:
        assert work
        return self.data

    def read_blob(self, descriptor: li.Descriptor, work: Any) -> Any:
        assert descriptor
        assert work
        return self.blob


@pytest.fixture
def pushed(base: Pushing, tmp_path: Path) -> Json:
    """Put an image, and pack it into a zip file."""
    document = base.image("1", annotations={"a": "1"})
    with zipfile.ZipFile(tmp_path / "app.zip", "w") as file:
        file.writestr("manifest", text_of(document))
        for blob in (document["config"], *document["layers"]):
            file.writestr(li.Digest(blob["digest"]).encoded, base.bytes(blob))
    return document


def test_it_is_an_image_as_any_other(tmp_path: Path, app: Pushing, pushed: Json) -> None:
    """Read, changed, written: byte for byte what it was, but for the change."""
    image = FromZip(tmp_path / "app.zip")
    assert image.digest() == li.Digest.of(text_of(pushed))
    result = image.annotate({"b": "2"}).configure(user="1").write(f"{app.host}/app:1")
    assert {layer["digest"] for layer in pushed["layers"]} <= {str(blob.digest) for blob in result.uploaded}
    found = app.json("1")
    assert (found["annotations"], found["layers"]) == ({"a": "1", "b": "2"}, pushed["layers"])
    assert app.bytes(found["layers"][0]) == b"layer 0"


def test_it_is_a_base_of_a_recipe(tmp_path: Path, pushed: Json) -> None:
    """For `rebase`, `with_base`, an index."""
    assert pushed
    image = FromZip(tmp_path / "app.zip")
    assert li.Image.empty().annotate({"b": "2"}).with_base(image) == image.annotate({"b": "2"})
    assert image.rebase(image, image).layers()[0].digest() == image.layers()[0].digest()
    assert li.Index.empty().add(image).select("linux/amd64").digest() == image.digest()


def test_composing_touches_nothing(tmp_path: Path) -> None:
    """Equal fields make equal images; errors name the line."""
    image = FromZip(tmp_path / "absent.zip")
    assert image == FromZip(tmp_path / "absent.zip")
    assert pickle.loads(pickle.dumps(image)) == image  # noqa: S301 - our own
    assert "Read an image from a zip file" in image._repr_html_()
    assert any("FromZip" in step.name for step in image.plan("a.example/b:1").steps)
    with pytest.raises(FileNotFoundError) as caught:
        image.digest()
    assert any("test_own_image_source.py" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("blob", [b"other", [b"ot", b"her"], b"", [b"x" * 1000]])
def test_what_it_gives_is_verified(app: Pushing, pushed: Json, blob: Any) -> None:
    """Bytes of another digest or size never arrive under the name."""
    source = Given(text_of(pushed), blob)
    with pytest.raises(ContentMismatch):
        source.write(f"{app.host}/app:1")
    assert not source.validate().is_valid
    with pytest.raises(ContentMismatch, match="Given"):
        source.config()


def test_what_it_gives_is_a_manifest(pushed: Json) -> None:
    """Neither an index nor anything else."""
    assert pushed
    with pytest.raises(InvalidMutation, match="gave an index"):
        Given(text_of({"schemaVersion": 2, "mediaType": INDEX, "manifests": []})).digest()
    with pytest.raises(InvalidDocument):
        Given(b"not JSON").digest()


def test_what_says_nothing_is_named() -> None:
    """The class is in the message."""

    @frozen
    class Silent(li.ImageSource):
        """Says nothing."""

    with pytest.raises(NotImplementedError, match="Silent"):
        Silent().digest()
    descriptor = li.Descriptor(media_type="a/b", digest=li.Digest.of(b""), size=0)
    with pytest.raises(NotImplementedError, match="Silent"):
        Silent().read_blob(descriptor, None)  # type: ignore[arg-type]


def test_a_field_may_not_hide_what_every_image_can_do() -> None:
    """A field called like a method is refused when the class is made."""
    with pytest.raises(TypeError, match=r"Broken\.layers would hide Image\.layers\(\)"):

        class Broken(li.ImageSource):
            layers: tuple[bytes, ...]
