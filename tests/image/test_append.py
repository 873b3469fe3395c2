"""Appending: layers, their descriptors, and the history."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.images import DOCKER_LAYER, LAYER, MANIFEST, config_of, described

import lazyimg as li
from lazyimg.errors import InvalidDocument, InvalidMutation
from lazyimg.oci.media_type import (
    DOCKER_FOREIGN_LAYER,
    OCI_LAYER_NONDISTRIBUTABLE_GZIP,
    OCI_LAYER_ZSTD,
)

if TYPE_CHECKING:
    from support.images import Pushing

OURS = {"created_by": "lazyimg append"}


def layer(text: bytes = b"a", **settings: Any) -> li.Layer:
    return li.Layer.from_files({"/file": text}, **settings)


def test_layers_come_on_top_in_their_order(base: Pushing, app: Pushing) -> None:
    """Descriptors and diff_ids of the base stay, to the letter; the new ones follow, the lowest first."""
    layers = [b"layer 0", b"layer 1"]
    pushed = base.image(
        "1", layers=layers, config=config_of(layers, history=[{"created_by": "x"}, {"comment": "y"}])
    )
    new = [layer(b"a"), layer(b"b"), layer(b"c")]
    li.Image.from_registry(f"{base.host}/base:1").append(*new[:2]).append(new[2]).write(f"{app.host}/app:1")

    manifest, config = app.json("1"), app.config("1")
    assert manifest["layers"][:2] == pushed["layers"]
    assert [one["digest"] for one in manifest["layers"][2:]] == [one.digest() for one in new]
    assert config["rootfs"]["diff_ids"][:2] == config_of(layers)["rootfs"]["diff_ids"]
    assert config["rootfs"]["diff_ids"][2:] == [one.diff_id() for one in new]
    assert config["history"] == [{"created_by": "x"}, {"comment": "y"}, OURS, OURS, OURS]


def test_a_layer_may_stand_twice(app: Pushing, registry: li.Registry) -> None:
    """It is sent once, and named twice."""
    twice = layer()
    li.Image.empty().append(twice, twice).append(twice).write(f"{app.host}/app:1")
    manifest = app.json("1")
    assert len(manifest["layers"]) == 3
    assert len({one["digest"] for one in manifest["layers"]}) == 1
    assert len(app.config("1")["rootfs"]["diff_ids"]) == 3
    assert sum(request.method == "PATCH" for request in registry.requests) == 1


def test_appending_nothing_changes_no_document() -> None:
    """Neither layers nor history."""
    image = li.Image.empty()
    assert image.append().digest() == image.digest()


class TestHistory:
    """One entry a layer, unless it is said, or the base keeps none."""

    def test_one_entry_or_several_may_be_given(self) -> None:
        """A single entry needs no list."""
        moment = datetime(2024, 1, 2, tzinfo=UTC)
        one = li.History(created=moment, created_by="COPY dist /app", comment="by hand", author="me")
        other = li.History(created_by="ENV A=b", empty_layer=True)
        image = li.Image.empty().append(layer(), history=one).append(layer(b"b"), history=[other, one])
        assert image.config().history == (one, other, one)

    def test_a_history_alone_may_be_added(self) -> None:
        """An entry without a layer is how a change of the config is told."""
        entry = li.History(created_by="USER 1", empty_layer=True)
        image = li.Image.empty().append(history=entry)
        assert image.config().history == (entry,)
        assert image.layers() == ()

    def test_a_base_without_history_stays_without(self, base: Pushing) -> None:
        """Entries for some of the layers would tell of the wrong ones."""
        base.image("1")
        image = li.Image.from_registry(f"{base.host}/base:1").append(layer())
        assert image.config().history == ()
        assert b"history" not in image.config().to_bytes()

    @pytest.mark.parametrize(("count", "entries", "told"), [(1, 2, 2), (2, 1, 1), (0, 1, 1), (1, 0, 0)])
    def test_a_history_of_other_layers_is_refused(self, count: int, entries: int, told: int) -> None:
        """While composing; the error says both counts."""
        history = [li.History(created_by="x")] * entries or [li.History(created_by="x", empty_layer=True)]
        with pytest.raises(
            InvalidMutation, match=f"given {count} layers, and a history that tells of {told}"
        ):
            li.Image.empty().append(*[layer()] * count, history=history)

    @pytest.mark.parametrize("entries", [1, 3])
    def test_a_base_whose_history_tells_of_other_layers(self, base: Pushing, entries: int) -> None:
        """The error says both counts, once something is forced; other edits of the config go on."""
        base.image("1", config=config_of([b"layer 0", b"layer 1"], history=[{"created_by": "x"}] * entries))
        image = li.Image.from_registry(f"{base.host}/base:1")
        with pytest.raises(InvalidDocument, match=f"tells of {entries} layers .* but 2 are listed") as caught:
            image.append(layer()).digest()
        assert any("test_append.py" in note for note in caught.value.__notes__)
        assert image.configure(user="1").config().user == "1"
        mended = image.edit_config(lambda config: config.with_history(())).append(layer())
        assert mended.config().history == ()

    def test_it_is_checked_again_after_an_edit(self) -> None:
        """Whoever breaks it between two appends is told."""
        broken = (
            li.Image.empty()
            .append(layer())
            .edit_config(lambda config: config.with_history([*config.history, li.History(created_by="y")]))
        )
        with pytest.raises(InvalidDocument, match=r"tells of 2 layers .* but 1 are listed"):
            broken.append(layer()).digest()

    def test_entries_of_empty_layers_alone_tell_of_no_layer(self, base: Pushing) -> None:
        """With layers below they are in part, and so wrong."""
        entry = {"created_by": "ENV", "empty_layer": True}
        base.image("1", config=config_of([b"layer 0", b"layer 1"], history=[entry]))
        with pytest.raises(InvalidDocument, match="tells of 0 layers"):
            li.Image.from_registry(f"{base.host}/base:1").append(layer()).digest()

    def test_what_others_wrote_in_it_is_kept(self, base: Pushing) -> None:
        """Unknown fields of entries survive."""
        base.image(
            "1", layers=[b"l"], config=config_of([b"l"], history=[{"created_by": "x", "x-unknown": [1.0]}])
        )
        image = li.Image.from_registry(f"{base.host}/base:1").append(layer())
        assert b'{"created_by":"x","x-unknown":[1.0]}' in image.config().to_bytes()


class TestDescriptors:
    """What is said of a new layer."""

    def test_annotations_are_of_each_new_layer(self, app: Pushing) -> None:
        """Those below have none of them."""
        image = li.Image.empty().append(layer(b"a")).append(layer(b"b"), layer(b"c"), annotations={"k": "v"})
        image.write(f"{app.host}/app:1")
        assert [one.get("annotations") for one in app.json("1")["layers"]] == [None, {"k": "v"}, {"k": "v"}]

    def test_media_type_and_urls(self, app: Pushing) -> None:
        """Said of each new layer, in the specification's order; known before it is read, or not."""
        url = "https://example.com/layer"
        first = li.Image.empty().append(
            layer(), media_type=OCI_LAYER_NONDISTRIBUTABLE_GZIP, urls=[url], annotations={"k": "v"}
        )
        first.write(f"{app.host}/app:1")
        [made] = app.json("1")["layers"]
        assert list(made.items()) == [
            ("mediaType", OCI_LAYER_NONDISTRIBUTABLE_GZIP),
            ("digest", layer().digest()),
            ("size", layer().size()),
            ("urls", [url]),
            ("annotations", {"k": "v"}),
        ]
        [declared] = li.Image.from_registry(f"{app.host}/app:1").layers()
        again = li.Image.empty().append(declared, media_type=LAYER, urls=["https://example.com/other"])
        [found] = again.manifest().layers
        assert (found.media_type, found.urls) == (LAYER, ("https://example.com/other",))
        assert found.annotations == {"k": "v"}

    def test_one_url_is_no_list_of_them(self) -> None:
        """Its letters were not meant."""
        with pytest.raises(InvalidDocument, match="a list of texts is needed"):
            li.Image.empty().append(layer(), urls="https://example.com")

    def test_a_media_type_that_says_another_compression(self) -> None:
        """Whoever reads the layer would fail."""
        image = li.Image.empty().append(layer(), media_type=OCI_LAYER_ZSTD)
        with pytest.raises(InvalidDocument, match="says its compression is zstd, but it is gzip"):
            image.digest()

    @pytest.mark.parametrize(("docker", "named"), [(True, LAYER), (False, DOCKER_LAYER)])
    def test_a_media_type_of_the_other_family(self, docker: bool, named: str) -> None:  # noqa: FBT001
        """The family of layers, config and manifest agree."""
        with pytest.raises(InvalidMutation, match="is of another family than the image"):
            li.Image.empty(docker=docker).append(layer(), media_type=named).digest()

    @pytest.mark.parametrize("docker", [True, False])
    def test_layers_follow_the_family_of_the_base(self, app: Pushing, docker: bool) -> None:  # noqa: FBT001
        """Local ones, those of an image of the other family, and those that are not to be distributed."""
        foreign = li.Image.empty(docker=not docker).append(
            layer(b"foreign"),
            media_type=OCI_LAYER_NONDISTRIBUTABLE_GZIP if docker else DOCKER_FOREIGN_LAYER,
        )
        foreign.append(layer()).write(f"{app.host}/app:1")
        declared = li.Image.from_registry(f"{app.host}/app:1").layers()
        image = li.Image.empty(docker=docker).append(layer()).append(*declared)
        assert [found.media_type for found in image.manifest().layers] == [
            DOCKER_LAYER if docker else LAYER,
            DOCKER_FOREIGN_LAYER if docker else OCI_LAYER_NONDISTRIBUTABLE_GZIP,
            DOCKER_LAYER if docker else LAYER,
        ]

    def test_an_image_may_hold_what_is_no_layer(self) -> None:
        """As attestations do: what is neither family's is kept."""
        image = li.Image.empty().append(layer(), media_type="application/vnd.in-toto+json")
        [found] = image.manifest().layers
        assert found.media_type == "application/vnd.in-toto+json"

    def test_a_zstd_layer_has_no_name_in_docker(self) -> None:
        """The error says so, and the layer's place in the code."""
        image = li.Image.empty(docker=True).append(layer(compression=li.Zstd()))
        with pytest.raises(InvalidDocument, match="zstd"):
            image.digest()

    def test_a_blob_as_it_is(self, app: Pushing, tmp_path: Any) -> None:
        """Its media type is told by its content, its bytes stay."""
        path = tmp_path / "layer"
        path.write_bytes(gzip.compress(bytes(1024), mtime=0))
        li.Image.empty().append(li.Layer.from_blob(path)).write(f"{app.host}/app:1")
        [found] = app.json("1")["layers"]
        assert found["mediaType"] == LAYER
        assert app.bytes(found) == path.read_bytes()


