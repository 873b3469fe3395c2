"""Say what an image runs on."""

from attrs import frozen

from lazyimg.image.mutation import ConfigMutation
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.platform import Platform


@frozen
class WithPlatform(ConfigMutation):
    """Set os, architecture, variant, OS version and features of the config; what is not said is removed."""

    platform: Platform

    def edit(self, config: ConfigFile) -> ConfigFile:
        """Set them."""
        return config.with_platform(self.platform)
