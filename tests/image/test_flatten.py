"""Layers merged into one, when they are consumed: flatten and squash."""

from __future__ import annotations

import io
import tarfile
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.images import described
from support.layers import file, hardlink, layer, symlink

import lazyimg as li
from lazyimg.errors import (
    ContentMismatch,
    IdentityTimeout,
    InvalidContent,
    InvalidDocument,
    InvalidMutation,
    NobodyConsumes,
    SourceError,
    StreamSpent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.images import Pushing

LOWER = layer("d/", file("d/old", b"1"), file("m", b"content"), hardlink("n", "m"), symlink("l", "d"))
UPPER = layer("d/.wh.old", ".wh.m", file("l/new", b"2"))
NAMES = ["d", "d/new", "l", "n"]


@pytest.fixture
def tars(tmp_path: Path) -> list[Path]:
    """Put two layers into files."""
    paths = [tmp_path / "lower.tar", tmp_path / "upper.tar"]
    paths[0].write_bytes(LOWER)
    paths[1].write_bytes(UPPER)
    return paths


@pytest.fixture
def image(tars: list[Path]) -> li.Image:
    """Compose an image of them."""
    return li.Image.empty().append(*[li.Layer.from_tar(path) for path in tars])


def names_in(image: li.Image) -> list[str]:
    """Give the names in the tar of an image's only layer, as a layout holds it."""
    path = Path("layout").absolute()
    image.write(li.OCILayout(path, "names"))
    digest = image.manifest().layers[0].digest
    data = (path / "blobs/sha256" / digest.encoded).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


# --- flatten -----------------------------------------------------------------------------------------


def test_flatten(image: li.Image) -> None:
    """All layers become one, in which what was hidden is no more."""
    flat = image.flatten()
    assert len(flat.layers()) == 1
    assert names_in(flat) == NAMES


def test_composing_reads_nothing(image: li.Image, tars: list[Path]) -> None:
    """Everything is composed, planned and drawn without a look at the files, which need not be there."""
    for path in tars:
        path.unlink()
    changed = [
        image.flatten(),
        image.squash(1),
        image.with_times(0),
        image.canonical(),
        image.recompress(li.Zstd()),
    ]
    assert len({one.key for one in changed}) == 5
    for one in changed:
        assert one.plan("localhost:5000/x").steps
        assert one.graph()
        assert one.layers()
    with pytest.raises(SourceError, match=r"lower\.tar"):
        changed[0].digest()


def test_each_source_is_read_once(image: li.Image) -> None:
    """One pass reads each layer once, and what is written is what was read."""
    result = image.flatten().write(li.OCILayout("out"))
    assert (result.opened, result.bytes_read) == (2, len(LOWER) + len(UPPER))


def test_the_digest_depends_on_the_filesystem(image: li.Image) -> None:
    """However many jobs, and however it was layered, the same filesystem is the same layer."""
    (expected,) = image.flatten().layers()
    with li.Engine(jobs=1):
        assert image.flatten().layers()[0].digest() == expected.digest()
    again = image.flatten().append(li.Layer.from_files({})).flatten()
    assert again.layers()[0].digest() == expected.digest()


def test_history_becomes_one_entry(image: li.Image) -> None:
    """One entry tells of the one layer, at the time of the image."""
    created = datetime(2024, 1, 1, tzinfo=UTC)
    flat = image.with_created(created).flatten()
    (entry,) = flat.config().history
    assert (entry.created_by, entry.comment, entry.created) == ("lazyimg flatten", "2 layers merged", created)
    assert flat.config().diff_ids == (flat.layers()[0].diff_id(),)


def test_absent_history_stays_absent(image: li.Image) -> None:
    """An image without history gets none."""
    bare = image.edit_config(lambda config: config.with_history(()))
    assert bare.flatten().config().history == ()
    assert not bare.squash(1).config().has_history


def test_a_history_that_disagrees(image: li.Image) -> None:
    """A history of another number of layers is refused, and both numbers are told."""
    wrong = image.edit_config(lambda config: config.with_history(config.history[:1]))
    with pytest.raises(InvalidDocument, match="has 2 layers but its history has entries for 1"):
        wrong.flatten().config()


def test_no_layers() -> None:
    """An image without layers stays as it is."""
    assert li.Image.empty().flatten().digest() == li.Image.empty().digest()


def test_artifacts_are_refused(base: Pushing) -> None:
    """What is no image has no filesystem: config or layers say so."""
    config = described(b"{}", "application/vnd.oci.empty.v1+json")
    base.blob(b"{}")
    base.manifest({"schemaVersion": 2, "config": config, "layers": []}, "artifact")
    artifact = li.Image.from_registry(f"{base.host}/base:artifact")
    for changed in (artifact.flatten(), artifact.squash(0), artifact.canonical(), artifact.with_times(0)):
        with pytest.raises(
            InvalidMutation, match=r"is for images; this is an artifact, with a config of type"
        ):
            changed.digest()
    with pytest.raises(InvalidMutation, match=r"files\(\) is for images"):
        artifact.files()
    document = base.image("odd")
    document["layers"][1]["mediaType"] = "application/wasm"
    base.manifest(document, "odd")
    with pytest.raises(InvalidMutation, match="layer 1 has the type application/wasm, which is none"):
        li.Image.from_registry(f"{base.host}/base:odd").flatten().digest()


def test_zstd_for_docker_is_refused() -> None:
    """Docker's media types know no zstd, which is said before a byte is read."""
    docker = li.Image.empty(docker=True).append(li.Layer.from_tar("missing.tar"))
    for changed in (
        docker.flatten(compression=li.Zstd()),
        docker.squash(0, compression=li.Zstd()),
        docker.recompress(li.Zstd()),
    ):
        with pytest.raises(InvalidMutation, match="Docker's media types know no zstd"):
            changed.digest()


def test_layers_of_a_registry(image: li.Image, registry: li.Registry) -> None:
    """Layers that rest in a registry are read there, and nothing of this machine is."""
    for number, compression in enumerate([li.Gzip(), li.Zstd(), li.Uncompressed()]):
        name = f"{registry.host}/base:{number}"
        image.recompress(compression).write(name)
        flat = li.Image.from_registry(name).flatten()
        result = flat.write(f"{registry.host}/app:{number}")
        assert (result.opened, result.bytes_read) == (0, 0)
        assert flat.layers()[0].digest() == image.flatten().layers()[0].digest()


def test_a_damaged_layer(image: li.Image, tmp_path: Path) -> None:
    """A blob that is not what its manifest says is refused, and no tag moves."""
    image.recompress(li.Uncompressed()).write(li.OCILayout("lay", "x"))
    blob = max((tmp_path / "lay/blobs/sha256").iterdir(), key=lambda path: path.stat().st_size)
    blob.write_bytes(blob.read_bytes().replace(b"content", b"tampers"))
    with pytest.raises(ContentMismatch):
        li.Image.from_layout("lay", "x").flatten().write(li.OCILayout("out", "x"))
    assert not (tmp_path / "out/index.json").exists()


def test_refusals_name_layer_and_entry(tmp_path: Path) -> None:
    """What is wrong with a layer says which, which entry of it, and where it was composed."""
    (tmp_path / "evil.tar").write_bytes(layer("../evil"))
    with pytest.raises(InvalidContent, match=r"layer .*evil\.tar has the entry '\.\./evil'") as caught:
        li.Image.empty().append(li.Layer.from_tar("evil.tar")).flatten().digest()
    assert any(
        "while consuming Flattened" in note and "test_flatten.py" in note for note in caught.value.__notes__
    )


def test_blobs(tars: list[Path], tmp_path: Path) -> None:
    """A blob that is kept as it is, is read; one that is vouched for is held against that."""
    import gzip  # noqa: PLC0415 - one test needs it

    (tmp_path / "lower.tar.gz").write_bytes(gzip.compress(LOWER))
    blob = li.Layer.from_blob("lower.tar.gz")
    flat = li.Image.empty().append(blob, li.Layer.from_tar(tars[1])).flatten()
    assert names_in(flat) == NAMES
    known = blob.identity()
    said = {"digest": known.digest, "diff_id": known.diff_id, "size": known.size}
    vouched = li.Layer.from_blob("lower.tar.gz", **said)
    assert names_in(li.Image.empty().append(vouched).flatten()) == ["d", "d/old", "l", "m", "n"]
    wrong = li.Layer.from_blob("lower.tar.gz", **said | {"diff_id": known.digest})
    with pytest.raises(ContentMismatch, match="has diff_id"):
        li.Image.empty().append(wrong).flatten().digest()


def test_what_is_compressed_twice(tmp_path: Path) -> None:
    """A tar that is none, but a blob, is refused with what to use instead."""
    import gzip  # noqa: PLC0415 - one test needs it

    (tmp_path / "x.tar").write_bytes(gzip.compress(LOWER))
    with pytest.raises(InvalidContent, match=r"x\.tar is no tar but gzip: use Layer\.from_blob"):
        li.Image.empty().append(li.Layer.from_tar("x.tar")).flatten().digest()


def test_a_damaged_archive(image: li.Image, tmp_path: Path) -> None:
    """A layer that is not what the config of its archive says is refused, flattened or not."""
    image.recompress(li.Uncompressed()).write(li.OCILayout("lay", "x"))
    config = image.config().with_diff_ids([image.layers()[0].diff_id()] * 2).to_bytes()
    members = [("config.json", config), ("0.tar", LOWER), ("1.tar", UPPER)]
    manifest = b'[{"Config": "config.json", "RepoTags": [], "Layers": ["0.tar", "1.tar"]}]'
    (tmp_path / "saved.tar").write_bytes(
        layer(*[file(*one) for one in [*members, ("manifest.json", manifest)]])
    )
    with pytest.raises(ContentMismatch, match="but the config of its image says"):
        li.Image.from_archive("saved.tar").flatten().digest()


def test_bombs(registry: li.Registry, tmp_path: Path) -> None:
    """A layer that blows up beyond the engine's limits is refused wherever it is looked into."""
    (tmp_path / "zeros.tar").write_bytes(layer(file("zeros", bytes(4 << 20))))
    local = li.Image.empty().append(li.Layer.from_tar("zeros.tar"))
    local.write(f"{registry.host}/base:1")
    stored = li.Image.from_registry(f"{registry.host}/base:1")
    with li.Engine(limits=li.Limits(ratio=100, free=1 << 20)):
        for changed in (stored.flatten(), stored.with_times(0), stored.recompress(li.Zstd())):
            with pytest.raises(InvalidContent, match=r"more than 100 times as much: raise Limits\(ratio="):
                changed.digest()
        with pytest.raises(InvalidContent, match="100 times as much"):
            stored.files()
        with pytest.raises(InvalidContent, match="100 times as much"):
            stored.layers()[0].files()
    assert stored.flatten().layers()[0].digest() == local.flatten().layers()[0].digest()


def test_a_denied_write_reads_nothing(registry: li.Registry) -> None:
    """A registry that refuses is heard before any layer is touched: they need not even be there."""
    registry.deny("app")
    missing = li.Image.empty().append(li.Layer.from_tar("missing.tar"))
    for changed in (missing.flatten(), missing.squash(0), missing.canonical(), missing.recompress(li.Zstd())):
        with pytest.raises(PermissionError) as caught:
            changed.write(f"{registry.host}/app:1")
        assert "no local source was opened" in caught.value.__notes__


def test_docker_images(image: li.Image, tars: list[Path]) -> None:
    """The new layer is of the image's family of media types."""
    docker = li.Image.empty(docker=True).append(*[li.Layer.from_tar(path) for path in tars])
    for changed in (docker.flatten(), docker.squash(1), docker.canonical()):
        for descriptor in changed.manifest().layers:
            assert descriptor.media_type == "application/vnd.docker.image.rootfs.diff.tar.gzip"
    plain = docker.recompress(li.Uncompressed()).manifest().layers[0]
    assert plain.media_type == "application/vnd.docker.image.rootfs.diff.tar"
    assert docker.flatten().layers()[0].digest() == image.flatten().layers()[0].digest()


def test_recipes(image: li.Image) -> None:
    """A recipe with merged layers is pickled, and rebuilt on another base, like any other."""
    import pickle  # noqa: PLC0415 - one test needs it

    recipe = image.with_times(5).flatten().squash(0).recompress(li.Zstd())
    again = pickle.loads(pickle.dumps(recipe))  # noqa: S301 - our own
    assert again.key == recipe.key
    assert again.digest() == recipe.digest()
    rebuilt = image.flatten().with_base(li.Image.empty("linux/arm64"))
    assert rebuilt.config().architecture == "arm64"
    assert rebuilt.layers()[0].digest() == image.flatten().layers()[0].digest()


# --- streams -----------------------------------------------------------------------------------------


def streamed(data: bytes = LOWER) -> li.Layer:
    """Give a layer that can be read once."""
    return li.Layer.from_stream(io.BytesIO(data))


def test_a_stream_is_flattened(tars: list[Path]) -> None:
    """A stream is consumed with the layers it is merged with; of what is made of it all is known then."""
    image = li.Image.empty().append(streamed(), li.Layer.from_tar(tars[1]))
    flat = image.flatten()
    with pytest.raises(NobodyConsumes):
        flat.digest()
    with pytest.raises(IdentityTimeout):
        flat.digest(timeout=0.05)
    assert flat.write(li.OCILayout("out", "x")).digest == flat.digest()
    assert flat.layers()[0].size() == flat.manifest().layers[0].size


def test_a_stream_that_went_into_another_layer() -> None:
    """Of the stream's own layer nothing will ever be known, which is said, and nobody waits for it."""
    stream = streamed()
    image = li.Image.empty().append(stream)
    image.flatten().write(li.OCILayout("out", "x"))
    with pytest.raises(StreamSpent, match="but not as this layer alone"):
        stream.digest()
    with pytest.raises(StreamSpent):
        image.digest()
    with pytest.raises(StreamSpent, match="was read already"):
        image.flatten().write(li.OCILayout("out", "y"))
    with pytest.raises(StreamSpent):
        image.canonical().layers()[0].digest()


def test_a_stream_as_it_is_and_flattened() -> None:
    """In one write it may be a layer of its own and go into others: it is read once."""
    image = li.Image.empty().append(li.Layer.from_files({"/a": b"1"}), streamed())
    images: dict[Any, li.Image] = {
        li.OCILayout("out", "as-it-is"): image,
        li.OCILayout("out", "flat"): image.flatten(),
        li.OCILayout("other", "canonical"): image.canonical(),
        li.OCILayout("other", "squashed"): image.squash(1, compression=li.Zstd()),
        li.OCILayout("other", "zstd"): image.recompress(li.Zstd()),
    }
    results = li.write(images)
    assert {result.opened for result in results.values()} == {2}
    assert [results[target].digest for target in images] == [one.digest() for one in images.values()]
    assert image.layers()[1].digest() == li.Layer.from_opener(lambda: io.BytesIO(LOWER)).digest()


def test_waiting_for_a_flattened_stream() -> None:
    """Another thread that asks for the flattened image waits for the write that makes it."""
    image = li.Image.empty().append(streamed())
    flat = image.flatten()
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(flat.digest()))
    thread.start()
    results = li.write({li.OCILayout("out", "a"): image, li.OCILayout("out", "b"): flat})
    thread.join()
    assert found == [result.digest for target, result in results.items() if target.names == ("b",)]