def test_only_layers_can_be_appended() -> None:
    """The message says what makes one."""
    with pytest.raises(InvalidMutation, match=r"was given a str: make one with Layer\.from_tar"):
        li.Image.empty().append("rootfs.tar")  # type: ignore[arg-type]


class TestArtifacts:
    """What has another config than an image's."""

    @pytest.fixture
    def artifact(self, base: Pushing) -> Any:
        """Put an artifact whose config is no JSON."""
        for blob in (b"not JSON", b"content"):
            base.blob(blob)
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "artifactType": "application/vnd.example",
            "config": described(b"not JSON", "application/vnd.example.config"),
            "layers": [described(b"content", "application/vnd.example.content")],
        }
        base.manifest(document, "1")
        return document

    def test_layers_are_added_and_the_config_is_kept(
        self, base: Pushing, app: Pushing, artifact: Any
    ) -> None:
        """Its bytes are in place at the other repository, untouched."""
        new = layer()
        li.Image.from_registry(f"{base.host}/base:1").append(new).write(f"{app.host}/app:1")
        found = app.json("1")
        assert found["config"] == artifact["config"]
        assert app.bytes(found["config"]) == b"not JSON"
        assert [one["digest"] for one in found["layers"]] == [artifact["layers"][0]["digest"], new.digest()]
        assert found["artifactType"] == "application/vnd.example"

    def test_it_has_no_history(self, base: Pushing, artifact: Any) -> None:
        """None is invented, and none can be given."""
        assert artifact
        image = li.Image.from_registry(f"{base.host}/base:1")
        with pytest.raises(
            InvalidMutation, match=r"append\(history=\.\.\.\) is for images: this is an artifact"
        ):
            image.append(layer(), history=li.History(created_by="x")).digest()

    def test_any_media_type_may_be_appended(self, base: Pushing, app: Pushing, artifact: Any) -> None:
        """Both families', or its own."""
        image = li.Image.from_registry(f"{base.host}/base:1")
        image.append(layer(), media_type="application/vnd.example.content").append(
            layer(b"b"), media_type=DOCKER_LAYER
        ).write(f"{app.host}/app:1")
        types = [found["mediaType"] for found in app.json("1")["layers"]]
        assert types == [artifact["layers"][0]["mediaType"], "application/vnd.example.content", DOCKER_LAYER]

    def test_its_config_cannot_be_configured(self, base: Pushing, artifact: Any) -> None:
        """The error says what it is instead of an image."""
        assert artifact
        image = li.Image.from_registry(f"{base.host}/base:1")
        with pytest.raises(InvalidMutation, match=r"application/vnd\.example\.config"):
            image.configure(user="1").digest()
        with pytest.raises(InvalidMutation, match=r"application/vnd\.example\.config"):
            image.edit_config(lambda config: config).digest()

    def test_it_can_be_annotated(self, base: Pushing, app: Pushing, artifact: Any) -> None:
        """The manifest is nobody's secret."""
        li.Image.from_registry(f"{base.host}/base:1").annotate({"a": "b"}).write(f"{app.host}/app:1")
        assert app.json("1") == {**artifact, "annotations": {"a": "b"}}
