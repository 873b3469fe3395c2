"""Drop layers of an image, and the entries of history that tell of them."""

from attrs import evolve, frozen

from lazyimg.image.history import tells
from lazyimg.image.layer_choice import Choice, chosen
from lazyimg.image.mutation import Mutation
from lazyimg.oci.config import ConfigFile
from lazyimg.state.image_state import ImageState


@frozen
class DropLayers(Mutation):
    """Leave layers out. The others keep their descriptors; none is read."""

    which: tuple[Choice, ...]

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Leave them out.

        Raises:
            InvalidMutation: there is no such layer, or its descriptor is not known yet.
        """
        gone = chosen(state.layers, self.which)
        if not gone:
            return state
        kept = tuple(layer for position, layer in enumerate(state.layers) if position not in gone)
        left = evolve(state, layers=kept)
        if not state.is_image:
            return left
        return left.with_edit(DropHistory(tuple(sorted(gone)), len(state.layers)), self.origin)


@frozen
class DropHistory:
    """Drop the entries of history that tell of some layers; those of empty layers stay.

    Attributes:
        positions: of the layers.
        layers: how many there were.
    """

    positions: tuple[int, ...]
    layers: int

    def edit(self, config: ConfigFile) -> ConfigFile:
        """Drop them.

        Raises:
            InvalidDocument: the history tells of other layers than there are.
        """
        if not tells(config, self.layers, "the image"):
            return config
        return config.without_history_of(self.positions)
