"""Blobs go out in chunks where a registry takes no more at once, or wants the end of it in the PUT."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bodies import ListedBody, some_bytes
from support.keeping_registry import KeepingRegistry

import lazyimg as li
from lazyimg.errors import ContentMismatch, InvalidSetting, RegistryError
from lazyimg.oci.digest import Digest
from lazyimg.registry.habits import LEAST, MOST, USUAL, Habits
from lazyimg.registry.uploads.chunks import Chunks

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.docker_registry import DockerRegistry
    from support.front import Front
    from support.http_server import Exchange

    from lazyimg.registry.client import Client
    from lazyimg.registry.uploads.upload import Upload

DATA = some_bytes(600_000)
DIGEST = Digest.of(DATA)
LAST = len(DATA)


def push(client: Client, body: ListedBody, repository: str = "me/app") -> Upload:
    """Upload a body, and close the upload."""
    upload = client.begin_upload(repository)
    upload.send(body)
    upload.commit(Digest.of(body.data))
    return upload


def lengths(keeping: KeepingRegistry, method: str = "PATCH") -> list[int]:
    """Return how long the bodies of the requests with a method were said to be; 0 where that was not said."""
    return [
        int(exchange.headers.get("Content-Length") or 0)
        for exchange in keeping.exchanges
        if exchange.method == method
    ]


def spans(keeping: KeepingRegistry, status: int = 202) -> list[tuple[int, int]]:
    """Return the spans of the chunks that were answered so: the first byte, and the one after the last."""
    found = [
        exchange.headers["Content-Range"].split("-")
        for exchange in keeping.exchanges
        if exchange.method in {"PATCH", "PUT"}
        and exchange.status == status
        and exchange.headers.get("Content-Range")
    ]
    return [(int(first), int(last) + 1) for first, last in found]


def test_bytes_at_hand_go_in_chunks_too() -> None:
    """What is sent need be no body: bytes are one."""
    with li.Registry() as registry, li.Engine(chunk_size=250_000) as engine:
        upload = engine.client(registry.host).begin_upload("me/app")
        upload.send(DATA)
        upload.commit(DIGEST)
        sent = [request.bytes_in for request in registry.requests if request.method == "PATCH"]
        assert sent == [250_000, 250_000, 100_000]


@pytest.mark.parametrize("kind", [bytes, bytearray, lambda data: memoryview(data).cast("H")])
def test_bytes_of_any_kind(kind: Callable[[bytes], bytes]) -> None:
    """They are sent as they are when they are given, in a stream and whole."""
    with li.Registry() as registry, li.Engine() as engine:
        client = engine.client(registry.host)
        upload = client.begin_upload("me/app")
        upload.send(kind(DATA))
        upload.commit(DIGEST)
        client.begin_upload("me/other").put(kind(DATA), DIGEST)
        assert [client.head_blob(name, DIGEST) for name in ("me/app", "me/other")] == [LAST, LAST]


# --- too large -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("drains", [False, True], ids=["at once", "when it was read"])
@pytest.mark.parametrize("size", [None, LAST], ids=["unknown size", "known size"])
def test_refused_as_too_large_goes_out_in_chunks(
    client: Callable[..., Client], keeping: KeepingRegistry, size: int | None, *, drains: bool
) -> None:
    """After a 413 the status is asked, and the same upload goes on in halves of what was refused."""
    keeping.most, keeping.drains = 200_000, drains
    body = ListedBody(DATA, size=size)
    upload = push(client(keeping.host), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 0]
    assert keeping.methods.count("POST") == 1
    sent = spans(keeping)
    assert sent[0][0] == 0
    assert sent[-1][1] == LAST
    assert all(before == after for (_, before), (after, _) in pairwise(sent))
    assert all(stop - start <= keeping.most for start, stop in sent)
    assert upload.attempts == 1 + keeping.methods.count("GET")


def test_what_was_found_is_kept_for_the_registry(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """The next upload begins with chunks that pass, and reads its body once."""
    keeping.most = 200_000
    registry = client(keeping.host)
    push(registry, ListedBody(DATA, size=LAST))
    refused = [exchange.status for exchange in keeping.exchanges].count(413)
    other = ListedBody(some_bytes(LAST, seed=1))
    upload = push(registry, other)
    assert [exchange.status for exchange in keeping.exchanges].count(413) == refused == 2
    assert other.offsets == [0]
    assert (upload.attempts, upload.bytes_sent) == (1, LAST)
    assert lengths(keeping)[-4:] == [150_000] * 4


def test_a_refused_chunk_is_not_read_again(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """The chunk is at hand: its halves are sent, and its body is asked for once."""
    keeping.most = 200_000
    body = ListedBody(DATA)
    upload = push(client(keeping.host, chunk_size=500_000), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0]
    assert lengths(keeping) == [500_000, 250_000, *[125_000] * 4, 100_000]
    assert upload.attempts == 3


def test_halving_ends(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A registry that takes nothing at all says so to at most a few chunks, and that is the error."""
    keeping.most = 1000
    with pytest.raises(RegistryError, match="413") as raised:
        push(client(keeping.host), ListedBody(some_bytes(USUAL), size=USUAL))
    assert raised.value.status == 413
    assert lengths(keeping)[-1] == LEAST
    assert keeping.methods.count("PATCH") == 7


