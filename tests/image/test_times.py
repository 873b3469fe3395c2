"""Other times, other compressions, and images that say nothing of where they were built."""

from __future__ import annotations

import io
import json
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.layers import file, layer, symlink

import lazyimg as li
from lazyimg.content.compression import GZIP
from lazyimg.oci.descriptor import Descriptor

if TYPE_CHECKING:
    from support.images import Pushing

THEN = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
SECONDS = int(THEN.timestamp())
TAR = layer(file("a", b"hello", mtime=5), symlink("l", "a", mtime=6), "d/", ".wh.x")


@pytest.fixture
def image(tmp_path: Path) -> li.Image:
    """Compose an image with times of its own."""
    (tmp_path / "layer.tar").write_bytes(TAR)
    history = li.History(created=datetime(2020, 1, 1, tzinfo=UTC), created_by="COPY", author="me")
    empty = li.History(created_by="ENV", empty_layer=True)
    return (
        li.Image.empty()
        .append(li.Layer.from_tar(tmp_path / "layer.tar"), history=[history, empty], annotations={"a": "b"})
        .with_created(datetime(2021, 1, 1, tzinfo=UTC))
    )


def members_of(image: li.Image, number: int = 0) -> list[tarfile.TarInfo]:
    """Give the members of a layer as they are written."""
    image.recompress(li.Uncompressed()).write(li.OCILayout("read", "back"))
    digest = image.recompress(li.Uncompressed()).manifest().layers[number].digest
    data = Path("read/blobs/sha256", digest.encoded).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getmembers()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# --- times -------------------------------------------------------------------------------------------


def test_every_file_gets_the_time(image: li.Image) -> None:
    """Members keep their order, kinds and whiteouts, and have the time."""
    found = members_of(image.with_times(THEN))
    assert [(one.name, one.mtime) for one in found] == [(name, SECONDS) for name in ("a", "l", "d", ".wh.x")]


def test_times_of_the_config(image: li.Image) -> None:
    """Times of config and history become the one; what has none gets none, and nothing else changes."""
    config = image.with_times(THEN).config()
    assert config.created == THEN
    assert [(entry.created, entry.created_by, entry.author) for entry in config.history] == [
        (THEN, "COPY", "me"),
        (None, "ENV", None),
    ]
    bare = li.Image.empty().append(li.Layer.from_tar("layer.tar"), history=())
    bare = bare.edit_config(lambda one: one.with_history(()), key="bare")
    assert b"created" not in bare.with_times(THEN).config().to_bytes()


def test_seconds_and_times_are_one(image: li.Image) -> None:
    """A time is given with a time zone or in seconds, to the same effect and with the same key."""
    assert image.with_times(SECONDS).key == image.with_times(THEN).key
    with pytest.raises(ValueError, match="has no time zone"):
        image.with_times(datetime(2024, 1, 1))  # noqa: DTZ001 - what is refused
    (member, *_) = members_of(image.with_times(1.5))
    assert member.mtime == 1.5


def test_annotations_of_layers(base: Pushing, image: li.Image) -> None:
    """A layer's annotations stay, but for those that describe the old blob's very bytes."""
    assert image.with_times(0).manifest().layers[0].annotations == {"a": "b"}
    image.write(f"{base.host}/base:1")
    manifest = json.loads(image.manifest().to_bytes())
    manifest["layers"][0]["annotations"] = {
        "containerd.io/snapshot/stargz/toc.digest": "sha256:0",
        "mine": "x",
    }
    base.manifest(manifest, "annotated")
    stored = li.Image.from_registry(f"{base.host}/base:annotated")
    assert stored.recompress(li.Zstd()).manifest().layers[0].annotations == {"mine": "x"}


@pytest.mark.parametrize(
    "compression", [li.Gzip(level=2), li.Zstd(), li.Uncompressed()], ids=lambda one: one.name
)
def test_the_compression_is_kept(compression: Any, base: Pushing, tmp_path: Path) -> None:
    """A layer of this machine is compressed as it would have been, one of elsewhere as it was."""
    local = li.Image.empty().append(li.Layer.from_tar("layer.tar", compression=compression))
    (tmp_path / "layer.tar").write_bytes(TAR)
    assert local.with_times(0).manifest().layers[0].media_type == local.manifest().layers[0].media_type
    local.write(f"{base.host}/base:1")
    stored = li.Image.from_registry(f"{base.host}/base:1").with_times(0)
    assert stored.manifest().layers[0].media_type == local.manifest().layers[0].media_type
    assert stored.layers()[0].diff_id() == local.with_times(0).layers()[0].diff_id()


