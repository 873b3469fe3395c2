"""A registry that is not there, hangs or drips is given up in time; one that is slow is not."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from support.bodies import ListedBody, some_bytes
from support.clock import ends_within
from support.http_server import Exchange, HttpServer
from support.ports import free_port

from lazyimg.errors import RegistryError, RegistryTimeout, RegistryUnreachable
from lazyimg.oci.digest import Digest
from lazyimg.registry.client import Client
from lazyimg.registry.retry import Retries
from lazyimg.registry.transport.wire import Timeouts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.keeping_registry import KeepingRegistry

pytestmark = pytest.mark.timeout(60)
DATA = some_bytes(300_000)


@contextlib.contextmanager
def speaking(respond: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """Give the host of a server that handles bare connections, told when the test ends."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)

        def serve(connection: socket.socket) -> None:
            with connection, contextlib.suppress(OSError):
                respond(connection, over)

        def accept() -> None:
            while not over.is_set():
                with contextlib.suppress(TimeoutError):
                    connection, _ = listener.accept()
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        over.set()
        acceptor.join()


def hang(_: socket.socket, over: threading.Event) -> None:
    """Take nothing and say nothing."""
    over.wait(60)


def test_defaults_end_within_twenty_seconds() -> None:
    """Whatever single limits there are, all together is 20 s."""
    limits = Timeouts()
    assert limits.total == 20
    assert limits.connect + limits.silence <= limits.total
    retries = Retries()
    assert sum(retries.pause(attempt, spread=1) for attempt in range(retries.count)) < limits.total
    assert Timeouts.of(limits) is limits
    assert Timeouts.of(None) == limits


@pytest.mark.parametrize("action", ["ping", "begin", "read"])
def test_silent_registry(client: Callable[..., Client], action: str) -> None:
    """A registry that accepts and never answers ends all that asks it, retries included."""
    with speaking(hang) as host:
        registry = client(host, timeout=0.6)
        actions = {
            "ping": registry.ping,
            "begin": lambda: registry.begin_upload("me/app"),
            "read": lambda: list(registry.blob("me/app", Digest.of(DATA), None)),
        }
        words = f"{host} did not answer in time; timeout= .* 0.6 s"
        with ends_within(8), pytest.raises(RegistryTimeout, match=words):
            actions[action]()


def test_silent_token_service(client: Callable[..., Client]) -> None:
    """A token service that never answers ends what needs its token, all tries together in the one limit."""

    def respond(exchange: Exchange) -> None:
        if exchange.path == "/token":
            over.wait(60)
        realm = f'Bearer realm="http://{server.host}/token",service="s"'
        exchange.answer(401, headers={"WWW-Authenticate": realm})

    over = threading.Event()
    limits = Timeouts(connect=1, silence=0.5, total=0.8)
    with HttpServer(respond) as server:
        with pytest.raises(RegistryTimeout, match="cannot get a token"):
            client(server.host, timeout=limits, retries=Retries(count=9, first=0.001)).ping()
        over.set()
        assert server.log.count("GET /token") <= 3


def test_silence_behind_the_head_of_an_answer(client: Callable[..., Client]) -> None:
    """A registry that begins to answer and then is silent, each time anew, ends within the one limit."""

    def respond(exchange: Exchange) -> None:
        exchange.answer(200, b"", length=len(DATA))
        over.wait(60)

    over = threading.Event()
    limits = Timeouts(connect=1, silence=0.5, total=0.8)
    with HttpServer(respond) as server:
        registry = client(server.host, timeout=limits, retries=Retries(count=9, first=0.001))
        with pytest.raises(RegistryTimeout):
            list(registry.blob("me/app", Digest.of(DATA), len(DATA)))
        over.set()
        assert len(server.log) <= 3


