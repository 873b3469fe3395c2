"""Images of archives: of OCI layouts, and of docker save in its forms; told apart by what is in them."""

from __future__ import annotations

import gzip
import io
import json
import os
import random
import tarfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support.images import sha256, text_of
from support.layouts import Laying, Saving, tar_of

import lazyimg as li
from lazyimg.errors import (
    ArchiveError,
    BlobNotFound,
    ContentMismatch,
    ImageNotFound,
    InvalidDocument,
    InvalidMutation,
    LayoutError,
    PlatformNotFound,
    SourceError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from support.images import Pushing


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "app.tar"


class TestLayout:
    """A tar of an OCI layout."""

    def test_it_is_copied_to_the_byte(self, path: Path, app: Pushing) -> None:
        """The manifest, the config and the layers; each blob is read once."""
        laying = Laying()
        image = laying.image("1", trees=[{"a": b"1"}, {"b": b"2"}], unknown=1.50)
        path.write_bytes(laying.tar())
        source = li.Image.from_archive(path)
        assert source.manifest().to_bytes() == text_of(image)
        result = source.write(f"{app.host}/app:1")
        assert app.raw("1") == text_of(image)
        assert [len(app.bytes(layer)) for layer in image["layers"]] == [
            one["size"] for one in image["layers"]
        ]
        blobs = (*image["layers"], image["config"])
        assert result.bytes_read == len(text_of(image)) + sum(blob["size"] for blob in blobs)

    def test_tags_digests_and_platforms(self, path: Path, app: Pushing) -> None:
        """As in a layout directory; an index is read with its children."""
        laying = Laying()
        arm, intel = laying.image(label="arm"), laying.image(label="intel")
        inner = laying.index(children=[(intel, "linux/amd64")])
        index = laying.index("all", children=[(arm, "linux/arm64"), (inner, "linux/amd64")])
        laying.image("one", label="one")
        path.write_bytes(laying.tar())
        assert li.Image.from_archive(str(path), "one").config().labels == {"is": "one"}
        assert li.Image.from_archive(path, "all", "linux/amd64").config().labels == {"is": "intel"}
        assert li.Image.from_archive(path, sha256(text_of(intel))).config().labels == {"is": "intel"}
        with pytest.raises(PlatformNotFound, match="it has linux/amd64, linux/arm64"):
            li.Image.from_archive(path, "all").digest()
        with pytest.raises(ImageNotFound, match="several images: say tag= one of all; one"):
            li.Image.from_archive(path).digest()
        with pytest.raises(ImageNotFound, match="called 'two': it has all; one"):
            li.Image.from_archive(path, "two").digest()
        with pytest.raises(InvalidMutation, match="is an image"):
            li.Index.from_archive(path, "one").digest()
        source = li.Index.from_archive(path, "all")
        source.write(f"{app.host}/app:1")
        assert app.raw("1") == text_of(index)
        assert app.raw(sha256(text_of(intel))) == text_of(intel)

    def test_names_may_begin_with_a_dot(self, path: Path) -> None:
        """As GNU tar writes them, with directories between."""
        laying = Laying()
        laying.image("1", label="dot")
        path.write_bytes(tar_of({f"./{name}": data for name, data in laying.all().items()}))
        assert li.Image.from_archive(path).config().labels == {"is": "dot"}

    def test_a_missing_blob(self, path: Path) -> None:
        """It is named."""
        laying = Laying()
        image = laying.image("1")
        del laying.files[f"blobs/{image['config']['digest'].replace(':', '/')}"]
        path.write_bytes(laying.tar())
        with pytest.raises(BlobNotFound, match=f"has no blob {image['config']['digest']}"):
            li.Image.from_archive(path).config()

    def test_a_damaged_blob(self, path: Path, app: Pushing) -> None:
        """It moves no tag."""
        laying = Laying()
        image = laying.image("1")
        name = f"blobs/{image['layers'][0]['digest'].replace(':', '/')}"
        laying.files[name] = laying.files[name][:-1] + b"x"
        path.write_bytes(laying.tar())
        with pytest.raises(ContentMismatch, match="it is damaged"):
            li.Image.from_archive(path).write(f"{app.host}/app:1")

    def test_another_version(self, path: Path) -> None:
        """It may mean anything."""
        laying = Laying()
        laying.files["oci-layout"] = b"{}"
        path.write_bytes(laying.tar())
        with pytest.raises(LayoutError, match="version None"):
            li.Image.from_archive(path).digest()

    def test_a_broken_index(self, path: Path) -> None:
        """The note names it."""
        path.write_bytes(tar_of({"oci-layout": Laying().files["oci-layout"], "index.json": b"{}"}))
        with pytest.raises(InvalidDocument) as caught:
            li.Image.from_archive(path).digest()
        assert f"in index.json of {path}" in caught.value.__notes__

    def test_what_docker_writes_for_both_readers_is_read_as_a_layout(self, path: Path) -> None:
        """The new form of docker save: the manifest keeps its bytes, and docker's names are found."""
        laying = Laying()
        image = laying.image("1", label="new")
        laying.entries[0]["annotations"]["io.containerd.image.name"] = "docker.io/library/app:1"
        blobs = [f"blobs/{one['digest'].replace(':', '/')}" for one in (image["config"], *image["layers"])]
        saved = [{"Config": blobs[0], "RepoTags": ["app:1"], "Layers": blobs[1:]}]
        path.write_bytes(tar_of({**laying.all(), "manifest.json": json.dumps(saved).encode()}))
        assert li.Image.from_archive(path, "app:1").manifest().to_bytes() == text_of(image)


class TestSaved:
    """What docker save wrote before version 25, and what podman, skopeo and others write like it."""

    def test_layers_are_compressed_on_their_way(self, path: Path, app: Pushing) -> None:
        """Docker's media types; the config to the byte; the same layers as from their tars."""
        saving = Saving()
        config = saving.image("app:1", trees=[{"a": b"1"}, {"b": b"2"}])
        path.write_bytes(saving.tar())
        image = li.Image.from_archive(path)
        result = image.write(f"{app.host}/app:1")
        manifest = app.json("1")
        assert app.bytes(manifest["config"]) == config
        assert manifest["mediaType"] == "application/vnd.docker.distribution.manifest.v2+json"
        assert {one["mediaType"] for one in manifest["layers"]} == {
            "application/vnd.docker.image.rootfs.diff.tar.gzip"
        }
        tars = [tar_of({"a": b"1"}), tar_of({"b": b"2"})]
        assert [gzip.decompress(app.bytes(one)) for one in manifest["layers"]] == tars
        assert result.bytes_read == sum(map(len, tars))
        assert image.digest() == result.digest
        assert image.config().to_bytes() == config

    def test_it_is_mutated(self, path: Path) -> None:
        """Its diff_ids are known without its bytes; what is appended comes after."""
        saving = Saving()
        saving.image(trees=[{"a": b"1"}])
        path.write_bytes(saving.tar())
        image = li.Image.from_archive(path).append(li.Layer.from_files({"/c": b"3"})).configure(user="me")
        assert image.config().diff_ids[0] == sha256(tar_of({"a": b"1"}))
        assert len(image.config().diff_ids) == 2
        layers = image.layers()
        assert layers[0].diff_id() == sha256(tar_of({"a": b"1"}))
        assert li.Image.empty().append(layers[0]).config().diff_ids == image.config().diff_ids[:1]

    @pytest.mark.parametrize("kind", ["symlink", "hardlink"])
    def test_links_inside_are_followed(self, path: Path, app: Pushing, kind: str) -> None:
        """Docker saves a layer that an image has twice as a link; it is read and sent once."""
        saving = Saving()
        saving.image(trees=[{"a": b"1"}, {"a": b"1"}], links=kind)
        path.write_bytes(saving.tar())
        image = li.Image.from_archive(path)
        result = image.write(f"{app.host}/app:1")
        layers = app.json("1")["layers"]
        assert layers[0] == layers[1]
        assert len(image.config().diff_ids) == 2
        assert len(result.uploaded) == 3
        assert result.opened == 1

    @pytest.mark.parametrize("target", ["/etc/passwd", "../../../etc/passwd", "missing.tar", "layer.tar"])
    @pytest.mark.parametrize("kind", ["symlink", "hardlink"])
    def test_links_to_elsewhere_are_refused(self, path: Path, kind: str, target: str) -> None:
        """Whether they lead out of the archive, nowhere, or to themselves."""
        saving = Saving()
        saving.image(trees=[{"a": b"1"}])
        name = saving.images[0]["Layers"][0]
        saving.files[name] = (kind, name if (kind, target) == ("hardlink", "layer.tar") else target)
        path.write_bytes(saving.tar())
        with pytest.raises(ArchiveError, match=r"not in the archive, and is not followed|in a circle"):
            li.Image.from_archive(path).digest()

    @pytest.mark.parametrize("name", ["../../etc/passwd", "/etc/passwd", "missing.tar"])
    def test_names_of_elsewhere_are_not_there(self, path: Path, name: str) -> None:
        """Names are looked up in the archive's own table, whatever they look like."""
        saving = Saving()
        saving.image(trees=[{"a": b"1"}])
        saving.images[0]["Layers"] = [name]
        path.write_bytes(saving.tar())
        with pytest.raises(ArchiveError, match=f"has no '{name}'"):
            li.Image.from_archive(path).digest()

    def test_several_images_share_layers(self, path: Path, app: Pushing) -> None:
        """Each is found by any of its tags, or by its id; a write of two sends what they share once."""
        saving = Saving()
        first = saving.image("app:1", "me/app:latest", trees=[{"a": b"1"}], label="first")
        saving.image("ghcr.io/me/app:2", trees=[{"a": b"1"}, {"b": b"2"}], label="second")
        path.write_bytes(saving.tar())
        for name in ("app:1", "docker.io/library/app:1", "me/app", "latest", sha256(first)):
            assert li.Image.from_archive(path, name).config().labels == {"is": "first"}
        with pytest.raises(ImageNotFound) as caught:
            li.Image.from_archive(path).digest()
        assert "say tag= one of app:1, me/app:latest; ghcr.io/me/app:2" in str(caught.value)
        with pytest.raises(ImageNotFound, match="called 'app:3'"):
            li.Image.from_archive(path, "app:3").digest()
        images = {f"{app.host}/app:{n}": li.Image.from_archive(path, n) for n in ("1", "2")}
        results = li.write(images)
        assert {result.bytes_read for result in results.values()} == {
            len(tar_of({"a": b"1"})) + len(tar_of({"b": b"2"}))
        }

    def test_compressed_layers_are_kept(self, path: Path, app: Pushing) -> None:
        """As crane and kaniko write them: told by their content, held against their diff_ids."""
        saving = Saving()
        saving.image(trees=[{"a": b"1"}])
        blob = gzip.compress(tar_of({"a": b"1"}), mtime=1)
        saving.files[saving.images[0]["Layers"][0]] = blob
        path.write_bytes(saving.tar())
        li.Image.from_archive(path).write(f"{app.host}/app:1")
        assert app.bytes(app.json("1")["layers"][0]) == blob

    @pytest.mark.parametrize("pack", [bytes, lambda tar: gzip.compress(tar, mtime=0)])
    def test_a_layer_that_is_not_the_configs(
        self, path: Path, app: Pushing, registry: li.Registry, pack: Callable[[bytes], bytes]
    ) -> None:
        """It is named, with both diff_ids, and moves no tag."""
        saving = Saving()
        saving.image(trees=[{"a": b"1"}])
        saving.files[saving.images[0]["Layers"][0]] = pack(tar_of({"a": b"2"}))
        path.write_bytes(saving.tar())
        with pytest.raises(ContentMismatch, match="the config of its image says"):
            li.Image.from_archive(path).write(f"{app.host}/app:1")
        assert not [r for r in registry.requests if r.method == "PUT" and "/manifests/" in r.path]

    def test_a_config_that_is_not_its_names(self, path: Path) -> None:
        """Where the name is a digest, it is held against it; where it is none, there is nothing to hold."""
        saving = Saving()
        config = saving.image(trees=[{"a": b"1"}])
        name = saving.images[0]["Config"]
        saving.files[name] = config.replace(b"amd64", b"arm64")
        path.write_bytes(saving.tar())
        with pytest.raises(ContentMismatch, match=f"{name} in .* it is damaged"):
            li.Image.from_archive(path).digest()
        saving.files["config.json"] = saving.files.pop(name)
        saving.images[0]["Config"] = "config.json"
        path.write_bytes(saving.tar())
        assert li.Image.from_archive(path).config().architecture == "arm64"

    def test_layers_and_diff_ids_of_other_numbers(self, path: Path) -> None:
        """The error says both."""
        saving = Saving()
        saving.image(trees=[{"a": b"1"}])
        saving.images[0]["Layers"] *= 2
        path.write_bytes(saving.tar())
        with pytest.raises(InvalidDocument, match=r"has 2 layers for .* which lists 1"):
            li.Image.from_archive(path).digest()

    def test_foreign_layers_stay_where_they_are(self, path: Path, app: Pushing) -> None:
        """A layer of Windows is not in the archive; its descriptor is, with the URLs."""
        saving = Saving()
        saving.image(trees=[{"a": b"1"}, {"b": b"2"}])
        foreign = {
            "mediaType": "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
            "size": 5,
            "digest": "sha256:" + 64 * "0",
            "urls": ["https://example.com/layer"],
        }
        saving.images[0]["LayerSources"] = {sha256(tar_of({"a": b"1"})): foreign}
        del saving.files[saving.images[0]["Layers"][0]]
        path.write_bytes(saving.tar())
        result = li.Image.from_archive(path).write(f"{app.host}/app:1")
        assert app.json("1")["layers"][0] == foreign
        assert [one.digest for one in result.targets[0].skipped] == [foreign["digest"]]

    def test_an_image_without_a_tag_or_a_layer(self, path: Path) -> None:
        """Docker writes null for no tags, and for no layers."""
        saving = Saving()
        saving.image(trees=[])
        saving.images[0] |= {"RepoTags": None, "Layers": None}
        path.write_bytes(saving.tar())
        assert li.Image.from_archive(path).manifest().layers == ()

    @pytest.mark.parametrize("text", [b"nonsense", b"{}", b'[{"Config": 1}]', b"[1]", b'[{"Layers": {}}]'])
    def test_a_manifest_of_something_else(self, path: Path, text: bytes) -> None:
        """It is no archive of docker save."""
        path.write_bytes(tar_of({"manifest.json": text}))
        with pytest.raises(ArchiveError, match="is no archive of docker save"):
            li.Image.from_archive(path).digest()

    def test_it_has_no_index(self, path: Path) -> None:
        """The error says what it has."""
        path.write_bytes(Saving().tar())
        with pytest.raises(InvalidMutation, match=r"use Image\.from_archive"):
            li.Index.from_archive(path).digest()
        with pytest.raises(ImageNotFound, match="holds no image"):
            li.Image.from_archive(path).digest()


class TestFile:
    """The file itself: opened once, read by offset, decompressed in scratch space."""

    def test_it_is_opened_once(self, path: Path, app: Pushing, opened: list[str]) -> None:
        """However many layers are read of it, side by side."""
        saving = Saving()
        saving.image(trees=[{str(n): random.Random(n).randbytes(3 << 20)} for n in range(4)])  # noqa: S311
        path.write_bytes(saving.tar())
        image = li.Image.from_archive(path)
        opened.clear()
        image.write(f"{app.host}/app:1")
        assert opened.count(str(path)) == 1

    def test_it_is_closed_after_a_run(self, path: Path) -> None:
        """Whether that went well or not."""
        laying = Laying()
        laying.image("1")
        path.write_bytes(laying.tar())
        li.Image.from_archive(path).config()
        with pytest.raises(ImageNotFound):
            li.Image.from_archive(path, "2").digest()
        held = [link for link in Path("/proc/self/fd").iterdir() if link.exists()]
        assert path not in [link.readlink() for link in held]

    @pytest.mark.parametrize("form", ["oci", "docker"])
    @pytest.mark.parametrize("how", ["gzip", "zstd", "members"])
    def test_a_compressed_archive(
        self, path: Path, tmp_path: Path, app: Pushing, form: str, how: str
    ) -> None:
        """It is decompressed once, into scratch space that is gone afterwards."""
        zstandard = pytest.importorskip("zstandard")
        made = Laying() if form == "oci" else Saving()
        made.image("1", trees=[{"a": b"1" * 100_000}])
        tar = made.tar()
        halves = [gzip.compress(part) for part in (tar[:1000], tar[1000:])]
        packed = {"gzip": gzip.compress(tar), "zstd": zstandard.compress(tar), "members": b"".join(halves)}
        path.write_bytes(packed[how])
        scratch = tmp_path / "scratch"
        scratch.mkdir()
        with li.Engine(scratch=scratch):
            li.Image.from_archive(path).write(f"{app.host}/app:1")
        assert len(app.json("1")["layers"]) == 1
        assert not list(scratch.iterdir())

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (b"BZh91AY", "compressed with bzip2"),
            (gzip.compress(tar_of({"a": b"1"}))[:-9], "broken gzip"),
            (gzip.compress(b"x" * 1000)[:20] + b"x" * 50, "broken gzip"),
            (b"", "is no tar"),
            (b"hello" * 1000, "is no tar"),
            (tar_of({"a": b"1"}), "neither index.json nor manifest.json"),
            (
                tar_of({"manifest.json": b"x" * 5000})[:2000],
                "no tar, or a broken one: unexpected end of data",
            ),
        ],
    )
    def test_what_is_no_archive(self, path: Path, data: bytes, why: str) -> None:
        """It is said what it is."""
        path.write_bytes(data)
        with pytest.raises(ArchiveError, match=why):
            li.Image.from_archive(path).digest()

    def test_what_is_not_there(self, tmp_path: Path) -> None:
        """Neither a file nor a directory is mistaken for an archive."""
        with pytest.raises(SourceError, match="No such file"):
            li.Image.from_archive(tmp_path / "missing.tar").digest()
        with pytest.raises(SourceError, match="Is a directory"):
            li.Image.from_archive(tmp_path).digest()

    def test_a_fifo_is_read_once(self, path: Path, app: Pushing) -> None:
        """Such as what ``docker save app | ...`` gives: it rests in scratch space for the run."""
        saving = Saving()
        saving.image(trees=[{"a": b"1"}])
        os.mkfifo(path)
        threading.Thread(target=path.write_bytes, args=(saving.tar(),), daemon=True).start()
        li.Image.from_archive(path).write(f"{app.host}/app:1")
        assert len(app.json("1")["layers"]) == 1

    def test_scratch_space_that_is_missing_or_full(self, path: Path, tmp_path: Path) -> None:
        """The error says where it looked and what to do."""
        path.write_bytes(gzip.compress(Saving().tar()))
        with li.Engine(scratch=tmp_path / "missing"), pytest.raises(SourceError) as caught:
            li.Image.from_archive(path).digest()
        assert "No such file or directory; make room, or name another directory: Engine(scratch=...)" in str(
            caught.value
        )

    def test_a_bomb_is_refused(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """One that blows up out of proportion."""
        monkeypatch.setattr("lazyimg.content.inflate.Limits.__init__.__defaults__", (500.0, 10_000, 1000))
        path.write_bytes(gzip.compress(bytes(1 << 20)))
        with pytest.raises(ArchiveError, match="it holds over"):
            li.Image.from_archive(path).digest()

    def test_a_sparse_file_is_not_read(self, path: Path) -> None:
        """Its bytes do not lie in one piece; to be missing is better than to be wrong."""
        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            entry = tarfile.TarInfo("manifest.json")
            entry.pax_headers = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0"}
            entry.size = 512
            archive.addfile(entry, io.BytesIO(b"0\n".ljust(512, b"\0")))
        path.write_bytes(buffer.getvalue())
        with pytest.raises(ArchiveError, match="neither"):
            li.Image.from_archive(path).digest()

    @pytest.mark.parametrize("kind", ["large", "deep"])
    def test_hostile_headers(self, path: Path, kind: str) -> None:
        """A header of gigabytes is not held in memory, and a thousand in a row are no recursion too deep."""
        if kind == "large":
            head = tarfile.TarInfo("././@PaxHeader")
            head.type, head.size = tarfile.XHDTYPE, 7 << 30
            path.write_bytes(head.tobuf(tarfile.USTAR_FORMAT) + bytes(4096))
        else:
            head = tarfile.TarInfo("././@LongLink")
            head.type, head.size = tarfile.GNUTYPE_LONGNAME, 2
            path.write_bytes((head.tobuf(tarfile.GNU_FORMAT) + b"a".ljust(512, b"\0")) * 3000)
        with pytest.raises(ArchiveError, match="is no tar, or a broken one"):
            li.Image.from_archive(path).digest()

    def test_an_archive_of_everything(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """One with far more members than images have is not listed to its end."""
        monkeypatch.setattr("lazyimg.stores.tar_table.MOST_MEMBERS", 3)
        path.write_bytes(tar_of({str(n): b"" for n in range(5)}))
        with pytest.raises(ArchiveError, match="over 3 members"):
            li.Image.from_archive(path).digest()

    def test_the_last_of_a_name_wins(self, path: Path) -> None:
        """As extracting the archive would leave it: docker's own are written so when they are appended to."""
        laying = Laying()
        laying.image("1", label="last")
        stale = tar_of({"index.json": b"{}", "../escape": b"x"}).rstrip(b"\0")
        stale += bytes(-len(stale) % 512)
        path.write_bytes(stale + laying.tar())
        assert li.Image.from_archive(path).config().labels == {"is": "last"}

    def test_it_shrinks_meanwhile(self, path: Path) -> None:
        """What is missing is not waited for."""
        saving = Saving()
        saving.image(trees=[{"a": bytes(4000)}])
        path.write_bytes(saving.tar())
        image = li.Image.from_archive(path)
        layer = image.layers()[0]

        def shrink(event: Any) -> None:
            if getattr(event, "name", "") == "Consume":
                os.truncate(path, 1024)

        with li.Engine(on_event=shrink), pytest.raises(ArchiveError, match="ends in the middle of"):
            layer.identity()


def test_composing_touches_nothing(tmp_path: Path) -> None:
    """The file need not be there."""
    image = li.Image.from_archive(tmp_path / "x/../app.tar", "app:1", "linux/amd64")
    assert image == li.Image.from_archive(tmp_path / "app.tar", "app:1", "linux/amd64")
    steps = [step.what for step in image.plan("a.example/b:1").steps]
    assert f"Read the manifest of app:1 for linux/amd64 in {tmp_path / 'app.tar'}" in steps
    assert "index" in li.Index.from_archive(tmp_path / "a.tar").plan("a.example/b:1").steps[1].what
