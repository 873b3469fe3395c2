"""A registry can send us nowhere it should not, and learns nothing it was not told."""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bodies import ListedBody
from support.guard import ForeignAddress
from support.http_server import Exchange, HttpServer

from lazyimg.errors import RegistryError
from lazyimg.oci.digest import Digest
from lazyimg.registry.address import RefusedAddress, Zone, check_server, is_allowed, zone_of, zone_of_name
from lazyimg.registry.client import Client
from lazyimg.registry.keychain import StaticKeychain
from lazyimg.registry.network import Dialer

if TYPE_CHECKING:
    from collections.abc import Callable

DATA = b"some data"
DIGEST = Digest.of(DATA)
KEYS = ("me", "s3cret-passw0rd")


# --- the rules -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "zone"),
    [
        ("127.0.0.1", Zone.LOOPBACK),
        ("127.9.9.9", Zone.LOOPBACK),
        ("::1", Zone.LOOPBACK),
        ("[::1]", Zone.LOOPBACK),
        ("0.0.0.0", Zone.LOOPBACK),  # noqa: S104 - dialled, it is this machine
        ("::", Zone.LOOPBACK),
        ("::ffff:127.0.0.1", Zone.LOOPBACK),
        ("169.254.169.254", Zone.LINK_LOCAL),
        ("fe80::1%eth0", Zone.LINK_LOCAL),
        ("::ffff:169.254.169.254", Zone.LINK_LOCAL),
        ("10.1.2.3", Zone.PRIVATE),
        ("192.168.1.1", Zone.PRIVATE),
        ("172.16.0.1", Zone.PRIVATE),
        ("100.64.0.1", Zone.PRIVATE),
        ("fd00::1", Zone.PRIVATE),
        ("224.0.0.1", Zone.PRIVATE),
        ("1.1.1.1", Zone.PUBLIC),
        ("2606:4700::1", Zone.PUBLIC),
        ("ghcr.io", None),
        ("", None),
        ("127.1", None),
    ],
)
def test_zones(address: str, zone: Zone | None) -> None:
    """Every address has its zone, however it is written."""
    assert zone_of(address) is zone


def test_zones_of_names() -> None:
    """Some names tell their zone without being looked up."""
    assert zone_of_name("LOCALHOST.") is Zone.LOOPBACK
    assert zone_of_name("a.localhost") is Zone.LOOPBACK
    assert zone_of_name("10.0.0.1") is Zone.PRIVATE
    assert zone_of_name("notlocalhost") is None


def test_who_may_name_whom() -> None:
    """Link-local never, public always, loopback and private only from the same."""
    for home in (*Zone, None):
        assert not is_allowed(Zone.LINK_LOCAL, home)
        assert is_allowed(Zone.PUBLIC, home)
        assert is_allowed(Zone.LOOPBACK, home) == (home is Zone.LOOPBACK)
        assert is_allowed(Zone.PRIVATE, home) == (home is Zone.PRIVATE)


@pytest.mark.parametrize(
    ("scheme", "host", "home_scheme", "allowed"),
    [
        ("https", "auth.example", "https", True),
        ("https", "auth.example", "http", True),
        ("http", "auth.example", "http", True),
        ("http", "auth.example", "https", False),
        ("ftp", "auth.example", "http", False),
        ("file", "", "http", False),
        ("https", "169.254.169.254", "https", False),
        ("https", "10.0.0.1", "https", False),
        ("https", "localhost", "https", False),
    ],
)
def test_servers_a_public_registry_may_name(
    scheme: str, host: str, home_scheme: str, *, allowed: bool
) -> None:
    """Only public servers, and never by plain http from a registry that speaks https."""
    expected = contextlib.nullcontext() if allowed else pytest.raises(RefusedAddress, match="the realm")
    with expected:
        check_server(scheme, host, home_scheme=home_scheme, home=Zone.PUBLIC, what="the realm")


@given(st.text(max_size=30))
def test_zones_are_total(text: str) -> None:
    """Any text has a zone or none."""
    zone_of_name(text)


# --- seen from outside -----------------------------------------------------------------------------------

FORBIDDEN = [
    "http://169.254.169.254/latest",
    "http://[fe80::1]/",
    "http://10.0.0.1/x",
    "https://192.168.0.1/x",
    "ftp://127.0.0.1/x",
    "file:///etc/passwd",
    "http://[::1/",
    "http://127.0.0.1:99999/",
]