@pytest.mark.parametrize("status", [200, 401, 503])
def test_silence_behind_the_heads_of_all_answers(client: Callable[..., Client], status: int) -> None:
    """It is no other with documents, nor with refusals, of which the body tells no more than why."""

    def respond(exchange: Exchange) -> None:
        exchange.answer(status, b"", length=1000, headers={"WWW-Authenticate": "Basic"})
        over.wait(60)

    over = threading.Event()
    limits = Timeouts(connect=1, silence=0.5, total=0.8)
    with HttpServer(respond) as server:
        registry = client(server.host, timeout=limits, retries=Retries(count=9, first=0.001))
        start = time.monotonic()
        with pytest.raises(RegistryError if status > 200 else RegistryTimeout):
            registry.get_manifest("me/app", "v1")
        assert time.monotonic() - start < 2
        over.set()


def test_silence_behind_the_head_of_a_redirect(client: Callable[..., Client]) -> None:
    """Nor does a redirect that is whole make up for what it leads to."""

    def respond(exchange: Exchange) -> None:
        if exchange.path == "/elsewhere":
            exchange.answer(200, b"", length=1000)
            over.wait(60)
        exchange.answer(307, headers={"Location": "/elsewhere"})

    over = threading.Event()
    limits = Timeouts(connect=1, silence=0.5, total=0.8)
    with HttpServer(respond) as server:
        registry = client(server.host, timeout=limits, retries=Retries(count=9, first=0.001))
        with pytest.raises(RegistryTimeout):
            registry.get_manifest("me/app", "v1")
        over.set()
        assert server.log.count("GET /elsewhere") <= 3


def test_silence_in_the_middle_of_an_upload(client: Callable[..., Client]) -> None:
    """A registry that takes a part of a body and then nothing is given up; so is its status."""

    def respond(exchange: Exchange) -> None:
        if exchange.method == "POST":
            exchange.answer(202, headers={"Location": "/upload"})
        else:
            over.wait(60)

    over = threading.Event()
    with HttpServer(respond) as server:
        upload = client(server.host, timeout=1).begin_upload("me/app")
        with ends_within(15), pytest.raises(TimeoutError, match="did not"):
            upload.send(ListedBody(bytes(64 << 20), piece=1 << 20))
        over.set()


def drip(connection: socket.socket, over: threading.Event) -> None:
    """Answer one byte at a time, for ever."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")
    while not over.wait(0.02):
        connection.sendall(b"X")


def drip_body(connection: socket.socket, over: threading.Event) -> None:
    """Answer with a body of one byte at a time."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
    while not over.wait(0.02):
        connection.sendall(b"X")


def flood(connection: socket.socket, over: threading.Event) -> None:
    """Answer that the answer will come, for ever and at full speed."""
    connection.recv(65536)
    while not over.is_set():
        connection.sendall(b"HTTP/1.1 102 Processing\r\n\r\n" * 100)


@pytest.mark.parametrize("respond", [drip, drip_body, flood])
@pytest.mark.parametrize("action", ["manifest", "blob"])
def test_answers_that_never_end(
    client: Callable[..., Client], respond: Callable[[socket.socket, threading.Event], None], action: str
) -> None:
    """A drip is no sign of life, nor is a flood of nothing."""
    with speaking(respond) as host:
        registry = client(host, timeout=0.5, retries=0)
        actions = {
            "manifest": lambda: registry.get_manifest("me/app", "v1"),
            "blob": lambda: list(registry.blob("me/app", Digest.of(DATA), 99999)),
        }
        with ends_within(8), pytest.raises(RegistryTimeout):
            actions[action]()


def test_slow_consumer_is_no_fault_of_the_registry(client: Callable[..., Client]) -> None:
    """Time that our own side takes between two reads does not count."""
    with HttpServer(lambda exchange: exchange.answer(200, DATA)) as server:
        seen = b""
        for chunk in client(server.host, timeout=0.4, retries=0).blob("me/app", Digest.of(DATA), len(DATA)):
            seen += chunk
            time.sleep(0.3)
        assert seen == DATA


