"""The steps of a push and of a pull at which something may go wrong."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

_UPLOADS = "*/blobs/uploads/*"
UNTOLD = "POST without a token"
"""The first request of all, by which the registry is asked what it wants."""

STATUS = "GET upload status"

Place = Literal["first", "second", "middle", "last"]
"""A byte of a body: its first (nothing passed yet), its second, its middle one, its last."""

PLACES: tuple[Place, ...] = ("first", "second", "middle", "last")

Part = Literal["layer", "config", "manifest"]


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
        is_after_cut: whether it is sent only after a PATCH was cut, which the script sees to.
    """

    scenario: str
    what: str
    method: str
    path: str
    place: Place | None = None
    part: Part = "layer"
    skip: int = 0
    is_after_cut: bool = False

    @property
    def name(self) -> str:
        """The step in a line of the table."""
        return f"{self.scenario}: {self.what}{'' if self.place is None else f', {self.place} byte'}"

    @property
    def is_read(self) -> bool:
        """Whether the registry's answer has the body that matters."""
        return self.method == "GET" and not self.is_to_upload

    @property
    def is_to_upload(self) -> bool:
        """Whether it is about an upload that was begun."""
        return self.path.startswith(_UPLOADS) and self.method in ("PATCH", "PUT", "GET")

    @property
    def is_first_with_token(self) -> bool:
        """Whether the token that it shows was fetched for it."""
        return self.skip == 1

    def offset(self, size: int) -> int:
        """Return the bytes that passed before its place in a body of ``size`` bytes."""
        return {"first": 0, "second": 1, "middle": size // 2, "last": size - 1}[self.place or "first"]


def _at_each_byte(
    scenario: str, what: str, method: str, path: str, part: Part = "layer", skip: int = 0
) -> list[Step]:
    return [Step(scenario, what, method, path, place, part, skip) for place in PLACES]


def _streamed(scenario: str) -> list[Step]:
    """The steps of a layer that goes up while it is read."""
    return [
        *_at_each_byte(scenario, "PATCH layer", "PATCH", _UPLOADS),
        Step(scenario, STATUS, "GET", _UPLOADS, is_after_cut=True),
        Step(scenario, "PUT layer", "PUT", _CLOSING_LAYER),
    ]


_CLOSING_LAYER = "*/blobs/uploads/*digest=*{layer}*"
_CLOSING_CONFIG = "*/blobs/uploads/*digest=*{config}*"
TAG = "*/manifests/v1"
_BY_DIGEST = "*/manifests/sha256:*"
_LAYER = "*/blobs/sha256:{layer}"
_CONFIG = "*/blobs/sha256:{config}"

STEPS: tuple[Step, ...] = (
    Step("push a file", "token", "GET", "/token*"),
    Step("push a file", UNTOLD, "POST", "*/blobs/uploads/"),
    Step("push a file", "POST upload", "POST", "*/blobs/uploads/", skip=1),
    Step("push a file", "POST second upload", "POST", "*/blobs/uploads/", skip=2),
    *_streamed("push a file"),
    *_at_each_byte("push a file", "PUT config", "PUT", _CLOSING_CONFIG, "config"),
    *_at_each_byte("push a file", "PUT manifest", "PUT", TAG, "manifest"),
    *_streamed("push a stream"),
    *_streamed("push a stream, no copy kept"),
    Step("push an index", "PUT manifest", "PUT", _BY_DIGEST),
    Step("push an index", "PUT index", "PUT", TAG),
    Step("push if the tag is old", "HEAD manifest", "HEAD", TAG),
    Step("push from a layout", "HEAD blob", "HEAD", _LAYER),
    *_at_each_byte("push from a layout", "PUT layer", "PUT", _CLOSING_LAYER),
    Step("mount", "POST mount", "POST", "*/blobs/uploads/*mount=*{layer}*"),
    Step("pull", "token", "GET", "/token*"),
    *_at_each_byte("pull", "GET manifest", "GET", TAG, "manifest", 1),
    *_at_each_byte("pull", "GET config", "GET", _CONFIG, "config"),
    *_at_each_byte("pull", "GET layer", "GET", _LAYER),
    Step("pin and pull", "HEAD manifest", "HEAD", TAG, skip=1),
    Step("pin and pull", "GET manifest", "GET", _BY_DIGEST, part="manifest"),
    *_at_each_byte("copy", "GET layer", "GET", _LAYER),
)
