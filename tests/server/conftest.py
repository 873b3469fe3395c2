"""A running registry, in memory and on disk, and what a client does to it by hand."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from lazyimg.server.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"


class Hand:
    """A client that does what the specification says, step by step."""

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    @staticmethod
    def digest(data: bytes, algorithm: str = "sha256") -> str:
        return f"{algorithm}:{hashlib.new(algorithm, data).hexdigest()}"

    def begin(self, repository: str, **query: str) -> str:
        answer = self.http.post(f"/v2/{repository}/blobs/uploads/", params=query)
        assert answer.status_code == 202, answer.text
        return answer.headers["location"]

    def blob(self, repository: str, data: bytes, algorithm: str = "sha256") -> str:
        digest = self.digest(data, algorithm)
        answer = self.http.post(f"/v2/{repository}/blobs/uploads/", params={"digest": digest}, content=data)
        assert answer.status_code == 201, answer.text
        return digest

    def descriptor(self, repository: str, data: bytes, media_type: str, **more: Any) -> dict[str, Any]:
        digest = self.blob(repository, data, more.pop("algorithm", "sha256"))
        return {"mediaType": media_type, "digest": digest, "size": len(data), **more}

    def image(self, repository: str, layers: tuple[bytes, ...] = (b"layer",), **fields: Any) -> bytes:
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": self.descriptor(repository, b"{}", "application/vnd.oci.image.config.v1+json"),
            "layers": [
                self.descriptor(repository, layer, "application/vnd.oci.image.layer.v1.tar")
                for layer in layers
            ],
            **fields,
        }
        return json.dumps(document).encode()

    def put(
        self, repository: str, reference: str, data: bytes, media_type: str | None = None, **query: Any
    ) -> httpx.Response:
        if media_type is None:
            media_type = json.loads(data).get("mediaType", MANIFEST)
        url = f"/v2/{repository}/manifests/{reference}"
        return self.http.put(url, content=data, headers={"Content-Type": media_type}, params=query)

    def push(self, repository: str, reference: str, data: bytes) -> str:
        answer = self.put(repository, reference, data)
        assert answer.status_code == 201, answer.text
        return answer.headers["docker-content-digest"]

    def pull(self, repository: str, reference: str) -> bytes:
        answer = self.http.get(f"/v2/{repository}/manifests/{reference}")
        assert answer.status_code == 200, answer.text
        return answer.content


def code_of(answer: httpx.Response) -> str:
    """Return the one error code of a refusal, checking the form of its body."""
    assert answer.headers["content-type"] == "application/json"
    [error] = answer.json()["errors"]
    assert set(error) == {"code", "message", "detail"}
    assert error["message"]
    return str(error["code"])


@pytest.fixture
def code() -> Any:
    """Return the function that reads the error code of a refusal."""
    return code_of


@pytest.fixture(params=["memory", "disk"])
def registry(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Registry]:
    """Return a running registry, once in memory and once on disk."""
    with Registry(tmp_path / "registry" if request.param == "disk" else None) as running:
        yield running


@pytest.fixture
def http(registry: Registry) -> Iterator[httpx.Client]:
    """Return a plain HTTP client of the registry."""
    with httpx.Client(base_url=registry.url, timeout=20) as client:
        yield client


@pytest.fixture
def hand(http: httpx.Client) -> Hand:
    """Return a client that does what the specification says, step by step."""
    return Hand(http)


@pytest.fixture
def hand_of() -> type[Hand]:
    """Return the class of such clients, for tests that start registries of their own."""
    return Hand
