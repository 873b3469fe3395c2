"""Settings of single hosts: which scheme, whom to trust, what to show, by way of whom."""

from __future__ import annotations

import os
import pickle
import socket
import ssl
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support.http_server import Exchange, HttpServer
from support.ports import free_port
from support.programs import need

import lazyimg as li
from lazyimg.errors import InvalidReference, InvalidSetting, RegistryUnreachable, Unauthorized
from lazyimg.registry.host import Host, gathered
from lazyimg.registry.keychains.keychain import Anonymous
from lazyimg.registry.mirror_name import MirrorName
from lazyimg.registry.retry import Retries
from lazyimg.registry.transport.address import RefusedAddress
from lazyimg.registry.transport.breaks import Disagreement
from lazyimg.registry.transport.wire import Timeouts, Untrusted
from lazyimg.server.tls import Tls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IMAGE = li.Image.empty().append(li.Layer.from_files({"/etc/motd": b"hello\n"}))
DENIED = httpx.Response(403, json={"errors": [{"code": "DENIED", "message": "no"}]})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Give a certificate of this machine that is its own authority."""
    need("openssl", "openssl")
    return Tls.self_signed(tmp_path_factory.mktemp("tls"), "reg.localhost")


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    """Give another one."""
    return Tls.self_signed(tmp_path_factory.mktemp("other"))


@pytest.fixture
def registry() -> Iterator[li.Registry]:
    """Give a registry in memory."""
    with li.Registry() as running:
        yield running


def written(host: str, **settings: Any) -> str:
    """Push an image and pull it back, with settings of that host."""
    with li.Engine(hosts={host: Host(**settings)}, retries=0):
        result = IMAGE.write(f"{host}/team/app:1")
        assert li.Image.from_registry(f"{host}/team/app:1").digest() == result.digest
    return result.digest


def asked(settings: dict[str, Any], *hosts: str) -> list[str]:
    """Return the addresses that writing to these hosts would begin with."""
    urls: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        urls.append(str(request.url))
        return DENIED

    with li.Engine(transport=httpx.MockTransport(answer), **settings):
        for host in hosts:
            with pytest.raises(PermissionError):
                IMAGE.write(f"{host}/app:1")
    return urls


# --- what can be said ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"scheme": "ftp"}, "'http' or 'https'"),
        ({"scheme": "http", "ca": "ca.pem"}, "plain http knows no ca="),
        ({"scheme": "http", "client_cert": "me.pem"}, "client_cert="),
        ({"scheme": "http", "http2": True}, "http2="),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": -1.5}, "timeout=-1.5"),
        ({"retries": -1}, "retries=-1"),
        ({"chunk_size": 0}, "chunk_size=0"),
        ({"proxy": "proxy.lan:3128"}, "proxy's address"),
        ({"proxy": "http://:3128"}, "proxy's address"),
        ({"proxy": "http://a:b/c@proxy.lan"}, "proxy's address"),
        ({"proxy": "http://a:1/c@proxy.lan"}, "proxy's address"),
        ({"proxy": True}, "proxy's address"),
        ({"mirrors": "https://mirror.lan"}, "a mirror is named as"),
    ],
)
def test_what_cannot_be_is_refused_at_once(settings: dict[str, Any], words: str) -> None:
    """The setting is named, and what to do."""
    with pytest.raises(InvalidSetting, match=words):
        Host(**settings)


def test_a_host_may_be_a_mapping() -> None:
    """As a configuration file gives it; a setting that there is not is refused with those that there are."""
    engine = li.Engine(hosts={"Reg.LAN:5000": {"scheme": "http", "retries": 1}})
    assert engine.hosts == {"reg.lan:5000": Host(scheme="http", retries=1)}
    for wrong in ({"shceme": "http"}, "http"):
        with pytest.raises(InvalidSetting, match=r"reg\.lan are a Host.*scheme, ca, client_cert"):
            li.Engine(hosts={"reg.lan": wrong})  # type: ignore[dict-item]
    with pytest.raises(InvalidReference):
        li.Engine(hosts={"https://reg.lan": Host()})


def test_what_contradicts_itself_is_refused() -> None:
    """Of two places that say the same thing of a host, neither wins silently."""
    with pytest.raises(InvalidSetting, match=r"insecure=.*reg\.lan.*https"):
        li.Engine(insecure="reg.lan", hosts={"reg.lan": Host(scheme="https")})
    with pytest.raises(InvalidSetting, match="plain http knows no ca="):
        li.Engine(insecure="reg.lan", hosts={"reg.lan": Host(ca="ca.pem")})
    with pytest.raises(InvalidSetting, match=r"mirrors of reg\.lan are in mirrors= and in hosts="):
        li.Engine(mirrors={"reg.lan": "a.lan"}, hosts={"reg.lan": Host(mirrors="b.lan")})
    found = gathered({"a.lan": Host(retries=1)}, ["a.lan"], {"docker.io": (MirrorName("a.lan"),)})
    assert found == {
        "a.lan": Host(scheme="http", retries=1),
        "docker.io": Host(mirrors="a.lan"),
    }


def test_no_secret_shows() -> None:
    """A proxy's password stands in no text, and nothing is pickled; its host does, for who looks for it."""
    host = Host(proxy="http://me:s3cret@proxy.lan:3128", client_cert="/home/me/key.pem")
    for shown in (repr(host), repr(li.Engine(hosts={"reg.lan": host}))):
        assert "s3cret" not in shown
        assert "http://proxy.lan:3128" in shown
        assert "key.pem" not in shown
    with pytest.raises(TypeError, match="password"):
        pickle.dumps(host)
    assert "proxy=False" in repr(Host(proxy=False))


