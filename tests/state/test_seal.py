"""Sealing: documents into bytes and descriptors."""

from __future__ import annotations

import pytest

import lazyimg as li
from lazyimg.content.identity import Identity
from lazyimg.oci.media_type import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_LAYER_GZIP, OCI_MANIFEST
from lazyimg.state.config import KnownConfig
from lazyimg.state.image_state import ImageState, StateLayer
from lazyimg.state.seal import layer_descriptor, seal_config, seal_manifest, sealed

CONFIG = li.ConfigFile.new(architecture="amd64")
DATA = CONFIG.to_bytes()
IDENTITY = Identity(
    digest=li.Digest.of(b"blob"), size=4, diff_id=li.Digest.of(b"tar"), media_type=OCI_LAYER_GZIP
)


def config_descriptor(media_type: str = OCI_CONFIG, data: bytes | None = None) -> li.Descriptor:
    return li.Descriptor(
        media_type=media_type,
        digest=li.Digest.of(DATA),
        size=len(DATA),
        data=data,
        annotations={"a": "b"},
    )


def state(*, docker: bool = False) -> ImageState:
    config = config_descriptor(DOCKER_CONFIG if docker else OCI_CONFIG)
    manifest = li.Manifest.new(media_type=DOCKER_MANIFEST if docker else OCI_MANIFEST, config=config)
    return ImageState(manifest, KnownConfig(DATA), None)


@pytest.mark.parametrize("data", [None, DATA])
def test_a_config_s_descriptor_keeps_what_it_was_said_to_be(data: bytes | None) -> None:
    """Media type and annotations stay; embedded bytes are kept in step, and made nowhere else."""
    sealed_config = seal_config(config_descriptor(data=data), CONFIG.with_user("1"), [IDENTITY.diff_id])
    descriptor = sealed_config.descriptor
    assert descriptor.digest == li.Digest.of(sealed_config.data)
    assert (descriptor.size, descriptor.annotations) == (len(sealed_config.data), {"a": "b"})
    assert descriptor.data == (None if data is None else sealed_config.data)
    assert li.ConfigFile.parse(sealed_config.data).diff_ids == (IDENTITY.diff_id,)


def test_an_untouched_config_is_itself() -> None:
    """The same diff_ids, no edit: the same bytes and descriptor."""
    sealed_config = seal_config(config_descriptor(), li.ConfigFile.parse(DATA), [])
    assert sealed_config.data == DATA
    assert sealed_config.descriptor == config_descriptor()


@pytest.mark.parametrize(
    ("docker", "media_type"),
    [(False, OCI_LAYER_GZIP), (True, "application/vnd.docker.image.rootfs.diff.tar.gzip")],
)
def test_a_new_layer_is_called_as_its_image_calls_layers(docker: bool, media_type: str) -> None:  # noqa: FBT001
    """Its annotations are those that were given."""
    layer = StateLayer(KnownConfig(b""), annotations={"k": "v"})  # type: ignore[arg-type]  # not looked at
    found = layer_descriptor(state(docker=docker), layer, IDENTITY)
    assert found == li.Descriptor(
        media_type=media_type, digest=IDENTITY.digest, size=4, annotations={"k": "v"}
    )


def test_a_manifest_that_did_not_change_keeps_its_bytes() -> None:
    """Original text in, original text out."""
    original = b'{ "schemaVersion": 2,\n "config": ' + bytes(
        state().manifest.to_bytes().split(b'"config":')[1][:-1]
    )
    manifest = li.Manifest.parse(original + b"}")
    kept = ImageState(manifest, KnownConfig(DATA), None)
    assert seal_manifest(kept, manifest.config, manifest.layers, None).data == original + b"}"


def test_a_subject_is_added_and_none_keeps_the_manifest_s_own() -> None:
    """None says nothing of it."""
    subject = li.Descriptor(media_type=OCI_MANIFEST, digest=li.Digest.of(b"x"), size=1)
    begun = state()
    with_subject = seal_manifest(begun, begun.manifest.config, (), subject)
    again = ImageState(li.Manifest.parse(with_subject.data), KnownConfig(DATA), None)
    assert li.Manifest.parse(seal_manifest(again, again.manifest.config, (), None).data).subject == subject


def test_an_artifact_s_type_stands_in_its_descriptor() -> None:
    """So that referrers can be listed by it (distribution-spec, "Listing Referrers")."""
    manifest = state().manifest.with_artifact_type("application/vnd.example")
    found = sealed(manifest).descriptor
    assert (found.artifact_type, found.media_type) == ("application/vnd.example", OCI_MANIFEST)
    assert (found.digest, found.size) == (li.Digest.of(manifest.to_bytes()), len(manifest.to_bytes()))
