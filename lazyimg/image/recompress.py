"""Compress the layers of an image in another way."""

from attrs import evolve, frozen

from lazyimg.content.compression import Compression
from lazyimg.image.derived_layer import Recompressed
from lazyimg.image.mutation import Mutation
from lazyimg.image.rewriting import refuse_artifact, refuse_compression, replaced
from lazyimg.state.image_state import ImageState, StateLayer


@frozen
class Recompress(Mutation):
    """Compress every layer anew; the tars in them, and so the config, stay the same."""

    compression: Compression

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Put other blobs in the places of the old; none is read.

        Raises:
            InvalidMutation: it is no image, or Docker's and the compression is zstd.
        """
        refuse_artifact(state, "recompress()")
        refuse_compression(state, self.compression)
        return evolve(state, layers=tuple(self._recompressed(layer) for layer in state.layers))

    def _recompressed(self, layer: StateLayer) -> StateLayer:
        new = replaced(layer, Recompressed(layer.layer, self.compression), self.origin)
        return evolve(new, diff_id=layer.diff_id)
