"""Blobs: pulling them whole and in part, checking, mounting and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from lazyimg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazyimg.server.registry import Registry

BEYOND = "9" * 5000  # a number that Python itself does not read
DATA = bytes(range(250)) * 9000


def test_a_blob_is_pulled_whole(hand: Any) -> None:
    """GET answers 200 with the bytes, their length, their digest and a type that promises nothing."""
    digest = hand.blob("a", DATA)
    answer = hand.http.get(f"/v2/a/blobs/{digest}")
    assert (answer.status_code, answer.content) == (200, DATA)
    assert answer.headers["content-length"] == str(len(DATA))
    assert answer.headers["docker-content-digest"] == digest
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["accept-ranges"] == "bytes"


def test_head_answers_like_get_without_a_body(hand: Any) -> None:
    """HEAD has the headers of GET, whatever Range says."""
    url = f"/v2/a/blobs/{hand.blob('a', DATA)}"
    got, head = hand.http.get(url), hand.http.head(url, headers={"Range": "bytes=0-1"})
    assert (head.status_code, head.content) == (200, b"")
    different = {"date"}
    assert {k: v for k, v in head.headers.items() if k not in different} == {
        k: v for k, v in got.headers.items() if k not in different
    }


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_blob_that_was_never_pushed_is_unknown(
    hand: Any, code: Callable[[Any], str], algorithm: str
) -> None:
    """GET and HEAD answer 404: BLOB_UNKNOWN in a known repository, NAME_UNKNOWN in an unknown one."""
    url = f"/v2/a/blobs/{hand.digest(b'missing', algorithm)}"
    assert (hand.http.get(url).status_code, code(hand.http.get(url))) == (404, "NAME_UNKNOWN")
    hand.blob("a", DATA)
    assert (hand.http.get(url).status_code, code(hand.http.get(url))) == (404, "BLOB_UNKNOWN")
    assert hand.http.head(url).status_code == 404


def test_a_blob_belongs_to_the_repositories_it_was_pushed_to(hand: Any) -> None:
    """What one repository has is not to be read through another."""
    digest = hand.blob("a", DATA)
    hand.blob("b", b"other")
    assert hand.http.get(f"/v2/b/blobs/{digest}").status_code == 404


@pytest.mark.parametrize("digest", ["sha256:bad", "latest", "md5:" + "0" * 32, "sha256:" + "0" * 63 + "G"])
def test_what_is_no_digest_is_refused(hand: Any, code: Callable[[Any], str], digest: str) -> None:
    """A malformed digest answers 400 DIGEST_INVALID to every method."""
    for method in ("GET", "DELETE"):
        answer = hand.http.request(method, f"/v2/a/blobs/{digest}")
        assert (answer.status_code, code(answer)) == (400, "DIGEST_INVALID")


class TestRanges:
    """Range reads (distribution-spec "Pulling blobs", RFC 9110 section 14)."""

    @pytest.mark.parametrize(
        ("header", "start", "stop"),
        [
            ("bytes=0-0", 0, 1),
            ("bytes=500-1499", 500, 1500),
            ("bytes=500-", 500, len(DATA)),
            ("bytes=-500", len(DATA) - 500, len(DATA)),
            (f"bytes=-{len(DATA) * 2}", 0, len(DATA)),
            (f"bytes=2000-{len(DATA) * 2}", 2000, len(DATA)),
            (f"bytes={len(DATA) - 1}-", len(DATA) - 1, len(DATA)),
            ("BYTES = 5-7", 5, 8),
            (f"bytes=5-{BEYOND}", 5, len(DATA)),
            (f"bytes=-{BEYOND}", 0, len(DATA)),
            (f"bytes={'0' * 5000}5-{'0' * 5000}7", 5, 8),
            (f"bytes=1000-{len(DATA) - 1001}", 1000, len(DATA) - 1000),
        ],
    )
    def test_a_range_answers_206_with_that_part(self, hand: Any, header: str, start: int, stop: int) -> None:
        """A range that the blob has answers 206 with its bytes and where they lie."""
        answer = hand.http.get(f"/v2/a/blobs/{hand.blob('a', DATA)}", headers={"Range": header})
        assert answer.status_code == 206
        assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(DATA)}"
        assert answer.headers["content-length"] == str(stop - start)
        assert answer.content == DATA[start:stop]

    @pytest.mark.parametrize(
        "header",
        [f"bytes={len(DATA)}-", "bytes=500-0", "bytes=-0", "bytes=99999999-999999999", f"bytes={BEYOND}-"],
    )
    def test_a_range_behind_the_end_or_reversed_answers_416(
        self, hand: Any, code: Callable[[Any], str], header: str
    ) -> None:
        """A range that the blob does not have is refused, and told the size."""
        answer = hand.http.get(f"/v2/a/blobs/{hand.blob('a', DATA)}", headers={"Range": header})
        assert (answer.status_code, code(answer)) == (416, "SIZE_INVALID")
        assert answer.headers["content-range"] == f"bytes */{len(DATA)}"

    @pytest.mark.parametrize("header", ["lines=0-4", "bytes=-", "bytes=0-1,5-6", "junk"])
    def test_what_is_no_single_range_is_ignored(self, hand: Any, header: str) -> None:
        """Another unit, several ranges or none at all answer 200 with the whole."""
        answer = hand.http.get(f"/v2/a/blobs/{hand.blob('a', DATA)}", headers={"Range": header})
        assert (answer.status_code, answer.content) == (200, DATA)

    def test_an_empty_blob_has_no_range(self, hand: Any) -> None:
        """Of an empty blob every range is refused, the whole is not."""
        url = f"/v2/a/blobs/{hand.blob('a', b'')}"
        assert hand.http.get(url, headers={"Range": "bytes=0-"}).status_code == 416
        assert hand.http.get(url).content == b""


class TestMounts:
    """Mounting a blob from another repository."""

    def test_a_blob_is_mounted_from_the_repository_named(self, hand: Any) -> None:
        """POST with `mount` and `from` answers 201, and the blob is here too."""
        digest = hand.blob("a", DATA)
        answer = hand.http.post("/v2/b/blobs/uploads/", params={"mount": digest, "from": "a"})
        assert answer.status_code == 201
        assert answer.headers["docker-content-digest"] == digest
        assert hand.http.get(answer.headers["location"]).content == DATA

    def test_a_blob_is_mounted_from_wherever_it_is(self, hand: Any) -> None:
        """Without `from` any repository will do."""
        digest = hand.blob("some/where", DATA)
        assert hand.http.post("/v2/b/blobs/uploads/", params={"mount": digest}).status_code == 201
        assert hand.http.get(f"/v2/b/blobs/{digest}").content == DATA

    @pytest.mark.parametrize("source", [None, "a", "b"])
    def test_a_mount_of_what_is_missing_begins_an_upload(self, hand: Any, source: str | None) -> None:
        """What is not there answers 202 with an upload, which takes the blob."""
        hand.blob("a", b"other")
        digest = hand.digest(DATA)
        query = {"mount": digest, **({"from": source} if source else {})}
        answer = hand.http.put(hand.begin("b", **query), params={"digest": digest}, content=DATA)
        assert answer.status_code == 201

    def test_a_mount_from_the_wrong_repository_begins_an_upload(self, hand: Any) -> None:
        """The repository named must have it, even if another one does."""
        digest = hand.blob("a", DATA)
        hand.begin("b", mount=digest, **{"from": "c"})
        assert hand.http.get(f"/v2/b/blobs/{digest}").status_code == 404

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"mount": "sha256:bad"}, "DIGEST_INVALID"),
            ({"mount": "sha256:" + "0" * 64, "from": "A"}, "NAME_INVALID"),
        ],
    )
    def test_a_mount_that_makes_no_sense_is_refused(
        self, hand: Any, code: Callable[[Any], str], query: dict[str, str], expected: str
    ) -> None:
        """No digest, or no repository name, answers 400."""
        answer = hand.http.post("/v2/b/blobs/uploads/", params=query)
        assert (answer.status_code, code(answer)) == (400, expected)


class TestDeletes:
    """Deleting blobs (distribution-spec "Deleting Blobs")."""

    def test_a_deleted_blob_is_gone_at_once(self, hand: Any, code: Callable[[Any], str]) -> None:
        """DELETE answers 202; after it the blob is unknown, and deleting it again answers 404."""
        url = f"/v2/a/blobs/{hand.blob('a', DATA)}"
        assert hand.http.delete(url).status_code == 202
        assert hand.http.get(url).status_code == 404
        answer = hand.http.delete(url)
        assert (answer.status_code, code(answer)) == (404, "BLOB_UNKNOWN")
        answer = hand.http.delete(url.replace("/a/", "/unknown/"))
        assert (answer.status_code, code(answer)) == (404, "NAME_UNKNOWN")

    def test_it_stays_where_it_was_mounted(self, registry: Registry, hand: Any) -> None:
        """The bytes go with the last repository that has the blob."""
        digest = hand.blob("a", DATA)
        hand.http.post("/v2/b/blobs/uploads/", params={"mount": digest, "from": "a"})
        hand.http.delete(f"/v2/a/blobs/{digest}")
        assert hand.http.get(f"/v2/b/blobs/{digest}").content == DATA
        hand.http.delete(f"/v2/b/blobs/{digest}")
        assert registry._context.store.size(Digest(digest)) is None
        hand.begin("c", mount=digest)

    def test_who_reads_it_reads_it_to_the_end(self, registry: Registry, hand: Any) -> None:
        """A blob deleted while it is being pulled still arrives whole."""
        url = f"/v2/a/blobs/{hand.blob('a', DATA)}"
        with hand.http.stream("GET", url) as answer:
            assert hand.http.delete(url).status_code == 202
            assert b"".join(answer.iter_raw()) == DATA
        assert registry.requests[-2].bytes_out == len(DATA)

    def test_a_deleted_blob_can_be_pushed_again(self, hand: Any) -> None:
        """Nothing of a deleted blob stands in the way."""
        url = f"/v2/a/blobs/{hand.blob('a', DATA)}"
        hand.http.delete(url)
        hand.blob("a", DATA)
        assert hand.http.get(url).content == DATA


def test_a_client_that_goes_away_while_pulling_leaves_nothing_open(registry: Registry, hand: Any) -> None:
    """A pull that is broken off ends the request; the next one is served."""
    data = bytes(24 << 20)
    url = f"/v2/a/blobs/{hand.blob('a', data)}"
    with hand.http.stream("GET", url) as answer:
        next(answer.iter_raw())
    assert hand.http.get(url, headers={"Range": "bytes=0-3"}).content == b"\0" * 4
    assert registry.requests[-2].bytes_out < len(data)
