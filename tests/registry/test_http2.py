"""HTTP/2, spoken with Debian's docker-registry over TLS; one connection, many threads."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.bodies import ListedBody
from support.docker_registry import DockerRegistry, htpasswd_auth
from support.programs import need
from support.relay import Relay

import lazyimg as li
from lazyimg.errors import ContentMismatch, MissingExtra, RegistryUnreachable
from lazyimg.registry.client import Client
from lazyimg.registry.retry import Retries
from lazyimg.registry.session import PushSession
from lazyimg.registry.transport import pools
from lazyimg.registry.transport.wire import Timeouts
from lazyimg.server.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from lazyimg.registry.transport.wire import RequestRecord

pytestmark = pytest.mark.peer

SMALL = bytes(range(256)) * 256
LARGE = b"0123456789abcdef" * (5 << 18)  # 20 MiB: more than any window
QUICK = Retries(first=0.001, longest=0.01)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Give a certificate of this machine that is its own authority."""
    need("openssl", "openssl")
    return Tls.self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def go_registry(tmp_path_factory: pytest.TempPathFactory, made: Tls) -> Iterator[DockerRegistry]:
    """Give Debian's docker-registry with TLS, which speaks HTTP/2 to who can."""
    files = Path(made.certificate), Path(str(made.key))
    with DockerRegistry(tmp_path_factory.mktemp("registry"), tls=files) as registry:
        yield registry


@pytest.fixture
def relay(go_registry: DockerRegistry) -> Iterator[Relay]:
    """Give a relay in front of it."""
    with Relay(go_registry.host) as running:
        yield running


@pytest.fixture
def records() -> list[RequestRecord]:
    """Give the list of what was exchanged."""
    return []


@pytest.fixture
def engine(relay: Relay, made: Tls, records: list[RequestRecord]) -> Iterator[li.Engine]:
    """Give an engine that speaks HTTP/2 with the registry behind the relay."""
    hosts = {relay.host: li.Host(ca=made.certificate, http2=True, retries=QUICK)}
    with li.Engine(jobs=8, hosts=hosts, on_request=records.append) as engine:
        yield engine


@pytest.fixture
def client(relay: Relay, made: Tls, records: list[RequestRecord]) -> Iterator[Callable[..., Client]]:
    """Give a function that makes a client which speaks HTTP/2 with the registry behind the relay."""
    found: list[Client] = []

    def make(**settings: Any) -> Client:
        tls = pools.Tls(ca=made.certificate)
        given = {"scheme": "https", "tls": tls, "http2": True, "observer": records.append, "retries": QUICK}
        found.append(Client(relay.host, **(given | settings)))
        return found[-1]

    yield make
    for each in found:
        each.close()


def layered(*sizes: int) -> li.Image:
    """Make an image of layers of these sizes."""
    files = [{f"/{number}-{size}": bytes([number]) * size} for number, size in enumerate(sizes)]
    return li.Image.empty().append(
        *(li.Layer.from_files(each, compression=li.Uncompressed()) for each in files)
    )


def pushed(client: Client, repository: str, data: bytes) -> str:
    """Push a blob, and return its digest."""
    digest = li.Digest.of(data)
    upload = client.begin_upload(repository)
    upload.send(ListedBody(data, piece=1 << 20))
    upload.commit(digest)
    return digest


# --- with docker-registry --------------------------------------------------------------------------------


@pytest.mark.usefixtures("engine")
def test_a_push_a_pull_and_a_copy_share_one_connection(
    relay: Relay, records: list[RequestRecord], repository: str
) -> None:
    """The same requests as over HTTP/1.1, all of them HTTP/2, over one connection."""
    image = layered(5 << 20, 3 << 20, 100, 1 << 20, 200, 300)
    digest = image.write(f"{relay.host}/{repository}:1").digest
    methods = [record.method for record in records]
    assert [methods.count(name) for name in ("POST", "PATCH", "PUT")] == [7, 6, 8]
    pulled = li.Image.from_registry(f"{relay.host}/{repository}:1")
    assert pulled.digest() == digest
    assert pulled.files()["/0-5242880"].read() == bytes(5 << 20)
    copied = pulled.write(f"{relay.host}/{repository}/copy:1")
    assert (copied.digest, len(copied.mounted), copied.bytes_sent < 10_000) == (digest, 7, True)
    assert {record.http_version for record in records} == {"HTTP/2"}
    assert relay.connections == 1


