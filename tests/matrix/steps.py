"""The steps of a push and of a pull at which something may go wrong."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

Place = Literal["first", "second", "middle", "last"]
"""A byte of a body: its first (nothing passed yet), its second, its middle one, its last."""

PLACES: tuple[Place, ...] = ("first", "second", "middle", "last")

Part = Literal["layer", "config"]


@frozen
class Step:
    """One request of a scenario, or one byte of its body.

    Attributes:
        scenario: what is being done (`matrix.scenario`).
        what: which request it is, in words.
        method: its HTTP method.
        path: a shell pattern of its path with the query; ``{layer}`` and ``{config}`` are digests.
        place: at which byte of the body; None is the request as a whole.
        part: whose bytes the body has.
        skip: how many requests that fit come before it: the first one is refused for want of a token.
    """

    scenario: str
    what: str
    method: str
    path: str
    place: Place | None = None
    part: Part = "layer"
    skip: int = 0

    @property
    def name(self) -> str:
        """The step in a line of the table."""
        return f"{self.scenario}: {self.what}{'' if self.place is None else f', {self.place} byte'}"

    @property
    def is_read(self) -> bool:
        """Whether the registry's answer has the body that matters."""
        return self.method == "GET"

    def offset(self, size: int) -> int:
        """Return the bytes that passed before its place in a body of ``size`` bytes."""
        return {"first": 0, "second": 1, "middle": size // 2, "last": size - 1}[self.place or "first"]


def _at_each_byte(scenario: str, what: str, method: str, path: str, part: Part = "layer") -> list[Step]:
    return [Step(scenario, what, method, path, place, part) for place in PLACES]


_UPLOADS = "*/blobs/uploads/*"
_CLOSING_LAYER = "*/blobs/uploads/*digest=*{layer}*"
_CLOSING_CONFIG = "*/blobs/uploads/*digest=*{config}*"
TAG = "*/manifests/v1"
_LAYER = "*/blobs/sha256:{layer}"
_CONFIG = "*/blobs/sha256:{config}"

STEPS: tuple[Step, ...] = (
    Step("push a file", "token", "GET", "/token*"),
    Step("push a file", "POST upload", "POST", "*/blobs/uploads/", skip=1),
    *_at_each_byte("push a file", "PATCH layer", "PATCH", _UPLOADS),
    Step("push a file", "PUT layer", "PUT", _CLOSING_LAYER),
    *_at_each_byte("push a file", "PUT config", "PUT", _CLOSING_CONFIG, "config"),
    Step("push a file", "PUT manifest", "PUT", TAG),
    *_at_each_byte("push a stream", "PATCH layer", "PATCH", _UPLOADS),
    Step("push a stream", "PUT layer", "PUT", _CLOSING_LAYER),
    Step("push an index", "PUT manifest", "PUT", "*/manifests/sha256:*"),
    Step("push an index", "PUT index", "PUT", TAG),
    Step("push if the tag is old", "HEAD manifest", "HEAD", TAG),
    Step("push from a layout", "HEAD blob", "HEAD", _LAYER),
    *_at_each_byte("push from a layout", "PUT layer", "PUT", _CLOSING_LAYER),
    Step("mount", "POST mount", "POST", "*/blobs/uploads/*mount=*{layer}*"),
    Step("pull", "token", "GET", "/token*"),
    Step("pull", "GET manifest", "GET", TAG, skip=1),
    Step("pull", "GET config", "GET", _CONFIG, None, "config"),
    *_at_each_byte("pull", "GET layer", "GET", _LAYER),
    *_at_each_byte("copy", "GET layer", "GET", _LAYER),
)
