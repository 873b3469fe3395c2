"""Let an image refer to another: the other's referrers list it."""

from attrs import evolve, frozen

from lazyimg.image.image import Image
from lazyimg.image.index import Index
from lazyimg.image.mutation import Mutation
from lazyimg.oci.descriptor import Descriptor
from lazyimg.state.image_state import ImageState
from lazyimg.state.index_state import State


@frozen
class WithSubject(Mutation):
    """Set ``subject`` of the manifest (image-spec manifest.md) to another manifest; None removes it."""

    subject: Image | Index | Descriptor | None

    def mutate(self, state: ImageState, *others: State) -> ImageState:
        """Refer to it; its digest is known when both are sealed."""
        if self.subject is None:
            return evolve(state, subject=None, manifest=state.manifest.with_subject(None))
        return evolve(state, subject=others[0] if others else self.subject)
