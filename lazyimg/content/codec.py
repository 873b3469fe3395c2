"""What a compressor is to a pass: something that makes a job out of each block, in order.

Making the jobs is serial and done by the thread that reads; running them is what compressor threads do. A
codec whose jobs do not depend on each other may have several running at once.
"""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

from lazyimg.oci.digest import Digest

Job = Callable[[], bytes]
"""Works on one block when called; the result is the next piece of the blob, and may be empty."""


class Encoder(Protocol):
    """The making of one blob."""

    def job(self, block: memoryview, *, last: bool) -> Job:
        """Return the work on ``block``; called once for each block, in order.

        Args:
            block: bytes of the source, `BLOCK` of them, or fewer if it is the last.
            last: no block follows. An empty content is one empty last block.
        """
        ...

    def diff_id(self) -> Digest | None:
        """Return the digest of the tar in the blob once all jobs ran; None if the blob is the tar."""
        ...

    @property
    def compression(self) -> str:
        """How the blob is compressed: ``gzip``, ``zstd`` or ``none``; known once a job ran."""
        ...


class Codec(Protocol):
    """A way of making a blob out of a source."""

    @property
    def version(self) -> str:
        """The library, its version and all settings that the output depends on."""
        ...

    @property
    def workers(self) -> int:
        """Jobs of one encoder that may run at once; 0 where a job is no work."""
        ...

    @property
    def wants_tar(self) -> bool:
        """Whether what goes in must not be compressed yet."""
        ...

    def encoder(self) -> Encoder:
        """Begin a blob."""
        ...


class Packing(Protocol):
    """What a blob is made by: `Gzip`, `Zstd`, `Uncompressed`, or keeping it as it is."""

    def codec(self) -> Codec:
        """Load what does the work."""
        ...


@frozen
class PlainCodec:
    """Nothing is compressed; blocks are copied so that the reader's buffer is free again."""

    version: str = "none"
    workers: int = 0
    wants_tar: bool = True
    compression: str = "none"

    def encoder(self) -> "PlainCodec":
        """Begin a blob; there is nothing to remember between blocks."""
        return self

    def job(self, block: memoryview, *, last: bool) -> Job:  # noqa: ARG002 - the end needs no mark
        """Return the copying of ``block``."""
        return block.tobytes

    def diff_id(self) -> None:
        """Return None: the blob is the tar."""
