"""A small HTTP server for one function: what a test needs of a registry and nothing else."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


class Exchange:
    """One request, and the way to answer it."""

    def __init__(self, handler: _Handler) -> None:
        self._handler = handler
        self.method: str = handler.command
        self.target: str = handler.path
        self.path: str = urlsplit(handler.path).path
        self.query: list[tuple[str, str]] = parse_qsl(urlsplit(handler.path).query, keep_blank_values=True)
        self.headers = handler.headers
        self.status = 0
        self.is_mute = False
        """Set to cut the connection where the answer would be."""

    def values(self, name: str) -> list[str]:
        """Return the values of a query parameter."""
        return [value for key, value in self.query if key == name]

    def body(self, size: int = 64 << 10) -> Iterator[bytes]:
        """Yield the request's body as it arrives."""
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            yield from self._chunked()
            return
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            part = self._handler.rfile.read1(min(size, left))  # type: ignore[attr-defined]
            if not part:
                raise ConnectionError("the client went away")
            left -= len(part)
            yield part

    def _chunked(self) -> Iterator[bytes]:
        while length := int(self._line() or b"0", 16):
            left = length
            while left:
                part = self._handler.rfile.read1(left)  # type: ignore[attr-defined]
                if not part:
                    raise ConnectionError("the client went away")
                left -= len(part)
                yield part
            self._line()
        self._line()

    def _line(self) -> bytes:
        line = self._handler.rfile.readline(1024)
        if not line:
            raise ConnectionError("the client went away")
        return line.strip()

    def read(self) -> bytes:
        """Return the request's whole body."""
        return b"".join(self.body())

    def rest(self) -> bytes:
        """Return whatever else is said on the connection, to its end."""
        self._handler.close_connection = True
        return self._handler.rfile.read()

    def answer(
        self,
        status: int,
        body: bytes = b"",
        headers: Mapping[str, str] | list[tuple[str, str]] | None = None,
        *,
        length: int | None = None,
    ) -> None:
        """Answer, with a ``Content-Length`` that is the body's unless another one is asked for."""
        handler = self._handler
        self.status = status
        if self.is_mute:
            self.cut()
            return
        handler.send_response_only(status)
        pairs = list(headers.items()) if isinstance(headers, Mapping) else list(headers or [])
        for name, value in pairs:
            handler.send_header(name, value)
        if length != -1:
            handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        if self.method != "HEAD":
            handler.wfile.write(body)

    def write(self, data: bytes) -> None:
        """Write more of an answer's body."""
        self._handler.wfile.write(data)

    def cut(self) -> None:
        """Close the connection without another word."""
        self._handler.close_connection = True
        with contextlib.suppress(OSError):
            self._handler.connection.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Reset the connection (RST), as a host does that has crashed."""
        handler = self._handler
        handler.close_connection = True
        with contextlib.suppress(OSError):
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            os.close(handler.connection.detach())

    def leave(self) -> None:
        """End the connection behind an answer that came before all of the body; the rest is thrown away."""
        self._handler.close_connection = True
        with contextlib.suppress(OSError, ValueError):
            self._handler.wfile.flush()
            for _ in self.body():
                pass


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes: the second would wait for 40 ms
    server: HttpServer

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (OSError, ValueError):
            self.close_connection = True

    def _handle(self) -> None:
        exchange = Exchange(self)
        with self.server.lock:
            self.server.exchanges.append(exchange)
        self.server.respond(exchange)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815

    def log_message(self, *_: Any) -> None:
        """Be silent."""


class HttpServer(ThreadingHTTPServer):
    """Serves one function on a free loopback port; threads end with it.

    Args:
        respond: answers one exchange; called in a thread for each connection.
        port: where to listen; 0 takes a free port.
    """

    daemon_threads = True
    block_on_close = False

    def __init__(self, respond: Callable[[Exchange], None], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), _Handler)
        self.respond = respond
        self.exchanges: list[Exchange] = []
        self.lock = threading.Lock()

    @property
    def host(self) -> str:
        """Address and port."""
        return f"127.0.0.1:{self.server_port}"

    @property
    def log(self) -> list[str]:
        """Method and path of each request so far, in order of arrival."""
        with self.lock:
            return [f"{exchange.method} {exchange.path}" for exchange in self.exchanges]

    def handle_error(self, *_: Any) -> None:
        """Be silent: connections are cut on purpose."""

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()
