"""Sizes: of an image as it travels, of the tars in it, and what several images share."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from attrs import field, frozen

from lazyimg.engine import Engine, current_engine, refuse_inside
from lazyimg.errors import NobodyConsumes
from lazyimg.image.looking import Looking
from lazyimg.oci.digest import Digest
from lazyimg.oci.frozen import FrozenDict, frozen_mapping
from lazyimg.oci.manifest import Manifest
from lazyimg.state.contents import Contents
from lazyimg.state.image_state import ImageState
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk
from lazyimg.write.asking import sealed
from lazyimg.write.streams import one_shots

if TYPE_CHECKING:
    from lazyimg.notebook.table import Table


def _frozen(blobs: Mapping[Digest, int]) -> Mapping[Digest, int]:
    return frozen_mapping(blobs)


@frozen(repr=False)
class Sizes:
    """What several images weigh, and what they share: bytes as they travel, manifests included.

    Attributes:
        images: the blobs of each image by its name: bytes by digest.
    """

    images: Mapping[str, Mapping[Digest, int]]

    @property
    def total(self) -> int:
        """Bytes of all of them together, each blob counted once."""
        return sum(
            {digest: size for blobs in self.images.values() for digest, size in blobs.items()}.values()
        )

    @property
    def shared(self) -> int:
        """Bytes of the blobs that more than one of them has, each counted once."""
        return self.total - sum(map(self.unique_to, self.images))

    def of(self, name: str) -> int:
        """Bytes of one image."""
        return sum(self.images[name].values())

    def unique_to(self, name: str) -> int:
        """Bytes of the blobs of one image that no other of them has."""
        others = {digest for other, blobs in self.images.items() if other != name for digest in blobs}
        return sum(size for digest, size in self.images[name].items() if digest not in others)

    def shared_by(self, name: str) -> int:
        """Bytes of the blobs of one image that another of them has too."""
        return self.of(name) - self.unique_to(name)

    def __repr__(self) -> str:
        return self._table().to_text()

    def _repr_html_(self) -> str:
        return self._table()._repr_html_()

    def _table(self) -> "Table":
        from lazyimg.notebook.table import Table  # noqa: PLC0415 - drawn on demand

        rows = tuple(
            (name, self.of(name), self.shared_by(name), self.unique_to(name)) for name in self.images
        )
        end = f"{self.total} bytes together, {self.shared} of them shared"
        return Table("sizes in bytes", ("image", "size", "shared", "its own"), rows, (end,))


def sizes(images: Mapping[str, Looking], engine: Engine | None = None) -> Sizes:
    """What images weigh as they travel, and what they share; reads what their digests need.

    Args:
        images: by names of your choice.
        engine: by default the current one.
    """
    return Sizes(FrozenDict({name: _frozen(_blobs(image, engine)) for name, image in images.items()}))


def _blobs(image: Looking, engine: Engine | None) -> dict[Digest, int]:
    found = sealed(image, engine)
    manifest = Manifest.parse(found.data)
    named = (found.descriptor, manifest.config, *manifest.layers)
    return {blob.digest: blob.size for blob in named}


@frozen
class TarSize(Thunk[int]):
    """The bytes of the tar in a layer, which is read to its end."""

    effectful: ClassVar[bool] = True

    layer: Thunk[Contents]

    def evaluate(self, run: Run) -> int:
        """Read it."""
        from lazyimg.state.layer_tar import ContentsTar  # noqa: PLC0415 - decompressors are loaded on use

        with ContentsTar(run.value(self.layer), run.runtime, run.check).open() as tar:
            return sum(map(len, tar.chunks))


@frozen
class TarSizes(Thunk[Sequence[int]]):
    """The bytes of the tars in an image's layers, base first; a layer that stands twice is read once."""

    image: Thunk[ImageState]

    def evaluate(self, run: Run) -> Thunk[Sequence[int]]:
        """Go on with the layers."""
        return _Gathered(tuple(TarSize(layer.layer) for layer in run.value(self.image).layers))


@frozen
class _Gathered(Thunk[Sequence[int]]):
    sizes: tuple[TarSize, ...] = field()

    def evaluate(self, run: Run) -> Sequence[int]:
        return [run.value(size) for size in self.sizes]


def tar_bytes(image: Thunk[ImageState], engine: Engine | None) -> int:
    """Bytes of the tars in an image's layers; see `lazyimg.Image.size`.

    Raises:
        NobodyConsumes: one is a one-shot stream, which this would use up.
    """
    refuse_inside(image)
    for stream, layer in one_shots([image]).items():
        raise NobodyConsumes(
            f"{layer!r}, composed at {layer.origin}, is the one-shot stream {stream!r}: measuring would use "
            "it up. Write it, and measure what was written; or use Layer.from_opener"
        )
    return sum((engine or current_engine()).force(TarSizes(image)))