def test_blobs_are_compressed_as_is_said_of_them(tmp_path: Path) -> None:
    """Of a blob that is vouched for the media type tells; any other counts as gzip."""
    (tmp_path / "layer.tar").write_bytes(TAR)
    blob = li.Layer.from_blob("layer.tar")
    assert li.Image.empty().append(blob).with_times(0).layers()[0].identity().media_type.endswith("tar+gzip")
    known = blob.identity()
    vouched = li.Layer.from_blob("layer.tar", digest=known.digest, diff_id=known.diff_id, size=known.size)
    assert li.Image.empty().append(vouched).with_times(0).layers()[0].identity().media_type.endswith("tar")


# --- canonical ---------------------------------------------------------------------------------------


def test_canonical(base: Pushing, image: li.Image) -> None:
    """All times are 1970, and the machine and the people are forgotten; all else is as it was."""
    image.write(f"{base.host}/base:1")
    config = json.loads(image.config().to_bytes())
    config |= {
        "container": "0123",
        "docker_version": "26",
        "container_config": {"Hostname": "0123"},
        "kept": 1,
    }
    config["config"] = {"Hostname": "0123", "Env": ["A=b"], "Domainname": "x"}
    data = json.dumps(config).encode()
    base.blob(data)
    manifest = json.loads(image.manifest().to_bytes())
    described = Descriptor.from_json(manifest["config"])
    digest = li.Digest.of(data)
    manifest["config"] = described.replace(digest=digest, size=len(data)).to_json()
    base.manifest(manifest, "2")
    canonical = li.Image.from_registry(f"{base.host}/base:2").canonical()
    found = json.loads(canonical.config().to_bytes())
    assert found.keys() & {"container", "docker_version", "container_config"} == set()
    assert found["config"] == {"Env": ["A=b"], "Domainname": "x"}
    assert (found["kept"], found["created"]) == (1, "1970-01-01T00:00:00Z")
    assert found["history"] == [
        {"created": "1970-01-01T00:00:00Z", "created_by": "COPY"},
        {"created_by": "ENV", "empty_layer": True},
    ]
    assert {one.mtime for one in members_of(canonical)} == {0}


def test_two_builds_are_one(tmp_path: Path) -> None:
    """What differs in times and machine alone is the same image when it is canonical."""

    def build(seconds: int, form: int) -> li.Image:
        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w", format=form) as archive:
            info, content = file("a", b"hello", mtime=seconds)
            archive.addfile(info, io.BytesIO(content))
        path = tmp_path / f"{seconds}.tar"
        path.write_bytes(data.getvalue())
        created = datetime.fromtimestamp(seconds, tz=UTC)
        built = li.Image.empty().append(li.Layer.from_tar(path), history=li.History(created=created))
        return built.with_created(created).edit_config(
            lambda one: one.with_container("Hostname", str(seconds))
        )

    one, other = build(1, tarfile.PAX_FORMAT), build(2, tarfile.PAX_FORMAT)
    assert one.digest() != other.digest()
    assert one.canonical().digest() == other.canonical().digest()
    assert one.canonical().canonical().digest() == one.canonical().digest()


def test_canonical_without_history() -> None:
    """An image without times gets none."""
    assert li.Image.empty().canonical().digest() == li.Image.empty().digest()


# --- recompress --------------------------------------------------------------------------------------


def test_recompress(base: Pushing, image: li.Image) -> None:
    """The blobs are others, the tars in them and the config are the same."""
    image.write(f"{base.host}/base:1")
    stored = li.Image.from_registry(f"{base.host}/base:1")
    for compression in (li.Zstd(), li.Uncompressed(), li.Gzip(level=2)):
        other = stored.recompress(compression)
        result = other.write(f"{base.host}/app:{compression.name}")
        assert result.opened == 0
        assert other.config().to_bytes() == stored.config().to_bytes()
        assert other.manifest().config == stored.manifest().config
        back = li.Image.from_registry(f"{base.host}/app:{compression.name}")
        assert back.manifest().layers[0].media_type == other.manifest().layers[0].media_type
        assert list(back.files()) == ["/a", "/d", "/l"]
    assert stored.recompress(GZIP).digest() == stored.digest()


def test_recompress_compresses_once(image: li.Image) -> None:
    """A layer of this machine is compressed in the new way alone, in one reading."""
    result = image.recompress(li.Zstd(level=1)).write(li.OCILayout("out"))
    assert (result.opened, result.bytes_read) == (1, len(TAR))
    direct = li.Layer.from_tar("layer.tar", compression=li.Zstd(level=1))
    assert image.recompress(li.Zstd(level=1)).layers()[0].digest() == direct.digest()


def test_indexes(base: Pushing, image: li.Image) -> None:
    """In an index each image is changed by the same words."""
    index = li.Index.empty().add(image).add(image.configure(architecture="arm64"))
    flat = index.map(lambda one: one.canonical().flatten().recompress(li.Uncompressed()))
    flat.write(f"{base.host}/app:1")
    one = li.Image.from_registry(f"{base.host}/app:1", "linux/arm64")
    assert list(one.files()) == ["/a", "/d", "/l"]
