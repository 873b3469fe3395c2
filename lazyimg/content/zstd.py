"""Zstandard by the ``zstandard`` library (the ``zstd`` extra): one frame, compressed by a single thread.

Threads inside zstd change its output, so there are none; the content size is not in the frame, because it
is not known when the frame begins.
"""

import functools

import zstandard
from attrs import frozen

from lazyimg.content.block import BLOCK
from lazyimg.content.codec import Job
from lazyimg.oci.digest import Digest, new_hash


@frozen
class ZstdCodec:
    """Compression by zstd at one level."""

    level: int
    workers: int = 1
    wants_tar: bool = True

    @property
    def version(self) -> str:
        """The library and zstd versions, the level and the block size."""
        zstd = ".".join(map(str, zstandard.ZSTD_VERSION))
        return f"zstandard {zstandard.__version__} zstd {zstd} level {self.level} block {BLOCK}"

    def encoder(self) -> "ZstdEncoder":
        """Begin a blob."""
        return ZstdEncoder(self.level)


class ZstdEncoder:
    """One zstd frame in the making; its jobs run one after the other."""

    compression = "zstd"

    def __init__(self, level: int) -> None:
        self._raw = new_hash()
        self._frame = zstandard.ZstdCompressor(level=level, write_checksum=False, threads=0).compressobj()

    def job(self, block: memoryview, *, last: bool) -> Job:
        """Return the work of compressing ``block``."""
        self._raw.update(block)
        return functools.partial(self._compress, block, last=last)

    def _compress(self, block: memoryview, *, last: bool) -> bytes:
        data = self._frame.compress(block)
        return data + self._frame.flush() if last else data

    def diff_id(self) -> Digest:
        """Return the digest of what went in."""
        return Digest.from_hash(self._raw)
