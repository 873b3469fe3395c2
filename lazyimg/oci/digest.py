"""Digests: the name of content, an algorithm and its hexadecimal hash."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final, Self

from lazyimg.errors import InvalidDigest

if TYPE_CHECKING:
    from hashlib import _Hash as Hash

SHA256: Final = "sha256"
SHA512: Final = "sha512"

_DIGEST: Final = re.compile(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}").fullmatch
_SHOWN: Final = 160


class Digest(str):
    """A checked digest (image-spec descriptor.md, "Digests"); sha256 and sha512, hex in lower case.

    It is a `str`, so it goes into JSON, URLs and dictionaries as it is.

    Raises:
        InvalidDigest: the text is no digest of these algorithms.

    Example:
        >>> Digest.of(b"hello").short
        '2cf24dba5fb0'
        >>> Digest("sha256:" + "0" * 64).algorithm
        'sha256'
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Self:
        """Check ``text`` and return it as a digest."""
        if type(text) is cls:
            return text
        if _DIGEST(text) is None:
            raise InvalidDigest(_complaint(text))
        return super().__new__(cls, text)

    @classmethod
    def of(cls, data: bytes | bytearray | memoryview, algorithm: str = SHA256) -> Self:
        """Hash ``data`` (bytes in memory) and return its digest.

        Raises:
            InvalidDigest: the algorithm is neither sha256 nor sha512.
        """
        running = new_hash(algorithm)
        running.update(data)
        return cls.from_hash(running)

    @classmethod
    def from_hash(cls, running: Hash) -> Self:
        """Return the digest of all that ``running`` (a `hashlib` object) was fed so far."""
        return cls(f"{running.name}:{running.hexdigest()}")

    @property
    def algorithm(self) -> str:
        """The part before the colon: ``sha256`` or ``sha512``."""
        return self.partition(":")[0]

    @property
    def encoded(self) -> str:
        """The hexadecimal part, after the colon."""
        return self.partition(":")[2]

    @property
    def short(self) -> str:
        """The first 12 hexadecimal digits, for people to read."""
        return self.encoded[:12]


def new_hash(algorithm: str = SHA256) -> Hash:
    """Return a fresh `hashlib` object for a digest algorithm.

    Raises:
        InvalidDigest: the algorithm is neither sha256 nor sha512.
    """
    if algorithm == SHA256:
        return hashlib.sha256()
    if algorithm == SHA512:
        return hashlib.sha512()
    raise InvalidDigest(f"the digest algorithm {algorithm[:_SHOWN]!r} is not known: use sha256 or sha512")


def _complaint(text: str) -> str:
    return (
        f"{text[:_SHOWN]!r} is no digest: it must be 'sha256:' and 64, or 'sha512:' and 128, "
        "hexadecimal digits in lower case"
    )
