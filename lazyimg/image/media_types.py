"""Turn an image into one of OCI's media types, or of Docker's."""

from collections.abc import Iterator
from typing import Literal

from attrs import evolve, field, frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.mutation import Mutation
from lazyimg.oci.annotated import Annotated
from lazyimg.oci.media_type import in_family, is_layer
from lazyimg.state.image_state import ImageState, StateLayer

Family = Literal["oci", "docker"]


def family_alone(family: str) -> str:
    """The name of a family, checked; a converter for attrs fields.

    Raises:
        InvalidMutation: it is neither's name.
    """
    if family not in ("oci", "docker"):
        raise InvalidMutation(f"with_media_types() takes 'oci' or 'docker', not {family!r}")
    return family


@frozen
class WithMediaTypes(Mutation):
    """Give manifest, config and layers the media types of one family. No byte of config or layers changes."""

    family: str = field(converter=family_alone)
    lossy: bool = False

    def mutate(self, state: ImageState, *_: ImageState) -> ImageState:
        """Rename them; what Docker cannot say is refused, or dropped if that is allowed.

        Raises:
            InvalidMutation: Docker's media types cannot say what this image says.
            InvalidDocument: Docker has no type for a layer.
        """
        docker = self.family == "docker"
        if docker:
            _refuse_artifact(state)
            if not state.is_docker:
                state = self._without_loss(state)
        manifest = state.manifest.with_media_type(in_family(state.manifest.media_type, docker=docker))
        config = manifest.config.replace(media_type=in_family(manifest.config.media_type, docker=docker))
        layers = tuple(layer.in_family(docker=docker) for layer in state.layers)
        return evolve(state, manifest=manifest.with_config(config), layers=layers)

    def _without_loss(self, state: ImageState) -> ImageState:
        """The state without what Docker's manifests cannot say.

        Raises:
            InvalidMutation: it says any of it, and that may not be lost.
        """
        lost = tuple(_unsayable(state))
        if lost and not self.lossy:
            raise InvalidMutation(cannot_say("Docker's manifests", lost))
        return _stripped(state)


def cannot_say(who: str, what: tuple[str, ...]) -> str:
    """What is said of things that would be lost."""
    return f"{who} cannot say {', '.join(what)}: remove that first, or give it up with lossy=True"


def unsayable_in(document: Annotated) -> Iterator[str]:
    """What a manifest or index says that no document of Docker's can."""
    if document.annotations:
        yield f"annotations ({', '.join(sorted(document.annotations))})"
    if document.artifact_type:
        yield f"artifactType ({document.artifact_type})"


def _unsayable(state: ImageState) -> Iterator[str]:
    yield from unsayable_in(state.manifest)
    if state.subject or state.manifest.subject:
        yield "subject"
    if state.manifest.config.annotations:
        yield "annotations of the config's descriptor"
    for position, layer in enumerate(state.layers):
        if layer.said.annotations:
            yield f"annotations of layer {position}"


def _stripped(state: ImageState) -> ImageState:
    config = state.manifest.config.replace(annotations={}, artifact_type=None, data=None)
    manifest = (
        state.manifest.with_config(config).with_annotations({}).with_artifact_type(None).with_subject(None)
    )
    return evolve(
        state,
        manifest=manifest,
        subject=None,
        based_on=None,
        layers=tuple(map(_stripped_layer, state.layers)),
    )


def _stripped_layer(layer: StateLayer) -> StateLayer:
    if layer.descriptor is None:
        return evolve(layer, annotations={})
    return layer.described(annotations={}, artifact_type=None, data=None)


def _refuse_artifact(state: ImageState) -> None:
    """Refuse what has no form in Docker's family, whatever may be lost."""
    if not state.is_image:
        raise InvalidMutation(
            f"an artifact has no form in Docker's media types: its config is of the type "
            f"{state.manifest.config.media_type}"
        )
    for position, layer in enumerate(state.layers):
        named = layer.said.media_type
        if named is not None and not is_layer(named):
            raise InvalidMutation(
                f"layer {position} is of the type {named}, which Docker's media types cannot say"
            )
