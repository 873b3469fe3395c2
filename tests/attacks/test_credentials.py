"""Servers that try to get credentials, and that repeat them where they would be seen."""

from __future__ import annotations

import base64
import html
import json
import pickle
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import httpx
import pytest
from support.http_server import Exchange, HttpServer
from support.shown import forms_of

from lazyimg.errors import ContentMismatch, LazyImgError, RegistryError, RegistryWarning, Unauthorized
from lazyimg.oci.digest import Digest
from lazyimg.registry.authorization.challenge import parse_challenges
from lazyimg.registry.client import Client
from lazyimg.registry.failure import read_words
from lazyimg.registry.keychains.keychain import Credentials, StaticKeychain
from lazyimg.registry.transport.address import RefusedAddress

if TYPE_CHECKING:
    from collections.abc import Callable

    from lazyimg.registry.transport.wire import RequestRecord

SECRET = 'p&ss "word"/<1>%\u00e9'
PLAIN = "s3cret-passw0rd"


def challenge(server: HttpServer, **more: str) -> dict[str, str]:
    """Give the header that asks for a token of a server."""
    pairs = {"realm": f"http://{server.host}/token", **more}
    return {"WWW-Authenticate": "Bearer " + ",".join(f'{name}="{value}"' for name, value in pairs.items())}


# --- what a realm gets ---


def test_a_realm_gets_what_the_protocol_gives_it(client: Callable[..., Client]) -> None:
    """The user and password as basic authentication, the service, the scopes, and nothing more."""

    def registry(exchange: Exchange) -> None:
        if exchange.headers["Authorization"] == "Bearer t0ken":
            exchange.answer(200, b"{}")
        else:
            exchange.answer(401, headers={**challenge(realm, service="reg"), "Set-Cookie": "id=1; Path=/"})

    with (
        HttpServer(lambda exchange: exchange.answer(200, b'{"token":"t0ken"}')) as realm,
        HttpServer(registry) as server,
    ):
        keys = Credentials(username="me", password=PLAIN)
        client(server.host, keychain=StaticKeychain({server.host: keys})).get_manifest("me/app", "v1")
        [asked] = realm.exchanges
        pair = base64.b64encode(f"me:{PLAIN}".encode()).decode()
        assert dict(asked.headers) == {
            "Host": realm.host,
            "User-Agent": asked.headers["User-Agent"],
            "Accept-Encoding": "identity",
            "Accept": "application/json",
            "Authorization": f"Basic {pair}",
        }
        assert dict(asked.query) == {"service": "reg", "scope": "repository:me/app:pull", "account": "me"}
        assert not any(PLAIN in str(exchange.headers) for exchange in server.exchanges)


@pytest.mark.parametrize(
    "value", ["a\r\nX-Evil: 1", "a&scope=repository:*:*", "a#b", 'a" b', "a\x00b", "a b=c"]
)
@pytest.mark.parametrize("name", ["service", "scope"])
def test_nothing_of_a_challenge_becomes_a_header_or_a_parameter(name: str, value: str) -> None:
    """Service and scope are values of one query, however they are spelled."""
    seen: list[httpx.Request] = []
    quoted = value.replace('"', '\\"')
    asks = f'Bearer realm="https://auth.example/token",{name}="{quoted}"'

    def respond(request: httpx.Request) -> httpx.Response:
        if request.url.host == "auth.example":
            seen.append(request)
            return httpx.Response(200, json={"token": "t0ken"})
        is_known = "Authorization" in request.headers
        return httpx.Response(
            200 if is_known else 401, headers={} if is_known else {"WWW-Authenticate": asks}
        )

    with Client("ghcr.io", transport=httpx.MockTransport(respond)) as registry:
        registry.ping()
    [request] = seen
    assert "X-Evil" not in request.headers
    assert set(request.url.params) <= {"service", "scope"}
    if name == "service":
        assert request.url.params["service"] == value


