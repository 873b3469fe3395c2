"""Everything read is verified while it arrives, and a cut connection loses nothing."""

from __future__ import annotations

import hashlib
import itertools
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bodies import some_bytes
from support.http_server import Exchange, HttpServer

from lazyimg.errors import (
    ContentMismatch,
    InvalidDocument,
    InvalidReference,
    NotFound,
    RegistryError,
    RegistryUnreachable,
    Unauthorized,
)
from lazyimg.oci import media_type
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.registry import lists
from lazyimg.registry.client import Client
from lazyimg.registry.retry import Retries

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.docker_registry import DockerRegistry
    from support.front import Front

    from lazyimg.registry.transport.wire import RequestRecord

DATA = some_bytes(700_000)
DIGEST = Digest.of(DATA)
MANIFEST = b'{"schemaVersion":2}'
OTHER = Digest.of(b"other")


class BlobServer:
    """Serves one blob, in the ways a test asks for."""

    def __init__(self, data: bytes = DATA) -> None:
        self.data = data
        self.cuts: list[int] = []
        """After how many bytes each answer is cut, consumed from the front."""
        self.knows_ranges = True
        self.tells_length = True
        self.length: int | None = None
        self.content_range: str | None = None
        self.early = 0
        """How many bytes before the one asked for an answer begins."""
        self.server = HttpServer(self.respond)

    @property
    def ranges(self) -> list[str | None]:
        """The ranges asked for."""
        return [exchange.headers.get("Range") for exchange in self.server.exchanges]

    def respond(self, exchange: Exchange) -> None:
        """Answer a GET."""
        asked = exchange.headers.get("Range") if self.knows_ranges else None
        start = max(0, int(asked.removeprefix("bytes=").rstrip("-")) - self.early) if asked else 0
        part = self.data[start:]
        headers = {}
        if asked:
            span = f"bytes {start}-{len(self.data) - 1}/{len(self.data)}"
            headers["Content-Range"] = self.content_range or span
        length = (len(part) if self.length is None else self.length) if self.tells_length else -1
        if length == -1:
            headers["Connection"] = "close"
        cut = self.cuts.pop(0) if self.cuts else None
        exchange.answer(206 if asked else 200, part[:cut], headers, length=length)
        if cut is not None or length == -1:
            exchange.cut()


def read(client: Client, size: int | None = len(DATA), digest: str = DIGEST) -> bytes:
    """Read a blob whole."""
    return b"".join(client.blob("me/app", digest, size))


# --- blobs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [len(DATA), None])
def test_reads_a_blob(client: Callable[..., Client], size: int | None) -> None:
    """The bytes come as they are; nothing is asked before the first is wanted."""
    blobs = BlobServer()
    with blobs.server as server:
        chunks = client(server.host).blob("me/app", DIGEST, size)
        assert server.log == []
        assert b"".join(chunks) == DATA
        assert server.log == [f"GET /v2/me/app/blobs/{DIGEST}"]


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_verifies_by_the_digest_asked_for(client: Callable[..., Client], algorithm: str) -> None:
    """Both algorithms are verified."""
    with BlobServer().server as server:
        assert read(client(server.host), digest=Digest.of(DATA, algorithm)) == DATA
        with pytest.raises(ContentMismatch, match="sent bytes with the digest"):
            read(client(server.host), digest=Digest.of(b"other", algorithm))


def test_wrong_digest_never_looks_whole(client: Callable[..., Client]) -> None:
    """The last bytes are kept back until all are verified: whoever counts never sees the whole."""
    with BlobServer().server as server:
        seen: list[bytes] = []
        with pytest.raises(ContentMismatch, match=f"sent bytes with the digest {DIGEST}"):
            seen.extend(client(server.host).blob("me/app", OTHER, len(DATA)))
        assert len(b"".join(seen)) < len(DATA)


