"""The image that is pushed and pulled, and what it has to come to; made once, far from any registry."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

from attrs import frozen
from support.bodies import some_bytes
from support.images import CONFIG, LAYER, MANIFEST, config_of, described, text_of

import lazyimg as li

SIZE = 150_000


@frozen
class Subject:
    """An image of one layer, as bytes."""

    manifest: bytes
    config: bytes
    layer: bytes

    @property
    def digest(self) -> str:
        """Of the manifest."""
        return f"sha256:{hashlib.sha256(self.manifest).hexdigest()}"

    def size_of(self, part: str) -> int:
        """Return the bytes of a part."""
        parts = {"layer": self.layer, "config": self.config, "manifest": self.manifest}
        return len(parts[part])

    def filled(self, pattern: str) -> str:
        """Put digests into a pattern of a path."""
        parts = {"layer": self.layer, "config": self.config}
        return pattern.format(**{name: hashlib.sha256(data).hexdigest() for name, data in parts.items()})

    def lay_down(self, directory: Path, tag: str) -> None:
        """Put it into a layout of its own."""
        blobs = directory / "blobs/sha256"
        blobs.mkdir(parents=True)
        for data in (self.manifest, self.config, self.layer):
            (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)
        name = {"org.opencontainers.image.ref.name": tag}
        entry = described(self.manifest, MANIFEST, annotations=name)
        (directory / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
        (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))


@frozen
class Bench:
    """What all cells share.

    Attributes:
        tar: the layer, before it is compressed.
        old: the image that the name says before.
        image: the image that it has to say, if there was no error.
        index_digest: the digest of an index of that image alone.
        layout: a layout that has the image.
        clean: a registry without faults, for copies.
    """

    tar: bytes
    old: Subject
    image: Subject
    index_digest: str
    layout: Path
    clean: li.Registry


def made_bench(directory: Path, clean: li.Registry) -> Bench:
    """Make the images, with no registry near."""
    tar = made_tar()
    file = directory / "layer.tar"
    file.write_bytes(tar)
    image = li.Image.empty().append(li.Layer.from_tar(file))
    image.write(li.OCILayout(directory / "image", tag="v1"))
    index = li.Index.empty().add(image).write(li.OCILayout(directory / "index", tag="v1"))
    return Bench(tar, old_image(), subject_of(directory / "image"), index.digest, directory / "image", clean)


def made_tar() -> bytes:
    """Return a tar whose bytes do not compress."""
    buffer = io.BytesIO()
    data = some_bytes(SIZE)
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("srv/data")
        entry.size = len(data)
        tar.addfile(entry, io.BytesIO(data))
    return buffer.getvalue()


def old_image() -> Subject:
    """Return the image that the tag says before."""
    layer = b"an old layer"
    config = text_of(config_of([layer]))
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(config, CONFIG),
        "layers": [described(layer, LAYER)],
    }
    return Subject(text_of(document), config, layer)


def subject_of(layout: Path) -> Subject:
    """Read the one image of a layout, with nothing but JSON."""
    manifest = _blob(layout, json.loads((layout / "index.json").read_text())["manifests"][0])
    document = json.loads(manifest)
    return Subject(manifest, _blob(layout, document["config"]), _blob(layout, document["layers"][0]))


def _blob(layout: Path, descriptor: dict[str, Any]) -> bytes:
    return (layout / "blobs/sha256" / descriptor["digest"].removeprefix("sha256:")).read_bytes()