@pytest.mark.parametrize("address", FORBIDDEN)
def test_realms_that_are_refused(
    client: Callable[..., Client], address: str, foreign_attempts: list[str]
) -> None:
    """A token realm where no loopback registry may send us is refused before anything is dialled."""
    challenge = {"WWW-Authenticate": f'Bearer realm="{address}"'}
    with HttpServer(lambda exchange: exchange.answer(401, headers=challenge)) as server:
        registry = client(server.host, keychain=StaticKeychain({server.host: KEYS}))
        with pytest.raises(RefusedAddress, match=r"refused|none"):
            registry.get_manifest("me/app", "v1")
    assert foreign_attempts == []


@pytest.mark.parametrize("address", FORBIDDEN)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_that_are_refused(
    client: Callable[..., Client], address: str, status: int, foreign_attempts: list[str]
) -> None:
    """A redirect there is not followed."""
    moved = HttpServer(lambda exchange: exchange.answer(status, headers={"Location": address}))
    with moved as server, pytest.raises(RegistryError, match=r"refused|none"):
        list(client(server.host).blob("me/app", DIGEST, len(DATA)))
    assert foreign_attempts == []


@pytest.mark.parametrize("address", FORBIDDEN)
def test_locations_that_are_refused(
    client: Callable[..., Client], address: str, foreign_attempts: list[str]
) -> None:
    """An upload is not sent there, and none of its body is read."""
    body = ListedBody(DATA)
    with HttpServer(lambda exchange: exchange.answer(202, headers={"Location": address})) as server:
        registry = client(server.host)
        with pytest.raises(RegistryError, match=r"refused|none"):
            registry.begin_upload("me/app").send(body)
    assert foreign_attempts == []


def test_guard_sees_what_would_be_dialled(client: Callable[..., Client], foreign_attempts: list[str]) -> None:
    """A public server is followed, as it should be: the guard of these tests is what stops it."""
    with (
        HttpServer(
            lambda exchange: exchange.answer(307, headers={"Location": "https://cdn.example/"})
        ) as server,
        pytest.raises(ForeignAddress),
    ):
        list(client(server.host).blob("me/app", DIGEST, len(DATA)))
    assert foreign_attempts == ["cdn.example"]


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254"])
def test_name_that_resolves_where_it_should_not(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """A public name with an inner address is refused by what it resolves to."""
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]
    )
    dialer = Dialer("ghcr.io")
    dialer.home_zone = Zone.PUBLIC
    with pytest.raises(RefusedAddress, match="it resolves to"):
        dialer.connect_tcp("innocent.example", 443, timeout=1)


def test_named_registry_may_be_anywhere(
    monkeypatch: pytest.MonkeyPatch, client: Callable[..., Client]
) -> None:
    """The registry that the user named is dialled wherever it is, and its zone is learnt."""
    with HttpServer(lambda exchange: exchange.answer(200)) as server:
        port = server.server_port
        answer = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: answer)
        client(f"reg.lan:{port}", insecure=True).ping()
        assert server.log == ["GET /v2/"]


# --- credentials -----------------------------------------------------------------------------------------


def test_redirect_to_another_host_drops_authorization(client: Callable[..., Client]) -> None:
    """Storage elsewhere gets the request without the registry's authorization; the registry keeps it."""
    storage = HttpServer(lambda exchange: exchange.answer(200, DATA))

    def respond(exchange: Exchange) -> None:
        if exchange.headers["Authorization"] is None:
            exchange.answer(401, headers={"WWW-Authenticate": "Basic"})
        elif exchange.path.startswith("/v2/"):
            exchange.answer(302, b"moved", headers={"Location": "/elsewhere?sig=1"})
        else:
            exchange.answer(307, headers={"Location": f"http://{storage.host}/blob?sig=s3cret"})

    with storage, HttpServer(respond) as server:
        keychain = StaticKeychain({server.host: KEYS})
        registry = client(server.host, keychain=keychain)
        assert b"".join(registry.blob("me/app", DIGEST, len(DATA))) == DATA
        sent = [exchange.headers["Authorization"] for exchange in server.exchanges]
        assert [authorization is None for authorization in sent] == [True, False, False]
        [exchange] = storage.exchanges
        assert exchange.headers["Authorization"] is None


def test_401_from_elsewhere_is_not_answered(client: Callable[..., Client]) -> None:
    """Storage that asks for credentials gets none."""
    challenge = {"WWW-Authenticate": "Basic realm=x"}
    with HttpServer(lambda exchange: exchange.answer(401, headers=challenge)) as storage:
        address = {"Location": f"http://{storage.host}/"}
        with HttpServer(lambda exchange: exchange.answer(307, headers=address)) as server:
            keychain = StaticKeychain({server.host: KEYS, storage.host: KEYS})
            with pytest.raises(PermissionError):
                list(client(server.host, keychain=keychain).blob("me/app", DIGEST, len(DATA)))
        assert len(storage.exchanges) == 1