def test_what_is_not_said_of_a_host_is_the_engines() -> None:
    """Of each setting the host's own is taken, else that of all hosts; what nobody says is left out."""
    limits, retries = Timeouts(total=3), Retries(count=1)
    usual = Host(timeout=9, retries=2, proxy="http://proxy.lan", ca="usual.pem", client_cert="usual.pem")
    settings = Host(timeout=limits, retries=retries, proxy=False).client_settings(usual)
    tls = settings.pop("tls")
    assert settings == {"timeout": limits, "retries": retries, "proxy": False}
    assert (tls.ca, tls.client_cert, tls.is_shown_at_home_only) == ("usual.pem", "usual.pem", False)
    own = Host(ca="own.pem", client_cert="own.pem").client_settings(usual)
    assert (own["scheme"], own["proxy"], own["timeout"]) == ("https", "http://proxy.lan", 9)
    assert (own["tls"].ca, own["tls"].client_cert) == ("own.pem", "own.pem")
    assert own["tls"].is_shown_at_home_only


# --- schemes ---------------------------------------------------------------------------------------------


def test_the_scheme_is_as_is_said() -> None:
    """Https unless loopback, or as is said; a certificate or an authority is a word for https."""
    hosts = {
        "plain.lan:5000": Host(scheme="http"),
        "127.0.0.1:5001": Host(scheme="https"),
        "127.0.0.1:5002": Host(ca="ca.pem"),
        "127.0.0.1:5003": Host(retries=1),
    }
    urls = asked({"hosts": hosts, "ca": "usual.pem"}, *hosts, "other.lan", "localhost:5000", "10.0.0.1:5000")
    assert [url.partition("/v2/")[0] for url in urls] == [
        "http://plain.lan:5000",
        "https://127.0.0.1:5001",
        "https://127.0.0.1:5002",
        "http://127.0.0.1:5003",
        "https://other.lan",
        "http://localhost:5000",
        "https://10.0.0.1:5000",
    ]


@pytest.mark.parametrize(
    ("status", "headers"),
    [
        (307, {"Location": "{}/elsewhere"}),
        (202, {"Location": "{}/upload"}),
        (401, {"WWW-Authenticate": 'Bearer realm="{}/token"'}),
    ],
    ids=["redirect", "location", "realm"],
)
def test_https_is_never_left_for_http(made: Tls, status: int, headers: dict[str, str]) -> None:
    """A registry on loopback that speaks https leads to no plain http, on loopback neither."""
    with HttpServer(lambda exchange: exchange.answer(200)) as plain:
        told = {name: value.format(f"http://{plain.host}") for name, value in headers.items()}
        with (
            secure(made, lambda exchange: exchange.answer(status, b"", told)) as server,
            pytest.raises(RefusedAddress, match="plain http from a registry that speaks https"),
        ):
            written(server.host, ca=made.certificate)
        assert plain.log == []


