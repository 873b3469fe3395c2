"""Manifests and indexes are checked when read, and keep their bytes until edited."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.errors import InvalidDocument, LazyImgError
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.index import Index
from lazyimg.oci.manifest import Manifest, parse_manifest
from lazyimg.oci.media_type import (
    DOCKER_CONFIG,
    DOCKER_INDEX,
    DOCKER_LAYER_GZIP,
    DOCKER_MANIFEST,
    DOCKER_SCHEMA1_SIGNED,
    OCI_CONFIG,
    OCI_EMPTY,
    OCI_INDEX,
    OCI_LAYER_GZIP,
    OCI_MANIFEST,
)
from lazyimg.oci.platform import Platform

CONFIG = Descriptor(media_type=OCI_CONFIG, digest=Digest.of(b"config"), size=6)
LAYER = Descriptor(media_type=OCI_LAYER_GZIP, digest=Digest.of(b"layer"), size=5)
CHILD = Descriptor(
    media_type=OCI_MANIFEST,
    digest=Digest.of(b"child"),
    size=5,
    platform=Platform(os="linux", architecture="amd64"),
)
DOCKER_LAYER = Descriptor(media_type=DOCKER_LAYER_GZIP, digest=Digest.of(b"layer"), size=5)


def manifest_json(**changes: Any) -> bytes:
    """Return an OCI manifest, pretty as some tools write it, with members changed or (None) left out."""
    members = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": CONFIG.to_json(),
        "layers": [LAYER.to_json()],
        "annotations": {"a": "<1>"},
        "x-unknown": [1.5],
        **changes,
    }
    text = json.dumps({key: value for key, value in members.items() if value is not None}, indent=3)
    return text.replace("<", "\\u003c").encode()


def index_json(**changes: Any) -> bytes:
    """Return an OCI index with members changed or (None) left out."""
    members = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [CHILD.to_json()], **changes}
    return json.dumps({key: value for key, value in members.items() if value is not None}).encode()


def test_a_manifest_is_read() -> None:
    """Each part of a manifest has its value, and its bytes are kept."""
    data = manifest_json(subject=CHILD.to_json(), artifactType="a/b")
    manifest = Manifest.parse(data, OCI_MANIFEST)
    assert (manifest.media_type, manifest.config, manifest.layers) == (OCI_MANIFEST, CONFIG, (LAYER,))
    assert (manifest.annotations, manifest.subject, manifest.artifact_type) == ({"a": "<1>"}, CHILD, "a/b")
    assert manifest.is_image
    assert manifest.to_bytes() is data


def test_setting_equal_values_keeps_the_bytes(pickled: Callable[[Any], Any]) -> None:
    """Every edit to the value that is there gives the very same document."""
    manifest = Manifest.parse(manifest_json())
    same = (
        manifest.with_config(CONFIG)
        .with_layers([LAYER])
        .with_annotations({"a": "<1>"})
        .with_subject(None)
        .with_artifact_type(None)
        .with_media_type(OCI_MANIFEST)
    )
    assert same is manifest
    assert pickled(manifest).to_bytes() == manifest.to_bytes()


def test_edits_leave_all_else() -> None:
    """An edited manifest keeps unknown members, their places, and the text of what was not edited."""
    manifest = Manifest.parse(manifest_json())
    other = LAYER.replace(digest=Digest.of(b"other"))
    edited = manifest.with_layers([*manifest.layers, other]).with_annotations({"a": "<1>", "b": "2"})
    text = edited.to_bytes()
    assert text.endswith(b'"annotations":{"a":"\\u003c1>","b":"2"},"x-unknown":[1.5]}')
    assert edited.layers == (LAYER, other)
    assert manifest.layers == (LAYER,)
    changed = manifest.with_config(CONFIG.replace(size=7)).with_subject(CHILD).with_artifact_type("a/b")
    assert list(changed.value) == [
        "schemaVersion",
        "mediaType",
        "artifactType",
        "config",
        "layers",
        "subject",
        "annotations",
        "x-unknown",
    ]
    assert changed.with_subject(None).with_artifact_type(None).with_config(CONFIG) == manifest


def test_annotations_that_are_gone_leave_no_key() -> None:
    """Without annotations there is no key, but an empty one that was there stays."""
    manifest = Manifest.parse(manifest_json())
    assert "annotations" not in manifest.with_annotations({})
    empty = Manifest.parse(manifest_json(annotations={}))
    assert empty.with_annotations({}) is empty
    with pytest.raises(InvalidDocument, match="must be a text"):
        manifest.with_annotations({"a": 1})  # type: ignore[dict-item]  # the mistake itself


def test_a_new_manifest_is_written_as_go_writes_it() -> None:
    """Made of nothing, a manifest has the specification's order, and an empty list of layers."""
    manifest = Manifest.new(config=CONFIG)
    config = json.dumps(CONFIG.to_json(), separators=(",", ":"))
    assert manifest.to_bytes().decode() == (
        f'{{"schemaVersion":2,"mediaType":"{OCI_MANIFEST}","config":{config},"layers":[]}}'
    )
    docker = Manifest.new(media_type=DOCKER_MANIFEST, config=CONFIG, layers=[LAYER])
    assert parse_manifest(docker.to_bytes(), DOCKER_MANIFEST) == docker
    with pytest.raises(InvalidDocument, match="no manifest has the media type"):
        Manifest.new(media_type=OCI_INDEX, config=CONFIG)


