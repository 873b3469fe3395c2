"""The HTTP transport: httpcore's connection pools over our own sockets, TLS built when first needed."""

import base64
import contextlib
import os
import ssl
import threading
from collections.abc import Iterator
from importlib.util import find_spec
from typing import NamedTuple, NoReturn
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx
from attrs import define, field, frozen

from lazyimg.errors import InvalidSetting, MissingExtra
from lazyimg.registry.secret import Secret
from lazyimg.registry.settings import File, Proxy
from lazyimg.registry.transport.address import Zone, zone_of_name
from lazyimg.registry.transport.breaks import VIA
from lazyimg.registry.transport.network import Dialer

_KEEP_ALIVE = 15.0  # seconds an idle connection is kept: less than servers do, so that few go stale under us
_IDLE = 32  # idle connections kept
_WAYS = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, httpcore.ProxyError)
_PORTS = {"http": 80, "https": 443}


@frozen(kw_only=True)
class Tls:
    """How servers are verified, and how we show who we are.

    Attributes:
        ca: a file of further certificate authorities to trust, in PEM.
        client_cert: a PEM file with a certificate and its key, or a pair of two files.
        is_shown_at_home_only: show it to the registry alone, not to hosts that it sends us to.
    """

    ca: File | None = None
    client_cert: File | tuple[File, File] | None = field(default=None, repr=False)
    is_shown_at_home_only: bool = False

    def context(self, *, at_home: bool = True) -> ssl.SSLContext:
        """Build the TLS context (26 ms: only for the first https host).

        Args:
            at_home: whether it is for the registry itself.

        Raises:
            InvalidSetting: a file cannot be read, or does not hold what it should.
        """
        context = httpx.create_ssl_context()
        if self.ca is not None:
            with _naming("ca", self.ca):
                context.load_verify_locations(cafile=self.ca)
        if self.client_cert is not None and (at_home or not self.is_shown_at_home_only):
            pair = self.client_cert if isinstance(self.client_cert, tuple) else (self.client_cert,)
            with _naming("client_cert", *pair):
                context.load_cert_chain(pair[0], pair[-1], password=self._unknown_password)
        return context

    def _unknown_password(self) -> NoReturn:
        """Refuse to ask for the password of a key: OpenSSL would, on the terminal, and wait for ever."""
        raise InvalidSetting(
            "cannot use client_cert=: its key is encrypted; name one that is not, as "
            "`openssl pkey -in KEY -out OTHER` makes of it"
        )


def _check_http2() -> None:
    if find_spec("h2") is None:
        raise MissingExtra("HTTP/2 needs the library h2: pip install 'lazyimg[http2]', or leave out http2=")


@contextlib.contextmanager
def _naming(setting: str, *files: File) -> Iterator[None]:
    """Say which file cannot be used, which ssl does not."""
    try:
        yield
    except OSError as error:  # ssl's own errors are such
        names = " and ".join(map(str, files))
        raise InvalidSetting(
            f"cannot use {setting}={names}: {error.strerror or error}; name a file in PEM that can be read"
        ) from error


class _Body(httpx.SyncByteStream):
    """The body of a response as httpcore streams it."""

    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        return self._response.iter_stream()

    def close(self) -> None:
        """Give the connection back, or close it if the body was not read to its end."""
        self._response.close()


class _Key(NamedTuple):
    """What connections of one pool have in common."""

    secure: bool
    proxy: str | None
    at_home: bool


@define(eq=False)
class _Made:
    """The pools that were made in one process."""

    lock: threading.Lock = field(factory=threading.Lock)
    pools: dict[_Key, httpcore.ConnectionPool] = field(factory=dict)


