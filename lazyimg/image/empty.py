"""An image of nothing: no layers, and a config that says only what it would run on."""

from attrs import frozen

from lazyimg.image.image import Image
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.media_type import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_MANIFEST
from lazyimg.oci.platform import Platform
from lazyimg.state.config import KnownConfig
from lazyimg.state.image_state import ImageState
from lazyimg.thunk.run import Run


@frozen
class Empty(Image):
    """Start from nothing."""

    platform: Platform
    docker: bool = False

    def evaluate(self, run: Run) -> ImageState:  # noqa: ARG002 - known without a run
        """Make the two documents."""
        config = ConfigFile.new(architecture=self.platform.architecture).with_platform(self.platform)
        data = config.to_bytes()
        descriptor = Descriptor(
            media_type=DOCKER_CONFIG if self.docker else OCI_CONFIG, digest=Digest.of(data), size=len(data)
        )
        media_type = DOCKER_MANIFEST if self.docker else OCI_MANIFEST
        manifest = Manifest.new(media_type=media_type, config=descriptor, layers=())
        return ImageState(manifest, KnownConfig(data), None)
