"""Rebasing: by layers, with their history, and nothing of them read."""

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

if TYPE_CHECKING:
    from collections.abc import Sequence

    from support.images import Json, Pushing

BASE_NAME = "org.opencontainers.image.base.name"
BASE_DIGEST = "org.opencontainers.image.base.digest"
OLD, NEW, TOP = [b"old 0", b"old 1"], [b"new 0", b"new 1", b"new 2"], [b"top 0", b"top 1"]


def made(text: str) -> Json:
    return {"created_by": text}


def empty(text: str) -> Json:
    return {"created_by": text, "empty_layer": True}


def story(layers: Sequence[bytes]) -> list[Json]:
    """An entry a layer, and one of an empty layer after it."""
    return [entry for layer in layers for entry in (made(layer.decode()), empty(f"ENV {layer.decode()}"))]


class Three:
    """The old base, the new base and an image on the old one, in a registry."""

    def __init__(self, base: Pushing) -> None:
        self._base = base

    def put(self, name: str, layers: Sequence[bytes], history: Any = None, **more: Any) -> Json:
        """Put one of them, its history told unless it is given."""
        told = story(layers) if history is None else history
        config = config_of(layers, **({"history": told} if told else {}), **more.pop("config", {}))
        return self._base.image(name, layers=layers, config=config, **more)

    def image(self, name: str) -> li.Image:
        """Give one of them."""
        return li.Image.from_registry(f"{self._base.host}/base:{name}")

    def rebased(self) -> li.Image:
        """Give the image on the new base."""
        return self.image("app").rebase(self.image("old"), self.image("new"))


@pytest.fixture
def three(base: Pushing) -> Three:
    """Give what puts them."""
    return Three(base)


@pytest.fixture
def usual(three: Three) -> Three:
    """Put the three of them, as tools write them."""
    three.put("old", OLD)
    three.put("new", NEW, config={"os.version": "10", "variant": "v3", "architecture": "arm64"})
    three.put(
        "app",
        OLD + TOP,
        config={"author": "me", "variant": "v1", "config": {"Env": ["A=b"]}, "x-unknown": 1.50},
        annotations={"a": "1", BASE_NAME: "stale", BASE_DIGEST: "stale"},
        unknown="\u00e9",
    )
    return three


def test_layers_are_exchanged(usual: Three, app: Pushing) -> None:
    """The new base's come below, as they are declared there; the image's own stay, to the letter."""
    usual.rebased().write(f"{app.host}/app:1")
    manifest, config = app.json("1"), app.config("1")
    assert manifest["layers"] == [described(layer, LAYER) for layer in NEW + TOP]
    assert config["rootfs"]["diff_ids"] == config_of(NEW + TOP)["rootfs"]["diff_ids"]
    assert config["history"] == story(NEW + TOP)


def test_no_layer_is_read_and_no_document_twice(usual: Three, app: Pushing, registry: li.Registry) -> None:
    """Three manifests, three configs; layers are mounted by their declared descriptors."""
    registry.clear()
    result = usual.rebased().write(f"{app.host}/app:1")
    gets = [request.path for request in registry.requests if request.method == "GET"]
    assert len(gets) == len(set(gets)) == 6
    assert {layer.digest for layer in result.mounted} == {sha256(layer) for layer in NEW + TOP}


def test_the_platform_is_the_new_bases(usual: Three, app: Pushing) -> None:
    """All five fields, set or removed; the rest of the config is the image's."""
    usual.rebased().write(f"{app.host}/app:1")
    config = app.config("1")
    assert (config["architecture"], config["variant"], config["os.version"]) == ("arm64", "v3", "10")
    assert (config["author"], config["config"], config["x-unknown"]) == ("me", {"Env": ["A=b"]}, 1.5)
    back = usual.rebased().rebase(usual.image("new"), usual.image("old")).config()
    assert (back.architecture, back.variant, back.os_version) == ("amd64", None, None)