def test_small_blob_refused_as_too_large(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """What is small already is not cut: the refusal is final."""
    keeping.most = 10
    with pytest.raises(RegistryError, match="413"):
        client(keeping.host).begin_upload("me/app").put(b"a larger one", Digest.of(b"a larger one"))
    assert keeping.methods == ["POST", "PUT"]


def test_halving_is_no_retry(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """It is found out without any retries, too."""
    keeping.most = 70_000
    push(client(keeping.host, retries=0), ListedBody(DATA, size=LAST))
    assert keeping.blobs == {DIGEST: DATA}


def test_put_refused_as_too_large(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A blob at hand goes on in chunks in the same upload; the next goes out in them at once."""
    keeping.most = 400_000
    registry = client(keeping.host)
    registry.begin_upload("me/app").put(DATA, DIGEST)
    assert keeping.methods == ["POST", "PUT", "GET", "PATCH", "PATCH", "PUT"]
    other = some_bytes(LAST, seed=1)
    registry.begin_upload("me/app").put(ListedBody(other), Digest.of(other))
    assert keeping.methods[6:] == ["POST", "PATCH", "PATCH", "PUT"]
    registry.begin_upload("me/app").put(b"small", Digest.of(b"small"))
    assert keeping.methods[10:] == ["POST", "PUT"]
    assert set(keeping.blobs) == {DIGEST, Digest.of(other), Digest.of(b"small")}


def test_too_large_for_a_registry_without_patch(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """Where nothing can be sent in parts, a 413 is final."""
    keeping.most = 1000

    def refuse(exchange: Exchange) -> bool:
        if exchange.method == "PATCH":
            exchange.answer(405)
            exchange.cut()
        return exchange.method == "PATCH"

    keeping.hook = refuse
    with pytest.raises(RegistryError, match="413"):
        push(client(keeping.host), ListedBody(DATA))
    assert keeping.methods == ["POST", "PATCH", "PUT"]


def test_upload_lost_with_the_refusal(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """If the upload is gone after the 413, it is begun again, in chunks."""
    keeping.most = 400_000

    def forget(exchange: Exchange) -> bool:
        if exchange.method == "GET":
            keeping.uploads.clear()
        return False

    keeping.hook = forget
    push(client(keeping.host, retries=0), ListedBody(DATA, size=LAST))
    assert keeping.blobs == {DIGEST: DATA}
    assert keeping.methods == ["POST", "PATCH", "GET", "POST", "PATCH", "PATCH", "PUT"]


# --- in chunks -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, LAST], ids=["unknown size", "known size"])
@pytest.mark.parametrize("chunk", [LAST - 1, LAST, LAST + 1, LAST // 3, LAST // 4])
def test_chunks_as_large_as_said(
    client: Callable[..., Client], keeping: KeepingRegistry, chunk: int, size: int | None
) -> None:
    """With ``chunk_size`` every request carries so much, the last what is left, with its span."""
    body = ListedBody(DATA, size=size)
    upload = push(client(keeping.host, chunk_size=chunk), body)
    assert keeping.blobs == {DIGEST: DATA}
    expected = [(start, min(start + chunk, LAST)) for start in range(0, LAST, chunk)]
    assert spans(keeping) == expected
    assert lengths(keeping) == [stop - start for start, stop in expected]
    assert (body.offsets, upload.attempts, upload.bytes_sent) == ([0], 1, LAST)


def test_what_cannot_be_had_again_goes_in_chunks(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A body that says so is asked once, and outlives what breaks: each chunk is at hand until it arrived."""

    class Fleeting(ListedBody):
        is_fleeting = True

    keeping.drop_after = [1000, None, 2000]
    body = Fleeting(some_bytes(USUAL + 50_000))
    push(client(keeping.host), body)
    assert keeping.blobs == {Digest.of(body.data): body.data}
    assert body.offsets == [0]
    assert lengths(keeping) == [USUAL, USUAL, 49_000, 47_000]


def test_empty_blob_in_chunks(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """Of nothing there is no chunk."""
    push(client(keeping.host, chunk_size=100), ListedBody(b""))
    assert keeping.methods == ["POST", "PUT"]
    assert keeping.blobs == {Digest.of(b""): b""}


def test_chunk_size_that_is_none(client: Callable[..., Client]) -> None:
    """A chunk of no bytes would never end."""
    with pytest.raises(InvalidSetting, match="chunk_size=0"):
        client("ghcr.io", chunk_size=0)


@pytest.mark.parametrize("size", [LAST - 1, LAST + 1])
def test_body_of_another_size_than_announced(
    client: Callable[..., Client], keeping: KeepingRegistry, size: int
) -> None:
    """A source that gives more or less than it said ends the upload, and says the numbers."""
    with pytest.raises(ContentMismatch, match=rf"{size} were announced"):
        push(client(keeping.host, chunk_size=100_000), ListedBody(DATA, size=size))


@pytest.mark.parametrize("cut", [0, 1, 30_000, 99_999, 100_000])
def test_cut_chunk_goes_on_where_the_registry_stands(
    client: Callable[..., Client], keeping: KeepingRegistry, cut: int
) -> None:
    """After a cut the status is asked; what is missing of the chunk is at hand."""
    keeping.drop_after = [None, None, cut]
    body = ListedBody(DATA)
    upload = push(client(keeping.host, chunk_size=100_000), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0]
    assert upload.attempts == 2
    assert spans(keeping)[2][0] == 200_000 + cut


def test_registry_that_lost_earlier_chunks(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """What is not at hand any more is asked of the body again."""
    keeping.drop_after = [None, None, 10]

    def lose(exchange: Exchange) -> bool:
        if exchange.method == "GET":
            del keeping.uploads["1"].data[50_000:]
        return False

    keeping.hook = lose
    body = ListedBody(DATA)
    push(client(keeping.host, chunk_size=100_000), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 50_000]


def test_chunk_out_of_order(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A 416 is followed by a look at where the upload stands; nothing is begun again."""
    chunks = iter([LAST, LAST, 250_000])

    def forget(exchange: Exchange) -> bool:
        if exchange.method == "PATCH":
            del keeping.uploads["1"].data[next(chunks, LAST) :]
        return False

    keeping.hook = forget
    body = ListedBody(DATA)
    push(client(keeping.host, chunk_size=150_000), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert len(spans(keeping, 416)) == 1
    assert keeping.methods.count("POST") == 1
    assert body.offsets == [0, 250_000]


def test_status_beyond_what_was_sent_begins_again(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A registry that says it holds more than ever left holds something else."""
    keeping.drop_after = [None, 10]
    lies = iter([f"0-{LAST - 1}"])
    keeping.range = lambda held: next(lies, "") if held == 100_010 else f"0-{max(held - 1, 0)}"
    body = ListedBody(DATA)
    push(client(keeping.host, chunk_size=100_000), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 0]


class Trouble(Exception):
    """What a user's source raises."""


def test_what_the_body_raises_passes_through(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """The very exception comes out, untouched, and nothing is tried again."""
    error = Trouble("mine")

    def check(offset: int) -> None:
        if offset >= 4 * (64 << 10):
            raise error

    body = ListedBody(DATA, before=check)
    with pytest.raises(Trouble) as raised:
        push(client(keeping.host, chunk_size=100_000), body)
    assert raised.value is error
    assert raised.value.__context__ is None
    assert body.offsets == [0]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.none() | st.integers(0, 9_000), max_size=3),
    chunk=st.integers(2_000, 30_000),
    options=st.fixed_dictionaries({"needs_last": st.booleans(), "least": st.sampled_from([0, 5_000])}),
    size=st.booleans(),
)
def test_any_cuts(
    client: Callable[..., Client], cuts: list[int | None], chunk: int, options: dict[str, Any], *, size: bool
) -> None:
    """However often and wherever chunks are cut, what arrives is what was sent."""
    data = some_bytes(30_000, seed=1)
    with KeepingRegistry() as registry:
        registry.drop_after = list(cuts)
        for name, value in options.items():
            setattr(registry, name, value)
        registry.least = 0 if cuts else options["least"]  # what a cut leaves is as short as it is
        body = ListedBody(data, size=len(data) if size else None, piece=7001)
        push(client(registry.host, chunk_size=chunk), body)
        assert registry.blobs == {Digest.of(data): data}


# --- no smaller ------------------------------------------------------------------------------------------


def test_least_chunk_is_obeyed(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """``OCI-Chunk-Min-Length`` makes chunks larger than they were to be."""
    keeping.least = 250_000
    push(client(keeping.host, chunk_size=100_000), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}
    assert lengths(keeping) == [250_000, 250_000, 100_000]


def test_least_chunk_alone_makes_no_chunks(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """One stream is long enough."""
    keeping.least = 250_000
    push(client(keeping.host), ListedBody(DATA))
    assert keeping.methods == ["POST", "PATCH", "PUT"]


def test_least_chunk_is_the_end_of_halving(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A registry that takes neither large chunks nor small ones is told of by its own words."""
    keeping.least, keeping.most = 250_000, 200_000
    with pytest.raises(RegistryError, match="413"):
        push(client(keeping.host), ListedBody(DATA, size=LAST))
    assert lengths(keeping) == [LAST, 300_000, 250_000]


def test_least_chunk_beyond_all_bounds(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """Nobody makes us hold a gigabyte: a blob goes out in one stream then, or not at all."""
    keeping.least = MOST + 1
    push(client(keeping.host, chunk_size=100_000), ListedBody(DATA))
    assert keeping.methods == ["POST", "PATCH", "PUT"]
    assert lengths(keeping) == [0]  # no length was said: nothing was held to be counted
    keeping.most = 1000
    for size in (LAST, None):
        with pytest.raises(RegistryError, match="413"):
            push(client(keeping.host), ListedBody(DATA, size=size))
    assert keeping.methods[3:] == ["POST", "PATCH"] * 2


# --- the last chunk --------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [400, 411])
def test_last_chunk_in_the_put(client: Callable[..., Client], keeping: KeepingRegistry, status: int) -> None:
    """A PUT refused for having no body is followed by an upload that ends with one; so does the next."""
    keeping.needs_last = True
    if status != 400:
        keeping.words, keeping.refusal = b"", status
    registry = client(keeping.host)
    body = ListedBody(DATA, size=LAST)
    push(registry, body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 0]
    assert keeping.methods == ["POST", "PATCH", "PUT", "HEAD", "DELETE", "POST", "PUT"]
    assert lengths(keeping, "PUT") == [0, LAST]
    other = ListedBody(some_bytes(USUAL + 5, seed=2))
    upload = push(registry, other)
    assert keeping.methods[7:] == ["POST", "PATCH", "PUT"]
    assert lengths(keeping, "PUT")[2:] == [5]
    assert (other.offsets, upload.attempts, upload.bytes_sent) == ([0], 1, USUAL + 5)


def test_last_chunk_after_words_that_also_mean_loss(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """Said of two uploads in turn, BLOB_UPLOAD_INVALID is no loss."""
    keeping.needs_last = True
    keeping.words = b'{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"not like this"}]}'
    push(client(keeping.host), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}
    assert lengths(keeping, "PUT") == [0, 0, LAST]


def test_uploads_that_were_lost_want_no_last_chunk(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """Said with a 404, the same words mean loss however often, and the blob goes out as it did."""
    answers = iter([404, 404])

    def lose(exchange: Exchange) -> bool:
        status = next(answers, None) if exchange.method == "PUT" else None
        if status is not None:
            keeping.uploads.clear()
            exchange.answer(status, b'{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"gone"}]}')
        return status is not None

    keeping.hook = lose
    push(client(keeping.host), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}
    assert lengths(keeping, "PUT") == [0, 0, 0]


@pytest.mark.parametrize("fault", ["cut", "503", "401"])
def test_put_with_the_last_chunk_that_fails(
    client: Callable[..., Client], keeping: KeepingRegistry, fault: str
) -> None:
    """Half of it may have been taken: it is not simply sent again, but the upload begun anew."""
    keeping.needs_last = True
    registry = client(keeping.host, chunk_size=400_000)
    push(registry, ListedBody(b"some" * 200_000))
    once = iter([True])

    def fail(exchange: Exchange) -> bool:
        if exchange.method == "PUT" and next(once, False):
            exchange.read()
            if fault == "cut":
                exchange.cut()
            else:
                exchange.answer(int(fault), headers={"WWW-Authenticate": "Basic realm=x"})
            return True
        return False

    keeping.hook = fail
    if fault == "401":
        with pytest.raises(PermissionError):
            push(registry, ListedBody(DATA))
        return
    push(registry, ListedBody(DATA))
    assert keeping.blobs[DIGEST] == DATA


def test_put_whose_answer_was_lost_is_found_out(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A PUT with the last chunk that arrived is found by HEAD, and nothing is sent again."""
    keeping.needs_last = True
    registry = client(keeping.host, chunk_size=400_000)
    push(registry, ListedBody(b"some" * 200_000))
    keeping.hook = lambda exchange: bool(setattr(exchange, "is_mute", exchange.method == "PUT"))
    body = ListedBody(DATA)
    push(registry, body)
    assert body.offsets == [0]
    assert keeping.blobs[DIGEST] == DATA


def test_last_chunk_that_is_too_large(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A 413 to the closing PUT makes its chunk smaller, as to any other request."""
    keeping.needs_last = True
    registry = client(keeping.host, chunk_size=LAST)
    push(registry, ListedBody(b"some" * 200_000))
    keeping.most = 400_000
    push(registry, ListedBody(DATA))
    assert keeping.blobs[DIGEST] == DATA


def test_refused_with_the_last_chunk_too(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """Where the last chunk was sent with the PUT already, being refused for its size is the end."""

    def refuse(exchange: Exchange) -> bool:
        if exchange.method == "PUT":
            exchange.read()
            exchange.answer(411)
        return exchange.method == "PUT"

    keeping.hook = refuse
    with pytest.raises(RegistryError, match="411"):
        push(client(keeping.host), ListedBody(DATA))
    assert keeping.methods.count("POST") == 2


# --- the parts -------------------------------------------------------------------------------------------


def test_habits() -> None:
    """Chunks are halved from what was refused, not below a floor, and never grow again."""
    habits = Habits()
    assert habits.chunk_for(0) is None
    assert habits.chunk_for(0, always=True) == USUAL
    assert habits.shrink(100 << 20, least=0)
    assert habits.chunk_size == USUAL
    assert habits.shrink(1 << 20, least=0)
    assert habits.shrink(100 << 20, least=0)
    assert habits.chunk_size == 1 << 19
    assert not habits.shrink(LEAST, least=0)
    assert habits.chunk_for(1 << 20) == 1 << 20


@given(st.data())
def test_chunks_give_what_is_asked_for(data: st.DataObject) -> None:
    """Wherever chunks are asked for, forwards or back, they are the body's bytes."""
    content = data.draw(st.binary(max_size=60))
    body = ListedBody(content, piece=data.draw(st.integers(1, 20)))
    chunks = Chunks(body)
    for _ in range(data.draw(st.integers(1, 8))):
        offset, size = data.draw(st.integers(0, len(content))), data.draw(st.integers(1, 30))
        length = chunks.fill(offset, size)
        assert b"".join(chunks.pieces(length)) == content[offset : offset + size]
        assert chunks.total in {None, len(content)}
        if offset + size >= len(content):
            assert chunks.total == len(content)


# --- the reference implementation ------------------------------------------------------------------------


def limited(proxy: Front, most: int) -> None:
    """Have a proxy answer 413 to bodies of more bytes, as nginx does: at once, or when so many have come."""

    def refuse(exchange: Exchange) -> bool:
        announced = exchange.headers.get("Content-Length")
        if announced is None or int(announced) > most:
            exchange.answer(413, headers={"Connection": "close"})
            exchange.cut()
            return True
        return False

    proxy.intercept = lambda exchange: exchange.method in {"PATCH", "PUT"} and refuse(exchange)


@pytest.mark.peer
@pytest.mark.parametrize("size", [None, LAST], ids=["unknown size", "known size"])
def test_docker_registry_behind_a_limit(
    client: Callable[..., Client],
    docker_registry: DockerRegistry,
    front: Callable[[str], Front],
    repository: str,
    size: int | None,
) -> None:
    """The reference implementation takes chunks, of a stream that was refused and of the next blob."""
    proxy = front(docker_registry.host)
    limited(proxy, 200_000)
    registry = client(proxy.host)
    push(registry, ListedBody(DATA, size=size), repository)
    other = ListedBody(some_bytes(LAST, seed=3))
    push(registry, other, repository)
    assert other.offsets == [0]
    for data in (DATA, other.data):
        assert registry.get_blob_bytes(repository, Digest.of(data), LAST) == data
    taken = [passed.bytes_in for passed in proxy.requests if passed.status in {201, 202}]
    assert max(taken) <= 200_000


@pytest.mark.peer
@pytest.mark.parametrize("cut", [0, 1, 50_000, 100_000])
def test_docker_registry_drops_a_cut_chunk(
    client: Callable[..., Client],
    docker_registry: DockerRegistry,
    front: Callable[[str], Front],
    repository: str,
    cut: int,
) -> None:
    """A chunk that was cut costs the reference implementation the upload: all is sent again, and is whole."""
    proxy = front(docker_registry.host)
    registry = client(proxy.host, chunk_size=100_000)
    proxy.cut(cut)
    push(registry, ListedBody(DATA), repository)
    assert registry.get_blob_bytes(repository, DIGEST, LAST) == DATA
