"""What bytes are, told by how they begin."""

from collections.abc import Iterator
from typing import Final

_MAGICS: Final = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)


LENGTH: Final = 6
"""Bytes that tell any compression."""


def begun(chunks: Iterator[bytes | memoryview]) -> bytes:
    """Take as many chunks as tell the compression of what they are; fewer bytes mean the end.

    >>> begun(iter([b"B", b"Z", b"h91AY", b"more"]))
    b'BZh91AY'
    """
    beginning = b""
    while len(beginning) < LENGTH and (chunk := next(chunks, None)) is not None:
        beginning += bytes(chunk)
    return beginning


def compression_of(beginning: bytes | memoryview) -> str:
    """Return the name of the compression that content begins like; ``none`` for anything else.

    >>> compression_of(b"BZh91AY"), compression_of(b"etc/motd")
    ('bzip2', 'none')
    """
    for magic, name in _MAGICS:
        if beginning[: len(magic)] == magic:
            return name
    return "none"
