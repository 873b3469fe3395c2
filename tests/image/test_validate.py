"""Validating: what is wrong is found and listed, and raises only if it is asked to."""

from __future__ import annotations

import base64
import gzip
import io
from typing import TYPE_CHECKING, Any

import pytest
from support.images import (
    CONFIG,
    INDEX,
    LAYER,
    MANIFEST,
    described,
    sha256,
    text_of,
)

import lazyimg as li
from lazyimg.errors import ForcedInside, InvalidImage
from lazyimg.image.report import Finding
from lazyimg.registry.client import Client

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from support.images import Json, Pushing

    from lazyimg.image.report import Report

TARS = [b"tar zero", b"tar one"]
BLOBS = [gzip.compress(tar, mtime=0) for tar in TARS]


def proper(**more: Any) -> Json:
    """A config that tells the truth."""
    rootfs = {"type": "layers", "diff_ids": [sha256(tar) for tar in TARS]}
    history = [{"created_by": "0"}, {"created_by": "1"}, {"created_by": "ENV", "empty_layer": True}]
    return {"architecture": "amd64", "os": "linux", "rootfs": rootfs, "history": history, **more}


def put(
    base: Pushing, name: str = "1", config: Any = None, blobs: Sequence[bytes] = BLOBS, **more: Any
) -> Json:
    """Put an image that says what it is told to."""
    data = config if isinstance(config, bytes) else text_of(proper() if config is None else config)
    for blob in (*blobs, data):
        base.blob(blob)
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": described(data, CONFIG),
        "layers": [described(blob, LAYER) for blob in blobs],
        **more,
    }
    base.manifest(document, name)
    return document


