"""Sealing: documents into bytes and descriptors. Pure; digests enter here and nowhere else."""

from collections.abc import Sequence

from attrs import field, frozen

from lazyimg.content.identity import Identity
from lazyimg.errors import InvalidDocument
from lazyimg.oci.config import ConfigFile
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.oci.manifest import Manifest
from lazyimg.oci.media_type import in_family, is_layer, layer_compression
from lazyimg.state.image_state import BASE_DIGEST, ImageState, StateLayer
from lazyimg.thunk.brief import sized


@frozen
class Sealed:
    """A document in its final bytes.

    Attributes:
        descriptor: its media type, digest and size.
        data: the bytes that the digest is of.
    """

    descriptor: Descriptor
    data: bytes = field(repr=sized)


def seal_config(declared: Descriptor, config: ConfigFile, diff_ids: Sequence[Digest]) -> Sealed:
    """The config in its final bytes, with the layers' diff_ids in it.

    Its descriptor keeps what the manifest's own, ``declared``, had besides digest and size: media type,
    annotations, and ``data``, which is kept in step.
    """
    data = config.with_diff_ids(tuple(diff_ids)).to_bytes()
    embedded = None if declared.data is None else data
    return Sealed(declared.replace(digest=Digest.of(data), size=len(data), data=embedded), data)


def blob_descriptor(identity: Identity) -> Descriptor:
    """The descriptor of a blob that was consumed, in OCI's media types."""
    return Descriptor(media_type=identity.media_type, digest=identity.digest, size=identity.size)


def layer_descriptor(state: ImageState, layer: StateLayer, identity: Identity) -> Descriptor:
    """The descriptor of a layer that was consumed, in the image's family of media types.

    Raises:
        InvalidDocument: Docker has no type for it, or the type it was given says another compression.
    """
    media_type = layer.media_type or in_family(identity.media_type, docker=state.is_docker)
    _refuse_other_compression(media_type, identity)
    return blob_descriptor(identity).replace(
        media_type=media_type, annotations=layer.annotations, urls=layer.urls
    )


def _refuse_other_compression(media_type: str, identity: Identity) -> None:
    if not (is_layer(media_type) and is_layer(identity.media_type)):
        return
    said, found = layer_compression(media_type), layer_compression(identity.media_type)
    if said != found:
        raise InvalidDocument(
            f"a layer was given the media type {media_type}, which says its compression is {said}, but it is "
            f"{found}: leave media_type= out, or compress it so"
        )


def seal_manifest(
    state: ImageState,
    config: Descriptor,
    layers: Sequence[Descriptor],
    subject: Descriptor | None = None,
    base: Digest | None = None,
) -> Sealed:
    """The manifest in its final bytes: the original ones where nothing in it changed."""
    manifest = state.manifest.with_config(config).with_layers(tuple(layers))
    if subject is not None:
        manifest = manifest.with_subject(subject)
    if base is not None and manifest.annotations.get(BASE_DIGEST) == "":
        manifest = manifest.with_annotations({**manifest.annotations, BASE_DIGEST: base})
    return sealed(manifest)


def sealed(document: Manifest | Index) -> Sealed:
    """A document's bytes and the descriptor that names them."""
    data = document.to_bytes()
    descriptor = Descriptor(
        media_type=document.media_type,
        digest=Digest.of(data),
        size=len(data),
        artifact_type=document.artifact_type,
    )
    return Sealed(descriptor, data)
