"""A proxy in front of a registry: it records what passes, and cuts or answers what a test tells it to."""

from __future__ import annotations

import http.client
import threading
from typing import TYPE_CHECKING, Self

from attrs import define, field

from support.http_server import Exchange, HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable

_HOP_BY_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade"})


@define
class Passed:
    """A request that passed: method, path with query, body bytes, and how it was answered."""

    method: str
    target: str
    exchange: Exchange = field(repr=False)
    bytes_in: int = 0

    @property
    def status(self) -> int:
        """The status; 0 until it is answered, or if it was cut. Who has the answer finds it here."""
        return self.exchange.status

    @property
    def path(self) -> str:
        """The path, without its query."""
        return self.target.partition("?")[0]


@define
class Cut:
    """Cut the next ``times`` requests with this method whose body comes to so many bytes, there."""

    method: str
    after: int
    times: int = 1


class Front:
    """The proxy; use it as a context manager.

    Args:
        upstream: host and port of the registry.
    """

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._server = HttpServer(self._pass)
        self._lock = threading.Lock()
        self._cuts: list[Cut] = []
        self.requests: list[Passed] = []
        self.intercept: Callable[[Exchange], bool] | None = None
        """Called for each request first; if it returns True it has answered."""

    @property
    def host(self) -> str:
        """The registry as references name it, by way of this proxy."""
        return self._server.host

    @property
    def log(self) -> list[str]:
        """Method and path of what passed, in order of arrival."""
        with self._lock:
            return [f"{passed.method} {passed.path}" for passed in self.requests]

    def clear(self) -> None:
        """Forget what passed."""
        with self._lock:
            self.requests.clear()

    def cut(self, after: int, *, method: str = "PATCH", times: int = 1) -> None:
        """Cut the next requests with this method after so many bytes of their body; 0: before any.

        A cut at the very end of a body loses only the answer.
        """
        with self._lock:
            self._cuts.append(Cut(method, after, times))

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._server.__exit__(*details)

    def _pass(self, exchange: Exchange) -> None:
        passed = Passed(exchange.method, exchange.target, exchange)
        with self._lock:
            self.requests.append(passed)
        if self.intercept is not None and self.intercept(exchange):
            return
        upstream = http.client.HTTPConnection(self._upstream, timeout=60)
        try:
            self._forward(exchange, passed, upstream)
        finally:
            upstream.close()

    def _forward(self, exchange: Exchange, passed: Passed, upstream: http.client.HTTPConnection) -> None:
        cut = self._next_cut(exchange.method)
        if cut is not None and cut.after == 0 and self._takes(cut):
            exchange.cut()
            return
        upstream.putrequest(exchange.method, exchange.target, skip_host=True, skip_accept_encoding=True)
        for name, value in exchange.headers.items():
            upstream.putheader(name, value)
        upstream.endheaders()
        chunked = "chunked" in exchange.headers.get("Transfer-Encoding", "")
        for part in exchange.body():
            is_cut = cut is not None and passed.bytes_in + len(part) >= cut.after and self._takes(cut)
            sent = part[: cut.after - passed.bytes_in] if cut is not None and is_cut else part
            passed.bytes_in += len(sent)
            upstream.send(b"%x\r\n%s\r\n" % (len(sent), sent) if chunked else sent)
            if is_cut:
                upstream.close()  # first, so that the registry knows of it when it is asked about the upload
                exchange.cut()
                return
        if chunked:
            upstream.send(b"0\r\n\r\n")
        self._answer(exchange, upstream.getresponse())

    def _next_cut(self, method: str) -> Cut | None:
        with self._lock:
            return next((cut for cut in self._cuts if cut.method == method and cut.times > 0), None)

    def _takes(self, cut: Cut) -> bool:
        """Whether a cut is still to be made, and by nobody else."""
        with self._lock:
            cut.times -= 1
            return cut.times >= 0

    @staticmethod
    def _answer(exchange: Exchange, response: http.client.HTTPResponse) -> None:
        headers = [pair for pair in response.getheaders() if pair[0].lower() not in _HOP_BY_HOP]
        length = response.getheader("Content-Length")
        if length is None:
            exchange.answer(response.status, response.read(), headers)
            return
        headers = [pair for pair in headers if pair[0].lower() != "content-length"]
        exchange.answer(response.status, b"", headers, length=int(length))
        while exchange.method != "HEAD" and (part := response.read(256 << 10)):
            exchange.write(part)
