"""Images and indexes of random bytes, the same everywhere for the same seed: for tests and trials."""

from collections.abc import Sequence

from attrs import frozen

from lazyimg.content.random_tar import RandomTar
from lazyimg.content.source import Source
from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.image.local_layer import LocalLayer
from lazyimg.oci.platform import Platform


@frozen
class RandomLayer(LocalLayer):
    """A tar of one file of random bytes."""

    tar: RandomTar

    def source(self) -> Source:
        """Made as it is read."""
        return self.tar


def random_image(seed: int | str, layers: int, size: int, platform: str | Platform) -> Image:
    """An image of random layers; see `lazyimg.Image.random`."""
    tars = (RandomTar(f"{seed}/{number}", size, f"/random-{number}") for number in range(layers))
    made = (RandomLayer(tar) for tar in tars)
    return Image.empty(platform).append(*made)


def random_index(seed: int | str, layers: int, size: int, platforms: Sequence[str | Platform]) -> Index:
    """An index of random images; see `lazyimg.Index.random`."""
    index = Index.empty()
    for platform in platforms:
        index = index.add(random_image(f"{seed}/{platform}", layers, size, platform))
    return index
