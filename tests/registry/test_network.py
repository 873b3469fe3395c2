"""Connections: which address, how long, by way of whom, and over which TLS."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import ssl
import subprocess
import threading
import time
from typing import TYPE_CHECKING, Any

import httpcore
import httpx
import pytest
from support.bodies import ListedBody
from support.http_server import Exchange, HttpServer
from support.ports import free_port
from support.programs import need

import lazyimg as li
from lazyimg.errors import InvalidSetting, MissingExtra, RegistryUnreachable
from lazyimg.oci.digest import Digest
from lazyimg.registry.client import Client
from lazyimg.registry.keychains.keychain import StaticKeychain
from lazyimg.registry.transport import network
from lazyimg.registry.transport.network import Call, CallStream, Dialer, calling, unsent_bytes
from lazyimg.registry.transport.outgoing import Outgoing
from lazyimg.registry.transport.pools import Tls
from lazyimg.registry.transport.wire import RequestRecord, Untrusted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

DATA = b"some data"


def resolving(monkeypatch: pytest.MonkeyPatch, *addresses: tuple[str, int]) -> list[str]:
    """Make every name resolve to these addresses; return the list of names that are looked up."""
    names: list[str] = []
    original = socket.getaddrinfo

    def look_up(host: str, *rest: Any, **more: Any) -> list[Any]:
        if host[0].isdigit():
            return original(host, *rest, **more)
        names.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    return names


# --- names -----------------------------------------------------------------------------------------------


def test_a_name_in_letters_of_its_own_is_the_registry_s(
    client: Callable[..., Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The registry that the user named may be anywhere, also if its name stands for other letters."""
    resolving(monkeypatch, ("127.0.0.1", 0))
    with HttpServer(lambda exchange: exchange.answer(200)) as server:
        port = server.host.rpartition(":")[2]
        client(f"xn--bcher-kva.example:{port}", scheme="http", retries=0).ping()


# --- calls -----------------------------------------------------------------------------------------------


def test_call_without_limits() -> None:
    """A call that is not bounded leaves every limit as it is."""
    call = Call()
    assert call.left is None
    assert call.limit_read(None) is None
    assert call.limit_read(7) == 7
    assert call.limit_write(7) == 7
    call.check()
    call.interrupt()


def test_call_bounds_reads_by_patience_and_all_by_time() -> None:
    """Patience bounds what waits for the other side; the time that is set bounds everything."""
    call = Call(patience=10, until=0.0)
    assert call.limit_read(7) == 0.001
    assert call.limit_write(None) == 0.001
    with pytest.raises(httpcore.ReadTimeout):
        call.check()
    patient = Call(patience=10)
    patient.allowance = 5
    patient.alive(waited=3)
    assert patient.limit_read(7) == pytest.approx(12, abs=0.5)
    assert patient.limit_read(99) == pytest.approx(12, abs=0.5)
    assert patient.limit_write(7) == 7
    assert patient.waited == pytest.approx(3, abs=0.5)


def test_interrupted_before_it_had_a_connection() -> None:
    """A call that was interrupted early is cut as soon as it gets a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = Dialer("127.0.0.1").connect_tcp("127.0.0.1", listener.getsockname()[1], timeout=5)
        call = Call()
        call.interrupt()
        with calling(call):
            assert stream.read(10, timeout=5) == b""
        stream.close()
        assert unsent_bytes(stream.get_extra_info("socket")) == 0


def test_interrupt_wakes_the_thread_that_waits() -> None:
    """A thread that waits for an answer is free as soon as another interrupts its call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stream = Dialer("127.0.0.1").connect_tcp("127.0.0.1", listener.getsockname()[1], timeout=5)
        call = Call()
        timer = threading.Timer(0.1, call.interrupt)
        timer.start()
        with calling(call):
            assert stream.read(10, timeout=30) == b""
        timer.join()
        stream.close()