@pytest.mark.parametrize("size", [len(DATA) - 1, len(DATA) + 1, 0])
@pytest.mark.parametrize("tells_length", [True, False], ids=["announced", "unannounced"])
def test_wrong_size(client: Callable[..., Client], size: int, *, tells_length: bool) -> None:
    """Too long or too short is refused: by what is announced before a byte, else while it streams."""
    blobs = BlobServer()
    blobs.tells_length = tells_length
    early = f"has 700000 bytes of it, {size} were" if tells_length else f"more than the {size} bytes it has"
    words = early if tells_length or size < len(DATA) else f"sent 700000 of its {size} bytes"
    with blobs.server as server, pytest.raises(ContentMismatch, match=words):
        read(client(server.host), size=size)


def test_endless_blob_is_cut_at_its_size(client: Callable[..., Client]) -> None:
    """A blob that does not end is refused once it is too long, not read for ever."""

    def endless(exchange: Exchange) -> None:
        exchange.answer(200, length=-1, headers={"Connection": "close"})
        while True:
            exchange.write(bytes(65536))

    with HttpServer(endless) as server, pytest.raises(ContentMismatch, match="more than the 1000 bytes"):
        read(client(server.host), size=1000)
    with HttpServer(endless) as server, pytest.raises(ContentMismatch, match="over the limit of 1000 bytes"):
        client(server.host).get_blob_bytes("me/app", DIGEST, None, limit=1000)


@pytest.mark.parametrize("cut", [0, 1, 300_000, len(DATA) - 1])
@pytest.mark.parametrize("knows_ranges", [True, False], ids=["ranges", "no ranges"])
def test_cut_is_gone_on_with(client: Callable[..., Client], cut: int, *, knows_ranges: bool) -> None:
    """The rest is asked for by ``Range``; a registry that sends all again is skipped through."""
    blobs = BlobServer()
    blobs.cuts, blobs.knows_ranges = [cut], knows_ranges
    with blobs.server as server:
        assert read(client(server.host)) == DATA
        assert blobs.ranges[1] == (f"bytes={cut}-" if cut else None)


@pytest.mark.parametrize("retries", [0, 4])
def test_cut_behind_the_last_byte(client: Callable[..., Client], retries: int) -> None:
    """Where all that is wanted has come and the end of the answer has not, nothing is asked for again."""

    def respond(exchange: Exchange) -> None:
        part = DATA[5:105] if exchange.headers.get("Range") == "bytes=5-104" else DATA
        span = {"Content-Range": f"bytes 5-104/{len(DATA)}"} if part != DATA else {}
        exchange.answer(206 if span else 200, headers={"Transfer-Encoding": "chunked", **span}, length=-1)
        exchange.write(b"%x\r\n%b\r\n" % (len(part), part))
        exchange.cut()

    with HttpServer(respond) as server:
        registry = client(server.host, retries=retries)
        assert read(registry) == DATA
        assert b"".join(registry.blob("me/app", DIGEST, len(DATA), 5, length=100)) == DATA[5:105]
        assert len(server.log) == 2


@pytest.mark.parametrize("start", [0, 1, 299_999])
def test_range_that_begins_earlier(client: Callable[..., Client], start: int) -> None:
    """A part that begins before the wanted byte is skipped through to it."""
    cuts = iter([300_000])

    def respond(exchange: Exchange) -> None:
        if (cut := next(cuts, None)) is not None:
            exchange.answer(200, DATA[:cut], length=len(DATA))
            exchange.cut()
        else:
            span = {"Content-Range": f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"}
            exchange.answer(206, DATA[start:], span)

    with HttpServer(respond) as server:
        assert read(client(server.host)) == DATA
        assert server.exchanges[1].headers["Range"] == "bytes=300000-"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 5000), max_size=5), ranges=st.booleans(), told=st.booleans())
def test_any_cuts(client: Callable[..., Client], cuts: list[int], ranges: bool, told: bool) -> None:  # noqa: FBT001
    """Wherever it is cut, each byte comes once and in order."""
    blobs = BlobServer(DATA[:9000])
    blobs.cuts, blobs.knows_ranges = list(cuts), ranges
    with blobs.server as server:
        registry = client(server.host, retries=Retries(count=9, first=0))
        size = 9000 if told else None
        assert b"".join(registry.blob("me/app", Digest.of(blobs.data), size)) == blobs.data


