"""The layers of an image, as `lazyimg.Image.layers` gives them."""

from collections.abc import Mapping
from typing import ClassVar

from attrs import frozen

from lazyimg.content.identity import Identity
from lazyimg.engine import Engine, current_engine
from lazyimg.image.layer import Layer
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.reference import Reference
from lazyimg.state.contents import Contents
from lazyimg.state.homes import RegistryHome
from lazyimg.state.image_state import ImageState, StateLayer, StoredBlob
from lazyimg.thunk.run import Run
from lazyimg.thunk.thunk import Thunk


@frozen
class Declared(Layer):
    """A layer that a manifest declares: its digest and size are known, its diff_id stands in the config."""

    is_local: ClassVar[bool] = False

    layer: StoredBlob
    descriptor: Descriptor
    declared_diff_id: Thunk[Digest]

    @property
    def reads(self) -> Reference | None:
        """The repository it rests in, if it is one: a session that can read there can mount from there."""
        home = self.layer.blob.home
        return home.repository if isinstance(home, RegistryHome) else None

    def evaluate(self, run: Run) -> Contents:
        """Say where it is."""
        return run.value(self.layer)

    def placed(self, annotations: Mapping[str, str], *, docker: bool) -> StateLayer:
        """It as a part of another image: as it was declared, in that image's family of media types."""
        declared = self.descriptor.replace(annotations={**self.descriptor.annotations, **annotations})
        return StateLayer(self.layer, declared, self.declared_diff_id).in_family(docker=docker)

    def digest(self, timeout: float | None = None) -> Digest:  # noqa: ARG002 - nothing to wait for
        """As the manifest declares it. Reads nothing."""
        return self.descriptor.digest

    def size(self, timeout: float | None = None) -> int:  # noqa: ARG002 - nothing to wait for
        """In bytes, as the manifest declares it. Reads nothing."""
        return self.descriptor.size

    def identity(self, timeout: float | None = None, *, engine: Engine | None = None) -> Identity:  # noqa: ARG002
        """As manifest and config declare it; reads the config."""
        diff_id = (engine or current_engine()).force(self.declared_diff_id)
        known = self.descriptor
        return Identity(digest=known.digest, size=known.size, diff_id=diff_id, media_type=known.media_type)


def placed_layers(image: Thunk[ImageState], engine: Engine | None) -> tuple[Layer, ...]:
    """An image's layers; reads documents."""
    state = (engine or current_engine()).force(image)
    return tuple(_layer(layer) for layer in state.layers)


def _layer(layer: StateLayer) -> Layer:
    if layer.descriptor is not None and layer.diff_id is not None and isinstance(layer.layer, StoredBlob):
        return Declared(layer.layer, layer.descriptor, layer.diff_id)
    assert isinstance(layer.layer, Layer)  # noqa: S101 - only layers can be appended
    return layer.layer
