"""Registries differ, and an image arrives all the same; what cannot be is said with the registry's words."""

from __future__ import annotations

import json
import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING

import pytest
from support.bodies import ListedBody, some_bytes
from support.http_server import Exchange, HttpServer

import lazyimg as li
from lazyimg.errors import NotFound, RegistryError
from lazyimg.oci import media_type
from lazyimg.oci.digest import Digest
from lazyimg.registry.retry import Retries
from lazyimg.registry.session import PushSession
from lazyimg.server.faults import ExpireTokens, Fault, Status
from lazyimg.server.tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.docker_registry import DockerRegistry
    from support.keeping_registry import KeepingRegistry

    from lazyimg.registry.client import Client

DATA = some_bytes(600_000)
DIGEST = Digest.of(DATA)


def push(client: Client, body: ListedBody, repository: str = "me/app") -> None:
    """Upload a body, and close the upload."""
    upload = client.begin_upload(repository)
    upload.send(body)
    upload.commit(Digest.of(body.data))


def test_mounts_name_where_from(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A mount without ``from``, which some refuse, is never asked for."""
    session = PushSession.open(client(keeping.host), "me/app", pulls=["me/base"])
    for origin in ("me/base", "not/allowed"):
        upload = session.mount(DIGEST, origin)
        assert upload is not None
        upload.cancel()
    mounts = [exchange for exchange in keeping.exchanges if exchange.values("mount")]
    assert [exchange.values("from") for exchange in mounts] == [["me/base"]]


def test_mount_that_becomes_an_upload_is_used(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """Its 202 is a begun upload: the blob goes there, without another POST."""
    session = PushSession.open(client(keeping.host), "me/app", pulls=["me/base"])
    upload = session.mount(DIGEST, "me/base")
    assert upload is not None
    upload.put(DATA, DIGEST)
    assert keeping.methods == ["POST", "POST", "PUT"]
    assert keeping.blobs == {DIGEST: DATA}
    assert set(keeping.uploads) == {"1"}  # that of the session, for whoever comes next


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_is_one(client: Callable[..., Client], keeping: KeepingRegistry, status: int) -> None:
    """Whichever 2xx begins, takes, tells of or ends an upload, its headers count."""
    keeping.success = status
    keeping.drop_after = [100_000]
    body = ListedBody(DATA)
    push(client(keeping.host), body)
    client(keeping.host).begin_upload("me/app").put(b"config", Digest.of(b"config"))
    assert set(keeping.blobs) == {DIGEST, Digest.of(b"config")}
    assert body.offsets == [0, 100_000]
    assert "HEAD" not in keeping.methods  # nothing had to be looked for


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_any_success_to_a_manifest(client: Callable[..., Client], status: int) -> None:
    """A manifest is written, or deleted, whichever 2xx says so; its digest is computed where none is said."""
    with HttpServer(lambda exchange: (exchange.read(), exchange.answer(status))) as server:
        registry = client(server.host)
        digest = registry.put_manifest("me/app", "1", b"{}", media_type.OCI_MANIFEST)
        registry.delete_manifest("me/app", digest)
    assert digest == Digest.of(b"{}")


def test_life_of_a_token_that_says_none(client: Callable[..., Client]) -> None:
    """It is a minute, as the protocol has it."""

    def respond(exchange: Exchange) -> None:
        if exchange.path == "/token":
            exchange.answer(200, b'{"token":"t0ken"}')
        elif exchange.headers.get("Authorization"):
            exchange.answer(200)
        else:
            challenge = f'Bearer realm="http://{server.host}/token"'
            exchange.answer(401, headers={"WWW-Authenticate": challenge})

    with HttpServer(respond) as server:
        registry = client(server.host)
        registry.ping()
        [token] = registry._conversation._authorizer._tokens
    assert token.life == 60
    assert token.is_fresh(token.born + 49)
    assert not token.is_fresh(token.born + 51)


@pytest.mark.parametrize("chunk_size", [None, 100_000], ids=["a stream", "chunks"])
def test_token_that_ends_amid_an_upload(client: Callable[..., Client], chunk_size: int | None) -> None:
    """A 401 to a part of a body gets another token, and the upload goes on where it stands."""
    with li.Registry(token=True) as registry:
        begin = 0 if chunk_size is None else 2
        registry.faults.add(Fault(ExpireTokens(), "PATCH", skip=begin))
        body = ListedBody(DATA)
        push(client(registry.host, chunk_size=chunk_size, retries=0), body)
        log = [(request.method, request.status) for request in registry.requests]
    assert ("PATCH", 401) in log
    assert [entry for entry in log if entry[0] == "PUT"] == [("PUT", 201)]
    assert log.count(("POST", 202)) == 1
    assert body.offsets == ([0, 0] if chunk_size is None else [0])


def test_refusal_after_another_try_tells_of_it(client: Callable[..., Client]) -> None:
    """What a registry forgot as it stumbled it does not know the next time: the first answer counts."""
    answers = iter([(500, "STORAGE"), (404, "BLOB_UPLOAD_UNKNOWN")])

    def respond(exchange: Exchange) -> None:
        status, code = next(answers)
        exchange.answer(status, json.dumps({"errors": [{"code": code, "message": ""}]}).encode())

    with HttpServer(respond) as server, pytest.raises(NotFound) as raised:
        client(server.host, retries=Retries(count=1, first=0)).get_manifest("me/app", "v1")
    assert "answered 500: STORAGE" in raised.value.__notes__[0]


@pytest.mark.parametrize("status", [401, 403, 404])
def test_what_one_may_not_see(status: int) -> None:
    """However a registry says that there is nothing for us, it is one error with its words, at once."""
    refusal = Fault(Status(status, "HIDDEN", "nothing for you here"), times=None)
    with li.Registry() as registry, li.Engine():
        registry.faults.add(refusal)
        image = li.Image.from_registry(f"{registry.host}/me/secret:1")
        with pytest.raises(RegistryError, match=f"{status}: HIDDEN: nothing for you here") as read:
            image.manifest()
        with pytest.raises(PermissionError, match=f"{status}: HIDDEN: nothing for you here"):
            li.Image.empty().write(f"{registry.host}/me/secret:1")
        assert [request.method for request in registry.requests] == ["GET", "POST"]
    assert read.value.status == status


def test_missing_repository_behind_tokens() -> None:
    """Where a token is given that is good for nothing, the registry's 401 is the end of it."""
    tokens = Tokens(may=lambda user, scope: set())  # noqa: ARG005
    with li.Registry(token=tokens) as registry, li.Engine():
        with pytest.raises(PermissionError, match="401"):
            li.Image.from_registry(f"{registry.host}/not/there:1").manifest()
        log = [(request.method, request.kind) for request in registry.requests]
    assert log == [("GET", "manifest"), ("GET", "token"), ("GET", "manifest")]


def test_wait_until_a_date(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """``Retry-After`` as a date is waited for."""
    asked: list[float] = []

    def busy(exchange: Exchange) -> bool:
        asked.append(time.time())
        if len(asked) == 1:
            until = datetime.now(UTC) + timedelta(seconds=2)
            exchange.answer(429, headers={"Retry-After": format_datetime(until, usegmt=True)})
        return len(asked) == 1

    keeping.hook = busy
    client(keeping.host).begin_upload("me/app")
    assert asked[1] - asked[0] >= 0.9  # a date has no fractions of a second


@pytest.mark.parametrize(
    ("kind", "status"), [(media_type.OCI_INDEX, 400), (media_type.OCI_MANIFEST, 415), ("application/x", 404)]
)
def test_media_type_that_is_refused(client: Callable[..., Client], kind: str, status: int) -> None:
    """Which type it was, and why it is refused, stands in the message."""
    words = b'{"errors":[{"code":"MANIFEST_INVALID","message":"manifest list not supported"}]}'
    with HttpServer(lambda exchange: (exchange.read(), exchange.answer(status, words))) as server:
        with pytest.raises(RegistryError) as raised:
            client(server.host).put_manifest("me/app", "1", b"{}", kind)
        assert len(server.exchanges) == 1
    message = str(raised.value)
    assert f"write the manifest of me/app at 1 as {kind}" in message
    assert "manifest list not supported" in message
    assert ("with_media_types()" in message) == (status == 415)


@pytest.mark.peer
@pytest.mark.parametrize("kind", ["embedded", "docker"])
def test_same_blob_at_once(
    client: Callable[..., Client], docker_registry: DockerRegistry, repository: str, kind: str
) -> None:
    """Of several who push the same blob at once, each ends well, and the blob is whole."""
    with li.Registry() as embedded:
        registry = client(embedded.host if kind == "embedded" else docker_registry.host)
        start, failed = threading.Barrier(4), []

        def run() -> None:
            try:
                upload = registry.begin_upload(repository)
                start.wait(20)
                upload.send(ListedBody(DATA))
                start.wait(20)
                upload.commit(DIGEST)
            except BaseException as error:  # noqa: BLE001 - told by the thread that looks
                failed.append(error)

        threads = [threading.Thread(target=run) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert failed == []
        assert registry.get_blob_bytes(repository, DIGEST, len(DATA)) == DATA


@pytest.mark.parametrize("reference", ["1", Digest.of(b"{}")], ids=["tag", "digest"])
@pytest.mark.parametrize("times", [1, 9])
def test_digest_that_cannot_be_wrong(client: Callable[..., Client], reference: str, times: int) -> None:
    """A manifest whose digest we know is sent once more where it is said to be wrong; not a third time."""
    words = b'{"errors":[{"code":"DIGEST_INVALID","message":"provided digest did not match"}]}'
    answers = iter([(400, words)] * times)

    def respond(exchange: Exchange) -> None:
        exchange.read()
        exchange.answer(*next(answers, (201,)))

    with HttpServer(respond) as server:
        registry = client(server.host)
        if times == 1:
            assert registry.put_manifest("me/app", reference, b"{}", media_type.OCI_MANIFEST)
        else:
            with pytest.raises(RegistryError, match="DIGEST_INVALID") as raised:
                registry.put_manifest("me/app", reference, b"{}", media_type.OCI_MANIFEST)
            assert raised.value.is_repeated
            assert not hasattr(raised.value, "__notes__")  # which would say the same once more
        assert len(server.exchanges) == 2


def test_count_of_the_registry_wins(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A registry that takes a chunk anywhere is sent none where it does not stand: its status is believed."""
    keeping.drop_after = [None, 70_000, None, 10]
    spans: list[tuple[int, int]] = []

    def note(exchange: Exchange) -> bool:
        if exchange.method == "PATCH":
            begins = int(exchange.headers["Content-Range"].partition("-")[0])
            spans.append((begins, len(keeping.uploads["1"].data)))
        return False

    keeping.hook = note
    push(client(keeping.host, chunk_size=100_000), ListedBody(DATA))
    assert keeping.blobs == {DIGEST: DATA}
    assert len(spans) == 8
    assert all(begins == stands for begins, stands in spans)
