"""Indexes: sources, adding, mapping, selecting, and writing with all they reach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.images import INDEX, described, sha256, text_of

import lazyimg as li
from lazyimg.errors import InvalidMutation, NotFound, PlatformNotFound
from lazyimg.image.index import Index
from lazyimg.image.index_mutation import IndexMutation

if TYPE_CHECKING:
    from support.images import Json, Pushing

PLATFORMS = ("linux/amd64", "linux/arm64/v8")


@pytest.fixture
def pushed(base: Pushing) -> Json:
    """Put an index of two images and an attestation."""
    children = [(base.image(annotations={"for": name}), name) for name in PLATFORMS]
    attestation = (base.image(layers=[b"in-toto"], annotations={"for": "unknown"}), "unknown/unknown")
    return base.index("1", children=[*children, attestation], annotations={"a": "1"}, unknown="\u00e9")


@pytest.fixture
def index(base: Pushing, pushed: Json) -> Index:
    """Give that index."""
    assert pushed
    return Index.from_registry(f"{base.host}/base:1")


def written(index: Index, app: Pushing) -> Json:
    index.write(f"{app.host}/app:1")
    return app.json("1")


class TestSources:
    """Indexes to begin with."""

    def test_of_a_registry(self, registry: li.Registry, index: Index, pushed: Json) -> None:
        """The bytes are those that it has; the children are not asked for."""
        registry.clear()
        assert index.manifest().to_bytes() == text_of(pushed)
        assert index.digest() == sha256(text_of(pushed))
        assert {request.path for request in registry.requests} == {"/v2/base/manifests/1"}

    def test_an_image_is_none(self, base: Pushing) -> None:
        """The error says what to use."""
        base.image("1")
        with pytest.raises(InvalidMutation, match=r"is an image, not an index: use Image\.from_registry"):
            Index.from_registry(li.Reference.parse(f"{base.host}/base:1")).digest()

    def test_what_is_not_there(self, registry: li.Registry) -> None:
        """The error is that of the registry, with the line."""
        with pytest.raises(NotFound) as caught:
            Index.from_registry(f"{registry.host}/base:1").digest()
        assert any("test_index.py" in note for note in caught.value.__notes__)

    @pytest.mark.parametrize("docker", [False, True])
    def test_of_nothing(self, app: Pushing, docker: bool) -> None:  # noqa: FBT001
        """An empty one, of either family."""
        found = written(Index.empty(docker=docker), app)
        assert found["manifests"] == []
        assert ("docker" in found["mediaType"]) == docker


class TestWrite:
    """An index goes with all it reaches, children first."""

    def test_a_copy_keeps_every_byte(
        self, registry: li.Registry, index: Index, app: Pushing, pushed: Json
    ) -> None:
        """Children, attestation and index are those of the source; layers are mounted."""
        result = index.write(f"{app.host}/app:1")
        assert app.raw("1") == text_of(pushed)
        assert [app.json(child["digest"])["annotations"]["for"] for child in pushed["manifests"]] == [
            *PLATFORMS,
            "unknown",
        ]
        assert len(result.mounted) == 3 + 2  # layers; configs
        puts = [
            r.path.rpartition("/")[2]
            for r in registry.requests
            if r.method == "PUT" and "/app/manifests" in r.path
        ]
        assert puts[-1] == "1"
        assert set(puts[:-1]) == {child["digest"] for child in pushed["manifests"]}

    def test_to_its_own_repository(self, registry: li.Registry, index: Index) -> None:
        """Everything is there: one POST, one GET, one PUT."""
        registry.clear()
        index.write(f"{registry.host}/base:2")
        methods = [request.method for request in registry.requests]
        assert methods[:3] == ["POST", "GET", "PUT"]
        assert methods[3:] in ([], ["DELETE"])

    def test_to_a_layout(self, index: Index, tmp_path: Any, pushed: Json) -> None:
        """All its blobs and manifests lie there."""
        result = index.write(li.OCILayout(tmp_path / "out", tag="v1"))
        blobs = {path.name for path in (tmp_path / "out/blobs/sha256").iterdir()}
        assert result.digest.encoded in blobs
        assert {li.Digest(child["digest"]).encoded for child in pushed["manifests"]} <= blobs
        assert len(blobs) == 1 + 3 + 3 + 2  # index; manifests; layers; configs


class TestAdd:
    """An entry more."""

    def test_the_platform_is_that_of_the_config(self, app: Pushing) -> None:
        """Unless another is said; annotations are of the entry."""
        index = (
            Index.empty()
            .add(li.Image.empty("linux/arm64/v8"), annotations={"k": "v"})
            .add(li.Image.empty("linux/amd64").annotate({"a": "b"}), platform="linux/riscv64")
        )
        first, second = written(index, app)["manifests"]
        assert first["platform"] == {"architecture": "arm64", "os": "linux", "variant": "v8"}
        assert first["annotations"] == {"k": "v"}
        assert second["platform"] == {"architecture": "riscv64", "os": "linux"}
        assert "annotations" not in second
        assert app.json(second["digest"])["annotations"] == {"a": "b"}

    def test_after_those_that_are_there(self, index: Index, app: Pushing, pushed: Json) -> None:
        """They keep their bytes, and so do the unknown fields of the index."""
        layer = li.Layer.from_files({"/a": b"a"})
        found = written(index.add(li.Image.empty("linux/s390x").append(layer)), app)
        assert found["manifests"][:3] == pushed["manifests"]
        assert found["manifests"][3]["platform"]["architecture"] == "s390x"
        assert (found["annotations"], found["unknown"]) == (pushed["annotations"], pushed["unknown"])

    def test_an_image_of_a_registry(self, registry: li.Registry, base: Pushing, app: Pushing) -> None:
        """Its config is read for its platform, and not where the platform is said."""
        child = base.image("child")
        image = li.Image.from_registry(f"{base.host}/base:child")
        for platform, reads in ((None, 1), ("linux/amd64", 0)):
            registry.clear()
            found = written(Index.empty().add(image, platform=platform), app)
            platforms = {"platform": {"architecture": "amd64", "os": "linux"}}
            assert found["manifests"] == [described(text_of(child), child["mediaType"], **platforms)]
            paths = [request.path for request in registry.requests if request.method == "GET"]
            assert sum("/blobs/" in path for path in paths) == reads

    def test_an_index_in_an_index(self, index: Index, app: Pushing, pushed: Json) -> None:
        """The inner one is put before the outer one, and has no platform."""
        found = written(Index.empty().add(index), app)
        assert found["manifests"] == [described(text_of(pushed), INDEX)]
        assert app.json(found["manifests"][0]["digest"]) == pushed


class TestMap:
    """One recipe for every image."""

    def test_every_image_is_changed(self, index: Index, app: Pushing, pushed: Json) -> None:
        """Layers on top, platforms kept, attestations dropped: they told of other images."""
        layer = li.Layer.from_files({"/a": b"a"})
        result = index.map(lambda image: image.append(layer).annotate({"new": "1"})).write(
            f"{app.host}/app:1"
        )
        found = app.json("1")
        old = pushed["manifests"]
        assert [entry["platform"] for entry in found["manifests"]] == [entry["platform"] for entry in old[:2]]
        for entry, before in zip(found["manifests"], old, strict=False):
            child = app.json(entry["digest"])
            assert child["annotations"]["new"] == "1"
            assert child["layers"][-1]["digest"] == layer.digest()
            assert entry["digest"] != before["digest"]
        assert (result.opened, found["unknown"]) == (1, pushed["unknown"])

    def test_attestations_may_be_kept(self, index: Index, app: Pushing, pushed: Json) -> None:
        """Unchanged: the recipe is not for them."""
        found = written(index.map(lambda image: image.annotate({"new": "1"}), attestations="keep"), app)
        assert found["manifests"][2] == pushed["manifests"][2]

    def test_some_platforms_alone(self, index: Index, app: Pushing, pushed: Json) -> None:
        """The others stay as they are, and are not read."""
        mapped = index.map(lambda image: image.annotate({"new": "1"}), platforms=["linux/arm64"])
        found = written(mapped, app)
        assert found["manifests"][0] == pushed["manifests"][0]
        assert app.json(found["manifests"][1]["digest"])["annotations"] == {"for": PLATFORMS[1], "new": "1"}
        same = index.map(
            lambda image: image.annotate({"new": "1"}), platforms=[li.Platform.parse("linux/arm64")]
        )
        assert same.digest() == mapped.digest()

    def test_the_function_is_called_once_while_composing(self, index: Index) -> None:
        """What it composes is seen in the graph."""
        calls = []

        def recipe(image: li.Image) -> li.Image:
            calls.append(image)
            return image.configure(user="1")

        mapped = index.map(recipe)
        assert len(calls) == 1
        mapped.digest()
        assert len(calls) == 1

    def test_images_that_were_added_are_mapped_too(self, app: Pushing) -> None:
        """The entry keeps what was said of it."""
        index = Index.empty().add(li.Image.empty(), platform="linux/arm64", annotations={"k": "v"})
        [entry] = written(index.map(lambda image: image.annotate({"new": "1"})), app)["manifests"]
        assert (entry["platform"]["architecture"], entry["annotations"]) == ("arm64", {"k": "v"})
        assert app.json(entry["digest"])["annotations"] == {"new": "1"}
        other = index.map(lambda image: image.annotate({"new": "1"}), platforms=["linux/s390x"])
        assert other.digest() == index.digest()

    def test_an_index_in_it_is_mapped_too(self, base: Pushing, app: Pushing, pushed: Json) -> None:
        """To whatever depth."""
        base.index("outer", children=[(pushed, None)])
        outer = Index.from_registry(f"{base.host}/base:outer")
        [entry] = written(outer.map(lambda image: image.annotate({"new": "1"})), app)["manifests"]
        inner = app.json(entry["digest"])
        assert {app.json(child["digest"])["annotations"]["new"] for child in inner["manifests"]} == {"1"}

    def test_what_returns_no_image_is_refused(self, index: Index) -> None:
        """While composing."""
        with pytest.raises(InvalidMutation, match="returned a NoneType"):
            index.map(lambda _: None)  # type: ignore[arg-type,return-value]


class TestSelect:
    """One image of it."""

    def test_it_is_that_image(self, index: Index, pushed: Json, base: Pushing) -> None:
        """As containerd chooses; the bytes are the child's."""
        image = index.select("linux/arm64")
        assert image.digest() == pushed["manifests"][1]["digest"]
        assert index.select(li.Platform.parse("linux/amd64")).manifest().annotations == {"for": "linux/amd64"}
        assert base.raw(image.digest()) == image.manifest().to_bytes()

    def test_of_one_that_was_composed(self) -> None:
        """The platform is what was said."""
        index = Index.empty().add(li.Image.empty().annotate({"a": "b"}), platform="linux/s390x")
        assert index.select("linux/s390x").manifest().annotations == {"a": "b"}

    def test_what_is_not_there(self, index: Index) -> None:
        """The error lists what is."""
        with pytest.raises(
            PlatformNotFound, match="has no image for windows/amd64; it has linux/amd64, linux/arm64"
        ):
            index.select("windows/amd64").digest()


class TestLooking:
    """Forces nothing."""

    def test_graph_plan_and_card(self) -> None:
        """As an image's."""
        index = Index.from_registry("registry.invalid/base:1").map(lambda image: image.configure(user="1"))
        assert len(index.graph()) >= 2
        assert index.plan("a.example/b:1").steps[0].name == "OpenSession"
        assert "MapImages" in index._repr_html_()


def test_a_mutation_of_an_index_needs_an_index() -> None:
    """And something to do."""

    class Silent(IndexMutation):
        pass

    with pytest.raises(ValueError, match="applied to no index"):
        Silent().digest()
    with pytest.raises(NotImplementedError, match="Silent"):
        Silent(base=Index.empty()).digest()