def laid(
    path: Path, config: Any = None, blobs: Sequence[bytes] = BLOBS, named: Any = None, **more: Any
) -> li.Image:
    """Write an image into a layout by hand: no registry takes one that contradicts itself."""
    data = config if isinstance(config, bytes) else text_of(proper() if config is None else config)
    document = {
        "schemaVersion": 2,
        "mediaType": MANIFEST,
        "config": named or described(data, CONFIG),
        "layers": [described(blob, LAYER) for blob in blobs],
        **more,
    }
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [described(text_of(document), MANIFEST)]}
    (path / "blobs/sha256").mkdir(parents=True)
    for blob in (*blobs, data, text_of(document)):
        (path / "blobs/sha256" / li.Digest.of(blob).encoded).write_bytes(blob)
    (path / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')
    (path / "index.json").write_bytes(text_of(index))
    return li.Image.from_layout(path)


def image(base: Pushing, name: str = "1") -> li.Image:
    return li.Image.from_registry(f"{base.host}/base:{name}")


def judged(report: Report) -> dict[str, str]:
    return {finding.what: finding.judgement for finding in report.findings}


class TestRight:
    """What is as it says."""

    def test_every_part_is_found(self, base: Pushing, registry: li.Registry) -> None:
        """Manifest, config, history and layers; each blob is read once."""
        put(base)
        registry.clear()
        report = image(base).validate()
        assert judged(report) == dict.fromkeys(
            ("manifest", "config", "history", "layer 0", "layer 1"), "right"
        )
        assert report.is_valid
        assert report.raise_if_wrong() is report
        paths = [request.path for request in registry.requests]
        assert len(paths) == len(set(paths)) == 1 + 1 + 2

    def test_fast_reads_documents_alone(self, base: Pushing, registry: li.Registry) -> None:
        """A HEAD a layer."""
        put(base)
        registry.clear()
        report = image(base).validate(fast=True)
        assert set(judged(report).values()) == {"right"}
        methods = sorted((request.method, request.path.split("/")[3]) for request in registry.requests)
        assert methods == [("GET", "blobs"), ("GET", "manifests"), ("HEAD", "blobs"), ("HEAD", "blobs")]
        assert "blobs were looked for, and not read" in repr(report)

    def test_a_layer_that_stands_twice_is_read_once(self, base: Pushing, registry: li.Registry) -> None:
        """It is found at both places."""
        rootfs = {"type": "layers", "diff_ids": [sha256(TARS[0])] * 2}
        put(base, config=proper(rootfs=rootfs), blobs=[BLOBS[0]] * 2)
        registry.clear()
        assert image(base).validate().is_valid
        assert len(registry.requests) == 3

    def test_no_history_is_fine(self, base: Pushing) -> None:
        """It need not be there."""
        config = proper()
        del config["history"]
        put(base, config=config)
        assert Finding("history", "right", "there is none") in image(base).validate().findings

    @pytest.mark.parametrize("fast", [True, False])
    def test_of_a_layout(self, tmp_path: Path, fast: bool) -> None:  # noqa: FBT001
        """Wherever it rests."""
        made = li.Image.random(7, layers=2, size=100)
        made.write(li.OCILayout(tmp_path / "out", tag="v1"))
        report = li.Image.from_layout(tmp_path / "out", "v1").validate(fast=fast)
        assert set(judged(report).values()) == {"right"}

    def test_zstd_and_plain_layers(self, app: Pushing) -> None:
        """Told by their content."""
        layers = [
            li.Layer.from_files({"/a": b"a"}, compression=one)
            for one in (li.Zstd(), li.Uncompressed(), li.Gzip())
        ]
        li.Image.empty().append(*layers).write(f"{app.host}/app:1")
        assert li.Image.from_registry(f"{app.host}/app:1").validate().raise_if_wrong()


class TestComposed:
    """What was composed and is nowhere yet."""

    def test_local_layers_are_read(self, base: Pushing, tmp_path: Path) -> None:
        """Once, with those of the base; an edited config is sealed."""
        put(base)
        (tmp_path / "a").write_bytes(b"a")
        made = image(base).append(li.Layer.from_files({"/a": tmp_path / "a"})).configure(user="1")
        report = made.validate()
        assert set(judged(report).values()) == {"right"}
        assert len(report.findings) == 6

    def test_fast_reads_none(self, base: Pushing) -> None:
        """It says so."""
        put(base)
        made = image(base).append(li.Layer.from_tar("/nonexistent.tar"))
        report = made.validate(fast=True)
        assert judged(report)["layer 2"] == "unchecked"
        assert report.is_valid

    def test_a_source_that_is_not_there(self) -> None:
        """It is what is wrong."""
        report = li.Image.empty().append(li.Layer.from_tar("/nonexistent.tar")).validate()
        assert [finding.what for finding in report.wrong] == ["config"]
        assert "nonexistent.tar" in report.wrong[0].said

    def test_a_stream_is_not_used_up(self, base: Pushing, app: Pushing) -> None:
        """Only a write reads it."""
        put(base)
        made = image(base).append(li.Layer.from_stream(io.BytesIO(b"tar")))
        report = made.validate()
        assert judged(report)["layer 2"] == "unchecked"
        assert "one-shot stream" in repr(report)
        assert report.is_valid
        assert made.write(f"{app.host}/app:1").opened == 1

    def test_a_dropped_layer_is_not_asked_for(self, base: Pushing, registry: li.Registry) -> None:
        """What is left is checked against what is left."""
        put(base)
        registry.clear()
        report = image(base).drop_layers(0).validate()
        assert judged(report) == dict.fromkeys(("manifest", "config", "history", "layer 0"), "right")
        assert not any(sha256(BLOBS[0]) in request.path for request in registry.requests)

    def test_a_foreign_layer_is_not_fetched(self) -> None:
        """It is not here, and need not be."""
        foreign = li.Layer.foreign(
            ["https://example.com/l"], digest=sha256(b"x"), size=1, diff_id=sha256(b"y")
        )
        for fast in (True, False):
            report = li.Image.empty().append(foreign).validate(fast=fast)
            assert judged(report)["layer 0"] == "unchecked"
            assert report.is_valid


WRONG: dict[str, tuple[Any, Any, str, str]] = {
    "a diff_id": (
        {"config": proper(rootfs={"type": "layers", "diff_ids": [sha256(TARS[0]), sha256(b"x")]})},
        False,
        "layer 1",
        rf"its tar has the digest {sha256(TARS[1])}, and its diff_id in the config is {sha256(b'x')}",
    ),
    "diff_ids too few": (
        {"config": proper(rootfs={"type": "layers", "diff_ids": [sha256(TARS[0])]})},
        True,
        "config",
        "1 diff_ids, and its manifest lists 2 layers",
    ),
    "a history too short": (
        {"config": proper(history=[{"created_by": "0"}])},
        True,
        "history",
        "tells of 1 layers, and the manifest lists 2",
    ),
    "a broken history": ({"config": proper(history=[{"created": "noon"}])}, True, "config", "RFC 3339"),
    "a broken config": ({"config": b"not JSON"}, True, "config", "JSON"),
    "a broken diff_id": (
        {"config": proper(rootfs={"type": "layers", "diff_ids": ["md5:0"]})},
        True,
        "config",
        "no digest",
    ),
    "a layer that is broken": ({"blobs": [BLOBS[0], BLOBS[1][:-9]]}, False, "layer 1", "broken gzip"),
    "a compression": (
        {"blobs": [BLOBS[0], TARS[1]]},
        False,
        "layer 1",
        r"its media type is .*tar\+gzip, but its compression is none",
    ),
    "a missing layer": (
        {"layers": [described(BLOBS[0], LAYER), described(b"absent", LAYER)]},
        True,
        "layer 1",
        "has no blob|no such blob|404",
    ),
    "a size": (
        {"layers": [described(BLOBS[0], LAYER), {**described(BLOBS[1], LAYER), "size": 3}]},
        True,
        "layer 1",
        "3",
    ),
    "embedded bytes": (
        {"layers": [described(BLOBS[0], LAYER), described(BLOBS[1], LAYER, data="e30=")]},
        True,
        "layer 1",
        "its descriptor embeds other bytes",
    ),
}


class TestWrong:
    """What is not as it says."""

    @pytest.mark.parametrize("fast", [True, False])
    @pytest.mark.parametrize("name", WRONG)
    def test_it_is_found(self, tmp_path: Path, name: str, fast: bool) -> None:  # noqa: FBT001
        """And nothing else is; a fast validation finds what is in documents, and what is missing."""
        told, is_fast, what, said = WRONG[name]
        report = laid(tmp_path / "out", **told).validate(fast=fast)
        if fast and not is_fast:
            assert report.is_valid
            return
        assert [finding.what for finding in report.wrong] == [what]
        with pytest.raises(InvalidImage, match=said) as caught:
            report.raise_if_wrong()
        assert f"- {what}: " in str(caught.value)

    def test_what_is_not_there(self, base: Pushing) -> None:
        """The manifest is what is wrong."""
        report = image(base, "absent").validate()
        assert judged(report) == {"manifest": "wrong"}
        assert "404" in report.wrong[0].said

    def test_several_are_all_listed(self, base: Pushing) -> None:
        """The message has a line each."""
        rootfs = {"type": "layers", "diff_ids": [sha256(b"x"), sha256(b"y")]}
        put(base, config=proper(rootfs=rootfs, history=[{}]))
        report = image(base).validate()
        assert [finding.what for finding in report.wrong] == ["history", "layer 0", "layer 1"]
        with pytest.raises(ValueError, match=r"history.*\n- layer 0.*\n- layer 1"):
            report.raise_if_wrong()

    @pytest.mark.parametrize("fast", [True, False])
    def test_a_config_that_is_embedded_and_missing(self, tmp_path: Path, fast: bool) -> None:  # noqa: FBT001
        """What a descriptor embeds must be there too."""
        data = text_of(proper(author="me"))
        embedded = described(data, CONFIG, data=base64.b64encode(data).decode())
        missing = laid(tmp_path / "missing", named=embedded)
        assert [finding.what for finding in missing.validate(fast=fast).wrong] == ["config"]
        assert laid(tmp_path / "there", config=data).validate(fast=fast).is_valid

    def test_a_diff_id_of_another_algorithm_is_not_compared(self, base: Pushing) -> None:
        """What was hashed otherwise says nothing."""
        rootfs = {"type": "layers", "diff_ids": [sha256(TARS[0]), "sha512:" + "0" * 128]}
        put(base, config=proper(rootfs=rootfs))
        assert image(base).validate().is_valid


class TestArtifacts:
    """Digests and sizes are all that is known."""

    @pytest.fixture
    def artifact(self, base: Pushing) -> Json:
        """Put one."""
        for blob in (b"not JSON", b"one"):
            base.blob(blob)
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": described(b"not JSON", "application/vnd.example.config"),
            "layers": [described(b"one", "application/vnd.example")],
        }
        base.manifest(document, "1")
        return document

    @pytest.mark.parametrize("fast", [True, False])
    def test_they_are_checked(self, base: Pushing, artifact: Json, fast: bool) -> None:  # noqa: FBT001
        """The config is not parsed, and layers are no tars."""
        report = image(base).validate(fast=fast)
        assert judged(report) == dict.fromkeys(("manifest", "config", "layer 0"), "right")
        with Client(base.host) as client:
            client.delete_blob(base.repository, artifact["layers"][0]["digest"])
        assert [finding.what for finding in image(base).validate(fast=fast).wrong] == ["layer 0"]

    def test_what_was_appended(self, base: Pushing, artifact: Json) -> None:
        """It is not read."""
        assert artifact
        report = image(base).append(li.Layer.from_files({"/a": b"a"})).validate()
        assert judged(report)["layer 1"] == "unchecked"