def test_cuts_without_progress_end(client: Callable[..., Client]) -> None:
    """A connection that keeps breaking without a byte is given up."""
    blobs = BlobServer()
    blobs.cuts = [1000] + [0] * 99
    with blobs.server as server, pytest.raises(RegistryUnreachable, match="broke the connection"):
        read(client(server.host, retries=Retries(count=2, first=0)))
    assert len(blobs.ranges) == 3


@pytest.mark.parametrize("content_range", ["bytes 9-10/11", "junk", "bytes 700001-700002/800000"])
def test_another_range_than_was_asked_for(client: Callable[..., Client], content_range: str) -> None:
    """A part that begins behind the wanted byte, or does not say where, is refused."""
    blobs = BlobServer()
    blobs.cuts, blobs.content_range = [5], content_range
    with blobs.server as server, pytest.raises(ContentMismatch, match="another range"):
        read(client(server.host))


def test_range_that_begins_early(client: Callable[..., Client]) -> None:
    """A part that begins before the wanted byte, and says so, is skipped into."""
    blobs = BlobServer()
    blobs.cuts, blobs.early = [300_000], 1000
    with blobs.server as server:
        assert read(client(server.host)) == DATA
        assert blobs.ranges == [None, "bytes=300000-"]


def test_from_an_offset(client: Callable[..., Client]) -> None:
    """From an offset the size is checked, and with the hash of what was left out the whole."""
    with BlobServer().server as server:
        registry = client(server.host)
        assert b"".join(registry.blob("me/app", OTHER, len(DATA), 1000)) == DATA[1000:]
        hasher = hashlib.sha256(DATA[:1000])
        assert b"".join(registry.blob("me/app", DIGEST, len(DATA), 1000, hasher=hasher)) == DATA[1000:]
        with pytest.raises(ContentMismatch):
            list(registry.blob("me/app", OTHER, len(DATA), 1000, hasher=hashlib.sha256(DATA[:1000])))
        with pytest.raises(ContentMismatch):
            list(registry.blob("me/app", DIGEST, len(DATA) + 7, 1000))
        assert b"".join(registry.blob("me/app", DIGEST, len(DATA), len(DATA))) == b""


def test_small_blobs(client: Callable[..., Client]) -> None:
    """A blob in memory has a limit, which is known before it is asked for where the size is."""
    with BlobServer(b"{}").server as server:
        registry = client(server.host)
        assert registry.get_blob_bytes("me/app", Digest.of(b"{}"), 2) == b"{}"
        assert registry.get_blob_bytes("me/app", Digest.of(b"{}"), None) == b"{}"
        server.exchanges.clear()
        with pytest.raises(ContentMismatch, match="over the limit"):
            registry.get_blob_bytes("me/app", DIGEST, 9 << 20)
        assert server.log == []


def test_consumer_that_stops_early(client: Callable[..., Client]) -> None:
    """Whoever has seen enough closes the iterator; the client is usable as before."""
    with BlobServer().server as server:
        registry = client(server.host)
        chunks = registry.blob("me/app", DIGEST, len(DATA))
        next(chunks)
        chunks.close()  # type: ignore[attr-defined]
        assert read(registry) == DATA


def test_missing_blob(client: Callable[..., Client]) -> None:
    """What is not there is said with the repository and the digest."""
    with HttpServer(lambda exchange: exchange.answer(404)) as server:
        registry = client(server.host)
        with pytest.raises(NotFound, match=f"cannot read the blob {DIGEST} of me/app"):
            read(registry)
        assert registry.head_blob("me/app", DIGEST) is None