def test_as_many_requests_as_over_http_1_1(go_registry: DockerRegistry, made: Tls, repository: str) -> None:
    """What is asked does not depend on what it is asked in."""
    asked = []
    for http2 in (False, True):
        records: list[RequestRecord] = []
        name = f"{go_registry.host}/{repository}/{http2}".lower()
        hosts = {go_registry.host: li.Host(ca=made.certificate, http2=http2)}
        with li.Engine(hosts=hosts, on_request=records.append):
            layered(1000, 2000).write(f"{name}:1")
            li.Image.from_registry(f"{name}:1").config()
        asked.append(sorted((record.method, record.status) for record in records))
        assert {record.http_version for record in records} == {"HTTP/2" if http2 else "HTTP/1.1"}
    assert asked[0] == asked[1]


def test_many_threads_share_a_connection(
    client: Callable[..., Client], relay: Relay, repository: str
) -> None:
    """Uploads and downloads at once, larger than what flow control lets through at a time."""
    registry = client()
    digest = pushed(registry, repository, LARGE)

    def work(number: int) -> bool:
        data = SMALL + bytes([number])
        own = pushed(registry, f"{repository}/{number}", data)
        with ThreadPoolExecutor(1) as other:
            up = other.submit(pushed, registry, f"{repository}/{number}", LARGE[number:])
            is_right = b"".join(registry.blob(repository, digest, len(LARGE))) == LARGE
        return (
            is_right and up.result() and b"".join(registry.blob(f"{repository}/{number}", own, None)) == data
        )

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(work, range(4)))
    assert relay.connections == 1


def test_what_is_left_unread_takes_nothing_from_the_others(
    client: Callable[..., Client], relay: Relay, repository: str
) -> None:
    """Answers that are left in the middle, more of them than all windows hold, block nobody."""
    registry = client()
    digest = pushed(registry, repository, LARGE)
    kept = registry.blob(repository, digest, len(LARGE))
    next(kept)
    for _ in range(6):
        left = registry.blob(repository, digest, len(LARGE))
        next(left)
        left.close()  # type: ignore[attr-defined]
    assert b"".join(registry.blob(repository, digest, len(LARGE))) == LARGE
    assert len(b"".join(kept)) > len(LARGE) - (2 << 20)
    assert relay.connections == 1


def test_wrong_bytes_are_refused(client: Callable[..., Client], relay: Relay, repository: str) -> None:
    """What is verified does not depend on what it comes by; the others' connection stays."""
    registry = client()
    digest = pushed(registry, repository, LARGE)
    with pytest.raises(ContentMismatch):
        list(registry.blob(repository, digest, len(SMALL)))
    assert b"".join(registry.blob(repository, digest, len(LARGE))) == LARGE
    assert relay.connections == 1


def test_a_denied_push_sends_nothing(made: Tls, tmp_path: Path, records: list[RequestRecord]) -> None:
    """One request, and no byte of a layer; with the password it goes through."""
    files = Path(made.certificate), Path(str(made.key))
    auth = htpasswd_auth(tmp_path, {"me": "s3cret"})
    with DockerRegistry(tmp_path / "registry", auth=auth, tls=files) as registry:
        settings = {"hosts": {registry.host: li.Host(ca=made.certificate)}, "http2": True}
        with (
            li.Engine(**settings, keychain=li.StaticKeychain({}), on_request=records.append),  # type: ignore[arg-type]
            pytest.raises(PermissionError),
        ):
            layered(1 << 20).write(f"{registry.host}/app:1")
        assert [(one.method, one.status, one.bytes_sent) for one in records] == [("POST", 401, 0)]
        keychain = li.StaticKeychain({registry.host: ("me", "s3cret")})
        with li.Engine(**settings, keychain=keychain, on_request=records.append):  # type: ignore[arg-type]
            layered(1 << 20).write(f"{registry.host}/app:1")
        assert {one.http_version for one in records} == {"HTTP/2"}


@pytest.mark.usefixtures("engine")
@pytest.mark.parametrize("after", [3_000, 1 << 20, 4 << 20])
def test_a_cut_connection_is_made_again(relay: Relay, after: int, repository: str) -> None:
    """Whatever was under way on it goes on over the next one, and what arrives is right."""
    relay.cut_after = after
    image = layered(4 << 20, 1 << 20, 2 << 20)
    digest = image.write(f"{relay.host}/{repository}:1").digest
    assert relay.connections == 2
    pulled = li.Image.from_registry(f"{relay.host}/{repository}:1")
    assert pulled.digest() == digest
    assert pulled.files()["/0-4194304"].read() == bytes(4 << 20)


def test_a_connection_that_was_cut_while_idle_is_noticed(
    client: Callable[..., Client], relay: Relay, records: list[RequestRecord], repository: str
) -> None:
    """No request is lost to it, so none is sent twice."""
    registry = client(retries=0)
    digest = pushed(registry, repository, SMALL)
    relay.cut()
    threading.Event().wait(0.1)
    assert registry.head_blob(repository, digest) == len(SMALL)
    assert {record.status for record in records} == {201, 202, 200}
    assert relay.connections == 2