class TestIndexes:
    """Every image of it, to any depth."""

    @pytest.fixture
    def pushed(self, base: Pushing) -> Json:
        """Put an index with an image that is right, one that is wrong, one missing and an index within."""
        right = put(base, "right")
        wrong = put(base, "wrong", config=proper(history=[{}]))
        inner = base.index("inner", children=[(right, "linux/amd64")])
        document = base.index(
            "plain",
            children=[(right, "linux/amd64"), (wrong, "linux/amd64"), (right, "linux/arm64"), (inner, None)],
        )
        gone = put(base, "gone", unknown="field")
        entries = [*document["manifests"], described(text_of(gone), MANIFEST)]
        document = {**document, "manifests": entries}
        base.manifest(document, "1", media_type=INDEX)
        with Client(base.host) as client:
            client.delete_manifest(base.repository, sha256(text_of(gone)))
        return document

    def test_each_finding_says_where(self, base: Pushing, pushed: Json, registry: li.Registry) -> None:
        """By position and platform; a blob that several have is read once."""
        assert pushed
        registry.clear()
        report = li.Index.from_registry(f"{base.host}/base:1").validate()
        assert [finding.what for finding in report.wrong] == [
            "1 linux/amd64: history",
            "2 linux/arm64: platform",
            "4: manifest",
        ]
        assert "the index says linux/arm64, and the config linux/amd64" in str(report.wrong[1].said)
        assert judged(report)["3: 0 linux/amd64: layer 1"] == "right"
        layers = [request for request in registry.requests if sha256(BLOBS[0]) in request.path]
        assert len(layers) == 1
        with pytest.raises(InvalidImage, match="1 linux/amd64: history"):
            report.raise_if_wrong()

    def test_fast(self, base: Pushing, pushed: Json, registry: li.Registry) -> None:
        """Documents and HEADs."""
        assert pushed
        registry.clear()
        report = li.Index.from_registry(f"{base.host}/base:1").validate(fast=True)
        assert len(report.wrong) == 3
        assert not any(r.method == "GET" and sha256(BLOBS[0]) in r.path for r in registry.requests)

    def test_one_that_is_not_there(self, base: Pushing) -> None:
        """It is what is wrong."""
        report = li.Index.from_registry(f"{base.host}/base:absent").validate()
        assert judged(report) == {"index": "wrong"}

    def test_one_that_was_composed(self) -> None:
        """A platform that was said of an image is held against its config; a variant need not be in it."""
        index = (
            li.Index.empty()
            .add(li.Image.empty("linux/arm"), platform="linux/arm/v6")
            .add(li.Image.empty("linux/arm64"), platform="linux/arm64/v8")
            .add(li.Image.empty(), platform="linux/s390x")
        )
        assert [finding.what for finding in index.validate().wrong] == ["2 linux/s390x: platform"]

    def test_a_config_that_names_no_platform(self, base: Pushing) -> None:
        """It is said of the config, once."""
        base.index("1", children=[(put(base, "broken", config=proper(os=5)), "linux/amd64")])
        report = li.Index.from_registry(f"{base.host}/base:1").validate()
        assert [finding.what for finding in report.wrong] == ["0 linux/amd64: config"]


