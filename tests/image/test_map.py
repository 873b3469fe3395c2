"""Mapping an index: nested ones, attestations, platforms, and recipes of every shape."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from support.images import INDEX, Pushing, described, text_of

import lazyimg as li
from lazyimg.errors import InvalidMutation, PlatformNotFound
from lazyimg.image.index import Index

if TYPE_CHECKING:
    from support.images import Json

REFERS = "vnd.docker.reference.digest"


@pytest.fixture
def children(base: Pushing) -> list[Json]:
    """Put images for five platforms."""
    names = ("linux/amd64", "linux/arm64/v8", "linux/arm/v7", "linux/arm/v6", "windows/amd64")
    return [base.image(annotations={"for": name}) for name in names]


@pytest.fixture
def index(base: Pushing, children: list[Json]) -> Index:
    """Put an index of them, each but the last with an attestation, as buildkit does."""
    rows: list[tuple[Json, str | None]] = [(child, child["annotations"]["for"]) for child in children]
    document = base.index("plain", children=rows)
    entries = list(document["manifests"])
    for child in children[:-1]:
        attestation = base.image(layers=[b"in-toto"], annotations={"about": child["annotations"]["for"]})
        entries.append(
            described(
                text_of(attestation),
                attestation["mediaType"],
                platform={"architecture": "unknown", "os": "unknown"},
                annotations={"vnd.docker.reference.type": "attestation-manifest", REFERS: "sha256:0"},
            )
        )
    base.manifest({**document, "manifests": entries}, "1", media_type=INDEX)
    return Index.from_registry(f"{base.host}/base:1")


def mark(image: li.Image) -> li.Image:
    return image.annotate({"seen": "yes"})


def seen(app: Pushing, name: str = "1") -> list[str]:
    """What the children under a tag, to any depth, are for, if they were seen."""
    found = []
    for entry in app.json(name)["manifests"]:
        if entry["mediaType"] == INDEX:
            found += seen(app, entry["digest"])
            continue
        annotations = app.json(entry["digest"])["annotations"]
        if "seen" in annotations:
            found.append(annotations["for"])
    return found


class TestAttestations:
    """They tell of images that are not there any more."""

    def test_they_are_dropped(self, index: Index, app: Pushing) -> None:
        """And not read."""
        index.map(mark).write(f"{app.host}/app:1")
        entries = app.json("1")["manifests"]
        assert len(entries) == len(seen(app)) == 5
        assert not any(entry["platform"]["os"] == "unknown" for entry in entries)

    def test_they_are_kept_to_the_letter(self, index: Index, app: Pushing, base: Pushing) -> None:
        """Never mapped, whatever platforms are named."""
        for platforms in (None, ["unknown/unknown", "linux/amd64"]):
            index.map(mark, attestations="keep", platforms=platforms).write(f"{app.host}/app:1")
            assert app.json("1")["manifests"][5:] == base.json("1")["manifests"][5:]
        assert seen(app) == ["linux/amd64"]

    def test_one_that_was_added(self) -> None:
        """Told by what the entry says, or by its config."""
        index = (
            Index.empty()
            .add(li.Image.empty(), platform="unknown/unknown")
            .add(li.Image.empty("unknown/unknown"))
            .add(li.Image.empty("linux/arm64"))
        )
        [entry] = index.map(mark).manifest().manifests
        assert str(entry.platform) == "linux/arm64"
        kept = index.map(mark, attestations="keep").manifest().manifests
        assert kept[:2] == index.manifest().manifests[:2]

    def test_there_are_two_words(self, index: Index) -> None:
        """Another is refused while composing."""
        with pytest.raises(InvalidMutation, match="is 'drop' or 'keep', not 'remove'"):
            index.map(mark, attestations="remove")  # type: ignore[arg-type]


class TestPlatforms:
    """Those that are named, as containerd matches; the others stay to the letter."""

    @pytest.mark.parametrize(
        ("platforms", "meant"),
        [
            (["linux/arm64"], ["linux/arm64/v8"]),
            (["linux/arm/v7"], ["linux/arm/v7", "linux/arm/v6"]),
            (["linux/arm/v6"], ["linux/arm/v6"]),
            (["linux/amd64/v4", "windows/amd64"], ["linux/amd64", "windows/amd64"]),
            (["linux/s390x"], []),
            ([], []),
        ],
    )
    def test_they_alone(
        self, index: Index, app: Pushing, base: Pushing, platforms: list[str], meant: list[str]
    ) -> None:
        """An image for a lower variant serves a higher one, so that it is meant too."""
        index.map(mark, platforms=platforms).write(f"{app.host}/app:1")
        assert seen(app) == meant
        names = [entry["digest"] for entry in app.json("1")["manifests"]]
        for entry, child in zip(base.json("1")["manifests"], names, strict=False):
            is_meant = app.json(child)["annotations"]["for"] in meant
            assert (entry["digest"] == child) is not is_meant

    def test_those_that_are_not_named_are_not_read(self, index: Index, registry: li.Registry) -> None:
        """The index and one manifest."""
        registry.clear()
        index.map(mark, platforms=["windows/amd64"]).digest()
        assert len(registry.requests) == 2

    def test_of_what_was_added(self) -> None:
        """By the platform of the config, where the entry says none."""
        index = Index.empty().add(li.Image.empty("linux/arm64")).add(li.Image.empty(), platform="linux/s390x")
        found = index.map(mark, platforms=["linux/arm64"])
        assert found.select("linux/arm64").manifest().annotations == {"seen": "yes"}
        assert found.select("linux/s390x").manifest().annotations == {}

    def test_an_entry_without_platform(self, base: Pushing, app: Pushing, children: list[Json]) -> None:
        """It is meant by all, and by no platform: not even by amd64."""
        base.index("bare", children=[(children[0], None)])
        bare = Index.from_registry(f"{base.host}/base:bare")
        bare.map(mark).write(f"{app.host}/app:1")
        assert seen(app) == ["linux/amd64"]
        assert bare.map(mark, platforms=["linux/amd64"]).digest() == bare.digest()


class TestNested:
    """An index within an index is mapped with it."""

    @pytest.fixture
    def nested(self, base: Pushing, index: Index, children: list[Json]) -> Index:
        """Put an index in an index in an index, with an image beside each."""
        assert index
        inner = base.json("1")
        middle = base.index("middle", children=[(inner, None), (children[0], "linux/amd64")])
        base.index("outer", children=[(middle, None), (children[1], "linux/arm64/v8")])
        return Index.from_registry(f"{base.host}/base:outer")

    def test_to_any_depth(self, nested: Index, app: Pushing) -> None:
        """Attestations are dropped there too."""
        nested.map(mark).write(f"{app.host}/app:1")
        found = seen(app)
        assert len(found) == 5 + 1 + 1
        assert found[-2:] == ["linux/amd64", "linux/arm64/v8"]

    def test_platforms_are_looked_for_within(self, nested: Index, app: Pushing) -> None:
        """An index that names no platform of its own is gone into."""
        nested.map(mark, platforms=["linux/arm64"]).write(f"{app.host}/app:1")
        assert seen(app) == ["linux/arm64/v8"] * 2

    def test_each_document_is_read_once(self, nested: Index, registry: li.Registry) -> None:
        """However often an image stands in it."""
        registry.clear()
        nested.map(mark).digest()
        paths = [request.path for request in registry.requests]
        assert len(paths) == len(set(paths)) == 3 + 5

    def test_one_that_was_added(self, index: Index, app: Pushing) -> None:
        """Composed around it, with what the entry says."""
        outer = Index.empty().add(index, annotations={"k": "v"}).add(Index.empty())
        outer.map(mark).write(f"{app.host}/app:1")
        assert len(seen(app)) == 5
        entries = app.json("1")["manifests"]
        assert entries[0]["annotations"] == {"k": "v"}
        assert app.json(entries[1]["digest"])["manifests"] == []

    def test_steps_within_say_where_they_were_composed(self, nested: Index) -> None:
        """An error names the line of the map."""
        with pytest.raises(InvalidMutation) as caught:
            nested.map(lambda image: image.drop_layers(9)).digest()
        notes = "".join(caught.value.__notes__)
        assert "MapImages" in notes
        assert "test_map.py" in notes
        assert "index_map.py" not in notes


class TestRecipes:
    """Whatever the function composes."""

    def test_the_image_itself(self, index: Index, base: Pushing) -> None:
        """Nothing is changed: children keep their bytes, and so does the index but for attestations."""
        kept = index.map(lambda image: image, attestations="keep")
        assert kept.manifest().to_bytes() == base.raw("1")

    def test_another_image(self, index: Index) -> None:
        """The same for every platform: what the entry says stays."""
        other = li.Image.empty()
        found = index.map(lambda _: other).manifest().manifests
        assert {entry.digest for entry in found} == {other.digest()}
        assert len({str(entry.platform) for entry in found}) == 5

    def test_the_image_twice(self, index: Index, app: Pushing) -> None:
        """Each stands for the same one."""
        index.map(lambda image: mark(image).with_subject(image)).write(f"{app.host}/app:1")
        digests = [entry["digest"] for entry in app.json("1")["manifests"]]
        subjects = [app.json(digest)["subject"]["digest"] for digest in digests]
        assert subjects == [entry.digest for entry in index.manifest().manifests][:5]

    def test_one_after_the_other(self, index: Index) -> None:
        """Two maps are the map of both."""
        twice = index.map(mark).map(lambda image: image.annotate({"twice": "yes"}))
        both = index.map(lambda image: mark(image).annotate({"twice": "yes"}))
        assert twice.digest() == both.digest()
        assert twice.select("linux/arm64").manifest().annotations == {
            "for": "linux/arm64/v8",
            "seen": "yes",
            "twice": "yes",
        }

    def test_one_within_the_other(self, index: Index) -> None:
        """A stand-in within a stand-in's recipe stands for its own index's images."""

        def function(image: li.Image) -> li.Image:
            inner = index.map(lambda each: each.annotate({"inner": "yes"})).select("linux/arm64")
            return image.with_subject(inner)

        image = index.map(function, platforms=["windows/amd64"]).select("windows/amd64")
        subject = image.manifest().subject
        assert subject is not None
        inner = index.select("linux/arm64").annotate({"inner": "yes"})
        assert subject.digest == inner.digest()

    def test_mapped_and_then_changed(self, index: Index, app: Pushing) -> None:
        """What follows sees the images as they became."""
        changed = (
            index.map(mark)
            .remove(platform="windows/amd64")
            .annotate({"k": "v"}, platform="linux/arm/v6")
            .add(li.Image.empty("linux/s390x").annotate({"for": "s390x"}))
        )
        changed.write(f"{app.host}/app:1")
        assert seen(app) == ["linux/amd64", "linux/arm64/v8", "linux/arm/v7", "linux/arm/v6"]
        assert [entry.get("annotations") for entry in app.json("1")["manifests"]][3:] == [{"k": "v"}, None]

    def test_a_stream_is_read_once_for_all(self, index: Index, app: Pushing) -> None:
        """One layer for five platforms."""
        layer = li.Layer.from_stream(io.BytesIO(b"tar"))
        result = index.map(lambda image: image.append(layer)).write(f"{app.host}/app:1")
        assert result.opened == 1
        tops = {app.json(entry["digest"])["layers"][-1]["digest"] for entry in app.json("1")["manifests"]}
        assert tops == {layer.digest(timeout=1)}

    def test_its_key_is_that_of_its_recipe(self, index: Index) -> None:
        """Equal recipes make equal indexes."""
        assert index.map(mark) == index.map(lambda image: image.annotate({"seen": "yes"}))
        assert index.map(mark) != index.map(mark, platforms=["linux/amd64"])
        assert index.map(mark) != index.map(mark, attestations="keep")

    def test_the_stand_in_is_no_image_of_its_own(self, index: Index) -> None:
        """Forcing it inside the function says so."""
        with pytest.raises(AssertionError, match="stands for the images of an index"):
            index.map(lambda image: li.Image.empty() if image.digest() else image)

    @pytest.mark.parametrize("function", [lambda _: Index.empty(), lambda _: "image", lambda _: None])
    def test_what_is_no_image(self, index: Index, function: Any) -> None:
        """It is refused while composing."""
        with pytest.raises(InvalidMutation, match="takes a function from image to image"):
            index.map(function)


def test_what_is_selected_of_a_map_is_evaluated_alone(index: Index, registry: li.Registry) -> None:
    """One image of the index is read, not the others."""
    registry.clear()
    assert index.map(mark).select("linux/arm/v7").manifest().annotations["for"] == "linux/arm/v7"
    assert len(registry.requests) == 2
    with pytest.raises(PlatformNotFound, match="linux/arm/v6, linux/arm/v7"):
        index.map(mark).select("linux/riscv64").digest()


class TestMapsWithinMaps:
    """Each stand-in stands for its own index's images, wherever it is named."""

    def test_an_inner_recipe_may_name_the_outer_image(self, index: Index) -> None:
        """It is the one that the outer recipe is applied to."""

        def function(outer: li.Image) -> li.Image:
            inner = index.map(lambda each: each.with_subject(outer)).select("linux/arm64")
            return outer.annotate({"outer": "yes"}).with_subject(inner)

        image = index.map(function, platforms=["windows/amd64"]).select("windows/amd64")
        windows = index.select("windows/amd64")
        expected = windows.annotate({"outer": "yes"}).with_subject(
            index.select("linux/arm64").with_subject(windows)
        )
        assert image.digest() == expected.digest()

    def test_a_map_that_was_composed_before(self, index: Index) -> None:
        """It is the same as one composed within, and makes the same key."""
        before = index.map(mark)
        one = index.map(lambda image: image.with_subject(before.select("linux/arm64")))
        other = index.map(lambda image: image.with_subject(index.map(mark).select("linux/arm64")))
        assert one == other
        assert one.digest() == other.digest()
