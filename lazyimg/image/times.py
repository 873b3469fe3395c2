"""Give everything in an image one time: the files in its layers, and what its config says of times."""

from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import evolve, field, frozen

from lazyimg.content.attributes import nanoseconds
from lazyimg.image.derived_layer import WithTime
from lazyimg.image.mutation import Mutation
from lazyimg.image.rewriting import refuse_artifact, replaced
from lazyimg.oci.config import ConfigFile
from lazyimg.state.image_state import ImageState
from lazyimg.thunk.origin import Origin

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def moment(value: Any) -> datetime:
    """The time that a user gave: with a time zone, or in seconds since 1970.

    >>> moment(0).isoformat()
    '1970-01-01T00:00:00+00:00'

    Raises:
        ValueError: it is no time, or has no time zone.
    """
    return _EPOCH + timedelta(microseconds=nanoseconds(value) // 1000)


@frozen
class WithTimes(Mutation):
    """Set the time of modification of every file, and the times in config and history that there are.

    The layers are rewritten as they are consumed: order, links and pax records stay.
    """

    time: datetime = field(converter=moment)

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Put rewritten layers in the places of the old; none is read.

        Raises:
            InvalidMutation: it is no image.
        """
        refuse_artifact(state, "with_times()")
        return retimed(state, self.time, self.origin).with_edit(SetTimes(self.time), self.origin)


def retimed(state: ImageState, time: datetime, origin: Origin | None) -> ImageState:
    """The state with every layer rewritten."""
    time_ns = nanoseconds(time)
    layers = tuple(replaced(layer, WithTime(layer.layer, time_ns), origin) for layer in state.layers)
    return evolve(state, layers=layers)


@frozen
class SetTimes:
    """Set the times that a config has; what has none gets none."""

    time: datetime

    def edit(self, config: ConfigFile) -> ConfigFile:
        """Set them."""
        if config.created is not None:
            config = config.with_created(self.time)
        if not config.has_history:
            return config
        return config.with_history(
            entry if entry.created is None else entry.replace(created=self.time) for entry in config.history
        )
