"""Gzip by isal, block by block, so that the same content always gives the same bytes.

The blob is one gzip member: a constant header, raw deflate of each block of `BLOCK` bytes ended by a full
flush, one empty final block, CRC and length. Every block is compressed by a compressor of its own, so
blocks can be compressed at the same time, and decompression may start at any of them. The header, the
flushes and the block size are part of every digest: they never change.
"""

import functools
import struct
from importlib.metadata import version

from attrs import frozen
from isal import isal_zlib

from lazyimg.content.block import BLOCK
from lazyimg.content.codec import Job
from lazyimg.oci.digest import Digest, new_hash

HEADER = bytes.fromhex("1f8b 0800 00000000 04ff")
"""RFC 1952: deflate, no name, no time, the fastest algorithm (XFL 4), an unknown system (OS 255)."""

FINAL = b"\x03\x00"
"""RFC 1951: an empty final block of fixed Huffman codes."""

_RAW = -15  # a window of 2^15 bytes and no container round the deflate blocks
_LENGTH_MASK = 0xFFFFFFFF


@frozen
class GzipCodec:
    """Compression by isal at one level."""

    level: int
    workers: int = 2
    wants_tar: bool = True

    @property
    def version(self) -> str:
        """The library with its version, the level and the block size."""
        return f"isal {version('isal')} level {self.level} block {BLOCK}"

    def encoder(self) -> "GzipEncoder":
        """Begin a blob."""
        return GzipEncoder(self.level)


class GzipEncoder:
    """One gzip member in the making."""

    compression = "gzip"

    def __init__(self, level: int) -> None:
        self._level = level
        self._raw = new_hash()
        self._crc = 0
        self._total = 0

    def job(self, block: memoryview, *, last: bool) -> Job:
        """Return the work of deflating ``block``, with the header or trailer that goes with it."""
        head = b"" if self._total else HEADER
        self._raw.update(block)
        self._crc = isal_zlib.crc32(block, self._crc)
        self._total += len(block)
        tail = FINAL + struct.pack("<II", self._crc, self._total & _LENGTH_MASK) if last else b""
        return functools.partial(_deflate, self._level, block, head, tail)

    def diff_id(self) -> Digest:
        """Return the digest of what went in."""
        return Digest.from_hash(self._raw)


def _deflate(level: int, block: memoryview, head: bytes, tail: bytes) -> bytes:
    if not block:
        return head + tail
    deflate = isal_zlib.compressobj(level, isal_zlib.DEFLATED, _RAW)
    return b"".join((head, deflate.compress(block), deflate.flush(isal_zlib.Z_FULL_FLUSH), tail))
