"""Append layers on top of an image, with their history."""

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.layer import Layer
from lazyimg.image.mutation import Mutation
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.frozen import frozen_mapping
from lazyimg.oci.history import History
from lazyimg.state.image_state import ImageState

CREATED_BY = "lazyimg append"


def _entries(value: History | Sequence[History]) -> tuple[History, ...]:
    return (value,) if isinstance(value, History) else tuple(value)


def _frozen(annotations: Mapping[str, str]) -> Mapping[str, str]:
    return frozen_mapping(annotations)


def _layers_alone(_: object, __: object, layers: tuple[Layer, ...]) -> None:
    for layer in layers:
        if not isinstance(layer, Layer):
            raise InvalidMutation(
                f"append() takes layers, and was given a {type(layer).__qualname__}: "
                "make one with Layer.from_tar, Layer.from_directory, Layer.from_files or Layer.from_stream"
            )


@frozen
class Append(Mutation):
    """Put layers on top.

    The config gets a history entry a layer, unless the image below has layers and no history at all. What
    is no image (an artifact) gets the layers alone: its config is kept as it is.
    """

    added: tuple[Layer, ...] = field(validator=_layers_alone)
    history: tuple[History, ...] = field(default=(), converter=_entries)
    annotations: Mapping[str, str] = field(factory=dict, converter=_frozen)

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Add the layers; none is read."""
        new = tuple(layer.placed(self.annotations, docker=state.is_docker) for layer in self.added)
        grown = evolve(state, layers=state.layers + new)
        if not state.is_image:
            return grown
        return grown.with_edit(AddHistory(self._history(), below=len(state.layers)), self.origin)

    def _history(self) -> tuple[History, ...]:
        return self.history or tuple(History(created_by=CREATED_BY) for _ in self.added)


@frozen
class AddHistory:
    """Add entries to a config's history."""

    entries: tuple[History, ...]
    below: int

    def edit(self, config: ConfigFile) -> ConfigFile:
        """Add them; a history that is absent though there are layers stays absent."""
        if self.below and not config.has_history:
            return config
        return config.with_history_appended(*self.entries)
