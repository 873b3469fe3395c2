"""Annotate layers of an image: what their descriptors in the manifest say."""

from collections.abc import Mapping

from attrs import evolve, field, frozen

from lazyimg.image.annotate import changed, frozen_changes
from lazyimg.image.layer_choice import Choice, chosen
from lazyimg.image.mutation import Mutation
from lazyimg.state.image_state import ImageState


@frozen
class AnnotateLayers(Mutation):
    """Set annotations of layers' descriptors; a value of None removes one, the others are kept."""

    annotations: Mapping[str, str | None] = field(converter=frozen_changes)
    which: tuple[Choice, ...]

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Change the descriptors.

        Raises:
            InvalidMutation: there is no such layer, or its descriptor is not known yet.
        """
        meant = chosen(state.layers, self.which)
        layers = (
            layer.described(annotations=changed(layer.said.annotations, self.annotations))
            if at in meant
            else layer
            for at, layer in enumerate(state.layers)
        )
        return evolve(state, layers=tuple(layers))
