"""Images of a registry: by tag, digest and platform."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pytest
from support.images import CONFIG, INDEX, described, sha256, text_of

import lazyimg as li
from lazyimg.errors import (
    ContentMismatch,
    InvalidDocument,
    InvalidPlatform,
    InvalidReference,
    NotFound,
    PlatformNotFound,
)

if TYPE_CHECKING:
    from support.images import Pushing


def test_an_image_is_what_the_registry_has(base: Pushing) -> None:
    """By tag and by digest: the manifest to the byte, the config, and the layers as declared."""
    pushed = base.image("1", annotations={"a": "b"}, unknown={"x": 1.50})
    by_tag = li.Image.from_registry(f"{base.host}/base:1")
    by_digest = li.Image.from_registry(li.Reference.parse(f"{base.host}/base@{sha256(text_of(pushed))}"))

    for image in (by_tag, by_digest):
        assert image.manifest().to_bytes() == text_of(pushed)
        assert image.digest() == sha256(text_of(pushed))
        assert [layer.digest() for layer in image.layers()] == [one["digest"] for one in pushed["layers"]]
        assert image.config().architecture == "amd64"
        sizes = [one["size"] for one in (*pushed["layers"], pushed["config"])]
        assert image.size() == len(text_of(pushed)) + sum(sizes)


def test_a_digest_costs_one_request(registry: li.Registry, base: Pushing) -> None:
    """Nothing is read to learn a digest but the manifest."""
    base.image("1")
    registry.clear()
    li.Image.from_registry(f"{registry.host}/base:1").digest()
    assert [(request.method, request.path) for request in registry.requests] == [
        ("GET", "/v2/base/manifests/1")
    ]


def test_nonsense_is_refused_while_composing() -> None:
    """Neither text needs a registry to be found wrong."""
    with pytest.raises(InvalidReference):
        li.Image.from_registry("not a reference")
    with pytest.raises(InvalidPlatform):
        li.Image.from_registry("a.example/b:1", platform="not a platform!")


def test_what_is_not_there_is_told_with_its_place(registry: li.Registry) -> None:
    """The error is a LookupError, and its notes name the line that composed the image."""
    image = li.Image.from_registry(f"{registry.host}/base:1")
    with pytest.raises(NotFound) as caught:
        image.digest()
    assert isinstance(caught.value, LookupError)
    assert any("test_from_registry.py" in note for note in caught.value.__notes__)


class TestIndex:
    """An index is no image: a platform picks one of its own."""

    @pytest.fixture
    def children(self, base: Pushing) -> dict[str, Any]:
        """Put an index of three images and an attestation."""
        platforms = ["linux/amd64", "linux/arm64/v8", "linux/arm/v7"]
        children = {name: base.image(annotations={"for": name}) for name in platforms}
        attestation = base.image(annotations={"for": "unknown"})
        base.index("1", children=[*((children[n], n) for n in platforms), (attestation, "unknown/unknown")])
        return children

    @pytest.mark.parametrize(
        ("wanted", "found"),
        [
            ("linux/amd64", "linux/amd64"),
            ("linux/arm64", "linux/arm64/v8"),
            (li.Platform(os="linux", architecture="arm", variant="v7"), "linux/arm/v7"),
        ],
    )
    def test_a_platform_picks_one(self, base: Pushing, children: Any, wanted: Any, found: str) -> None:
        """As containerd matches; what comes out is that image, to the byte."""
        image = li.Image.from_registry(f"{base.host}/base:1", platform=wanted)
        assert image.manifest().to_bytes() == text_of(children[found])

    def test_no_platform_is_never_a_silent_pick(self, base: Pushing, children: Any) -> None:
        """The error lists the platforms, without the attestation, and says what to write."""
        assert children
        with pytest.raises(PlatformNotFound) as caught:
            li.Image.from_registry(f"{base.host}/base:1").digest()
        text = str(caught.value)
        assert f"{base.host}/base:1 is an index, and no platform was named" in text
        assert "or take all of it as an li.Index; it has" in text
        assert "it has linux/amd64, linux/arm/v7, linux/arm64/v8" in text
        assert "platform='os/architecture'" in text
        assert "unknown" not in text

    @pytest.mark.parametrize("wanted", ["windows/amd64", "linux/riscv64", "unknown/unknown"])
    def test_a_platform_that_is_not_there(self, base: Pushing, children: Any, wanted: str) -> None:
        """The error says which one was asked for, and which there are; an attestation is none."""
        assert children
        with pytest.raises(PlatformNotFound, match=f"has no image for {wanted}; it has linux/amd64, "):
            li.Image.from_registry(f"{base.host}/base:1", platform=wanted).digest()

    def test_an_index_without_platforms(self, base: Pushing) -> None:
        """It says so."""
        base.index("1", children=[(base.image(), None)])
        with pytest.raises(PlatformNotFound, match="no platform at all"):
            li.Image.from_registry(f"{base.host}/base:1", platform="linux/amd64").digest()

    def test_an_index_in_an_index(self, base: Pushing) -> None:
        """The platform is looked for in the inner one too."""
        arm, intel = base.image(annotations={"for": "arm"}), base.image(annotations={"for": "intel"})
        inner = base.index(children=[(arm, "linux/arm64"), (intel, "linux/amd64")])
        base.index("1", children=[(inner, "linux/arm64")])
        image = li.Image.from_registry(f"{base.host}/base:1", platform="linux/arm64")
        assert image.manifest().annotations == {"for": "arm"}

    def test_a_platform_of_an_image_that_is_no_index_is_ignored(self, base: Pushing) -> None:
        """There is nothing to choose from."""
        pushed = base.image("1")
        image = li.Image.from_registry(f"{base.host}/base:1", platform="linux/s390x")
        assert image.digest() == sha256(text_of(pushed))

    def test_a_child_that_is_gone(self, registry: li.Registry, base: Pushing) -> None:
        """An index that names what the registry does not have is an error that names the line, too."""
        child = base.image()
        base.index("1", children=[(child, "linux/amd64")])
        with li.registry.Client(registry.host) as client:
            client.delete_manifest("base", sha256(text_of(child)))
        with pytest.raises(NotFound) as caught:
            li.Image.from_registry(f"{base.host}/base:1", platform="linux/amd64").digest()
        assert any("test_from_registry.py" in note for note in caught.value.__notes__)


def test_a_config_that_does_not_fit_its_digest_is_refused(base: Pushing) -> None:
    """A config of another size than declared is not read."""
    pushed = base.image("1")
    wrong = {**pushed, "config": {**pushed["config"], "size": 5}}
    base.manifest(wrong, "wrong")
    with pytest.raises(ContentMismatch):
        li.Image.from_registry(f"{base.host}/base:wrong").config()


def test_a_config_in_the_manifest_is_not_asked_for(registry: li.Registry, base: Pushing) -> None:
    """A descriptor's ``data`` is used if it is what the digest says, and only then."""
    config = b'{"architecture":"arm64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}'
    base.blob(config)
    right = base64.b64encode(config).decode()
    for data in (right, "e30="):
        document = {
            "schemaVersion": 2,
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": described(config, CONFIG, data=data),
            "layers": [],
        }
        base.manifest(document, "1")
        registry.clear()
        assert li.Image.from_registry(f"{base.host}/base:1").config().architecture == "arm64"
        assert any("/blobs/" in request.path for request in registry.requests) == (data != right)


def test_more_layers_than_diff_ids(base: Pushing, app: Pushing) -> None:
    """A config that does not belong to its manifest is told, where somebody needs to know which is which."""
    config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
    base.image("1", config=config)
    image = li.Image.from_registry(f"{base.host}/base:1")
    image.annotate({"a": "b"}).write(f"{app.host}/app:1")
    with pytest.raises(InvalidDocument, match=r"lists 2 layers but rootfs\.diff_ids of its config 0"):
        image.configure(user="1").write(f"{app.host}/app:2")


def test_an_index_may_be_called_anything(base: Pushing) -> None:
    """An index without ``mediaType`` is known by the registry's answer."""
    child = base.image()
    entry = described(text_of(child), child["mediaType"], platform={"os": "linux", "architecture": "amd64"})
    base.manifest({"schemaVersion": 2, "manifests": [entry]}, "1", media_type=INDEX)
    image = li.Image.from_registry(f"{base.host}/base:1", platform="linux/amd64")
    assert image.digest() == sha256(text_of(child))
