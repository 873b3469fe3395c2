"""HTTP/2 with servers that say no early, go away, fall silent, or talk nonsense."""

from __future__ import annotations

import socket
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import httpcore
import pytest
from h2.errors import ErrorCodes
from h2.events import ConnectionTerminated, DataReceived, RequestReceived, StreamEnded, StreamReset
from h2.settings import SettingCodes
from support.bodies import ListedBody
from support.h2_server import H2Server, Peer
from support.http_server import HttpServer
from support.programs import need

from lazyimg.errors import Denied, RegistryTimeout, RegistryUnreachable
from lazyimg.registry.client import Client
from lazyimg.registry.retry import Retries
from lazyimg.registry.transport.breaks import Disagreement
from lazyimg.registry.transport.network import Dialer
from lazyimg.registry.transport.pools import Tls as Trust
from lazyimg.registry.transport.tls_stream import TlsStream
from lazyimg.registry.transport.wire import Timeouts
from lazyimg.server.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import ExitStack

    from h2.events import Event

React = "Callable[[Peer, Event], None]"
QUICK = Retries(first=0.001, longest=0.01)
BODY = bytes(range(256)) * 4096


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Give a certificate of this machine that is its own authority."""
    need("openssl", "openssl")
    return Tls.self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def serve(made: Tls, _stack: ExitStack) -> Callable[..., H2Server]:
    """Give a function that starts such a server."""
    return lambda react, **settings: _stack.enter_context(
        H2Server((made.certificate, made.key), react, **settings)
    )


@pytest.fixture
def client(made: Tls, _stack: ExitStack) -> Callable[..., Client]:
    """Give a function that makes a client of it."""

    def make(server: H2Server, **settings: Any) -> Client:
        given = {"retries": 0, "tls": Trust(ca=made.certificate), "http2": True, "scheme": "https"}
        return _stack.enter_context(Client(server.host, **(given | settings)))

    return make


def answering(status: int, body: bytes = b"") -> Callable[[Peer, Event], None]:
    """React to every request with the same answer, when it is complete."""

    def react(peer: Peer, event: Event) -> None:
        if isinstance(event, StreamEnded):
            peer.answer(event.stream_id or 0, status, body)

    return react


def test_a_server_that_says_no_early_is_sent_no_more(
    serve: Callable[..., H2Server], client: Callable[..., Client]
) -> None:
    """Its answer counts, the rest of the body is not sent, and the stream is reset for it."""
    seen: list[Event] = []

    def react(peer: Peer, event: Event) -> None:
        seen.append(event)
        if isinstance(event, RequestReceived):
            is_patch = dict(event.headers or {})[b":method"] == b"PATCH"  # type: ignore[call-overload]
            peer.answer(event.stream_id or 0, 403 if is_patch else 202, location="/v2/a/blobs/uploads/1")

    server = serve(react)
    upload = client(server).begin_upload("a")
    with pytest.raises(Denied):
        upload.send(ListedBody(BODY * 64, piece=1 << 20))
    assert sum(len(event.data or b"") for event in seen if isinstance(event, DataReceived)) < 1 << 20
    assert len(server.peers) == 1


def test_windows_of_any_size(serve: Callable[..., H2Server], client: Callable[..., Client]) -> None:
    """A server that takes little at once gets all of it, as it makes room, and its settings may change."""
    got = bytearray()

    def react(peer: Peer, event: Event) -> None:
        if isinstance(event, DataReceived):
            got.extend(event.data or b"")
            peer.h2.acknowledge_received_data(event.flow_controlled_length or 0, event.stream_id or 0)
        if isinstance(event, StreamEnded):
            peer.answer(
                event.stream_id or 0, 202, location="/v2/a/blobs/uploads/1", range=f"0-{len(got) - 1}"
            )

    server = serve(react, settings={SettingCodes.INITIAL_WINDOW_SIZE: 1000})
    client(server).begin_upload("a").send(ListedBody(BODY, piece=100_000))
    assert bytes(got) == BODY


def test_a_server_that_goes_away_is_asked_again(
    serve: Callable[..., H2Server], client: Callable[..., Client]
) -> None:
    """On another connection, as after a cut; without tries left that is an error."""

    def react(peer: Peer, event: Event) -> None:
        if isinstance(event, StreamEnded):
            if peer is server.peers[0]:
                peer.h2.close_connection(ErrorCodes.NO_ERROR)
            else:
                peer.answer(event.stream_id or 0, 200)

    server = serve(react)
    with pytest.raises(RegistryUnreachable, match="it said that it goes away"):
        client(server).ping()
    server.peers.clear()
    client(server, retries=QUICK).ping()
    assert len(server.peers) == 2


def test_a_server_that_says_no_and_goes_away(
    serve: Callable[..., H2Server], client: Callable[..., Client]
) -> None:
    """What it said counts, though the connection is gone before the body is sent."""

    def react(peer: Peer, event: Event) -> None:
        if isinstance(event, RequestReceived):
            is_patch = dict(event.headers or {})[b":method"] == b"PATCH"  # type: ignore[call-overload]
            peer.answer(event.stream_id or 0, 403 if is_patch else 202, location="/v2/a/blobs/uploads/1")
            if is_patch:
                peer.flush()
                socket.socket.shutdown(peer.socket, socket.SHUT_RDWR)

    upload = client(serve(react)).begin_upload("a")
    with pytest.raises(Denied):
        upload.send(ListedBody(BODY * 64, piece=1 << 20))


@pytest.mark.parametrize("how", ["reset", "nonsense", "half"])
def test_what_breaks_is_tried_again(
    serve: Callable[..., H2Server], client: Callable[..., Client], how: str
) -> None:
    """A stream that is reset, a frame that cannot be, an answer that ends in its middle."""
    asked: list[int] = []

    def react(peer: Peer, event: Event) -> None:
        if not isinstance(event, StreamEnded):
            return
        stream = event.stream_id or 0
        asked.append(stream)
        if len(asked) > 1:
            peer.answer(stream, 200, b"{}")
        elif how == "reset":
            peer.h2.reset_stream(stream, ErrorCodes.INTERNAL_ERROR)
        elif how == "nonsense":
            peer.socket.sendall(b"\0\0\1\0\0\0\0\0\0x")  # data of no stream
        else:
            peer.h2.send_headers(stream, [(":status", "200")])
            peer.h2.send_data(stream, b"{")
            peer.h2.reset_stream(stream, ErrorCodes.CANCEL)

    server = serve(react)
    assert client(server, retries=QUICK).get_manifest("a", "1").data == b"{}"
    assert len(server.peers) == (2 if how == "nonsense" else 1)


def test_as_many_at_once_as_the_server_takes(
    serve: Callable[..., H2Server], client: Callable[..., Client]
) -> None:
    """For more there is another connection."""
    server = serve(answering(200, b"{}"), settings={SettingCodes.MAX_CONCURRENT_STREAMS: 1})
    registry = client(server)
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda _: registry.get_manifest("a", "1").data, range(40))
        assert set(found) == {b"{}"}


def test_a_server_that_takes_nothing_is_given_up(
    serve: Callable[..., H2Server], client: Callable[..., Client]
) -> None:
    """It never makes room for more of a body."""

    def react(peer: Peer, event: Event) -> None:
        if isinstance(event, RequestReceived) and (event.stream_id or 0) == 1:
            peer.answer(1, 202, location="/v2/a/blobs/uploads/1")

    server = serve(react)
    registry = client(server, timeout=Timeouts(connect=5, silence=0.7, total=2))
    upload = registry.begin_upload("a")
    with pytest.raises(RegistryTimeout):
        upload.send(ListedBody(BODY, piece=1 << 20))


def test_a_server_that_answers_nothing_is_given_up(
    serve: Callable[..., H2Server], client: Callable[..., Client]
) -> None:
    """In time, its stream is reset, and the next request goes over another connection."""
    seen: list[Event] = []

    def react(peer: Peer, event: Event) -> None:
        seen.append(event)
        if isinstance(event, StreamEnded) and peer is not server.peers[0]:
            peer.answer(event.stream_id or 0, 200)

    server = serve(react)
    registry = client(server, timeout=Timeouts(connect=5, silence=0.7, total=2))
    with pytest.raises(RegistryTimeout, match="did not answer in time"):
        registry.ping()
    registry.ping()
    assert any(isinstance(event, StreamReset | ConnectionTerminated) for event in seen)


def test_a_client_that_is_closed_while_it_waits(
    serve: Callable[..., H2Server], client: Callable[..., Client]
) -> None:
    """Whoever waits is told so, at once."""
    arrived = threading.Semaphore(0)

    def react(peer: Peer, event: Event) -> None:
        del peer
        if isinstance(event, StreamEnded):
            arrived.release()

    registry = client(serve(react))
    with ThreadPoolExecutor(2) as pool:
        waiting = [pool.submit(registry.ping) for _ in range(2)]
        assert all(arrived.acquire(timeout=10) for _ in waiting)
        registry.close()
        for each in waiting:
            with pytest.raises(RegistryUnreachable):
                each.result(10)


# --- TLS -------------------------------------------------------------------------------------------------


@pytest.fixture
def pair(made: Tls) -> Iterator[tuple[ssl.SSLSocket, TlsStream]]:
    """Give the two ends of a connection under TLS, the server's first."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(made.certificate, made.key)
    with socket.create_server(("127.0.0.1", 0)) as listener, ThreadPoolExecutor(1) as pool:

        def accept() -> ssl.SSLSocket:
            return context.wrap_socket(listener.accept()[0], server_side=True)

        accepted = pool.submit(accept)
        stream = Dialer("127.0.0.1").connect_tcp("127.0.0.1", listener.getsockname()[1], timeout=5)
        tls = TlsStream(stream.inner, Trust(ca=made.certificate).context(), "127.0.0.1", 5)
        server = accepted.result(10)
        yield server, tls
        server.close()
        tls.close()


