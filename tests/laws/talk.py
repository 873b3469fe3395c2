"""What registries were asked, and requests that are held back."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from laws.readers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable

    import lazyimg as li
    from lazyimg.server.request import Request


def asked(registry: li.Registry) -> list[str]:
    """Return method and path of each request so far, in order of arrival; ids of uploads are left out."""
    return [line(request) for request in registry.requests]


def line(request: Request) -> str:
    """Return method and path of a request; the id of an upload is left out."""
    path, uploads, _ = request.path.partition("/blobs/uploads/")
    return f"{request.method} {path}{uploads}"


def is_begin(request: Request) -> bool:
    """Tell whether a request begins an upload, and with it a session."""
    return request.method == "POST" and request.path.endswith("/blobs/uploads/")


def is_commit(request: Request) -> bool:
    """Tell whether a request closes an upload that was streamed before."""
    return request.method == "PUT" and "/uploads/" in request.path and length(request) == 0


def is_whole_blob(request: Request) -> bool:
    """Tell whether a request is a blob in one PUT, as configs are sent."""
    return request.method == "PUT" and "/uploads/" in request.path and length(request) > 0


def is_manifest_put(request: Request) -> bool:
    """Tell whether a request writes a manifest, and with it perhaps moves a tag."""
    return request.method == "PUT" and "/manifests/" in request.path


def length(request: Request) -> int:
    """Return how many bytes a request announces, -1 if it does not say."""
    return int(request.headers.get("content-length", "-1"))


def begun_and_cancelled(registry: li.Registry) -> tuple[int, int]:
    """Return how many uploads were begun, and how many were cancelled."""
    begun = sum(is_begin(request) and request.status == 202 for request in registry.requests)
    return begun, sum(request.method == "DELETE" for request in registry.requests)


class Held:
    """A hook that holds back the requests that match until they are released.

    Attributes:
        arrived: set when the first of them is here.
        released: set it to let them go on.
    """

    def __init__(self, matches: Callable[[Request], bool]) -> None:
        self._matches = matches
        self.arrived = threading.Event()
        self.released = threading.Event()

    def __call__(self, request: Request) -> None:
        """Hold back one request if it matches."""
        if self._matches(request):
            self.arrived.set()
            self.released.wait(PATIENCE)


def refusing(
    matches: Callable[[Request], bool], status: int, code: str = "DENIED", message: str = "no"
) -> Callable[[Request], tuple[int, str, str] | None]:
    """Return a hook that refuses the requests that match."""
    return lambda request: (status, code, message) if matches(request) else None
