"""Zstandard by the ``zstandard`` library (the ``zstd`` extra): one frame, compressed by a single thread.

Threads inside zstd change its output, so there are none; the content size is not in the frame, because it
is not known when the frame begins.
"""

import functools

import zstandard
from attrs import define, field, frozen

from lazyimg.content.block import BLOCK
from lazyimg.content.codec import Job


@frozen
class ZstdCodec:
    """Compression by zstd at one level."""

    level: int
    workers: int = 1
    transforms: bool = True

    @property
    def version(self) -> str:
        """The library and zstd versions, the level and the block size."""
        zstd = ".".join(map(str, zstandard.ZSTD_VERSION))
        return f"zstandard {zstandard.__version__} zstd {zstd} level {self.level} block {BLOCK}"

    def encoder(self) -> "ZstdEncoder":
        """Begin a blob."""
        compressor = zstandard.ZstdCompressor(level=self.level, write_checksum=False, threads=0)
        return ZstdEncoder(compressor.compressobj())


@define
class ZstdEncoder:
    """One zstd frame in the making; its jobs run one after the other."""

    _frame: "zstandard.ZstdCompressionObj" = field(alias="frame")

    def job(self, block: memoryview, *, last: bool) -> Job:
        """Return the work of compressing ``block``."""
        return functools.partial(self._compress, block, last=last)

    def _compress(self, block: memoryview, *, last: bool) -> bytes:
        data = self._frame.compress(block)
        return data + self._frame.flush() if last else data
