"""Uploads in every form of distribution-spec 1.1, "Pushing blobs"."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from lazyimg.server.registry import Registry

DATA = bytes(range(256)) * 5000


def pulled(client: httpx.Client, location: str) -> bytes:
    answer = client.get(location)
    assert answer.status_code == 200
    return answer.content


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("data", [DATA, b"{}", b""], ids=["large", "small", "empty"])
class TestForms:
    """Every form of upload, for both digests and the sizes at the edges."""

    def test_a_post_with_a_digest_takes_the_blob_whole(self, hand: Any, data: bytes, algorithm: str) -> None:
        """A single POST with a digest answers 201 with where the blob is."""
        digest = hand.digest(data, algorithm)
        answer = hand.http.post("/v2/a/b/blobs/uploads/", params={"digest": digest}, content=data)
        assert answer.status_code == 201
        assert answer.headers["docker-content-digest"] == digest
        assert pulled(hand.http, answer.headers["location"]) == data

    def test_a_post_and_a_put_with_the_body(self, hand: Any, data: bytes, algorithm: str) -> None:
        """POST begins, PUT with the whole body ends the upload."""
        digest = hand.digest(data, algorithm)
        answer = hand.http.put(hand.begin("a/b"), params={"digest": digest}, content=data)
        assert answer.status_code == 201
        assert answer.headers["docker-content-digest"] == digest
        assert pulled(hand.http, answer.headers["location"]) == data

    def test_a_streamed_patch(self, hand: Any, data: bytes, algorithm: str) -> None:
        """PATCH without Content-Range streams the body, PUT without one ends the upload."""
        pieces = (data[at : at + 100_000] for at in range(0, len(data), 100_000))
        patched = hand.http.patch(hand.begin("a/b"), content=pieces)
        assert patched.status_code == 202
        assert patched.headers["range"] == f"0-{max(0, len(data) - 1)}"
        answer = hand.http.put(patched.headers["location"], params={"digest": hand.digest(data, algorithm)})
        assert answer.status_code == 201
        assert pulled(hand.http, answer.headers["location"]) == data

    @pytest.mark.parametrize("last_in_put", [False, True])
    def test_chunks_in_order(self, hand: Any, data: bytes, algorithm: str, *, last_in_put: bool) -> None:
        """Chunks with Content-Range are taken in order, the last one in the PUT if the client likes."""
        location, size = hand.begin("a/b"), max(1, len(data) // 3)
        chunks = [(at, data[at : at + size]) for at in range(0, len(data), size)]
        final = chunks.pop() if last_in_put and chunks else None
        for at, chunk in chunks:
            headers = {"Content-Range": f"{at}-{at + len(chunk) - 1}"}
            answer = hand.http.patch(location, content=chunk, headers=headers)
            assert answer.status_code == 202
            assert answer.headers["range"] == f"0-{at + len(chunk) - 1}"
            location = answer.headers["location"]
        headers = {"Content-Range": f"{final[0]}-{len(data) - 1}"} if final else {}
        answer = hand.http.put(
            location,
            params={"digest": hand.digest(data, algorithm)},
            content=final and final[1],
            headers=headers,
        )
        assert answer.status_code == 201
        assert pulled(hand.http, answer.headers["location"]) == data

    def test_a_wrong_digest_is_refused_in_every_form(
        self, hand: Any, code: Callable[[Any], str], data: bytes, algorithm: str
    ) -> None:
        """Bytes of another digest answer 400 DIGEST_INVALID, and nothing is kept."""
        wrong = hand.digest(data + b"oh no", algorithm)
        whole = hand.http.post("/v2/a/b/blobs/uploads/", params={"digest": wrong}, content=data)
        put = hand.http.put(hand.begin("a/b"), params={"digest": wrong}, content=data)
        patched = hand.http.patch(hand.begin("a/b"), content=data).headers["location"]
        for answer in (whole, put, hand.http.put(patched, params={"digest": wrong})):
            assert (answer.status_code, code(answer)) == (400, "DIGEST_INVALID")
        assert hand.http.get(f"/v2/a/b/blobs/{wrong}").status_code == 404
        assert hand.http.get(patched).status_code == 404


def test_the_digest_algorithm_can_be_announced(hand: Any, code: Callable[[Any], str]) -> None:
    """`digest-algorithm` of the POST is what is hashed on arrival; an unknown one is refused."""
    location = hand.begin("a", **{"digest-algorithm": "sha512"})
    hand.http.patch(location, content=DATA)
    for algorithm in ("sha512", "sha256"):
        location = hand.begin("a", **{"digest-algorithm": "sha512"})
        answer = hand.http.put(location, params={"digest": hand.digest(DATA, algorithm)}, content=DATA)
        assert answer.status_code == 201
    refused = hand.http.post("/v2/a/blobs/uploads/", params={"digest-algorithm": "md5"})
    assert (refused.status_code, code(refused)) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("sent", [9, 11, 4_000_000])
def test_a_chunk_of_another_size_than_it_says(hand: Any, code: Callable[[Any], str], sent: int) -> None:
    """Also where its size is told by no ``Content-Length``; what is within its range is kept, and goes on."""
    location = hand.begin("a")
    data = (DATA * 10)[:sent]
    answer = hand.http.patch(location, content=iter([data]), headers={"Content-Range": "0-9"})
    assert (answer.status_code, code(answer)) == (400, "SIZE_INVALID")
    held = int(hand.http.get(location).headers["range"].partition("-")[2])
    assert held <= 9
    rest = DATA[held + 1 if held else 0 :][:10]
    assert hand.http.patch(location, content=iter([rest])).status_code == 202


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_chunk_out_of_order_is_refused_with_what_is_held(
    hand: Any, code: Callable[[Any], str], method: str
) -> None:
    """A chunk that does not begin where the upload stands answers 416 with its Range; the upload goes on."""
    location = hand.http.patch(hand.begin("a"), content=DATA[:1000]).headers["location"]
    for start in (0, 999, 1001):
        headers = {"Content-Range": f"{start}-{start + 9}"}
        query = {"digest": hand.digest(DATA)}
        answer = hand.http.request(method, location, content=DATA[:10], headers=headers, params=query)
        assert (answer.status_code, code(answer)) == (416, "BLOB_UPLOAD_INVALID")
        assert answer.headers["range"] == "0-999"
        location = answer.headers["location"]
    assert hand.http.get(location).headers["range"] == "0-999"
    headers = {"Content-Range": f"1000-{len(DATA) - 1}"}
    answer = hand.http.put(
        location, content=DATA[1000:], headers=headers, params={"digest": hand.digest(DATA)}
    )
    assert answer.status_code == 201


@pytest.mark.parametrize(
    ("content_range", "expected"),
    [
        ("junk", "BLOB_UPLOAD_INVALID"),
        ("9-0", "BLOB_UPLOAD_INVALID"),
        ("0-8", "SIZE_INVALID"),
        (f"0-{'9' * 5000}", "BLOB_UPLOAD_INVALID"),
    ],
)
def test_a_content_range_that_makes_no_sense_is_refused(
    hand: Any, code: Callable[[Any], str], content_range: str, expected: str
) -> None:
    """A malformed Content-Range, or one that is not as long as the body, answers 400."""
    location = hand.begin("a")
    answer = hand.http.patch(location, content=b"0123456789", headers={"Content-Range": content_range})
    assert (answer.status_code, code(answer)) == (400, expected)
    assert hand.http.get(location).headers["range"] == "0-0"


def test_a_content_range_with_its_unit_is_taken(hand: Any) -> None:
    """`bytes 0-9/*` is what some clients send for `0-9`."""
    answer = hand.http.patch(hand.begin("a"), content=b"0123456789", headers={"Content-Range": "bytes 0-9/*"})
    assert answer.status_code == 202


def test_status_tells_what_has_arrived(hand: Any) -> None:
    """GET of an upload answers 204 with Location and Range."""
    location = hand.begin("a")
    assert hand.http.get(location).headers["range"] == "0-0"
    hand.http.patch(location, content=DATA)
    answer = hand.http.get(location)
    assert answer.status_code == 204
    assert answer.headers["range"] == f"0-{len(DATA) - 1}"
    assert answer.headers["location"] == location


def test_cancel_forgets_the_upload(registry: Registry, hand: Any, code: Callable[[Any], str]) -> None:
    """DELETE answers 204, and after it the upload is unknown to every method, and holds nothing any more."""
    location = hand.http.patch(hand.begin("a"), content=DATA).headers["location"]
    assert hand.http.delete(location).status_code == 204
    for method in ("GET", "PATCH", "PUT", "DELETE"):
        answer = hand.http.request(method, location, params={"digest": hand.digest(DATA)})
        assert (answer.status_code, code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")
    assert len(registry._context.uploads) == 0


def test_an_upload_belongs_to_its_repository(hand: Any, code: Callable[[Any], str]) -> None:
    """The id of an upload means nothing under another name."""
    location = hand.begin("a").replace("/v2/a/", "/v2/b/")
    answer = hand.http.put(location, params={"digest": hand.digest(b"")})
    assert (answer.status_code, code(answer)) == (404, "BLOB_UPLOAD_UNKNOWN")


def test_a_put_without_a_digest_is_refused_and_the_upload_stays(
    hand: Any, code: Callable[[Any], str]
) -> None:
    """PUT wants the digest of the whole blob; a client that forgot it may ask again."""
    location = hand.http.patch(hand.begin("a"), content=DATA).headers["location"]
    answer = hand.http.put(location)
    assert (answer.status_code, code(answer)) == (400, "DIGEST_INVALID")
    assert hand.http.put(location, params={"digest": hand.digest(DATA)}).status_code == 201


def test_an_upload_begins_without_the_final_slash_too(hand: Any) -> None:
    """Some clients POST to `.../blobs/uploads`."""
    assert hand.http.post("/v2/a/blobs/uploads").status_code == 202


def test_the_same_blob_may_be_uploaded_twice(hand: Any) -> None:
    """A blob that is there already is taken again."""
    first, second = hand.begin("a"), hand.begin("a")
    for location in (first, second):
        assert hand.http.put(location, params={"digest": hand.digest(DATA)}, content=DATA).status_code == 201
    assert hand.http.get(f"/v2/a/blobs/{hand.digest(DATA)}").content == DATA


class Raw(http.client.HTTPConnection):
    """A connection on which a test says what is sent when."""

    def __init__(self, registry: Registry) -> None:
        host, _, port = registry.host.partition(":")
        super().__init__(host, int(port), timeout=20)

    def start(self, method: str, url: str, length: int, data: bytes = b"", **headers: str) -> None:
        """Begin a request with a body of ``length`` bytes and send ``data`` of it."""
        self.putrequest(method, url)
        for name, value in {"Content-Length": str(length), **headers}.items():
            self.putheader(name, value)
        self.endheaders()
        self.send(data)


@pytest.fixture
def raw(registry: Registry) -> Iterator[Raw]:
    """Return a connection on which a test says what is sent when."""
    connection = Raw(registry)
    yield connection
    connection.close()


def received(registry: Registry) -> int:
    """Return the bytes of the body of the request that arrived last."""
    return sum(request.bytes_in for request in registry.requests[-1:])


def until(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_cut_upload_keeps_what_arrived_and_goes_on(registry: Registry, hand: Any, raw: Raw) -> None:
    """After a cut connection the status tells the offset, and the rest completes the blob."""
    location = hand.begin("a")
    raw.start("PATCH", location, len(DATA), DATA[:300_000])
    until(lambda: received(registry) == 300_000)
    raw.close()
    assert hand.http.get(location).headers["range"] == "0-299999"
    headers = {"Content-Range": f"300000-{len(DATA) - 1}"}
    location = hand.http.patch(location, content=DATA[300_000:], headers=headers).headers["location"]
    assert hand.http.put(location, params={"digest": hand.digest(DATA)}).status_code == 201


def test_a_cut_put_does_not_end_the_upload(registry: Registry, hand: Any, raw: Raw) -> None:
    """A PUT whose body breaks off makes no blob and keeps the upload."""
    location = hand.begin("a")
    raw.start("PUT", f"{location}?digest={hand.digest(DATA)}", len(DATA), DATA[:9])
    until(lambda: received(registry) == 9)
    raw.close()
    assert hand.http.get(location).headers["range"] == "0-8"
    assert hand.http.get(f"/v2/a/blobs/{hand.digest(DATA)}").status_code == 404


def test_a_cut_monolithic_post_leaves_nothing(registry: Registry, hand: Any, raw: Raw) -> None:
    """A POST with a digest whose body breaks off is forgotten."""
    raw.start("POST", f"/v2/a/blobs/uploads/?digest={hand.digest(DATA)}", len(DATA), DATA[:9])
    until(lambda: received(registry) == 9)
    raw.close()
    until(lambda: registry.requests[-1].ended is not None)
    assert registry.requests[-1].status is None
    assert len(registry._context.uploads) == 0


def test_a_new_writer_ends_a_connection_that_hangs(registry: Registry, hand: Any, raw: Raw) -> None:
    """A half-open connection neither blocks the upload nor adds to it once another request goes on."""
    location = hand.begin("a")
    raw.start("PATCH", location, len(DATA), DATA[:500])
    until(lambda: received(registry) == 500)
    took_over = hand.http.patch(location, content=DATA[:500], headers={"Content-Range": "0-499"})
    assert took_over.status_code == 202
    raw.send(DATA[500:])
    late = raw.getresponse()
    assert (late.status, b"BLOB_UPLOAD_INVALID" in late.read()) == (404, True)
    assert hand.http.get(location).headers["range"] == "0-499"
    answer = hand.http.put(location, params={"digest": hand.digest(DATA)}, content=DATA[500:])
    assert answer.status_code == 201


def test_status_does_not_wait_for_ever_for_a_hanging_writer(hand: Any, raw: Raw) -> None:
    """The status of an upload is answered while a request to it hangs."""
    location = hand.begin("a")
    raw.start("PATCH", location, len(DATA), DATA[:500])
    assert hand.http.get(location).status_code == 204


def test_many_uploads_at_once(registry: Registry, hand: Any) -> None:
    """Uploads of different clients do not mix."""
    blobs = [bytes([number]) * (200_000 + number) for number in range(16)]
    threads = [threading.Thread(target=hand.blob, args=(f"r/{len(blob) % 3}", blob)) for blob in blobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for blob in blobs:
        answer = hand.http.get(f"/v2/r/{len(blob) % 3}/blobs/{hand.digest(blob)}")
        assert answer.content == blob
    assert len(registry._context.uploads) == 0


def test_an_upload_that_nobody_touches_expires(registry: Registry, hand: Any) -> None:
    """Uploads last touched before a time are dropped when the next one begins."""
    location = hand.http.patch(hand.begin("a"), content=DATA).headers["location"]
    registry._context.uploads.find("a", location.rpartition("/")[2]).touched -= 7200
    hand.begin("a")
    assert hand.http.get(location).status_code == 404


def test_expect_100_continue_is_answered_before_the_body(registry: Registry, hand: Any) -> None:
    """A client that asks first is told to go on, or refused without sending its body."""
    host, _, port = registry.host.partition(":")
    path = f"/blobs/uploads/?digest={hand.digest(b'{}')}"
    head = "POST /v2/{}{} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    registry.deny("denied")
    for name, status in (("a", b"100"), ("denied", b"403")):
        with socket.create_connection((host, int(port))) as connection:
            connection.sendall(head.format(name, path).encode())
            assert connection.recv(1 << 16).split()[1] == status


def test_a_slow_drip_of_tiny_pieces_is_joined(registry: Registry, hand: Any) -> None:
    """Ten thousand pieces of a few bytes do not stay ten thousand objects."""

    def drip() -> Iterator[bytes]:
        for number in range(10_000):
            yield b"%05d" % number

    data = b"".join(drip())
    location = hand.http.patch(hand.begin("a"), content=drip()).headers["location"]
    staged: Any = registry._context.uploads.find("a", location.rpartition("/")[2]).staged
    assert len(getattr(staged, "chunks", ())) < 100
    assert hand.http.put(location, params={"digest": hand.digest(data)}).status_code == 201
