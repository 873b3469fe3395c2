"""Squash an image: the layers from one on become one."""

from attrs import evolve, field, frozen

from lazyimg.content.compression import Compression, Gzip
from lazyimg.errors import InvalidMutation
from lazyimg.image.derived_layer import Squashed
from lazyimg.image.merge_history import MergeHistory
from lazyimg.image.mutation import Mutation
from lazyimg.image.rewriting import refuse_artifact, refuse_compression
from lazyimg.state.image_state import ImageState, StateLayer
from lazyimg.thunk.thunk import traced


@frozen
class Squash(Mutation):
    """Merge the layers from one on; those below stay what they are, and are not read.

    The new layer keeps the whiteouts that hide what is below. History entries of the layers below, and what
    stands between them, are kept; one more stands for the rest.

    Attributes:
        from_layer: the lowest layer that is merged: its position, base first, counted from the top if
            negative, or its digest.
    """

    from_layer: int | str
    compression: Compression = field(factory=Gzip)

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Put one layer in the place of some; none is read.

        Raises:
            InvalidMutation: there is no such layer, it is no image, or Docker's and the compression is zstd.
        """
        refuse_artifact(state, "squash()")
        refuse_compression(state, self.compression)
        first = self._position(state)
        below, above = state.layers[:first], state.layers[first:]
        layer = Squashed(tuple(layer.layer for layer in above), compression=self.compression)
        squashed = evolve(state, layers=(*below, StateLayer(traced(layer, self.origin))))
        return squashed.with_edit(MergeHistory(first, len(state.layers), "lazyimg squash"), self.origin)

    def _position(self, state: ImageState) -> int:
        count = len(state.layers)
        if isinstance(self.from_layer, str):
            for position, layer in enumerate(state.layers):
                if layer.descriptor is not None and layer.descriptor.digest == self.from_layer:
                    return position
        elif -count <= self.from_layer < count:
            return self.from_layer % count
        raise InvalidMutation(
            f"squash({self.from_layer!r}): the image has {count} layers and this is none of them; name one "
            "by its position from 0 (negative: from the top), or by the digest that its manifest declares"
        )
