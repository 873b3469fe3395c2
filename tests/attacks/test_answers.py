"""Answers made to be wrong, endless or huge: little is read of them, and what comes of it is an error."""

from __future__ import annotations

import contextlib
import gzip
import json
import time
import tracemalloc
import zlib
from typing import TYPE_CHECKING

import pytest
from support.http_server import Exchange, HttpServer

import lazyimg as li
from lazyimg.errors import (
    ContentMismatch,
    InvalidDocument,
    LazyImgError,
    NotFound,
    RegistryError,
    RegistryUnreachable,
)
from lazyimg.oci.digest import Digest
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.media_type import OCI_CONFIG, OCI_INDEX, OCI_MANIFEST
from lazyimg.registry.location import next_page
from lazyimg.registry.retry import Retries, retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lazyimg.registry.client import Client

DATA = b'{"schemaVersion":2,"manifests":[]}'
DIGEST = Digest.of(DATA)
BOMB = gzip.compress(bytes(64 << 20), 9)


@contextlib.contextmanager
def memory(most: int) -> Iterator[None]:
    """Assert that no more than so many bytes are held at once."""
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()


def answering(
    data: bytes, headers: dict[str, str] | list[tuple[str, str]] | None = None, status: int = 200
) -> HttpServer:
    """Give a server that answers everything so."""
    return HttpServer(lambda exchange: exchange.answer(status, data, headers))


# --- bytes that are not what was asked for ---------------------------------------------------------------


@pytest.mark.parametrize("named", [Digest.of(b"other"), Digest.of(b"other", "sha512")])
@pytest.mark.parametrize("said", ["asked", "true", "junk", ""])
def test_a_manifest_by_digest_is_that_or_nothing(
    client: Callable[..., Client], named: Digest, said: str
) -> None:
    """Whatever the registry says that it sent, the digest that was asked for is what its bytes must have."""
    digests = {"asked": named, "true": DIGEST, "junk": "sha256:../../etc/passwd", "": ""}
    with (
        answering(DATA, {"Docker-Content-Digest": digests[said], "Content-Type": OCI_INDEX}) as server,
        pytest.raises(ContentMismatch, match=f"not {named}"),
    ):
        client(server.host).get_manifest("me/app", named)


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("other", ["sha256", "sha512"])
def test_a_manifest_is_verified_in_the_algorithm_it_was_asked_by(
    client: Callable[..., Client], algorithm: str, other: str
) -> None:
    """What the registry says beside it, in the same algorithm or in the other, right or wrong, is nothing."""
    named = Digest.of(DATA, algorithm)
    for said in (Digest.of(DATA, other), Digest.of(b"other", other)):
        with answering(DATA, {"Docker-Content-Digest": said, "Content-Type": OCI_INDEX}) as server:
            assert client(server.host).get_manifest("me/app", named).digest == named


def test_a_tag_is_what_the_registry_says_or_nothing(client: Callable[..., Client]) -> None:
    """Bytes that contradict the digest beside them are refused; a digest that is none says nothing."""
    other = {"Docker-Content-Digest": Digest.of(b"other"), "Content-Type": OCI_INDEX}
    with answering(DATA, other) as server, pytest.raises(ContentMismatch):
        client(server.host).get_manifest("me/app", "v1")
    for junk in ("md5:d41d8cd98f00b204e9800998ecf8427e", "sha256:../../x", "SHA256:" + "0" * 64):
        with answering(DATA, {"Docker-Content-Digest": junk, "Content-Type": OCI_INDEX}) as server:
            assert client(server.host).get_manifest("me/app", "v1").digest == DIGEST


@pytest.mark.parametrize(
    "digest", ["sha256:../../../etc/passwd", "../x", "md5:0", "sha256:" + "0" * 63, "a/b:c"]
)
def test_a_digest_that_is_a_path_is_no_digest(client: Callable[..., Client], digest: str) -> None:
    """Nothing is asked of a registry under such a name, and no document holds one."""
    with answering(DATA) as server:
        with pytest.raises(LazyImgError, match="is no digest"):
            list(client(server.host).blob("me/app", digest, 9))
        assert server.log == []
    layer = {"mediaType": OCI_CONFIG, "digest": digest, "size": 1}
    with pytest.raises(InvalidDocument, match="is no digest"):
        _ = Manifest.parse(json.dumps({"schemaVersion": 2, "config": layer, "layers": []})).config


def test_sizes_that_no_file_has_are_refused() -> None:
    """A descriptor's size is what a system can count to."""
    for size in (-1, 1 << 63, 10**30, 1.5, True, "1", 1e30):
        config = {"mediaType": OCI_CONFIG, "digest": DIGEST, "size": size}
        with pytest.raises(InvalidDocument):
            _ = Manifest.parse(json.dumps({"schemaVersion": 2, "config": config, "layers": []})).config


# --- sizes ------------------------------------------------------------------------------------------------


def endless(exchange: Exchange) -> None:
    """Answer with a body that goes on until nobody reads it, its length unsaid."""
    exchange.answer(200, b"", {"Content-Type": OCI_MANIFEST, "Connection": "close"}, length=-1)
    with contextlib.suppress(OSError):
        for _ in range(1 << 14):
            exchange.write(b" " * (1 << 16))
    exchange.cut()