def test_annotations_say_what_it_is_based_on(usual: Three, app: Pushing) -> None:
    """Digest and name of the new base; the image's own annotations and unknown fields stay."""
    usual.rebased().write(f"{app.host}/app:1")
    manifest = app.json("1")
    new = usual.image("new")
    assert manifest["annotations"] == {
        "a": "1",
        BASE_NAME: f"{app.host}/base:new",
        BASE_DIGEST: new.digest(),
    }
    assert manifest["unknown"] == "\u00e9"


class TestBaseAnnotations:
    """What stands in them for other bases than a tag of a registry."""

    def test_a_base_that_was_composed(self, usual: Three, app: Pushing) -> None:
        """Its digest is known when it is sealed, local layers and all; it has no name."""
        layer = li.Layer.from_files({"/a": b"a"})
        new = usual.image("new").append(layer).configure(user="1")
        usual.image("app").rebase(usual.image("old"), new).write(f"{app.host}/app:1")
        manifest = app.json("1")
        assert manifest["annotations"] == {"a": "1", BASE_DIGEST: new.digest()}
        assert manifest["layers"][3]["digest"] == layer.digest()

    def test_a_base_by_digest(self, usual: Three) -> None:
        """The digest is part of the name, where there is no tag."""
        digest = usual.image("new").digest()
        host = usual.image("new").reference.name  # type: ignore[attr-defined]  # of a registry
        new = li.Image.from_registry(f"{host}@{digest}")
        found = usual.image("app").rebase(usual.image("old"), new).manifest().annotations
        assert found == {"a": "1", BASE_NAME: f"{host}@{digest}", BASE_DIGEST: digest}
        tagged = li.Image.from_registry(f"{host}:new@{digest}")
        found = usual.image("app").rebase(usual.image("old"), tagged).manifest().annotations
        assert found[BASE_NAME] == f"{host}:new"

    def test_what_is_said_afterwards_counts(self, usual: Three) -> None:
        """An annotation set or removed later is not filled in."""
        mine = usual.rebased().annotate({BASE_DIGEST: "mine", BASE_NAME: None})
        assert mine.manifest().annotations == {"a": "1", BASE_DIGEST: "mine"}
        assert usual.rebased().annotate({BASE_DIGEST: None}).manifest().annotations.keys() == {"a", BASE_NAME}

    def test_rebased_twice(self, usual: Three) -> None:
        """The last base counts, also one that was itself rebased."""
        usual.put("third", [b"third"])
        third = usual.image("third").rebase(usual.image("third"), usual.image("old"))
        twice = usual.rebased().rebase(usual.image("new"), third)
        assert twice.manifest().annotations == {"a": "1", BASE_DIGEST: third.digest()}
        assert third.manifest().annotations[BASE_DIGEST] == usual.image("old").digest()
        assert [layer.digest() for layer in twice.layers()] == [sha256(layer) for layer in OLD + TOP]

    def test_dockers_manifests_have_none(self, base: Pushing, usual: Three) -> None:
        """Nothing is said that the family cannot say."""
        put_docker(base, "docker", OLD + TOP)
        image = usual.image("docker").rebase(usual.image("old"), usual.image("new"))
        assert b"annotations" not in image.manifest().to_bytes()


def put_docker(base: Pushing, name: str, layers: Sequence[bytes]) -> None:
    config = text_of(config_of(layers, history=story(layers)))
    for blob in (*layers, config):
        base.blob(blob)
    document = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST,
        "config": described(config, DOCKER_CONFIG),
        "layers": [described(layer, DOCKER_LAYER) for layer in layers],
    }
    base.manifest(document, name, media_type=DOCKER_MANIFEST)