def test_location_on_another_host_gets_no_authorization(client: Callable[..., Client]) -> None:
    """An upload may go on elsewhere, without the registry's authorization."""
    seen: list[str | None] = []

    def store(exchange: Exchange) -> None:
        seen.append(exchange.headers["Authorization"])
        exchange.read()
        exchange.answer(201 if exchange.method == "PUT" else 202)

    with HttpServer(store) as storage:

        def respond(exchange: Exchange) -> None:
            if exchange.headers["Authorization"] is None:
                exchange.answer(401, headers={"WWW-Authenticate": "Basic"})
            else:
                exchange.answer(202, headers={"Location": f"http://{storage.host}/upload?sig=1"})

        with HttpServer(respond) as server:
            upload = client(server.host, keychain=StaticKeychain({server.host: KEYS})).begin_upload("me/app")
            upload.send(ListedBody(DATA))
            upload.commit(DIGEST)
    assert seen == [None, None]


def test_redirects_without_end(client: Callable[..., Client]) -> None:
    """A circle of redirects is left."""
    with HttpServer(lambda exchange: exchange.answer(302, headers={"Location": "/again"})) as server:
        with pytest.raises(RegistryError, match="more than 5 redirects"):
            client(server.host).get_manifest("me/app", "v1")
        assert len(server.log) == 5


def test_redirect_after_which_post_is_get(client: Callable[..., Client]) -> None:
    """303 is followed with GET, as HTTP says; a redirect without a place to go is an answer."""

    def respond(exchange: Exchange) -> None:
        if exchange.method == "POST":
            exchange.answer(303, headers={"Location": "/there"})
        else:
            exchange.answer(302)

    with HttpServer(respond) as server:
        with pytest.raises(RegistryError, match="answered 302"):
            client(server.host).begin_upload("me/app")
        assert server.log == ["POST /v2/me/app/blobs/uploads/", "GET /there"]


def test_plain_http_from_an_https_registry(foreign_attempts: list[str]) -> None:
    """A registry that speaks https cannot send us to plain http, not even on itself."""
    places = iter(["http://ghcr.io/v2/", "http://auth.example/token"])

    def respond(request: httpx.Request) -> httpx.Response:
        place = next(places)
        if request.method == "GET":
            return httpx.Response(307, headers={"Location": place})
        return httpx.Response(401, headers={"WWW-Authenticate": f'Bearer realm="{place}"'})

    with Client("ghcr.io", transport=httpx.MockTransport(respond)) as registry:
        with pytest.raises(RefusedAddress, match=r"the redirect at ghcr\.io is refused: plain http"):
            registry.ping()
        with pytest.raises(RefusedAddress, match=r"the token realm at auth\.example is refused: plain http"):
            registry.begin_upload("me/app")
    assert foreign_attempts == []


# --- sizes and shapes ------------------------------------------------------------------------------------


def test_error_body_over_the_limit(client: Callable[..., Client]) -> None:
    """An error of many megabytes is read to a limit, and its status still told."""
    verbose = HttpServer(lambda exchange: exchange.answer(403, bytes(3 << 20)))
    with verbose as server, pytest.raises(PermissionError, match="answered 403"):
        client(server.host).get_manifest("me/app", "v1")


def test_error_body_that_breaks_off(client: Callable[..., Client]) -> None:
    """An error whose body is cut is still that error."""

    def respond(exchange: Exchange) -> None:
        exchange.answer(403, b"x", length=1000)
        exchange.cut()

    with HttpServer(respond) as server, pytest.raises(PermissionError, match="answered 403"):
        client(server.host).get_manifest("me/app", "v1")


@pytest.mark.parametrize("answer", [b"junk\r\n\r\n", b"HTTP/1.1 200 OK\r\nX" + b"x" * 200_000, b"\x00" * 100])
def test_what_is_no_http(client: Callable[..., Client], answer: bytes) -> None:
    """Something that does not speak HTTP is said to break the connection; its words are not repeated."""

    def respond(exchange: Exchange) -> None:
        exchange.write(answer)
        exchange.cut()

    with HttpServer(respond) as server, pytest.raises(ConnectionError) as raised:
        client(server.host, retries=0).ping()
    assert "junk" not in str(raised.value)