def endless_chunks(exchange: Exchange) -> None:
    """Answer with chunk after chunk."""
    exchange.answer(200, b"", {"Transfer-Encoding": "chunked", "Content-Type": OCI_MANIFEST}, length=-1)
    with contextlib.suppress(OSError):
        for _ in range(1 << 14):
            exchange.write(b"10000\r\n" + b" " * (1 << 16) + b"\r\n")
    exchange.cut()


@pytest.mark.parametrize("respond", [endless, endless_chunks])
def test_documents_without_end(client: Callable[..., Client], respond: Callable[[Exchange], None]) -> None:
    """A manifest, a list, an answer that should be empty: each is read to its limit."""
    acts: list[Callable[[Client], object]] = [
        lambda registry: registry.get_manifest("me/app", "v1"),
        lambda registry: registry.tags("me/app"),
        lambda registry: registry.ping(),
        lambda registry: registry.get_blob_bytes("me/app", DIGEST, None),
    ]
    with HttpServer(respond) as server, memory(48 << 20):
        for act in acts:
            with pytest.raises(ContentMismatch, match=r"more than \d+ bytes|over the limit"):
                act(client(server.host))
        assert len(server.log) == len(acts)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "x-gzip, gzip"])
@pytest.mark.parametrize("status", [200, 401, 403])
def test_encoded_answers_are_not_decoded(client: Callable[..., Client], encoding: str, status: int) -> None:
    """None was asked for, so a bomb stays as small as it was sent: as a manifest, an error, a list."""
    bomb = zlib.compress(bytes(64 << 20), 9) if encoding == "deflate" else BOMB
    headers = {"Content-Encoding": encoding, "Content-Type": "application/json"}
    with answering(bomb, headers, status) as server, memory(16 << 20):
        registry = client(server.host, retries=0)
        with contextlib.suppress(LazyImgError):
            assert registry.get_manifest("me/app", "v1").data == bomb
        for act in (registry.tags, registry.begin_upload):
            with pytest.raises((LazyImgError, InvalidDocument)):
                act("me/app")
        assert all(exchange.headers["Accept-Encoding"] == "identity" for exchange in server.exchanges)


def test_an_encoded_token_is_no_token(client: Callable[..., Client]) -> None:
    """A token service's answer is not decoded either."""

    def respond(exchange: Exchange) -> None:
        if exchange.path == "/token":
            exchange.answer(200, BOMB, {"Content-Encoding": "gzip"})
        else:
            exchange.answer(401, headers={"WWW-Authenticate": f'Bearer realm="http://{server.host}/token"'})

    refused = pytest.raises(ContentMismatch, match="without a usable token")
    with HttpServer(respond) as server, memory(16 << 20), refused:
        client(server.host).get_manifest("me/app", "v1")


def test_an_encoded_blob_is_another_blob(client: Callable[..., Client]) -> None:
    """A blob's bytes are those on the wire: encoded ones have another digest, or another size."""
    data = bytes(1000)
    with (
        answering(gzip.compress(data), {"Content-Encoding": "gzip"}) as server,
        pytest.raises(ContentMismatch),
    ):
        list(client(server.host).blob("me/app", Digest.of(data), len(data)))


def config_of(size: int) -> Callable[[Exchange], None]:
    """Answer as a registry whose image has a config of a size."""
    descriptor = {"mediaType": OCI_CONFIG, "digest": DIGEST, "size": size}
    manifest = json.dumps({"schemaVersion": 2, "config": descriptor, "layers": []}).encode()

    def respond(exchange: Exchange) -> None:
        if "/manifests/" in exchange.path:
            exchange.answer(200, manifest, {"Content-Type": OCI_MANIFEST})
        else:
            endless(exchange)

    return respond


@pytest.mark.parametrize("size", [(8 << 20) + 1, 1 << 50, 100])
def test_a_config_over_the_limit(size: int) -> None:
    """A config of over 8 MiB is not asked for; one that was said to be small is read to that size."""
    with HttpServer(config_of(size)) as server, li.Engine(), memory(32 << 20):
        with pytest.raises(LazyImgError, match=r"limit|more than|over"):
            li.Image.from_registry(f"{server.host}/me/app:1").config()
        assert any("/blobs/" in line for line in server.log) == (size == 100)


# --- HTTP as it should not be -----------------------------------------------------------------------------

