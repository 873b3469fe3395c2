"""A non-distributable layer: an image names it, and whoever runs the image gets it from its URLs."""

from collections.abc import Sequence

from attrs import frozen

from lazyimg.errors import InvalidMutation
from lazyimg.image.placed import Declared
from lazyimg.image.remote_layer import GivenDiffId
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.media_type import OCI_LAYER_NONDISTRIBUTABLE_GZIP, is_distributable
from lazyimg.state.contents import Stored
from lazyimg.state.foreign_home import ForeignHome
from lazyimg.state.image_state import StoredBlob


@frozen
class ForeignLayer(Declared):
    """A layer that stays where its URLs point (image-spec layer.md, "Non-Distributable Layers")."""


def foreign_layer(
    urls: Sequence[str], digest: str, size: int, diff_id: str, media_type: str | None
) -> ForeignLayer:
    """A non-distributable layer; see `lazyimg.Layer.foreign`.

    Raises:
        InvalidMutation: the media type is a distributable layer's, or there is no URL.
    """
    named = media_type or OCI_LAYER_NONDISTRIBUTABLE_GZIP
    if is_distributable(named):
        raise InvalidMutation(
            f"{named} is distributable: such a layer is sent, and has to be there; Layer.foreign takes the "
            "media type of a non-distributable one"
        )
    if not urls:
        raise InvalidMutation("Layer.foreign needs the URLs that the layer can be had from")
    descriptor = Descriptor(media_type=named, digest=Digest(digest), size=size, urls=tuple(urls))
    blob = StoredBlob(Stored(ForeignHome(descriptor.urls), descriptor))
    return ForeignLayer(blob, descriptor, GivenDiffId(Digest(diff_id)))
