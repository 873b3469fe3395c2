"""The connection under a request, which faults break: ASGI does not show it, so the protocol hands it on."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from typing import TYPE_CHECKING, Any

import h11
from attrs import define
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

KEY = "lazyimg.connection"
"""Where the scope of a request holds its `Connection`."""

ABSOLUTE = re.compile("https?://[^/]*", re.IGNORECASE)
"""What stands before the path in the absolute form of a request (RFC 9112, section 3.2.2)."""

AT_ONCE = struct.pack("ii", 1, 0)
"""The SO_LINGER that makes closing a reset."""

PATIENCE, LOOKS = 2.0, 400
"""How long a reset waits for what was sent before to leave, in seconds, and how often it looks."""


@define(eq=False)
class Connection:
    """A client's connection."""

    _transport: asyncio.Transport

    @property
    def is_closing(self) -> bool:
        """Whether it is closed, or about to be."""
        return self._transport.is_closing()

    async def reset(self) -> None:
        """Cut it with a reset (RST) once what was sent has left; what the client did not read may be lost."""
        for _ in range(LOOKS):
            if not self._transport.get_write_buffer_size() or self.is_closing:
                break
            await asyncio.sleep(PATIENCE / LOOKS)
        if not self.is_closing:
            raw: socket.socket = self._transport.get_extra_info("socket")
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._transport.abort()

    def close(self) -> None:
        """Close it as one does when all was said, after what was sent."""
        self._transport.close()


class Protocol(H11Protocol):
    """HTTP/1.1 by uvicorn and h11, whatever else is installed; each request is told of its connection."""

    def connection_made(self, transport: Any) -> None:
        """Begin with a new client."""
        super().connection_made(transport)
        self.app = _told(self.app, Connection(transport))

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP; where an answer was given before its request had ended, just close."""
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            super().send_400_response(msg)
        else:
            self.transport.close()


def _told(app: Any, connection: Connection) -> ASGIApp:
    """Return the application, told of a connection, and of paths alone: a proxy names host and path."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        scope[KEY] = connection
        if named := ABSOLUTE.match(scope["path"]):
            scope["path"] = scope["path"][named.end() :] or "/"
        await app(scope, receive, send)

    return call
