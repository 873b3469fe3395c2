"""What one request of an upload may be, at registries and at what stands before them; here, on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import field, frozen
from attrs.validators import optional

from lazyimg.server.errors import ApiError
from lazyimg.server.wanted import whole

if TYPE_CHECKING:
    from lazyimg.server.uploads import Upload

LEAST_CHUNK = "OCI-Chunk-Min-Length"
"""The header that tells how large chunks have to be (distribution-spec, "Pushing a blob in chunks")."""


@frozen(kw_only=True)
class UploadLimits:
    """How a registry wants uploads: ``Registry(limits=UploadLimits(body=100_000))``. By default as they come.

    Attributes:
        body: the most bytes that the body of one request may have; more is answered 413.
        chunk: bytes that each chunk but the last has to have, which the registry tells; what follows a
            shorter one is answered 400 ``SIZE_INVALID``.
        last_in_put: the PUT that ends an upload has to carry its last chunk; one without is answered 400
            ``SIZE_INVALID``, and the upload stays.
        patch: False takes each blob in one request alone, and answers PATCH with 405 ``UNSUPPORTED``.

    Raises:
        TypeError: a size that is no whole number.
        ValueError: one below 0.
    """

    body: int | None = field(default=None, validator=optional(whole(0, "a number of bytes, or None")))
    chunk: int = field(default=0, validator=whole(0, "a number of bytes"))
    last_in_put: bool = False
    patch: bool = True

    @property
    def headers(self) -> dict[str, str]:
        """What is told of them when an upload begins."""
        return {LEAST_CHUNK: str(self.chunk)} if self.chunk else {}

    def check_body(self, size: int) -> None:
        """Check how large a body is, or is said to be.

        Raises:
            ApiError: 413; it is too large.
        """
        if self.body is not None and size > self.body:
            raise ApiError(413, "SIZE_INVALID", f"one request may carry {self.body} bytes")

    def check_patch(self, upload: Upload) -> None:
        """Check that an upload may be sent more of.

        Raises:
            ApiError: 405 or 400; it may not.
        """
        if not self.patch:
            raise ApiError(405, "UNSUPPORTED", "blobs are taken in one PUT alone")
        self.check_next(upload)

    def check_next(self, upload: Upload) -> None:
        """Check that the chunk before was long enough to be followed by another.

        Raises:
            ApiError: 400; it was not.
        """
        if upload.is_short:
            raise ApiError(
                400, "SIZE_INVALID", f"a chunk that is not the last has {self.chunk} bytes or more"
            )

    def check_last(self, before: int, taken: int) -> None:
        """Check the PUT that ends an upload.

        Args:
            before: how many bytes there were.
            taken: how many came with it.

        Raises:
            ApiError: 400; it should have had the last chunk.
        """
        if self.last_in_put and before and not taken:
            raise ApiError(400, "SIZE_INVALID", "the last chunk comes with the PUT here")
