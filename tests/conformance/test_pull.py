"""Distribution-spec 1.1, "Pull": manifests, blobs, and whether they exist."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conformance.wire import BLOB, CONFIG, INDEX, MANIFEST, digest_of, index_of

if TYPE_CHECKING:
    import httpx
    from conformance.wire import Wire

MISSING = digest_of(b"never pushed")


class TestPullingManifests:
    """Section "Pulling manifests"."""

    @pytest.mark.parametrize("by", ["tag", "digest"])
    def test_a_manifest_that_exists_is_answered_200_with_its_bytes(self, wire: Wire, by: str) -> None:
        """By tag and by digest."""
        data = wire.push_image("v1")
        answer = wire.pull("v1" if by == "tag" else digest_of(data))
        assert (answer.status_code, answer.content) == (200, data)

    def test_a_manifest_comes_with_its_digest(self, wire: Wire) -> None:
        """`Docker-Content-Digest` is that of the bytes."""
        data = wire.push_image("v1")
        assert wire.pull("v1").headers["docker-content-digest"] == digest_of(data)

    def test_a_manifest_comes_with_the_type_it_was_pushed_with(self, wire: Wire) -> None:
        """`Content-Type` is what the client sent, though the document says nothing."""
        document = json.loads(wire.image())
        del document["mediaType"]
        wire.put("v1", json.dumps(document).encode(), MANIFEST)
        assert wire.pull("v1").headers["content-type"] == MANIFEST

    def test_the_type_of_a_manifest_has_no_parameters(self, wire: Wire) -> None:
        """No `charset`, no `profile`: not even those that it was pushed with."""
        wire.push_image("v1")
        wire.put("v2", wire.image(), f"{MANIFEST}; charset=utf-8")
        for tag in ("v1", "v2"):
            answer = wire.pull(tag)
            assert (answer.status_code, answer.headers["content-type"]) == (200, MANIFEST)

    @pytest.mark.parametrize("reference", ["missing", MISSING])
    def test_a_manifest_that_does_not_exist_is_answered_404(self, wire: Wire, reference: str) -> None:
        """In a repository that exists."""
        wire.push_image("v1")
        assert wire.pull(reference).status_code == 404

    @pytest.mark.parametrize("reference", ["-x", ".x", "a+b", "sha256:1", "sha256", "a" * 129])
    def test_a_reference_is_a_digest_or_a_tag(self, wire: Wire, reference: str) -> None:
        """Anything else can neither be pushed nor pulled."""
        data = wire.image()
        assert wire.put(reference, data).status_code in ({201} if reference == "sha256" else {400, 404})
        assert wire.pull(reference).status_code in ({200} if reference == "sha256" else {400, 404})

    @pytest.mark.parametrize("tag", ["a", "_", "A.b-c_9", "t" * 128])
    def test_a_tag_has_up_to_128_of_its_characters(self, wire: Wire, tag: str) -> None:
        """Whatever the grammar allows is taken."""
        data = wire.push_image(tag)
        assert wire.pull(tag).content == data

    @pytest.mark.parametrize("name", ["UPPER", "a//b", "-a", "a-", "a..b", "a___b", "_a", "a/_b", "a.", "ä"])
    def test_a_name_that_is_none_is_refused(self, http: httpx.Client, name: str) -> None:
        """Names match the expression of the specification."""
        assert http.get(f"/v2/{name}/tags/list").status_code in {400, 404}
        assert http.post(f"/v2/{name}/blobs/uploads/").status_code in {400, 404}

    @pytest.mark.parametrize(
        "name", ["a", "0", "a.b", "a_b", "a__b", "a---b", "a/b/c/d", "blobs/uploads/tags/list"]
    )
    def test_a_name_that_is_one_is_taken(self, http: httpx.Client, name: str) -> None:
        """Whatever the expression allows, words of the API included; at the beginning, and further on."""
        for prefix in ("", "conformance/names/"):
            assert http.post(f"/v2/{prefix}{name}/blobs/uploads/").status_code == 202


class TestPullingBlobs:
    """Section "Pulling blobs"."""

    @pytest.mark.parametrize("data", [BLOB, b"", bytes(1 << 20)], ids=["small", "empty", "large"])
    def test_a_blob_that_exists_is_answered_200_with_its_bytes(self, wire: Wire, data: bytes) -> None:
        """Whatever they are."""
        answer = wire.get(f"blobs/{wire.push_blob(data)}")
        assert (answer.status_code, answer.content) == (200, data)

    def test_a_blob_comes_with_its_digest(self, wire: Wire) -> None:
        """`Docker-Content-Digest` is that of the body."""
        digest = wire.push_blob()
        answer = wire.get(f"blobs/{digest}")
        assert answer.headers["docker-content-digest"] == digest_of(answer.content) == digest

    def test_a_blob_that_does_not_exist_is_answered_404(self, wire: Wire) -> None:
        """In a repository that exists."""
        wire.push_blob()
        assert wire.get(f"blobs/{MISSING}").status_code == 404

    @pytest.mark.parametrize(
        ("wanted", "expected"),
        [
            ("0-3", BLOB[:4]),
            ("4-9", BLOB[4:10]),
            ("10-", BLOB[10:]),
            ("-5", BLOB[-5:]),
            ("40-999", BLOB[40:]),
        ],
    )
    def test_a_range_of_a_blob_is_answered_206(self, wire: Wire, wanted: str, expected: bytes) -> None:
        """RFC 9110, 14: first and last, open, from the end, beyond the end."""
        answer = wire.get(f"blobs/{wire.push_blob()}", headers={"Range": f"bytes={wanted}"})
        assert (answer.status_code, answer.content) == (206, expected)
        start = BLOB.index(expected)
        span = f"bytes {start}-{start + len(expected) - 1}/{len(BLOB)}"
        assert answer.headers["content-range"] == span

    @pytest.mark.parametrize("wanted", ["48-", "100-200"])
    def test_a_range_that_a_blob_does_not_have_is_answered_416(self, wire: Wire, wanted: str) -> None:
        """RFC 9110, 15.5.17: with the size in Content-Range."""
        assert len(BLOB) == 48
        answer = wire.get(f"blobs/{wire.push_blob()}", headers={"Range": f"bytes={wanted}"})
        assert answer.status_code == 416
        assert answer.headers["content-range"] == "bytes */48"

    def test_a_range_of_another_unit_is_ignored(self, wire: Wire) -> None:
        """RFC 9110, 14.2: a server ignores a unit that it does not know."""
        answer = wire.get(f"blobs/{wire.push_blob()}", headers={"Range": "lines=0-1"})
        assert (answer.status_code, answer.content) == (200, BLOB)


class TestChecking:
    """Section "Checking if content exists in the registry"."""

    def test_head_of_a_blob_that_exists_is_answered_200(self, wire: Wire) -> None:
        """Without a body."""
        answer = wire.head(f"blobs/{wire.push_blob()}")
        assert (answer.status_code, answer.content) == (200, b"")

    def test_head_of_a_blob_tells_its_digest_and_size(self, wire: Wire) -> None:
        """`Docker-Content-Digest` and `Content-Length`."""
        headers = wire.head(f"blobs/{wire.push_blob()}").headers
        assert (headers["docker-content-digest"], headers["content-length"]) == (
            digest_of(BLOB),
            str(len(BLOB)),
        )

    def test_head_of_a_blob_that_does_not_exist_is_answered_404(self, wire: Wire) -> None:
        """In a repository that exists."""
        wire.push_blob()
        assert wire.head(f"blobs/{MISSING}").status_code == 404

    @pytest.mark.parametrize("by", ["tag", "digest"])
    def test_head_of_a_manifest_that_exists_is_answered_200(self, wire: Wire, by: str) -> None:
        """By tag and by digest, without a body."""
        data = wire.push_image("v1")
        reference = "v1" if by == "tag" else digest_of(data)
        answer = wire.head(f"manifests/{reference}", headers={"Accept": MANIFEST})
        assert (answer.status_code, answer.content) == (200, b"")

    def test_head_of_a_manifest_tells_its_digest_and_size(self, wire: Wire) -> None:
        """`Docker-Content-Digest` and `Content-Length`."""
        data = wire.push_image("v1")
        headers = wire.head("manifests/v1", headers={"Accept": MANIFEST}).headers
        assert (headers["docker-content-digest"], headers["content-length"]) == (
            digest_of(data),
            str(len(data)),
        )

    @pytest.mark.parametrize("reference", ["missing", MISSING])
    def test_head_of_a_manifest_that_does_not_exist_is_answered_404(self, wire: Wire, reference: str) -> None:
        """In a repository that exists."""
        wire.push_image("v1")
        assert wire.head(f"manifests/{reference}").status_code == 404


class TestCategories:
    """Section "Requirements": what a registry offers at all."""

    def test_the_apis_of_the_pull_category_are_there(self, wire: Wire) -> None:
        """GET and HEAD, of blobs and of manifests: of images and of indexes."""
        image = wire.push_image("v1")
        manifest = {"mediaType": MANIFEST, "digest": digest_of(image), "size": len(image)}
        wire.push("all", index_of(manifest))
        config = json.loads(image)["config"]
        assert config["mediaType"] == CONFIG
        for path in ("manifests/v1", "manifests/all", f"blobs/{config['digest']}"):
            accept = {"Accept": f"{MANIFEST}, {INDEX}"}
            assert wire.get(path, headers=accept).status_code == 200
            assert wire.head(path, headers=accept).status_code == 200

    def test_the_apis_of_the_push_category_are_there(self, wire: Wire) -> None:
        """POST, PATCH, PUT and GET of an upload, PUT of a manifest; see the tests of that section."""
        location = wire.begin()
        location = wire.url(wire.chunk(location, BLOB, 0).headers["location"])
        assert wire.http.get(location).status_code == 204
        assert wire.close(location, BLOB).status_code == 201
        wire.push_image("v1")

    def test_the_apis_of_content_discovery_are_there(self, wire: Wire) -> None:
        """Tags and referrers."""
        data = wire.push_image("v1")
        assert wire.tags().status_code == 200
        assert wire.referrers(digest_of(data)).status_code == 200

    def test_the_apis_of_content_management_are_there(self, wire: Wire) -> None:
        """Deleting tags, manifests and blobs."""
        data = wire.push_image("v1")
        for path in ("manifests/v1", f"manifests/{digest_of(data)}", f"blobs/{wire.push_blob()}"):
            assert wire.delete(path).status_code == 202
