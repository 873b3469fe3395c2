"""`ImageState`: what the evaluation of an image gives."""

from collections.abc import Mapping
from typing import Any, TypeVar

from attrs import evolve, field, frozen

from lazyimg.oci.config import ConfigFile
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.media_type import is_docker, is_image_config
from lazyimg.oci.reference import Reference
from lazyimg.state.config import DeclaredDiffId, EditedConfig, EditsConfig, RemoteConfig
from lazyimg.state.contents import Contents, Remote
from lazyimg.thunk.origin import Origin
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk

T = TypeVar("T", bound=Thunk[Any])


@frozen
class RemoteBlob(Thunk[Contents]):
    """A blob that a registry has: a layer, or a config that nobody edited."""

    repository: Reference
    descriptor: Descriptor

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - known without a run
        """Say where it is; nothing is fetched."""
        return Remote(self.repository, self.descriptor)


@frozen
class StateLayer:
    """A layer in its place in an image.

    Attributes:
        layer: gives its contents.
        descriptor: as a manifest declared it; None where it is known only once the bytes are consumed.
        diff_id: as a config declares it; None as above.
        annotations: of the descriptor that is still to be made.
    """

    layer: Thunk[Contents]
    descriptor: Descriptor | None = None
    diff_id: Thunk[Digest] | None = None
    annotations: Mapping[str, str] = field(factory=dict)


@frozen
class ImageState:
    """An image before it is sealed.

    Attributes:
        manifest: the document that sealing starts from; its ``config``, ``layers`` and ``subject`` are
            replaced by what stands here.
        config: gives the config; whoever only annotates never asks it.
        config_blob: the config as it stands in a registry, for as long as nobody edited it.
        layers: base first.
        subject: the image or descriptor that this one refers to; None keeps what the manifest says.
    """

    manifest: Manifest
    config: Thunk[ConfigFile]
    config_blob: Remote | None
    layers: tuple[StateLayer, ...] = ()
    subject: "ImageState | Descriptor | None" = None

    @property
    def is_docker(self) -> bool:
        """Whether the manifest is of Docker's media types."""
        return is_docker(self.manifest.media_type)

    @property
    def is_image(self) -> bool:
        """Whether the config is an image's: an artifact has another, whose bytes are never touched."""
        return is_image_config(self.manifest.config.media_type)

    def with_edit(self, by: EditsConfig, origin: Origin | None = None) -> "ImageState":
        """The same with the config changed by ``by``, once somebody asks for it.

        Args:
            by: the change.
            origin: where the user composed it, for the words of errors.
        """
        return evolve(self, config=traced(EditedConfig(self.config, by), origin), config_blob=None)

    def with_manifest(self, manifest: Manifest) -> "ImageState":
        """The same with other manifest fields."""
        return evolve(self, manifest=manifest)

    @property
    def lineage(self) -> "tuple[ImageState, ...]":
        """The image itself, the one it refers to, the one that refers to, and so on."""
        found = [self]
        while isinstance(found[-1].subject, ImageState):
            found.append(found[-1].subject)
        return tuple(found)


def traced(thunk: T, origin: Origin | None) -> T:
    """``thunk``, just made by an evaluation, with the place where the user composed what it comes from."""
    object.__setattr__(thunk, "origin", origin)
    return thunk


def remote_state(manifest: Manifest, repository: Reference, origin: Origin | None = None) -> ImageState:
    """The state of an image as a registry has it: nothing but its manifest is known.

    Args:
        manifest: as the registry has it.
        repository: where its blobs are.
        origin: where the user composed the image, for the words of errors.
    """
    config = traced(RemoteConfig(repository, manifest.config), origin)
    count = len(manifest.layers)

    def placed(position: int, descriptor: Descriptor) -> StateLayer:
        diff_id = traced(DeclaredDiffId(config, position, count), origin)
        return StateLayer(traced(RemoteBlob(repository, descriptor), origin), descriptor, diff_id)

    layers = tuple(placed(i, descriptor) for i, descriptor in enumerate(manifest.layers))
    return ImageState(manifest, config, config.contents, layers)
