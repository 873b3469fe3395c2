"""Mutations of indexes: remove, annotate, subject, media types; and what entries run on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.images import (
    CONFIG,
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_MANIFEST,
    INDEX,
    LAYER,
    MANIFEST,
    config_of,
    described,
    sha256,
    text_of,
)

import lazyimg as li
from lazyimg.errors import InvalidDigest, InvalidMutation, InvalidPlatform, PlatformNotFound
from lazyimg.image.index import Index
from lazyimg.image.index_mutation import PlatformMutation

if TYPE_CHECKING:
    from support.images import Json, Pushing

NAME = "org.opencontainers.image.ref.name"
DOCKER_INDEX = "application/vnd.docker.distribution.manifest.list.v2+json"


@pytest.fixture
def pushed(base: Pushing) -> Json:
    """Put an index of four images, two of them of Windows."""
    names = ["linux/amd64", "linux/arm64/v8", "windows/amd64", "windows/amd64"]
    index = base.index(
        "0",
        children=[(base.image(annotations={"for": f"{at} {name}"}), name) for at, name in enumerate(names)],
    )
    manifests = [dict(entry) for entry in index["manifests"]]
    manifests[0]["annotations"] = {NAME: "v1", "x": "y"}
    for entry, version in zip(manifests[2:], ("10.0.17763.1", "10.0.20348.2"), strict=True):
        entry["platform"] = {**entry["platform"], "os.version": version}
    index = {**index, "manifests": manifests, "annotations": {"a": "1"}, "unknown": 1.50}
    base.manifest(index, "1", media_type=INDEX)
    return index


@pytest.fixture
def index(base: Pushing, pushed: Json) -> Index:
    """Give it."""
    assert pushed
    return Index.from_registry(f"{base.host}/base:1")


def written(index: Index, app: Pushing) -> Json:
    index.write(f"{app.host}/app:1")
    return app.json("1")


class TestRemove:
    """Entries that go."""

    @pytest.mark.parametrize(
        ("which", "left"),
        [
            ({"platform": "linux/amd64"}, [1, 2, 3]),
            ({"platform": "linux/arm64"}, [0, 2, 3]),
            ({"platform": "windows/amd64"}, [0, 1]),
            ({"platform": "windows/amd64:10.0.20348.2"}, [0, 1, 2]),
            ({"tag": "v1"}, [1, 2, 3]),
            ({"tag": "v1", "platform": "linux/amd64"}, [1, 2, 3]),
        ],
    )
    def test_by_platform_and_tag(
        self, index: Index, app: Pushing, pushed: Json, which: dict[str, str], left: list[int]
    ) -> None:
        """The others stay to the letter, with the index's own fields."""
        found = written(index.remove(**which), app)  # type: ignore[arg-type]  # names of parameters
        assert found == {**pushed, "manifests": [pushed["manifests"][at] for at in left]}

    def test_by_digest(self, index: Index, pushed: Json, registry: li.Registry) -> None:
        """What it is asked of is the index alone."""
        registry.clear()
        found = index.remove(digest=pushed["manifests"][1]["digest"]).manifest()
        assert len(found.manifests) == 3
        assert len(registry.requests) == 1

    @pytest.mark.parametrize(
        ("which", "said"),
        [
            ({"platform": "linux/arm/v7"}, "platform linux/arm/v7"),
            ({"platform": "linux/amd64/v3"}, "platform linux/amd64/v3"),
            ({"tag": "v2"}, "tag v2"),
            ({"digest": sha256(b"x")}, f"digest {sha256(b'x')}"),
            ({"tag": "v1", "platform": "linux/arm64"}, "platform linux/arm64, tag v1"),
        ],
    )
    def test_what_is_not_there(self, index: Index, which: dict[str, str], said: str) -> None:
        """The error says what there is: nothing is left in silently."""
        with pytest.raises(InvalidMutation, match=f"no entry of {said}; it has linux/amd64") as caught:
            index.remove(**which).digest()  # type: ignore[arg-type]  # names of parameters
        assert "v1" in str(caught.value)
        assert any("test_index_mutations.py" in note for note in caught.value.__notes__)

    def test_of_nothing_there_is_nothing(self) -> None:
        """And of many the first ones are said."""
        with pytest.raises(InvalidMutation, match="it has none at all"):
            Index.empty().remove(tag="v1").digest()
        many = Index.empty()
        for number in range(25):
            many = many.add(li.Image.empty(f"linux/a{number}"))
        with pytest.raises(InvalidMutation, match=r"linux/a19 \(made here\); and 5 more"):
            many.remove(platform="linux/amd64").digest()

    def test_what_names_no_entry(self) -> None:
        """It is refused while composing."""
        with pytest.raises(InvalidMutation, match="no entry was named"):
            Index.empty().remove()
        with pytest.raises(InvalidDigest):
            Index.empty().remove(digest="sha256:0")
        with pytest.raises(InvalidPlatform):
            Index.empty().remove(platform="amd64")

    def test_of_what_was_added(self, app: Pushing) -> None:
        """By the platform that is said, or the one of the config; by the entry's tag."""
        index = (
            Index.empty()
            .add(li.Image.empty("linux/arm64"))
            .add(li.Image.empty("linux/amd64"), platform="linux/s390x")
            .add(li.Image.empty("linux/riscv64"), annotations={NAME: "v1"})
        )
        for left in (
            index.remove(platform=li.Platform.parse("linux/arm64")),
            index.remove(platform="linux/s390x"),
            index.remove(tag="v1"),
        ):
            assert len(written(left, app)["manifests"]) == 2
        with pytest.raises(
            InvalidMutation, match=r"linux/arm64 \(made here\); linux/s390x .*; linux/riscv64"
        ):
            index.remove(platform="linux/amd64").digest()