def test_size_of_a_blob(client: Callable[..., Client]) -> None:
    """By HEAD, or by the head of a GET where HEAD is not offered or does not tell."""

    def heads(status: int, length: int | None) -> Callable[[Exchange], None]:
        def respond(exchange: Exchange) -> None:
            if exchange.method == "HEAD":
                exchange.answer(status, length=length)
            else:
                exchange.answer(200, b"12345")

        return respond

    for respond, methods in (
        (heads(200, 5), ["HEAD"]),
        (heads(200, -1), ["HEAD", "GET"]),
        (heads(400, 0), ["HEAD", "GET"]),
        (heads(405, 0), ["HEAD", "GET"]),
        (heads(501, 0), ["HEAD", "GET"]),
    ):
        records: list[RequestRecord] = []
        with HttpServer(respond) as server:
            assert client(server.host, observer=records.append).head_blob("me/app", DIGEST) == 5
            assert [line.split()[0] for line in server.log] == methods
        assert [record.bytes_received for record in records] == [0] * len(methods)
    with HttpServer(heads(403, 0)) as server, pytest.raises(PermissionError):
        client(server.host).head_blob("me/app", DIGEST)


def test_size_that_nobody_tells(client: Callable[..., Client]) -> None:
    """A registry that tells no size is an error, not a guess."""
    with (
        HttpServer(
            lambda exchange: exchange.answer(200, length=-1, headers={"Connection": "close"})
        ) as server,
        pytest.raises(RegistryError, match="does not tell its size"),
    ):
        client(server.host).head_blob("me/app", DIGEST)


# --- manifests -------------------------------------------------------------------------------------------


def serving(data: bytes, **headers: str) -> HttpServer:
    """Return a server that answers everything with this body."""
    pairs = {name.replace("_", "-"): value for name, value in headers.items()}

    def respond(exchange: Exchange) -> None:
        exchange.read()
        exchange.answer(200, data, pairs)

    return HttpServer(respond)


def test_reads_a_manifest(client: Callable[..., Client]) -> None:
    """By tag its digest is computed, or checked where it is announced; parameters of the type are cut off."""
    with serving(MANIFEST, Content_Type="Application/X; charset=utf-8") as server:
        raw = client(server.host).get_manifest("me/app", "v1")
        assert (raw.media_type, raw.digest, raw.data) == ("application/x", Digest.of(MANIFEST), MANIFEST)
        [exchange] = server.exchanges
        assert exchange.path == "/v2/me/app/manifests/v1"
        assert exchange.headers["Accept"].split(", ") == list(media_type.ACCEPT_MANIFESTS)
    announced = Digest.of(MANIFEST, "sha512")
    with serving(MANIFEST, Docker_Content_Digest=announced) as server:
        assert client(server.host).get_manifest("me/app", "v1").digest == announced
    with serving(MANIFEST, Docker_Content_Digest="junk") as server:
        assert client(server.host).get_manifest("me/app", "v1").digest == Digest.of(MANIFEST)


def test_manifest_with_another_digest(client: Callable[..., Client]) -> None:
    """By digest it must be that one, and by tag the one that is announced."""
    with serving(MANIFEST) as server, pytest.raises(ContentMismatch, match="not sha256:"):
        client(server.host).get_manifest("me/app", OTHER)
    with serving(MANIFEST, Docker_Content_Digest=OTHER) as server, pytest.raises(ContentMismatch):
        client(server.host).get_manifest("me/app", "v1")
    with serving(MANIFEST, Docker_Content_Digest=OTHER) as server:
        found = client(server.host).get_manifest("me/app", Digest.of(MANIFEST, "sha512"))
        assert found.digest.algorithm == "sha512"


def test_manifest_over_the_limit(client: Callable[..., Client]) -> None:
    """More than 4 MiB are not read, and not sent; so many are."""
    with serving(b"") as server:
        client(server.host).put_manifest("me/app", "v1", bytes(4 << 20), media_type.OCI_MANIFEST)
        assert len(server.log) == 1
    with serving(bytes((4 << 20) + 1)) as server:
        registry = client(server.host)
        with pytest.raises(ContentMismatch, match="more than 4194304 bytes"):
            registry.get_manifest("me/app", "v1")
        server.exchanges.clear()
        with pytest.raises(InvalidDocument, match="not sent"):
            registry.put_manifest("me/app", "v1", bytes((4 << 20) + 1), media_type.OCI_MANIFEST)
        assert server.log == []