HEAD = b"HTTP/1.1 200 OK\r\n"
ILL = {
    "negative length": HEAD + b"Content-Length: -1\r\n\r\n" + DATA,
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 34\r\n\r\n" + DATA,
    "a length in words": HEAD + b"Content-Length: many\r\n\r\n" + DATA,
    "a length beyond all": HEAD + b"Content-Length: " + b"9" * 40 + b"\r\n\r\n" + DATA,
    "a length and chunks": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n" + DATA,
    "a chunk of no size": HEAD + b"Transfer-Encoding: chunked\r\n\r\n-5\r\n" + DATA,
    "a chunk beyond all": HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"f" * 40 + b"\r\n" + DATA,
    "a chunk's endless extension": HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 300_000,
    "another encoding": HEAD + b"Transfer-Encoding: gzip\r\n\r\n" + DATA,
    "many headers": HEAD + b"".join(b"X-%d: x\r\n" % number for number in range(40_000)) + b"\r\n",
    "one long header": HEAD + b"X: " + b"x" * 300_000 + b"\r\n\r\n",
    "a folded header": HEAD + b"X: 1\r\n" + b" 2\r\n" * 60_000 + b"\r\n",
    "zero bytes in a header": HEAD + b"Location: /\0/x\r\n\r\n",
    "no status": b"HTTP/1.1 abc\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "switching": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"
    + b"x" * 9999,
}


@pytest.mark.parametrize("answer", ILL.values(), ids=ILL)
def test_what_is_no_answer(client: Callable[..., Client], answer: bytes) -> None:
    """It is said to break the connection, and nothing of it is repeated or taken for a manifest."""

    def respond(exchange: Exchange) -> None:
        with contextlib.suppress(OSError):
            exchange.write(answer)
        exchange.cut()

    with HttpServer(respond) as server, memory(8 << 20):
        with pytest.raises((RegistryUnreachable, RegistryError)) as raised:
            client(server.host, retries=0, timeout=5).get_manifest("me/app", "v1")
        assert len(str(raised.value)) < 400


def test_interim_answers_are_passed_over(client: Callable[..., Client]) -> None:
    """Those of 1xx mean nothing; without end they are no sign of life, which another test shows."""
    answers = b"HTTP/1.1 100 Continue\r\n\r\n" * 200 + HEAD + b"Content-Length: 0\r\n\r\n"
    with HttpServer(lambda exchange: exchange.write(answers)) as server:
        client(server.host).ping()


# --- on and on ---------------------------------------------------------------------------------------------


def test_a_blob_a_few_bytes_a_connection(client: Callable[..., Client]) -> None:
    """A registry that cuts after each few bytes makes no progress that counts."""
    data = bytes(1 << 20)

    def respond(exchange: Exchange) -> None:
        start = int((exchange.headers["Range"] or "bytes=0-").removeprefix("bytes=").removesuffix("-"))
        told = {"Content-Range": f"bytes {start}-{len(data) - 1}/{len(data)}"}
        exchange.answer(206 if start else 200, data[start : start + 100], told, length=len(data) - start)
        exchange.cut()

    with HttpServer(respond) as server:
        registry = client(server.host, retries=Retries(count=3, first=0))
        with pytest.raises(RegistryUnreachable):
            list(registry.blob("me/app", Digest.of(data), len(data)))
        assert len(server.log) == 4


@pytest.mark.parametrize("link", ["<" * 60_000, "<>" * 30_000, "<a>;" * 20_000, "<a" * 30_000, ", " * 30_000])
def test_links_that_take_long_to_read(link: str) -> None:
    """A header made to make its reader slow does not."""
    began = time.process_time()
    next_page("https://registry.example/v2/", link)
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "value",
    [
        "1 Jan 9" + "9" * 70,
        "Thu, 01 Jan 99999999999 00:00:00 GMT",
        "Thu, 01 Jan 2099 00:00:00 +99999999999999999999",
        "9" * 5000,
        "-1",
        "1e9",
        "inf",
        "Thu, 01 Jan 0000 00:00:00 GMT",
        "\u0663",
        "1 Jan 1 +9999",
    ],
)
def test_waits_that_are_none(client: Callable[..., Client], value: str) -> None:
    """A ``Retry-After`` of no time, or of one beyond all calendars, keeps nobody waiting."""
    waits = retry_after(value)
    assert waits is None or waits >= 0
    headers = {"Retry-After": value.encode().decode("latin-1")}
    with answering(b"", headers, 429) as server, pytest.raises(RegistryError, match="429"):
        client(server.host).ping()


def test_challenges_without_end(client: Callable[..., Client]) -> None:
    """A registry that always wants more is left after a few tries, many challenges or not."""
    many = ", ".join(f'Bearer realm="http://127.0.0.1:1/{number}"' for number in range(1500))
    with answering(b"", {"WWW-Authenticate": many}, 401) as server:
        with pytest.raises(LazyImgError):
            client(server.host, retries=0).get_manifest("me/app", "v1")
        assert len(server.log) <= 4


def test_documents_that_take_long_to_read(client: Callable[..., Client]) -> None:
    """Depth and numbers made to break a reader are refused: in manifests, lists, errors and tokens."""
    for bomb in (b"[" * (1 << 20), b'{"a":' * (1 << 18), b"9" * (1 << 20), b"-" * 100, b'{"a":1e999,' * 9):
        with answering(bomb, {"Content-Type": OCI_MANIFEST}) as server:
            with pytest.raises(InvalidDocument):
                client(server.host).tags("me/app")
            with li.Engine(), pytest.raises(InvalidDocument):
                li.Image.from_registry(f"{server.host}/me/app:1").manifest()
        with answering(bomb, {"Content-Type": "application/json"}, 404) as server, pytest.raises(NotFound):
            client(server.host).get_manifest("me/app", "v1")
