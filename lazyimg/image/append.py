"""Append layers on top of an image, with their history."""

from collections.abc import Mapping, Sequence

from attrs import evolve, field, frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.history import tells
from lazyimg.image.layer import Layer
from lazyimg.image.mutation import Mutation
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.frozen import frozen_mapping, frozen_texts
from lazyimg.oci.history import History
from lazyimg.oci.media_type import is_docker, is_layer
from lazyimg.state.config import EditedConfig
from lazyimg.state.image_state import ImageState, StateLayer

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
    media_type: str | None = None
    urls: tuple[str, ...] = field(default=(), converter=frozen_texts)

    def __attrs_post_init__(self) -> None:
        """Refuse a history that tells of other layers.

        Raises:
            InvalidMutation: it has more or fewer entries than there are layers.
        """
        told = sum(not entry.empty_layer for entry in self.history)
        if self.history and told != len(self.added):
            raise InvalidMutation(
                f"append() was given {len(self.added)} layers, and a history that tells of {told}: an entry "
                "that made no layer says so, with History(empty_layer=True)"
            )

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Add the layers; none is read.

        Raises:
            InvalidMutation: a media type of the other family; or a history for an artifact, which has none.
        """
        if not (self.added or self.history):
            return state
        self._refuse_other_family(state)
        grown = evolve(state, layers=state.layers + tuple(self._placed(layer, state) for layer in self.added))
        if state.is_image:
            return grown.with_edit(self._edit(state), self.origin)
        if self.history:
            raise InvalidMutation(
                f"append(history=...) is for images: this is an artifact, whose config is of the type "
                f"{state.manifest.config.media_type} and is kept as it is"
            )
        return grown

    def _refuse_other_family(self, state: ImageState) -> None:
        named = self.media_type
        if named and is_layer(named) and state.is_image and is_docker(named) != state.is_docker:
            family = "Docker's" if state.is_docker else "OCI's"
            raise InvalidMutation(
                f"append(media_type={named!r}) is of another family than the image, whose media types are "
                f"{family}: leave it out, or use with_media_types first"
            )

    def _placed(self, layer: Layer, state: ImageState) -> StateLayer:
        placed = layer.placed(self.annotations, docker=state.is_docker)
        given = {"media_type": self.media_type, "urls": self.urls}
        said = {name: value for name, value in given.items() if value}
        return placed.described(**said) if said else placed

    def _edit(self, state: ImageState) -> "AddHistory":
        entries = self.history or tuple(History(created_by=CREATED_BY) for _ in self.added)
        follows = isinstance(state.config, EditedConfig) and isinstance(state.config.by, AddHistory)
        return AddHistory(entries, len(state.layers), is_checked=follows)


@frozen
class AddHistory:
    """Add entries to a config's history.

    Attributes:
        entries: what is added.
        below: how many layers the image had before.
        is_checked: whether the history below is known to agree with the layers: another append made it.
    """

    entries: tuple[History, ...]
    below: int
    is_checked: bool = False

    def edit(self, config: ConfigFile) -> ConfigFile:
        """Add them; a history that is absent though there are layers stays absent.

        Raises:
            InvalidDocument: the history below tells of other layers than there are.
        """
        told = config.has_history if self.is_checked else tells(config, self.below, "the image below")
        return config.with_history_appended(*self.entries) if told or not self.below else config