def test_describes_a_manifest(client: Callable[..., Client]) -> None:
    """By HEAD where it tells digest, size and type, else by GET."""
    expected = Descriptor(media_type="application/x", digest=Digest.of(MANIFEST), size=len(MANIFEST))
    whole = {"Content-Type": "application/x", "Docker-Content-Digest": Digest.of(MANIFEST)}

    def heads(*answer: Any) -> Callable[[Exchange], None]:
        def respond(exchange: Exchange) -> None:
            *said, length = answer if len(answer) == 4 else (*answer, None)
            if exchange.method == "HEAD":
                exchange.answer(*said, length=length)
            else:
                exchange.answer(200, MANIFEST, whole)

        return respond

    for answer, methods in (
        ((200, MANIFEST, whole), ["HEAD"]),
        ((200, MANIFEST, {"Content-Type": "application/x"}), ["HEAD", "GET"]),
        ((200, MANIFEST, {"Docker-Content-Digest": Digest.of(MANIFEST)}), ["HEAD", "GET"]),
        ((200, b"", whole, -1), ["HEAD", "GET"]),
        ((400,), ["HEAD", "GET"]),
        ((405,), ["HEAD", "GET"]),
        ((501,), ["HEAD", "GET"]),
    ):
        with HttpServer(heads(*answer)) as server:
            assert client(server.host).head_manifest("me/app", "v1") == expected
            assert [line.split()[0] for line in server.log] == methods
    with HttpServer(heads(404)) as server, pytest.raises(NotFound):
        client(server.host).head_manifest("me/app", "v1")


def test_writes_a_manifest(client: Callable[..., Client]) -> None:
    """The digest is returned; a contradiction, here or there, is an error."""
    with serving(b"") as server:
        registry = client(server.host)
        for reference in ("v1", Digest.of(MANIFEST)):
            assert registry.put_manifest("me/app", reference, MANIFEST, "application/x") == Digest.of(
                MANIFEST
            )
        assert server.exchanges[0].headers["Content-Type"] == "application/x"
        assert (
            registry.put_manifest("me/app", Digest.of(MANIFEST, "sha512"), MANIFEST, "x/y").algorithm
            == "sha512"
        )
        server.exchanges.clear()
        with pytest.raises(ContentMismatch, match="cannot be written as"):
            registry.put_manifest("me/app", OTHER, MANIFEST, "application/x")
        assert server.log == []
    with serving(b"", Docker_Content_Digest=OTHER) as server, pytest.raises(ContentMismatch, match="stored"):
        client(server.host).put_manifest("me/app", "v1", MANIFEST, "application/x")


@pytest.mark.peer
def test_docker_registry_from_end_to_end(
    client: Callable[..., Client], docker_registry: DockerRegistry, repository: str
) -> None:
    """Every endpoint works with the reference implementation."""
    records: list[RequestRecord] = []
    registry = client(docker_registry.host, observer=records.append)
    registry.ping()
    registry.begin_upload(repository).put(b"{}", Digest.of(b"{}"))
    registry.begin_upload(repository).put(DATA, DIGEST)
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": media_type.OCI_MANIFEST,
            "config": {"mediaType": media_type.OCI_CONFIG, "digest": Digest.of(b"{}"), "size": 2},
            "layers": [{"mediaType": media_type.OCI_LAYER_GZIP, "digest": DIGEST, "size": len(DATA)}],
        }
    ).encode()
    digest = registry.put_manifest(repository, "v1", manifest, media_type.OCI_MANIFEST)
    registry.put_manifest(repository, "v2", manifest, media_type.OCI_MANIFEST)
    assert registry.head_manifest(repository, "v1").digest == digest
    assert registry.get_manifest(repository, digest).data == manifest
    assert registry.get_manifest(repository, "v2").media_type == media_type.OCI_MANIFEST
    assert sorted(registry.tags(repository)) == ["v1", "v2"]
    assert b"".join(registry.blob(repository, DIGEST, len(DATA))) == DATA
    assert b"".join(registry.blob(repository, DIGEST, len(DATA), 5)) == DATA[5:]
    registry.delete_blob(repository, DIGEST)
    assert registry.head_blob(repository, DIGEST) is None
    registry.delete_manifest(repository, digest)
    with pytest.raises(NotFound):
        registry.get_manifest(repository, digest)
    with pytest.raises(NotFound, match="MANIFEST_UNKNOWN"):
        registry.get_manifest(repository, "nothing")
    assert all(record.url.startswith(f"http://{docker_registry.host}/v2/") for record in records)
    assert not any("_state" in record.url for record in records)
    assert max(record.bytes_sent for record in records) == len(DATA)
    assert max(record.bytes_received for record in records) == len(DATA)
    assert all(record.seconds > 0 for record in records)


