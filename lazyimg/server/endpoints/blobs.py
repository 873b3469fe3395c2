"""Blobs: GET, HEAD and DELETE (distribution-spec, "Pulling blobs", "Deleting Blobs")."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import frozen
from starlette.responses import Response, StreamingResponse

from lazyimg.server.endpoints.context import Context
from lazyimg.server.names import parse_digest
from lazyimg.server.ranges import parse_range

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request
    from starlette.types import Send

    from lazyimg.server.store import Blocks
    from lazyimg.server.workers import Workers


class BlocksResponse(StreamingResponse):
    """An answer whose body is read from a store, each block while the one before is on its way."""

    media_type = "application/octet-stream"

    def __init__(self, workers: Workers, blocks: Blocks, status: int, headers: Mapping[str, str]) -> None:
        super().__init__((), status, headers)
        self.workers = workers
        self.blocks = blocks

    async def stream_response(self, send: Send) -> None:
        """Send everything; the blocks are closed when no thread reads them any more."""
        pending = self.workers.submit(next, self.blocks, b"")
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            while block := await asyncio.wrap_future(pending):
                pending = self.workers.submit(next, self.blocks, b"")
                await send({"type": "http.response.body", "body": block, "more_body": True})
        finally:
            pending.add_done_callback(lambda _: self.blocks.close())
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@frozen
class Blobs:
    """The endpoint ``/v2/<name>/blobs/<digest>``."""

    context: Context

    async def get(self, request: Request) -> Response:
        """Answer GET and HEAD: the blob, or the range of it that was asked for."""
        repository = self.context.repository(request)
        digest = parse_digest(request.path_params["reference"])
        size = await self.context.workers.run(repository.blob_size, digest)
        headers = {"Docker-Content-Digest": digest, "ETag": f'"{digest}"', "Accept-Ranges": "bytes"}
        span = parse_range(request.headers.get("range"), size) if request.method == "GET" else None
        start, stop = span or (0, size)
        headers["Content-Length"] = str(stop - start)
        if span is not None:
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{size}"
        if request.method == "HEAD":
            return Response(None, 200, headers, media_type=BlocksResponse.media_type)
        blocks = await self.context.workers.run(repository.read_blob, digest, start, stop)
        return BlocksResponse(self.context.workers, blocks, 200 if span is None else 206, headers)

    async def delete(self, request: Request) -> Response:
        """Answer DELETE: the blob leaves this repository at once."""
        repository = self.context.repository(request)
        digest = parse_digest(request.path_params["reference"])
        await self.context.workers.run(self.context.repositories.delete_blob, digest, repository)
        return Response(None, 202)
