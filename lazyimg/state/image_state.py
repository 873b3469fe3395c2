"""`ImageState`: what the evaluation of an image gives."""

from collections.abc import Mapping
from typing import Any

from attrs import evolve, field, frozen

from lazyimg.oci.config import ConfigFile
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.media_type import in_family, is_docker, is_image_config
from lazyimg.state.config import DeclaredDiffId, EditedConfig, EditsConfig, StoredConfig
from lazyimg.state.contents import Contents, Home, Stored
from lazyimg.thunk.origin import Origin
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk, traced

BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"
"""The annotations that say which image one is based on (image-spec annotations.md)."""


@frozen
class StoredBlob(Thunk[Contents]):
    """A blob that rests somewhere: a layer, or a config that nobody edited."""

    blob: Stored

    def evaluate(self, run: Run) -> Contents:  # noqa: ARG002 - known without a run
        """Say where it is; nothing is read."""
        return self.blob


@frozen
class StateLayer:
    """A layer in its place in an image.

    Attributes:
        layer: gives its contents.
        descriptor: as a manifest declared it; None where it is known only once the bytes are consumed.
        diff_id: as a config declares it; None as above.
        annotations: of the descriptor that is still to be made.
        media_type: of the descriptor that is still to be made; None for what the bytes turn out to be, in the
            image's family of media types.
        urls: of the descriptor that is still to be made.
    """

    layer: Thunk[Contents]
    descriptor: Descriptor | None = None
    diff_id: Thunk[Digest] | None = None
    annotations: Mapping[str, str] = field(factory=dict)
    media_type: str | None = None
    urls: tuple[str, ...] = ()

    def described(self, **said: Any) -> "StateLayer":
        """It with other fields of its descriptor (``annotations``, ``media_type``, ``urls``)."""
        if self.descriptor is None:
            return evolve(self, **said)
        return evolve(self, descriptor=self.descriptor.replace(**said))

    @property
    def said(self) -> "Descriptor | StateLayer":
        """What says its ``annotations``, ``media_type`` and ``urls``: the descriptor, if it is known."""
        return self if self.descriptor is None else self.descriptor

    def in_family(self, *, docker: bool) -> "StateLayer":
        """It among layers of OCI's media types, or of Docker's.

        Raises:
            InvalidDocument: Docker has no such type.
        """
        named = self.said.media_type
        return self if named is None else self.described(media_type=in_family(named, docker=docker))


@frozen
class ImageState:
    """An image before it is sealed.

    Attributes:
        manifest: the document that sealing starts from; its ``config``, ``layers`` and ``subject`` are
            replaced by what stands here.
        config: gives the config; whoever only annotates never asks it.
        config_blob: the config as it rests somewhere, for as long as nobody edited it.
        layers: base first.
        subject: the state or `Descriptor` of what this one refers to; None keeps what the manifest says.
        based_on: the state of the image below, whose digest is written where the manifest's annotation
            `BASE_DIGEST` is empty; None writes nothing.
    """

    manifest: Manifest
    config: Thunk[ConfigFile]
    config_blob: Stored | None
    layers: tuple[StateLayer, ...] = ()
    subject: Any = None
    based_on: Any = None

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


def stored_state(manifest: Manifest, home: Home, origin: Origin | None = None) -> ImageState:
    """The state of an image as it rests somewhere: nothing but its manifest is known.

    Args:
        manifest: as it rests there.
        home: where its blobs are.
        origin: where the user composed the image, for the words of errors.
    """
    blob = Stored(home, manifest.config)
    config = traced(StoredConfig(blob), origin)
    count = len(manifest.layers)

    def placed(position: int, descriptor: Descriptor) -> StateLayer:
        diff_id = traced(DeclaredDiffId(config, position, count), origin)
        return StateLayer(traced(StoredBlob(Stored(home, descriptor)), origin), descriptor, diff_id)

    layers = tuple(placed(i, descriptor) for i, descriptor in enumerate(manifest.layers))
    return ImageState(manifest, config, blob, layers)
