"""Manifests: GET, HEAD, PUT and DELETE (distribution-spec, "Pulling manifests", "Pushing Manifests")."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen
from starlette.responses import Response

from lazyimg.server.endpoints.body import read_limited
from lazyimg.server.endpoints.context import Context
from lazyimg.server.errors import ApiError
from lazyimg.server.manifests import LIMIT, Manifests

if TYPE_CHECKING:
    from starlette.requests import Request


@frozen
class ManifestEndpoints:
    """The endpoint ``/v2/<name>/manifests/<reference>``."""

    context: Context

    def _manifests(self, request: Request) -> tuple[Manifests, str]:
        return Manifests(self.context.repository(request)), request.path_params["reference"]

    async def get(self, request: Request) -> Response:
        """Answer GET and HEAD: the exact bytes that were pushed."""
        manifests, reference = self._manifests(request)
        digest, stored = await self.context.workers.run(manifests.find, reference)
        headers = {
            "Content-Type": stored.media_type,
            "Content-Length": str(len(stored.data)),
            "Docker-Content-Digest": digest,
            "ETag": f'"{digest}"',
        }
        return Response(None if request.method == "HEAD" else stored.data, 200, headers)

    async def put(self, request: Request) -> Response:
        """Keep the manifest that is the body; ``tag`` parameters name further tags for it."""
        manifests, reference = self._manifests(request)
        data = await read_limited(request, LIMIT, too_large())
        tags = request.query_params.getlist("tag")
        content_type = request.headers.get("content-type")
        digest, parsed = await self.context.workers.run(manifests.add, reference, data, content_type, tags)
        location = f"/v2/{manifests.repository.name}/manifests/{digest}"
        headers = {"Location": location, "Docker-Content-Digest": digest}
        if parsed.subject is not None:
            headers["OCI-Subject"] = parsed.subject
        if tags:
            headers["OCI-Tag"] = ", ".join(tags)
        return Response(None, 201, headers)

    async def delete(self, request: Request) -> Response:
        """Remove a tag, or a manifest with its tags."""
        manifests, reference = self._manifests(request)
        await self.context.workers.run(manifests.delete, reference)
        return Response(None, 202)


def too_large() -> ApiError:
    """Return the refusal of a manifest that is larger than any may be."""
    return ApiError(413, "MANIFEST_INVALID", f"a manifest has at most {LIMIT} bytes")
