"""A client that does what distribution-spec says, step by step, in a repository of its own."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import urljoin

import httpx

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar"
EMPTY = "application/vnd.oci.empty.v1+json"
BYTES = {"Content-Type": "application/octet-stream"}
BLOB = b"the bytes of a blob, some of which are asked for"


def digest_of(data: bytes, algorithm: str = "sha256") -> str:
    return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"


def descriptor(media_type: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": digest_of(data), "size": len(data), **more}


def index_of(*manifests: dict[str, Any], **fields: Any) -> bytes:
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests), **fields}
    return json.dumps(document).encode()


class Wire:
    """The client.

    Args:
        http: speaks with the registry.
        name: the repository.
    """

    def __init__(self, http: httpx.Client, name: str) -> None:
        self.http = http
        self.name = name
        self.root = f"/v2/{name}"

    def url(self, location: str) -> str:
        """Return the address that a Location names, absolute or relative."""
        return urljoin(str(self.http.base_url), location)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.http.get(f"{self.root}/{path}", **options)

    def head(self, path: str, **options: Any) -> httpx.Response:
        return self.http.head(f"{self.root}/{path}", **options)

    def delete(self, path: str) -> httpx.Response:
        return self.http.delete(f"{self.root}/{path}")

    # --- blobs ---------------------------------------------------------------------------------------

    def post(self, **query: str) -> httpx.Response:
        return self.http.post(
            f"{self.root}/blobs/uploads/", params=query or None, headers={"Content-Length": "0"}
        )

    def begin(self) -> str:
        answer = self.post()
        assert answer.status_code == 202, answer.text
        return self.url(answer.headers["location"])

    def chunk(self, location: str, data: bytes, start: int) -> httpx.Response:
        headers = {**BYTES, "Content-Range": f"{start}-{start + len(data) - 1}"}
        return self.http.patch(location, content=data, headers=headers)

    def close(self, location: str, whole: bytes, data: bytes = b"", **options: Any) -> httpx.Response:
        digest = options.pop("digest", digest_of(whole))
        url = httpx.URL(location).copy_merge_params({"digest": digest})
        return self.http.put(url, content=data, headers={**BYTES, **options.pop("headers", {})})

    def push_blob(self, data: bytes = BLOB) -> str:
        answer = self.close(self.begin(), data, data)
        assert answer.status_code == 201, answer.text
        return digest_of(data)

    # --- manifests -----------------------------------------------------------------------------------

    def put(
        self, reference: str, data: bytes, media_type: str | None = None, **options: Any
    ) -> httpx.Response:
        media_type = media_type or json.loads(data)["mediaType"]
        headers = {"Content-Type": media_type}
        return self.http.put(f"{self.root}/manifests/{reference}", content=data, headers=headers, **options)

    def push(self, reference: str, data: bytes) -> str:
        answer = self.put(reference, data)
        assert answer.status_code == 201, answer.text
        return digest_of(data)

    def pull(self, reference: str, media_type: str = f"{MANIFEST}, {INDEX}") -> httpx.Response:
        return self.get(f"manifests/{reference}", headers={"Accept": media_type})

    def image(self, layers: tuple[bytes, ...] = (b"layer",), **fields: Any) -> bytes:
        """Push the blobs of an image and return its manifest, ``config_type`` the type of its config."""
        config = json.dumps(
            {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
        )
        for data in (config.encode(), *layers):
            self.push_blob(data)
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(fields.pop("config_type", CONFIG), config.encode()),
            "layers": [descriptor(LAYER, layer) for layer in layers],
            **fields,
        }
        return json.dumps(document).encode()

    def push_image(self, reference: str = "v1", **fields: Any) -> bytes:
        data = self.image(**fields)
        self.push(reference, data)
        return data

    def tags(self, **query: str) -> httpx.Response:
        return self.get("tags/list", params=query)

    def referrers(self, subject: str, **query: str) -> httpx.Response:
        return self.get(f"referrers/{subject}", params=query)