class TestFamily:
    """The image's family of media types stays."""

    def test_docker_on_oci(self, base: Pushing, usual: Three, app: Pushing) -> None:
        """An image of Docker's, built on the Docker form of the old base, on a new one of OCI's."""
        put_docker(base, "docker", OLD + TOP)
        usual.image("docker").rebase(usual.image("old"), usual.image("new")).write(f"{app.host}/app:1")
        manifest = app.json("1")
        assert (manifest["mediaType"], manifest["config"]["mediaType"]) == (DOCKER_MANIFEST, DOCKER_CONFIG)
        assert manifest["layers"] == [described(layer, DOCKER_LAYER) for layer in NEW + TOP]

    def test_oci_on_docker(self, base: Pushing, usual: Three, app: Pushing) -> None:
        """The other way."""
        put_docker(base, "docker", NEW)
        usual.image("app").rebase(usual.image("old"), usual.image("docker")).write(f"{app.host}/app:1")
        manifest = app.json("1")
        assert (manifest["mediaType"], manifest["config"]["mediaType"]) == (MANIFEST, CONFIG)
        assert {layer["mediaType"] for layer in manifest["layers"]} == {LAYER}

    def test_a_zstd_layer_has_no_name_in_docker(self, base: Pushing, usual: Three) -> None:
        """It is refused, not renamed."""
        put_docker(base, "docker", OLD + TOP)
        new = li.Image.empty().append(li.Layer.from_files({"/a": b"a"}, compression=li.Zstd()))
        with pytest.raises(InvalidDocument, match="zstd"):
            usual.image("docker").rebase(usual.image("old"), new).digest()


class TestHistory:
    """It stays aligned with layers, or absent."""

    def test_an_image_without_keeps_all_layers(self, three: Three, app: Pushing) -> None:
        """And stays without."""
        three.put("old", OLD)
        three.put("new", NEW)
        three.put("app", OLD + TOP, history=[])
        three.rebased().write(f"{app.host}/app:1")
        assert app.json("1")["layers"] == [described(layer, LAYER) for layer in NEW + TOP]
        assert "history" not in app.config("1")

    def test_a_new_base_without_is_told_of(self, three: Three) -> None:
        """An entry a layer, so that those above stay aligned."""
        three.put("old", OLD)
        three.put("new", NEW, history=[])
        three.put("app", OLD + TOP)
        history = three.rebased().config().history
        assert [entry.created_by for entry in history[:3]] == ["lazyimg rebase"] * 3
        assert [entry.to_json() for entry in history[3:]] == story(TOP)

    def test_entries_of_empty_layers_go_with_their_base(self, three: Three) -> None:
        """Those that end the old base's history are not the image's."""
        three.put("old", OLD, history=[made("0"), made("1"), empty("CMD old")])
        three.put("new", NEW, history=[*map(made, "abc"), empty("CMD new")])
        three.put(
            "app",
            OLD + TOP,
            history=[made("0"), made("1"), empty("CMD old"), empty("USER"), *map(made, "23")],
        )
        assert [entry.created_by for entry in three.rebased().config().history] == [
            *"abc",
            "CMD new",
            "USER",
            *"23",
        ]

    def test_an_old_base_that_tells_otherwise(self, three: Three) -> None:
        """The image's own history begins after the entry of the old base's last layer."""
        three.put("old", OLD, history=[])
        three.put("new", NEW)
        three.put(
            "app", OLD + TOP, history=[empty("x"), made("0"), made("1"), empty("USER"), *map(made, "23")]
        )
        history = [entry.created_by for entry in three.rebased().config().history]
        assert history[-3:] == ["USER", "2", "3"]
        assert history[:-3] == [entry["created_by"] for entry in story(NEW)]

    def test_nothing_is_above(self, three: Three) -> None:
        """The old base tells otherwise, and the image is its layers: the history is the new base's."""
        three.put("old", OLD, history=[])
        three.put("new", NEW)
        three.put("app", OLD, history=[made("0"), made("1")])
        assert [entry.to_json() for entry in three.rebased().config().history] == story(NEW)

    @pytest.mark.parametrize(("name", "whose"), [("app", "the image"), ("new", "the new base")])
    def test_counts_that_disagree(self, three: Three, name: str, whose: str) -> None:
        """The error says whose, and both counts."""
        layers = {"old": OLD, "new": NEW, "app": OLD + TOP}
        for one, of in layers.items():
            three.put(one, of, history=[made("only")] if one == name else None)
        with pytest.raises(
            InvalidDocument, match=f"history of {whose} tells of 1 layers.*{len(layers[name])}"
        ):
            three.rebased().digest()

    def test_what_others_wrote_in_it_is_kept(self, three: Three) -> None:
        """Entries keep unknown fields and their text."""
        three.put("old", OLD)
        three.put("new", NEW, history=[*map(made, "ab"), {"x-unknown": [1.0], "created_by": "<c>"}])
        three.put("app", OLD + TOP)
        assert b'{"x-unknown":[1.0],"created_by":"<c>"}' in three.rebased().config().to_bytes()