class TestAnnotate:
    """The index, or entries of it."""

    def test_the_index(self, index: Index, app: Pushing, pushed: Json) -> None:
        """Set, kept, removed; entries stay to the letter."""
        found = written(index.annotate({"b": "2"}), app)
        assert found == {**pushed, "annotations": {"a": "1", "b": "2"}}
        assert index.annotate({"a": None}).manifest().annotations == {}

    def test_what_changes_nothing_keeps_the_bytes(self, index: Index, pushed: Json) -> None:
        """Equal values, or none."""
        assert index.annotate({"a": "1", "none": None}).manifest().to_bytes() == text_of(pushed)

    @pytest.mark.parametrize(
        ("which", "at"), [({"platform": "linux/arm64"}, 1), ({"tag": "v1"}, 0), ({"digest": None}, 3)]
    )
    def test_entries(self, index: Index, app: Pushing, pushed: Json, which: Any, at: int) -> None:
        """Set, kept, removed, of those that are meant."""
        if "digest" in which:
            which = {"digest": pushed["manifests"][at]["digest"]}
        found = written(index.annotate({"new": "1", "x": None}, **which), app)
        expected = [dict(entry) for entry in pushed["manifests"]]
        kept = {k: v for k, v in expected[at].get("annotations", {}).items() if k != "x"}
        expected[at]["annotations"] = {**kept, "new": "1"}
        assert found == {**pushed, "manifests": expected}

    def test_entries_that_were_added(self) -> None:
        """By the platform of the config."""
        index = Index.empty().add(li.Image.empty("linux/arm64"), annotations={"a": "1"}).add(li.Image.empty())
        found = index.annotate({"b": "2"}, platform="linux/arm64").manifest().manifests
        assert [dict(entry.annotations) for entry in found] == [{"a": "1", "b": "2"}, {}]

    def test_an_entry_that_is_not_there(self, index: Index) -> None:
        """It is an error."""
        with pytest.raises(InvalidMutation, match="no entry of tag v2"):
            index.annotate({"a": "b"}, tag="v2").digest()


class TestSubject:
    """An index that refers to something, or is referred to."""

    def test_to_each_kind(self, index: Index, app: Pushing, pushed: Json) -> None:
        """A descriptor, an image, an index; and None removes it."""
        subject = li.Descriptor(media_type=MANIFEST, digest=li.Digest(sha256(b"x")), size=1)
        assert written(index.with_subject(subject), app) == {**pushed, "subject": subject.to_json()}
        image = li.Image.empty().append(li.Layer.from_files({"/a": b"a"}))
        assert written(index.with_subject(image), app)["subject"]["digest"] == image.digest()
        assert written(Index.empty().with_subject(index), app)["subject"] == described(text_of(pushed), INDEX)
        assert index.with_subject(image).with_subject(None).manifest().to_bytes() == text_of(pushed)

    def test_an_image_that_refers_to_an_index(self, index: Index, app: Pushing) -> None:
        """Also one that was composed, with local layers, that is not written."""
        made = index.map(lambda image: image.append(li.Layer.from_files({"/a": b"a"})))
        for one in (index, made):
            li.Image.empty().with_subject(one).write(f"{app.host}/app:1")
            found = app.json("1")["subject"]
            assert found == {
                "mediaType": INDEX,
                "digest": one.digest(),
                "size": len(one.manifest().to_bytes()),
            }
        assert app.tags() == ["1"]

    def test_it_survives_every_later_mutation(self, index: Index) -> None:
        """Whatever is done to the index, or to its images."""
        image = li.Image.empty()
        changed = (
            index.with_subject(image)
            .add(li.Image.empty("linux/s390x"))
            .annotate({"b": "2"})
            .annotate({"b": "2"}, tag="v1")
            .remove(platform="windows/amd64")
            .with_media_types("oci")
            .map(lambda each: each.annotate({"c": "3"}))
        )
        subject = changed.manifest().subject
        assert subject is not None
        assert subject.digest == image.digest()

    def test_one_from_elsewhere_survives_too(self, base: Pushing, pushed: Json) -> None:
        """It is a field as any other."""
        subject = described(b"x", MANIFEST)
        base.manifest({**pushed, "subject": subject}, "2", media_type=INDEX)
        index = Index.from_registry(f"{base.host}/base:2")
        assert index.remove(tag="v1").annotate({"b": "2"}).manifest().value["subject"] == subject


