"""A session begins with one POST, and a refused push costs the fewest requests there can be."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from support.bodies import ListedBody, some_bytes
from support.clock import ends_within
from support.http_server import Exchange, HttpServer

from lazyimg.errors import Cancelled, Denied, RegistryError, RegistryUnreachable, Unauthorized
from lazyimg.oci.digest import Digest
from lazyimg.registry.authorization.token import TokenRefused
from lazyimg.registry.keychains.keychain import StaticKeychain
from lazyimg.registry.session import PushSession

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.docker_registry import DockerRegistry
    from support.front import Front
    from support.keeping_registry import KeepingRegistry
    from support.token_server import TokenServer

    from lazyimg.registry.client import Client


REFUSED = b'{"errors":[{"code":"DENIED","message":"you may not push here"}]}'


def test_denied_without_authentication_costs_one_request(client: Callable[..., Client]) -> None:
    """A registry that refuses outright ends the session with its first answer."""
    with HttpServer(lambda exchange: exchange.answer(403, REFUSED)) as server:
        with pytest.raises(Denied, match="DENIED: you may not push here") as raised:
            PushSession.open(client(server.host), "me/app")
        assert server.log == ["POST /v2/me/app/blobs/uploads/"]
    assert raised.value.codes == ("DENIED",)
    assert raised.value.status == 403


@pytest.mark.parametrize("status", [404, 403])
def test_missing_repository_is_denied(client: Callable[..., Client], status: int) -> None:
    """A push answered 404 is a denied push: registries hide what one may not see."""
    with HttpServer(lambda exchange: exchange.answer(status)) as server, pytest.raises(Denied) as raised:
        PushSession.open(client(server.host), "me/app")
    assert raised.value.status == status


@pytest.mark.peer
def test_denied_by_basic_authentication_costs_two_requests(
    client: Callable[..., Client],
    basic_registry: DockerRegistry,
    front: Callable[[str], Front],
    repository: str,
) -> None:
    """A wrong password costs the POST that asks, and the POST that is refused."""
    proxy = front(basic_registry.host)
    keychain = StaticKeychain({proxy.host: ("me", "wrong-passw0rd")})
    with pytest.raises(Unauthorized) as raised:
        PushSession.open(client(proxy.host, keychain=keychain), repository)
    assert [request.status for request in proxy.requests] == [401, 401]
    assert "wrong-passw0rd" not in str(raised.value)


@pytest.mark.peer
def test_nobody_is_refused_by_basic_authentication_at_once(
    client: Callable[..., Client],
    basic_registry: DockerRegistry,
    front: Callable[[str], Front],
    repository: str,
) -> None:
    """Without credentials there is nothing to try a second time."""
    proxy = front(basic_registry.host)
    with pytest.raises(Unauthorized, match="Log in"):
        PushSession.open(client(proxy.host), repository)
    assert len(proxy.requests) == 1


@pytest.mark.peer
def test_basic_authentication_opens_with_two_requests(
    client: Callable[..., Client],
    basic_registry: DockerRegistry,
    front: Callable[[str], Front],
    users: dict[str, str],
    repository: str,
) -> None:
    """The right password opens with the second POST, and is sent at once from then on."""
    proxy = front(basic_registry.host)
    keychain = StaticKeychain({proxy.host: next(iter(users.items()))})
    session = PushSession.open(client(proxy.host, keychain=keychain), repository)
    session.begin().put(b"{}", Digest.of(b"{}"))
    assert [request.status for request in proxy.requests] == [401, 202, 201]


@pytest.mark.peer
def test_denied_by_token_costs_three_requests(
    client: Callable[..., Client],
    token_registry: DockerRegistry,
    token_server: TokenServer,
    front: Callable[[str], Front],
    repository: str,
) -> None:
    """POST, token, POST refused: a token that was given is not asked for again with fewer scopes."""
    token_server.granted = []
    proxy = front(token_registry.host)
    with pytest.raises(Unauthorized):
        PushSession.open(client(proxy.host), repository, pulls=["other/base"])
    assert [request.status for request in proxy.requests] == [401, 401]
    assert token_server.asked == [[f"repository:{repository}:pull,push", "repository:other/base:pull"]]


@pytest.mark.peer
def test_combined_token_refused_is_asked_for_again_with_fewer_scopes(
    client: Callable[..., Client],
    token_registry: DockerRegistry,
    token_server: TokenServer,
    front: Callable[[str], Front],
    repository: str,
) -> None:
    """Only a refusal by the token service itself is tried once more, with the push scope alone."""
    token_server.refuses_combined = True
    proxy = front(token_registry.host)
    session = PushSession.open(client(proxy.host), repository, pulls=["other/base", repository])
    assert [request.method for request in proxy.requests] == ["POST", "POST"]
    assert token_server.asked == [
        [f"repository:{repository}:pull,push", "repository:other/base:pull"],
        [f"repository:{repository}:pull,push"],
    ]
    assert session.mountable == frozenset()
    upload = session.mount(Digest.of(b"{}"), "other/base")
    assert upload is not None
    upload.put(b"{}", Digest.of(b"{}"))
    assert [request.method for request in proxy.requests] == ["POST", "POST", "PUT"]


@pytest.mark.peer
def test_token_service_that_refuses_both_ends_the_session(
    client: Callable[..., Client],
    token_registry: DockerRegistry,
    token_server: TokenServer,
    front: Callable[[str], Front],
    repository: str,
) -> None:
    """The push scope alone refused: one POST, two token requests, and no more."""
    token_server.refuses_combined = True
    token_server.refused = {f"repository:{repository}:pull,push"}
    proxy = front(token_registry.host)
    with pytest.raises(TokenRefused, match="DENIED: not these scopes"):
        PushSession.open(client(proxy.host), repository, pulls=["other/base"])
    assert (len(proxy.requests), len(token_server.asked)) == (1, 2)
    with pytest.raises(PermissionError):
        PushSession.open(client(proxy.host), repository)
    assert (len(proxy.requests), len(token_server.asked)) == (2, 3)


@pytest.mark.peer
def test_one_token_serves_the_whole_push(
    client: Callable[..., Client],
    token_registry: DockerRegistry,
    token_server: TokenServer,
    repository: str,
) -> None:
    """Uploads, mounts, reads of the base and manifests all go with the session's token."""
    registry = client(token_registry.host)
    layer = some_bytes(1000)
    registry.begin_upload("token/base").put(layer, Digest.of(layer))
    token_server.asked.clear()
    session = PushSession.open(registry, repository, pulls=["token/base"])
    assert session.mount(Digest.of(layer), "token/base") is None
    assert registry.head_blob(repository, Digest.of(layer)) == len(layer)
    assert registry.get_blob_bytes("token/base", Digest.of(layer), len(layer)) == layer
    session.begin().put(b"{}", Digest.of(b"{}"))
    assert len(token_server.asked) == 1


