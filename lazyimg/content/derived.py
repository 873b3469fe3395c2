"""Sources that are made of other layers, while those are read.

What they are made of is a `LayerTar`: the uncompressed tar of a layer, wherever its blob is. Opening such a
source opens that; each layer is read once, from its beginning to its end.
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import ClassVar, Protocol

from attrs import field, frozen

from lazyimg.content.limits import Limits
from lazyimg.content.merged import Merged
from lazyimg.content.pieces import Pieces, PiecesReader
from lazyimg.content.retime import retimed


@frozen
class OpenTar:
    """The tar of a layer, being read.

    Attributes:
        chunks: its bytes, uncompressed, in pieces of any size; to be taken to their end.
        one_shot: whether they cannot be opened again.
    """

    chunks: Iterator[bytes]
    one_shot: bool = False


class LayerTar(Protocol):
    """The uncompressed tar of a layer: a description, until it is opened."""

    @property
    def one_shot(self) -> bool:
        """Whether it can be opened only once, as far as that is known before."""
        ...

    def describe(self) -> str:
        """Say which layer, shortly."""
        ...

    def open(self) -> AbstractContextManager[OpenTar]:
        """Open it."""
        ...


class Derived(PiecesReader):
    """A tar being made of others."""

    def __init__(self, pieces: Pieces, *, one_shot: bool) -> None:
        super().__init__(pieces)
        self.one_shot = one_shot


@frozen
class Plain:
    """The tar of a layer, byte for byte."""

    counts_itself: ClassVar[bool] = True

    tar: LayerTar

    @property
    def one_shot(self) -> bool:
        """Whether the layer can be read only once."""
        return self.tar.one_shot

    def describe(self) -> str:
        """Say which layer."""
        return self.tar.describe()

    @contextmanager
    def open(self) -> Iterator[Derived]:
        """Open the layer."""
        with self.tar.open() as opened, Derived(self._pieces(opened), one_shot=opened.one_shot) as reader:
            yield reader

    def _pieces(self, opened: OpenTar) -> Pieces:
        yield from opened.chunks


@frozen
class Retimed(Plain):
    """The tar of a layer, all of its members modified at one time.

    Attributes:
        time_ns: in nanoseconds since 1970.
    """

    time_ns: int

    def describe(self) -> str:
        """Say which layer."""
        return f"{self.tar.describe()} with other times"

    def _pieces(self, opened: OpenTar) -> Pieces:
        yield from retimed(opened.chunks, self.tar.describe(), self.time_ns)


@frozen
class MergedTar:
    """The tar of several layers merged into one.

    Attributes:
        tars: the layers, lowest first.
        on_top: whether there are layers below, whose files it goes on to hide.
        scratch: the directory for scratch space; None is the system's.
        limits: how large files may be that are mostly holes.
    """

    counts_itself: ClassVar[bool] = True

    tars: tuple[LayerTar, ...]
    on_top: bool = False
    scratch: Path | None = None
    limits: Limits = field(factory=Limits)

    @property
    def one_shot(self) -> bool:
        """Whether one of the layers can be read only once."""
        return any(tar.one_shot for tar in self.tars)

    def describe(self) -> str:
        """Say how many layers, and the first of them."""
        first = self.tars[0].describe() if self.tars else "nothing"
        return f"{len(self.tars)} layers merged, from {first} on"

    @contextmanager
    def open(self) -> Iterator[Derived]:
        """Read all layers, and open what they come to."""
        with self.merge() as (merged, one_shot), Derived(_made(merged), one_shot=one_shot) as reader:
            yield reader

    @contextmanager
    def merge(self) -> Iterator[tuple[Merged, bool]]:
        """Read all layers; give what they come to, and whether one of them is spent."""
        merged, one_shot = Merged(self.scratch, on_top=self.on_top, limits=self.limits), False
        try:
            for tar in self.tars:
                with tar.open() as opened:
                    one_shot = one_shot or opened.one_shot
                    merged.add(opened.chunks, tar.describe())
            merged.settle()
            yield merged, one_shot
        finally:
            merged.close()


def _made(merged: Merged) -> Pieces:
    yield from merged.pieces()
