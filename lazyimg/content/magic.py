"""What bytes are, told by how they begin."""

from typing import Final

_MAGICS: Final = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)


def compression_of(beginning: bytes | memoryview) -> str:
    """Return the name of the compression that content begins like; ``none`` for anything else.

    >>> compression_of(b"BZh91AY"), compression_of(b"etc/motd")
    ('bzip2', 'none')
    """
    for magic, name in _MAGICS:
        if beginning[: len(magic)] == magic:
            return name
    return "none"
