"""Dropping layers, and annotating those that are there: layers are told apart by position and descriptor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.images import LAYER, MANIFEST, config_of, described, sha256

import lazyimg as li
from lazyimg.errors import InvalidDocument, InvalidMutation

if TYPE_CHECKING:
    from support.images import Json, Pushing

LAYERS = [b"zero", b"one", b"two", b"one"]
HISTORY: list[Json] = [
    {"created_by": "before", "empty_layer": True},
    {"created_by": "zero"},
    {"created_by": "one", "x-unknown": 1.0},
    {"created_by": "ENV", "empty_layer": True},
    {"created_by": "two"},
    {"created_by": "one again"},
]


@pytest.fixture
def pushed(base: Pushing) -> Json:
    """Put an image with one layer twice."""
    return base.image("1", layers=LAYERS, config=config_of(LAYERS, history=HISTORY))


@pytest.fixture
def image(base: Pushing, pushed: Json) -> li.Image:
    """Give it."""
    assert pushed
    return li.Image.from_registry(f"{base.host}/base:1")


def digest_is(text: bytes) -> Any:
    return lambda descriptor: descriptor.digest == sha256(text)


class TestWhich:
    """Positions, slices, functions."""

    @pytest.mark.parametrize(
        ("which", "left"),
        [
            ((0,), [1, 2, 3]),
            ((-1,), [0, 1, 2]),
            ((1, 3), [0, 2]),
            ((slice(1, None),), [0]),
            ((slice(None, None, 2),), [1, 3]),
            ((slice(9, 20),), [0, 1, 2, 3]),
            ((digest_is(b"one"),), [0, 2]),
            ((digest_is(b"absent"),), [0, 1, 2, 3]),
            ((lambda one: one.size == 4, 0), [1, 2, 3]),
            ((slice(None),), []),
        ],
    )
    def test_they_are_dropped_with_their_history(
        self, image: li.Image, app: Pushing, which: tuple[Any, ...], left: list[int]
    ) -> None:
        """Of a layer that stands twice the one that was named goes; diff_ids and history follow."""
        image.drop_layers(*which).write(f"{app.host}/app:1")
        manifest, config = app.json("1"), app.config("1")
        assert manifest["layers"] == [described(LAYERS[at], LAYER) for at in left]
        assert config["rootfs"]["diff_ids"] == [config_of(LAYERS)["rootfs"]["diff_ids"][at] for at in left]
        told = [HISTORY[at] for at in (1, 2, 4, 5)]
        empties = [HISTORY[0], HISTORY[3]]
        gone = [told[at] for at in range(4) if at not in left]
        assert config["history"] == [entry for entry in HISTORY if entry in empties or entry not in gone]

    @pytest.mark.parametrize("position", [4, -5])
    def test_a_position_that_is_not_there(self, image: li.Image, position: int) -> None:
        """The error says how many there are."""
        with pytest.raises(InvalidMutation, match=f"no layer {position}: the image has 4"):
            image.drop_layers(position).digest()

    @pytest.mark.parametrize(
        ("which", "message"), [((), "no layer was named"), ((True,), "bool"), (("0",), "str")]
    )
    def test_what_names_no_layer(self, image: li.Image, which: Any, message: str) -> None:
        """It is refused while composing."""
        with pytest.raises(InvalidMutation, match=message):
            image.drop_layers(*which)

    def test_a_layer_that_is_not_read_yet_has_no_descriptor(self, image: li.Image) -> None:
        """A function cannot choose; a position can, and the layer is never read."""
        grown = image.append(li.Layer.from_tar("/nonexistent.tar"))
        with pytest.raises(InvalidMutation, match="layer 4 has no descriptor before it is read: FromTar"):
            grown.drop_layers(digest_is(b"one")).digest()
        assert grown.drop_layers(-1).config() == image.config()

    def test_functions_are_told_apart_by_their_keys(self, image: li.Image) -> None:
        """Random by default, one's own where given; positions and slices are values."""
        choose = digest_is(b"one")
        assert image.drop_layers(choose) != image.drop_layers(choose)
        assert image.drop_layers(choose, key="v1") == image.drop_layers(choose, key="v1")
        assert image.drop_layers(slice(1)) == image.drop_layers(slice(1)) != image.drop_layers(slice(2))


def test_one_tar_compressed_twice_is_two_layers(app: Pushing) -> None:
    """Layers of one diff_id are told apart by their places, with their own descriptors and history."""
    twice = [li.Layer.from_files({"/a": b"a"}, compression=one) for one in (li.Gzip(), li.Zstd())]
    named = [li.History(created_by=name) for name in ("gzip", "zstd", "gzip again")]
    li.Image.empty().append(*twice, twice[0], history=named).write(f"{app.host}/app:1")
    assert len(set(app.config("1")["rootfs"]["diff_ids"])) == 1
    pushed = li.Image.from_registry(f"{app.host}/app:1")
    for position in range(3):
        left = [at for at in range(3) if at != position]
        dropped = pushed.drop_layers(position)
        assert dropped.manifest().layers == tuple(pushed.manifest().layers[at] for at in left)
        assert dropped.config().diff_ids == (twice[0].diff_id(),) * 2
        assert dropped.config().history == tuple(named[at] for at in left)


