"""Say that a config is of another media type."""

from attrs import frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.mutation import Mutation
from lazyimg.oci.media_type import is_docker, is_image_config
from lazyimg.state.image_state import ImageState


@frozen
class WithConfigMediaType(Mutation):
    """Set the media type of the config's descriptor; its bytes are kept."""

    media_type: str

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Set it.

        Raises:
            InvalidMutation: it is an image config's of the other family than the manifest's.
        """
        if is_image_config(self.media_type) and is_docker(self.media_type) != state.is_docker:
            raise InvalidMutation(
                f"the config of a {state.manifest.media_type} cannot be of the type {self.media_type}: "
                "with_media_types() changes both, and the layers"
            )
        config = state.manifest.config.replace(media_type=self.media_type)
        return state.with_manifest(state.manifest.with_config(config))