class Pools(httpx.BaseTransport):
    """Connection pools of one client: one for http, one for https, each again behind a proxy.

    Thread safe; the pools are built on first use, and again in a process that was forked: over a connection
    shared with the parent, each would read the other's answers. Errors are httpcore's own: `wire` maps them.

    Args:
        dialer: opens the connections.
        tls: how servers are verified.
        proxy: the address of a proxy; None reads the environment's ``HTTP_PROXY`` and its kind, but for
            loopback addresses; False goes without one.
        home: the registry's own address.
        http2: speak HTTP/2 with servers that do, too.

    Raises:
        MissingExtra: the library for HTTP/2 is not installed.
    """

    def __init__(
        self,
        dialer: Dialer,
        *,
        tls: Tls,
        proxy: Proxy | None = None,
        home: str = "",
        http2: bool = False,
    ) -> None:
        if http2:
            _check_http2()
        self._dialer = dialer
        self._tls = tls
        self._proxy = proxy
        self._home = httpx.URL(home)
        self._http2 = http2
        self._of_process: dict[int, _Made] = {}
        self._proxies: dict[tuple[str, str, int], str | None] = {}

    @property
    def _made(self) -> _Made:
        return self._of_process.setdefault(os.getpid(), _Made())

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return its response, body unread."""
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        sent = httpcore.Request(
            method=request.method.encode(),
            url=target,
            headers=request.headers.raw,
            content=request.stream,
            extensions=request.extensions,
        )
        proxy = self._proxy_of(url)
        with _by_way_of(proxy):
            response = self._pool(url, proxy).handle_request(sent)
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions={**response.extensions, **({VIA: _shown(proxy)} if proxy else {})},
        )

    def close(self) -> None:
        """Close every connection."""
        made = self._made
        with made.lock:
            pools, made.pools = list(made.pools.values()), {}
        for pool in pools:
            pool.close()

    @property
    def secrets(self) -> tuple[str, ...]:
        """What proxies were told of who we are, which one that answers in the registry's place may repeat."""
        named = (self._proxy, *self._proxies.values())
        return tuple(secret for proxy in named if proxy for secret in _secrets_of(proxy))

    def _proxy_of(self, url: httpx.URL) -> str | None:
        return (self._proxy_of_environment(url) if self._proxy is None else self._proxy) or None

    def _pool(self, url: httpx.URL, proxy: str | None) -> httpcore.ConnectionPool:
        at_home = not self._tls.is_shown_at_home_only or _place(url) == _place(self._home)
        key = _Key(url.scheme == "https", proxy, at_home)
        made = self._made
        with made.lock:
            if key not in made.pools:
                made.pools[key] = self._build(key)
            return made.pools[key]

    def _build(self, key: "_Key") -> httpcore.ConnectionPool:
        via = None if key.proxy is None else _read_proxy(key.proxy)
        if via is not None:
            self._dialer.trust(via.url.raw_host.decode())
        if self._http2 and key.secure and via is None:
            from lazyimg.registry.transport.negotiation import NegotiatingPool  # noqa: PLC0415 - h2 is loaded on use

            return NegotiatingPool(
                self._dialer,
                lambda: self._tls.context(at_home=key.at_home),
                keep_alive=_KEEP_ALIVE,
                most_idle=_IDLE,
            )
        return httpcore.ConnectionPool(
            ssl_context=self._tls.context(at_home=key.at_home) if key.secure else None,
            max_connections=None,
            max_keepalive_connections=_IDLE,
            keepalive_expiry=_KEEP_ALIVE,
            network_backend=self._dialer,
            proxy=None if via is None else _httpcore_proxy(via),
        )

    def _proxy_of_environment(self, url: httpx.URL) -> str | None:
        key = url.scheme, url.raw_host.decode(), url.port or _PORTS.get(url.scheme, 0)
        if key not in self._proxies:
            self._proxies[key] = _proxy_of_environment(*key)
        return self._proxies[key]


@contextlib.contextmanager
def _by_way_of(proxy: str | None) -> Iterator[None]:
    """Note on what goes wrong by which proxy it went, for whoever words it."""
    try:
        yield
    except (
        httpcore.NetworkError,
        httpcore.TimeoutException,
        httpcore.ProtocolError,
        httpcore.ProxyError,
    ) as error:
        if proxy:
            setattr(error, VIA, _shown(proxy))
        raise


def _shown(proxy: str) -> str:
    parts = urlsplit(proxy)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _secrets_of(proxy: str) -> tuple[str, ...]:
    """Return the password in a proxy's address, as it stands there, as it is, and as it is sent."""
    user, colon, password = urlsplit(proxy).netloc.rpartition("@")[0].partition(":")
    if not colon:
        return ()
    sent = base64.b64encode(f"{unquote(user)}:{unquote(password)}".encode())
    return password, unquote(password), sent.decode()


def _place(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port  # a port that is the scheme's own is None


def _read_proxy(address: str) -> httpx.Proxy:
    """Read a proxy's address, of which nothing is repeated: it may hold a password.

    Raises:
        InvalidSetting: it is none.
        MissingExtra: it is one of SOCKS, and the library for that is not installed.
    """
    if address.startswith("socks") and find_spec("socksio") is None:
        raise MissingExtra(
            "a SOCKS proxy needs the library socksio: pip install socksio, or name one of HTTP"
        )
    with contextlib.suppress(ValueError, httpx.InvalidURL):
        urlsplit(address)  # by which it is shown, and which refuses more than httpx
        return httpx.Proxy(address)
    raise InvalidSetting(
        "the proxy's address cannot be used: write http://host:port or https://host:port; user and password "
        "stand before the host as user:password@, with anything but letters and digits percent-encoded"
    )


def _httpcore_proxy(proxy: httpx.Proxy) -> httpcore.Proxy:
    url = proxy.url
    return httpcore.Proxy(
        httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
        auth=proxy.raw_auth,
        headers=proxy.headers.raw,
    )


def _proxy_of_environment(scheme: str, host: str, port: int) -> str | None:
    """Return the proxy that the environment names for a host, None where it names none.

    For this machine it never does, as for other tools: what is said to it in plain text is for nobody else.

    Raises:
        InvalidSetting: it names something else.
    """
    if zone_of_name(host) is Zone.LOOPBACK:
        return None
    proxies = getproxies()
    found = proxies.get(scheme) or proxies.get("all")
    if not found or proxy_bypass(host) or proxy_bypass(f"{host}:{port}"):
        return None
    address = Secret(found if "://" in found else f"http://{found}")
    _read_proxy(address)
    return address
