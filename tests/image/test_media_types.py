"""Media types: of one family or the other, the config's, the artifact's; and platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.images import (
    CONFIG,
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    LAYER,
    MANIFEST,
    config_of,
    described,
    sha256,
    text_of,
)

import lazyimg as li
from lazyimg.errors import InvalidDocument, InvalidMutation
from lazyimg.oci.media_type import (
    DOCKER_FOREIGN_LAYER,
    OCI_LAYER,
    OCI_LAYER_NONDISTRIBUTABLE,
    OCI_LAYER_NONDISTRIBUTABLE_GZIP,
    OCI_LAYER_ZSTD,
    in_family,
)
from lazyimg.oci.media_type import (
    DOCKER_LAYER as DOCKER_PLAIN,
)

if TYPE_CHECKING:
    from support.images import Json, Pushing

SUBJECT = li.Descriptor(media_type=MANIFEST, digest=li.Digest(sha256(b"x")), size=1)
TYPES = [
    (OCI_LAYER, DOCKER_PLAIN),
    (LAYER, DOCKER_LAYER),
    (OCI_LAYER_NONDISTRIBUTABLE_GZIP, DOCKER_FOREIGN_LAYER),
]


def documents(*, docker: bool, **more: Any) -> Json:
    """An image of three kinds of layers, in one family's media types."""
    layers = [b"plain", b"gzip", b"foreign"]
    config = text_of(config_of(layers))
    return {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if docker else MANIFEST,
        "config": described(config, DOCKER_CONFIG if docker else CONFIG),
        "layers": [described(layer, types[docker]) for layer, types in zip(layers, TYPES, strict=True)],
        **more,
    }


@pytest.fixture
def images(base: Pushing) -> tuple[li.Image, li.Image]:
    """Put one image in OCI's media types and in Docker's."""
    for blob in (b"plain", b"gzip", b"foreign", text_of(config_of([b"plain", b"gzip", b"foreign"]))):
        base.blob(blob)
    for docker in (False, True):
        media_type = DOCKER_MANIFEST if docker else MANIFEST
        document = documents(docker=docker, unknown="\u00e9")
        base.manifest(document, "docker" if docker else "oci", media_type=media_type)
    oci, docker_image = (li.Image.from_registry(f"{base.host}/base:{name}") for name in ("oci", "docker"))
    return oci, docker_image


class TestFamilies:
    """One image, two ways to say it."""

    def test_to_docker_and_back(self, images: tuple[li.Image, li.Image], app: Pushing) -> None:
        """Manifest, config and layers agree; digests, sizes and unknown fields stay; no config is read."""
        oci, docker = images
        oci.with_media_types("docker").write(f"{app.host}/app:docker")
        docker.with_media_types("oci").write(f"{app.host}/app:oci")
        assert app.json("docker") == documents(docker=True, unknown="\u00e9")
        assert app.json("oci") == documents(docker=False, unknown="\u00e9")
        back = oci.with_media_types("docker").with_media_types("oci")
        assert back.manifest() == oci.manifest()

    def test_neither_config_nor_layers_are_read(
        self, images: tuple[li.Image, li.Image], registry: li.Registry
    ) -> None:
        """One GET, of the manifest."""
        registry.clear()
        images[0].with_media_types("docker").digest()
        assert [request.path for request in registry.requests] == ["/v2/base/manifests/oci"]

    def test_its_own_family_keeps_the_bytes(self, images: tuple[li.Image, li.Image], base: Pushing) -> None:
        """Nothing is to be changed."""
        oci, docker = images
        assert oci.with_media_types("oci").manifest().to_bytes() == base.raw("oci")
        assert docker.with_media_types("docker").manifest().to_bytes() == base.raw("docker")

    def test_a_mixed_image_becomes_one_family(self, base: Pushing) -> None:
        """A manifest of Docker's with layers of OCI's, either way."""
        image = base.image("1")
        mixed = {
            **image,
            "mediaType": DOCKER_MANIFEST,
            "config": {**image["config"], "mediaType": DOCKER_CONFIG},
        }
        base.manifest(mixed, "2", media_type=DOCKER_MANIFEST)
        found = li.Image.from_registry(f"{base.host}/base:2")
        assert {one.media_type for one in found.with_media_types("docker").manifest().layers} == {
            DOCKER_LAYER
        }
        assert found.with_media_types("oci").manifest().config.media_type == CONFIG

    def test_local_layers_follow(self, app: Pushing) -> None:
        """Appended before or after; what was named for them is renamed."""
        layer = li.Layer.from_files({"/a": b"a"})
        image = (
            li.Image.empty()
            .append(layer)
            .append(layer, media_type=OCI_LAYER_NONDISTRIBUTABLE_GZIP)
            .configure(user="1")
            .with_media_types("docker")
            .append(layer)
        )
        image.write(f"{app.host}/app:1")
        manifest = app.json("1")
        assert manifest["mediaType"] == DOCKER_MANIFEST
        assert manifest["config"]["mediaType"] == DOCKER_CONFIG
        assert [one["mediaType"] for one in manifest["layers"]] == [
            DOCKER_LAYER,
            DOCKER_FOREIGN_LAYER,
            DOCKER_LAYER,
        ]

    def test_another_family(self) -> None:
        """There are two."""
        with pytest.raises(InvalidMutation, match="takes 'oci' or 'docker', not 'rkt'"):
            li.Image.empty().with_media_types("rkt")  # type: ignore[arg-type]


