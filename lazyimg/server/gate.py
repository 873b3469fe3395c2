"""The gate every request passes: recorded, held back or refused by the hook, judged by the rules, answered.

It wraps the routes as plain ASGI, so that it sees the body's bytes as they come and go and what is said
last, whatever an endpoint does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import define, field
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Send

from lazyimg.server.access import Access
from lazyimg.server.errors import ApiError
from lazyimg.server.request import Ledger, Request
from lazyimg.server.workers import Workers

if TYPE_CHECKING:
    from starlette.types import Message, Scope

Hook = Callable[[Request], tuple[int, str, str] | ApiError | None]
"""What a user gives to hold requests back or refuse them: with a status, a code and a message."""

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())


@define(eq=False)
class Gate:
    """The outermost layer of the application."""

    app: ASGIApp
    workers: Workers
    access: Access
    ledger: Ledger = field(factory=Ledger)
    hook: Hook | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request.of(scope)
        self.ledger.add(request)
        exchange = Exchange(request, receive, send)
        try:
            await self._answer(scope, exchange)
        except (ClientDisconnect, asyncio.CancelledError) as error:  # cancelled: the registry stops
            logger.debug("%s %s was cut: %s", request.method, request.path, type(error).__name__)
        finally:
            request.end()

    async def _answer(self, scope: Scope, exchange: Exchange) -> None:
        try:
            await self._admit(scope, exchange.request)
            await self.app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            raise
        except Exception as error:
            if exchange.request.status is not None:
                raise
            await _refusal(error, exchange.request).response()(scope, exchange.receive, exchange.send)

    async def _admit(self, scope: Scope, request: Request) -> None:
        if self.hook is not None:
            refusal = await self.workers.hold(self.hook, request)
            if refusal is not None:
                raise refusal if isinstance(refusal, ApiError) else ApiError(*refusal)
        sent = dict(scope["headers"]).get(b"authorization")
        self.access.admit(request.method, None if sent is None else sent.decode("latin-1"))


def _refusal(error: Exception, request: Request) -> ApiError:
    """Return what is answered when an endpoint or a hook raised."""
    if isinstance(error, ApiError):
        return error
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    return ApiError(500, "UNKNOWN", f"{type(error).__name__}: {error}")


@define(eq=False)
class Exchange:
    """The two directions of one request, counted as the bytes pass."""

    request: Request
    _receive: Receive
    _send: Send

    async def receive(self) -> Message:
        """Receive, and count."""
        message = await self._receive()
        self.request.bytes_in += len(message.get("body", b""))
        return message

    async def send(self, message: Message) -> None:
        """Count, and send: who has the answer finds it in the record."""
        if message["type"] == "http.response.start":
            self.request.status = message["status"]
        elif self.request.method != "HEAD":
            self.request.bytes_out += len(message.get("body", b""))
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            self.request.end()
        await self._send(message)