@pytest.mark.peer
def test_session_gives_out_the_upload_it_began_with(
    client: Callable[..., Client],
    docker_registry: DockerRegistry,
    front: Callable[[str], Front],
    repository: str,
) -> None:
    """The first blob costs no further POST; the second does."""
    proxy = front(docker_registry.host)
    session = PushSession.open(client(proxy.host), repository)
    for data in (b"one", b"two"):
        session.begin().put(data, Digest.of(data))
    assert [request.method for request in proxy.requests] == ["POST", "PUT", "POST", "PUT"]
    session.close()
    assert len(proxy.requests) == 4
    assert docker_registry.begun_uploads(repository) == []


@pytest.mark.peer
def test_unused_upload_is_cancelled_on_close(
    client: Callable[..., Client], docker_registry: DockerRegistry, repository: str
) -> None:
    """A session that uploads nothing leaves nothing behind."""
    session = PushSession.open(client(docker_registry.host), repository)
    assert len(docker_registry.begun_uploads(repository)) == 1
    session.close()
    assert docker_registry.begun_uploads(repository) == []
    session.close()


@pytest.mark.peer
def test_unused_upload_is_cancelled_with_a_token(
    client: Callable[..., Client],
    token_registry: DockerRegistry,
    token_server: TokenServer,
    repository: str,
) -> None:
    """Cancelling takes another right than pushing; it is asked for, and the pushing token kept."""
    registry = client(token_registry.host)
    registry.ping()
    PushSession.open(registry, repository).close()
    assert token_registry.begun_uploads(repository) == []
    asked = len(token_server.asked)
    PushSession.open(registry, repository)
    assert len(token_server.asked) == asked


