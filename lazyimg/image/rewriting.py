"""What mutations share that put other layers into the places of an image's own."""

from collections.abc import Mapping

from lazyimg.content.compression import Compression
from lazyimg.errors import InvalidMutation
from lazyimg.oci.media_type import is_layer
from lazyimg.state.contents import Contents
from lazyimg.state.image_state import ImageState, StateLayer
from lazyimg.thunk.origin import Origin
from lazyimg.thunk.thunk import Thunk, traced

_OF_ONE_BLOB = (
    "containerd.io/snapshot/",
    "io.github.containers.zstd-chunked.",
)
"""How annotations begin that describe a blob's very bytes, and are wrong of any other."""


def refuse_artifact(state: ImageState, doing: str) -> None:
    """Refuse what has no filesystem.

    Raises:
        InvalidMutation: it is no image, or one of its layers is no tar.
    """
    if not state.is_image:
        raise InvalidMutation(
            f"{doing} is for images; this is an artifact, with a config of type "
            f"{state.manifest.config.media_type}, and its layers need be no filesystems"
        )
    for number, layer in enumerate(state.layers):
        if layer.descriptor is not None and not is_layer(layer.descriptor.media_type):
            raise InvalidMutation(
                f"{doing} reads the layers of an image as tars; layer {number} has the type "
                f"{layer.descriptor.media_type}, which is none"
            )


def refuse_compression(state: ImageState, compression: Compression) -> None:
    """Refuse a compression that an image of Docker's media types cannot name.

    Raises:
        InvalidMutation: that is so.
    """
    if state.is_docker and compression.name == "zstd":
        raise InvalidMutation(
            "Docker's media types know no zstd: change the image to OCI's first, or use Gzip()"
        )


def replaced(old: StateLayer, layer: Thunk[Contents], origin: Origin | None) -> StateLayer:
    """Another layer in the place of an old one, whose annotations it keeps.

    Those that describe the old blob's bytes (tables of contents for lazy pulling) are left out.
    """
    annotations = old.annotations if old.descriptor is None else old.descriptor.annotations
    return StateLayer(traced(layer, origin), annotations=_kept(annotations))


def _kept(annotations: Mapping[str, str]) -> dict[str, str]:
    return {name: text for name, text in annotations.items() if not name.startswith(_OF_ONE_BLOB)}
