"""Distribution-spec 1.1, "Content Management": deleting tags, manifests and blobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest
from conformance.wire import Wire, digest_of
from support.docker_registry import DockerRegistry

if TYPE_CHECKING:
    from pathlib import Path

MISSING = digest_of(b"never pushed")


class TestDeletingTags:
    """Section "Deleting tags"."""

    def test_a_deleted_tag_is_answered_202_and_gone(self, wire: Wire) -> None:
        """GET answers 404 from then on, and the manifest stays under its digest and other tags."""
        data = wire.push_image("one")
        wire.push("two", data)
        assert wire.delete("manifests/one").status_code == 202
        assert wire.pull("one").status_code == 404
        assert wire.pull("two").content == wire.pull(digest_of(data)).content == data

    def test_a_tag_that_does_not_exist_is_answered_404(self, wire: Wire) -> None:
        """Table "Endpoints", end-9."""
        wire.push_image("one")
        assert wire.delete("manifests/two").status_code == 404


class TestDeletingManifests:
    """Section "Deleting Manifests"."""

    def test_a_deleted_manifest_is_answered_202_and_gone(self, wire: Wire) -> None:
        """By digest: GET answers 404 from then on."""
        data = wire.push_image("v1")
        assert wire.delete(f"manifests/{digest_of(data)}").status_code == 202
        assert wire.pull(digest_of(data)).status_code == 404

    def test_tags_of_a_deleted_manifest_are_gone(self, wire: Wire) -> None:
        """Any that pointed at it; others stay."""
        data = wire.push_image("one")
        wire.push("two", data)
        wire.push_image("three", annotations={"other": "yes"})
        assert wire.delete(f"manifests/{digest_of(data)}").status_code == 202
        for tag, status in {"one": 404, "two": 404, "three": 200}.items():
            assert wire.pull(tag).status_code == status

    def test_a_manifest_that_does_not_exist_is_answered_404(self, wire: Wire) -> None:
        """Table "Endpoints", end-9."""
        wire.push_image("v1")
        assert wire.delete(f"manifests/{MISSING}").status_code == 404

    @pytest.mark.parametrize("reference", ["v1", MISSING])
    def test_deleting_from_a_repository_that_does_not_exist_is_answered_404(
        self, wire: Wire, reference: str
    ) -> None:
        """By tag and by digest."""
        assert wire.delete(f"manifests/{reference}").status_code == 404


class TestDeletingBlobs:
    """Section "Deleting Blobs"."""

    def test_a_deleted_blob_is_answered_202_and_gone(self, wire: Wire) -> None:
        """GET answers 404 from then on."""
        digest = wire.push_blob()
        assert wire.delete(f"blobs/{digest}").status_code == 202
        assert wire.get(f"blobs/{digest}").status_code == 404

    def test_a_blob_that_does_not_exist_cannot_be_deleted(self, wire: Wire) -> None:
        """404, in a repository that exists."""
        wire.push_blob()
        assert wire.delete(f"blobs/{MISSING}").status_code == 404

    def test_a_deleted_blob_stays_in_other_repositories(self, wire: Wire, http: httpx.Client) -> None:
        """Repositories are scopes: what happens in one is nothing to another."""
        digest = wire.push_blob()
        other = Wire(http, f"{wire.name}/other")
        other.push_blob()
        assert wire.delete(f"blobs/{digest}").status_code == 202
        assert other.get(f"blobs/{digest}").status_code == 200


@pytest.mark.peer
def test_deletion_that_is_disabled_is_answered_400_or_405(tmp_path: Path) -> None:
    """Of a registry that offers it: ours always deletes, the reference implementation can be told not to."""
    with (
        DockerRegistry(tmp_path, delete=False) as registry,
        httpx.Client(base_url=f"http://{registry.host}") as http,
    ):
        wire = Wire(http, "a")
        data = wire.push_image("v1")
        for path in ("manifests/v1", f"manifests/{digest_of(data)}", f"blobs/{wire.push_blob()}"):
            assert wire.delete(path).status_code in {400, 405}
