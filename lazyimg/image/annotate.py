"""Annotate an image: set manifest annotations, or remove them."""

from collections.abc import Mapping

from attrs import field, frozen

from lazyimg.image.mutation import Mutation
from lazyimg.oci.frozen import frozen_mapping
from lazyimg.state.image_state import ImageState


def _frozen(annotations: Mapping[str, str | None]) -> Mapping[str, str | None]:
    return frozen_mapping(annotations)


@frozen
class Annotate(Mutation):
    """Set annotations of the manifest; a value of None removes one, the others are kept."""

    annotations: Mapping[str, str | None] = field(converter=_frozen)

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Change the manifest; the config is not asked for."""
        merged = {**state.manifest.annotations, **self.annotations}
        kept = {name: value for name, value in merged.items() if value is not None}
        return state.with_manifest(state.manifest.with_annotations(kept))
