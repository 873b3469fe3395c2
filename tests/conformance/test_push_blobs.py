"""Distribution-spec 1.1, "Push": blobs whole, in chunks, and mounted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from conformance.wire import BLOB, BYTES, digest_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx
    from conformance.wire import Wire

UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}", re.IGNORECASE)


def assert_pulls(wire: Wire, answer: httpx.Response, data: bytes = BLOB) -> None:
    """Check that the Location of an answer is where the blob is to be had."""
    assert wire.http.get(wire.url(answer.headers["location"])).content == data


class TestPostThenPut:
    """Section "POST then PUT"."""

    def test_a_post_is_answered_202_with_a_location(self, wire: Wire) -> None:
        """Where the upload goes on."""
        answer = wire.post()
        assert answer.status_code == 202
        assert answer.headers["location"]

    def test_the_location_holds_an_identifier_of_its_own(self, wire: Wire) -> None:
        """A UUID, another for each upload."""
        locations = [wire.begin(), wire.begin()]
        found = [UUID.search(location) for location in locations]
        assert all(found)
        assert len({match[0] for match in found if match}) == 2

    @pytest.mark.parametrize("data", [BLOB, b"", bytes(1 << 20)], ids=["small", "empty", "large"])
    def test_a_put_with_the_body_is_answered_201_with_a_location(self, wire: Wire, data: bytes) -> None:
        """And the location is a blob that can be pulled."""
        answer = wire.close(wire.begin(), data, data)
        assert answer.status_code == 201
        assert_pulls(wire, answer, data)

    def test_a_put_of_another_digest_is_refused(self, wire: Wire) -> None:
        """What was sent is not what was said: 400, and no such blob."""
        wrong = digest_of(b"something else")
        answer = wire.close(wire.begin(), BLOB, BLOB, digest=wrong)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (400, "DIGEST_INVALID")
        assert wire.head(f"blobs/{wrong}").status_code == 404
        assert wire.head(f"blobs/{digest_of(BLOB)}").status_code == 404

    def test_a_put_without_a_digest_is_refused(self, wire: Wire) -> None:
        """400, and no such blob."""
        assert wire.http.put(wire.begin(), content=BLOB, headers=BYTES).status_code == 400
        assert wire.head(f"blobs/{digest_of(BLOB)}").status_code == 404

    def test_a_blob_by_sha512(self, wire: Wire) -> None:
        """Any registered algorithm of image-spec may be the digest's."""
        digest = digest_of(BLOB, "sha512")
        answer = wire.close(wire.begin(), BLOB, BLOB, digest=digest)
        assert answer.status_code == 201
        assert wire.get(f"blobs/{digest}").content == BLOB


class TestSinglePost:
    """Section "Single POST"."""

    def test_a_post_with_a_digest_is_answered_201_or_202_with_a_location(self, wire: Wire) -> None:
        """201 with the blob's; or 202 with the upload's, which a PUT then ends."""
        query = {"digest": digest_of(BLOB)}
        answer = wire.http.post(f"{wire.root}/blobs/uploads/", params=query, content=BLOB, headers=BYTES)
        assert answer.status_code in {201, 202}
        if answer.status_code == 202:
            answer = wire.close(wire.url(answer.headers["location"]), BLOB, BLOB)
        assert_pulls(wire, answer)

    def test_a_post_of_another_digest_makes_no_blob(self, wire: Wire) -> None:
        """400 where it is supported."""
        query = {"digest": digest_of(b"something else")}
        answer = wire.http.post(f"{wire.root}/blobs/uploads/", params=query, content=BLOB, headers=BYTES)
        assert answer.status_code in {400, 202}
        assert wire.head(f"blobs/{query['digest']}").status_code == 404


