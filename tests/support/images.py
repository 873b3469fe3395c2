"""Images put into a registry, and read back, as plain JSON: what lazyimg makes of them is held against it."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from lazyimg.registry.client import Client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Json = dict[str, Any]

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def sha256(data: bytes) -> str:
    """Return a digest as documents name it, worked out without lazyimg."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def text_of(document: Any) -> bytes:
    """Return a document's bytes, in a form of its own that nobody would write again by chance."""
    return json.dumps(document, indent=1).encode()


def described(blob: bytes, media_type: str, **more: Any) -> Json:
    """Return the descriptor of some bytes."""
    return {"mediaType": media_type, "digest": sha256(blob), "size": len(blob), **more}


def config_of(layers: Sequence[bytes], **more: Any) -> Json:
    """Return a config of layers, whose diff_ids are made up of their bytes."""
    rootfs = {"type": "layers", "diff_ids": [sha256(b"tar of " + layer) for layer in layers]}
    return {"architecture": "amd64", "os": "linux", "rootfs": rootfs, **more}


class Pushing:
    """Puts documents and blobs into one repository, and reads them back.

    Args:
        host: the registry.
        repository: its name.
    """

    def __init__(self, host: str, repository: str) -> None:
        self.host = host
        self.repository = repository

    def blob(self, data: bytes) -> None:
        """Put a blob."""
        with Client(self.host) as client:
            client.begin_upload(self.repository).put(data, sha256(data), len(data))

    def manifest(self, document: Mapping[str, Any] | bytes, *names: str, media_type: str = MANIFEST) -> str:
        """Put a manifest under tags, or under its digest alone; return the digest."""
        data = document if isinstance(document, bytes) else text_of(document)
        with Client(self.host) as client:
            for name in names or [sha256(data)]:
                client.put_manifest(self.repository, name, data, media_type)
        return sha256(data)

    def image(
        self,
        *names: str,
        layers: Sequence[bytes] = (b"layer 0", b"layer 1"),
        config: Json | None = None,
        **more: Any,
    ) -> Json:
        """Put an image of some layers (made-up bytes) and a config; return its manifest."""
        data = text_of(config_of(layers) if config is None else config)
        for blob in (*layers, data):
            self.blob(blob)
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described(data, CONFIG),
            "layers": [described(layer, LAYER) for layer in layers],
            **more,
        }
        self.manifest(document, *names)
        return document

    def index(self, *names: str, children: Sequence[tuple[Json, str | None]], **more: Any) -> Json:
        """Put an index of manifests that are there, each with its platform (``os/architecture/variant``)."""
        document = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [
                described(
                    text_of(child), child["mediaType"], **({} if platform is None else _platform(platform))
                )
                for child, platform in children
            ],
            **more,
        }
        self.manifest(document, *names, media_type=INDEX)
        return document

    def raw(self, name: str) -> bytes:
        """Read the bytes of a manifest or index."""
        with Client(self.host) as client:
            return client.get_manifest(self.repository, name).data

    def json(self, name: str) -> Json:
        """Read a manifest or index."""
        found: Json = json.loads(self.raw(name))
        return found

    def bytes(self, descriptor: Json) -> bytes:
        """Read a blob."""
        with Client(self.host) as client:
            return client.get_blob_bytes(self.repository, descriptor["digest"], descriptor["size"], 1 << 30)

    def config(self, name: str) -> Json:
        """Read the config of an image."""
        found: Json = json.loads(self.bytes(self.json(name)["config"]))
        return found

    def tags(self) -> list[str]:
        """Read the tags."""
        with Client(self.host) as client:
            return client.tags(self.repository)


def _platform(text: str) -> Json:
    names = ("os", "architecture", "variant")
    return {"platform": dict(zip(names, text.split("/"), strict=False))}
