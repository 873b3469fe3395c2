"""Comparing two images: documents key by key, layers in their order, files if asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from support.images import MANIFEST, described, sha256

import lazyimg as li

if TYPE_CHECKING:
    from support.images import Pushing

    from lazyimg.image.compare import Comparison

A, B, C, D = (li.Layer.from_files({f"/{name}": name.encode() * 9}) for name in "abcd")


def rows(comparison: Comparison) -> list[tuple[str, Any, Any]]:
    return [(found.where, found.one, found.other) for found in comparison.differences]


def brief(layer: li.Layer) -> str:
    return f"{layer.digest().short}, {layer.size()} bytes"


class TestDocuments:
    """Manifest and config, key by key."""

    def test_one_image_is_the_same(self) -> None:
        """Byte for byte."""
        image = li.Image.empty().append(A).annotate({"a": "1"})
        comparison = image.compare(li.Image.empty().append(A).annotate({"a": "1"}))
        assert comparison.is_same
        assert rows(comparison) == []
        assert "the same, byte for byte" in repr(comparison)

    def test_fields_of_both(self) -> None:
        """Those that only one has are None in the other; what follows from them is not told twice."""
        one = (
            li.Image.empty()
            .annotate({"a": "1", "b": "2"})
            .configure(
                user="1", env={"A": "a", "B": "b"}, cmd=["x", "y"], entrypoint=["e"], labels={"x.y": "1"}
            )
        )
        other = (
            li.Image.empty("linux/arm64")
            .annotate({"a": "2", "c": "3"})
            .configure(
                env={"A": "c", "B": "b", "C": "d"}, cmd=["x", "z"], entrypoint=["e", "f"], labels={"x.y": "2"}
            )
        )
        comparison = one.compare(other)
        assert not comparison.is_same
        assert (comparison.one, comparison.other) == (one.digest(), other.digest())
        assert rows(comparison) == [
            ("manifest.annotations.a", "1", "2"),
            ("manifest.annotations.b", "2", None),
            ("manifest.annotations.c", None, "3"),
            ("config.architecture", "amd64", "arm64"),
            ("config.config.User", "1", None),
            ("config.config.Env.A", "a", "c"),
            ("config.config.Env.C", None, "d"),
            ("config.config.Entrypoint", ["e"], ["e", "f"]),
            ("config.config.Cmd[1]", "y", "z"),
            ("config.config.Labels['x.y']", "1", "2"),
        ]

    def test_media_types_subject_and_history(self) -> None:
        """Everything that a manifest says."""
        one = li.Image.empty().append(A, history=li.History(created_by="x"))
        other = li.Image.empty().append(A, history=li.History(created_by="y"))
        found = rows(one.compare(other.with_subject(one).with_artifact_type("a/b")))
        assert found[0] == ("manifest.artifactType", None, "a/b")
        assert [where for where, *_ in found[1:4]] == [
            "manifest.subject.mediaType",
            "manifest.subject.digest",
            "manifest.subject.size",
        ]
        assert found[4] == ("config.history[0].created_by", "x", "y")
        assert [where for where, *_ in rows(one.compare(one.with_media_types("docker")))] == [
            "manifest.mediaType",
            "manifest.config.mediaType",
            "layer 0.mediaType",
        ]

    def test_the_same_values_written_otherwise(self, base: Pushing) -> None:
        """Another digest, and no other value."""
        document = base.image("1")
        image = li.Image.from_registry(f"{base.host}/base:1")
        base.manifest(li.Manifest.from_value(document).to_bytes(), "2")
        other = li.Image.from_registry(f"{base.host}/base:2")
        assert rows(image.compare(other)) == [("JSON", "the same values", "written otherwise")]

    def test_artifacts_by_the_digests_of_their_configs(self, base: Pushing) -> None:
        """They are not parsed."""
        images = []
        for name in (b"not JSON", b"neither"):
            base.blob(name)
            digest = base.manifest(
                {"schemaVersion": 2, "mediaType": MANIFEST, "config": described(name, "a/b"), "layers": []}
            )
            images.append(li.Image.from_registry(f"{base.host}/base@{digest}"))
        assert rows(images[0].compare(images[1])) == [("config", sha256(b"not JSON"), sha256(b"neither"))]

    def test_documents_are_read_once_and_no_layer(self, base: Pushing, registry: li.Registry) -> None:
        """Two manifests, two configs."""
        for name in ("1", "2"):
            base.image(name, annotations={"a": name})
        registry.clear()
        one, other = (li.Image.from_registry(f"{base.host}/base:{name}") for name in ("1", "2"))
        assert len(rows(one.compare(other))) == 1
        assert len(registry.requests) <= 4
        assert {request.method for request in registry.requests} == {"GET"}


class TestLayers:
    """Aligned by what is the same."""

    def test_one_that_is_exchanged(self) -> None:
        """At its place."""
        one, other = li.Image.empty().append(A, B, C), li.Image.empty().append(A, D, C)
        assert rows(one.compare(other)) == [("layer 1", brief(B), brief(D))]

    def test_those_that_only_one_has(self) -> None:
        """Those around them are not told."""
        one, other = li.Image.empty().append(A, B, C), li.Image.empty().append(A, C, D)
        found = [row for row in rows(one.compare(other)) if row[0].startswith("layer")]
        assert found == [("layer 1", brief(B), None), ("layer 2", None, brief(D))]

    def test_the_same_tar_compressed_otherwise(self) -> None:
        """Told apart from another tar."""
        packed = li.Layer.from_files({"/a": b"a" * 9}, compression=li.Zstd())
        one, other = li.Image.empty().append(A), li.Image.empty().append(packed)
        assert rows(one.compare(other)) == [
            ("layer 0", f"{brief(A)}, the same tar", f"{brief(packed)}, the same tar"),
            (
                "layer 0.mediaType",
                "application/vnd.oci.image.layer.v1.tar+gzip",
                "application/vnd.oci.image.layer.v1.tar+zstd",
            ),
        ]

    def test_what_their_descriptors_say(self) -> None:
        """Annotations and URLs."""
        one, other = li.Image.empty().append(A), li.Image.empty().append(A, annotations={"k": "v"})
        assert rows(one.compare(other)) == [("layer 0.annotations.k", None, "v")]

    def test_of_a_config_that_tells_of_others(self, base: Pushing) -> None:
        """Blobs are compared where diff_ids cannot be told."""
        config = {"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}
        for name, layers in (("1", [b"a", b"b"]), ("2", [b"a", b"c"])):
            base.image(name, layers=layers, config=config)
        one, other = (li.Image.from_registry(f"{base.host}/base:{name}") for name in ("1", "2"))
        [(where, *_)] = rows(one.compare(other))
        assert where == "layer 1"


class TestFiles:
    """The merged filesystems, path by path."""

    @staticmethod
    def found(one: dict[str, bytes], other: dict[str, bytes], **settings: Any) -> list[tuple[str, Any, Any]]:
        images = [li.Image.empty().append(li.Layer.from_files(files, **settings)) for files in (one, other)]
        return [row for row in rows(images[0].compare(images[1], files=True)) if row[0].startswith("/")]

    def test_paths_content_and_size(self) -> None:
        """Those that only one has, those of another size, those of other bytes alone."""
        found = self.found(
            {"/a": b"1", "/b": b"22", "/same": b"s", "/only": b"", "/a-b": b"x"},
            {"/a": b"2", "/b": b"333", "/same": b"s", "/other/deep": b"d", "/a-b": b"y"},
        )
        assert found == [
            ("/a content", "another", "another"),
            ("/a-b content", "another", "another"),
            ("/b size", 2, 3),
            ("/only", "file 644, 0 bytes", None),
            ("/other", None, "directory 755"),
            ("/other/deep", None, "file 644, 1 bytes"),
        ]

    def test_what_entries_say(self) -> None:
        """Owner, mode, time."""
        images = [
            li.Image.empty().append(li.Layer.from_files({"/a": b"a"}, owner=owner, mode=mode, mtime=mtime))
            for owner, mode, mtime in (((0, 0), 0o644, 0), ((1, 2), 0o755, 5))
        ]
        found = [row for row in rows(images[0].compare(images[1], files=True)) if row[0].startswith("/")]
        assert found == [
            ("/a mode", "644", "755"),
            ("/a uid", 0, 1),
            ("/a gid", 0, 2),
            ("/a mtime_ns", 0, 5_000_000_000),
        ]

    def test_layers_that_come_to_the_same_files(self) -> None:
        """Two layers or one: no path differs."""
        one = li.Image.empty().append(A, B)
        assert not [row for row in rows(one.compare(one.flatten(), files=True)) if row[0].startswith("/")]

    def test_the_same_layers_are_not_read(self, base: Pushing, registry: li.Registry) -> None:
        """The same tars make the same files."""
        base.image("1", layers=[b"no tar"])
        image = li.Image.from_registry(f"{base.host}/base:1")
        registry.clear()
        assert len(rows(image.compare(image.annotate({"a": "b"}), files=True))) == 1
        assert not any(sha256(b"no tar") in request.path for request in registry.requests)

    @pytest.mark.parametrize("names", [("ab", "a-", "a"), ("z/y", "z", "z.x")])
    def test_paths_are_aligned_whatever_they_sort_like(self, names: tuple[str, ...]) -> None:
        """A path that only one has throws no other out of step."""
        everything = {f"/d{name}/f": b"1" for name in names}
        for missing in everything:
            fewer = {path: data for path, data in everything.items() if path != missing}
            found = self.found(everything, fewer or {"/x": b""})
            assert (missing, "file 644, 1 bytes", None) in found
            assert all(other is None for _, _, other in found)


def test_it_shows_values_of_any_kind() -> None:
    """Lists as they are written."""
    comparison = li.Image.empty().compare(li.Image.empty().configure(cmd=["a", "b"]))
    assert "['a', 'b']" in repr(comparison)


def test_it_shows_itself() -> None:
    """As text and as a page, with what others wrote escaped."""
    comparison = li.Image.empty().compare(li.Image.empty().annotate({"a": "<b>"}))
    assert "manifest.annotations" in repr(comparison)
    assert "1 differences" in repr(comparison)
    assert "<b>" not in comparison._repr_html_()
