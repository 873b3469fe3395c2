"""The addresses of distribution-spec 1.1, "Endpoints", and who answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen
from starlette.requests import Request

from lazyimg.server.endpoints.blobs import Blobs
from lazyimg.server.endpoints.lists import Lists
from lazyimg.server.endpoints.manifests import ManifestEndpoints
from lazyimg.server.endpoints.token import TokenEndpoint
from lazyimg.server.endpoints.uploads import UploadEndpoints
from lazyimg.server.errors import ApiError, unsupported
from lazyimg.server.place import Place

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from lazyimg.server.endpoints.context import Context

    Handler = Callable[[Request], Awaitable[Response]]


@frozen
class Routes:
    """What answers at each kind of place, by method; HEAD is answered by what answers GET."""

    table: Mapping[str, Mapping[str, Handler]]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as an ASGI application.

        Raises:
            ApiError: 404, the path is no address; 405, the address does not have the method.
        """
        place = Place.of(scope["path"])
        handlers = self.table.get(place.kind)
        if handlers is None:
            raise ApiError(404, "UNSUPPORTED", "no such endpoint", detail={"path": scope["path"]})
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in handlers:
            raise unsupported(scope["method"], ", ".join(sorted(handlers)))
        scope["path_params"] = {"name": place.repository, "reference": place.reference}
        response = await handlers[method](Request(scope, receive))
        await response(scope, receive, send)


def routes(context: Context) -> Routes:
    """Return the application that answers all addresses and refuses the rest."""
    blobs, lists = Blobs(context), Lists(context)
    uploads, manifests, token = UploadEndpoints(context), ManifestEndpoints(context), TokenEndpoint(context)
    table: dict[str, dict[str, Handler]] = {
        "version": {"GET": lists.version},
        "catalog": {"GET": lists.catalog},
        "tags": {"GET": lists.tags},
        "referrers": {"GET": lists.referrers},
        "uploads": {"POST": uploads.post},
        "upload": {
            "GET": uploads.get,
            "PATCH": uploads.patch,
            "PUT": uploads.put,
            "DELETE": uploads.delete,
        },
        "blob": {"GET": blobs.get, "DELETE": blobs.delete},
        "manifest": {"GET": manifests.get, "PUT": manifests.put, "DELETE": manifests.delete},
    }
    return Routes(table | ({} if context.access.tokens is None else {"token": token.handlers()}))