def test_a_failed_stream() -> None:
    """The failure of a stream reaches who waits for what was to be made of it."""

    class Torn:
        def read(self, _: int) -> bytes:
            raise OSError("torn")

    flat = li.Image.empty().append(li.Layer.from_stream(Torn())).flatten()
    (merged,) = flat.layers()
    with pytest.raises(OSError, match="torn"):
        flat.write(li.OCILayout("out", "x"))
    with pytest.raises(OSError, match="torn"):
        merged.digest()
    with pytest.raises(OSError, match="torn"):
        flat.digest()


def test_the_same_stream_twice_in_an_image() -> None:
    """A layer that an image has twice is read once and merged twice."""
    stream = streamed()
    image = li.Image.empty().append(stream, li.Layer.from_files({"/a": b"1"}), stream)
    result = image.flatten().write(li.OCILayout("out", "x"))
    assert result.opened == 2
    assert list(li.Image.from_layout("out", "x").files()) == ["/a", "/d", "/d/old", "/l", "/m", "/n"]


# --- reading once ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda image: image.flatten(),
        lambda image: image.squash(1),
        lambda image: image.with_times(3),
        lambda image: image.recompress(li.Zstd()),
        lambda image: image.with_times(3).flatten().recompress(li.Zstd()),
    ],
    ids=["flatten", "squash", "times", "recompress", "all"],
)
def test_an_image_and_what_is_made_of_it(
    image: li.Image, change: Callable[[li.Image], li.Image], registry: li.Registry
) -> None:
    """Written together, each source is opened once and each byte read once."""
    results = li.write({f"{registry.host}/app:1": image, f"{registry.host}/app:2": change(image)})
    for result in results.values():
        assert (result.opened, result.bytes_read) == (2, len(LOWER) + len(UPPER))
    assert results[f"{registry.host}/app:2"].digest == change(image).digest()


