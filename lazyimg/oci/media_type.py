"""Media types of OCI and of Docker, and what each says about the content it names."""

from __future__ import annotations

from typing import Final

from lazyimg.errors import InvalidDocument

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY: Final = "application/vnd.oci.empty.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI_LAYER_ZSTD: Final = "application/vnd.oci.image.layer.v1.tar+zstd"
OCI_LAYER_NONDISTRIBUTABLE: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar"
OCI_LAYER_NONDISTRIBUTABLE_GZIP: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
OCI_LAYER_NONDISTRIBUTABLE_ZSTD: Final = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"

DOCKER_INDEX: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_LAYER_GZIP: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
DOCKER_FOREIGN_LAYER: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
DOCKER_SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_SCHEMA1_SIGNED: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"

ACCEPT_MANIFESTS: Final = (OCI_INDEX, OCI_MANIFEST, DOCKER_INDEX, DOCKER_MANIFEST)
"""What a client accepts when it asks for a manifest: everything this library can read."""

GZIP: Final = "gzip"
ZSTD: Final = "zstd"
UNCOMPRESSED: Final = "none"

_COMPRESSION: Final = {
    OCI_LAYER: UNCOMPRESSED,
    OCI_LAYER_GZIP: GZIP,
    OCI_LAYER_ZSTD: ZSTD,
    OCI_LAYER_NONDISTRIBUTABLE: UNCOMPRESSED,
    OCI_LAYER_NONDISTRIBUTABLE_GZIP: GZIP,
    OCI_LAYER_NONDISTRIBUTABLE_ZSTD: ZSTD,
    DOCKER_LAYER: UNCOMPRESSED,
    DOCKER_LAYER_GZIP: GZIP,
    DOCKER_FOREIGN_LAYER: GZIP,
}
_FAMILIES: Final = (
    (OCI_INDEX, DOCKER_INDEX),
    (OCI_MANIFEST, DOCKER_MANIFEST),
    (OCI_CONFIG, DOCKER_CONFIG),
    (OCI_LAYER, DOCKER_LAYER),
    (OCI_LAYER_GZIP, DOCKER_LAYER_GZIP),
    (OCI_LAYER_NONDISTRIBUTABLE_GZIP, DOCKER_FOREIGN_LAYER),
)
_IN_OCI: Final = {docker: oci for oci, docker in _FAMILIES}
_IN_DOCKER: Final = dict(_FAMILIES)
_OCI_ALONE: Final = frozenset({OCI_LAYER_ZSTD, OCI_LAYER_NONDISTRIBUTABLE, OCI_LAYER_NONDISTRIBUTABLE_ZSTD})
_OCI_LAYERS: Final = {UNCOMPRESSED: OCI_LAYER, GZIP: OCI_LAYER_GZIP, ZSTD: OCI_LAYER_ZSTD}
_DOCKER_LAYERS: Final = {UNCOMPRESSED: DOCKER_LAYER, GZIP: DOCKER_LAYER_GZIP}
_NONDISTRIBUTABLE: Final = frozenset(
    {
        OCI_LAYER_NONDISTRIBUTABLE,
        OCI_LAYER_NONDISTRIBUTABLE_GZIP,
        OCI_LAYER_NONDISTRIBUTABLE_ZSTD,
        DOCKER_FOREIGN_LAYER,
    }
)


def is_index(media_type: str) -> bool:
    """Tell whether content of this type lists manifests: an OCI index or a Docker manifest list."""
    return media_type in {OCI_INDEX, DOCKER_INDEX}


def is_manifest(media_type: str) -> bool:
    """Tell whether content of this type is one image's (or artifact's) manifest."""
    return media_type in {OCI_MANIFEST, DOCKER_MANIFEST}


def is_image_config(media_type: str) -> bool:
    """Tell whether content of this type is the config of a container image."""
    return media_type in {OCI_CONFIG, DOCKER_CONFIG}


def is_layer(media_type: str) -> bool:
    """Tell whether content of this type is a filesystem layer, distributable or not."""
    return media_type in _COMPRESSION


def is_distributable(media_type: str) -> bool:
    """Tell whether content of this type may be pushed (image-spec layer.md, "Non-Distributable Layers")."""
    return media_type not in _NONDISTRIBUTABLE


def is_docker(media_type: str) -> bool:
    """Tell whether this type is one of Docker's own."""
    return media_type.startswith("application/vnd.docker.")


def is_schema1(media_type: str) -> bool:
    """Tell whether content of this type is a manifest of Docker's schema 1, which is not supported."""
    return media_type in {DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED}


def layer_compression(media_type: str) -> str:
    """Return how a layer of this type is compressed: ``gzip``, ``zstd`` or ``none``.

    For a type that is no layer's, the ending decides, as the OCI types are built.

    Example:
        >>> layer_compression("application/vnd.oci.image.layer.v1.tar+zstd")
        'zstd'
    """
    known = _COMPRESSION.get(media_type)
    if known is not None:
        return known
    if media_type.endswith(("+gzip", ".gzip")):
        return GZIP
    return ZSTD if media_type.endswith("+zstd") else UNCOMPRESSED


def layer_media_type(compression: str, *, docker: bool = False) -> str:
    """Return the type of a distributable layer compressed with ``gzip``, ``zstd`` or ``none``.

    Raises:
        InvalidDocument: there is no such type: Docker's manifests know no zstd.
    """
    table = _DOCKER_LAYERS if docker else _OCI_LAYERS
    found = table.get(compression)
    if found is None:
        kind = "Docker" if docker else "OCI"
        known = ", ".join(sorted(table))
        raise InvalidDocument(f"{kind} has no layer media type for compression {compression!r}: use {known}")
    return found


def in_family(media_type: str, *, docker: bool) -> str:
    """Return the type that says of the same content, in OCI's family or in Docker's, what this one says.

    A type that is neither family's (an artifact's own) is returned as it is.

    Raises:
        InvalidDocument: it is OCI's and Docker has no such type: a zstd layer.

    Example:
        >>> in_family("application/vnd.oci.image.config.v1+json", docker=True)
        'application/vnd.docker.container.image.v1+json'
    """
    if docker and media_type in _OCI_ALONE:
        raise InvalidDocument(
            f"Docker's manifests know no {media_type}: keep OCI's media types, or compress with gzip"
        )
    return (_IN_DOCKER if docker else _IN_OCI).get(media_type, media_type)