def test_plain_http_in_a_private_network_where_it_is_asked_for() -> None:
    """The host that is named so is asked in plain http, by way of its own proxy; another one is not."""
    with HttpServer(lambda exchange: exchange.answer(403)) as proxy:
        address = f"http://me:s3cret@{proxy.host}"
        hosts = {"10.0.0.1:5000": Host(scheme="http", proxy=address), "10.0.0.2": Host(proxy=address)}
        with li.Engine(hosts=hosts, retries=0):
            with pytest.raises(PermissionError):
                IMAGE.write("10.0.0.1:5000/app:1")
            with pytest.raises(RegistryUnreachable):
                IMAGE.write("10.0.0.2/app:1")
        asked = [(each.method, each.target) for each in proxy.exchanges]
    assert asked[0] == ("POST", "http://10.0.0.1:5000/v2/app/blobs/uploads/")
    assert [method for method, _ in asked[1:]] == []


def test_a_host_without_the_proxy_of_all(registry: li.Registry) -> None:
    """False goes there directly, whatever all hosts and the environment have."""
    gone = f"http://127.0.0.1:{free_port()}"
    with li.Engine(proxy=gone, hosts={registry.host: Host(proxy=False)}, retries=0):
        IMAGE.write(f"{registry.host}/app:1")
    with li.Engine(proxy=gone, retries=0), pytest.raises(RegistryUnreachable):
        IMAGE.write(f"{registry.host}/app:1")


# --- TLS -------------------------------------------------------------------------------------------------


def secure(tls: Tls, respond: Callable[[Exchange], None], authorities: Any = None) -> HttpServer:
    """Return a server of https; with authorities it asks for certificates."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls.certificate, tls.key)
    if authorities is not None:
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(authorities)
    server = HttpServer(respond)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    return server


def test_our_own_registry_over_tls(made: Tls, other: Tls) -> None:
    """Pushed to and pulled from by its own settings; whom we do not trust is asked nothing, once."""
    with li.Registry(tls=made) as registry:
        host = registry.host
        with li.Engine(hosts={host: registry.settings}):
            result = IMAGE.write(f"{host}/team/app:1")
            assert li.Image.from_registry(f"{host}/team/app:1").digest() == result.digest
        assert written(host, ca=made.certificate) == result.digest
        registry.clear()
        for wrong in ({"ca": other.certificate}, {"scheme": "https"}):
            with pytest.raises(Untrusted, match=r"not trusted; name its authority with ca="):
                written(host, **wrong)
        with pytest.raises(RegistryUnreachable, match=r"if it speaks TLS, say so: Host\(scheme='https', ca"):
            written(host)
        assert registry.requests == []


def test_a_registry_that_makes_its_own_certificate(users: dict[str, str]) -> None:
    """`tls=True` is enough, with passwords and tokens as well; the files are gone when it stops."""
    [(name, password)] = users.items()
    with li.Registry(tls=True, users=users, token=True) as registry:
        keychain = li.StaticKeychain({registry.host: (name, password)})
        with li.Engine(hosts={registry.host: registry.settings}, keychain=keychain):
            digest = IMAGE.write(f"{registry.host}/team/app:1").digest
            assert li.Image.from_registry(f"{registry.host}/team/app:1").digest() == digest
        authority = Path(registry.settings["ca"])
        assert authority.is_file()
        assert any(request.path == "/token" for request in registry.requests)
    assert not authority.parent.exists()
    with registry:
        assert Path(registry.settings["ca"]).is_file()
    with pytest.raises(RuntimeError, match="not running"):
        _ = registry.settings
    with li.Registry() as registry:
        assert registry.settings == {}


def test_a_registry_that_wants_certificates(made: Tls, other: Tls) -> None:
    """Who shows none, or a stranger's, is told what to do; who shows the right one is served."""
    strict = Tls(made.certificate, made.key, made.certificate)
    with li.Registry(tls=strict) as registry:
        for shown in ({}, {"client_cert": (other.certificate, other.key)}):
            with pytest.raises(RegistryUnreachable, match="name one that it knows with client_cert="):
                written(registry.host, ca=made.certificate, **shown)
        assert registry.requests == []
        written(registry.host, ca=made.certificate, client_cert=(made.certificate, made.key))


def test_an_encrypted_key_of_ours(made: Tls, tmp_path: Path) -> None:
    """OpenSSL would ask for its password on the terminal, and wait for longer than any limit."""
    key = tmp_path / "encrypted.pem"
    encrypt = ["openssl", "pkey", "-aes256", "-passout", "pass:s3cret"]
    subprocess.run([*encrypt, "-in", str(made.key), "-out", str(key)], check=True)
    with li.Registry(tls=made) as registry, pytest.raises(InvalidSetting, match="its key is encrypted"):
        written(registry.host, ca=made.certificate, client_cert=(made.certificate, key))