def test_layers_that_rest_somewhere_are_read_once(image: li.Image, registry: li.Registry) -> None:
    """A blob that is copied and merged in one write is fetched once."""
    image.write(f"{registry.host}/base:1")
    base = li.Image.from_registry(f"{registry.host}/base:1")
    registry.clear()
    li.write({li.OCILayout("out", "a"): base, li.OCILayout("out", "b"): base.flatten()})
    layers = {one.digest for one in base.manifest().layers}
    fetched = [one.path.rpartition("/")[2] for one in registry.requests if "/blobs/sha256" in one.path]
    assert sorted(one for one in fetched if one in layers) == sorted(layers)


def test_asking_reads_once() -> None:
    """Digests of what needs a layer twice read it once."""
    opened = 0
    data = LOWER

    def open_it() -> io.BytesIO:
        nonlocal opened
        opened += 1
        return io.BytesIO(data)

    twice = li.Layer.from_opener(open_it, key="twice")
    mixed = li.Image.empty().append(twice).with_times(3).append(twice, twice).flatten()
    assert mixed.digest()
    assert opened == 1
    (merged,) = mixed.layers()
    assert merged.digest()
    assert opened == 2
    assert len(mixed.files()) == len(merged.files()) == 5
    assert opened == 4


# --- squash ------------------------------------------------------------------------------------------


