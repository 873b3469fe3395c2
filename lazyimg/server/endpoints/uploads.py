"""Uploads: POST, PATCH, PUT, GET and DELETE (distribution-spec, "Pushing blobs", "Mounting a blob")."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from attrs import frozen
from starlette.responses import Response

from lazyimg.server.endpoints.body import Intake
from lazyimg.server.endpoints.context import Context
from lazyimg.server.errors import ApiError, digest_invalid
from lazyimg.server.names import parse_digest
from lazyimg.server.ranges import parse_content_range

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from lazyimg.oci.digest import Digest
    from lazyimg.server.repository import Repository
    from lazyimg.server.uploads import Upload

ALGORITHMS = ("sha256", "sha512")

PATIENCE, LOOKS = 0.5, 20
"""How long a status request waits for a writer whose connection may just have broken, in seconds, and
how often it looks."""

_DIGITS = 18  # of a number of 63 bits


@frozen
class UploadEndpoints:
    """The endpoints ``/v2/<name>/blobs/uploads/`` and those below it."""

    context: Context

    async def post(self, request: Request) -> Response:
        """Begin an upload; with ``mount`` link a blob instead, with ``digest`` take it whole."""
        query, repository = request.query_params, self.context.repository(request)
        if "mount" in query and await self._mount(request, repository):
            return created(repository.name, parse_digest(query["mount"]))
        digest = parse_digest(query["digest"]) if "digest" in query and "mount" not in query else None
        upload = await self._begin(repository, digest.algorithm if digest else query.get("digest-algorithm"))
        if digest is not None:
            return await self._take_whole(upload, request, digest)
        return accepted(upload, further=self.context.limits.headers)

    async def _mount(self, request: Request, target: Repository) -> bool:
        digest, source = parse_digest(request.query_params["mount"]), request.query_params.get("from")
        return await self.context.workers.run(
            self.context.repositories.mount, digest, source, target, self.context.readable(request)
        )

    async def _begin(self, repository: Repository, algorithm: str | None) -> Upload:
        if algorithm not in (None, *ALGORITHMS):
            raise digest_invalid(str(algorithm), f"the digest algorithms are {' and '.join(ALGORITHMS)}")
        staged = self.context.store.stage()
        return await self.context.workers.run(
            self.context.uploads.begin, repository.name, staged, algorithm or ALGORITHMS[0]
        )

    async def _take_whole(self, upload: Upload, request: Request, digest: Digest) -> Response:
        try:
            claim = upload.claim()
            await self._take(upload, claim, request)
            return await self._finish(upload, claim, request, digest)
        finally:
            await self.context.workers.run(self.context.uploads.end, upload)

    async def patch(self, request: Request) -> Response:
        """Append the body, streamed or one chunk with its ``Content-Range``."""
        upload = self._upload(request)
        self.context.limits.check_patch(upload)
        _, taken = await self._append(upload, request)
        upload.is_short = taken < self.context.limits.chunk
        return accepted(upload)

    async def put(self, request: Request) -> Response:
        """Append the body, if any, and make the upload the blob of that digest."""
        upload = self._upload(request)
        digest = parse_digest(request.query_params.get("digest", ""))
        before = upload.offset
        claim, taken = await self._append(upload, request)
        self.context.limits.check_last(before, taken)
        return await self._finish(upload, claim, request, digest)

    async def get(self, request: Request) -> Response:
        """Say how much has arrived."""
        upload = self._upload(request)
        for _ in range(LOOKS):
            if upload.receiving:
                await asyncio.sleep(PATIENCE / LOOKS)
        return accepted(upload, status=204)

    async def delete(self, request: Request) -> Response:
        """Cancel the upload."""
        await self.context.workers.run(self.context.uploads.end, self._upload(request))
        return Response(None, 204)

    def _upload(self, request: Request) -> Upload:
        name = self.context.repository(request).name
        return self.context.uploads.find(name, request.path_params["reference"])

    async def _append(self, upload: Upload, request: Request) -> tuple[int, int]:
        """Append the body; return the claim, and how many bytes it had."""
        span = parse_content_range(request.headers.get("content-range"))
        claim = await self.context.workers.run(upload.claim)
        if span is not None:
            check_span(upload, span, said_length(request))
        said = None if span is None else span[1] - span[0]
        return claim, await self._take(upload, claim, request, said)

    async def _take(self, upload: Upload, claim: int, request: Request, said: int | None = None) -> int:
        length = said_length(request) or 0
        self.context.limits.check_body(length)
        if length:
            self.context.limits.check_next(upload)
        intake = Intake(upload, claim, self.context.workers, self.context.limits, said)
        await intake.take(request)
        return intake.taken

    async def _finish(self, upload: Upload, claim: int, request: Request, digest: Digest) -> Response:
        repository = self.context.repository(request)
        await self.context.workers.run(upload.finish, claim, digest, repository.add_blob)
        self.context.uploads.forget(upload)
        return created(repository.name, digest)


def said_length(request: Request) -> int | None:
    """Return what a request says that its body has, None if it does not say.

    Raises:
        ApiError: 400 SIZE_INVALID, it says no number.
    """
    text = request.headers.get("content-length")
    if text is not None and not (text.isascii() and text.isdecimal() and len(text) <= _DIGITS):
        raise ApiError(400, "SIZE_INVALID", f"Content-Length is {text[:40]!r}")
    return None if text is None else int(text)


def check_span(upload: Upload, span: tuple[int, int], length: int | None) -> None:
    """Check that a chunk begins where the upload stands and is as long as it says.

    Raises:
        ApiError: 416 with what the upload holds, or 400 SIZE_INVALID.
    """
    start, stop = span
    if start != upload.offset:
        message = f"the upload stands at {upload.offset}, the chunk begins at {start}"
        raise ApiError(416, "BLOB_UPLOAD_INVALID", message, headers=where(upload))
    if length is not None and length != stop - start:
        raise ApiError(
            400, "SIZE_INVALID", f"Content-Range has {stop - start} bytes, Content-Length {length}"
        )


def where(upload: Upload) -> dict[str, str]:
    """Return the headers that tell where an upload is and what it holds (``0-0`` too where it is empty)."""
    return {
        "Location": f"/v2/{upload.repository}/blobs/uploads/{upload.id}",
        "Range": f"0-{max(0, upload.offset - 1)}",
        "Docker-Upload-UUID": upload.id,
    }


def accepted(upload: Upload, status: int = 202, further: Mapping[str, str] | None = None) -> Response:
    """Return the answer that tells where the upload goes on, with further headers."""
    return Response(None, status, {**where(upload), **(further or {})})


def created(repository: str, digest: Digest) -> Response:
    """Return the answer that tells where the blob is."""
    location = f"/v2/{repository}/blobs/{digest}"
    return Response(None, 201, {"Location": location, "Docker-Content-Digest": digest})
