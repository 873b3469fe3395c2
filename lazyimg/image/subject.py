"""Let an image refer to another: the other's referrers list it."""

from attrs import evolve, frozen

from lazyimg.image.image import Image
from lazyimg.image.mutation import Mutation
from lazyimg.oci.descriptor import Descriptor
from lazyimg.state.image_state import ImageState


@frozen
class WithSubject(Mutation):
    """Set ``subject`` of the manifest (image-spec manifest.md) to another image's manifest."""

    subject: Image | Descriptor

    def mutate(self, state: ImageState, *others: ImageState) -> ImageState:
        """Refer to it; its digest is known when both are sealed."""
        subject = self.subject if isinstance(self.subject, Descriptor) else others[0]
        return evolve(state, subject=subject)
