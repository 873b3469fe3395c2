"""The gate every request passes: recorded, held back or refused by the hook, judged by the rules, answered.

It wraps the routes as plain ASGI, so that it sees the body's bytes as they come and go and what is said
last, whatever an endpoint does.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote

from attrs import define, field
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Receive, Send

from lazyimg.server.access import Caller, name_and_password
from lazyimg.server.connection import KEY
from lazyimg.server.endpoints.context import Context
from lazyimg.server.errors import ApiError, no_space
from lazyimg.server.exchange import Exchange
from lazyimg.server.faults import Faults
from lazyimg.server.place import Place
from lazyimg.server.request import Ledger, Request
from lazyimg.server.tokens import BEARER

if TYPE_CHECKING:
    from starlette.types import Scope

Hook = Callable[[Request], tuple[int, str, str] | ApiError | None]
"""What a user gives to hold requests back or refuse them: with a status, a code and a message."""

HOST = re.compile(r"[A-Za-z0-9._:\[\]-]+")
"""What a registry may be called in its challenges: the hosts and ports of RFC 3986 that are in use."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})

logger = logging.getLogger(__name__)
logger.addHandler(logging.NullHandler())
answered = logging.getLogger("lazyimg.server.answered")
"""Told of each request that has ended, at INFO."""


@define(eq=False)
class Gate:
    """The outermost layer of the application."""

    app: ASGIApp
    context: Context
    hook: Hook | None = None
    ledger: Ledger = field(factory=Ledger)
    faults: Faults = field(init=False)

    @faults.default
    def _faults(self) -> Faults:
        return Faults(self.context.access, self.ledger)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request.of(scope)
        self.ledger.add(request)
        exchange = Exchange(request, _caller(scope), self.context, scope[KEY], self.faults, receive, send)
        try:
            await self._answer(scope, exchange)
        except (ClientDisconnect, asyncio.CancelledError) as error:  # cancelled: the registry stops
            logger.debug("%s %s was cut: %s", request.method, request.path, type(error).__name__)
        finally:
            request.end()
            if answered.isEnabledFor(logging.INFO):
                answered.info(line_of(request, scope.get("client")))

    async def _answer(self, scope: Scope, exchange: Exchange) -> None:
        try:
            await self._admit(scope, exchange)
            await self.app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            raise
        except Exception as error:
            if exchange.request.status is not None:
                raise
            await self._refuse(scope, exchange, _refusal(error, exchange.request))

    async def _refuse(self, scope: Scope, exchange: Exchange, refusal: ApiError) -> None:
        """Answer with a refusal, or with what a fault on demand puts in its place."""
        try:
            await refusal.response()(scope, exchange.receive, exchange.send)
        except ApiError as other:
            await self._refuse(scope, exchange, other)

    async def _admit(self, scope: Scope, exchange: Exchange) -> None:
        if self.hook is not None:
            refusal = await self.context.workers.hold(self.hook, exchange.request)
            if refusal is not None:
                raise refusal if isinstance(refusal, ApiError) else ApiError(*refusal)
        await exchange.arrive()
        caller, access = exchange.caller, self.context.access
        pair = name_and_password(caller.authorization) if access.tokens is None else None
        scope[BEARER] = await self.context.judged(pair, access.admit, caller)


def line_of(request: Request, client: tuple[str, int] | None) -> str:
    """Return the line of a log that tells of a request; its query, which may hold a secret, is left out.

    >>> line_of(Request("GET", "/v2/", status=200, arrived=1.0, ended=1.25), ("127.0.0.1", 40000))
    '127.0.0.1 GET /v2/ 200, 0 bytes in, 0 out, 0.250 s'
    """
    took = (request.ended or request.arrived) - request.arrived
    return (
        f"{client[0] if client else '-'} {request.method} {quote(request.path, safe='/:@+,=~')} "
        f"{request.status or 'cut'}, {request.bytes_in} bytes in, {request.bytes_out} out, {took:.3f} s"
    )


def _caller(scope: Scope) -> Caller:
    """Return who asks, for what."""
    headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
    named = headers.get(b"host", "")
    host = named if HOST.fullmatch(named) else "{}:{}".format(*scope["server"])
    origin = f"{scope['scheme']}://{host}"
    return Caller(scope["method"], Place.of(scope["path"]), origin, headers.get(b"authorization"))


def _refusal(error: Exception, request: Request) -> ApiError:
    """Return what is answered when an endpoint or a hook raised."""
    if isinstance(error, ApiError):
        return error
    logger.error("%s %s failed", request.method, request.path, exc_info=error)
    if isinstance(error, OSError) and error.errno in _FULL:
        return no_space(os.strerror(error.errno))
    return ApiError(500, "UNKNOWN", f"{type(error).__name__}: {error}")
