"""Rebase an image: the layers of one base below its own exchanged for those of another."""

from attrs import evolve, field, frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.history import above, tells
from lazyimg.image.image import Image
from lazyimg.image.mutation import Mutation, image_alone
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.history import History
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.reference import Reference
from lazyimg.state.image_state import BASE_DIGEST, BASE_NAME, ImageState, StateLayer
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk, traced

CREATED_BY = "lazyimg rebase"


@frozen
class Rebase(Mutation):
    """Exchange the layers of the old base for those of the new one; the image's own stay on top.

    Layers are compared by position and by what their manifests declare: none is read. The platform is the
    new base's; the rest of the config, annotations and media types are the image's.
    """

    old_base: Image = field(validator=image_alone)
    new_base: Image = field(validator=image_alone)

    def mutate(self, state: ImageState, *others: ImageState) -> ImageState:
        """Exchange them.

        Raises:
            InvalidMutation: the image is not built on the old base; or one of the three is an artifact.
            InvalidDocument: the image is of Docker's media types, and a layer of the new base cannot be.
        """
        old, new = others
        for what, one in (("the image", state), ("the old base", old), ("the new base", new)):
            _refuse_artifact(one, what)
        _refuse_other_base(state, old)
        below = tuple(layer.in_family(docker=state.is_docker) for layer in new.layers)
        counts = (len(state.layers), len(old.layers), len(below))
        config = RebasedConfig(state.config, old.config, new.config, *counts)
        return evolve(
            state,
            manifest=_annotated(state, self.new_base),
            config=traced(config, self.origin),
            config_blob=None,
            layers=below + state.layers[len(old.layers) :],
            based_on=new,
        )


def _refuse_artifact(state: ImageState, what: str) -> None:
    if not state.is_image:
        raise InvalidMutation(
            f"rebase is for images: {what} is an artifact, whose config is of the type "
            f"{state.manifest.config.media_type}"
        )


def _refuse_other_base(state: ImageState, old: ImageState) -> None:
    if len(old.layers) > len(state.layers):
        raise InvalidMutation(
            f"the image is not built on the old base: it has {len(state.layers)} layers, fewer than the "
            f"{len(old.layers)} of the old base"
        )
    for position, (mine, theirs) in enumerate(zip(state.layers, old.layers, strict=False)):
        if _name(mine) != _name(theirs):
            raise InvalidMutation(
                f"the image is not built on the old base: layer {position} (0 is the lowest) is "
                f"{_shown(mine)} in the image, and {_shown(theirs)} in the old base; name "
                "the base that it was built on, or repeat its recipe on another with with_base"
            )


def _name(layer: StateLayer) -> str:
    return layer.layer.key if layer.descriptor is None else layer.descriptor.digest


def _shown(layer: StateLayer) -> str:
    return f"{layer.layer!r}" if layer.descriptor is None else layer.descriptor.digest


def _annotated(state: ImageState, base: Image) -> Manifest:
    """The manifest saying what it is based on; its digest is filled in when it is sealed."""
    if state.is_docker:  # Docker's manifests have no annotations
        return state.manifest
    kept = {name: value for name, value in state.manifest.annotations.items() if name != BASE_NAME}
    reference = getattr(base, "reference", None)
    named = {BASE_NAME: _reference(reference)} if isinstance(reference, Reference) else {}
    return state.manifest.with_annotations({**kept, BASE_DIGEST: "", **named})


def _reference(reference: Reference) -> str:
    return str(reference.with_digest(None) if reference.tag else reference)


@frozen
class RebasedConfig(Thunk[ConfigFile]):
    """The config of a rebased image.

    Attributes:
        config: the image's.
        old: the old base's.
        new: the new base's.
        layers: how many layers the image had.
        old_layers: how many layers the old base has.
        new_layers: how many layers the new base has.
    """

    config: Thunk[ConfigFile]
    old: Thunk[ConfigFile]
    new: Thunk[ConfigFile]
    layers: int
    old_layers: int
    new_layers: int

    def evaluate(self, run: Run) -> ConfigFile:
        """Take platform and history below from the new base.

        Raises:
            InvalidDocument: a history tells of other layers than there are.
        """
        config, new = run.value(self.config), run.value(self.new)
        rebased = config.with_platform(new.platform)
        if not tells(config, self.layers, "the image"):
            return rebased
        top = config.history[self._where(config.history, run.value(self.old).history) :]
        return rebased.with_history((*self._below(new), *top))

    def _where(self, history: tuple[History, ...], old: tuple[History, ...]) -> int:
        """Where the image's own history begins: after all of the old base's, if that is there."""
        kinds = [entry.empty_layer for entry in old]
        is_below = [entry.empty_layer for entry in history[: len(old)]] == kinds
        return (
            len(old)
            if is_below and kinds.count(False) == self.old_layers
            else above(history, self.old_layers)
        )

    def _below(self, new: ConfigFile) -> tuple[History, ...]:
        """The new base's history; an entry a layer, where it has none."""
        if tells(new, self.new_layers, "the new base"):
            return new.history
        return (History(created_by=CREATED_BY),) * self.new_layers
