"""A uvicorn server in a daemon thread: it starts at once, says nothing, stops with connections open."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from typing import TYPE_CHECKING

from attrs import define, field
from uvicorn import Config, Server

if TYPE_CHECKING:
    from starlette.types import ASGIApp

logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())

GRACE = 0.3
"""How long requests under way may go on after the server was told to stop, in seconds."""

BACKLOG = 1024
"""How many connections may wait to be accepted."""


class _Server(Server):
    """A server that ends what its shutdown would wait for."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop; cut what is still open after the grace period."""
        cut = asyncio.get_running_loop().call_later(GRACE, self._cut)
        await super().shutdown(sockets)
        cut.cancel()

    def _cut(self) -> None:
        self.force_exit = True
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()


@define(eq=False)
class Serving:
    """An application that is being served on a socket of its own."""

    socket: socket.socket
    _server: _Server
    _thread: threading.Thread = field(init=False, repr=False)

    @classmethod
    def start(cls, app: ASGIApp, host: str, port: int) -> Serving:
        """Bind, serve in a thread, and return: from here on connections are accepted.

        Args:
            app: the application.
            host: the address to listen on.
            port: the port; 0 takes a free one.

        Raises:
            OSError: the address cannot be bound.
        """
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
        serving = cls(listener, _Server(_config(app)))
        serving._thread = threading.Thread(target=serving._run, name="lazyimg-registry", daemon=True)
        serving._thread.start()
        return serving

    def _run(self) -> None:
        asyncio.run(self._server.serve(sockets=[self.socket]))

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return int(self.socket.getsockname()[1])

    def stop(self) -> None:
        """Stop serving, cutting what does not end by itself, and wait for the thread."""
        self._server.should_exit = True
        self._thread.join()
        with contextlib.suppress(OSError):
            self.socket.close()


def _config(app: ASGIApp) -> Config:
    return Config(
        app,
        loop="asyncio",
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
        timeout_graceful_shutdown=2,
    )