def test_what_others_say_of_certificates(made: Tls, other: Tls) -> None:
    """A server that gives its reason is not asked again, and its reason stands in the words."""

    def respond(exchange: Exchange) -> None:
        exchange.answer(200)

    with secure(made, respond, made.certificate) as server:
        server.socket.context.verify_mode = ssl.CERT_REQUIRED
        with pytest.raises(Untrusted, match="wants a certificate of ours; name one with client_cert="):
            written(server.host, ca=made.certificate)
        with pytest.raises(Untrusted, match="does not accept our certificate; name another"):
            written(server.host, ca=made.certificate, client_cert=(other.certificate, other.key))
    with li.Registry() as registry, pytest.raises(Disagreement, match="does not speak TLS; if plain http"):
        written(registry.host, scheme="https")


def test_a_hosts_certificate_is_shown_there_alone(made: Tls) -> None:
    """Where a registry redirects to does not get to see it; one for all hosts is shown to all that ask."""
    seen: list[tuple[str, bool]] = []

    def respond(exchange: Exchange) -> None:
        shown = exchange._handler.connection.getpeercert(binary_form=True)
        seen.append((exchange.headers["Host"], shown is not None))
        here = exchange.headers["Host"] == home.host
        exchange.answer(307 if here else 404, b"", {"Location": f"https://{there.host}/"} if here else {})

    own = (str(made.certificate), str(made.key))
    with (
        secure(made, respond, made.certificate) as home,
        secure(made, respond, made.certificate) as there,
    ):
        ways: tuple[dict[str, Any], ...] = (
            {"hosts": {home.host: Host(ca=made.certificate, client_cert=own)}},
            {"ca": made.certificate, "client_cert": own, "hosts": {home.host: Host(scheme="https")}},
        )
        for settings in ways:
            with li.Engine(**settings), pytest.raises(LookupError):
                li.Image.from_registry(f"{home.host}/me/app:1").digest()
    assert seen == [(home.host, True), (there.host, False), (home.host, True), (there.host, True)]


@pytest.mark.parametrize("http2", [False, True])
@pytest.mark.parametrize("address", ["10.0.0.1", "169.254.169.254"])
def test_rules_about_addresses_hold_over_tls(
    made: Tls, monkeypatch: pytest.MonkeyPatch, address: str, *, http2: bool
) -> None:
    """A registry on loopback redirects to no name that means a private or link-local address."""
    look_up = socket.getaddrinfo

    def resolved(host: str, *rest: Any, **more: Any) -> list[Any]:
        if host != "storage.example":
            return look_up(host, *rest, **more)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 443))]

    monkeypatch.setattr(socket, "getaddrinfo", resolved)

    def respond(exchange: Exchange) -> None:
        exchange.answer(307, b"", {"Location": "https://storage.example/"})

    with (
        secure(made, respond) as server,
        li.Engine(hosts={server.host: Host(ca=made.certificate, http2=http2)}),
        pytest.raises(RefusedAddress, match=r"storage\.example is refused"),
    ):
        li.Image.from_registry(f"{server.host}/me/app:1").digest()


def test_a_proxy_is_asked_for_a_tunnel() -> None:
    """For https, with HTTP/2 or without; a proxy that makes none is an error that says so."""
    with HttpServer(lambda exchange: exchange.answer(200)) as proxy:
        for http2 in (False, True):
            host = Host(proxy=f"http://me:s3cret@{proxy.host}", http2=http2, retries=0)
            with li.Engine(hosts={"reg.lan": host}), pytest.raises(RegistryUnreachable) as caught:
                IMAGE.write("reg.lan/app:1")
            assert "s3cret" not in str(caught.value)
        assert proxy.log == []


# --- mirrors and transports ------------------------------------------------------------------------------


def test_a_mirror_has_settings_of_its_own(made: Tls) -> None:
    """It is spoken to as its own host is, over TLS here, and read from first."""
    with li.Registry() as home, li.Registry(tls=made) as mirror:
        hosts: dict[str, Any] = {
            mirror.host: mirror.settings,
            home.host: Host(mirrors=f"{mirror.host}/mirrored"),
        }
        with li.Engine(hosts=hosts):
            for target in (f"{home.host}/app:1", f"{mirror.host}/mirrored/app:1"):
                IMAGE.write(target)
            home.clear()
            li.Image.from_registry(f"{home.host}/app:1").config()
        assert [request.method for request in home.requests] == ["HEAD"]