class TestRefusals:
    """What is not built on the old base."""

    def test_another_layer(self, usual: Three) -> None:
        """The error says which, and both digests, and the line."""
        usual.put("other", [OLD[0], b"another"])
        image = usual.image("app").rebase(usual.image("other"), usual.image("new"))
        with pytest.raises(InvalidMutation) as caught:
            image.digest()
        text = str(caught.value)
        assert "layer 1" in text
        assert sha256(OLD[1]) in text
        assert sha256(b"another") in text
        assert any("test_rebase.py" in note for note in caught.value.__notes__)

    def test_more_layers_than_the_image(self, usual: Three) -> None:
        """Both counts are said."""
        with pytest.raises(InvalidMutation, match="has 2 layers, fewer than the 4"):
            usual.image("old").rebase(usual.image("app"), usual.image("new")).digest()

    def test_the_same_layers_in_another_order(self, usual: Three) -> None:
        """Layers are told apart by their positions."""
        usual.put("turned", OLD[::-1])
        with pytest.raises(InvalidMutation, match="layer 0"):
            usual.image("app").rebase(usual.image("turned"), usual.image("new")).digest()

    def test_an_artifact(self, base: Pushing, usual: Three) -> None:
        """It has no platform and no history."""
        base.image("artifact", layers=OLD)
        artifact = usual.image("artifact").with_config_media_type("application/vnd.example")
        for image, what in (
            (artifact.rebase(usual.image("old"), usual.image("new")), "the image"),
            (usual.image("app").rebase(artifact, usual.image("new")), "the old base"),
            (usual.image("app").rebase(usual.image("old"), artifact), "the new base"),
        ):
            with pytest.raises(InvalidMutation, match=f"{what} is an artifact"):
                image.digest()

    def test_what_is_no_image(self, usual: Three) -> None:
        """While composing."""
        with pytest.raises(InvalidMutation, match="old_base must be an image, and was a str"):
            usual.image("app").rebase("debian:11", usual.image("new"))  # type: ignore[arg-type]


class TestLocalLayers:
    """Layers that no manifest declares are told apart by their recipes."""

    def test_they_are_compared_without_being_read(self, usual: Three, tmp_path: Any) -> None:
        """The same recipe is the same layer."""
        layer = li.Layer.from_tar(tmp_path / "missing.tar")
        old = li.Image.empty().append(layer)
        image = old.append(li.Layer.from_files({"/a": b"a"})).rebase(old, usual.image("new"))
        assert len(image.layers()) == 4

    def test_another_recipe_is_another_layer(self, usual: Three) -> None:
        """The error shows both."""
        old, other = (li.Image.empty().append(li.Layer.from_files({"/a": text})) for text in (b"a", b"b"))
        with pytest.raises(InvalidMutation, match=r"layer 0 .* FromFiles"):
            old.rebase(other, usual.image("new")).digest()
        with pytest.raises(InvalidMutation, match="layer 0"):
            usual.image("app").rebase(other, usual.image("new")).digest()


def test_the_same_layer_in_base_and_image(three: Three) -> None:
    """The one in the base goes, the one on top stays; each has its own history."""
    three.put("old", [b"same"])
    three.put("new", NEW)
    three.put("app", [b"same", b"same", b"top"], history=[made("base"), made("again"), made("top")])
    image = three.rebased()
    assert [layer.digest() for layer in image.layers()] == [
        sha256(layer) for layer in [*NEW, b"same", b"top"]
    ]
    assert [entry.created_by for entry in image.config().history][-2:] == ["again", "top"]


def test_an_image_that_is_its_base(usual: Three) -> None:
    """Nothing is on top: the new base's layers, the image's own settings."""
    image = usual.image("old").configure(user="1").rebase(usual.image("old"), usual.image("new"))
    assert [layer.digest() for layer in image.layers()] == [sha256(layer) for layer in NEW]
    assert image.config().user == "1"
