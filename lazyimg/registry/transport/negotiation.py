"""Connections that are agreed on while they are made: HTTP/2 where the server speaks it, else HTTP/1.1.

A server that does not is known from its first connection on, which is given up: those of HTTP/1.1 are made as
ever, on a socket of their own.
"""

import ssl
import threading
from collections.abc import Callable
from typing import Final

import httpcore

from lazyimg.registry.transport.http2 import Http2Connection
from lazyimg.registry.transport.network import Dialer, current_call
from lazyimg.registry.transport.tls_stream import TlsStream

PROTOCOLS: Final = ("h2", "http/1.1")


class Negotiated(httpcore.ConnectionInterface):
    """A connection to one server, made for its first request. Thread safe.

    Args:
        origin: the server.
        dialer: opens connections.
        context: how it is verified.
        keep_alive: seconds that an idle connection is kept.
        refuse: called if the server does not speak HTTP/2.
    """

    def __init__(
        self,
        origin: httpcore.Origin,
        dialer: Dialer,
        context: ssl.SSLContext,
        keep_alive: float,
        refuse: Callable[[], None],
    ) -> None:
        self._origin = origin
        self._dialer = dialer
        self._context = context
        self._keep_alive = keep_alive
        self._refuse = refuse
        self._lock = threading.Lock()
        self._failed = False
        self._connection: Http2Connection | None = None

    def handle_request(self, request: httpcore.Request) -> httpcore.Response:
        """Send a request, and return the head of its answer; connect first, if nobody did.

        Raises:
            httpcore.ConnectionNotAvailable: the server does not speak HTTP/2, or takes no further request.
        """
        with self._lock:
            connection = self._connection
            if connection is None:
                connection = self._connection = self._connected(request)
        return connection.handle_request(request)

    def _connected(self, request: httpcore.Request) -> Http2Connection:
        if self._failed:
            raise httpcore.ConnectionNotAvailable
        try:
            return self._connect(request)
        except BaseException:
            self._failed = True
            raise

    def _connect(self, request: httpcore.Request) -> Http2Connection:
        timeout = request.extensions.get("timeout", {}).get("connect")
        host = self._origin.host.decode("ascii")
        stream = self._dialer.connect_tcp(host, self._origin.port, timeout)
        call = current_call()
        call.uses(stream)
        tls = TlsStream(stream.inner, self._context, host.strip("[]"), call.limit_read(timeout))
        if tls.protocol == PROTOCOLS[0]:
            return Http2Connection(self._origin, tls, self._keep_alive)
        tls.close()
        self._refuse()
        raise httpcore.ConnectionNotAvailable

    def can_handle_request(self, origin: httpcore.Origin) -> bool:
        """Tell whether it leads to that server."""
        return origin == self._origin

    def is_available(self) -> bool:
        """Tell whether it takes one more request; one that is being made may turn out to."""
        return not self._failed if self._connection is None else self._connection.is_available()

    def has_expired(self) -> bool:
        """Tell whether it was idle for too long."""
        return self._failed if self._connection is None else self._connection.has_expired()

    def is_idle(self) -> bool:
        """Tell whether nobody uses it."""
        return self._failed if self._connection is None else self._connection.is_idle()

    def is_closed(self) -> bool:
        """Tell whether it is of no use any more."""
        return self._failed if self._connection is None else self._connection.is_closed()

    def info(self) -> str:
        """Describe it."""
        return "CONNECTING" if self._connection is None else self._connection.info()

    def close(self) -> None:
        """Close it."""
        if self._connection is not None:
            self._connection.close()


class NegotiatingPool(httpcore.ConnectionPool):
    """A pool of such connections.

    Args:
        dialer: opens connections.
        trust: makes a context of TLS, which is how servers are verified.
        keep_alive: seconds that an idle connection is kept.
        most_idle: idle connections that are kept.
    """

    def __init__(
        self, dialer: Dialer, trust: Callable[[], ssl.SSLContext], *, keep_alive: float, most_idle: int
    ) -> None:
        super().__init__(
            ssl_context=trust(),
            max_connections=None,
            max_keepalive_connections=most_idle,
            keepalive_expiry=keep_alive,
            network_backend=dialer,
        )
        negotiating = trust()  # one of its own: what it offers is part of it
        negotiating.set_alpn_protocols(PROTOCOLS)
        self._parts = dialer, negotiating, keep_alive
        self._refused: set[tuple[bytes, int]] = set()

    def create_connection(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        """Make one, not yet connected; of HTTP/1.1 alone, where that is known to be spoken."""
        place = origin.host, origin.port
        if place in self._refused:
            return super().create_connection(origin)
        return Negotiated(origin, *self._parts, lambda: self._refused.add(place))
