"""Say which artifact a manifest is."""

from attrs import frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.mutation import Mutation
from lazyimg.state.image_state import ImageState


@frozen
class WithArtifactType(Mutation):
    """Set ``artifactType`` of the manifest (image-spec manifest.md); None removes it."""

    artifact_type: str | None

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Set it.

        Raises:
            InvalidMutation: the manifest is of Docker's media types, which know none.
        """
        if self.artifact_type is not None and state.is_docker:
            raise InvalidMutation(
                "a manifest of Docker's media types has no artifactType: use with_media_types('oci') first"
            )
        return state.with_manifest(state.manifest.with_artifact_type(self.artifact_type))
