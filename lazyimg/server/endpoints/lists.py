"""Lists: tags, repositories and referrers (distribution-spec, "Listing Tags", "Listing Referrers")."""

from __future__ import annotations

import json
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from attrs import frozen
from starlette.responses import Response

from lazyimg.oci.media_type import OCI_INDEX
from lazyimg.server.endpoints.context import Context
from lazyimg.server.manifests import LIMIT, Manifests, referrers_index
from lazyimg.server.names import parse_digest
from lazyimg.server.paging import page

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.requests import Request


MARGIN = 1024
"""What an index has besides its entries, in bytes, and some more."""


@frozen
class Lists:
    """The endpoints that list."""

    context: Context

    async def version(self, request: Request) -> Response:  # noqa: ARG002 - every endpoint takes the request
        """Answer ``/v2/``: this is a registry."""
        return _json({})

    async def catalog(self, request: Request) -> Response:
        """Answer ``/v2/_catalog``: the names of the repositories, sorted, in pages."""
        names = await self.context.workers.run(self.context.repositories.names)
        names, headers = page(names, request.url.path, request.query_params)
        return _json({"repositories": names}, headers)

    async def tags(self, request: Request) -> Response:
        """Answer ``/v2/<name>/tags/list``: the tags, sorted, in pages."""
        repository = self.context.repository(request)
        await self.context.workers.run(repository.require)
        tags = await self.context.workers.run(Manifests(repository).tags)
        tags, headers = page(tags, request.url.path, request.query_params)
        return _json({"name": repository.name, "tags": tags}, headers)

    async def referrers(self, request: Request) -> Response:
        """Answer ``/v2/<name>/referrers/<digest>``: an index of what has it as subject, in pages."""
        manifests = Manifests(self.context.repository(request))
        subject = parse_digest(request.path_params["reference"])
        wanted = request.query_params.get("artifactType")
        found = await self.context.workers.run(manifests.referrers, subject, wanted)
        digests, headers = page(sorted(found), request.url.path, request.query_params, fits=fits(found))
        if wanted is not None:
            headers["OCI-Filters-Applied"] = "artifactType"
        return Response(
            referrers_index([found[each] for each in digests]), 200, headers, media_type=OCI_INDEX
        )


def fits(entries: Mapping[str, bytes]) -> Callable[[list[str]], int]:
    """Return what counts how many of the entries named, one at least, fit into an index of 4 MiB."""

    def count(names: list[str]) -> int:
        sizes = accumulate(len(entries[name]) + 1 for name in names)
        return max(1, sum(size <= LIMIT - MARGIN for size in sizes))

    return count


def _json(value: Any, headers: dict[str, str] | None = None) -> Response:
    return Response(json.dumps(value).encode(), 200, headers, media_type="application/json")