@pytest.mark.peer
def test_mounts(client: Callable[..., Client], docker_registry: DockerRegistry, repository: str) -> None:
    """What is there is mounted; for what is not the registry begins an upload (202), which is used."""
    registry = client(docker_registry.host)
    registry.begin_upload("base/mounts").put(b"layer", Digest.of(b"layer"))
    session = PushSession.open(registry, repository, pulls=["base/mounts"])
    assert session.mount(Digest.of(b"layer"), "base/mounts") is None
    upload = session.mount(Digest.of(b"other"), "base/mounts")
    assert upload is not None
    upload.put(b"other", Digest.of(b"other"))
    assert registry.head_blob(repository, Digest.of(b"other")) == 5


def test_mount_answered_200(client: Callable[..., Client]) -> None:
    """Any success whose location is a blob is a mounted blob; one that is an upload is an upload."""
    answers = iter(["/v2/me/app/blobs/sha256:00", "/v2/me/app/blobs/uploads/1"])
    respond = lambda exchange: exchange.answer(200, headers={"Location": next(answers)})  # noqa: E731
    with HttpServer(respond) as server:
        registry = client(server.host)
        assert registry.mount("me/app", Digest.of(b"x"), "me/base") is None
        assert registry.mount("me/app", Digest.of(b"x"), "me/base") is not None


@pytest.mark.parametrize("status", [200, 202])
def test_mount_answered_without_a_location(client: Callable[..., Client], status: int) -> None:
    """What does not say where anything is, and is no 201, has put nothing in place."""
    with (
        HttpServer(lambda exchange: exchange.answer(status)) as server,
        pytest.raises(RegistryError, match="without the Location"),
    ):
        client(server.host).mount("me/app", Digest.of(b"x"), "me/base")