def test_squash_leaves_what_is_below(registry: li.Registry, tars: list[Path]) -> None:
    """The layers below are the same blobs, not read, and the rest is one layer on top of them."""
    li.Image.empty().append(li.Layer.from_tar(tars[0])).write(f"{registry.host}/base:1")
    base = li.Image.from_registry(f"{registry.host}/base:1")
    more = base.append(li.Layer.from_tar(tars[1]), li.Layer.from_files({"/z": b"3"}))
    squashed = more.squash(1)
    registry.clear()
    squashed.write(f"{registry.host}/app:1")
    below = base.manifest().layers[0]
    assert squashed.manifest().layers[0] == below
    assert not [one for one in registry.requests if one.method == "GET" and below.digest in one.path]
    assert len(squashed.layers()) == 2
    assert list(squashed.files()) == list(more.files())
    assert more.squash(-2).digest() == more.squash(1).digest()


def test_squash_by_digest(image: li.Image, registry: li.Registry) -> None:
    """The lowest layer to merge is named by position, from either end, or by the digest in the manifest."""
    image.write(f"{registry.host}/base:1")
    base = li.Image.from_registry(f"{registry.host}/base:1")
    top = base.manifest().layers[1].digest
    assert base.squash(str(top)).digest() == base.squash(1).digest() == base.squash(-1).digest()
    for which in (2, -3, "sha256:" + "0" * 64):
        with pytest.raises(InvalidMutation, match=rf"squash\({which!r}\): the image has 2 layers"):
            base.squash(which).digest()


def test_squash_keeps_history_below() -> None:
    """Entries of layers below, and what stands between, are kept; one stands for the layers merged."""

    def history(text: str, *, empty: bool = False) -> li.History:
        return li.History(created_by=text, empty_layer=empty)

    layers = [li.Layer.from_files({f"/{number}": b""}) for number in range(3)]
    entries = [
        history("ENV", empty=True),
        history("0"),
        history("CMD", empty=True),
        history("1"),
        history("2"),
    ]
    image = li.Image.empty().append(*layers, history=entries)
    kept = [entry.created_by for entry in image.squash(1).config().history]
    assert kept == ["ENV", "0", "CMD", "lazyimg squash"]
    assert image.squash(2).config().history[-1].comment == "1 layer merged"
    assert [entry.created_by for entry in image.squash(0).config().history] == ["lazyimg squash"]


def test_annotations_of_the_image_stay(image: li.Image) -> None:
    """What is said of the image itself is kept."""
    flat = image.annotate({"a": "b"}).configure(env={"X": "1"}).flatten()
    assert flat.manifest().annotations == {"a": "b"}
    assert flat.config().env == ("X=1",)