class Silent(httpcore.NetworkStream):
    """A connection whose other side says nothing; notes how long it was waited for."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002
        """Wait in vain."""
        self.waits.append(timeout or 0.0)
        time.sleep(timeout or 0.0)
        raise httpcore.ReadTimeout("silence")

    def get_extra_info(self, info: str) -> Any:  # noqa: ARG002
        """Know nothing of a socket."""
        return None


@pytest.mark.parametrize("unsent", [[0], [500, 0], [500, 300, 0], [500, 300, 300, 300, 300, 300, 300, 300]])
def test_what_leaves_late_does_not_double_the_silence(
    monkeypatch: pytest.MonkeyPatch, unsent: list[int]
) -> None:
    """Silence is counted from when the last byte left, and not anew from a whole silence later."""
    left = iter(unsent)
    monkeypatch.setattr(network, "unsent_bytes", lambda _: next(left, unsent[-1]))
    silent, call = Silent(), Call(patience=99)
    call.alive(waited=50)
    with calling(call), pytest.raises(httpcore.ReadTimeout):
        CallStream(silent).read(10, timeout=0.5)
    assert sum(silent.waits) < 0.9, silent.waits
    assert call.waited >= 50  # that bytes leave does not make up for what was waited before


# --- dialling --------------------------------------------------------------------------------------------


def test_every_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that accepts is taken; names are looked up once in a while, not each time."""
    with HttpServer(lambda exchange: exchange.answer(200)) as server:
        names = resolving(monkeypatch, ("127.0.0.9", 1), ("127.0.0.1", 1), ("127.0.0.1", 1))
        dialer = Dialer("reg.lan")
        for timeout in (5, None):
            dialer.connect_tcp("reg.lan", server.server_port, timeout=timeout).close()
        assert names == ["reg.lan"]
    with pytest.raises(httpcore.ConnectError):
        dialer.connect_tcp("reg.lan", free_port(), timeout=5)


def test_names_below_localhost() -> None:
    """``*.localhost`` is this machine, whatever the resolver knows."""
    with HttpServer(lambda exchange: exchange.answer(200)) as server:
        with Client(f"reg.localhost:{server.server_port}") as registry:
            registry.ping()
        with Client(f"localhost:{server.server_port}") as registry:
            registry.ping()
        assert server.log == ["GET /v2/"] * 2


def test_connections_are_watched_by_the_kernel() -> None:
    """A peer that vanished is noticed even while nothing is written."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        dialer = Dialer("127.0.0.1", dead_after=9)
        stream = dialer.connect_tcp("127.0.0.1", listener.getsockname()[1], timeout=5)
        sock = stream.get_extra_info("socket")
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 9000
        stream.close()


def test_platform_without_those_options(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system knows no such option, connections are made all the same."""
    monkeypatch.delattr(socket, "TCP_USER_TIMEOUT")
    with HttpServer(lambda exchange: exchange.answer(200)) as server, Client(server.host) as registry:
        registry.ping()


def test_connections_are_used_again() -> None:
    """Requests in a row share one connection."""
    ports: set[int] = set()

    def respond(exchange: Exchange) -> None:
        ports.add(exchange._handler.client_address[1])
        exchange.read()
        exchange.answer(404)

    with HttpServer(respond) as server, Client(server.host) as registry:
        for _ in range(4):
            assert registry.head_blob("me/app", Digest.of(DATA)) is None
            with pytest.raises(LookupError):
                registry.get_manifest("me/app", "v1")
    assert len(ports) == 1


# --- bodies ----------------------------------------------------------------------------------------------


def test_body_that_is_left_in_the_middle_has_not_failed() -> None:
    """A connection that stops taking a body is no fault of the body."""
    body = Outgoing(iter([b"", b"one", memoryview(b"two")]), None, lambda sent: None)  # noqa: ARG005
    pieces = iter(body)
    assert next(pieces) == b"one"
    pieces.close()  # type: ignore[attr-defined]
    assert (body.failure, body.is_exhausted, body.sent) == (None, False, 0)
    body.close()


