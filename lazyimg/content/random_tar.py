"""A tar of bytes that look random, and are the same everywhere for the same seed."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

from attrs import frozen

from lazyimg.content.entry import Entry
from lazyimg.content.pieces import Pieces, PiecesReader
from lazyimg.content.source import ReadInto
from lazyimg.content.tar import END, header, padding

_PIECE = 1 << 20  # part of the content: each is made of the seed and its number


@frozen
class RandomTar:
    """A tar of one file, made of SHAKE128 of the seed.

    >>> RandomTar("7", 512).describe()
    '512 random bytes of the seed 7'

    Args:
        seed: tells one from another.
        size: bytes of the file.
        path: of the file, in the image.
    """

    seed: str
    size: int
    path: str = "/random"
    one_shot = False

    def describe(self) -> str:
        """Say how large, and of which seed."""
        return f"{self.size} random bytes of the seed {self.seed}"

    @contextmanager
    def open(self) -> Iterator[ReadInto]:
        """Begin to make it."""
        with PiecesReader(self._pieces()) as reader:
            yield reader

    def _pieces(self) -> Pieces:
        yield header(Entry(path=self.path, kind="file", mode=0o644, size=self.size))
        for start in range(0, self.size, _PIECE):
            yield random_bytes(f"{self.seed}:{start // _PIECE}", min(_PIECE, self.size - start))
        yield padding(self.size) + END


def random_bytes(seed: str, size: int) -> bytes:
    """The first ``size`` bytes of a seed's own.

    >>> random_bytes("7", 4).hex()
    'f99079a8'
    """
    return hashlib.shake_128(seed.encode()).digest(size)