class TestReport:
    """A value that shows itself."""

    def test_as_text_and_as_a_page(self, base: Pushing) -> None:
        """What others wrote is escaped."""
        put(base, config=proper(history=[{"created": "<b>"}]))
        report = image(base).validate()
        assert "1 wrong" in repr(report)
        assert "wrong" in report._repr_html_()
        assert "<b>" not in report._repr_html_()
        assert "nothing is wrong" in repr(li.Image.empty().validate())

    def test_it_is_a_value(self) -> None:
        """Equal findings make equal reports."""
        assert li.Image.empty().validate() == li.Image.empty().validate()


@pytest.mark.parametrize("thing", [li.Image.empty(), li.Index.empty()])
def test_from_inside_an_evaluation_it_is_refused(thing: li.Image | li.Index) -> None:
    """As everything that forces."""

    def edit(config: li.ConfigFile) -> li.ConfigFile:
        assert thing.validate()
        return config

    with pytest.raises(ForcedInside):
        li.Image.empty().edit_config(edit).digest()


def test_a_bomb_is_what_is_wrong(base: Pushing) -> None:
    """It is looked into no further than the engine allows."""
    bomb = gzip.compress(bytes(1 << 20), mtime=0)
    rootfs = {"type": "layers", "diff_ids": [sha256(bytes(1 << 20))]}
    put(base, config=proper(rootfs=rootfs, history=[{}]), blobs=[bomb])
    assert image(base).validate().is_valid
    with li.Engine(limits=li.Limits(total=1 << 19)):
        [finding] = image(base).validate().wrong
    assert finding.what == "layer 0"
    assert "holds over" in finding.said
