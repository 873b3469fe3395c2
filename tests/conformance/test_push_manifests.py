"""Distribution-spec 1.1, "Pushing Manifests", and with them subjects."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from conformance.wire import CONFIG, EMPTY, LAYER, MANIFEST, descriptor, digest_of, index_of

if TYPE_CHECKING:
    import httpx
    from conformance.wire import Wire

MISSING = b"never pushed"
FOUR_MEGABYTES = 4_000_000


class TestPushing:
    """Section "Pushing Manifests"."""

    @pytest.mark.parametrize("by", ["tag", "digest"])
    def test_a_manifest_is_answered_201_with_a_location(self, wire: Wire, by: str) -> None:
        """Where it is to be had; by tag and by digest."""
        data = wire.image()
        answer = wire.put("v1" if by == "tag" else digest_of(data), data)
        assert answer.status_code == 201
        accept = {"Accept": MANIFEST}
        assert wire.http.get(wire.url(answer.headers["location"]), headers=accept).content == data

    @pytest.mark.parametrize("by", ["tag", "digest"])
    def test_a_manifest_is_answered_with_its_digest(self, wire: Wire, by: str) -> None:
        """`Docker-Content-Digest` is the client's own."""
        data = wire.image()
        answer = wire.put("v1" if by == "tag" else digest_of(data), data)
        assert answer.headers["docker-content-digest"] == digest_of(data)

    def test_a_manifest_by_sha512(self, wire: Wire) -> None:
        """The digest that the client provided, in its algorithm."""
        data = wire.image()
        digest = digest_of(data, "sha512")
        answer = wire.put(digest, data)
        assert (answer.status_code, answer.headers["docker-content-digest"]) == (201, digest)
        assert wire.pull(digest).content == data

    def test_a_manifest_of_another_digest_is_refused(self, wire: Wire) -> None:
        """What was sent is not what was said."""
        answer = wire.put(digest_of(MISSING), wire.image())
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "DIGEST_INVALID")

    def test_the_exact_bytes_are_kept(self, wire: Wire) -> None:
        """White space, the order of keys, escapes, unknown fields, numbers."""
        document = json.loads(wire.image())
        text = (
            json.dumps({"x-\u00fc": 1.50, **document}, indent=5, ensure_ascii=False).replace("/", "\\/")
            + "\n\n"
        )
        data = text.encode()
        wire.push("odd", data)
        assert wire.pull("odd").content == wire.pull(digest_of(data)).content == data

    def test_parameters_of_the_type_are_ignored(self, wire: Wire) -> None:
        """`; charset=utf-8` changes nothing."""
        data = wire.image()
        assert wire.put("v1", data, f"{MANIFEST}; charset=utf-8").status_code == 201
        assert wire.pull("v1").headers["content-type"] == MANIFEST

    @pytest.mark.parametrize("kind", ["image", "index", "artifact"])
    def test_a_manifest_without_blobs_is_taken(self, wire: Wire, kind: str) -> None:
        """The list of blobs may be empty."""
        wire.push_blob(b"{}")
        more = {"config": descriptor(CONFIG, b"{}")}
        if kind == "artifact":
            more = {"config": descriptor(EMPTY, b"{}"), "artifactType": "application/vnd.example"}
        image = {"schemaVersion": 2, "mediaType": MANIFEST, **more, "layers": []}
        data = index_of() if kind == "index" else json.dumps(image).encode()
        wire.push("v1", data)
        assert wire.pull("v1").content == data

    @pytest.mark.parametrize("what", ["layer", "config", "manifest"])
    def test_what_refers_to_missing_content_is_taken_or_told_so(self, wire: Wire, what: str) -> None:
        """201, or the error MANIFEST_BLOB_UNKNOWN."""
        document = json.loads(wire.image())
        if what == "layer":
            document["layers"].append(descriptor(LAYER, MISSING))
        elif what == "config":
            document["config"] = descriptor(CONFIG, MISSING)
        data = (
            json.dumps(document).encode() if what != "manifest" else index_of(descriptor(MANIFEST, MISSING))
        )
        answer = wire.put("v1", data)
        if answer.status_code != 201:
            assert {error["code"] for error in answer.json()["errors"]} == {"MANIFEST_BLOB_UNKNOWN"}

    @pytest.mark.parametrize("data", [b"", b"{", b"[]", b'{"schemaVersion": 2}'])
    def test_what_is_no_manifest_is_refused(self, wire: Wire, data: bytes) -> None:
        """MANIFEST_INVALID, and nothing under the tag."""
        wire.push_blob()
        answer = wire.put("bad", data, "text" if data.startswith(b'{"') else MANIFEST)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "MANIFEST_INVALID")
        assert wire.pull("bad").status_code == 404

    @pytest.mark.parametrize("path", ["manifests/v1", "tags/list", f"blobs/{digest_of(MISSING)}"])
    def test_a_repository_that_does_not_exist_is_answered_404(self, wire: Wire, path: str) -> None:
        """Whatever is pulled of it."""
        assert wire.get(path).status_code == 404

    def test_a_manifest_of_four_megabytes_is_taken(self, wire: Wire) -> None:
        """At least so much is expected to work."""
        frame = len(wire.image(annotations={"large": ""}))
        data = wire.image(annotations={"large": "x" * (FOUR_MEGABYTES - frame)})
        assert len(data) == FOUR_MEGABYTES
        wire.push("large", data)
        assert wire.pull("large").content == data

    def test_a_manifest_beyond_a_limit_is_answered_413(self, wire: Wire) -> None:
        """There is some limit, and beyond it 413."""
        data = wire.image(annotations={"large": "x" * (64 << 20)})
        assert wire.put("large", data).status_code == 413


class TestSubjects:
    """Sections "Push" and "Pushing Manifests with Subject"."""

    @pytest.mark.parametrize("kind", ["image", "index"])
    def test_a_subject_that_does_not_exist_is_taken(self, wire: Wire, kind: str) -> None:
        """So that a manifest and what refers to it may be pushed in either order."""
        subject = descriptor(MANIFEST, MISSING)
        data = wire.image(subject=subject) if kind == "image" else index_of(subject=subject)
        assert wire.put("v1", data).status_code == 201
        assert wire.pull("v1").content == data

    @pytest.mark.parametrize("by", ["tag", "digest"])
    def test_a_subject_is_answered_with_its_digest(self, wire: Wire, by: str) -> None:
        """`OCI-Subject`, by which a client knows that the registry lists referrers."""
        data = wire.image(subject=descriptor(MANIFEST, MISSING))
        answer = wire.put("v1" if by == "tag" else digest_of(data), data)
        assert answer.headers["oci-subject"] == digest_of(MISSING)

    def test_without_a_subject_none_is_answered(self, wire: Wire) -> None:
        """No `OCI-Subject`."""
        answer: httpx.Response = wire.put("v1", wire.image())
        assert "oci-subject" not in answer.headers