@pytest.mark.peer
def test_cut_reads_of_docker_registry(
    client: Callable[..., Client],
    docker_registry: DockerRegistry,
    front: Callable[[str], Front],
    repository: str,
) -> None:
    """A GET that is cut before its answer is asked again."""
    client(docker_registry.host).begin_upload(repository).put(DATA, DIGEST)
    proxy = front(docker_registry.host)
    proxy.cut(0, method="GET", times=2)
    assert b"".join(client(proxy.host).blob(repository, DIGEST, len(DATA))) == DATA
    assert proxy.log == [f"GET /v2/{repository}/blobs/{DIGEST}"] * 3


def test_deleting_where_it_is_not_offered(client: Callable[..., Client]) -> None:
    """405 is said as what it is."""
    with HttpServer(lambda exchange: exchange.answer(405)) as server:
        with pytest.raises(RegistryError, match="does not offer it"):
            client(server.host).delete_manifest("me/app", DIGEST)
        with pytest.raises(RegistryError, match="cannot delete the blob"):
            client(server.host).delete_blob("me/app", DIGEST)
        assert len(server.log) == 2


@pytest.mark.parametrize("status", [400, 405])
def test_deleting_a_tag_where_manifests_are_deleted_by_digest(
    client: Callable[..., Client], status: int
) -> None:
    """What to do instead is said: that is Docker's registry, and many others."""
    words = r"answered 4.*by digest alone: the one that head_manifest\(\)"
    with HttpServer(lambda exchange: exchange.answer(status)) as server:
        registry = client(server.host)
        with pytest.raises(RegistryError, match=words):
            registry.delete_manifest("me/app", "v1")


@pytest.mark.parametrize("wrong", ["", "me/app:1", "reg.lan:5000/me/app", "me/app@sha256:00", None, 7])
def test_more_than_a_repository(client: Callable[..., Client], wrong: Any) -> None:
    """A reference is none, and is not sent to a registry that would only say that it knows no such name."""
    asking = client("127.0.0.1:9")
    for ask in (
        asking.tags,
        asking.begin_upload,
        lambda name: asking.head_manifest(name, "1"),
        lambda name: asking.referrers(name, DIGEST),
        lambda name: asking.head_blob(name, DIGEST),
    ):
        with pytest.raises(InvalidReference, match="is no repository: write it without registry, tag and"):
            ask(wrong)


# --- lists -----------------------------------------------------------------------------------------------


def test_pages_of_tags(client: Callable[..., Client]) -> None:
    """All pages are followed, on this registry only; ``null`` is no tags."""

    def respond(exchange: Exchange) -> None:
        last = dict(exchange.query).get("last")
        pages = {
            None: (b'{"tags":["a"]}', '</v2/me/app/tags/list?last=a>; rel="next"'),
            "a": (b'{"tags":["b"]}', "<list?last=b>"),
            "b": (b'{"tags":["c",7]}', '<http://elsewhere.example/>; rel="next"'),
        }
        body, link = pages[last]
        exchange.answer(200, body, {"Link": link})

    with HttpServer(respond) as server:
        assert client(server.host).tags("me/app") == ["a", "b", "c"]
        assert [exchange.path for exchange in server.exchanges] == ["/v2/me/app/tags/list"] * 3
    with serving(b'{"tags":null}') as server:
        assert client(server.host).tags("me/app") == []


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"tags":7}', b'{"tags":"abc"}', b'{"tags":{"a":1}}', b"[" * 100_000]
)
def test_list_that_is_none(client: Callable[..., Client], body: bytes) -> None:
    """Anything but a list of tags is an error."""
    with serving(body) as server, pytest.raises(InvalidDocument, match="no list of tags"):
        client(server.host).tags("me/app")


