"""The addresses of distribution-spec 1.1, "Endpoints", and who answers them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import frozen
from starlette.requests import Request
from starlette.routing import Route, Router

from lazyimg.server.endpoints.blobs import Blobs
from lazyimg.server.endpoints.lists import Lists
from lazyimg.server.endpoints.manifests import ManifestEndpoints
from lazyimg.server.endpoints.uploads import UploadEndpoints
from lazyimg.server.errors import ApiError, unsupported

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.responses import Response
    from starlette.types import Receive, Scope, Send

    from lazyimg.server.endpoints.context import Context

    Handler = Callable[[Request], Awaitable[Response]]


@frozen
class Address:
    """What answers at one address, by method; HEAD is answered by what answers GET."""

    handlers: Mapping[str, Handler]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, as an ASGI application.

        Raises:
            ApiError: 405; the address does not have the method.
        """
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        if method not in self.handlers:
            raise unsupported(scope["method"], ", ".join(sorted(self.handlers)))
        response = await self.handlers[method](Request(scope, receive))
        await response(scope, receive, send)


def routes(context: Context) -> Router:
    """Return the application that answers all addresses and refuses the rest.

    A repository name may hold any of the words below, so names are matched greedily: what decides is
    the end of the path.
    """
    blobs, lists = Blobs(context), Lists(context)
    uploads, manifests = UploadEndpoints(context), ManifestEndpoints(context)
    upload: dict[str, Handler] = {
        "GET": uploads.get,
        "PATCH": uploads.patch,
        "PUT": uploads.put,
        "DELETE": uploads.delete,
    }
    manifest: dict[str, Handler] = {"GET": manifests.get, "PUT": manifests.put, "DELETE": manifests.delete}
    table: dict[str, dict[str, Handler]] = {
        "/v2": {"GET": lists.version},
        "/v2/": {"GET": lists.version},
        "/v2/_catalog": {"GET": lists.catalog},
        "/v2/{name:path}/tags/list": {"GET": lists.tags},
        "/v2/{name:path}/referrers/{digest}": {"GET": lists.referrers},
        "/v2/{name:path}/blobs/uploads": {"POST": uploads.post},
        "/v2/{name:path}/blobs/uploads/": {"POST": uploads.post},
        "/v2/{name:path}/blobs/uploads/{upload}": upload,
        "/v2/{name:path}/blobs/{digest}": {"GET": blobs.get, "DELETE": blobs.delete},
        "/v2/{name:path}/manifests/{reference}": manifest,
    }
    addresses = [Route(path, Address(handlers)) for path, handlers in table.items()]
    return Router(addresses, redirect_slashes=False, default=nowhere)


async def nowhere(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001 - an ASGI application
    """Refuse a path that is no address.

    Raises:
        ApiError: 404, always.
    """
    raise ApiError(404, "UNSUPPORTED", "no such endpoint", detail={"path": scope["path"]})