def test_error_to_a_mount_begins_a_plain_upload(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A registry that answers a mount with an error is given the blob."""

    def refuse_mounts(exchange: Exchange) -> bool:
        if exchange.values("mount"):
            exchange.answer(405)
            return True
        return False

    keeping.hook = refuse_mounts
    session = PushSession.open(client(keeping.host), "me/app", pulls=["me/base"])
    upload = session.mount(Digest.of(b"x"), "me/base")
    assert upload is not None
    upload.put(b"x", Digest.of(b"x"))
    assert keeping.methods == ["POST", "POST", "PUT"]


def test_upload_unused_for_long_is_begun_again(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """An upload that may have expired is not given out, and is cancelled, as it may be there still."""
    session = PushSession.open(client(keeping.host), "me/app")
    assert session._spare is not None
    session._spare.began_at -= 3600
    session.begin().put(b"x", Digest.of(b"x"))
    assert keeping.methods.count("POST") == 2
    assert keeping.uploads == {}


def test_abort_cancels_every_begun_upload(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """Finished uploads are left; begun ones get their DELETE; nothing can be begun after."""
    session = PushSession.open(client(keeping.host), "me/app")
    session.begin().put(b"x", Digest.of(b"x"))
    session.begin()
    session.begin()
    session.abort()
    assert keeping.methods[-2:] == ["DELETE", "DELETE"]
    assert keeping.uploads == {}
    for attempt in (session.begin, lambda: session.mount(Digest.of(b"y"), "me/base")):
        with pytest.raises(Cancelled):
            attempt()


def until(claim: Callable[[], bool]) -> None:
    """Wait until something is so."""
    end = time.monotonic() + 20
    while not claim():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_abort_while_a_worker_sends(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """A worker in the middle of a PATCH ends with what its body raises, and its upload is cancelled."""
    session = PushSession.open(client(keeping.host), "me/app")
    under_way, stopped = threading.Event(), threading.Event()
    seen: list[BaseException] = []

    def check(offset: int) -> None:
        if offset > 0:
            until(lambda: keeping.methods[-1] == "PATCH")  # what is sent need not have been read yet
            under_way.set()
            if stopped.wait(20):
                raise Cancelled("the run was ended")

    def work() -> None:
        try:
            session.begin().send(ListedBody(some_bytes(1 << 20), before=check))
        except Cancelled as error:
            seen.append(error)

    worker = threading.Thread(target=work)
    worker.start()
    assert under_way.wait(20)
    stopped.set()
    session.abort()
    worker.join(20)
    assert [str(error) for error in seen] == ["the run was ended"]
    assert keeping.methods == ["POST", "PATCH", "DELETE"]
    assert keeping.uploads == {}


@pytest.mark.timeout(30)
def test_abort_of_a_hanging_registry_ends_in_its_grace(client: Callable[..., Client]) -> None:
    """A registry that takes nothing and answers nothing holds neither the abort nor the worker."""
    hang, patched = threading.Event(), threading.Event()

    def respond(exchange: Exchange) -> None:
        if exchange.method == "POST":
            exchange.answer(202, headers={"Location": "/v2/me/app/blobs/uploads/1"})
            return
        patched.set()
        hang.wait(60)

    seen: list[BaseException] = []
    with HttpServer(respond) as server:
        session = PushSession.open(client(server.host), "me/app")
        session.begin()

        def work() -> None:
            try:
                session.begin().send(ListedBody(bytes(64 << 20), piece=1 << 20))
            except Cancelled as error:
                seen.append(error)

        worker = threading.Thread(target=work)
        worker.start()
        assert patched.wait(20)
        with ends_within(4):
            session.abort(grace=0.5)
            worker.join(10)
        assert not worker.is_alive()
        hang.set()
    assert len(seen) == 1


def test_abort_waits_for_an_upload_that_is_being_begun(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """An upload whose POST is under way when all ends is cancelled as well, before the abort returns."""
    session = PushSession.open(client(keeping.host), "me/app")
    session.begin()
    arrived, may_go = threading.Event(), threading.Event()

    def hold(exchange: Exchange) -> bool:
        if exchange.method == "POST":
            arrived.set()
            may_go.wait(10)
        return False

    def begin() -> None:
        with pytest.raises(Cancelled):
            session.begin()

    keeping.hook = hold
    worker = threading.Thread(target=begin)
    worker.start()
    arrived.wait(10)
    timer = threading.Timer(0.3, may_go.set)
    timer.start()
    session.abort(grace=10)
    assert keeping.uploads == {}
    worker.join()
    timer.join()


def test_abort_wakes_a_worker_that_waits_to_try_again(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """A wait between two tries ends at once."""

    def busy(exchange: Exchange) -> bool:
        if exchange.method == "PATCH":
            exchange.read()
            exchange.answer(503, headers={"Retry-After": "20"})
            return True
        return False

    keeping.hook = busy
    session = PushSession.open(client(keeping.host), "me/app")
    upload = session.begin()
    timer = threading.Timer(0.3, session.abort)
    timer.start()
    with pytest.raises(Cancelled):
        upload.send(ListedBody(b"some data"))
    timer.join()
    assert keeping.methods.count("PATCH") == 1


def test_unreachable_registry(client: Callable[..., Client]) -> None:
    """Nobody there is said in one sentence, with the host."""
    with pytest.raises(
        RegistryUnreachable, match=r"me/app: 127\.0\.0\.1:9 cannot be reached .*; check host and port"
    ):
        PushSession.open(client("127.0.0.1:9"), "me/app")


def test_location_is_required(client: Callable[..., Client]) -> None:
    """A registry that begins an upload nowhere is not one."""
    nowhere = HttpServer(lambda exchange: exchange.answer(202))
    with nowhere as server, pytest.raises(RegistryError, match="without the Location"):
        PushSession.open(client(server.host), "me/app")