def test_slow_source_is_no_fault_of_the_registry(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """Time that the body takes between two pieces does not count."""
    body = ListedBody(DATA, piece=100_000, before=lambda offset: time.sleep(0.5))  # noqa: ARG005
    upload = client(keeping.host, timeout=0.4, retries=0).begin_upload("me/app")
    upload.send(body)
    upload.commit(Digest.of(DATA))
    assert keeping.blobs == {Digest.of(DATA): DATA}


def test_source_that_ends_late_is_no_fault_of_the_registry(
    client: Callable[..., Client], keeping: KeepingRegistry
) -> None:
    """Time that the body takes to say that nothing more comes does not count."""

    class EndsLate(ListedBody):
        def chunks(self, offset: int) -> Iterator[bytes | memoryview]:
            yield from super().chunks(offset)
            time.sleep(0.8)

    upload = client(keeping.host, timeout=0.4, retries=0).begin_upload("me/app")
    upload.send(EndsLate(DATA))
    upload.commit(Digest.of(DATA))
    assert keeping.methods == ["POST", "PATCH", "PUT"]


def test_slow_line_is_waited_for(client: Callable[..., Client], keeping: KeepingRegistry) -> None:
    """What the kernel still has to send counts as progress, though no write and no read ends."""

    def slowly(exchange: Exchange) -> bool:
        if exchange.method == "PATCH":
            begun = keeping.uploads["1"]
            for part in exchange.body():
                begun.data += part
                time.sleep(0.012)
            keeping._accept(exchange, "1", exchange.path, 202)
            return True
        return False

    keeping.hook = slowly
    data = bytes(6 << 20)
    upload = client(
        keeping.host, timeout=Timeouts(connect=1, silence=0.25, total=0.4), retries=0
    ).begin_upload("a/b")
    upload.send(ListedBody(data, piece=1 << 20))
    upload.commit(Digest.of(data))
    assert list(keeping.blobs) == [Digest.of(data)]


def test_busy_registry_is_alive(client: Callable[..., Client]) -> None:
    """A wait that the registry asked for is waited, and not counted against its patience."""
    answers = iter([429, 429, 200])

    def respond(exchange: Exchange) -> None:
        exchange.answer(next(answers), headers={"Retry-After": "1"})

    with HttpServer(respond) as server:
        began = time.monotonic()
        client(server.host, timeout=0.5).ping()
        assert len(server.log) == 3
        assert time.monotonic() - began >= 2


@pytest.mark.parametrize("value", ["3600", "Thu, 01 Jan 2099 00:00:00 GMT"])
def test_wait_beyond_the_cap(client: Callable[..., Client], value: str) -> None:
    """A wait longer than we would is told, and not begun."""
    respond = lambda exchange: exchange.answer(429, headers={"Retry-After": value})  # noqa: E731
    with HttpServer(respond) as server:
        with pytest.raises(RegistryError, match="429") as raised:
            client(server.host).ping()
        assert len(server.log) == 1
    assert "longer than the 30 s we would" in raised.value.__notes__[0]


def test_retries_are_bounded(client: Callable[..., Client]) -> None:
    """As many as were asked for, and none if none were."""
    for retries in (0, 3):
        with HttpServer(lambda exchange: exchange.answer(500)) as server:
            with pytest.raises(RegistryError, match="500"):
                client(server.host, retries=Retries(count=retries, first=0)).ping()
            assert len(server.log) == retries + 1
    assert Client("a.example", retries=7)._conversation.retries.count == 7
    assert Client("a.example")._conversation.retries == Retries()


def test_recovery_from_a_restart(client: Callable[..., Client]) -> None:
    """A registry that is away for a moment is found again."""
    port = free_port()
    back: list[HttpServer] = []

    def come_back() -> None:
        back.append(HttpServer(lambda exchange: exchange.answer(200), port).__enter__())

    timer = threading.Timer(0.4, come_back)
    timer.start()
    client(f"127.0.0.1:{port}", retries=Retries(count=9, first=0.1)).ping()
    timer.join()
    back[0].__exit__()


def test_names_that_do_not_resolve(client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch) -> None:
    """A name that nobody knows is said so."""

    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    words = r"reg\.lan:5000 cannot be reached \(the name does not resolve.*\); check how its name is written"
    with pytest.raises(RegistryUnreachable, match=words):
        client("reg.lan:5000", insecure=True, retries=1).ping()