def test_an_exchange_is_ended_and_the_others_go_on(
    client: Callable[..., Client], relay: Relay, repository: str
) -> None:
    """A session that is aborted in the middle of an upload leaves the connection to the others."""
    registry = client()
    digest = pushed(registry, repository, LARGE)
    session = PushSession.open(registry, f"{repository}/other")
    upload, begun = session.begin(), threading.Event()

    class Endless:
        size = None

        def chunks(self, offset: int) -> Iterator[bytes]:
            del offset
            while True:
                begun.set()
                yield SMALL

    def send() -> BaseException | None:
        try:
            upload.send(Endless())  # type: ignore[arg-type]
        except Exception as error:  # noqa: BLE001 - looked at below
            return error
        return None

    with ThreadPoolExecutor(2) as pool:
        sending = pool.submit(send)
        assert begun.wait(10)
        reading = pool.submit(lambda: b"".join(registry.blob(repository, digest, len(LARGE))))
        session.abort()
        assert isinstance(sending.result(20), li.LazyImgError)
        assert reading.result(20) == LARGE
    assert relay.connections == 1


def test_a_source_that_fails_resets_its_own_stream(
    client: Callable[..., Client], relay: Relay, repository: str
) -> None:
    """Its own error comes out, and the connection is of use to the next one."""
    registry = client()

    class Failing:
        size = None

        def chunks(self, offset: int) -> Iterator[bytes]:
            del offset
            yield SMALL
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        registry.begin_upload(repository).send(Failing())  # type: ignore[arg-type]
    pushed(registry, repository, SMALL)
    assert relay.connections == 1


def test_a_server_that_falls_silent_is_given_up(
    client: Callable[..., Client], relay: Relay, repository: str
) -> None:
    """By the limits of who waits; and nobody else is sent to wait there."""
    digest = pushed(client(), repository, SMALL)
    registry = client(timeout=Timeouts(connect=5, silence=1, total=2), retries=0)
    registry.ping()
    relay.hold()
    with pytest.raises(RegistryUnreachable):
        registry.head_blob(repository, digest)
    relay.go_on()
    assert registry.head_blob(repository, digest) == len(SMALL)
    assert relay.connections == 3


def test_an_engine_that_is_closed_closes_it(engine: li.Engine, relay: Relay, repository: str) -> None:
    """And makes another one when it is used again."""
    layered(10).write(f"{relay.host}/{repository}:1")
    engine.close()
    layered(10).write(f"{relay.host}/{repository}:2")
    assert relay.connections == 2


# --- with others -----------------------------------------------------------------------------------------


def test_who_speaks_http_1_1_alone_is_spoken_to_so(made: Tls, records: list[RequestRecord]) -> None:
    """The embedded registry agrees on nothing else, with TLS or without; one connection finds that out."""
    for tls in (made, None):
        with li.Registry(tls=tls) as registry, Relay(registry.host) as relay:
            hosts = {relay.host: registry.settings}
            with li.Engine(jobs=4, http2=True, hosts=hosts, on_request=records.append):
                digest = layered(1 << 20, 2 << 20, 3 << 20).write(f"{relay.host}/app:1").digest
                assert li.Image.from_registry(f"{relay.host}/app:1").digest() == digest
            with Client(relay.host, http2=True, **_trusting(registry)) as client:
                before = relay.connections
                for _ in range(3):
                    client.ping()
                assert relay.connections - before == (1 if tls is None else 2)
    assert {record.http_version for record in records} == {"HTTP/1.1"}


def _trusting(registry: li.Registry) -> dict[str, Any]:
    said = registry.settings
    return {"scheme": said["scheme"], "tls": pools.Tls(ca=said["ca"])} if said else {}


def test_a_certificate_that_is_not_trusted(go_registry: DockerRegistry, relay: Relay) -> None:
    """The words are those of HTTP/1.1, and nobody tries again."""
    for http2 in (True, False):
        hosts = {relay.host: li.Host(scheme="https", http2=http2)}
        with li.Engine(hosts=hosts), pytest.raises(RegistryUnreachable, match="name its authority with ca="):
            layered(1).write(f"{relay.host}/app:1")
    assert relay.connections == 2
    assert go_registry.begun_uploads("app") == []


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before anything is sent."""
    monkeypatch.setattr(pools, "find_spec", lambda _: None)
    with li.Engine(http2=True), pytest.raises(MissingExtra, match=r"lazyimg\[http2\]"):
        layered(1).write("registry.invalid/app:1")