def test_an_artifact_is_no_image() -> None:
    """A manifest whose config is not an image's is an artifact's."""
    assert not Manifest.new(config=CONFIG.replace(media_type=OCI_EMPTY)).is_image


@pytest.mark.parametrize(
    ("data", "served", "found"),
    [
        (manifest_json(mediaType=None), None, OCI_MANIFEST),
        (manifest_json(mediaType=""), "application/json", OCI_MANIFEST),
        (manifest_json(mediaType=None), DOCKER_MANIFEST, DOCKER_MANIFEST),
        (manifest_json(mediaType=None), OCI_MANIFEST + "; charset=utf-8", OCI_MANIFEST),
        (
            manifest_json(mediaType=None, config=CONFIG.replace(media_type=DOCKER_CONFIG).to_json()),
            None,
            DOCKER_MANIFEST,
        ),
        (index_json(mediaType=None), None, OCI_INDEX),
        (index_json(mediaType=None), "text/plain", OCI_INDEX),
        (index_json(mediaType=None), DOCKER_INDEX, DOCKER_INDEX),
        (
            index_json(mediaType=None, manifests=[CHILD.replace(media_type=DOCKER_MANIFEST).to_json()]),
            None,
            DOCKER_INDEX,
        ),
    ],
)
def test_the_media_type_is_found(data: bytes, served: str | None, found: str) -> None:
    """Where a document does not say its type, what it was served as does, and else its content."""
    document = parse_manifest(data, served)
    assert document.media_type == found
    assert document.with_media_type(found) is document
    assert document.with_annotations({"n": "v"}).media_type == found


def test_the_media_type_can_be_changed() -> None:
    """A document changes its type within its kind, whatever it was served as."""
    manifest = Manifest.parse(manifest_json(mediaType=None), DOCKER_MANIFEST).with_media_type(OCI_MANIFEST)
    assert manifest.media_type == OCI_MANIFEST
    assert list(manifest.value)[:2] == ["schemaVersion", "mediaType"]
    with pytest.raises(InvalidDocument, match="no manifest has the media type"):
        manifest.with_media_type(OCI_INDEX)


@pytest.mark.parametrize(
    ("data", "served", "words"),
    [
        (manifest_json(manifests=[]), None, "both image and index"),
        (manifest_json(Manifests=[]), None, "both image and index"),
        (index_json(layers=[]), None, "both image and index"),
        (index_json(config={}), None, "both image and index"),
        (index_json(fsLayers=[]), None, "both image and index"),
        (manifest_json(Layers=[]), None, "in another case than specified"),
        (manifest_json(), OCI_INDEX, "both image and index|but came as"),
        (manifest_json(), DOCKER_MANIFEST, "but came as"),
        (index_json(), OCI_MANIFEST, "both image and index|but came as"),
        (index_json(), DOCKER_INDEX, "but came as"),
        (manifest_json(), "application/vnd.example+json", "but came as"),
        (manifest_json(mediaType=OCI_INDEX), None, "both image and index"),
        (index_json(mediaType=OCI_MANIFEST), None, "both image and index"),
        (manifest_json(mediaType="a/b"), None, "no manifest has the media type 'a/b'"),
        (manifest_json(mediaType=1), None, "mediaType must be a text"),
        (manifest_json(schemaVersion=1), None, "Docker's schema 1, which is not supported"),
        (b'{"schemaVersion":1,"name":"x","fsLayers":[]}', None, "schema 1"),
        (b"{}", DOCKER_SCHEMA1_SIGNED, "schema 1"),
        (manifest_json(mediaType=DOCKER_SCHEMA1_SIGNED), None, "schema 1"),
        (manifest_json(schemaVersion=None), None, "no schemaVersion 2"),
        (manifest_json(schemaVersion=2.0), None, "no schemaVersion 2"),
        (manifest_json(schemaVersion="2"), None, "no schemaVersion 2"),
        (manifest_json(config=None), None, "the manifest has no config"),
        (index_json(manifests=None), OCI_INDEX, "the index has no list of manifests"),
        (index_json(manifests={}), None, "index.manifests must be a list, not an object"),
        (index_json(manifests=[1]), None, r"index.manifests\[0\] must be an object, not a number"),
        (manifest_json(layers=[LAYER.to_json(), {}]), None, r"manifest.layers\[1\] has no mediaType"),
        (manifest_json(annotations={"a": 1}), None, r"manifest.annotations\['a'\] must be a text"),
        (manifest_json(subject=[]), None, "manifest.subject must be an object"),
        (manifest_json(artifactType=1), None, "manifest.artifactType must be a text"),
        (b"[]", None, "the manifest is no JSON object"),
        (b"<html>", None, "the manifest is no valid JSON"),
        (b" " * (4 * 1024 * 1024 + 1), None, "more than 4194304 are refused"),
    ],
)
def test_what_is_wrong_is_refused(data: bytes, served: str | None, words: str) -> None:
    """A document that lacks something, contradicts itself or could be read as two is refused."""
    with pytest.raises(InvalidDocument, match=words):
        parse_manifest(data, served)


