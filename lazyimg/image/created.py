"""Set the time at which an image was created."""

from datetime import datetime

from attrs import frozen

from lazyimg.image.mutation import ConfigMutation
from lazyimg.oci.config import ConfigFile


@frozen
class WithCreated(ConfigMutation):
    """Set ``created`` of the config; None removes it. Layers and history are left alone."""

    created: datetime | None

    def edit(self, config: ConfigFile) -> ConfigFile:
        """Set it."""
        return config.with_created(self.created)
