"""Layers made of other layers while those are read: each a thunk around the old ones.

Evaluating one says what is to be read, and reads nothing: the old layers are read, once and in one pass,
when the new one is consumed.
"""

from typing import TYPE_CHECKING

from attrs import evolve, field, frozen

from lazyimg.content.compression import Compression, Gzip, Uncompressed, Zstd
from lazyimg.image.layer import Layer
from lazyimg.oci.media_type import layer_compression
from lazyimg.state.contents import Contents, Local, Named, Stored
from lazyimg.state.reading import readable
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk

if TYPE_CHECKING:
    from lazyimg.content.derived import LayerTar

_COMPRESSIONS: dict[str, Compression] = {"gzip": Gzip(), "zstd": Zstd(), "none": Uncompressed()}


@frozen
class Flattened(Layer):
    """Layers merged into one, as if they had been applied to an empty filesystem."""

    layers: tuple[Thunk[Contents], ...]
    compression: Compression = field(factory=Gzip, kw_only=True)
    on_top = False

    def evaluate(self, run: Run) -> Contents:
        """Say what is to be merged; nothing is read."""
        from lazyimg.content.derived import MergedTar  # noqa: PLC0415 - decompressors are loaded on use

        contents = [readable(run.value(layer), layer.key, run) for layer in self.layers]
        tars = tuple(_tar(one, run) for one in contents)
        work = run.runtime
        source = MergedTar(tars, on_top=self.on_top, scratch=work.scratch, limits=work.limits)
        return Local(source, self.compression, spool=all(_spools(one) for one in contents))


@frozen
class Squashed(Flattened):
    """Layers merged into one, with what it takes to hide what they hide in the layers below them."""

    on_top = True


@frozen
class WithTime(Layer):
    """A layer all of whose entries were modified at one time.

    Attributes:
        time_ns: in nanoseconds since 1970.
    """

    layer: Thunk[Contents]
    time_ns: int

    def evaluate(self, run: Run) -> Contents:
        """Say what is to be rewritten; nothing is read."""
        from lazyimg.content.derived import Retimed  # noqa: PLC0415 - decompressors are loaded on use

        contents = readable(run.value(self.layer), self.layer.key, run)
        source = Retimed(_tar(contents, run), self.time_ns)
        return Local(source, _compression_of(contents), spool=_spools(contents))


@frozen
class Recompressed(Layer):
    """A layer with the same tar, compressed in another way."""

    layer: Thunk[Contents]
    compression: Compression

    def evaluate(self, run: Run) -> Contents:
        """Say what is to be compressed; nothing is read."""
        from lazyimg.content.derived import Plain  # noqa: PLC0415 - decompressors are loaded on use

        contents = readable(run.value(self.layer), self.layer.key, run)
        if isinstance(contents, Local) and contents.compression is not None:
            return evolve(contents, compression=self.compression)  # it never was, so it is not twice
        return Local(Plain(_tar(contents, run)), self.compression, spool=_spools(contents))


def _tar(contents: Contents, run: Run) -> "LayerTar":
    from lazyimg.state.layer_tar import ContentsTar  # noqa: PLC0415 - decompressors are loaded on use

    return ContentsTar(contents, run.runtime, run.check)


def _spools(contents: Contents) -> bool:
    return isinstance(contents, Stored) or contents.spool


def _compression_of(contents: Contents) -> Compression:
    """How a layer was compressed, as far as that can be told without reading it; else gzip."""
    if isinstance(contents, Local):
        if contents.compression is not None:
            return contents.compression
        return _named(None if contents.given is None else contents.given.media_type)
    is_told = not isinstance(contents, Named) or contents.is_told
    return _named(contents.descriptor.media_type if is_told else None)


def _named(media_type: str | None) -> Compression:
    return Gzip() if media_type is None else _COMPRESSIONS[layer_compression(media_type)]