class TestMediaTypes:
    """An index and all in it, of one family."""

    @pytest.fixture
    def plain(self, base: Pushing) -> Index:
        """Put an index that Docker could say."""
        children = [(base.image(layers=[name.encode()]), name) for name in ("linux/amd64", "linux/arm64/v8")]
        base.index("plain", children=children, unknown=1.50)
        return Index.from_registry(f"{base.host}/base:plain")

    def test_to_docker_and_back(self, plain: Index, app: Pushing, base: Pushing) -> None:
        """The list, each manifest, config and layer; platforms and unknown fields stay."""
        found = written(plain.with_media_types("docker"), app)
        assert (found["mediaType"], found["unknown"]) == (DOCKER_INDEX, 1.5)
        assert [entry["mediaType"] for entry in found["manifests"]] == [DOCKER_MANIFEST] * 2
        assert [entry["platform"] for entry in found["manifests"]] == [
            entry["platform"] for entry in base.json("plain")["manifests"]
        ]
        for entry in found["manifests"]:
            child = app.json(entry["digest"])
            assert child["mediaType"] == DOCKER_MANIFEST
            assert child["config"]["mediaType"] == DOCKER_CONFIG
            assert {layer["mediaType"] for layer in child["layers"]} == {DOCKER_LAYER}
        back = Index.from_registry(f"{app.host}/app:1").with_media_types("oci")
        child = back.select("linux/arm64").manifest()
        assert (back.manifest().media_type, child.config.media_type, child.layers[0].media_type) == (
            INDEX,
            CONFIG,
            LAYER,
        )
        assert back.manifest() != plain.manifest()  # the children were written anew, compact
        assert child == plain.select("linux/arm64").manifest()

    def test_its_own_family_keeps_the_bytes(self, plain: Index, base: Pushing) -> None:
        """Of the index and of the images."""
        assert plain.with_media_types("oci").manifest().to_bytes() == base.raw("plain")

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (lambda index: index.annotate({"a": "b"}), r"annotations \(a\)"),
            (lambda index: index.annotate({"a": "b"}, platform="linux/arm64"), "annotations of entry 1"),
            (lambda index: index.with_subject(li.Image.empty()), "subject"),
            (lambda index: index.add(li.Image.empty("unknown/unknown")), "the attestation that is entry 2"),
            (
                lambda index: index.add(li.Image.empty(), platform="unknown/unknown", annotations={"a": "b"}),
                "annotations of entry 2, the attestation that is entry 2",
            ),
        ],
    )
    def test_what_docker_cannot_say(self, plain: Index, app: Pushing, change: Any, said: str) -> None:
        """Refused, or dropped, attestations with it."""
        index = change(plain)
        with pytest.raises(InvalidMutation, match=f"Docker's manifest lists cannot say {said}.*lossy=True"):
            index.with_media_types("docker").digest()
        assert written(index.with_media_types("docker", lossy=True), app) == written(
            plain.with_media_types("docker"), app
        )

    def test_an_artifact_type(self, base: Pushing, plain: Index) -> None:
        """Of the index, or of an entry from elsewhere."""
        document = base.json("plain")
        entries = [{**entry, "artifactType": "a/b"} for entry in document["manifests"]]
        base.manifest({**document, "artifactType": "c/d", "manifests": entries}, "2", media_type=INDEX)
        typed = Index.from_registry(f"{base.host}/base:2")
        with pytest.raises(InvalidMutation, match=r"artifactType \(c/d\), artifactType of entry 0, "):
            typed.with_media_types("docker").digest()
        lossy = typed.with_media_types("docker", lossy=True)
        assert lossy.digest() == plain.with_media_types("docker").digest()

    def test_what_an_image_in_it_says(self, base: Pushing) -> None:
        """It is refused when that image is read; lossy holds for it too."""
        base.index("2", children=[(base.image(annotations={"a": "b"}), "linux/amd64")])
        index = Index.from_registry(f"{base.host}/base:2")
        with pytest.raises(InvalidMutation, match=r"Docker's manifests cannot say annotations \(a\)"):
            index.with_media_types("docker").digest()
        lossy = index.with_media_types("docker", lossy=True).select("linux/amd64").manifest()
        assert (lossy.annotations, lossy.media_type) == ({}, DOCKER_MANIFEST)

    @pytest.mark.parametrize("lossy", [True, False])
    def test_an_index_within(self, plain: Index, lossy: bool) -> None:  # noqa: FBT001
        """Docker's lists know none; OCI's are converted with it."""
        outer = Index.empty().add(plain)
        with pytest.raises(InvalidMutation, match="index within an index has no form"):
            outer.with_media_types("docker", lossy=lossy).digest()
        docker = Index.empty().add(plain.with_media_types("docker"))
        found = docker.with_media_types("oci").manifest()
        assert found == Index.empty().add(plain.with_media_types("docker").with_media_types("oci")).manifest()
        assert found.manifests[0].media_type == INDEX

    def test_another_family(self) -> None:
        """There are two."""
        with pytest.raises(InvalidMutation, match="takes 'oci' or 'docker'"):
            Index.empty().with_media_types("OCI")  # type: ignore[arg-type]