@pytest.mark.parametrize(
    "realm", ["https://a.example/\r\nX: y", "https://a.example/t\x00", "https://a\texample/"]
)
def test_a_realm_with_controls_is_refused(realm: str) -> None:
    """A token service is not asked at an address that no header could hold."""

    def respond(_: httpx.Request) -> httpx.Response:
        return httpx.Response(401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'})

    with Client("ghcr.io", transport=httpx.MockTransport(respond)) as registry, pytest.raises(RefusedAddress):
        registry.ping()


def test_a_token_service_is_not_followed_elsewhere(client: Callable[..., Client]) -> None:
    """A redirect of a token service is its answer: the password is sent nowhere else."""
    with HttpServer(lambda exchange: exchange.answer(200, b'{"token":"t"}')) as other:
        away = {"Location": f"http://{other.host}/token"}
        with HttpServer(lambda exchange: exchange.answer(307, headers=away)) as realm:
            asks = challenge(realm)
            with HttpServer(lambda exchange: exchange.answer(401, headers=asks)) as server:
                keychain = StaticKeychain({server.host: ("me", PLAIN), other.host: ("me", PLAIN)})
                with pytest.raises(RegistryError, match="answered 307"):
                    client(server.host, keychain=keychain).get_manifest("me/app", "v1")
        assert other.exchanges == []


def test_an_identity_token_is_no_password(client: Callable[..., Client]) -> None:
    """A registry that asks for a password instead of a token is not given an identity token."""
    with HttpServer(lambda exchange: exchange.answer(401, headers={"WWW-Authenticate": "Basic"})) as server:
        keys = Credentials(identity_token=PLAIN)
        with pytest.raises(Unauthorized):
            client(server.host, keychain=StaticKeychain({server.host: keys})).get_manifest("me/app", "v1")
        assert all(exchange.headers["Authorization"] is None for exchange in server.exchanges)


@pytest.mark.parametrize(
    "place", ["http://{0}@127.0.0.1:{1}/", "http://127.0.0.1:{2}/?{0}", "//127.0.0.1:{2}/"]
)
def test_credentials_go_to_the_registrys_own_port(client: Callable[..., Client], place: str) -> None:
    """Another port of the registry's host, or a host that only looks like it, is another server."""
    with HttpServer(lambda exchange: exchange.answer(200, b"{}")) as other:

        def respond(exchange: Exchange) -> None:
            if exchange.headers["Authorization"] is None:
                exchange.answer(401, headers={"WWW-Authenticate": "Basic"})
            else:
                address = place.format(server.host, other.server_port, other.server_port)
                exchange.answer(307, headers={"Location": address})

        with HttpServer(respond) as server:
            keychain = StaticKeychain({server.host: ("me", PLAIN), other.host: ("me", PLAIN)})
            registry = client(server.host, keychain=keychain)
            if "@" in place:
                with pytest.raises(RefusedAddress):
                    registry.get_manifest("me/app", "v1")
            else:
                registry.get_manifest("me/app", "v1")
        assert all(exchange.headers["Authorization"] is None for exchange in other.exchanges)


# --- tokens that are none ---


@pytest.mark.parametrize("token", ["a\r\nX-Evil: 1", "a b", "", "\u00e9", "a\x00", 7, None, ["a"], {"a": 1}])
def test_tokens_that_no_header_can_hold(client: Callable[..., Client], token: object) -> None:
    """A token with a line's end in it would be another header: it is refused, and not repeated."""
    with HttpServer(lambda exchange: exchange.answer(200, json.dumps({"token": token}).encode())) as realm:
        asks = challenge(realm)
        with HttpServer(lambda exchange: exchange.answer(401, headers=asks)) as server:
            with pytest.raises(ContentMismatch, match="without a usable token") as raised:
                client(server.host).get_manifest("me/app", "v1")
            assert all(exchange.headers["Authorization"] is None for exchange in server.exchanges)
    assert "Evil" not in str(raised.value)


@pytest.mark.parametrize("life", [1e999, -1e999, float("nan"), 10**400, -1, True, "60", None, [], 1e-300])
def test_lives_that_no_token_has(client: Callable[..., Client], life: object) -> None:
    """A token of any claimed life is used, and where that is none it is a minute: one is asked for."""
    body = json.dumps({"token": "t0ken", "expires_in": life}).encode()
    with HttpServer(lambda exchange: exchange.answer(200, body)) as realm:

        def respond(exchange: Exchange) -> None:
            known = exchange.headers["Authorization"] == "Bearer t0ken"
            exchange.answer(200 if known else 401, b"{}", {} if known else challenge(realm))

        with HttpServer(respond) as server:
            registry = client(server.host)
            for _ in range(3):
                registry.get_manifest("me/app", "v1")
        assert len(realm.log) <= (3 if life in (1, 1e-300) else 1)  # True is a number, of a second


# --- what is repeated ---

PAIR = base64.b64encode(f"user:{SECRET}".encode()).decode()
FORMS = {
    "as it is": SECRET,
    "in an address": quote(SECRET),
    "in a path": quote(SECRET, safe=""),
    "in a form": quote_plus(SECRET),
    "in JSON": json.dumps(SECRET)[1:-1],
    "in HTML": html.escape(SECRET),
    "in base64": base64.b64encode(SECRET.encode()).decode(),
    "with its user": PAIR,
    "as a header": f"Authorization: Basic {PAIR}",
    "twice": f"{SECRET}{SECRET}",
    "far behind": "x" * 390 + SECRET,
    "after itself": (SECRET + " ") * 300,
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("media_type", ["application/json", "text/plain"])
def test_words_that_repeat_a_password(client: Callable[..., Client], form: str, media_type: str) -> None:
    """A registry's words that repeat what they were given are masked, however it is spelled."""
    said = FORMS[form]
    data = (
        json.dumps({"errors": [{"code": said, "message": f"{said} is wrong"}]})
        if "json" in media_type
        else said
    )

    def respond(exchange: Exchange) -> None:
        if exchange.headers["Authorization"] is None:
            exchange.answer(401, headers={"WWW-Authenticate": "Basic"})
        else:
            exchange.answer(403, data.encode(), {"Content-Type": media_type})

    with HttpServer(respond) as server:
        keychain = StaticKeychain({server.host: ("user", SECRET)})
        with pytest.raises(PermissionError) as raised:
            client(server.host, keychain=keychain).get_manifest("me/app", "v1")
    assert isinstance(raised.value, RegistryError)
    for text in (
        str(raised.value),
        repr(raised.value),
        repr(pickle.dumps(raised.value)),
        *raised.value.codes,
    ):
        for shown in (SECRET[:8], PAIR[:12], *forms_of(SECRET)):
            assert shown not in text


def test_a_long_token_is_masked_before_words_are_cut() -> None:
    """A token of a kilobyte that is repeated over and over leaves none of its letters behind."""
    token = "".join(chr(ord("a") + number % 26) + str(number) for number in range(400))
    for times in (1, 2, 3, 50):
        for before in range(0, 1700, 97):
            words = read_words(("-" * before + f"{token} " * times).encode(), "text/plain", [token])
            assert token[:6] not in words.text
            assert token[-6:] not in words.text


def test_a_warning_that_repeats_a_password(client: Callable[..., Client]) -> None:
    """What a registry warns of is masked likewise."""

    def respond(exchange: Exchange) -> None:
        if exchange.headers["Authorization"] is None:
            exchange.answer(401, headers={"WWW-Authenticate": "Basic"})
        else:
            exchange.answer(
                200, headers={"Warning": f'299 - "old: {PLAIN} and {exchange.headers["Authorization"]}"'}
            )

    with HttpServer(respond) as server, pytest.warns(RegistryWarning) as shown:
        client(server.host, keychain=StaticKeychain({server.host: ("me", PLAIN)})).ping()
    assert [str(entry.message) for entry in shown] == [f"{server.host} warns: old: *** and ***"]


def test_a_location_that_repeats_a_password(client: Callable[..., Client]) -> None:
    """An address with a secret in its query, its path or before its host is not shown, in records neither."""
    for place in (
        f"/upload?sig={PLAIN}",
        f"/upload/{PLAIN}/1",
        f"http://me:{PLAIN}@127.0.0.1:1/x",
        f"http://127.0.0.1:1/?sig={PLAIN}",
    ):

        def respond(exchange: Exchange, place: str = place) -> None:
            if exchange.headers["Authorization"] is None:
                exchange.answer(401, headers={"WWW-Authenticate": "Basic"})
            else:
                exchange.answer(202 if exchange.method == "POST" else 500, headers={"Location": place})

        records: list[RequestRecord] = []
        with HttpServer(respond) as server:
            keychain = StaticKeychain({server.host: ("me", PLAIN)})
            registry = client(server.host, retries=0, keychain=keychain, observer=records.append)
            upload = registry.begin_upload("me/app")
            with pytest.raises(LazyImgError) as raised:
                upload.put(b"data", Digest.of(b"data"))
        assert records
        assert PLAIN not in f"{raised.value} {upload!r} {records}"


def test_challenges_hold_no_line(client: Callable[..., Client]) -> None:
    """An escaped letter is that letter: no escape makes a line of its own."""
    [found] = parse_challenges(['Bearer realm="http:\\/\\/a\\r\\nb", service="\\n"'])
    assert found.parameters == {"realm": "http://arnb", "service": "n"}
    with (
        HttpServer(
            lambda exchange: exchange.answer(401, headers={"WWW-Authenticate": 'Bearer realm="a\\r\\nb"'})
        ) as server,
        pytest.raises(RefusedAddress),
    ):
        client(server.host).ping()
