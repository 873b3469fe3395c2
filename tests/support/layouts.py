"""OCI layouts, and archives of them, written by hand as plain JSON."""

from __future__ import annotations

import gzip
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

from support.images import CONFIG, INDEX, LAYER, MANIFEST, Json, described, sha256, text_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

REF_NAME = "org.opencontainers.image.ref.name"
CONTAINERD_NAME = "io.containerd.image.name"


def tar_of(files: Mapping[str, bytes | tuple[str, str]], *, mtime: int = 0) -> bytes:
    """Return a tar of files, in their order; ``(kind, target)`` is a link, ``symlink`` or ``hardlink``."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.mtime = mtime
            if isinstance(content, tuple):
                entry.type = tarfile.SYMTYPE if content[0] == "symlink" else tarfile.LNKTYPE
                entry.linkname = content[1]
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


class Laying:
    """Makes the files of an OCI layout.

    Attributes:
        files: the content of each, by its path.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {"oci-layout": b'{"imageLayoutVersion": "1.0.0"}'}
        self.entries: list[Json] = []

    def blob(self, data: bytes) -> str:
        """Add a blob."""
        digest = sha256(data)
        self.files[f"blobs/{digest.replace(':', '/')}"] = data
        return digest

    def image(
        self, *names: str, trees: Sequence[Mapping[str, bytes]] = ({"a": b"1"},), label: str = "", **more: Any
    ) -> Json:
        """Add an image of a gzipped layer a tree, named in the index; return its manifest."""
        tars = [tar_of(tree) for tree in trees]
        layers = [gzip.compress(tar, mtime=0) for tar in tars]
        rootfs = {"type": "layers", "diff_ids": [sha256(tar) for tar in tars]}
        config = text_of(
            {"architecture": "amd64", "os": "linux", "config": {"Labels": {"is": label}}, "rootfs": rootfs}
        )
        for data in (*layers, config):
            self.blob(data)
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described(config, CONFIG),
            "layers": [described(layer, LAYER) for layer in layers],
            **more,
        }
        self.name(document, *names)
        return document

    def index(self, *names: str, children: Sequence[tuple[Json, str | None]], **more: Any) -> Json:
        """Add an index of manifests, each with its platform, named in ``index.json``."""
        entries = []
        for child, platform in children:
            entry = described(text_of(child), child["mediaType"])
            if platform is not None:
                entry["platform"] = dict(
                    zip(("os", "architecture", "variant"), platform.split("/"), strict=False)
                )
            entries.append(entry)
        document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": entries, **more}
        self.name(document, *names)
        return document

    def name(self, document: Json, *names: str, **more: Any) -> None:
        """Add a manifest or index, with an entry a name."""
        data = text_of(document)
        self.blob(data)
        for name in names:
            entry = described(data, document["mediaType"], **more)
            self.entries.append({**entry, "annotations": {REF_NAME: name}} if name else entry)

    def all(self) -> dict[str, bytes]:
        """Return all files, ``index.json`` among them."""
        index = {"schemaVersion": 2, "manifests": self.entries}
        return {**self.files, "index.json": json.dumps(index).encode()}

    def write(self, directory: Path) -> Path:
        """Write the layout."""
        for name, data in self.all().items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return directory

    def tar(self) -> bytes:
        """Return the layout as an archive."""
        return tar_of(self.all())


class Saving:
    """Makes an archive as ``docker save`` did before version 25.

    Attributes:
        files: the content of each, by its name; a link as `tar_of` has it.
        images: what ``manifest.json`` says.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes | tuple[str, str]] = {}
        self.images: list[Json] = []

    def image(
        self,
        *tags: str,
        trees: Sequence[Mapping[str, bytes]] = ({"a": b"1"},),
        label: str = "",
        links: str = "",
    ) -> bytes:
        """Add an image of a layer a tree; a repeated layer is a link, if asked for. Return its config."""
        names: list[str] = []
        tars = [tar_of(tree) for tree in trees]
        for number, tar in enumerate(tars):
            first = next((one for one in names if self.files[one] == tar), None)
            name = f"{sha256(tar + bytes([number])).removeprefix('sha256:')}/layer.tar"
            names.append(name)
            if links and first:
                self.files[name] = (links, f"../{first}" if links == "symlink" else first)
            else:
                self.files[name] = tar
        rootfs = {"type": "layers", "diff_ids": [sha256(tar) for tar in tars]}
        config = text_of(
            {"architecture": "amd64", "os": "linux", "config": {"Labels": {"is": label}}, "rootfs": rootfs}
        )
        name = f"{sha256(config).removeprefix('sha256:')}.json"
        self.files[name] = config
        self.images.append({"Config": name, "RepoTags": list(tags), "Layers": names})
        return config

    def tar(self) -> bytes:
        """Return the archive."""
        return tar_of({**self.files, "manifest.json": json.dumps(self.images).encode()})