class TestPlatforms:
    """What an entry runs on: as it says, else as the config of what was added says."""

    def test_selecting_what_was_added(self, base: Pushing, registry: li.Registry) -> None:
        """The config is read where the entry says nothing, and only there."""
        config = config_of([b"layer 0", b"layer 1"], architecture="s390x")
        base.image("s390x", config=config)
        image = li.Image.from_registry(f"{base.host}/base:s390x")
        index = Index.empty().add(image).add(li.Image.empty("linux/arm/v6"))
        assert index.select("linux/s390x").digest() == image.digest()
        assert index.select("linux/arm/v7").config().variant == "v6"
        with pytest.raises(PlatformNotFound, match="it has linux/arm/v6, linux/s390x"):
            index.select("linux/amd64").digest()
        registry.clear()
        Index.empty().add(image, platform="linux/amd64").select("linux/amd64").manifest()
        assert not any("/blobs/" in request.path for request in registry.requests)

    def test_an_entry_without_platform_is_nothing_silently(self, base: Pushing) -> None:
        """Neither amd64 nor anything else."""
        base.index("bare", children=[(base.image(), None), (base.image(), "linux/arm64")])
        index = Index.from_registry(f"{base.host}/base:bare")
        for platform in ("linux/amd64", "linux/s390x"):
            with pytest.raises(PlatformNotFound, match="it has linux/arm64"):
                index.select(platform).digest()
            with pytest.raises(PlatformNotFound, match="it has linux/arm64"):
                li.Image.from_registry(f"{base.host}/base:bare", platform).digest()

    def test_an_artifact_has_none(self, base: Pushing) -> None:
        """Its config is not read."""
        base.image("1")
        artifact = li.Image.from_registry(f"{base.host}/base:1").with_config_media_type("a/b")
        index = Index.empty().add(artifact).add(Index.empty())
        assert [entry.platform for entry in index.manifest().manifests] == [None, None]
        with pytest.raises(PlatformNotFound, match="no platform at all"):
            index.select("linux/amd64").digest()

    def test_selecting_from_an_index_within(self, index: Index) -> None:
        """An entry that is an index goes on to the image in it."""
        outer = Index.empty().add(index, platform="linux/amd64")
        assert outer.select("linux/amd64").digest() == index.select("linux/amd64").digest()

    @pytest.mark.parametrize("platform", ["unknown/unknown", "unknown/amd64"])
    def test_attestations_are_never_selected(self, platform: str) -> None:
        """Whether the entry says it or the config."""
        for index in (
            Index.empty().add(li.Image.empty(platform)),
            Index.empty().add(li.Image.empty(), platform=platform),
        ):
            with pytest.raises(PlatformNotFound, match="no platform at all"):
                index.select(platform).digest()

    def test_a_mutation_says_how_it_changes(self) -> None:
        """One of a user's own that does not is named."""

        class Silent(PlatformMutation):
            pass

        with pytest.raises(NotImplementedError, match="Silent"):
            Silent(base=Index.empty()).digest()


def test_an_entry_keeps_the_artifact_type_of_its_image(base: Pushing) -> None:
    """The one that the image has after the change."""
    child = base.image(artifactType="a/b")
    base.index("1", children=[(child, "linux/amd64")])
    index = Index.from_registry(f"{base.host}/base:1")
    found = index.map(lambda image: image.with_artifact_type("c/d")).manifest().manifests
    assert [entry.artifact_type for entry in found] == ["c/d"]