def test_pages_without_end(client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that pages for ever is left after a bounded number of pages, or of bytes."""
    assert (lists._MOST_PAGES, lists._MOST_BYTES) == (10_000, 64 << 20)
    for name, number in (("_MOST_PAGES", 3), ("_MOST_BYTES", 150)):
        numbers = itertools.count()

        def respond(exchange: Exchange, numbers: Iterator[int] = numbers) -> None:
            link = f'</v2/me/app/tags/list?last={next(numbers)}>; rel="next"'
            exchange.answer(200, b'{"tags":["a"]}', {"Link": link})

        with monkeypatch.context() as patch, HttpServer(respond) as server:
            patch.setattr(f"lazyimg.registry.lists.{name}", number)
            with pytest.raises(RegistryError, match="cannot list the tags of me/app: the list has no end"):
                client(server.host).tags("me/app")
            assert len(server.log) == 3


def test_pages_that_lead_back(client: Callable[..., Client]) -> None:
    """A page that was asked for already is not asked for thousands of times."""
    numbers = itertools.cycle("ab")

    def respond(exchange: Exchange) -> None:
        link = f'</v2/me/app/tags/list?last={next(numbers)}>; rel="next"'
        exchange.answer(200, b'{"tags":["a"]}', {"Link": link})

    with HttpServer(respond) as server:
        with pytest.raises(RegistryError, match="the list has no end, it leads back"):
            client(server.host).tags("me/app")
        assert len(server.log) == 3


# --- the client ------------------------------------------------------------------------------------------


def test_ping(client: Callable[..., Client]) -> None:
    """Any success will do; a registry that wants credentials says so."""
    with serving(b"") as server:
        client(server.host).ping()
        assert server.log == ["GET /v2/"]
    with HttpServer(lambda exchange: exchange.answer(401)) as server, pytest.raises(Unauthorized):
        client(server.host).ping()


def test_client_of_an_own_transport() -> None:
    """A transport of the user's is all that is used; https is what a public host is spoken to with."""
    seen: list[str] = []

    def respond(request: httpx.Request) -> httpx.Response:
        seen.append(f"{request.method} {request.url} {request.headers['User-Agent']}")
        return httpx.Response(200, content=MANIFEST)

    transport = httpx.MockTransport(respond)
    with Client("docker.io", transport=transport, user_agent="mine/1") as registry:
        assert registry.get_manifest("library/python", "3").data == MANIFEST
        assert repr(registry) == "Client('docker.io')"
    with Client("reg.lan:5000", transport=transport, insecure=True) as registry:
        registry.ping()
    assert seen == [
        "GET https://registry-1.docker.io/v2/library/python/manifests/3 mine/1",
        f"GET http://reg.lan:5000/v2/ {seen[1].rpartition(' ')[2]}",
    ]
    assert seen[1].rpartition(" ")[2].startswith("lazyimg/")


def test_errors_of_an_own_transport() -> None:
    """What httpx raises is mapped as what our own sockets raise."""
    expected = {
        httpx.ConnectError("no"): (RegistryUnreachable, "cannot be reached"),
        httpx.ReadError("no"): (RegistryUnreachable, "broke the connection"),
        httpx.RemoteProtocolError("Bearer s3cret"): (RegistryUnreachable, "does not speak HTTP"),
        httpx.ConnectTimeout("no"): (TimeoutError, "did not accept a connection in time"),
        httpx.ReadTimeout("no"): (TimeoutError, "did not answer in time"),
        httpx.UnsupportedProtocol("no"): (RegistryError, "cannot be used"),
    }
    for error, (kind, words) in expected.items():

        def respond(_: httpx.Request, error: httpx.HTTPError = error) -> httpx.Response:
            raise error

        with Client("ghcr.io", transport=httpx.MockTransport(respond), retries=0) as registry:
            with pytest.raises(kind, match=words) as raised:
                registry.ping()
            assert "s3cret" not in str(raised.value)