class TestChunks:
    """Section "Pushing a blob in chunks"."""

    def test_a_minimum_size_of_chunks_is_announced(self, wire: Wire) -> None:
        """`OCI-Chunk-Min-Length` if there is one; without it a chunk of one byte is taken."""
        answer = wire.post()
        if "oci-chunk-min-length" in answer.headers:
            assert int(answer.headers["oci-chunk-min-length"]) > 0
        else:
            assert wire.chunk(wire.url(answer.headers["location"]), BLOB[:1], 0).status_code == 202

    def test_a_chunk_is_answered_202_with_location_and_range(self, wire: Wire) -> None:
        """`Range` is from 0 to the last byte that is there, inclusive."""
        first = wire.chunk(wire.begin(), BLOB[:20], 0)
        assert (first.status_code, first.headers["range"]) == (202, "0-19")
        second = wire.chunk(wire.url(first.headers["location"]), BLOB[20:], 20)
        assert (second.status_code, second.headers["range"]) == (202, f"0-{len(BLOB) - 1}")
        assert second.headers["location"]

    @pytest.mark.parametrize("final", ["patch", "put"])
    def test_a_put_that_closes_is_answered_201_with_a_location(self, wire: Wire, final: str) -> None:
        """With the last chunk in it, or after it."""
        answer = wire.chunk(wire.begin(), BLOB[:20], 0)
        location, left = wire.url(answer.headers["location"]), BLOB[20:]
        if final == "patch":
            location, left = wire.url(wire.chunk(location, left, 20).headers["location"]), b""
        headers = {"Content-Range": f"20-{len(BLOB) - 1}"} if left else {}
        answer = wire.close(location, BLOB, left, headers=headers)
        assert answer.status_code == 201
        assert_pulls(wire, answer)

    @pytest.mark.parametrize("start", [1, 5])
    def test_a_first_chunk_that_does_not_begin_at_0_is_refused(self, wire: Wire, start: int) -> None:
        """416."""
        assert wire.chunk(wire.begin(), BLOB[start:], start).status_code == 416

    @pytest.mark.parametrize("start", [0, 19, 21])
    def test_a_chunk_out_of_order_is_answered_416(self, wire: Wire, start: int) -> None:
        """Again, overlapping, or with a gap; and the upload goes on where it was."""
        answer = wire.chunk(wire.begin(), BLOB[:20], 0)
        location = wire.url(answer.headers["location"])
        assert wire.chunk(location, BLOB[start : start + 9], start).status_code == 416
        status = wire.http.get(location)
        assert status.headers["range"] == "0-19"
        answer = wire.chunk(wire.url(status.headers["location"]), BLOB[20:], 20)
        assert wire.close(wire.url(answer.headers["location"]), BLOB).status_code == 201

    def test_an_upload_that_is_streamed_needs_no_content_range(self, wire: Wire) -> None:
        """As Docker does it, and this specification's predecessor said."""
        answer = wire.http.patch(wire.begin(), content=iter([BLOB[:9], BLOB[9:]]), headers=BYTES)
        assert answer.status_code == 202
        assert wire.close(wire.url(answer.headers["location"]), BLOB).status_code == 201

    def test_the_status_of_an_upload_is_answered_204_with_location_and_range(self, wire: Wire) -> None:
        """GET of the location tells where it goes on, and how much is there."""
        answer = wire.chunk(wire.begin(), BLOB[:20], 0)
        status = wire.http.get(wire.url(answer.headers["location"]))
        assert (status.status_code, status.headers["range"]) == (204, "0-19")
        answer = wire.chunk(wire.url(status.headers["location"]), BLOB[20:], 20)
        assert answer.status_code == 202

    @pytest.mark.parametrize("method", ["GET", "PATCH", "PUT", "DELETE"])
    def test_an_upload_that_does_not_exist_is_answered_404(self, wire: Wire, method: str) -> None:
        """Whatever is wanted of it (table "Endpoints", end-5, end-6 and end-13)."""
        wire.push_blob(b"so that the repository exists")
        location = wire.begin()
        assert wire.close(location, BLOB, BLOB).status_code == 201
        url = f"{location}{'&' if '?' in location else '?'}digest={digest_of(BLOB)}"
        content = BLOB if method in {"PATCH", "PUT"} else None
        assert wire.http.request(method, url, content=content).status_code == 404


class TestMounting:
    """Section "Mounting a blob from another repository"."""

    def test_a_mount_is_answered_201_with_a_location(self, new_wire: Callable[[], Wire]) -> None:
        """And the blob is to be had in the second repository."""
        source, target = new_wire(), new_wire()
        digest = source.push_blob()
        answer = target.post(mount=digest, **{"from": source.name})
        assert answer.status_code == 201
        assert_pulls(target, answer)
        assert target.head(f"blobs/{digest}").status_code == 200

    def test_a_mount_tells_the_digest(self, new_wire: Callable[[], Wire]) -> None:
        """`Docker-Content-Digest`, which may be of another algorithm."""
        source, target = new_wire(), new_wire()
        digest = source.push_blob()
        answer = target.post(mount=digest, **{"from": source.name})
        assert answer.headers["docker-content-digest"] == digest

    @pytest.mark.parametrize("source", ["known", "unknown"])
    def test_a_mount_of_what_is_not_there_is_answered_202(
        self, new_wire: Callable[[], Wire], source: str
    ) -> None:
        """And the upload that begins by it goes on like any other."""
        other, target = new_wire(), new_wire()
        if source == "known":
            other.push_blob(b"something else")
        answer = target.post(mount=digest_of(BLOB + target.name.encode()), **{"from": other.name})
        assert answer.status_code == 202
        assert target.close(target.url(answer.headers["location"]), BLOB, BLOB).status_code == 201

    def test_a_mount_without_a_source_is_answered_201_or_202(self, new_wire: Callable[[], Wire]) -> None:
        """The registry may look for it, or have it uploaded."""
        source, target = new_wire(), new_wire()
        answer = target.post(mount=source.push_blob())
        assert answer.status_code in {201, 202}
        if answer.status_code == 202:
            answer = target.close(target.url(answer.headers["location"]), BLOB, BLOB)
        assert_pulls(target, answer)
