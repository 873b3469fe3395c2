"""What the registry remembers of each request, in order of arrival."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING

from attrs import define, field

from lazyimg.server.place import Place

if TYPE_CHECKING:
    from starlette.types import Scope


@define(eq=False)
class Request:
    """One request; ``status``, ``bytes_in``, ``bytes_out`` and ``ended`` change while it is answered.

    Attributes:
        method: the HTTP method.
        path: the path, percent-decoded.
        query: the query as it was sent, without the question mark.
        headers: the headers by lower-case name; of ``authorization`` only the scheme is kept.
        status: the HTTP status of the answer, or None while there is none.
        bytes_in: bytes of the body that were taken in.
        bytes_out: bytes of the body that were sent back.
        arrived: when it arrived, in seconds of the monotonic clock.
        ended: when the last byte of the answer was handed over or the client went away, or None.
    """

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(factory=dict, repr=False)
    status: int | None = None
    bytes_in: int = 0
    bytes_out: int = 0
    arrived: float = field(factory=time.monotonic, repr=False)
    ended: float | None = field(default=None, repr=False)

    @classmethod
    def of(cls, scope: Scope) -> Request:
        """Return the record of a request that has just arrived."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if "authorization" in headers:
            headers["authorization"] = headers["authorization"].partition(" ")[0] + " ***"
        return cls(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers)

    @property
    def kind(self) -> str:
        """The kind of place that the path names, as in `Traffic`: ``blob``, ``manifest``, ``upload``."""
        return Place.of(self.path).kind

    def end(self) -> None:
        """Note the time at which the request ended, once."""
        if self.ended is None:
            self.ended = time.monotonic()


@define(eq=False)
class Ledger:
    """The requests of a registry, in order of arrival; safe to read from any thread.

    Attributes:
        most: how many are remembered, the latest; None is all.
    """

    most: int | None = None
    _requests: deque[Request] = field(init=False)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False)

    @_requests.default
    def _none_yet(self) -> deque[Request]:
        return deque(maxlen=self.most)

    def add(self, request: Request) -> None:
        """Remember a request."""
        with self._lock:
            self._requests.append(request)

    def snapshot(self) -> list[Request]:
        """Return the requests so far."""
        with self._lock:
            return list(self._requests)

    def clear(self) -> None:
        """Forget all requests; those under way end unseen."""
        with self._lock:
            self._requests.clear()
