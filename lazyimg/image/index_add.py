"""Add an image, or another index, to an index."""

from collections.abc import Mapping

from attrs import evolve, field, frozen

from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.image.index_mutation import IndexMutation
from lazyimg.oci.frozen import frozen_mapping
from lazyimg.oci.platform import Platform
from lazyimg.state.index_state import Entry, IndexState


def _frozen(annotations: Mapping[str, str]) -> Mapping[str, str]:
    return frozen_mapping(annotations)


@frozen
class AddChild(IndexMutation):
    """Add an entry after the others."""

    child: Image | Index
    platform: Platform | None = None
    annotations: Mapping[str, str] = field(factory=dict, converter=_frozen)

    def mutate(self, state: IndexState) -> IndexState:
        """Add it; its digest is known when it is sealed."""
        entry = Entry(self.child, platform=self.platform, annotations=self.annotations)
        return evolve(state, entries=(*state.entries, entry))