UNSAYABLE: dict[str, tuple[Any, str]] = {
    "annotations": (lambda image: image.annotate({"a": "b"}), r"annotations \(a\)"),
    "subject": (lambda image: image.with_subject(SUBJECT), "subject"),
    "subject of an image": (lambda image: image.with_subject(li.Image.empty()), "subject"),
    "artifactType": (lambda image: image.with_artifact_type("a/b"), r"artifactType \(a/b\)"),
    "layer": (lambda image: image.annotate({"a": "b"}, layers=1), "annotations of layer 1"),
    "local layer": (
        lambda image: image.append(li.Layer.from_files({"/a": b"a"}), annotations={"a": "b"}),
        "annotations of layer 3",
    ),
}


class TestWhatDockerCannotSay:
    """Refused, unless it may be lost."""

    @pytest.mark.parametrize("name", UNSAYABLE)
    def test_refused_or_dropped(self, images: tuple[li.Image, li.Image], app: Pushing, name: str) -> None:
        """The error names what, and how to go on."""
        change, message = UNSAYABLE[name]
        image = change(images[0])
        with pytest.raises(InvalidMutation, match=f"Docker's manifests cannot say {message}.*lossy=True"):
            image.with_media_types("docker").digest()
        image.with_media_types("docker", lossy=True).write(f"{app.host}/app:1")
        expected, found = documents(docker=True, unknown="\u00e9"), app.json("1")
        assert found.keys() == expected.keys()
        assert found["layers"][:3] == expected["layers"]
        assert not any("annotations" in layer for layer in found["layers"])
        assert name == "local layer" or found == expected

    def test_what_a_manifest_from_elsewhere_says(
        self, base: Pushing, images: tuple[li.Image, li.Image]
    ) -> None:
        """The same of what nobody composed, all of it named; `data` is a copy of what is elsewhere."""
        assert images
        config = documents(docker=False)["config"]
        document = documents(
            docker=False,
            config={**config, "annotations": {"c": "d"}, "data": "e30="},
            subject=SUBJECT.to_json(),
            annotations={"a": "b"},
        )
        base.manifest(document, "full")
        image = li.Image.from_registry(f"{base.host}/base:full")
        with pytest.raises(InvalidMutation, match=r"annotations \(a\), subject, annotations of the config"):
            image.with_media_types("docker").digest()
        lossy = image.with_media_types("docker", lossy=True).manifest()
        assert lossy == li.Manifest.parse(text_of(documents(docker=True)))

    @pytest.mark.parametrize("lossy", [True, False])
    @pytest.mark.parametrize("named", [OCI_LAYER_ZSTD, OCI_LAYER_NONDISTRIBUTABLE])
    def test_a_layer_without_a_name(self, base: Pushing, named: str, lossy: bool) -> None:  # noqa: FBT001
        """A zstd layer is refused in any case: its bytes would have to be others."""
        image = base.image("1")
        base.manifest({**image, "layers": [described(b"layer 0", named)]}, "2")
        found = li.Image.from_registry(f"{base.host}/base:2").with_media_types("docker", lossy=lossy)
        with pytest.raises(InvalidDocument, match=r"Docker's manifests know no .*compress with gzip"):
            found.digest()

    def test_a_local_zstd_layer(self) -> None:
        """It is refused when it is sealed."""
        layer = li.Layer.from_files({"/a": b"a"}, compression=li.Zstd())
        with pytest.raises(InvalidDocument, match="zstd"):
            li.Image.empty().append(layer).with_media_types("docker").digest()

    @pytest.mark.parametrize("lossy", [True, False])
    def test_an_artifact(self, images: tuple[li.Image, li.Image], lossy: bool) -> None:  # noqa: FBT001
        """It has no form there."""
        artifact = images[0].with_config_media_type("application/vnd.example")
        with pytest.raises(InvalidMutation, match="artifact has no form in Docker's"):
            artifact.with_media_types("docker", lossy=lossy).digest()
        other = li.Image.empty().append(
            li.Layer.from_files({"/a": b"a"}), media_type="application/vnd.in-toto+json"
        )
        with pytest.raises(InvalidMutation, match=r"layer 0 is of the type application/vnd\.in-toto"):
            other.with_media_types("docker", lossy=lossy).digest()

    def test_an_artifact_of_dockers_can_become_ocis(self, base: Pushing) -> None:
        """A plugin: its config keeps its own type."""
        image = base.image("1")
        plugin = {
            **image,
            "mediaType": DOCKER_MANIFEST,
            "config": {**image["config"], "mediaType": "application/vnd.docker.plugin.v1+json"},
        }
        base.manifest(plugin, "2", media_type=DOCKER_MANIFEST)
        found = li.Image.from_registry(f"{base.host}/base:2").with_media_types("oci").manifest()
        assert (found.media_type, found.config.media_type) == (MANIFEST, plugin["config"]["mediaType"])


