"""Media types say what content is."""

import pytest

from lazyimg.errors import InvalidDocument
from lazyimg.oci import media_type as mt


def test_kinds_are_told_apart() -> None:
    """Each manifest, index, config and layer type of OCI and Docker is known as what it is."""
    assert all(map(mt.is_index, (mt.OCI_INDEX, mt.DOCKER_INDEX)))
    assert all(map(mt.is_manifest, (mt.OCI_MANIFEST, mt.DOCKER_MANIFEST)))
    assert all(map(mt.is_image_config, (mt.OCI_CONFIG, mt.DOCKER_CONFIG)))
    assert all(map(mt.is_schema1, (mt.DOCKER_SCHEMA1, mt.DOCKER_SCHEMA1_SIGNED)))
    assert all(map(mt.is_layer, (mt.OCI_LAYER, mt.DOCKER_LAYER_GZIP, mt.DOCKER_FOREIGN_LAYER)))
    assert not mt.is_layer(mt.OCI_EMPTY)
    assert not mt.is_manifest(mt.OCI_INDEX)
    assert mt.is_docker(mt.DOCKER_FOREIGN_LAYER)
    assert not mt.is_docker(mt.OCI_LAYER)


def test_foreign_layers_are_not_distributable() -> None:
    """Docker's foreign and OCI's non-distributable layers may not be pushed; all else may."""
    assert not mt.is_distributable(mt.DOCKER_FOREIGN_LAYER)
    assert not mt.is_distributable(mt.OCI_LAYER_NONDISTRIBUTABLE)
    assert not mt.is_distributable(mt.OCI_LAYER_NONDISTRIBUTABLE_GZIP)
    assert not mt.is_distributable(mt.OCI_LAYER_NONDISTRIBUTABLE_ZSTD)
    assert mt.is_distributable(mt.OCI_LAYER_ZSTD)


@pytest.mark.parametrize(
    ("media_type", "compression"),
    [
        (mt.OCI_LAYER, "none"),
        (mt.OCI_LAYER_GZIP, "gzip"),
        (mt.OCI_LAYER_ZSTD, "zstd"),
        (mt.DOCKER_LAYER, "none"),
        (mt.DOCKER_LAYER_GZIP, "gzip"),
        (mt.DOCKER_FOREIGN_LAYER, "gzip"),
        ("application/vnd.example.thing+gzip", "gzip"),
        ("application/vnd.example.thing+zstd", "zstd"),
        ("application/octet-stream", "none"),
    ],
)
def test_compression_of_a_layer(media_type: str, compression: str) -> None:
    """The type tells the compression; an unknown one by its ending."""
    assert mt.layer_compression(media_type) == compression


@pytest.mark.parametrize("docker", [False, True])
@pytest.mark.parametrize("compression", ["none", "gzip"])
def test_the_type_of_a_compression_tells_it(compression: str, docker: bool) -> None:  # noqa: FBT001  # a parameter of the test
    """A layer's type and its compression go both ways."""
    found = mt.layer_media_type(compression, docker=docker)
    assert mt.layer_compression(found) == compression
    assert mt.is_docker(found) is docker


def test_docker_knows_no_zstd() -> None:
    """There is no Docker type for a zstd layer, and none at all for an unknown compression."""
    assert mt.layer_media_type("zstd") == mt.OCI_LAYER_ZSTD
    with pytest.raises(InvalidDocument, match="Docker has no layer media type for compression 'zstd'"):
        mt.layer_media_type("zstd", docker=True)
    with pytest.raises(InvalidDocument, match="OCI has no layer media type for compression 'lzma'"):
        mt.layer_media_type("lzma")
