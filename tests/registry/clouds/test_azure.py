"""Microsoft's registries: azure-identity and the registry's exchange, against what plays them on loopback."""

from __future__ import annotations

import base64
import json
import pickle
import ssl
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from support.leading import Leading
from support.programs import need

import lazyimg as li
from lazyimg.errors import CredentialError, MissingExtra
from lazyimg.server.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from support.http_server import Exchange, HttpServer

HOST = "team.azurecr.io"
ENTRA_TOKEN, CLIENT_SECRET = "entra-s3cret-token", "client-s3cret"


def token(**claims: Any) -> str:
    """Return a refresh token as registries give it: a JSON Web Token."""
    parts = ({"alg": "none"}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join((*encoded, "signature"))


class Azure:
    """What plays Entra ID, a machine's identity service, and the registry's exchange.

    Attributes:
        refresh: the refresh token that the exchange gives.
        refusal: what the exchange refuses with, if it does.
        entra_refusal: what Entra ID refuses with, if it does.
    """

    def __init__(self) -> None:
        self.refresh: Any = token(exp=time.time() + 3 * 3600)
        self.refusal: tuple[int, Any] | None = None
        self.entra_refusal: tuple[int, Any] | None = None
        self.asked: list[tuple[str, dict[str, list[str]]]] = []

    def __call__(self, exchange: Exchange, body: bytes) -> tuple[int, Any]:
        form = parse_qs(body.decode()) or {name: [value] for name, value in exchange.query}
        self.asked.append((exchange.path, form))
        if exchange.path == "/oauth2/exchange":
            return self.refusal or (200, {"refresh_token": self.refresh})
        if exchange.path.endswith("openid-configuration"):
            root = f"https://{exchange.headers['Host']}/tenant"
            names = ("authorization_endpoint", "token_endpoint", "issuer")
            return 200, {name: f"{root}/{name}" for name in names}
        if self.entra_refusal:
            return self.entra_refusal
        ends = int(time.time()) + 3600
        return 200, {
            "access_token": ENTRA_TOKEN,
            "expires_in": 3600,
            "expires_on": str(ends),
            "token_type": "Bearer",
        }

    @property
    def exchanges(self) -> list[dict[str, list[str]]]:
        """The forms that the exchange was sent."""
        return [form for path, form in self.asked if path == "/oauth2/exchange"]


class Own:
    """A credential of one's own."""

    def __init__(self) -> None:
        self.scopes: list[str] = []

    def get_token(self, *scopes: str, **_: Any) -> Any:
        from azure.core.credentials import AccessToken  # noqa: PLC0415 - an extra

        self.scopes += scopes
        return AccessToken(ENTRA_TOKEN, int(time.time()) + 3600)


@pytest.fixture
def azure() -> Azure:
    """Give what plays Azure."""
    return Azure()


@pytest.fixture
def server(azure: Azure, serve: Callable[..., HttpServer]) -> HttpServer:
    """Give its server."""
    return serve(azure)


@pytest.fixture
def transport(server: HttpServer) -> Leading:
    """Give the transport that leads there."""
    return Leading(server.host)


def test_entra_s_token_is_traded_in(azure: Azure, transport: Leading) -> None:
    """The exchange is the registry's own, and its refresh token is an identity token, kept until it ends."""
    own = Own()
    keychain = li.AzureKeychain(own, transport=transport)
    assert transport.hosts == []
    found = keychain.credentials(HOST, "app")
    assert found is not None
    assert found.identity_token == azure.refresh
    assert found.expires == pytest.approx(time.time() + 3 * 3600, abs=60)
    assert keychain.credentials(HOST, "other") is found
    assert transport.hosts == [f"https://{HOST}/oauth2/exchange"]
    form = {"grant_type": ["access_token"], "service": [HOST], "access_token": [ENTRA_TOKEN]}
    assert azure.exchanges == [form]
    assert own.scopes == ["https://containerregistry.azure.net/.default"]
    assert ENTRA_TOKEN not in repr(keychain)
    assert pickle.loads(pickle.dumps(li.AzureKeychain())) == li.AzureKeychain()  # noqa: S301 - holds no secret


def test_the_registry_takes_it_as_an_identity_token(azure: Azure, transport: Leading) -> None:
    """What the exchange gave opens a registry by its token service, as azurecr.io has it."""
    with li.Registry(users={"me": "x"}, token=True) as registry:
        assert registry.tokens is not None
        azure.refresh = registry.tokens.issue_identity("me")
        found = li.AzureKeychain(Own(), transport=transport).credentials(HOST, None)
        assert found is not None
        with li.Engine(keychain=li.StaticKeychain({registry.host: found})):
            li.Image.empty().write(f"{registry.host}/app:1")
        assert ("POST", "/token", 200) in [(one.method, one.path, one.status) for one in registry.requests]


@pytest.mark.parametrize(
    ("host", "audience"),
    [
        ("team.azurecr.cn", "https://management.chinacloudapi.cn/.default"),
        ("team.azurecr.us", "https://management.usgovcloudapi.net/.default"),
        ("team-a1b2.westeurope.azurecr.io", "https://containerregistry.azure.net/.default"),
    ],
)
def test_sovereign_clouds_have_their_audience(transport: Leading, host: str, audience: str) -> None:
    """Entra's token is for the cloud that the registry is in."""
    own = Own()
    assert li.AzureKeychain(own, transport=transport).credentials(host, None)
    assert (own.scopes, transport.hosts) == ([audience], [f"https://{host}/oauth2/exchange"])


@pytest.mark.parametrize(
    "host",
    ["docker.io", "azurecr.io", "team.azurecr.io.evil.example", "evilazurecr.io", "team.azurecr.io:444"],
)
def test_other_hosts_get_nothing(transport: Leading, host: str) -> None:
    """However much their names look like it; nobody is asked."""
    own = Own()
    assert li.AzureKeychain(own, transport=transport).credentials(host, None) is None
    assert (own.scopes, transport.hosts) == ([], [])


@pytest.mark.parametrize("refresh", ["opaque", token(), token(exp="soon"), "a.b.c", "a.!.c"])
def test_a_token_that_does_not_say_when_it_ends(azure: Azure, transport: Leading, refresh: str) -> None:
    """It is used for an hour."""
    azure.refresh = refresh
    found = li.AzureKeychain(Own(), transport=transport).credentials(HOST, None)
    assert found is not None
    assert found.expires == pytest.approx(time.time() + 3600, abs=60)


@pytest.mark.parametrize(
    ("refusal", "said"),
    [
        (
            (401, {"errors": [{"code": "UNAUTHORIZED", "message": ENTRA_TOKEN}]}),
            "it answered 401 without a refresh",
        ),
        ((500, ENTRA_TOKEN.encode()), "it answered 500 without a refresh token"),
        ((200, {"refresh_token": 7}), "it answered 200 without a refresh token"),
        ((200, b"[]"), "it answered 200 without a refresh token"),
        ((403, {"refresh_token": "x"}), r"it answered 403\. Give the identity the role AcrPull"),
    ],
)
def test_the_exchange_refuses(azure: Azure, transport: Leading, refusal: tuple[int, Any], said: str) -> None:
    """Its words are not repeated; it says what to allow."""
    azure.refusal = refusal
    with pytest.raises(CredentialError, match=said) as raised:
        li.AzureKeychain(Own(), transport=transport).credentials(HOST, None)
    assert ENTRA_TOKEN not in str(raised.value)
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


def test_the_registry_is_not_there() -> None:
    """An address where nobody is."""
    with pytest.raises(CredentialError, match=r"it cannot be reached \(ConnectError\)"):
        li.AzureKeychain(Own(), transport=Leading("127.0.0.1:1")).credentials(HOST, None)


# --- azure-identity --------------------------------------------------------------------------------------


def test_a_client_secret(
    azure: Azure, transport: Leading, serve: Callable[..., HttpServer], tmp_path: Path
) -> None:
    """A service principal of azure-identity is asked for its token; a refusal is told by its number alone."""
    from azure.identity import ClientSecretCredential  # noqa: PLC0415 - an extra, which this test is about

    need("openssl", "openssl")
    tls, secure = Tls.self_signed(tmp_path / "tls"), serve(azure)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    secure.socket = context.wrap_socket(secure.socket, server_side=True, do_handshake_on_connect=False)

    def principal() -> Any:
        return ClientSecretCredential(
            "tenant",
            "client",
            CLIENT_SECRET,
            authority=f"https://{secure.host}",
            disable_instance_discovery=True,
            connection_verify=str(tls.certificate),
        )

    with principal() as credential:
        assert li.AzureKeychain(credential, transport=transport).credentials(HOST, None)
    [form] = [form for path, form in azure.asked if path.endswith("token_endpoint")]
    assert form["client_secret"] == [CLIENT_SECRET]
    assert form["scope"] == ["https://containerregistry.azure.net/.default"]
    message = f"AADSTS7000215: Invalid client secret {CLIENT_SECRET} provided."
    azure.entra_refusal = (401, {"error": "invalid_client", "error_description": message})
    with (
        principal() as credential,
        pytest.raises(CredentialError, match="it answered AADSTS7000215") as raised,
    ):
        li.AzureKeychain(credential, transport=transport).credentials(HOST, None)
    assert CLIENT_SECRET not in str(raised.value)
    assert (raised.value.__cause__, raised.value.__context__) == (None, None)


def test_a_machine_s_identity(
    azure: Azure, server: HttpServer, transport: Leading, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What azure-identity finds by itself, here a managed identity, needs no credential to be named."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "managedidentitycredential")
    monkeypatch.setenv("IDENTITY_ENDPOINT", f"http://{server.host}/msi")
    monkeypatch.setenv("IDENTITY_HEADER", "header")
    assert li.AzureKeychain(transport=transport).credentials(HOST, None)
    assert azure.asked[0][1]["resource"] == ["https://containerregistry.azure.net"]
    assert len(azure.exchanges) == 1


@pytest.mark.parametrize("which", ["environmentcredential", "workloadidentitycredential"])
def test_nobody_is_logged_in(transport: Leading, monkeypatch: pytest.MonkeyPatch, which: str) -> None:
    """It says how to log in, and the registry is not asked."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", which)
    with pytest.raises(CredentialError, match="Run az login"):
        li.AzureKeychain(transport=transport).credentials(HOST, None)
    assert transport.hosts == []


def test_a_setting_that_is_none(transport: Leading, monkeypatch: pytest.MonkeyPatch) -> None:
    """What azure-identity refuses of its environment is told as that."""
    monkeypatch.setenv("AZURE_TOKEN_CREDENTIALS", "nonsense")
    with pytest.raises(CredentialError, match="its settings cannot be used"):
        li.AzureKeychain(transport=transport).credentials(HOST, None)


def test_the_extra_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install, and only where a registry is Microsoft's."""
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    assert li.AzureKeychain().credentials("ghcr.io", None) is None
    with pytest.raises(MissingExtra, match=r"pip install 'lazyimg\[azure\]'"):
        li.AzureKeychain().credentials(HOST, None)
