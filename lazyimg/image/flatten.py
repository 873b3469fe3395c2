"""Flatten an image: all its layers become one."""

from attrs import evolve, field, frozen

from lazyimg.content.compression import Compression, Gzip
from lazyimg.image.derived_layer import Flattened
from lazyimg.image.merge_history import MergeHistory
from lazyimg.image.mutation import Mutation
from lazyimg.image.rewriting import refuse_artifact, refuse_compression
from lazyimg.state.image_state import ImageState, StateLayer
from lazyimg.thunk.thunk import traced


@frozen
class Flatten(Mutation):
    """Merge all layers into one: whiteouts are applied, and what they hid is gone.

    The layers are read when the new one is consumed. The history becomes one entry.
    """

    compression: Compression = field(factory=Gzip)

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Put one layer in the place of all; none is read.

        Raises:
            InvalidMutation: it is no image, or Docker's and the compression is zstd.
        """
        refuse_artifact(state, "flatten()")
        refuse_compression(state, self.compression)
        if not state.layers:
            return state
        layer = Flattened(tuple(layer.layer for layer in state.layers), compression=self.compression)
        flat = evolve(state, layers=(StateLayer(traced(layer, self.origin)),))
        return flat.with_edit(MergeHistory(0, len(state.layers), "lazyimg flatten"), self.origin)
