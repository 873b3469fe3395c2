"""The HTTP transport: httpcore's connection pools over our own sockets, TLS built when first needed."""

import contextlib
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx
from attrs import field, frozen

from lazyimg.errors import InvalidSetting
from lazyimg.registry.network import Dialer

_KEEP_ALIVE = 15.0  # seconds an idle connection is kept: less than servers do, so that few go stale under us
_IDLE = 32  # idle connections kept


@frozen(kw_only=True)
class Tls:
    """How servers are verified, and how we show who we are.

    Attributes:
        ca: a file of further certificate authorities to trust, in PEM.
        client_cert: a PEM file with a certificate and its key, or a pair of two files.
    """

    ca: Path | str | None = None
    client_cert: Path | str | tuple[Path | str, Path | str] | None = field(default=None, repr=False)

    def context(self) -> ssl.SSLContext:
        """Build the TLS context (26 ms: only for the first https host).

        Raises:
            InvalidSetting: a file cannot be read, or does not hold what it should.
        """
        context = httpx.create_ssl_context()
        if self.ca is not None:
            with _naming("ca", self.ca):
                context.load_verify_locations(cafile=self.ca)
        if self.client_cert is not None:
            pair = self.client_cert if isinstance(self.client_cert, tuple) else (self.client_cert,)
            with _naming("client_cert", *pair):
                context.load_cert_chain(*pair)
        return context


@contextlib.contextmanager
def _naming(setting: str, *files: Path | str) -> Iterator[None]:
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


class Pools(httpx.BaseTransport):
    """Connection pools of one client: one for http, one for https, each again behind a proxy.

    Thread safe; the pools are built on first use. Errors are httpcore's own: `transport` maps them.

    Args:
        dialer: opens the connections.
        tls: how servers are verified.
        proxy: the address of a proxy; None reads the environment's ``HTTP_PROXY`` and its kind.
    """

    def __init__(self, dialer: Dialer, *, tls: Tls, proxy: str | None = None) -> None:
        self._dialer = dialer
        self._tls = tls
        self._proxy = proxy
        self._pools: dict[tuple[bool, str | None], httpcore.ConnectionPool] = {}
        self._proxies: dict[tuple[str, str], str | None] = {}
        self._lock = threading.Lock()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request and return its response, body unread."""
        url = request.url
        target = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
        response = self._pool(url).handle_request(
            httpcore.Request(
                method=request.method.encode(),
                url=target,
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_Body(response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        """Close every connection."""
        with self._lock:
            pools, self._pools = list(self._pools.values()), {}
        for pool in pools:
            pool.close()

    def _pool(self, url: httpx.URL) -> httpcore.ConnectionPool:
        secure = url.scheme == "https"
        key = secure, self._proxy or self._proxy_of_environment(url.scheme, url.host)
        with self._lock:
            if key not in self._pools:
                self._pools[key] = self._build(key[1], secure=secure)
            return self._pools[key]

    def _build(self, proxy: str | None, *, secure: bool) -> httpcore.ConnectionPool:
        via = None if proxy is None else _read_proxy(proxy)
        if via is not None:
            self._dialer.trust(via.url.host)
        return httpcore.ConnectionPool(
            ssl_context=self._tls.context() if secure else None,
            max_connections=None,
            max_keepalive_connections=_IDLE,
            keepalive_expiry=_KEEP_ALIVE,
            network_backend=self._dialer,
            proxy=None if via is None else _httpcore_proxy(via),
        )

    def _proxy_of_environment(self, scheme: str, host: str) -> str | None:
        key = scheme, host
        if key not in self._proxies:
            self._proxies[key] = _proxy_of_environment(*key)
        return self._proxies[key]


def _read_proxy(address: str) -> httpx.Proxy:
    """Read a proxy's address, of which nothing is repeated: it may hold a password.

    Raises:
        InvalidSetting: it is none.
    """
    with contextlib.suppress(ValueError, httpx.InvalidURL):
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


def _proxy_of_environment(scheme: str, host: str) -> str | None:
    """Return the proxy that the environment names for a host, None where it names none."""
    proxies = getproxies()
    found = proxies.get(scheme) or proxies.get("all")
    if not found or proxy_bypass(host):
        return None
    return found if "://" in found else f"http://{found}"
