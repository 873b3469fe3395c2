"""What a compressor is to a pass: something that makes a job out of each block, in order.

Making the jobs is serial and done by the thread that reads; running them is what compressor threads do. A
codec whose jobs do not depend on each other may have several running at once.
"""

from collections.abc import Callable
from typing import Protocol

from attrs import frozen

Job = Callable[[], bytes]
"""Compresses one block when called; the result is the next piece of the blob, and may be empty."""


class Encoder(Protocol):
    """The compression of one blob."""

    def job(self, block: memoryview, *, last: bool) -> Job:
        """Return the work of compressing ``block``; called once for each block, in order.

        Args:
            block: uncompressed bytes, `BLOCK` of them, or fewer if it is the last.
            last: no block follows. An empty content is one empty last block.
        """
        ...


class Codec(Protocol):
    """A way of compressing."""

    @property
    def version(self) -> str:
        """The library, its version and all settings that the output depends on."""
        ...

    @property
    def workers(self) -> int:
        """Jobs of one encoder that may run at once; 0 where a job is no work."""
        ...

    @property
    def transforms(self) -> bool:
        """Whether what comes out differs from what goes in, so that digest and diff_id do."""
        ...

    def encoder(self) -> Encoder:
        """Begin a blob."""
        ...


@frozen
class PlainCodec:
    """Nothing is compressed; blocks are copied so that the reader's buffer is free again."""

    version: str = "none"
    workers: int = 0
    transforms: bool = False

    def encoder(self) -> "PlainCodec":
        """Begin a blob; there is nothing to remember between blocks."""
        return self

    def job(self, block: memoryview, *, last: bool) -> Job:  # noqa: ARG002 - the end needs no mark
        """Return the copying of ``block``."""
        return block.tobytes
