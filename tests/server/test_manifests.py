"""Manifests: pushing, pulling and deleting them, by tag and by digest, kept to the byte."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
EMPTY = "application/vnd.oci.empty.v1+json"
THERE = b'{"digest": "sha256:%s"}' % hashlib.sha256(b"{}").hexdigest().encode()  # the config of each image


def entry(hand: Any, data: bytes, media_type: str = MANIFEST, algorithm: str = "sha256") -> dict[str, Any]:
    return {"mediaType": media_type, "digest": hand.digest(data, algorithm), "size": len(data)}


def index(*manifests: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps(
        {"schemaVersion": 2, "mediaType": INDEX, "manifests": list(manifests), **fields}
    ).encode()


class TestPushAndPull:
    """Pushing and pulling manifests."""

    def test_a_manifest_pushed_by_tag_is_pulled_by_tag_and_digest(self, hand: Any) -> None:
        """PUT answers 201 with where it is; GET has its exact bytes, type, length and digest."""
        data = hand.image("a/b")
        answer = hand.put("a/b", "v1", data)
        digest = hand.digest(data)
        assert (answer.status_code, answer.headers["docker-content-digest"]) == (201, digest)
        for url in (answer.headers["location"], "/v2/a/b/manifests/v1", f"/v2/a/b/manifests/{digest}"):
            got = hand.http.get(url)
            assert (got.status_code, got.content) == (200, data)
            assert got.headers["content-type"] == MANIFEST
            assert got.headers["docker-content-digest"] == digest
            head = hand.http.head(url)
            assert (head.status_code, head.content) == (200, b"")
            assert head.headers["content-length"] == str(len(data))
            assert head.headers["docker-content-digest"] == digest

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_a_manifest_pushed_by_digest_has_no_tag(self, hand: Any, algorithm: str) -> None:
        """PUT by digest keeps it under that digest, in the algorithm of the digest."""
        data = hand.image("a")
        digest = hand.digest(data, algorithm)
        answer = hand.put("a", digest, data)
        assert answer.status_code == 201
        assert answer.headers["docker-content-digest"] == digest
        assert answer.headers["location"].endswith(digest)
        assert hand.pull("a", digest) == data
        assert hand.http.get("/v2/a/tags/list").json()["tags"] == []

    @pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
    def test_tag_parameters_name_further_tags(self, hand: Any, algorithm: str) -> None:
        """PUT by digest with `tag` parameters answers with the tags in OCI-Tag."""
        data = hand.image("a")
        digest = hand.digest(data, algorithm)
        answer = hand.put("a", digest, data, tag=["one", "two"])
        assert answer.headers["oci-tag"] == "one, two"
        for tag in ("one", "two"):
            assert hand.http.get(f"/v2/a/manifests/{tag}").headers["docker-content-digest"] == digest

    def test_a_tag_moves(self, hand: Any) -> None:
        """A tag pushed again points at the new manifest; the old one stays under its digest."""
        old, new = hand.image("a"), hand.image("a", annotations={"a": "b"})
        hand.push("a", "latest", old)
        hand.push("a", "latest", new)
        assert hand.pull("a", "latest") == new
        assert hand.pull("a", hand.digest(old)) == old

    def test_bytes_are_kept_as_they_came(self, hand: Any) -> None:
        """Unknown fields, `data`, white space, escapes and big numbers come back to the byte."""
        image = json.loads(hand.image("a"))
        image["config"]["data"] = "e30="
        text = json.dumps(image, indent=7).replace(
            "{", '{ "x-\\u003c" : 1e400, "n":123456789012345678901234567890,', 1
        )
        hand.push("a", "odd", text.encode())
        assert hand.pull("a", "odd") == text.encode()

    def test_the_content_type_is_kept(self, hand: Any) -> None:
        """A document without mediaType is of the type it was sent as, parameters aside."""
        image = json.loads(hand.image("a"))
        del image["mediaType"]
        data = json.dumps(image).encode()
        assert hand.put("a", "x", data, f"{DOCKER}; charset=utf-8").status_code == 201
        assert hand.http.get("/v2/a/manifests/x").headers["content-type"] == DOCKER

    def test_without_a_content_type_the_document_says_what_it_is(
        self, hand: Any, code: Callable[[Any], str]
    ) -> None:
        """A PUT without Content-Type goes by mediaType; with neither it is refused."""
        url = "/v2/a/manifests/x"
        assert hand.http.put(url, content=hand.image("a")).status_code == 201
        assert hand.http.get(url).headers["content-type"] == MANIFEST
        answer = hand.http.put(url, content=b'{"schemaVersion": 2}')
        assert (answer.status_code, code(answer)) == (400, "MANIFEST_INVALID")


class TestForms:
    """The manifests that image-spec allows."""

    def test_indexes_nest(self, hand: Any) -> None:
        """An index of indexes of images, and an empty index."""
        image = hand.image("a")
        inner = index(entry(hand, image))
        outer = index(entry(hand, inner, INDEX))
        hand.push("a", hand.digest(image), image)
        hand.push("a", hand.digest(inner), inner)
        hand.push("a", "outer", outer)
        hand.push("a", "empty", index())
        assert hand.pull("a", "outer") == outer
        assert hand.http.get("/v2/a/manifests/outer").headers["content-type"] == INDEX

    def test_an_artifact_without_layers(self, hand: Any) -> None:
        """An artifact has an empty config, a type, and maybe no layers."""
        config = hand.descriptor("a", b"{}", EMPTY)
        artifact = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "x/y",
            "config": config,
            "layers": [],
        }
        hand.push("a", "artifact", json.dumps(artifact).encode())

    def test_layers_that_are_not_distributed_need_not_be_here(self, hand: Any) -> None:
        """Non-distributable layers, and layers with addresses of their own, were never pushed."""
        nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        elsewhere = {
            **entry(hand, b"2", "application/vnd.oci.image.layer.v1.tar"),
            "urls": ["https://example.com/2"],
        }
        image = json.loads(hand.image("a"))
        image["layers"] = [entry(hand, b"1", nondistributable), elsewhere]
        hand.push("a", "foreign", json.dumps(image).encode())

    def test_sha512_all_the_way_down(self, hand: Any) -> None:
        """Blobs, manifests and indexes may be named by sha512."""
        config = hand.descriptor("a", b"{}", EMPTY, algorithm="sha512")
        image = json.dumps(
            {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": [config]}
        ).encode()
        hand.push("a", hand.digest(image, "sha512"), image)
        top = index(entry(hand, image, algorithm="sha512"))
        hand.push("a", hand.digest(top, "sha512"), top)
        assert hand.pull("a", hand.digest(top, "sha512")) == top

    def test_a_large_manifest_is_kept_and_a_larger_one_refused(
        self, hand: Any, code: Callable[[Any], str]
    ) -> None:
        """Up to 4 MiB are taken, one byte more answers 413."""
        frame = len(hand.image("a", annotations={"large": ""}))
        largest = hand.image("a", annotations={"large": "A" * ((4 << 20) - frame)})
        assert len(largest) == 4 << 20
        hand.push("a", "large", largest)
        assert hand.pull("a", "large") == largest
        answer = hand.put("a", "larger", largest + b" ", MANIFEST)
        assert (answer.status_code, code(answer)) == (413, "MANIFEST_INVALID")


class TestRefusals:
    """What is no manifest, or one that cannot be right."""

    @pytest.mark.parametrize(
        ("data", "media_type"),
        [
            (b"", MANIFEST),
            (b"{", MANIFEST),
            (b"[]", MANIFEST),
            (b'{"a": 1, "a": 2}', MANIFEST),
            (b'{"mediaType": "a/b"}', MANIFEST),
            (b'{"mediaType": 7}', MANIFEST),
            (b'{"schemaVersion": 1}', MANIFEST),
            (b"{}", "application/vnd.docker.distribution.manifest.v1+prettyjws"),
            (b'{"manifests": [], "layers": []}', MANIFEST),
            (b'{"manifests": [], "config": {}}', INDEX),
            (b'{"manifests": [], "config": %s}' % THERE, MANIFEST),
            (b'{"config": %s}' % THERE, INDEX),
            (b'{"layers": []}', INDEX),
            (b'{"layers": {}}', MANIFEST),
            (b'{"layers": false}', MANIFEST),
            (b'{"manifests": {"a": 1}}', INDEX),
            (b'{"layers": [7]}', MANIFEST),
            (b'{"config": {"digest": "x"}}', MANIFEST),
            (b'{"manifests": [{}]}', INDEX),
            (b'{"subject": {}}', MANIFEST),
            (b'{"config": 7}', MANIFEST),
            (b'{"annotations": [1]}', MANIFEST),
            (b'{"mediaType": "a/b\\nc"}', ""),
            (b"{}", "text"),
            (b'{"mediaType": "\\ud800"}', MANIFEST),
            (b'{"mediaType": "\\ud800"}', ""),
        ],
    )
    def test_what_contradicts_itself_is_refused(
        self, hand: Any, code: Callable[[Any], str], data: bytes, media_type: str
    ) -> None:
        """400 MANIFEST_INVALID, and nothing is kept."""
        hand.push("a", "good", hand.image("a"))
        answer = hand.put("a", "bad", data, media_type)
        assert (answer.status_code, code(answer)) == (400, "MANIFEST_INVALID")
        for reference in ("bad", hand.digest(data)):
            assert hand.http.get(f"/v2/a/manifests/{reference}").status_code == 404

    @pytest.mark.parametrize("reference", ["-tag", ".tag", "t" * 129, "a+b"])
    def test_what_is_no_tag_is_refused(self, hand: Any, code: Callable[[Any], str], reference: str) -> None:
        """A tag outside the grammar cannot be pushed, and is not found."""
        answer = hand.put("a", reference, hand.image("a"))
        assert (answer.status_code, code(answer)) == (400, "MANIFEST_INVALID")
        assert hand.http.get(f"/v2/a/manifests/{reference}").status_code == 404
        assert hand.put("a", "good", hand.image("a"), tag=[reference]).status_code == 400

    def test_the_wrong_digest_is_refused(self, hand: Any, code: Callable[[Any], str]) -> None:
        """Bytes without the digest of the address, or a digest that is none, answer DIGEST_INVALID."""
        data = hand.image("a")
        for reference in (
            hand.digest(data + b" "),
            hand.digest(data + b" ", "sha512"),
            "sha256:baddigeststring",
        ):
            answer = hand.put("a", reference, data)
            assert (answer.status_code, code(answer)) == (400, "DIGEST_INVALID")
        assert hand.http.get("/v2/a/manifests/sha256:baddigeststring").status_code == 400

    def test_what_refers_to_missing_content_is_refused(self, hand: Any, code: Callable[[Any], str]) -> None:
        """A blob, or the manifest of an index, that is not here answers MANIFEST_BLOB_UNKNOWN."""
        data, other = hand.image("a"), hand.image("a", (b"{}",))
        hand.blob("b", b"{}")
        image = json.loads(data)
        there, missing = image["config"], image["layers"][0]
        documents = [
            data,
            index(entry(hand, data)),
            json.dumps({**image, "config": missing, "layers": [there]}).encode(),
            json.dumps({**image, "config": there, "layers": [there, missing]}).encode(),
            index(entry(hand, other), entry(hand, data)),
        ]
        hand.push("b", hand.digest(other), other)
        for document in documents:
            answer = hand.put("b", "x", document)
            assert (answer.status_code, code(answer)) == (400, "MANIFEST_BLOB_UNKNOWN")
            assert answer.json()["errors"][0]["detail"]["digests"]
        assert hand.http.get("/v2/b/manifests/x").status_code == 404

    def test_what_is_not_here_is_unknown(self, hand: Any, code: Callable[[Any], str]) -> None:
        """404: NAME_UNKNOWN where nothing was pushed, else MANIFEST_UNKNOWN; by tag and by digest."""
        for reference in ("missing", hand.digest(b"missing"), "not a tag"):
            answer = hand.http.get(f"/v2/a/manifests/{reference}")
            assert (answer.status_code, code(answer)) == (404, "NAME_UNKNOWN")
        hand.blob("a", b"{}")
        for reference in ("missing", hand.digest(b"missing"), "not a tag"):
            for method in ("GET", "DELETE"):
                answer = hand.http.request(method, f"/v2/a/manifests/{reference}")
                assert (answer.status_code, code(answer)) == (404, "MANIFEST_UNKNOWN")
            assert hand.http.head(f"/v2/a/manifests/{reference}").status_code == 404


class TestDeletes:
    """Deleting tags and manifests."""

    def test_a_deleted_tag_is_gone_at_once_and_its_manifest_stays(self, hand: Any) -> None:
        """DELETE by tag removes that tag alone."""
        data = hand.image("a")
        hand.push("a", "one", data)
        hand.push("a", "two", data)
        assert hand.http.delete("/v2/a/manifests/one").status_code == 202
        assert hand.http.get("/v2/a/manifests/one").status_code == 404
        assert hand.pull("a", "two") == data
        assert hand.pull("a", hand.digest(data)) == data

    def test_a_deleted_manifest_takes_its_tags_along(self, hand: Any) -> None:
        """DELETE by digest removes the manifest and the tags that point at it, no others."""
        data, other = hand.image("a"), hand.image("a", annotations={"a": "b"})
        for tag in ("one", "two"):
            hand.push("a", tag, data)
        hand.push("a", "three", other)
        assert hand.http.delete(f"/v2/a/manifests/{hand.digest(data)}").status_code == 202
        for reference in ("one", "two", hand.digest(data)):
            assert hand.http.head(f"/v2/a/manifests/{reference}").status_code == 404
        assert hand.http.get("/v2/a/tags/list").json()["tags"] == ["three"]

    def test_blobs_can_be_deleted_before_or_after(self, hand: Any) -> None:
        """The registry deletes what it is told to, whatever refers to it."""
        data = hand.image("a")
        hand.push("a", "one", data)
        config = json.loads(data)["config"]["digest"]
        assert hand.http.delete(f"/v2/a/blobs/{config}").status_code == 202
        assert hand.http.delete("/v2/a/manifests/one").status_code == 202