class TestConfigMediaType:
    """What the config is said to be."""

    def test_its_bytes_are_kept(self, base: Pushing, app: Pushing) -> None:
        """One key of the manifest changes, and nothing is read."""
        pushed = base.image("1")
        image = li.Image.from_registry(f"{base.host}/base:1")
        image.with_config_media_type("application/vnd.example").write(f"{app.host}/app:1")
        config = {**pushed["config"], "mediaType": "application/vnd.example"}
        assert app.json("1") == {**pushed, "config": config}
        assert app.bytes(config) == base.bytes(pushed["config"])

    def test_after_an_edit(self, app: Pushing) -> None:
        """The edited config, under the other type."""
        image = li.Image.empty().configure(user="1").with_config_media_type("application/vnd.example")
        image.write(f"{app.host}/app:1")
        assert app.json("1")["config"]["mediaType"] == "application/vnd.example"
        assert app.config("1")["config"] == {"User": "1"}

    @pytest.mark.parametrize(("docker", "named"), [(True, CONFIG), (False, DOCKER_CONFIG)])
    def test_that_of_the_other_family(self, docker: bool, named: str) -> None:  # noqa: FBT001
        """The family of config and manifest agree."""
        with pytest.raises(InvalidMutation, match=r"cannot be of the type .*with_media_types"):
            li.Image.empty(docker=docker).with_config_media_type(named).digest()


class TestArtifactType:
    """Which artifact a manifest is."""

    def test_set_and_removed(self, base: Pushing) -> None:
        """It takes its place in the specification's order; without it the bytes differ in that alone."""
        base.image("1")
        image = li.Image.from_registry(f"{base.host}/base:1")
        typed = image.with_artifact_type("application/vnd.example")
        assert list(typed.manifest().value)[:3] == ["schemaVersion", "mediaType", "artifactType"]
        assert typed.with_artifact_type(None).manifest() == image.manifest()
        assert image.with_artifact_type(None).manifest().to_bytes() == base.raw("1")

    def test_dockers_manifests_have_none(self) -> None:
        """It is refused, and None is nothing."""
        docker = li.Image.empty(docker=True)
        with pytest.raises(InvalidMutation, match="no artifactType"):
            docker.with_artifact_type("a/b").digest()
        assert docker.with_artifact_type(None).digest() == docker.digest()


def test_platform_sets_all_of_it() -> None:
    """Five fields; what is not said goes."""
    windows = li.Platform(os="windows", architecture="amd64", os_version="10.0", os_features=("win32k",))
    image = li.Image.empty("linux/arm64/v8").with_platform(windows)
    assert image.config().platform == windows
    assert image.with_platform("linux/arm/v7").config().platform == li.Platform.parse("linux/arm/v7")


def test_media_types_of_neither_family_are_kept() -> None:
    """Each type says the same in the other family, and comes back."""
    for oci, docker in TYPES:
        assert (in_family(oci, docker=True), in_family(docker, docker=False)) == (docker, oci)
        assert (in_family(oci, docker=False), in_family(docker, docker=True)) == (oci, docker)
    assert in_family("application/vnd.example", docker=True) == "application/vnd.example"
