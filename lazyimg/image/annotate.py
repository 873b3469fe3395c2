"""Annotate an image: set manifest annotations, or remove them."""

from collections.abc import Mapping

from attrs import field, frozen

from lazyimg.image.mutation import Mutation
from lazyimg.oci.frozen import FrozenDict, frozen_mapping
from lazyimg.state.image_state import ImageState


def frozen_changes(annotations: Mapping[str, str | None]) -> Mapping[str, str | None]:
    """The annotations to set and to remove, as nobody changes them; a converter for attrs fields."""
    return frozen_mapping(annotations)


def changed(annotations: Mapping[str, str], changes: Mapping[str, str | None]) -> Mapping[str, str]:
    """Annotations with some of them set, and those removed whose value is None.

    >>> changed({"a": "1", "b": "2"}, {"b": None, "c": "3"})
    {'a': '1', 'c': '3'}
    """
    merged = {**annotations, **changes}
    return FrozenDict({name: value for name, value in merged.items() if value is not None})


@frozen
class Annotate(Mutation):
    """Set annotations of the manifest; a value of None removes one, the others are kept."""

    annotations: Mapping[str, str | None] = field(converter=frozen_changes)

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Change the manifest; the config is not asked for."""
        wanted = changed(state.manifest.annotations, self.annotations)
        return state.with_manifest(state.manifest.with_annotations(wanted))
