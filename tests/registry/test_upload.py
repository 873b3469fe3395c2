"""An upload arrives whole whatever happens on the way, and what cannot be mended ends it clearly."""

from __future__ import annotations

import threading
import time
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.bodies import ListedBody, some_bytes
from support.http_server import Exchange, HttpServer
from support.keeping_registry import KeepingRegistry

from lazyimg.errors import (
    Cancelled,
    ContentMismatch,
    NotFound,
    RegistryError,
    RegistryUnreachable,
    Unauthorized,
)
from lazyimg.oci.digest import Digest
from lazyimg.registry.conversation import Patience
from lazyimg.registry.keychains.keychain import StaticKeychain
from lazyimg.registry.retry import Retries
from lazyimg.registry.session import PushSession

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.docker_registry import DockerRegistry
    from support.front import Front
    from support.token_server import TokenServer

    from lazyimg.registry.client import Client

DATA = some_bytes(600_000)
DIGEST = Digest.of(DATA)
LAST = len(DATA)


def push(client: Client, body: ListedBody, repository: str = "me/app") -> None:
    """Upload a body, and close the upload."""
    upload = client.begin_upload(repository)
    upload.send(body)
    upload.commit(Digest.of(body.data))


# --- whole -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [None, LAST], ids=["unknown size", "known size"])
def test_three_requests_upload_a_blob(
    client: Callable[..., Client], keeping: KeepingRegistry, size: int | None
) -> None:
    """POST, one PATCH, PUT; with a known size it is announced, else the body goes chunked."""
    body = ListedBody(DATA, size=size)
    push(client(keeping.host), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert keeping.methods == ["POST", "PATCH", "PUT"]
    assert keeping.exchanges[1].headers.get("Content-Length") == (None if size is None else str(size))
    assert body.offsets == [0]
    assert len({exchange._handler.client_address for exchange in keeping.exchanges}) == 1  # one connection


def test_counts_what_it_sent(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """Bytes and attempts include what was sent again."""
    keeping.drop_after = [0, None]
    upload = client(keeping.host).begin_upload("me/app")
    upload.send(ListedBody(DATA, size=LAST))
    upload.commit(DIGEST)
    assert upload.attempts == 2
    assert upload.bytes_sent >= LAST
    assert "attempts=2" in repr(upload)


def test_empty_blob(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """Nothing can be uploaded too, streamed or at once."""
    push(client(keeping.host), ListedBody(b""))
    client(keeping.host).begin_upload("me/app").put(b"", Digest.of(b""))
    assert keeping.blobs == {Digest.of(b""): b""}


@pytest.mark.parametrize("data", [b"", b"x"], ids=["nothing", "one byte"])
def test_0_0_of_nothing_and_of_one_byte(
    client: Callable[..., Client], keeping: KeepingRegistry, data: bytes
) -> None:
    """What so short a blob is answered with tells nothing, and is no reason to send it again."""
    push(client(keeping.host), ListedBody(data))
    assert keeping.blobs == {Digest.of(data): data}
    assert keeping.methods == ["POST", "PATCH", "PUT"]


def test_pieces_larger_than_a_mebibyte(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A body may give out pieces of any size."""
    data = some_bytes(3_000_001)
    push(client(keeping.host), ListedBody(data, piece=len(data)))
    assert keeping.blobs == {Digest.of(data): data}


@pytest.mark.parametrize(
    "write",
    [
        lambda path, host: path,  # noqa: ARG005
        lambda path, host: f"http://{host}{path}",
        lambda path, host: path.rpartition("/")[2],  # noqa: ARG005
        lambda path, host: f"//{host}{path}&extra=a%2Fb%3D%3D",
    ],
    ids=["absolute path", "absolute", "relative path", "scheme relative with escapes"],
)
def test_forms_of_location(
    client: Callable[..., Client], keeping: KeepingRegistry, write: Callable[[str, str], str]
) -> None:
    """A location may be relative or absolute, changes with every answer, and keeps its query."""
    keeping.drop_after = [100_000]
    keeping.location = write
    push(client(keeping.host), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}


@pytest.mark.parametrize(
    "told", ["0-{}", "bytes=0-{}", "bytes 0-{}", "BYTES=0-{}"], ids=["plain", "equals", "space", "capitals"]
)
def test_forms_of_range(client: Callable[..., Client], keeping: KeepingRegistry, told: str) -> None:
    """An offset is read in all the forms that registries write."""
    keeping.range = lambda held: told.format(max(held - 1, 0))
    keeping.drop_after = [200_000]
    body = ListedBody(DATA)
    push(client(keeping.host), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 200_000]


# --- cut -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("cut", [1, 2, 65_536, 65_537, 300_000, LAST - 1])
@pytest.mark.parametrize("size", [None, LAST], ids=["unknown size", "known size"])
def test_cut_upload_goes_on_where_the_registry_stands(
    client: Callable[..., Client], keeping: KeepingRegistry, cut: int, size: int | None
) -> None:
    """After a cut the status is asked, and only the rest is sent."""
    keeping.drop_after = [cut]
    body = ListedBody(DATA, size=size)
    push(client(keeping.host), body)
    assert keeping.blobs == {DIGEST: DATA}
    begins_again = cut == 1  # "0-0" tells one byte and none alike: nothing to build on
    assert body.offsets == ([0, 0] if begins_again else [0, cut])
    assert keeping.methods.count("POST") == (2 if begins_again else 1)


def test_cut_after_the_last_byte_sends_nothing_again(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """If only the answer was lost, the status says so."""
    keeping.drop_after = [LAST]
    body = ListedBody(DATA, size=LAST)
    upload = client(keeping.host).begin_upload("me/app")
    upload.send(body)
    upload.commit(DIGEST)
    assert body.offsets in ([0], [0, LAST])
    assert keeping.blobs == {DIGEST: DATA}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 40_000), max_size=4), size=st.booleans())
def test_any_cuts(client: Callable[..., Client], cuts: list[int], size: bool) -> None:  # noqa: FBT001
    """However often and wherever it is cut, what arrives is what was sent."""
    data = some_bytes(60_000, seed=1)
    with KeepingRegistry() as registry:
        registry.drop_after = list(cuts)
        push(client(registry.host), ListedBody(data, size=len(data) if size else None, piece=7001))
        assert registry.blobs == {Digest.of(data): data}


def test_many_cuts_with_progress_between_are_no_end(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """Retries are counted since the last progress: a bad line gets through."""
    keeping.drop_after = [50_000] * 11
    push(client(keeping.host, retries=Retries(count=2, first=0.001)), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}


def test_cuts_without_progress_end_the_upload(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A line on which nothing arrives is given up after the retries."""
    keeping.drop_after = [0] * 50
    with pytest.raises(RegistryUnreachable, match="cannot upload a blob to me/app"):
        push(client(keeping.host, retries=Retries(count=2, first=0.001)), ListedBody(DATA))
    assert keeping.methods.count("PATCH") == 3


def test_cuts_with_hardly_any_progress_end_the_upload(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A registry that takes a few bytes and fails, again and again, would never be done."""
    keeping.drop_after = [100] * 500
    with pytest.raises(RegistryUnreachable, match="cannot upload a blob to me/app"):
        push(client(keeping.host, retries=Retries(count=2, first=0.001)), ListedBody(DATA))
    assert keeping.methods.count("PATCH") == 3


def test_status_that_is_less_than_the_count_is_believed(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A PATCH of which the registry says it holds less is gone on with from there."""
    taken = iter([100_000])

    def forgetful(exchange: Exchange) -> bool:
        limit = next(taken, None) if exchange.method == "PATCH" else None
        if limit is None:
            return False
        begun = keeping.uploads["1"]
        begun.data += exchange.read()[:limit]
        keeping._accept(exchange, "1", exchange.path, 202)
        return True

    keeping.hook = forgetful
    body = ListedBody(DATA)
    push(client(keeping.host), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 100_000]


def test_status_that_is_more_than_was_sent_begins_again(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A registry that holds more than was sent holds something else."""
    lies = iter([f"0-{LAST + 5}"])
    keeping.range = lambda held: (next(lies, None) if held else None) or f"0-{max(held - 1, 0)}"
    body = ListedBody(DATA)
    push(client(keeping.host), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 0]


def test_status_beyond_what_was_sent_begins_again(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """Nor is it believed if it says so when it is asked, after a cut."""
    keeping.range = lambda held: f"0-{LAST + 5 if keeping.methods[-1] == 'GET' else max(held - 1, 0)}"
    keeping.drop_after = [1000]
    body = ListedBody(DATA)
    push(client(keeping.host), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 0]


def test_success_that_tells_nothing_begins_again(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """After a whole PATCH "0-0" cannot be: the upload is cancelled, and begun again."""
    lies = iter(["0-0"])
    keeping.range = lambda held: (next(lies, None) if held else None) or f"0-{max(held - 1, 0)}"
    push(client(keeping.host), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}
    assert keeping.methods == ["POST", "PATCH", "DELETE", "POST", "PATCH", "PUT"]


def test_no_range_at_all(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """Without ``Range`` a success is believed, and a cut upload begun again."""
    keeping.range = lambda held: None  # noqa: ARG005
    keeping.drop_after = [1000]
    body = ListedBody(DATA)
    push(client(keeping.host), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 0]


# --- lost ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [404, 410, 416])
def test_lost_upload_is_begun_again(
    client: Callable[..., Client], keeping: KeepingRegistry, status: int
) -> None:
    """An upload that the registry forgot costs another POST, and the body once more."""
    lost = iter([True])

    def forget(exchange: Exchange) -> bool:
        if exchange.method == "PATCH" and next(lost, False):
            exchange.read()
            keeping.uploads.clear()
            exchange.answer(status)
            return True
        return False

    keeping.hook = forget
    body = ListedBody(DATA)
    push(client(keeping.host), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 0]


def test_upload_whose_status_is_refused_is_given_back(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A registry that answers 416 to the question has the upload still, so it is cancelled for another."""
    cut = Once("PATCH", lambda exchange: exchange.cut())
    refused = Once("GET", lambda exchange: exchange.answer(416))
    keeping.hook = lambda exchange: cut(exchange) or refused(exchange)
    push(client(keeping.host), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}
    assert keeping.methods == ["POST", "PATCH", "GET", "DELETE", "POST", "PATCH", "PUT"]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_upload_lost_again_and_again_ends(
    client: Callable[..., Client], keeping: KeepingRegistry, method: str
) -> None:
    """Beginning again is bounded, wherever it is that the upload is gone."""

    def forget(exchange: Exchange) -> bool:
        if exchange.method == method:
            exchange.read()
            exchange.answer(404, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"gone"}]}')
            return True
        return False

    keeping.hook = forget
    with pytest.raises(NotFound, match="BLOB_UPLOAD_UNKNOWN"):
        push(client(keeping.host, retries=2), ListedBody(DATA))
    assert keeping.methods.count("POST") == 3


def test_upload_lost_before_it_was_closed_is_sent_again(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A PUT answered 404 means everything once more, unless the blob is there."""
    upload = client(keeping.host).begin_upload("me/app")
    body = ListedBody(DATA)
    upload.send(body)
    keeping.uploads.clear()
    upload.commit(DIGEST)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 0]
    assert keeping.methods == ["POST", "PATCH", "PUT", "HEAD", "POST", "PATCH", "PUT"]
    assert (upload.attempts, upload.bytes_sent) == (2, 2 * LAST)


@pytest.mark.parametrize(
    ("status", "code"),
    [(404, ""), (410, ""), (416, ""), (400, "BLOB_UPLOAD_UNKNOWN"), (400, "BLOB_UPLOAD_INVALID")],
)
def test_loss_is_told_by_status_or_by_words(
    client: Callable[..., Client], keeping: KeepingRegistry, status: int, code: str
) -> None:
    """A PUT to an upload that is gone is answered in several ways, and each means everything once more."""
    words = b'{"errors":[{"code":"%s","message":"gone"}]}' % code.encode() if code else b""
    keeping.hook = Once("PUT", lambda exchange: exchange.answer(status, words))
    push(client(keeping.host), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}
    assert keeping.methods.count("POST") == 2


def test_put_whose_answer_was_lost(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A PUT that arrived, and whose answer did not, is found out by HEAD; nothing is sent again."""
    first = iter([True])

    def lose_answer(exchange: Exchange) -> bool:
        exchange.is_mute = exchange.method == "PUT" and next(first, False)
        return False

    keeping.hook = lose_answer
    upload = client(keeping.host).begin_upload("me/app")
    body = ListedBody(DATA)
    upload.send(body)
    upload.commit(DIGEST)
    assert body.offsets == [0]
    assert keeping.methods == ["POST", "PATCH", "PUT", "PUT", "HEAD"]


# --- refused, delayed ------------------------------------------------------------------------------------


class Once:
    """Answers the first requests with a method by itself."""

    def __init__(self, method: str, *answers: Callable[[Exchange], None]) -> None:
        self._method = method
        self._answers = iter(answers)

    def __call__(self, exchange: Exchange) -> bool:
        answer = next(self._answers, None) if exchange.method == self._method else None
        if answer is None:
            return False
        exchange.read()
        answer(exchange)
        return True


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT"])
def test_transient_answers_are_tried_again(
    client: Callable[..., Client], keeping: KeepingRegistry, status: int, method: str
) -> None:
    """A registry that is busy for a moment loses nothing."""
    keeping.hook = Once(method, *[lambda exchange: exchange.answer(status)] * 3)
    push(client(keeping.host), ListedBody(DATA, size=LAST))
    assert keeping.blobs == {DIGEST: DATA}


@pytest.mark.parametrize("method", ["POST", "PATCH", "PUT", "GET"])
def test_transient_answers_without_end_do_end(
    client: Callable[..., Client], keeping: KeepingRegistry, method: str
) -> None:
    """A registry that stays busy is given up, with its words."""
    words = b'{"errors":[{"code":"UNAVAILABLE","message":"come back"}]}'
    keeping.hook = Once(method, *[lambda exchange: exchange.answer(503, words)] * 99)
    keeping.drop_after = [1000] if method == "GET" else []
    with pytest.raises(RegistryError, match="503: UNAVAILABLE: come back") as raised:
        push(client(keeping.host, retries=2), ListedBody(DATA))
    assert raised.value.status == 503
    assert keeping.methods.count(method) == 3


def test_retry_after_is_obeyed(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """The registry's own wait counts, and is no fault of patience."""
    keeping.hook = Once("PATCH", lambda exchange: exchange.answer(429, headers={"Retry-After": "1"}))
    begun = time.monotonic()
    push(client(keeping.host, timeout=0.6), ListedBody(DATA))
    assert time.monotonic() - begun >= 1
    assert keeping.blobs == {DIGEST: DATA}


def test_retry_after_beyond_the_cap_ends_at_once(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """Nobody waits an hour."""
    keeping.hook = Once(
        "PATCH", *[lambda exchange: exchange.answer(429, headers={"Retry-After": "3600"})] * 9
    )
    with pytest.raises(RegistryError, match="429"):
        push(client(keeping.host), ListedBody(DATA))
    assert keeping.methods.count("PATCH") == 1


@pytest.mark.parametrize("status", [400, 403, 422])
def test_final_refusal_of_a_patch(
    client: Callable[..., Client], keeping: KeepingRegistry, status: int
) -> None:
    """What would only be refused again is not tried again."""
    keeping.hook = Once("PATCH", lambda exchange: exchange.answer(status))
    with pytest.raises(RegistryError) as raised:
        push(client(keeping.host), ListedBody(DATA))
    assert raised.value.status == status
    assert keeping.methods == ["POST", "PATCH"]


def test_refused_digest(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A digest that is not that of the bytes is the registry's refusal, once."""
    upload = client(keeping.host).begin_upload("me/app")
    upload.send(ListedBody(DATA))
    with pytest.raises(RegistryError, match="DIGEST_INVALID"):
        upload.commit(Digest.of(b"other"))
    assert keeping.methods == ["POST", "PATCH", "PUT", "HEAD"]


def test_wrongly_resumed_upload_is_sent_again_once(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A registry that told a wrong offset shows it by the digest: everything is sent once more."""
    keeping.drop_after = [100_000]

    def damage(exchange: Exchange) -> bool:
        if exchange.method == "GET":
            keeping.uploads["1"].data[0] ^= 1
        return False

    keeping.hook = damage
    body = ListedBody(DATA)
    push(client(keeping.host), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 100_000, 0]


def test_upload_that_is_wrong_again_ends(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """What was put together wrongly twice is wrong: it is not sent a third time."""
    keeping.drop_after = [100_000]

    def damage(exchange: Exchange) -> bool:
        if exchange.method == "PUT":
            keeping.uploads[exchange.path.rpartition("/")[2]].data[0] ^= 1
        return False

    keeping.hook = damage
    body = ListedBody(DATA)
    with pytest.raises(RegistryError, match="DIGEST_INVALID"):
        push(client(keeping.host), body)
    assert body.offsets == [0, 100_000, 0]


def test_loser_of_a_race_looks_for_the_blob(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """Refused because another push of the same blob won: it is there, and that is what was wanted."""
    keeping.blobs[DIGEST] = DATA
    keeping.hook = Once("PUT", lambda exchange: exchange.answer(409), lambda exchange: exchange.answer(409))
    push(client(keeping.host), ListedBody(DATA))
    client(keeping.host).begin_upload("me/app").put(DATA, DIGEST)
    assert keeping.methods == ["POST", "PATCH", "PUT", "HEAD", "POST", "PUT", "HEAD"]


@pytest.mark.parametrize("how", ["send", "put"])
def test_look_for_the_blob_that_is_refused(
    client: Callable[..., Client], keeping: KeepingRegistry, how: str
) -> None:
    """Where a blob may not be looked for, it is the refusal of the push that is told."""
    put = Once("PUT", lambda exchange: exchange.answer(409))
    head = Once("HEAD", lambda exchange: exchange.answer(403))
    keeping.hook = lambda exchange: put(exchange) or head(exchange)
    upload = client(keeping.host).begin_upload("me/app")
    end = partial(upload.put, DATA) if how == "put" else upload.commit
    if how == "send":
        upload.send(ListedBody(DATA))
    with pytest.raises(RegistryError, match="409"):
        end(DIGEST)


def test_answer_before_the_end_is_no_success(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A registry that accepts what it did not read is asked what it holds."""
    early = iter([True])

    def hasty(exchange: Exchange) -> bool:
        if exchange.method == "PATCH" and next(early, False):
            keeping._accept(exchange, "1", exchange.path, 202)
            exchange.cut()
            return True
        return False

    keeping.hook = hasty
    data = some_bytes(32 << 20)
    push(client(keeping.host), ListedBody(data, piece=1 << 20))
    assert keeping.blobs == {Digest.of(data): data}


@pytest.mark.parametrize("status", [400, 405])
def test_registry_without_upload_status(
    client: Callable[..., Client], keeping: KeepingRegistry, status: int
) -> None:
    """Where the status cannot be asked, the upload is begun again."""
    keeping.drop_after = [1000]
    keeping.hook = Once("GET", lambda exchange: exchange.answer(status))
    body = ListedBody(DATA)
    push(client(keeping.host), body)
    assert body.offsets == [0, 0]
    assert keeping.blobs == {DIGEST: DATA}


def test_status_denied_ends_the_upload(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A right that was taken away in the middle is not tried around."""
    keeping.drop_after = [1000]
    keeping.hook = Once("GET", lambda exchange: exchange.answer(403))
    with pytest.raises(PermissionError):
        push(client(keeping.host), ListedBody(DATA))


# --- whole uploads ---------------------------------------------------------------------------------------


def test_registry_that_says_another_least_chunk_of_the_next_upload(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """What is said of an upload that was begun in place of another counts for it."""

    def grow(exchange: Exchange) -> None:
        keeping.least = 250_000
        keeping.uploads.clear()
        exchange.answer(404)

    keeping.hook = Once("PATCH", grow)
    push(client(keeping.host, chunk_size=100_000), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}
    sent = [int(one.headers["Content-Length"]) for one in keeping.exchanges if one.method == "PATCH"]
    assert sent == [100_000, 250_000, 250_000, 100_000]


@pytest.mark.parametrize("status", [405, 501])
def test_registry_without_patch_gets_one_put(
    client: Callable[..., Client], keeping: KeepingRegistry, status: int
) -> None:
    """Where nothing can be streamed, the body is read to its end first, then sent with its digest."""
    keeping.hook = Once("PATCH", lambda exchange: exchange.answer(status))
    body = ListedBody(DATA)
    push(client(keeping.host), body)
    assert keeping.blobs == {DIGEST: DATA}
    assert body.offsets == [0, 0, 0]
    assert keeping.methods == ["POST", "PATCH", "PUT"]
    assert keeping.exchanges[2].headers["Content-Length"] == str(LAST)


@pytest.mark.parametrize("data", [DATA, ListedBody(DATA), ListedBody(DATA, size=LAST)])
def test_put_sends_and_closes(
    client: Callable[..., Client], keeping: KeepingRegistry, data: bytes | ListedBody
) -> None:
    """A small blob takes one request after the POST."""
    client(keeping.host).begin_upload("me/app").put(data, DIGEST)
    assert keeping.blobs == {DIGEST: DATA}
    assert keeping.methods == ["POST", "PUT"]


def test_put_after_a_cut(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A cut PUT is looked for, and else begun again, in the way that can be gone on with."""
    keeping.hook = Once("PUT", lambda exchange: exchange.cut(), lambda exchange: exchange.answer(503))
    upload = client(keeping.host).begin_upload("me/app")
    upload.put(DATA, DIGEST)
    assert keeping.blobs == {DIGEST: DATA}
    assert upload.attempts == 2
    assert upload.bytes_sent == 2 * LAST
    assert keeping.methods == ["POST", "PUT", "HEAD", "DELETE", "POST", "PATCH", "PUT", "PUT"]


def test_put_with_an_expired_token(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A PUT that was refused for its token is simply sent again."""
    challenge = {"WWW-Authenticate": "Basic realm=x"}
    keeping.hook = Once("PUT", lambda exchange: exchange.answer(401, headers=challenge))
    keychain = StaticKeychain({keeping.host: ("me", "s3cret")})
    client(keeping.host, keychain=keychain).begin_upload("me/app").put(DATA, DIGEST)
    assert keeping.methods == ["POST", "PUT", "PUT"]


def test_put_with_a_token_that_expires_amid_it(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """What a registry kept of a PUT that it then refused does not mix with the PUT that follows."""

    def take_a_part(exchange: Exchange) -> None:
        keeping.uploads[exchange.path.rpartition("/")[2]].data += DATA[:1]
        exchange.answer(401, headers={"WWW-Authenticate": "Basic realm=x"})

    keeping.hook = Once("PUT", take_a_part)
    keychain = StaticKeychain({keeping.host: ("me", "s3cret")})
    client(keeping.host, keychain=keychain).begin_upload("me/app").put(DATA, DIGEST)
    assert keeping.blobs == {DIGEST: DATA}


def test_put_cut_at_a_registry_without_patch(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """Where only whole uploads are taken, a cut one is sent whole again."""
    puts = Once("PUT", *[lambda exchange: exchange.cut()] * 2)
    patches = Once("PATCH", *[lambda exchange: exchange.answer(405)] * 9)
    keeping.hook = lambda exchange: puts(exchange) or patches(exchange)
    client(keeping.host).begin_upload("me/app").put(DATA, DIGEST)
    assert keeping.blobs == {DIGEST: DATA}
    puts = Once("PUT", *[lambda exchange: exchange.cut()] * 99)
    with pytest.raises(RegistryUnreachable):
        client(keeping.host, retries=2).begin_upload("me/app").put(b"other", Digest.of(b"other"))


def test_put_whose_answer_is_lost(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A PUT that arrived is not sent again."""

    def mute(exchange: Exchange) -> bool:
        exchange.is_mute = exchange.method == "PUT"
        return False

    keeping.hook = mute
    client(keeping.host).begin_upload("me/app").put(DATA, DIGEST)
    assert keeping.methods == ["POST", "PUT", "HEAD"]


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_success_that_breaks_off_is_one(
    client: Callable[..., Client], keeping: KeepingRegistry, method: str
) -> None:
    """The head of a success has said all: nothing is lost where the connection breaks amid its body."""

    def break_off(exchange: Exchange) -> None:
        begun = keeping.uploads["1"]
        begun.data += DATA
        begun.state += 1
        keeping.blobs[DIGEST] = DATA
        where = {"Location": f"/v2/me/app/blobs/uploads/1?_state={begun.state}", "Range": f"0-{LAST - 1}"}
        exchange.answer(202 if method == "PATCH" else 201, b"so", where, length=9)
        exchange.cut()

    keeping.hook = Once(method, break_off)
    upload = client(keeping.host, retries=0).begin_upload("me/app")
    if method == "PATCH":
        upload.send(ListedBody(DATA))
        upload.commit(DIGEST)
    else:
        upload.put(DATA, DIGEST)
    assert upload.bytes_sent == LAST
    assert keeping.methods == (["POST", "PATCH", "PUT"] if method == "PATCH" else ["POST", "PUT"])


def test_put_refused(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A final refusal comes out, after one look whether the blob is there."""
    with pytest.raises(RegistryError, match="DIGEST_INVALID"):
        client(keeping.host).begin_upload("me/app").put(DATA, Digest.of(b"other"))
    assert keeping.methods == ["POST", "PUT", "HEAD"]


# --- the body --------------------------------------------------------------------------------------------


class Trouble(Exception):
    """What a user's source raises."""


def raising(error: BaseException) -> Callable[[int], None]:
    """Return a check that raises ``error`` at the third piece."""

    def check(offset: int) -> None:
        if offset >= 2 * (64 << 10):
            raise error

    return check


@pytest.mark.parametrize(
    "error",
    [
        Trouble("mine"),
        OSError(5, "disk"),
        TimeoutError("slow disk"),
        RegistryUnreachable("the source registry went away"),
        KeyboardInterrupt(),
        StopAsyncIteration(),
        ConnectionResetError(104, "reset"),
    ],
    ids=lambda error: type(error).__name__,
)
@pytest.mark.parametrize("how", ["send", "put"])
def test_what_the_body_raises_passes_through(
    client: Callable[..., Client], keeping: KeepingRegistry, error: BaseException, how: str
) -> None:
    """The very exception comes out, untouched, and nothing is tried again."""
    body = ListedBody(DATA, before=raising(error))
    upload = client(keeping.host).begin_upload("me/app")
    begin = upload.send if how == "send" else partial(upload.put, digest=DIGEST)
    with pytest.raises(type(error)) as raised:
        begin(body)
    assert raised.value is error
    assert raised.value.__cause__ is None
    assert raised.value.__context__ is None
    assert not getattr(error, "__notes__", [])
    assert body.offsets == [0]


@pytest.mark.parametrize("size", [LAST - 1, LAST + 1])
def test_body_of_another_size_than_announced(
    client: Callable[..., Client], keeping: KeepingRegistry, size: int
) -> None:
    """A source that gives more or less than it said ends the upload, and says the numbers."""
    with pytest.raises(ContentMismatch, match=rf"{size} were announced"):
        client(keeping.host).begin_upload("me/app").send(ListedBody(DATA, size=size))


def test_iterator_of_a_cut_body_is_closed(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """The iterator that a fault ended is closed before another is asked for."""
    closed: list[int] = []

    class Watched(ListedBody):
        def chunks(self, offset: int) -> Iterator[bytes | memoryview]:
            try:
                yield from super().chunks(offset)
            finally:
                closed.append(offset)

    keeping.drop_after = [70_000]
    push(client(keeping.host), Watched(DATA))
    assert closed == [0, 70_000]


# --- authorisation in the middle -------------------------------------------------------------------------


def test_expired_token_in_the_middle(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A 401 to a PATCH and to a PUT gets a new token, and the upload goes on where it stands."""
    tokens: list[str] = []

    def service(exchange: Exchange) -> None:
        tokens.append(f"token-{len(tokens)}")
        exchange.answer(200, b'{"access_token":"%s"}' % tokens[-1].encode())

    revoked: list[str] = []
    refuse_at = [1]

    def guarded(exchange: Exchange) -> bool:
        authorization = exchange.headers.get("Authorization", "").removeprefix("Bearer ")
        if exchange.method in {"PATCH", "PUT"} and len(tokens) in refuse_at:
            revoked.append(authorization)
            refuse_at.remove(len(tokens))
        if authorization in tokens and authorization not in revoked:
            return False
        exchange.read()
        exchange.answer(
            401, headers={"WWW-Authenticate": f'Bearer realm="http://{server.host}/t",service="s"'}
        )
        return True

    with HttpServer(service) as server:
        keeping.hook = guarded
        keeping.drop_after = [200_000]
        body = ListedBody(DATA)
        registry = client(keeping.host)
        upload = registry.begin_upload("me/app")
        upload.send(body)
        revoked.append(tokens[-1])
        upload.commit(DIGEST)
    assert keeping.blobs == {DIGEST: DATA}
    assert len(tokens) == 3
    assert keeping.methods.count("POST") == 2
    assert body.offsets == [0, 0, 200_000]


def test_expired_token_is_no_retry(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A registry that asks who is there costs no retry, of which there may be none."""
    keeping.hook = Once(
        "PATCH", lambda exchange: exchange.answer(401, headers={"WWW-Authenticate": "Basic realm=x"})
    )
    keychain = StaticKeychain({keeping.host: ("me", "s3cret")})
    budget = Retries(count=0).budget
    push(client(keeping.host, keychain=keychain, retries=0).within(budget), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}
    assert budget.spent == 0


def test_busy_token_service_in_the_middle(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A token service that is busy for a moment does not end an upload."""
    answers = iter([(200, 0.2), (503, 0.0), (200, 60.0)])  # and for how many seconds the token is good

    def service(exchange: Exchange) -> None:
        status, life = next(answers)
        exchange.answer(status, b'{"token":"t0ken","expires_in":%.1f}' % life)

    def guarded(exchange: Exchange) -> bool:
        if exchange.headers.get("Authorization"):
            return False
        realm = f'Bearer realm="http://{server.host}/t"'
        exchange.answer(401, headers={"WWW-Authenticate": realm})
        return True

    with HttpServer(service) as server:
        keeping.hook = guarded
        upload = client(keeping.host).begin_upload("me/app")
        time.sleep(0.3)
        upload.send(ListedBody(DATA))
        assert next(answers, None) is None


def test_right_taken_away_in_the_middle(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A 401 that no other token or password would change ends the upload."""
    keeping.hook = Once(
        "PATCH", *[lambda exchange: exchange.answer(401, headers={"WWW-Authenticate": "Basic realm=x"})] * 9
    )
    with pytest.raises(Unauthorized):
        push(client(keeping.host), ListedBody(DATA))
    assert keeping.methods.count("PATCH") == 1


def test_first_401_in_the_middle_of_an_upload(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A registry may ask who is there as late as the PATCH."""
    keeping.hook = Once(
        "PATCH", lambda exchange: exchange.answer(401, headers={"WWW-Authenticate": "Basic realm=x"})
    )
    keychain = StaticKeychain({keeping.host: ("me", "s3cret")})
    push(client(keeping.host, keychain=keychain), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}


# --- ending ----------------------------------------------------------------------------------------------


def test_cancel(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A begun upload is told to the registry to be over, once; a finished one is left alone."""
    registry = client(keeping.host)
    upload = registry.begin_upload("me/app")
    upload.cancel()
    upload.cancel()
    assert keeping.uploads == {}
    finished = registry.begin_upload("me/app")
    finished.put(b"x", Digest.of(b"x"))
    finished.cancel()
    assert keeping.methods == ["POST", "DELETE", "POST", "PUT"]


def test_interrupting_what_rests_cuts_nobody_else(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A connection that was given back is somebody else's: an upload that nobody sends just now has none."""
    speaker = client(keeping.host, retries=0)
    upload = speaker.begin_upload("me/app")
    upload.send(ListedBody(DATA))

    def interrupt(exchange: Exchange) -> bool:
        if exchange.method == "HEAD":
            upload.interrupt()
        return False

    keeping.hook = interrupt
    assert speaker.head_blob("me/app", DIGEST) is None


def test_failing_cancel_is_silent(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """Nobody wants to hear that a cancellation failed."""
    upload = client(keeping.host).begin_upload("me/app")
    keeping.hook = Once("DELETE", lambda exchange: exchange.answer(500))
    upload.cancel()
    assert keeping.methods == ["POST", "DELETE"]


def test_stopped_while_it_begins_again(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A session aborted while an upload is begun again leaves none behind."""
    stop = threading.Event()

    def forget(exchange: Exchange) -> bool:
        if exchange.method == "PATCH":
            exchange.read()
            keeping.uploads.clear()
            exchange.answer(404)
            return True
        if exchange.method == "POST" and "PATCH" in keeping.methods:
            stop.set()
        return False

    keeping.hook = forget
    upload = client(keeping.host).begin_upload("me/app", patience=Patience(stop=stop))
    with pytest.raises(Cancelled):
        upload.send(ListedBody(DATA))
    assert keeping.methods == ["POST", "PATCH", "POST", "DELETE"]
    assert keeping.uploads == {}


# --- the reference implementation ------------------------------------------------------------------------


@pytest.mark.peer
@pytest.mark.parametrize("cut", [0, 1, 65_536, 300_000, LAST - 1, LAST])
@pytest.mark.parametrize("size", [None, LAST], ids=["unknown size", "known size"])
def test_docker_registry_drops_a_cut_upload_and_gets_it_again(
    client: Callable[..., Client],
    docker_registry: DockerRegistry,
    front: Callable[[str], Front],
    repository: str,
    cut: int,
    size: int | None,
) -> None:
    """The reference implementation forgets what arrived before a cut: all is sent again, and is whole."""
    proxy = front(docker_registry.host)
    proxy.cut(cut)
    registry = client(proxy.host)
    push(registry, ListedBody(DATA, size=size), repository)
    assert registry.get_blob_bytes(repository, DIGEST, LAST) == DATA
    if cut > 1:  # before, it may still stand, as an upload of nothing
        expected = ["POST", "PATCH", "GET", "POST", "PATCH", "PUT", "GET"]
        assert [request.method for request in proxy.requests] == expected
        assert proxy.requests[2].status == 404


@pytest.mark.peer
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_docker_registry_cut_before_an_answer(
    client: Callable[..., Client],
    docker_registry: DockerRegistry,
    front: Callable[[str], Front],
    repository: str,
    method: str,
) -> None:
    """Requests without a body are simply sent again."""
    proxy = front(docker_registry.host)
    proxy.cut(0, method=method)
    registry = client(proxy.host)
    push(registry, ListedBody(DATA), repository)
    assert registry.head_blob(repository, DIGEST) == LAST


@pytest.mark.peer
def test_docker_registry_with_short_lived_tokens(
    client: Callable[..., Client],
    token_registry: DockerRegistry,
    token_server: TokenServer,
    front: Callable[[str], Front],
    repository: str,
) -> None:
    """Tokens that live a second are renewed before they are used."""
    token_server.life = 1
    proxy = front(token_registry.host)
    session = PushSession.open(client(proxy.host), repository)
    slow = ListedBody(DATA, piece=LAST // 3, before=lambda offset: time.sleep(0.4))  # noqa: ARG005
    upload = session.begin()
    upload.send(slow)
    upload.commit(DIGEST)
    assert len(token_server.asked) >= 2
    assert [request.status for request in proxy.requests] == [401, 202, 202, 201]
