"""What an error advises: by who answered, how it was asked, and as whom."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

import pytest
from support.http_server import Exchange, HttpServer

import lazyimg as li
from lazyimg.errors import InvalidDocument, InvalidSetting, RegistryError, Unauthorized
from lazyimg.registry.authorization.advice import of_answer
from lazyimg.registry.keychains.credentials import Credentials
from lazyimg.registry.keychains.keychain import Anonymous

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from lazyimg.registry.client import Client

pytestmark = pytest.mark.usefixtures("no_logins")

PAGE = {"Content-Type": "text/html;charset=utf-8"}


def saying(status: int, body: bytes = b"", headers: Mapping[str, str] = MappingProxyType({})) -> HttpServer:
    """A server with one answer to everything."""
    return HttpServer(lambda exchange: exchange.answer(status, body, headers))


@pytest.mark.parametrize("token", [False, True])
def test_a_401_says_who_asked(client: Callable[..., Client], *, token: bool) -> None:
    """That nobody did, or as whom and by which keychain; the password is not repeated."""
    with li.Registry(users={"me": "s3cret"}, token=token) as own:
        wrong = li.StaticKeychain({own.host: ("anna", "wr0ng-one")})
        with pytest.raises(
            Unauthorized, match=r"sent the credentials of 'anna', from StaticKeychain:"
        ) as said:
            client(own.host, keychain=wrong).begin_upload("app")
        assert "wr0ng-one" not in str(said.value)
        with pytest.raises(Unauthorized, match=r"No credentials were sent: Anonymous has none for 127"):
            client(own.host, keychain=Anonymous()).begin_upload("app")
        with pytest.raises(
            Unauthorized, match=r"DefaultKeychain \(.*config\.json\) has none.*`lazyimg login 127"
        ):
            client(own.host, keychain=li.DefaultKeychain()).begin_upload("app")
        with pytest.raises(Unauthorized, match=r"sent the credentials of 'me': check them"):
            li.login(own.host, "me", "wr0ng-one")


def test_a_401_names_what_was_looked_into(client: Callable[..., Client], tmp_path: Path) -> None:
    """The file that was named, whether it is there or not; and each of several keychains."""
    there, absent = tmp_path / "there.json", tmp_path / "absent.json"
    there.write_text("{}")
    chain = li.Keychains(li.DockerKeychain(there), li.DockerKeychain(absent), li.GitHubKeychain("t0ken"))
    with li.Registry(users={"me": "s3cret"}) as own, pytest.raises(Unauthorized) as said:
        client(own.host, keychain=chain).begin_upload("app")
    files = f"DockerKeychain ({there}), DockerKeychain ({absent}, which is not there), GitHubKeychain"
    assert f"sent: Keychains ({files}) has none for 127.0.0.1:" in str(said.value)


def test_a_keychain_of_ones_own_that_gives_something_else(client: Callable[..., Client]) -> None:
    """It is named, and nothing of what it gave is repeated."""

    class Pairs:
        def credentials(self, registry: str, repository: str | None) -> tuple[str, str]:
            return ("me", f"s3cret of {registry} {repository}")

    with li.Registry(users={"me": "s3cret"}) as own, pytest.raises(InvalidSetting) as said:
        client(own.host, keychain=Pairs()).begin_upload("app")
    assert "Pairs gave for 127.0.0.1" in str(said.value)
    assert "is a tuple: lazyimg.registry.Credentials, or None, is wanted" in str(said.value)
    assert "s3cret" not in str(said.value)


def test_a_401_to_a_token_of_ones_own(client: Callable[..., Client]) -> None:
    """It has no user's name."""
    with li.Registry(users={"me": "s3cret"}, token=True) as own:
        chain = li.StaticKeychain({own.host: Credentials(registry_token="t0ken")})
        with pytest.raises(Unauthorized, match="sent a token, from StaticKeychain"):
            client(own.host, keychain=chain).begin_upload("app")


def test_a_401_without_a_word(client: Callable[..., Client]) -> None:
    """One that asks for nothing that could be sent has the usual advice."""
    with saying(401) as server, pytest.raises(Unauthorized, match="Log in with an account that may do this"):
        client(server.host).ping()


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain; charset=utf-8"}, PAGE])
def test_a_server_of_tls_that_is_spoken_to_in_plain_text(
    headers: dict[str, str], client: Callable[..., Client]
) -> None:
    """What it says in clear is shown, and what to do about it."""
    words = b"Client sent an HTTP request to an HTTPS server.\n"
    with saying(400, words, headers) as server, pytest.raises(RegistryError, match="It speaks TLS") as caught:
        client(server.host).begin_upload("app")
    assert "say so, by Host(scheme='https')" in str(caught.value)
    assert ("Client sent an HTTP request" in str(caught.value)) is (headers is not PAGE)


@pytest.mark.parametrize(("status", "is_advised"), [(501, True), (404, True), (405, True), (503, False)])
def test_a_web_server_is_no_registry(client: Callable[..., Client], status: int, *, is_advised: bool) -> None:
    """A page for browsers is told as what it is, but for the statuses of gateways before registries."""
    with saying(status, b"<html>", PAGE) as server, pytest.raises(RegistryError) as caught:
        client(server.host, retries=0).begin_upload("app")
    assert ("as no registry does: is it one?" in str(caught.value)) is is_advised


def test_a_web_server_that_likes_everything(client: Callable[..., Client]) -> None:
    """It has no manifests, uploads and tags, whatever it says."""

    def like(exchange: Exchange) -> None:
        exchange.answer(200, b"" if exchange.method == "HEAD" else b"<html>", PAGE)

    with HttpServer(like) as server:
        asking, host = client(server.host), server.host
        for ask in (asking.head_manifest, asking.get_manifest):
            with pytest.raises(
                InvalidDocument, match=f"read the manifest.*{host} answered 200 with text/html"
            ):
                ask("app", "1")
        with pytest.raises(RegistryError, match=f"cannot upload: {host} answered without the Location"):
            asking.begin_upload("app")
        with pytest.raises(
            InvalidDocument, match=f"cannot list the tags of app: {host} sent no list of tags"
        ):
            asking.tags("app")
        with pytest.raises(InvalidDocument, match=f"list the referrers: {host} sent no index.*is it a"):
            asking.referrers("app", li.Digest.of(b""))
        with pytest.raises(InvalidDocument, match=f"speak with the registry: {host} answered 200 with a"):
            asking.ping()


def test_json_under_a_pages_type(client: Callable[..., Client]) -> None:
    """A registry may misname what it says to a ping: that is no page."""
    with saying(200, b"true", PAGE) as server:
        client(server.host).ping()


def test_what_is_too_large_can_be_smaller(client: Callable[..., Client]) -> None:
    """A refusal of a small request names the setting."""
    words = r"Host\(chunk_size=\.\.\.\) sends blobs in smaller ones"
    with saying(413) as server, pytest.raises(RegistryError, match=words):
        client(server.host).begin_upload("app")


def test_the_proxy_may_be_the_web_server() -> None:
    """So it is named."""
    advice = of_answer("http://reg.lan/v2/", 404, PAGE, b"", "http://proxy.lan:3128")
    assert "is it one, and the proxy http://proxy.lan:3128 a proxy?" in advice
    assert (
        of_answer("http://reg.lan/v2/", 404, PAGE | {"Docker-Distribution-Api-Version": "2"}, b"", "") == ""
    )