def test_nothing_to_drop_keeps_the_bytes(base: Pushing, image: li.Image) -> None:
    """Not even the config is read."""
    assert image.drop_layers(slice(4, None)).manifest().to_bytes() == base.raw("1")


def test_no_layer_is_read(image: li.Image, app: Pushing, registry: li.Registry) -> None:
    """The manifest and the config alone."""
    registry.clear()
    image.drop_layers(0).write(f"{app.host}/app:1")
    assert sum(request.method == "GET" for request in registry.requests) == 2


class TestHistory:
    """It stays aligned, or absent."""

    def test_absent_stays_absent(self, base: Pushing, app: Pushing) -> None:
        """Nothing is made up."""
        base.image("2", layers=LAYERS)
        li.Image.from_registry(f"{base.host}/base:2").drop_layers(1).write(f"{app.host}/app:1")
        assert "history" not in app.config("1")
        assert len(app.json("1")["layers"]) == 3

    def test_counts_that_disagree(self, base: Pushing) -> None:
        """The error says which, and how to go on."""
        base.image("2", layers=LAYERS, config=config_of(LAYERS, history=HISTORY[:3]))
        image = li.Image.from_registry(f"{base.host}/base:2")
        with pytest.raises(InvalidDocument, match=r"tells of 2 layers .* but 4 are listed"):
            image.drop_layers(1).digest()
        mended = image.edit_config(lambda config: config.with_history(())).drop_layers(1)
        assert mended.config().history == ()

    def test_of_what_was_appended(self) -> None:
        """Entries of the layers that go, and of no other."""
        layers = [li.Layer.from_files({f"/{name}": b""}) for name in "abc"]
        entries = [li.History(created_by=name) for name in "abc"]
        image = li.Image.empty().append(*layers, history=entries).drop_layers(1)
        assert [entry.created_by for entry in image.config().history] == ["a", "c"]
        assert [layer.key for layer in image.layers()] == [layers[0].key, layers[2].key]


@pytest.fixture
def artifact(base: Pushing) -> Json:
    """Put an artifact of two blobs."""
    for blob in (b"not JSON", b"one", b"two"):
        base.blob(blob)
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(b"not JSON", "application/vnd.example.config"),
        "layers": [described(blob, "application/vnd.example") for blob in (b"one", b"two")],
    }
    base.manifest(document, "artifact")
    return document


def test_an_artifact_loses_its_layers_alone(base: Pushing, app: Pushing, artifact: Json) -> None:
    """Its config is kept as it is."""
    li.Image.from_registry(f"{base.host}/base:artifact").drop_layers(0).write(f"{app.host}/app:1")
    assert app.json("1") == {**artifact, "layers": artifact["layers"][1:]}
    assert app.bytes(artifact["config"]) == b"not JSON"


class TestAnnotate:
    """What descriptors of layers say."""

    def test_layers_are_annotated_by_the_same_names(
        self, image: li.Image, app: Pushing, pushed: Json
    ) -> None:
        """Set, kept and removed; the config is not read, layers below and above stay to the letter."""
        once = image.annotate({"a": "1", "b": "2"}, layers=1)
        once.annotate({"a": None, "c": "3"}, layers=[1, slice(3, None)]).write(f"{app.host}/app:1")
        expected = [dict(layer) for layer in pushed["layers"]]
        expected[1]["annotations"] = {"b": "2", "c": "3"}
        expected[3]["annotations"] = {"c": "3"}
        assert app.json("1") == {**pushed, "layers": expected}

    def test_the_last_one_removed(self, image: li.Image, base: Pushing) -> None:
        """Nothing is left of them: the bytes are the old ones but for the layout."""
        back = image.annotate({"a": "1"}, layers=0).annotate({"a": None}, layers=0)
        assert back.manifest().layers == image.manifest().layers
        assert back.digest() == sha256(base.raw("1"))

    def test_layers_that_are_not_read_yet(self) -> None:
        """Their descriptors will say it."""
        layer = li.Layer.from_files({"/a": b"a"})
        image = li.Image.empty().append(layer, annotations={"a": "1"}).annotate({"b": "2"}, layers=-1)
        [found] = image.manifest().layers
        assert found.annotations == {"a": "1", "b": "2"}

    def test_of_a_function(self, image: li.Image) -> None:
        """It sees the descriptor."""
        found = image.annotate({"a": "1"}, layers=digest_is(b"one")).manifest().layers
        assert [bool(one.annotations) for one in found] == [False, True, False, True]
