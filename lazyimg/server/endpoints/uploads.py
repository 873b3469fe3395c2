"""Uploads: POST, PATCH, PUT, GET and DELETE (distribution-spec, "Pushing blobs", "Mounting a blob")."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import frozen
from starlette.responses import Response

from lazyimg.server.endpoints.context import blob_path
from lazyimg.server.errors import ApiError, digest_invalid
from lazyimg.server.manifests import parse_digest
from lazyimg.server.ranges import parse_content_range

if TYPE_CHECKING:
    from concurrent.futures import Future

    from starlette.requests import Request

    from lazyimg.oci.digest import Digest
    from lazyimg.server.endpoints.context import Context
    from lazyimg.server.store import Chunk
    from lazyimg.server.uploads import Upload

BATCH = 1 << 20
"""How many bytes are collected before a worker thread hashes and stores them."""

PATIENCE = 1.0
"""How long a status request waits for a writer whose connection may just have broken, in seconds."""


@frozen
class UploadEndpoints:
    """The endpoints ``/v2/<name>/blobs/uploads/`` and those below it."""

    context: Context

    async def post(self, request: Request) -> Response:
        """Begin an upload; with ``mount`` link a blob instead, with ``digest`` take it whole."""
        query, repository = request.query_params, self.context.repository(request)
        if "mount" in query:
            digest = parse_digest(query["mount"])
            mount = self.context.repositories.mount
            if await self.context.workers.run(mount, digest, query.get("from"), repository):
                return created(repository.name, digest)
        algorithm = query.get("digest-algorithm", "sha256")
        if algorithm not in {"sha256", "sha512"}:
            raise digest_invalid(algorithm, "the digest algorithms are sha256 and sha512")
        whole = parse_digest(query["digest"]) if "digest" in query else None
        staged = await self.context.workers.run(self.context.store.stage)
        upload = self.context.uploads.begin(repository.name, staged, whole.algorithm if whole else algorithm)
        return accepted(upload) if whole is None else await self._take(upload, request, whole)

    async def _take(self, upload: Upload, request: Request, digest: Digest) -> Response:
        try:
            await self._receive(upload, request, upload.claim())
            return await self._finish(upload, request, digest)
        finally:
            self.context.uploads.end(upload)

    async def patch(self, request: Request) -> Response:
        """Append the body, streamed or one chunk with its ``Content-Range``."""
        upload = self._upload(request)
        await self._append(upload, request)
        return accepted(upload)

    async def put(self, request: Request) -> Response:
        """Append the body, if any, and make the upload the blob of that digest."""
        upload = self._upload(request)
        if "digest" not in request.query_params:
            raise digest_invalid("", "the digest of the whole blob is missing")
        digest = parse_digest(request.query_params["digest"])
        await self._append(upload, request)
        return await self._finish(upload, request, digest)

    async def get(self, request: Request) -> Response:
        """Say how much has arrived."""
        return accepted(self._upload(request), status=204)

    async def delete(self, request: Request) -> Response:
        """Cancel the upload."""
        await self.context.workers.run(self.context.uploads.end, self._upload(request))
        return Response(None, 204)

    def _upload(self, request: Request) -> Upload:
        name = self.context.repository(request).name
        return self.context.uploads.find(name, request.path_params["upload"])

    async def _append(self, upload: Upload, request: Request) -> None:
        span = parse_content_range(request.headers.get("content-range"))
        claim = await self.context.workers.run(upload.claim)
        if span is not None:
            check_span(upload, span, request.headers.get("content-length"))
        await self._receive(upload, request, claim)

    async def _receive(self, upload: Upload, request: Request, claim: int) -> None:
        """Append the body in batches; one is hashed and stored while the next one arrives."""
        batch: list[Chunk] = []
        size, pending = 0, None
        try:
            async for chunk in request.stream():
                batch.append(chunk)
                size += len(chunk)
                if size >= BATCH:
                    await _settled(pending)
                    pending = self.context.workers.submit(upload.append, claim, batch)
                    batch, size = [], 0
        finally:
            await _settled(pending)
            await self.context.workers.run(upload.append, claim, batch)

    async def _finish(self, upload: Upload, request: Request, digest: Digest) -> Response:
        repository = self.context.repository(request)
        try:
            await self.context.workers.run(upload.verify, digest)
            await self.context.workers.run(repository.add_blob, upload.staged, digest)
        finally:
            self.context.uploads.end(upload)
        return created(repository.name, digest)


async def _settled(pending: Future[None] | None) -> None:
    if pending is not None:
        await asyncio.wrap_future(pending)


def check_span(upload: Upload, span: tuple[int, int], length: str | None) -> None:
    """Check that a chunk begins where the upload stands and is as long as it says.

    Raises:
        ApiError: 416 with what the upload holds, or 400 SIZE_INVALID.
    """
    start, stop = span
    if start != upload.offset:
        message = f"the upload stands at {upload.offset}, the chunk begins at {start}"
        raise ApiError(416, "BLOB_UPLOAD_INVALID", message, headers=where(upload))
    if length is not None and int(length) != stop - start:
        raise ApiError(
            400, "SIZE_INVALID", f"Content-Range has {stop - start} bytes, Content-Length {length}"
        )


def where(upload: Upload) -> dict[str, str]:
    """Return the headers that tell where an upload is and what it holds."""
    return {
        "Location": f"/v2/{upload.repository}/blobs/uploads/{upload.id}",
        "Range": f"0-{max(0, upload.offset - 1)}",
        "Docker-Upload-UUID": upload.id,
    }


def accepted(upload: Upload, status: int = 202) -> Response:
    """Return the answer that tells where the upload goes on."""
    return Response(None, status, where(upload))


def created(repository: str, digest: Digest) -> Response:
    """Return the answer that tells where the blob is."""
    return Response(None, 201, {"Location": blob_path(repository, digest), "Docker-Content-Digest": digest})