def test_body_that_is_a_list() -> None:
    """A body may be anything that can be iterated."""
    seen: list[int] = []
    body = Outgoing([b"one", bytearray(b"two")], 6, seen.append)  # type: ignore[list-item]
    assert b"".join(body) == b"onetwo"
    assert (body.is_exhausted, body.sent) == (True, 6)
    assert seen == [0, 3, 6]
    body.close()


# --- TLS -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file with a certificate for reg.lan and its key."""
    directory = tmp_path_factory.mktemp("tls")
    program = need("openssl", "openssl")
    subprocess.run(
        [
            *(program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
            *("-subj", "/CN=reg.lan", "-addext", "subjectAltName=DNS:reg.lan"),
            *("-keyout", str(directory / "key.pem"), "-out", str(directory / "cert.pem")),
        ],
        check=True,
        capture_output=True,
    )
    both = directory / "both.pem"
    both.write_text((directory / "cert.pem").read_text() + (directory / "key.pem").read_text())
    return both


@pytest.fixture
def secure(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpServer]:
    """Give a server that speaks https as reg.lan, and wants to see a certificate if there is one."""

    def respond(exchange: Exchange) -> None:
        exchange.read()
        shown = exchange._handler.connection.getpeercert(binary_form=True)  # type: ignore[attr-defined]
        location = {"Location": "/v2/me/app/blobs/uploads/1"}
        exchange.answer(201 if exchange.method == "PUT" else 202, b"shown" if shown else b"none", location)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(certificate)
    with HttpServer(respond) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        resolving(monkeypatch, ("127.0.0.1", server.server_port))
        yield server


def test_own_authority(secure: HttpServer, certificate: Path) -> None:
    """A registry with a certificate of one's own is trusted if its authority is named; all works over TLS."""
    records: list[RequestRecord] = []
    host = f"reg.lan:{secure.server_port}"
    with Client(host, tls=Tls(ca=certificate), observer=records.append) as registry:
        upload = registry.begin_upload("me/app")
        upload.send(ListedBody(bytes(3 << 20), piece=1 << 20))
        upload.commit(Digest.of(bytes(3 << 20)))
    assert [record.method for record in records] == ["POST", "PATCH", "PUT"]
    assert records[0].url == f"https://{host}/v2/me/app/blobs/uploads/"


@pytest.mark.parametrize("pair", [True, False], ids=["two files", "one file"])
def test_own_certificate(secure: HttpServer, certificate: Path, *, pair: bool) -> None:
    """A certificate is shown to a registry that asks for one."""
    own = (certificate.with_name("cert.pem"), certificate.with_name("key.pem")) if pair else certificate
    tls = Tls(ca=certificate, client_cert=own)
    assert "key.pem" not in repr(tls)
    with Client(f"reg.lan:{secure.server_port}", tls=tls) as registry:
        assert registry.get_manifest("me/app", "v1").data == b"shown"
    with Client(f"reg.lan:{secure.server_port}", tls=Tls(ca=certificate)) as registry:
        assert registry.get_manifest("me/app", "v1").data == b"none"


def test_untrusted_certificate(secure: HttpServer) -> None:
    """A certificate of nobody's is refused at once, and the message says what to do."""
    stranger = Client(f"reg.lan:{secure.server_port}")
    with stranger as registry, pytest.raises(Untrusted, match="name its authority with ca="):
        registry.ping()
    assert secure.log == []


def test_plain_http_builds_no_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    """What costs 26 ms is built at the first https host only."""

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("TLS for plain http")

    monkeypatch.setattr(httpx, "create_ssl_context", forbidden)
    monkeypatch.setattr(ssl, "create_default_context", forbidden)
    with HttpServer(lambda exchange: exchange.answer(200)) as server, Client(server.host) as registry:
        registry.ping()


# --- proxies ---------------------------------------------------------------------------------------------


@pytest.fixture
def proxy() -> Iterator[HttpServer]:
    """Give a proxy that answers by itself, whatever is asked for."""
    with HttpServer(lambda exchange: exchange.answer(200, b"by proxy")) as server:
        yield server


def test_named_proxy(proxy: HttpServer) -> None:
    """A proxy that is named carries everything, with its own authorization; no name is looked up."""
    address = f"http://user:pass@{proxy.host}"
    with Client("reg.lan:5000", insecure=True, proxy=address) as registry:
        assert registry.get_manifest("me/app", "v1").data == b"by proxy"
    [exchange] = proxy.exchanges
    assert exchange.target == "http://reg.lan:5000/v2/me/app/manifests/v1"
    assert exchange.headers["Proxy-Authorization"] == "Basic dXNlcjpwYXNz"
    assert exchange.headers["Authorization"] is None


@pytest.mark.parametrize("form", ["http://{}", "{}"])
def test_proxy_of_the_environment(
    proxy: HttpServer, monkeypatch: pytest.MonkeyPatch, form: str, client: Callable[..., Client]
) -> None:
    """The environment's proxy is used, except for the hosts it excepts, with their port or without."""
    resolving(monkeypatch, ("127.0.0.1", 0))
    monkeypatch.setenv("http_proxy", form.format(proxy.host))
    with HttpServer(lambda exchange: exchange.answer(200, b"itself")) as server:
        port = server.host.rpartition(":")[2]
        monkeypatch.setenv("no_proxy", f"itself.example,other.example:{port},reg.lan:1")
        assert client("reg.lan", insecure=True).get_manifest("me/app", "v1").data == b"by proxy"
        for host in ("itself.example", "other.example"):
            found = client(f"{host}:{port}", insecure=True).get_manifest("me/app", "v1")
            assert found.data == b"itself"
    assert len(proxy.exchanges) == 1


def test_proxy_of_the_environment_is_not_told_what_this_machine_is(
    proxy: HttpServer, monkeypatch: pytest.MonkeyPatch, client: Callable[..., Client]
) -> None:
    """Loopback is spoken to in plain text because nobody else hears it, passwords too: never by a proxy."""
    monkeypatch.setenv("http_proxy", f"http://{proxy.host}")
    monkeypatch.delenv("no_proxy", raising=False)

    def ask(exchange: Exchange) -> None:
        is_known = exchange.headers["Authorization"] is not None
        exchange.answer(200 if is_known else 401, headers={"WWW-Authenticate": "Basic realm=x"})

    with HttpServer(ask) as server:
        for host in (server.host, server.host.replace("127.0.0.1", "localhost")):
            client(host, keychain=StaticKeychain({host: ("me", "s3cret")})).ping()
        assert len(server.exchanges) == 4
    assert proxy.exchanges == []


NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")


@pytest.mark.parametrize("names", [*((name,) for name in NAMES), NAMES])
def test_a_registry_on_this_machine_needs_no_exception(
    monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...]
) -> None:
    """The environment's proxies, that are not there, keep nobody from loopback, in plain text and by TLS."""
    for name in (*NAMES, "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    for name in names:
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    for tls in (False, True):
        with li.Registry(tls=tls) as own, li.Engine(hosts={own.host: own.settings}, retries=0):
            li.Image.empty().write(f"{own.host}/empty:1")
            assert own.traffic().requests["PUT manifest"] == 1


def test_named_proxy_is_used_on_this_machine_too(proxy: HttpServer, client: Callable[..., Client]) -> None:
    """Who names a proxy means it."""
    with HttpServer(lambda exchange: exchange.answer(200, b"itself")) as server:
        named = client(server.host, proxy=f"http://{proxy.host}")
        assert named.get_manifest("me/app", "v1").data == b"by proxy"
        assert server.exchanges == []


def test_proxy_that_is_not_there() -> None:
    """A proxy that cannot be reached is an unreachable registry, and is named, without its password."""
    for host in ("127.0.0.1", "localhost"):
        address = f"{host}:{free_port()}"
        lost = Client("reg.lan", insecure=True, proxy=f"http://me:s3cret@{address}", retries=0)
        words = f"reg.lan cannot be reached: the proxy http://{address} cannot be reached .*; check proxy="
        with lost as registry, pytest.raises(RegistryUnreachable, match=words) as caught:
            registry.ping()
        assert "s3cret" not in str(caught.value)


def test_proxy_that_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    """A web server in its place is named, and what it answered; it is asked once for each try."""
    with HttpServer(lambda exchange: exchange.answer(501, b"<html>no</html>")) as server:
        monkeypatch.setenv("https_proxy", f"http://{server.host}")
        words = rf"reg\.lan cannot be reached: the proxy http://{server.host} does not let us through \(501\)"
        with Client("reg.lan", retries=0) as registry, pytest.raises(RegistryUnreachable, match=words):
            registry.ping()


@pytest.mark.parametrize("address", ["http://me:s3cret@[proxy:1", "http://me:s3cret\udc80@proxy:1"])
def test_proxy_of_the_environment_that_is_none(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """It is refused as one that is named, and nothing of it is repeated; whoever is told of requests, too."""
    monkeypatch.setenv("http_proxy", address)
    lost = Client("reg.lan", insecure=True, retries=0, observer=lambda record: None)  # noqa: ARG005
    with lost as registry, pytest.raises(InvalidSetting, match="the proxy's address") as caught:
        registry.ping()
    assert "s3cret" not in str(caught.value)


def test_proxy_of_socks_needs_a_library() -> None:
    """It is named, instead of a module that nobody knows."""
    lost = Client("reg.lan", proxy="socks5://127.0.0.1:1")
    with lost as registry, pytest.raises(MissingExtra, match="pip install socksio"):
        registry.ping()


def test_a_certificate_of_another_name(client: Callable[..., Client]) -> None:
    """That its authority is trusted is not the question: by which name to speak is."""
    need("openssl", "openssl")
    with li.Registry(tls=True) as own:
        port = own.host.rpartition(":")[2]
        with pytest.raises(Untrusted, match="certificate of another name; speak with it by a name that is"):
            client(f"other.localhost:{port}", ca=own.settings["ca"]).ping()


@pytest.mark.parametrize(
    ("code", "words"),
    [(10, "has expired"), (9, "not valid yet"), (64, "of another name"), (18, "name its authority with ca=")],
)
def test_what_is_wrong_with_a_certificate(code: int, words: str, client: Callable[..., Client]) -> None:
    """Each cause has its own advice, and is not tried again."""
    wrong = ssl.SSLCertVerificationError(1, "certificate verify failed")
    wrong.verify_code = code

    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no") from wrong

    with pytest.raises(Untrusted, match=words):
        client("reg.lan", transport=httpx.MockTransport(fail)).ping()


@pytest.mark.parametrize("timeout", [200_000, 1_000_000])
def test_limits_of_days(client: Callable[..., Client], timeout: int) -> None:
    """A limit that is longer than the kernel watches for is none that it refuses."""
    with HttpServer(lambda exchange: exchange.answer(200)) as server:
        client(server.host, timeout=timeout).ping()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_process_has_connections_of_its_own(client: Callable[..., Client]) -> None:
    """Over one that is shared with its parent, each would read answers that are the other's."""
    ports: list[int] = []

    def respond(exchange: Exchange) -> None:
        ports.append(exchange._handler.client_address[1])
        exchange.answer(200, b"some")

    with HttpServer(respond) as server:
        registry = client(server.host)
        registry.ping()
        child = os.fork()
        if not child:
            signal.alarm(20)
            with contextlib.suppress(BaseException):
                registry.get_manifest("me/app", "v1")
            os._exit(0)
        os.waitpid(child, 0)
        registry.ping()
        assert ports[0] == ports[2] != ports[1]