def test_a_stream_under_tls(pair: tuple[ssl.SSLSocket, TlsStream]) -> None:
    """What is written on one end is read on the other, in any pieces, and the end is told."""
    server, tls = pair
    assert tls.protocol is None
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(tls.write, BODY, 10)
        got = b""
        while len(got) < len(BODY):
            got += server.recv(1 << 20)
        sent.result(10)
    assert got == BODY
    server.sendall(b"abc")
    assert (tls.read(2, 5), tls.read(2, 5)) == (b"ab", b"c")
    with pytest.raises(httpcore.ReadTimeout):
        tls.read(1, 0.05)
    with pytest.raises(NotImplementedError):
        tls.start_tls(ssl.create_default_context())
    server.sendall(b"last")
    server.unwrap = None  # type: ignore[method-assign, assignment]
    socket.socket.shutdown(server, socket.SHUT_WR)
    assert tls.read(10, 5) == b"last"
    assert tls.read(10, 5) == b""
    assert tls.read(10, 5) == b""


def test_a_stream_that_is_not_tls_any_more(pair: tuple[ssl.SSLSocket, TlsStream]) -> None:
    """Bytes that are no records end it, for reading and for writing."""
    server, tls = pair
    socket.socket.send(server, b"\x17\x03\x03\x00\x04junk")
    with pytest.raises(httpcore.ReadError):
        tls.read(10, 5)
    with pytest.raises(httpcore.WriteError):
        tls.write(b"more", 1)


def test_a_handshake_with_a_server_that_says_nothing(made: Tls) -> None:
    """It ends in time, and so does one with a server that goes away."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        limits = Timeouts(connect=0.4, silence=0.7, total=2)
        settings: dict[str, Any] = {"retries": 0, "http2": True, "scheme": "https", "timeout": limits}
        with (
            Client(host, tls=Trust(ca=made.certificate), **settings) as registry,
            pytest.raises(RegistryTimeout, match="accept a connection in time"),
        ):
            registry.ping()
    with (
        HttpServer(lambda exchange: exchange.answer(200)) as plain,
        Client(plain.host, tls=Trust(ca=made.certificate), **settings) as registry,
        pytest.raises(Disagreement, match="does not speak TLS"),
    ):
        registry.ping()
