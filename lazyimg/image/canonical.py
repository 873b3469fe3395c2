"""Make an image say nothing of when and on which machine it was built."""

from datetime import UTC, datetime

from attrs import frozen

from lazyimg.image.mutation import Mutation
from lazyimg.image.rewriting import refuse_artifact
from lazyimg.image.times import SetTimes, retimed
from lazyimg.oci.config import ConfigFile
from lazyimg.state.image_state import ImageState

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_OF_THE_HOST = ("container", "container_config", "docker_version")


@frozen
class Canonical(Mutation):
    """Set all times to 1970, and remove what a config says of the machine that it was built on.

    Two builds that differ in nothing else are the same image afterwards.
    """

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Put rewritten layers in the places of the old; none is read.

        Raises:
            InvalidMutation: it is no image.
        """
        refuse_artifact(state, "canonical()")
        return retimed(state, EPOCH, self.origin).with_edit(ForgetHost(), self.origin)


@frozen
class ForgetHost:
    """Set the times of a config, and remove what it says of a machine and of people.

    That is the container it was committed from, its host name, the version of Docker, and who made each
    entry of the history.
    """

    def edit(self, config: ConfigFile) -> ConfigFile:
        """Do it."""
        config = SetTimes(EPOCH).edit(config)
        for name in _OF_THE_HOST:
            config = config.remove(name)
        config = config.with_container("Hostname", None)
        if not config.has_history:
            return config
        return config.with_history(entry.replace(author=None) for entry in config.history)
