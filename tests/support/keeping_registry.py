"""A registry that keeps what arrived of a cut upload and tells the offset, as docker-registry does not.

It changes its ``Location`` with every answer and refuses an old one, and can be told to be as odd as real
registries are.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import TYPE_CHECKING, Self

from attrs import define, field

from support.http_server import Exchange, HttpServer

if TYPE_CHECKING:
    from collections.abc import Callable


@define
class Begun:
    """An upload: what arrived, and the state its next request has to show."""

    data: bytearray = field(factory=bytearray)
    state: int = 0
    is_short: bool = False
    patches: int = 0


class KeepingRegistry:
    """The registry; use it as a context manager.

    Attributes:
        blobs: content by digest.
        uploads: what is begun, by id.
        location: how an upload's location is written; given the path with query, and the host.
        range: how an offset is told; given the number of bytes held.
        drop_after: after how many bytes each PATCH is cut, consumed from the front; None is not cut.
        most: bytes that one request may carry; more is answered 413.
        drains: whether it reads a body that is too large before it says so.
        least: bytes that each chunk but the last has to have, and how it is told so; 0 is not told.
        needs_last: whether the PUT that closes an upload has to carry the last chunk.
        success: the status that it answers in place of 201, 202 and 204; None is what the specification says.
        words: what it says to one that does not.
        refusal: the status that it says so with.
        hook: called first for each request; if it returns True it has answered.
    """

    def __init__(self) -> None:
        self._server = HttpServer(self._respond)
        self._ids = itertools.count(1)
        self.blobs: dict[str, bytes] = {}
        self.uploads: dict[str, Begun] = {}
        self.location: Callable[[str, str], str] = lambda path, host: path  # noqa: ARG005
        self.range: Callable[[int], str | None] = lambda held: f"0-{max(held - 1, 0)}"
        self.drop_after: list[int | None] = []
        self.most: int | None = None
        self.drains = False
        self.least = 0
        self.needs_last = False
        self.success: int | None = None
        self.words = b'{"errors":[{"code":"SIZE_INVALID","message":"the last chunk is missing"}]}'
        self.refusal = 400
        self.hook: Callable[[Exchange], bool] | None = None

    @property
    def host(self) -> str:
        """The registry as references name it."""
        return self._server.host

    @property
    def log(self) -> list[str]:
        """Method and path of each request so far, in order of arrival; ids of uploads cut off."""
        return [entry.split("/uploads/")[0] for entry in self._server.log]

    @property
    def methods(self) -> list[str]:
        """The method of each request so far."""
        return [entry.partition(" ")[0] for entry in self._server.log]

    @property
    def exchanges(self) -> list[Exchange]:
        """The requests so far."""
        return self._server.exchanges

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *details: object) -> None:
        self._server.__exit__(*details)

    def _respond(self, exchange: Exchange) -> None:
        if self.hook is not None and self.hook(exchange):
            return
        _, slash, upload_id = exchange.path.partition("/blobs/uploads/")
        if not slash:
            self._blob(exchange)
        elif not upload_id:
            self.begin(exchange)
        elif upload_id not in self.uploads:
            exchange.answer(404, b'{"errors":[{"code":"BLOB_UPLOAD_UNKNOWN","message":"gone"}]}')
        else:
            self._upload(exchange, upload_id, self.uploads[upload_id])

    def _blob(self, exchange: Exchange) -> None:
        data = self.blobs.get(exchange.path.rpartition("/")[2])
        if data is None:
            exchange.answer(404)
        else:
            exchange.answer(200, data)

    def begin(self, exchange: Exchange) -> None:
        """Begin an upload."""
        upload_id = str(next(self._ids))
        self.uploads[upload_id] = Begun()
        self._accept(exchange, upload_id, exchange.path, 202)

    def _accept(self, exchange: Exchange, upload_id: str, path: str, status: int) -> None:
        begun = self.uploads[upload_id]
        begun.state += 1
        root = path.partition("/blobs/uploads/")[0]
        location = self.location(f"{root}/blobs/uploads/{upload_id}?_state={begun.state}", self.host)
        headers = {"Location": location}
        held = self.range(len(begun.data))
        if held is not None:
            headers["Range"] = held
        if self.least:
            headers["OCI-Chunk-Min-Length"] = str(self.least)
        exchange.answer(self.success or status if status < 300 else status, headers=headers)

    def _upload(self, exchange: Exchange, upload_id: str, begun: Begun) -> None:
        if exchange.values("_state") != [str(begun.state)]:
            exchange.answer(400, b'{"errors":[{"code":"BLOB_UPLOAD_INVALID","message":"old state"}]}')
        elif exchange.method == "DELETE":
            del self.uploads[upload_id]
            exchange.answer(204)
        elif exchange.method == "GET":
            self._accept(exchange, upload_id, exchange.path, 204)
        elif self._is_too_large(exchange):
            self._refuse_size(exchange)
        elif self._is_out_of_order(exchange, begun):
            exchange.read()
            self._accept(exchange, upload_id, exchange.path, 416)
        elif exchange.method == "PATCH":
            self._patch(exchange, upload_id, begun)
        else:
            self._finish(exchange, upload_id, begun)

    def _is_too_large(self, exchange: Exchange) -> bool:
        """Whether a body that says its length is too large; read to its end, if that is how it does it."""
        if self.most is None or int(exchange.headers.get("Content-Length") or 0) <= self.most:
            return False
        if self.drains:
            exchange.read()
        return True

    def _refuse_size(self, exchange: Exchange) -> None:
        exchange.answer(413, headers={"Connection": "close"})
        exchange.cut()

    @staticmethod
    def _is_out_of_order(exchange: Exchange, begun: Begun) -> bool:
        span = exchange.headers.get("Content-Range")
        return span is not None and int(span.partition("-")[0]) != len(begun.data)

    def _is_short(self, exchange: Exchange, begun: Begun) -> bool:
        """Whether a chunk follows one that was too short to be followed."""
        was_short, length = begun.is_short, int(exchange.headers.get("Content-Length") or 0)
        begun.is_short = was_short or length < self.least
        return was_short and length > 0

    def _patch(self, exchange: Exchange, upload_id: str, begun: Begun) -> None:
        begun.patches += 1
        if self.least and self._is_short(exchange, begun):
            exchange.answer(400, b'{"errors":[{"code":"SIZE_INVALID","message":"too short"}]}')
            return
        limit = self.drop_after.pop(0) if self.drop_after else None
        taken = 0
        if limit == 0:
            exchange.cut()
            return
        for part in exchange.body():
            kept = part if limit is None else part[: limit - taken]
            begun.data += kept
            taken += len(kept)
            if limit is not None and taken >= limit:
                exchange.cut()
                return
            if self.most is not None and taken > self.most:
                del begun.data[-taken:]
                self._refuse_size(exchange)
                return
        self._accept(exchange, upload_id, exchange.path, 202)

    def _finish(self, exchange: Exchange, upload_id: str, begun: Begun) -> None:
        last = exchange.read()
        if self.needs_last and begun.data and not last:
            exchange.answer(self.refusal, self.words)
            return
        begun.data += last
        [digest] = exchange.values("digest")
        algorithm = digest.partition(":")[0]
        if digest != f"{algorithm}:{hashlib.new(algorithm, begun.data).hexdigest()}":
            exchange.answer(400, b'{"errors":[{"code":"DIGEST_INVALID","message":"another digest"}]}')
            return
        del self.uploads[upload_id]
        self.blobs[digest] = bytes(begun.data)
        exchange.answer(self.success or 201, headers={"Docker-Content-Digest": digest})
