"""What a fault does: small values, each of which does one thing to an exchange.

An action that returns lets the request go on from where it was; one that raises ends it: with a
`ClientDisconnect` after it broke the connection, with an `ApiError` to have that answered.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen
from attrs.validators import optional
from starlette.responses import Response

from lazyimg.server.errors import ApiError
from lazyimg.server.wanted import header, seconds, value_of, whole

if TYPE_CHECKING:
    from lazyimg.server.exchange import Exchange

CODES = {
    401: "UNAUTHORIZED",
    403: "DENIED",
    404: "NAME_UNKNOWN",
    413: "SIZE_INVALID",
    429: "TOOMANYREQUESTS",
}
"""The error code that goes with a status, if none is given; ``UNKNOWN`` with the others."""

LOOK = 0.05
"""How often it is looked whether the client of a connection that hangs has gone, in seconds."""


@frozen
class Action:
    """Something that goes wrong."""

    point = "arrival"
    """Where it happens if the fault does not say."""

    answers = False
    """Whether it puts an answer in place of the registry's, which is too late once that was begun."""

    async def act(self, exchange: Exchange) -> None:
        """Do it."""
        raise NotImplementedError


@frozen
class Reset(Action):
    """The connection is reset (RST), as by a crash."""

    async def act(self, exchange: Exchange) -> None:
        """Reset the connection."""
        await exchange.connection.reset()
        await exchange.leave()


@frozen
class Truncate(Action):
    """The connection is closed in good order: of an answer, fewer bytes than were announced come."""

    point = "sent"

    async def act(self, exchange: Exchange) -> None:
        """Close the connection."""
        exchange.connection.close()
        await exchange.leave()


@frozen
class Hang(Action):
    """Nothing more is read or sent, as of a host that vanished.

    Attributes:
        seconds: for how long, then the connection is reset; None is until the client is seen to go (behind
            a body that is not read it is not), or the registry stops.
    """

    seconds: float | None = field(default=None, validator=optional(seconds))

    async def act(self, exchange: Exchange) -> None:
        """Wait."""
        left = self.seconds
        while not exchange.connection.is_closing and (left is None or left > 0):
            await asyncio.sleep(LOOK)
            left = None if left is None else left - LOOK
        await Reset().act(exchange)


@frozen
class Delay(Action):
    """Everything waits a while, and goes on.

    Attributes:
        seconds: for how long.
    """

    seconds: float = field(validator=seconds)

    async def act(self, exchange: Exchange) -> None:  # noqa: ARG002 - nothing is done to the exchange
        """Wait."""
        await asyncio.sleep(self.seconds)


@frozen
class Status(Action):
    """The answer is an error, or whatever one likes.

    Attributes:
        status: the HTTP status.
        code: the distribution-spec's error code; None takes one that fits.
        message: what the error says.
        retry_after: the ``Retry-After`` header: seconds, or the text of a date (RFC 9110, "Retry-After").
        headers: further headers.
        body: what is sent in place of the specification's JSON.

    Raises:
        TypeError: a value of another kind.
        ValueError: a status or a header that can be in no answer.
    """

    status: int = field(validator=whole(200, "an HTTP status of an answer, from 200 to 599", most=599))
    code: str | None = field(
        default=None, validator=optional(value_of(str, "an error code, such as 'DENIED'"))
    )
    message: str = field(default="a fault on demand", validator=value_of(str, "a text"))
    retry_after: int | str | None = field(
        default=None, kw_only=True, validator=optional(value_of((int, str), "seconds, or the text of a date"))
    )
    headers: Mapping[str, str] = field(factory=dict, kw_only=True, validator=header)
    body: bytes | None = field(default=None, kw_only=True, validator=optional(value_of(bytes, "bytes")))

    answers = True

    async def act(self, exchange: Exchange) -> None:  # noqa: ARG002 - the answer is the same to everybody
        """Answer.

        Raises:
            ApiError: always.
        """
        waiting = {} if self.retry_after is None else {"Retry-After": str(self.retry_after)}
        code = self.code or CODES.get(self.status, "UNKNOWN")
        headers = {**waiting, **self.headers}
        if self.body is None:
            raise ApiError(self.status, code, self.message, headers=headers)
        raise Answered(self.status, code, self.message, self.body, headers)


class Answered(ApiError):
    """An answer whose body is not the specification's."""

    def __init__(self, status: int, code: str, message: str, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(status, code, message, headers=headers)
        self.body = body

    def response(self) -> Response:
        """Return the answer."""
        return Response(self.body, self.status, self.headers)


def rate_limit(retry_after: int | str | None = 1) -> Status:
    """Return the action of a registry that is asked too often: 429 with ``Retry-After``."""
    return Status(429, message="too many requests", retry_after=retry_after)


@frozen
class WrongDigest(Action):
    """The answer is not what its digest says: a bit of the body is another.

    Of an answer without a body it is the ``Docker-Content-Digest`` header that names another digest.

    Attributes:
        byte: in which byte of the body the bit is; the last, if there are fewer.
    """

    byte: int = field(default=0, validator=whole(0, "the number of a byte, 0 or more"))

    point = "handled"

    async def act(self, exchange: Exchange) -> None:
        """Have it done when the answer passes."""
        exchange.wrong_byte = self.byte


@frozen
class LoseUpload(Action):
    """The registry forgets the upload that the request is to; or all of the repository, if it is to none."""

    async def act(self, exchange: Exchange) -> None:
        """Forget."""
        context, place = exchange.context, exchange.place
        for upload in context.uploads.of(
            place.repository, place.reference if place.kind == "upload" else None
        ):
            await context.workers.run(context.uploads.end, upload)


@frozen
class ExpireTokens(Action):
    """All tokens given out so far end, and the request is told so (401)."""

    answers = True

    async def act(self, exchange: Exchange) -> None:
        """End them.

        Raises:
            ApiError: 401, always.
        """
        raise exchange.context.access.expire(exchange.caller)