def test_null_lists_are_empty() -> None:
    """A list that Go wrote as null is an empty one, and an equal edit keeps the null."""
    manifest = Manifest.parse(
        b'{"schemaVersion":2,"layers":null,"config":%b}' % b'{"mediaType":"a/b",'
        b'"digest":"%b","size":0}' % Digest.of(b"").encode()
    )
    assert manifest.layers == ()
    assert manifest.with_layers([]) is manifest
    index = Index.parse(b'{"schemaVersion":2,"manifests":null}')
    assert index.manifests == ()
    assert index.with_manifests(()) is index
    assert (
        index.with_manifests([CHILD]).with_manifests(()).to_bytes() == b'{"schemaVersion":2,"manifests":[]}'
    )


def test_an_index_is_read_and_edited() -> None:
    """An index has its manifests, and changes them and nothing else."""
    data = index_json(annotations={"a": "1"}, x=1)
    index = Index.parse(data, OCI_INDEX)
    assert index.manifests == (CHILD,)
    assert index.with_manifests([CHILD]) is index
    platform = Platform(os="linux", architecture="arm64")
    edited = index.with_manifests([CHILD, CHILD.replace(platform=platform)]).with_subject(LAYER)
    assert [str(entry.platform) for entry in edited.manifests] == ["linux/amd64", "linux/arm64"]
    assert list(edited.value) == ["schemaVersion", "mediaType", "manifests", "subject", "annotations", "x"]


def test_a_new_index() -> None:
    """An index made of nothing lists what it is given; Docker's has Docker's type."""
    assert Index.new(manifests=[CHILD]).manifests == (CHILD,)
    docker = Index.new(media_type=DOCKER_INDEX)
    assert parse_manifest(docker.to_bytes(), DOCKER_INDEX) == docker
    with pytest.raises(InvalidDocument, match="no index has the media type"):
        Index.new(media_type=OCI_MANIFEST)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(0, 3), st.text(max_size=3)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["a", "size", "digest"]), inner, max_size=3),
    ),
    max_leaves=5,
)
MEMBERS = st.dictionaries(
    st.sampled_from(
        [
            "schemaVersion",
            "mediaType",
            "config",
            "layers",
            "manifests",
            "annotations",
            "subject",
            "artifactType",
            "x",
        ]
    ),
    st.one_of(
        JSON,
        st.just(2),
        st.sampled_from([OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST]),
        st.just([LAYER.to_json()]),
        st.just(CONFIG.to_json()),
    ),
)


@given(MEMBERS, st.sampled_from([None, "", OCI_MANIFEST, OCI_INDEX, "a/b"]), st.booleans())
def test_reading_is_total(members: dict[str, Any], served: str | None, valid: bool) -> None:  # noqa: FBT001  # drawn
    """Any JSON object is a manifest or index that keeps its bytes, or an error of ours."""
    if valid:
        members = {**members, "schemaVersion": 2}
    data = json.dumps(members).encode()
    try:
        document = parse_manifest(data, served)
    except LazyImgError:
        return
    assert document.to_bytes() == data
    assert document.media_type in document.MEDIA_TYPES
    assert parse_manifest(document.with_annotations({"k": "v"}).to_bytes(), served).annotations == {"k": "v"}


@given(st.binary())
def test_any_bytes_are_read(data: bytes) -> None:
    """Any bytes are a document or an error of ours."""
    with pytest.raises(LazyImgError):
        parse_manifest(data)
