"""Writing to a registry: tags, digests, mounts, copies, and several targets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.images import CONFIG, LAYER, MANIFEST, Pushing, described, sha256, text_of

import lazyimg as li
from lazyimg.errors import ContentMismatch, InvalidReference, InvalidTarget
from lazyimg.write.registry_target import RegistryTarget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lazyimg.server.request import Request


def layer(text: bytes = b"a") -> li.Layer:
    return li.Layer.from_files({"/file": text})


def asked(registry: li.Registry) -> list[str]:
    """Return what a registry was asked, upload identifiers left out."""

    def line(request: Request) -> str:
        path = request.path.rpartition("/")[0] + "/" if "/uploads/" in request.path else request.path
        return f"{request.method} {path}"

    return [line(request) for request in registry.requests]


@pytest.fixture
def other() -> Iterator[li.Registry]:
    """Give a second registry."""
    with li.Registry() as running:
        yield running


class TestNames:
    """What an image is called there."""

    def test_a_tag_and_further_tags(self, app: Pushing) -> None:
        """Each once; all name the same manifest."""
        result = li.Image.empty().write(f"{app.host}/app:1", tags=["latest", "1", "1.0"])
        assert app.tags() == ["1", "1.0", "latest"]
        assert {sha256(app.raw(tag)) for tag in app.tags()} == {result.digest}
        assert result.targets[0].tags == ("1", "latest", "1.0")

    def test_no_tag_is_latest(self, app: Pushing) -> None:
        """As references are read."""
        li.Image.empty().write(f"{app.host}/app")
        assert app.tags() == ["latest"]

    def test_a_digest_that_it_comes_to(self, app: Pushing) -> None:
        """Then no tag moves."""
        image = li.Image.empty().append(layer())
        result = image.write(f"{app.host}/app@{image.digest()}")
        assert app.tags() == []
        assert sha256(app.raw(result.digest)) == result.digest
        assert (result.targets[0].tags, result.reference) == ((), f"{app.host}/app@{result.digest}")

    def test_a_digest_with_a_tag(self, app: Pushing) -> None:
        """The digest is held against the image, and the tag moves."""
        image = li.Image.empty()
        image.write(f"{app.host}/app:1@{image.digest()}")
        assert app.tags() == ["1"]

    @pytest.mark.parametrize("tag", ["", ":1"])
    def test_another_digest_puts_nothing(self, app: Pushing, registry: li.Registry, tag: str) -> None:
        """The error names both digests; no manifest was put, whatever the targets."""
        image = li.Image.empty().append(layer())
        wrong = sha256(b"another")
        with pytest.raises(ContentMismatch) as caught:
            image.write(f"{app.host}/app{tag}@{wrong}", f"{app.host}/second:1")
        assert wrong in str(caught.value)
        assert image.digest() in str(caught.value)
        assert not [line for line in asked(registry) if line.startswith("PUT /v2/app/manifests")]
        assert Pushing(registry.host, "second").tags() == []

    def test_nonsense_is_refused_at_once(self) -> None:
        """No target at all is nonsense, too."""
        with pytest.raises(InvalidReference):
            li.Image.empty().write("not a reference")
        with pytest.raises(ValueError, match="needs a target"):
            li.Image.empty().write()

    def test_one_further_tag_is_one(self, app: Pushing) -> None:
        """A text is a tag, not a tag for each of its letters."""
        li.Image.empty().write(f"{app.host}/app:1", tags="latest")
        assert app.tags() == ["1", "latest"]

    @pytest.mark.parametrize("tag", ["not a tag", "sha256:" + 64 * "0", "", "../up"])
    def test_a_further_tag_that_is_none_is_refused_at_once(
        self, app: Pushing, registry: li.Registry, tag: str
    ) -> None:
        """Before the registry is asked anything."""
        with pytest.raises(InvalidReference, match="is no tag"):
            li.Image.empty().write(f"{app.host}/app:1", tags=[tag])
        assert not registry.requests

    @pytest.mark.parametrize("target", [Path("out"), None, b"registry/app:1", li.Image.empty()])
    def test_what_is_no_target_is_refused_at_once(self, target: Any) -> None:
        """The error says what would be one."""
        with pytest.raises(InvalidTarget, match="is no target: name a registry reference"):
            li.Image.empty().write(target)
        with pytest.raises(InvalidTarget, match="is no target"):
            li.write({target: li.Image.empty()})

    def test_a_tag_for_two_images_is_refused_at_once(
        self, app: Pushing, registry: li.Registry, tmp_path: Path
    ) -> None:
        """Which of them it would say in the end would be chance; one image may have a name twice."""
        image, other = li.Image.empty(), li.Image.empty().annotate({"a": "b"})
        further = RegistryTarget(f"{app.host}/app:2", tags=["1"])
        with pytest.raises(InvalidTarget, match=r"1 of .*/app is to name two different images"):
            li.write({f"{app.host}/app:1": image, further: other})
        layouts = li.OCILayout(tmp_path, tag="a"), li.OCILayout(tmp_path, tag=("b", "a"))
        with pytest.raises(InvalidTarget, match=r"a of .* is to name two different images"):
            li.write({layouts[0]: image, layouts[1]: other})
        assert not registry.requests
        assert not list(tmp_path.iterdir())
        li.write({f"{app.host}/app:1": image, further: li.Image.empty()})
        assert app.tags() == ["1", "2"]

    def test_a_target_may_be_a_value(self, app: Pushing) -> None:
        """With its tags in it."""
        reference = li.Reference.parse(f"{app.host}/app:1")
        target = RegistryTarget(reference, tags=["2"])
        assert (str(target), str(target.site)) == (f"{app.host}/app:1", f"{app.host}/app")
        li.Image.empty().write(target, tags=["3"])
        assert app.tags() == ["1", "2", "3"]


class TestBlobs:
    """How a blob comes to its place."""

    def test_in_the_same_repository_nothing_is_to_be_done(self, registry: li.Registry, base: Pushing) -> None:
        """A config edit is five requests, an annotation at most four."""
        base.image("1")
        image = li.Image.from_registry(f"{base.host}/base:1")
        registry.clear()
        result = image.configure(user="1").write(f"{base.host}/base:2")
        assert asked(registry) == [
            "POST /v2/base/blobs/uploads/",
            "GET /v2/base/manifests/1",
            f"GET /v2/base/blobs/{base.json('1')['config']['digest']}",
            "PUT /v2/base/blobs/uploads/",
            "PUT /v2/base/manifests/2",
        ]
        assert [one.media_type for one in result.existing] == [LAYER, LAYER]
        registry.clear()
        image.annotate({"a": "b"}).write(f"{base.host}/base:3")
        assert len(asked(registry)) == 4

    def test_in_the_same_registry_it_is_mounted(
        self, registry: li.Registry, base: Pushing, app: Pushing
    ) -> None:
        """Layers and config; no byte of them is sent."""
        pushed = base.image("1")
        result = li.Image.from_registry(f"{base.host}/base:1").write(f"{app.host}/app:1")
        assert app.raw("1") == text_of(pushed)
        assert {one.digest for one in result.mounted} == {
            one["digest"] for one in (pushed["config"], *pushed["layers"])
        }
        assert result.bytes_sent == len(text_of(pushed))
        assert [one.digest for one in result.uploaded] == [result.digest]
        assert sum(request.bytes_in for request in registry.requests if "/app/blobs" in request.path) == 0

    def test_of_another_registry_it_is_copied(
        self, base: Pushing, other: li.Registry, registry: li.Registry
    ) -> None:
        """From one to the other, verified; what is there is not sent again."""
        pushed = base.image("1")
        there = Pushing(other.host, "app")
        there.blob(b"layer 0")
        result = li.Image.from_registry(f"{base.host}/base:1").write(f"{other.host}/app:1")
        assert there.raw("1") == text_of(pushed)
        assert there.bytes(pushed["layers"][1]) == b"layer 1"
        assert [one.digest for one in result.existing] == [sha256(b"layer 0")]
        assert len(result.uploaded) == 3
        reads = [request.path for request in registry.requests if request.method == "GET"]
        assert f"/v2/base/blobs/{sha256(b'layer 0')}" not in reads

    def test_a_mount_that_is_not_given_is_a_copy(
        self, base: Pushing, app: Pushing, registry: li.Registry
    ) -> None:
        """A registry that answers with an upload is sent the blob."""
        pushed = base.image("1")

        def no_mounts(request: Request) -> Any:
            return (403, "DENIED", "no mounts here") if "mount=" in request.query else None

        registry.hook = no_mounts
        result = li.Image.from_registry(f"{base.host}/base:1").write(f"{app.host}/app:1")
        assert app.bytes(pushed["layers"][0]) == b"layer 0"
        assert (len(result.mounted), len(result.uploaded)) == (0, 4)

    def test_a_blob_that_is_not_what_it_should_be(self, base: Pushing, other: li.Registry) -> None:
        """No manifest goes out; the notes say whose blob it was."""
        pushed = base.image("1")
        wrong = {**pushed, "layers": [{**pushed["layers"][0], "size": 3}]}
        base.manifest(wrong, "wrong")
        with pytest.raises(ContentMismatch) as caught:
            li.Image.from_registry(f"{base.host}/base:wrong").write(f"{other.host}/app:1")
        assert any("test_registry_target.py" in note for note in caught.value.__notes__)
        assert not [line for line in asked(other) if "manifests" in line]

    def test_what_may_not_be_distributed_stays(self, base: Pushing, other: li.Registry) -> None:
        """A foreign layer keeps its URLs and is not read, because nobody may have it."""
        foreign = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
        config = text_of(
            {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": [sha256(b"")]}}
        )
        base.blob(config)
        entry = described(b"foreign", foreign, urls=["https://foreign.invalid/layer"])
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described(config, CONFIG),
            "layers": [entry],
        }
        base.manifest(document, "1")
        result = (
            li.Image.from_registry(f"{base.host}/base:1").annotate({"a": "b"}).write(f"{other.host}/app:1")
        )
        assert [one.digest for one in result.targets[0].skipped] == [sha256(b"foreign")]
        assert Pushing(other.host, "app").json("1")["layers"] == [entry]

    def test_a_layer_is_sent_while_it_is_read(self, registry: li.Registry, app: Pushing) -> None:
        """One PATCH, closed by the digest; the config goes in one PUT; the manifest last."""
        li.Image.empty().append(layer()).write(f"{app.host}/app:1")
        assert sorted(asked(registry)) == sorted(
            [
                "POST /v2/app/blobs/uploads/",
                "PATCH /v2/app/blobs/uploads/",
                "PUT /v2/app/blobs/uploads/",
                "POST /v2/app/blobs/uploads/",
                "PUT /v2/app/blobs/uploads/",
                "PUT /v2/app/manifests/1",
            ]
        )
        assert asked(registry)[-1] == "PUT /v2/app/manifests/1"

    def test_an_upload_that_nobody_needed_is_given_back(self, base: Pushing, registry: li.Registry) -> None:
        """The session began one; a manifest alone needs none."""
        base.image("1")
        registry.clear()
        li.Image.from_registry(f"{base.host}/base:1").annotate({"a": "b"}).write(f"{base.host}/base:2")
        assert asked(registry)[-1] == "DELETE /v2/base/blobs/uploads/"


class TestSeveral:
    """Several targets in one write."""

    def test_each_has_its_own_tallies(self, app: Pushing, other: li.Registry) -> None:
        """Two registries: both have all of it, from one reading."""
        image = li.Image.empty().append(layer())
        result = image.write(f"{app.host}/app:1", f"{other.host}/app:1", tags=["latest"])
        assert [one.target for one in result.targets] == [f"{app.host}/app:1", f"{other.host}/app:1"]
        assert [set(one.tags) for one in result.targets] == [{"1", "latest"}] * 2
        assert app.raw("latest") == Pushing(other.host, "app").raw("1")
        assert (result.opened, result.bytes_sent) == (1, sum(one.bytes_sent for one in result.targets))

    def test_two_tags_of_one_repository_share_a_session(self, app: Pushing, registry: li.Registry) -> None:
        """Blobs are sent once, whatever way the tags are named."""
        image = li.Image.empty().append(layer())
        image.write(f"{app.host}/app:1", f"{app.host}/app:2")
        assert app.tags() == ["1", "2"]
        assert asked(registry).count("PATCH /v2/app/blobs/uploads/") == 1

    def test_two_repositories_of_one_registry(
        self, app: Pushing, base: Pushing, registry: li.Registry
    ) -> None:
        """Each has its session, and each its blobs."""
        li.Image.empty().append(layer()).write(f"{app.host}/app:1", f"{app.host}/base:1")
        assert app.raw("1") == base.raw("1")
        begun = {request.path for request in registry.requests if request.method == "POST"}
        assert begun == {"/v2/app/blobs/uploads/", "/v2/base/blobs/uploads/"}

    def test_no_tag_moves_before_every_manifest_is_there(self, app: Pushing, other: li.Registry) -> None:
        """A registry that refuses the manifest leaves the other's tag where it was."""
        old = li.Image.empty().annotate({"old": "1"})
        old.write(f"{app.host}/app:1")

        def refuse(request: Request) -> Any:
            is_manifest = request.method == "PUT" and "/manifests/" in request.path
            return (400, "MANIFEST_INVALID", "not this one") if is_manifest else None

        other.hook = refuse
        with pytest.raises(li.LazyImgError, match="not this one") as caught:
            li.Image.empty().append(layer()).write(f"{app.host}/app:1", f"{other.host}/app:1")
        assert sha256(app.raw("1")) == old.digest()
        notes = "\n".join(caught.value.__notes__)
        assert f"{app.host}/app:1: " in notes
        assert "tag 1: not moved" in notes

    def test_several_images(self, app: Pushing, tmp_path: Any) -> None:
        """Each to its own target, keyed as it was given."""
        target = li.OCILayout(tmp_path / "out", tag="v1")
        shared = li.Image.empty().append(layer())
        images = {
            f"{app.host}/app:1": shared,
            f"{app.host}/app:debug": shared.configure(user="0"),
            target: shared,
        }
        results = li.write(images)
        assert set(results) == set(images)
        assert results[target].digest == results[f"{app.host}/app:1"].digest
        assert app.tags() == ["1", "debug"]
        assert {result.opened for result in results.values()} == {1}

    def test_nothing_is_nothing(self) -> None:
        """No image, no write."""
        assert li.write({}) == {}
