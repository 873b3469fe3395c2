"""The addresses of distribution-spec 1.1, "Endpoints", and who answers them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route, Router

from lazyimg.server.endpoints.blobs import Blobs
from lazyimg.server.endpoints.lists import Lists
from lazyimg.server.endpoints.manifests import ManifestEndpoints
from lazyimg.server.endpoints.uploads import UploadEndpoints
from lazyimg.server.errors import ApiError

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from lazyimg.server.endpoints.context import Context


def routes(context: Context) -> Router:
    """Return the application that answers the endpoints and refuses the rest.

    A repository name may hold any of the words below, so names are matched greedily: what decides is
    the end of the path.
    """
    blobs, lists = Blobs(context), Lists(context)
    uploads, manifests = UploadEndpoints(context), ManifestEndpoints(context)
    table = [
        ("/v2/", {"GET": lists.version}),
        ("/v2/_catalog", {"GET": lists.catalog}),
        ("/v2/{name:path}/tags/list", {"GET": lists.tags}),
        ("/v2/{name:path}/referrers/{digest}", {"GET": lists.referrers}),
        ("/v2/{name:path}/blobs/uploads/", {"POST": uploads.post}),
        ("/v2/{name:path}/blobs/uploads/{upload}", {
            "GET": uploads.get, "PATCH": uploads.patch, "PUT": uploads.put, "DELETE": uploads.delete,
        }),
        ("/v2/{name:path}/blobs/{digest}", {"GET": blobs.get, "DELETE": blobs.delete}),
        ("/v2/{name:path}/manifests/{reference}", {
            "GET": manifests.get, "PUT": manifests.put, "DELETE": manifests.delete,
        }),
    ]  # fmt: skip
    return Router(
        [
            Route(path, endpoint, methods=[method])
            for path, methods in table
            for method, endpoint in methods.items()
        ],
        redirect_slashes=False,
        default=nowhere,
    )


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
    """Refuse a path that is no endpoint.

    Raises:
        ApiError: 404, always.
    """
    raise ApiError(404, "UNSUPPORTED", "no such endpoint", detail={"path": scope["path"]})
