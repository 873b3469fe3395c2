"""Layers of bytes at hand, of random bytes, of URLs, of other repositories, and non-distributable ones."""

from __future__ import annotations

import gzip
import hashlib
import io
import pickle
import subprocess
import sys
import tarfile
from typing import TYPE_CHECKING, Any

import fsspec
import pytest
from support.images import DOCKER_LAYER, LAYER, described, sha256
from support.layouts import tar_of

import lazyimg as li
from lazyimg.errors import (
    BlobNotFound,
    ContentMismatch,
    InvalidContent,
    InvalidMutation,
    InvalidReference,
    MissingExtra,
    NotFound,
    SourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.images import Json, Pushing

TAR = tar_of({"a": b"1" * 5000})
BLOB = gzip.compress(TAR, mtime=0)
FOREIGN = "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
ZEROS = "sha256:" + 64 * "0"

RANDOM_0 = "sha256:3a9cdbb931be7718a8814663ab51466e8240ea47fc57c2b14dc20982dc1c2e7c"
RANDOM_1 = "sha256:70d3079708079a7d792e0db8a61ef9cc0e5aeb35d6e3a398700a9d28ef2a6cbd"
RANDOM_IMAGE = "sha256:3bf268f6415a1e048679fbb12c5043595ed246b64ebd7f31556cc2d22668df00"
RANDOM_INDEX = "sha256:8790d62c43b8beb75888065a6fe7c60383b5c338b7a1c5b235791690f0565117"


def layer_of(app: Pushing, image: li.Image) -> tuple[Json, bytes]:
    """Write an image, and give its last layer's descriptor and bytes as they arrived."""
    image.write(f"{app.host}/app:1")
    descriptor = app.json("1")["layers"][-1]
    return descriptor, app.bytes(descriptor)


class TestBytes:
    """A static layer."""

    def test_a_tar_is_compressed(self, app: Pushing) -> None:
        """The same layer as from a file with these bytes."""
        descriptor, data = layer_of(app, li.Image.empty().append(li.Layer.from_bytes(TAR)))
        assert gzip.decompress(data) == TAR
        assert descriptor["mediaType"] == LAYER
        assert li.Layer.from_bytes(TAR).digest() == li.Layer.from_opener(lambda: io.BytesIO(TAR)).digest()
        assert li.Layer.from_bytes(TAR, compression=li.Uncompressed()).digest() == sha256(TAR)

    def test_a_blob_is_kept(self, app: Pushing) -> None:
        """Told by how it begins."""
        layer = li.Layer.from_bytes(bytearray(BLOB))
        assert layer_of(app, li.Image.empty().append(layer))[1] == BLOB
        assert (layer.digest(), layer.diff_id(), layer.size()) == (sha256(BLOB), sha256(TAR), len(BLOB))

    def test_it_is_told_apart_by_its_bytes(self) -> None:
        """And shown by the first few of them."""
        assert li.Layer.from_bytes(TAR) == li.Layer.from_bytes(TAR)
        assert li.Layer.from_bytes(TAR) != li.Layer.from_bytes(BLOB)
        assert len(repr(li.Layer.from_bytes(TAR))) < 500


class TestRandom:
    """The same bytes for the same seed, everywhere."""

    def test_known_digests(self) -> None:
        """These never change: they are part of what others test with."""
        image = li.Image.random(7, layers=2, size=3000)
        assert [layer.diff_id() for layer in image.layers()] == [RANDOM_0, RANDOM_1]
        assert image.digest() == RANDOM_IMAGE
        assert li.Index.random(7).digest() == RANDOM_INDEX

    def test_another_process_agrees(self) -> None:
        """Whatever its hash seed."""
        text = "import lazyimg as li; print(li.Index.random('seed', layers=2).digest())"
        command = [sys.executable, "-R", "-c", text]
        assert (
            subprocess.check_output(command, text=True).strip() == li.Index.random("seed", layers=2).digest()
        )

    def test_what_is_in_it(self) -> None:
        """A tar of one file a layer, of the size that was asked for, under names of their own."""
        found = {}
        for layer in li.Image.random("x", layers=2, size=3 << 20).layers():
            contents = layer_bytes(layer)
            with tarfile.open(fileobj=io.BytesIO(contents)) as archive:
                for member in archive:
                    file = archive.extractfile(member)
                    assert file is not None
                    found[member.name] = file.read()
        assert sorted(found) == ["random-0", "random-1"]
        assert {len(data) for data in found.values()} == {3 << 20}
        assert len(gzip.compress(found["random-0"])) > 3 << 20
        assert found["random-0"] != found["random-1"]

    def test_seeds_and_platforms_differ(self) -> None:
        """Each has bytes of its own."""
        digests = {li.Image.random(seed).digest() for seed in (1, 2, "3")}
        assert len(digests) == 3
        assert li.Image.random(1) == li.Image.random("1")
        index = li.Index.random(1, platforms=["linux/arm64", "windows/amd64"]).manifest()
        assert [str(entry.platform) for entry in index.manifests] == ["linux/arm64", "windows/amd64"]
        assert index.manifests[0].digest != index.manifests[1].digest
        assert li.Image.random(1, layers=0).manifest().layers == ()
        assert li.Layer.random(1).diff_id() == li.Layer.random(1, compression=li.Uncompressed()).digest()
        assert li.Layer.random(1, size=0).size() > 0


def layer_bytes(layer: li.Layer) -> bytes:
    """Read a layer's tar through a write."""
    with li.Registry() as registry:
        li.Image.empty().append(layer).write(f"{registry.host}/read:1")
        from support.images import Pushing  # noqa: PLC0415 - a registry of this function's own

        reading = Pushing(registry.host, "read")
        return gzip.decompress(reading.bytes(reading.json("1")["layers"][0]))


class TestUrl:
    """Any file system that fsspec knows."""

    @pytest.fixture(autouse=True)
    def _memory(self) -> Iterator[None]:
        fsspec.filesystem("memory").store.clear()
        yield
        fsspec.filesystem("memory").store.clear()

    def test_a_tar_in_memory(self, app: Pushing) -> None:
        """It is opened when it is consumed, and read once."""
        layer = li.Layer.from_url("memory://bucket/rootfs.tar")
        fsspec.filesystem("memory").pipe("/bucket/rootfs.tar", TAR)
        result = li.Image.empty().append(layer).write(f"{app.host}/app:1")
        assert gzip.decompress(app.bytes(app.json("1")["layers"][0])) == TAR
        assert (result.opened, result.bytes_read) == (1, len(TAR))
        assert layer.digest() == li.Layer.from_bytes(TAR).digest()

    def test_a_file(self, app: Pushing, tmp_path: Path) -> None:
        """The same layer as from its path; a blob is kept if it is asked for."""
        (tmp_path / "rootfs.tar").write_bytes(TAR)
        (tmp_path / "layer").write_bytes(BLOB)
        layer = li.Layer.from_url(f"file://{tmp_path}/rootfs.tar")
        assert layer.digest() == li.Layer.from_tar(tmp_path / "rootfs.tar").digest()
        kept = li.Layer.from_url(f"file://{tmp_path}/layer", compression=None)
        assert layer_of(app, li.Image.empty().append(kept))[1] == BLOB
        with pytest.raises(InvalidContent, match=r"Use Layer\.from_blob"):
            li.Layer.from_url(f"file://{tmp_path}/layer").digest()

    @pytest.mark.parametrize("url", ["memory://no/such.tar", "file:///no/such.tar"])
    def test_what_is_not_there(self, url: str) -> None:
        """The error names the URL."""
        with pytest.raises(SourceError, match=f"cannot open {url}: it is not there"):
            li.Layer.from_url(url).digest()

    def test_a_kind_that_nobody_knows(self) -> None:
        """What fsspec says of it."""
        with pytest.raises(SourceError, match=r"cannot open nonsense://x: .*nonsense"):
            li.Layer.from_url("nonsense://x").digest()

    def test_a_kind_that_needs_more(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A library of its own."""

        def missing(*_: Any, **__: Any) -> None:
            raise ImportError("Install s3fs to access S3")

        monkeypatch.setattr(fsspec, "open", missing)
        with pytest.raises(MissingExtra, match="s3://a/b needs one more library: Install s3fs"):
            li.Layer.from_url("s3://a/b").digest()

    def test_without_fsspec(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The error says what to install; composing needs nothing."""
        monkeypatch.setitem(sys.modules, "fsspec", None)
        layer = li.Layer.from_url("memory://x")
        with pytest.raises(MissingExtra, match=r"pip install 'lazyimg\[fsspec\]'"):
            layer.digest()

    @pytest.mark.parametrize("url", ["rootfs.tar", "/a/rootfs.tar", "", "c:\\x"])
    def test_a_path_is_no_url(self, url: str) -> None:
        """It is said what it is for."""
        with pytest.raises(ValueError, match=r"for Layer\.from_tar"):
            li.Layer.from_url(url)

    def test_credentials_are_shown_nowhere(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Neither those in a query, nor options, nor in an error; a URL with a password is refused."""
        layer = li.Layer.from_url("https://a.example/x.tar?sig=hush", options={"token": "hush"})

        def failing(url: str, *_: Any, **__: Any) -> None:
            raise OSError(f"no route to {url}")

        monkeypatch.setattr(fsspec, "open", failing)
        image = li.Image.empty().append(layer)
        with pytest.raises(SourceError) as caught:
            layer.digest()
        texts = [repr(layer), layer._repr_html_(), str(caught.value), *caught.value.__notes__]
        texts += [str(image.graph()), repr(image.plan("a.example/b:1"))]
        assert not [text for text in texts if "hush" in text]
        assert "https://a.example/x.tar" in repr(layer)
        with pytest.raises(TypeError, match="not pickled"):
            pickle.dumps(layer)
        with pytest.raises(ValueError, match="user or a password") as refused:
            li.Layer.from_url("https://me:hush@a.example/x.tar")
        assert "hush" not in str(refused.value)

    def test_keys(self) -> None:
        """The same URL is the same layer, unless options tell it apart."""
        assert li.Layer.from_url("s3://a/b") == li.Layer.from_url("s3://a/b")
        assert li.Layer.from_url("s3://a/b") != li.Layer.from_url("s3://a/c")
        with_options = li.Layer.from_url("s3://a/b", options={"anon": True})
        assert with_options != li.Layer.from_url("s3://a/b", options={"anon": True})
        assert with_options == with_options  # noqa: PLR0124 - by its key
        assert pickle.loads(pickle.dumps(li.Layer.from_url("s3://a/b"))) == li.Layer.from_url("s3://a/b")  # noqa: S301


class TestRemote:
    """A blob of a repository."""

    def reference(self, base: Pushing) -> str:
        return f"{base.host}/base@{sha256(BLOB)}"

    def test_it_is_mounted(self, registry: li.Registry, base: Pushing, app: Pushing) -> None:
        """With all of it given, nothing is asked of it, and none of its bytes travel."""
        base.blob(BLOB)
        layer = li.Layer.from_registry(
            self.reference(base), size=len(BLOB), diff_id=sha256(TAR), media_type=LAYER
        )
        registry.clear()
        result = li.Image.empty().append(layer).write(f"{app.host}/app:1")
        assert [one.digest for one in result.mounted] == [sha256(BLOB)]
        assert not [r for r in registry.requests if r.method in {"GET", "HEAD"} and sha256(BLOB) in r.path]
        assert app.json("1")["layers"] == [described(BLOB, LAYER)]
        assert app.config("1")["rootfs"]["diff_ids"] == [sha256(TAR)]

    def test_its_size_is_asked(self, registry: li.Registry, base: Pushing, app: Pushing) -> None:
        """One HEAD."""
        base.blob(BLOB)
        layer = li.Layer.from_registry(self.reference(base), diff_id=sha256(TAR), media_type=LAYER)
        assert (layer.digest(), layer.size()) == (sha256(BLOB), len(BLOB))
        registry.clear()
        result = li.Image.empty().append(layer).write(f"{app.host}/app:1")
        assert len(result.mounted) == 1
        asked = [r.method for r in registry.requests if sha256(BLOB) in r.path]
        assert asked.count("HEAD") == 1
        assert "GET" not in asked
        assert layer.diff_id() == sha256(TAR)

    @pytest.mark.parametrize("data", [BLOB, TAR, gzip.compress(TAR[:5120]) + gzip.compress(TAR[5120:])])
    def test_what_is_not_known_is_learned_while_it_is_copied(
        self, registry: li.Registry, base: Pushing, data: bytes
    ) -> None:
        """One GET of it: its tar, and how it is compressed, are told by its bytes."""
        base.blob(data)
        layer = li.Layer.from_registry(f"{base.host}/base@{sha256(data)}")
        with li.Registry() as other:
            registry.clear()
            result = li.Image.empty().append(layer).write(f"{other.host}/app:1")
            there = type(base)(other.host, "app")
            media_type = LAYER if data != TAR else LAYER.removesuffix("+gzip")
            assert there.json("1")["layers"] == [described(data, media_type)]
            assert there.bytes(there.json("1")["layers"][0]) == data
            assert there.config("1")["rootfs"]["diff_ids"] == [sha256(TAR)]
        assert [r.method for r in registry.requests if sha256(data) in r.path] == ["HEAD", "GET"]
        assert sha256(data) in [one.digest for one in result.uploaded]

    def test_what_is_not_known_is_learned_though_it_is_mounted(self, base: Pushing, app: Pushing) -> None:
        """It is read and not sent."""
        base.blob(BLOB)
        layer = li.Layer.from_registry(li.Reference.parse(self.reference(base)))
        result = li.Image.empty(docker=True).append(layer).write(f"{app.host}/app:1")
        assert [one.digest for one in result.mounted] == [sha256(BLOB)]
        assert app.json("1")["layers"] == [described(BLOB, DOCKER_LAYER)]
        identity = layer.identity()
        assert (identity.digest, identity.size) == (sha256(BLOB), len(BLOB))
        assert (identity.diff_id, identity.media_type) == (sha256(TAR), LAYER)

    def test_a_large_one(self, base: Pushing) -> None:
        """Looked into block by block, for two targets at once."""
        tar = tar_of({"a": hashlib.shake_128(b"x").digest(7 << 20)})
        data = gzip.compress(tar, 1)
        base.blob(data)
        layer = li.Layer.from_registry(f"{base.host}/base@{sha256(data)}", size=len(data))
        with li.Registry() as one, li.Registry() as two:
            li.Image.empty().append(layer).write(f"{one.host}/app:1", f"{two.host}/app:1")
            for host in (one.host, two.host):
                there = type(base)(host, "app")
                assert there.bytes(there.json("1")["layers"][0]) == data
                assert there.config("1")["rootfs"]["diff_ids"] == [sha256(tar)]

    def test_a_diff_id_that_is_not_its_own(self, base: Pushing, app: Pushing) -> None:
        """Found out where the bytes are read for the media type, and then no tag is moved."""
        base.blob(BLOB)
        layer = li.Layer.from_registry(self.reference(base), diff_id=ZEROS)
        with pytest.raises(ContentMismatch, match=f"{ZEROS} was given"):
            li.Image.empty().append(layer).write(f"{app.host}/app:1")
        with pytest.raises(NotFound):
            app.raw("1")

    def test_what_is_no_layer(self, base: Pushing) -> None:
        """Its bytes say so; an empty blob is a tar of nothing."""
        for data in (b"BZh91AY", gzip.compress(TAR)[:-5]):
            base.blob(data)
            with pytest.raises(InvalidContent, match="is no layer"):
                li.Layer.from_registry(f"{base.host}/base@{sha256(data)}").identity()
        base.blob(b"")
        assert li.Layer.from_registry(f"{base.host}/base@{sha256(b'')}").diff_id() == sha256(b"")

    def test_what_is_not_there(self, base: Pushing, app: Pushing) -> None:
        """The error names repository and digest."""
        layer = li.Layer.from_registry(f"{base.host}/base@{ZEROS}")
        with pytest.raises(NotFound, match=f"{base.host}/base has no blob {ZEROS}"):
            li.Image.empty().append(layer).write(f"{app.host}/app:1")
        with pytest.raises(NotFound):
            layer.size()

    def test_nonsense_is_refused_while_composing(self) -> None:
        """An image's name is no layer's."""
        with pytest.raises(InvalidReference):
            li.Layer.from_registry("not a reference")
        with pytest.raises(InvalidMutation, match="names an image: a layer is named by its digest"):
            li.Layer.from_registry("ghcr.io/me/app:1")

    def test_a_plan_says_where_from(self, base: Pushing) -> None:
        """It asks, and takes what is there."""
        layer = li.Layer.from_registry(self.reference(base))
        steps = [step.what for step in li.Image.empty().append(layer).plan(f"{base.host}/app:1").steps]
        assert f"HEAD the blob {self.reference(base)}" in steps
        assert any("mount from base" in step for step in steps)
        given = li.Layer.from_registry(self.reference(base), size=5)
        assert given.size() == 5
        assert "Take the blob" in li.Image.empty().append(given).plan("a.example/b:1").steps[2].what


class TestForeign:
    """A non-distributable layer."""

    def layer(self, **more: Any) -> li.Layer:
        given = {"digest": sha256(BLOB), "size": len(BLOB), "diff_id": sha256(TAR), **more}
        return li.Layer.foreign(["https://example.invalid/layer"], **given)

    def test_it_is_named_and_neither_read_nor_sent(
        self, registry: li.Registry, app: Pushing, foreign_attempts: list[str]
    ) -> None:
        """Its descriptor has the URLs, the config its diff_id."""
        image = li.Image.empty().append(self.layer(), annotations={"a": "b"})
        result = image.write(f"{app.host}/app:1")
        assert app.json("1")["layers"] == [
            described(BLOB, FOREIGN, urls=["https://example.invalid/layer"], annotations={"a": "b"})
        ]
        assert app.config("1")["rootfs"]["diff_ids"] == [sha256(TAR)]
        assert [one.digest for one in result.targets[0].skipped] == [sha256(BLOB)]
        assert not [r for r in registry.requests if sha256(BLOB) in r.path]
        assert not foreign_attempts
        layer = image.layers()[0]
        assert (layer.digest(), layer.size(), layer.diff_id()) == (sha256(BLOB), len(BLOB), sha256(TAR))

    def test_in_a_layout(self, tmp_path: Path) -> None:
        """It is skipped there too, and still so when it is read from there."""
        image = li.Image.empty().append(self.layer(), li.Layer.from_bytes(TAR))
        image.write(li.OCILayout(tmp_path / "out"))
        with li.Registry() as registry:
            result = li.Image.from_layout(tmp_path / "out").write(f"{registry.host}/app:1")
            assert result.digest == image.digest()
            assert len(result.targets[0].skipped) == 1

    def test_its_bytes_are_not_fetched(self, foreign_attempts: list[str]) -> None:
        """Whoever needs them is told to download them."""
        state = li.current_engine().force(li.Image.empty().append(self.layer()))
        blob = li.current_engine().force(state.layers[0].layer)
        for read in (
            lambda: list(blob.home.chunks(blob.descriptor, 0, None)),
            lambda: blob.home.fetch(blob.descriptor, 1 << 20, None),
        ):
            with pytest.raises(BlobNotFound, match=r"not fetched from https://example\.invalid/layer"):
                read()
        assert not foreign_attempts

    def test_what_it_must_be(self) -> None:
        """A media type that may be sent, or no URL, is refused."""
        with pytest.raises(InvalidMutation, match="is distributable"):
            self.layer(media_type=LAYER)
        with pytest.raises(InvalidMutation, match="needs the URLs"):
            li.Layer.foreign([], digest=ZEROS, size=1, diff_id=ZEROS)
        assert self.layer(media_type=FOREIGN.replace("gzip", "zstd")).identity().media_type.endswith("zstd")
