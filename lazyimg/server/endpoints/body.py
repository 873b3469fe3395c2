"""Bodies of requests: streamed into an upload in bounded memory, or read whole within a limit."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TYPE_CHECKING

from attrs import define, field
from starlette.requests import ClientDisconnect

from lazyimg.server.errors import ApiError
from lazyimg.server.limits import UploadLimits
from lazyimg.server.store import Chunk
from lazyimg.server.uploads import Upload
from lazyimg.server.workers import Workers

if TYPE_CHECKING:
    from starlette.requests import Request

BATCH = 1 << 20
"""How many bytes are collected before a worker thread hashes and stores them."""


@define(eq=False)
class Intake:
    """Takes the body of a request into an upload: while a batch is hashed and stored, the next arrives.

    Attributes:
        said: how many bytes there must be, as by ``Content-Range``; None if nobody said.
        taken: the bytes that came so far.
    """

    upload: Upload
    claim: int
    workers: Workers
    limits: UploadLimits
    said: int | None = None
    taken: int = 0
    _batch: list[Chunk] = field(factory=list)
    _size: int = 0
    _pending: Future[None] | None = None

    async def take(self, request: Request) -> None:
        """Append the whole body; what arrived of one that broke off, or was refused midway, is kept.

        Raises:
            ClientDisconnect: the body broke off.
            ApiError: another request took the upload over, or the body was refused midway.
        """
        self.upload.receiving += 1
        try:
            await self._take(request)
        finally:
            self.upload.receiving -= 1

    async def _take(self, request: Request) -> None:
        try:
            async for chunk in request.stream():
                self.limits.check_body(self.taken + len(chunk))
                if self.said is not None and self.taken + len(chunk) > self.said:
                    raise self._other_size("more")
                self._batch.append(chunk)
                self._size += len(chunk)
                self.taken += len(chunk)
                if self._size >= BATCH:
                    await self._hand_over()
        except (ClientDisconnect, ApiError):
            await self._flush()
            raise
        await self._flush()
        if self.said is not None and self.taken < self.said:
            raise self._other_size("less")

    def _other_size(self, how: str) -> ApiError:
        return ApiError(
            400, "SIZE_INVALID", f"the body has {how} than the {self.said} bytes of its Content-Range"
        )

    async def _flush(self) -> None:
        await self._hand_over()
        await self._settle()

    async def _hand_over(self) -> None:
        await self._settle()
        if self._size:
            self._pending = self.workers.submit(self.upload.append, self.claim, self._batch)
            self._batch, self._size = [], 0

    async def _settle(self) -> None:
        pending, self._pending = self._pending, None
        if pending is not None:
            await asyncio.wrap_future(pending)


async def read_limited(request: Request, limit: int, error: ApiError) -> bytes:
    """Return the body of a request.

    Raises:
        ApiError: ``error``; the body has more than ``limit`` bytes.
    """
    data = bytearray()
    async for chunk in request.stream():
        data += chunk
        if len(data) > limit:
            raise error
    return bytes(data)
