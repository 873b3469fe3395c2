"""A uvicorn server in a daemon thread: it starts at once, says nothing, stops with connections open."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

from attrs import define, field
from uvicorn import Config, Server

from lazyimg.server.connection import Protocol

if TYPE_CHECKING:
    from collections.abc import Collection

    from starlette.types import ASGIApp

    from lazyimg.server.tls import Tls

logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())

GRACE, LOOKS = 0.3, 60
"""How long requests under way may go on after the server was told to stop, in seconds, and how often it
is looked whether they ended."""

BACKLOG = 1024
"""How many connections may wait to be accepted."""


class _Server(Server):
    """A server that stops when it is told, not at its next tick, and cuts what does not end by itself."""

    def __init__(self, config: Config) -> None:
        super().__init__(config)
        self.running: Future[asyncio.AbstractEventLoop] = Future()
        self._told = asyncio.Event()

    def tell(self) -> None:
        """Tell the server to stop; safe from any thread."""
        with contextlib.suppress(RuntimeError):  # its loop is closed: it has stopped
            self.running.result().call_soon_threadsafe(self._told.set)

    async def main_loop(self) -> None:
        """Serve until told to stop; once a second the date in the answers moves on."""
        self.running.set_result(asyncio.get_running_loop())
        while not self._told.is_set():
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), 1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Accept nothing new, let what is under way end within the grace period, and cut the rest."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        connections, tasks = self.server_state.connections, self.server_state.tasks
        for connection in list(connections):
            connection.shutdown()
        await self._emptied(connections, tasks)
        for connection in list(connections):
            connection.transport.abort()
        for task in list(tasks):
            task.cancel()
        await self._emptied(connections, tasks)

    @staticmethod
    async def _emptied(*groups: Collection[object]) -> None:
        """Wait until the groups are empty, for the grace period at most."""
        for _ in range(LOOKS):
            if any(groups):
                await asyncio.sleep(GRACE / LOOKS)


@define(eq=False)
class Serving:
    """An application that is being served on a socket of its own."""

    port: int
    _server: _Server
    _thread: threading.Thread = field(repr=False)

    @classmethod
    def start(cls, app: ASGIApp, host: str, port: int, tls: Tls | None = None) -> Serving:
        """Bind, serve in a thread, and return when requests are answered.

        Args:
            app: the application.
            host: the address to listen on.
            port: the port; 0 takes a free one.
            tls: the certificate to speak TLS with; None speaks plain HTTP.

        Raises:
            OSError: the address cannot be bound.
            InvalidSetting: the certificate cannot be used.
        """
        config = _config(app, tls)
        listener = listen(host, port)
        server = _Server(config)
        thread = threading.Thread(
            target=_serve, args=(server, listener), name="lazyimg-registry", daemon=True
        )
        bound = int(listener.getsockname()[1])
        thread.start()
        server.running.result()
        return cls(bound, server, thread)

    def stop(self) -> None:
        """Stop serving, cutting what does not end by itself, and wait for the thread."""
        self._server.tell()
        self._thread.join()


def named(host: str, port: int) -> str:
    """Return an address as it is written, an IPv6 one in brackets.

    >>> named("127.0.0.1", 5000), named("::1", 5000)
    ('127.0.0.1:5000', '[::1]:5000')
    """
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens on an address.

    The protocol is named because asyncio sends small answers at once (`TCP_NODELAY`) only where it is;
    without it every answer with a body waits 40 ms for the client's kernel.

    Raises:
        OSError: the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        hint = "; a port of 0 takes a free one" if error.errno == errno.EADDRINUSE else ""
        raise OSError(error.errno, f"{error.strerror}: cannot listen on {named(host, port)}{hint}") from error
    return listener


def _serve(server: _Server, listener: socket.socket) -> None:
    """Run a server until it is told to stop, or hand over why it could not start."""
    with listener:
        try:
            asyncio.run(server.serve(sockets=[listener]))
        except BaseException as error:
            if server.running.done():
                raise
            server.running.set_exception(error)


def _config(app: ASGIApp, tls: Tls | None) -> Config:
    config = Config(
        app,
        loop="asyncio",
        http=Protocol,
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        headers=[("Docker-Distribution-API-Version", "registry/2.0")],
        backlog=BACKLOG,
        timeout_keep_alive=30,
        **({} if tls is None else tls.settings()),
    )
    with contextlib.nullcontext() if tls is None else tls.named():
        config.load()
    return config