def test_a_transport_for_one_host() -> None:
    """What a user made carries that host's requests, and nobody else's; what it raises has our words."""

    class Broken(httpx.BaseTransport):
        secrets = None  # its own, and nothing to us

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            raise httpx.ConnectError("no line", request=request)

    hosts = {"one.lan": Host(transport=Broken(), retries=0)}
    assert asked({"hosts": hosts}, "two.lan") == ["https://two.lan/v2/app/blobs/uploads/"]
    with li.Engine(hosts=hosts), pytest.raises(RegistryUnreachable, match=r"one\.lan cannot be reached"):
        IMAGE.write("one.lan/app:1")


def test_a_transport_of_httpx_carries_a_push_and_a_pull(registry: li.Registry) -> None:
    """Any transport that httpx could use: streamed uploads, answers read piece by piece, and its close."""

    class Counting(httpx.HTTPTransport):
        requests = 0
        closed = 0

        def handle_request(self, request: httpx.Request) -> httpx.Response:
            self.requests += 1
            return super().handle_request(request)

        def close(self) -> None:
            self.closed += 1
            super().close()

    transport = Counting()
    large = IMAGE.append(li.Layer.from_files({"/zeros": bytes(8 << 20)}, compression=li.Uncompressed()))
    with li.Engine(transport=transport) as engine:
        digest = large.write(f"{registry.host}/app:1").digest
        assert li.Image.from_registry(f"{registry.host}/app:1").digest() == digest
        assert len(li.Image.from_registry(f"{registry.host}/app:1").files()["/zeros"].read()) == 8 << 20
        assert engine.transport is transport
    assert transport.requests == len(registry.requests)
    assert transport.closed == 1


@pytest.mark.usefixtures("no_logins")
def test_an_engine_gives_clients() -> None:
    """They have its settings and its credentials, and speak over its connections."""
    with li.Registry(users={"me": "s3cret"}) as own:
        records: list[Any] = []
        login = li.StaticKeychain({own.host: ("me", "s3cret")})
        with li.Engine(keychain=login, user_agent="mine/1", on_request=records.append) as engine:
            li.Image.empty().write(f"{own.host}/app:1")
            client = engine.client(own.host)
            assert client.tags("app") == ["1"]
            assert client is engine.client(own.host)
        assert records[-1].url.endswith("/v2/app/tags/list")
        assert own.requests[-1].headers["user-agent"] == "mine/1"
    with pytest.raises(InvalidReference):
        engine.client("https://reg.lan")


@pytest.mark.usefixtures("no_logins")
def test_a_client_uses_what_login_kept() -> None:
    """As everything else does, unless it is told to be anybody."""
    with li.Registry(users={"me": "s3cret"}) as own:
        li.login(own.host, "me", "s3cret")
        li.Image.empty().write(f"{own.host}/app:1")
        with li.registry.Client(own.host) as client:
            assert client.tags("app") == ["1"]
        with li.registry.Client(own.host, keychain=Anonymous()) as client, pytest.raises(Unauthorized):
            client.tags("app")


def test_a_client_that_is_told_whom_to_trust_speaks_tls() -> None:
    """On loopback too, as a host of an engine does; the engine's chunks reach its uploads."""
    with li.Registry(tls=True) as own:
        with li.Engine(hosts={own.host: own.settings}, chunk_size=1000) as engine:
            li.Image.empty().append(li.Layer.from_files({"/a": os.urandom(9000)})).write(f"{own.host}/app:1")
            assert engine.client(own.host).tags("app") == ["1"]
        assert sum(request.method == "PATCH" for request in own.requests) > 5
        with li.registry.Client(own.host, ca=own.settings["ca"]) as client:
            assert client.tags("app") == ["1"]


def test_an_engines_authority_leaves_loopback_in_plain_text() -> None:
    """It is for all hosts of TLS, and says of none that it is one; what is said of a host does."""
    with li.Registry() as plain, li.Registry(tls=True) as secure:
        authority = secure.settings["ca"]
        with li.Engine(ca=authority, hosts={secure.host: li.Host(scheme="https")}) as engine:
            for host in (plain.host, secure.host):
                li.Image.empty().write(f"{host}/app:1")
                assert engine.client(host).tags("app") == ["1"]
