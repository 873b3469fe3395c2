"""What an OCI layout names after a write, and what is collected."""

from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Any

import pytest

import lazyimg as li
from lazyimg.errors import ContentMismatch, DirectoryInUse, LayoutError, LayoutUnwritable
from lazyimg.stores import collect as collecting
from lazyimg.stores.layout import Layout
from lazyimg.stores.naming import REF_NAME

if TYPE_CHECKING:
    from pathlib import Path


def image(text: str) -> li.Image:
    """Return an image with a layer of its own."""
    return li.Image.empty().append(li.Layer.from_files({"/text": text.encode()})).annotate({"text": text})


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Give a layout with two images."""
    path = tmp_path / "out"
    li.write({li.OCILayout(path, tag="a"): image("a"), li.OCILayout(path, tag="b"): image("b")})
    return path


def tags(out: Path) -> dict[str | None, str]:
    found = json.loads((out / "index.json").read_bytes())["manifests"]
    return {entry.get("annotations", {}).get(REF_NAME): entry["digest"] for entry in found}


def blobs(out: Path) -> set[str]:
    return {f"sha256:{path.name}" for path in (out / "blobs/sha256").iterdir()}


def blobs_of(*images: li.Image) -> set[str]:
    """Return the digests of all that images are made of."""
    found: set[str] = set()
    for one in images:
        manifest = one.manifest()
        found |= {one.digest(), manifest.config.digest, *(layer.digest for layer in manifest.layers)}
    return found


class TestReplacing:
    """An image takes the place of others."""

    def test_all(self, out: Path) -> None:
        """Nothing else is named; what another image in the same write put there is."""
        li.write(
            {
                li.OCILayout(out, tag="c", replace=True): image("c"),
                li.OCILayout(out, tag="d"): image("d"),
                li.OCILayout(out): image("e"),
            }
        )
        assert tags(out) == {"c": image("c").digest(), "d": image("d").digest(), None: image("e").digest()}
        assert blobs_of(image("a")) < blobs(out)

    def test_by_annotations(self, out: Path) -> None:
        """Entries that have all of them go; the annotations are the entry's, not the image's."""
        nightly = {"channel": "nightly", "os": "linux"}
        image("c").write(li.OCILayout(out, tag="c", annotations=nightly))
        image("d").write(li.OCILayout(out, tag="d", annotations={"channel": "nightly"}))
        image("e").write(li.OCILayout(out, tag="e", annotations=nightly, replace=nightly))
        assert set(tags(out)) == {"a", "b", "d", "e"}
        [entry] = [e for e in Layout(out).index().manifests if e.annotations[REF_NAME] == "e"]
        assert entry.annotations == {**nightly, REF_NAME: "e"}
        assert entry.digest == image("e").digest()

    def test_no_annotations_replace_nothing(self, out: Path) -> None:
        """An empty mapping is not "all"."""
        image("c").write(li.OCILayout(out, tag="c", replace={}))
        assert set(tags(out)) == {"a", "b", "c"}

    def test_one_index_for_all_images_of_a_write(self, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Either all are named, or none."""
        renames: list[Any] = []
        rename = Layout.rename
        monkeypatch.setattr(Layout, "rename", lambda self, change: (renames.append(1), rename(self, change)))
        li.write({li.OCILayout(out, tag=tag): image(tag) for tag in "cdef"})
        assert (len(renames), set(tags(out))) == (1, set("abcdef"))


class TestCollecting:
    """Blobs that nothing names go."""

    def test_with_a_write(self, out: Path) -> None:
        """What the new index reaches stays, whatever else was there goes."""
        index = li.Index.empty().add(image("c")).add(image("d"))
        referrer = image("e").with_subject(image("a"))
        li.write(
            {
                li.OCILayout(out, tag="c", replace=True, collect=True): index,
                li.OCILayout(out, tag="r"): referrer,
            }
        )
        wanted = blobs_of(image("a"), image("c"), image("d"), referrer)  # a subject is reached, too
        assert blobs(out) == wanted | {index.digest()}

    def test_what_others_have_in_place_stays(self, out: Path) -> None:
        """While another session holds the layout, a write collects nothing; afterwards it does."""
        work: Any = None
        other = li.OCILayout(out).site.open(work, ())
        data = b"not named yet"
        other.write([data], lambda: li.Digest.of(data))
        last = li.OCILayout(out, tag="c", replace=True, collect=True)
        image("c").write(last)
        assert li.Digest.of(data) in blobs(out)
        with pytest.raises(DirectoryInUse, match="is being written to"):
            last.collect_garbage()
        other.close()
        removed = last.collect_garbage()
        assert set(removed) == {li.Digest.of(data)} | blobs_of(image("a"), image("b"))
        assert blobs(out) == blobs_of(image("c"))
        assert last.collect_garbage() == ()

    def test_a_write_waits_for_a_collection(self, out: Path) -> None:
        """A session opens when nobody removes blobs any more."""
        result: list[Any] = []
        with Layout(out).held(alone=True):
            writer = threading.Thread(
                target=lambda: result.append(image("c").write(li.OCILayout(out, tag="c")))
            )
            writer.start()
            writer.join(0.3)
            assert not result
        writer.join(60)
        assert result[0].digest == image("c").digest()

    def test_what_killed_writers_left_goes(self, out: Path) -> None:
        """Temporary files; files that are nobody's blobs stay."""
        (out / "blobs/.lazyimg-0123").write_bytes(b"half")
        (out / "blobs/sha256/README").write_text("mine")
        (out / "blobs/sha256" / ("0" * 64)).symlink_to("README")
        assert li.OCILayout(out).collect_garbage() == ()
        assert {path.name for path in (out / "blobs").iterdir()} == {"sha256"}
        assert {"sha256:README", "sha256:" + "0" * 64} < blobs(out)

    def test_a_manifest_that_is_not_there_reaches_nothing(self, out: Path) -> None:
        """A layout may be sparse; what is there and named stays."""
        manifest = image("a").digest()
        (out / "blobs" / manifest.replace(":", "/")).unlink()
        removed = li.OCILayout(out).collect_garbage()
        assert set(removed) == blobs_of(image("a")) - {manifest} - blobs_of(image("b"))

    def test_a_broken_manifest_removes_nothing(self, out: Path) -> None:
        """Nobody knows what it reaches; a write is not harmed by it."""
        manifest = out / "blobs" / image("a").digest().replace(":", "/")
        manifest.write_bytes(manifest.read_bytes()[:-1])
        before = blobs(out)
        with pytest.raises(ContentMismatch, match="nothing was removed"):
            li.OCILayout(out).collect_garbage()
        image("c").write(li.OCILayout(out, tag="b", collect=True))
        assert blobs(out) == before | blobs_of(image("c"))
        assert tags(out)["b"] == image("c").digest()

    def test_blobs_elsewhere_are_not_touched(self, out: Path, tmp_path: Path) -> None:
        """A directory that is a link may be shared with other layouts."""
        (out / "blobs/sha256").rename(tmp_path / "shared")
        (out / "blobs/sha256").symlink_to(tmp_path / "shared")
        image("c").write(li.OCILayout(out, tag="c", replace=True, collect=True))
        with pytest.raises(LayoutError, match="is no regular file"):
            li.OCILayout(out).collect_garbage()
        (out / "index.json").write_text('{"schemaVersion": 2, "manifests": []}')
        with pytest.raises(LayoutError, match="is a link"):
            li.OCILayout(out).collect_garbage()
        assert blobs_of(image("a"), image("b"), image("c")) <= blobs(out)

    def test_a_manifest_that_is_a_link_is_not_followed(self, out: Path, tmp_path: Path) -> None:
        """It may say anything; nothing is removed."""
        manifest = out / "blobs" / image("a").digest().replace(":", "/")
        manifest.rename(tmp_path / "elsewhere")
        manifest.symlink_to(tmp_path / "elsewhere")
        (out / "blobs/.lazyimg-0123").touch()
        with pytest.raises(LayoutError, match="is no regular file"):
            li.OCILayout(out).collect_garbage()
        assert (out / "blobs/.lazyimg-0123").exists()

    def test_no_layout_is_refused(self, tmp_path: Path) -> None:
        """And nothing is made there."""
        (tmp_path / "file").touch()
        for path in (tmp_path, tmp_path / "none", tmp_path / "file"):
            with pytest.raises(LayoutError, match="is no OCI layout"):
                li.OCILayout(path).collect_garbage()
        assert [path.name for path in tmp_path.iterdir()] == ["file"]

    def test_what_cannot_be_removed_is_told(self, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """By the method, not by the write that is done."""
        digest = image("a").digest()
        image("c").write(li.OCILayout(out, tag="c", replace=True))
        (out / "blobs" / digest.replace(":", "/")).unlink()
        (out / "blobs" / digest.replace(":", "/")).mkdir()
        monkeypatch.setattr(collecting, "_blobs", lambda _: iter([digest]))
        image("c").write(li.OCILayout(out, tag="c", collect=True))
        with pytest.raises(LayoutUnwritable):
            li.OCILayout(out).collect_garbage()

    def test_a_layout_that_names_nothing_is_emptied(self, tmp_path: Path) -> None:
        """As a killed first write leaves one."""
        layout = Layout(tmp_path)
        layout.create()
        layout.write_blob([b"a"], lambda: li.Digest.of(b"a"))
        assert li.OCILayout(tmp_path).collect_garbage() == (li.Digest.of(b"a"),)
        (tmp_path / "blobs/sha256").rmdir()
        (tmp_path / "blobs").rmdir()
        assert li.OCILayout(tmp_path).collect_garbage() == ()


def test_a_linked_blob_is_written_anew(out: Path, tmp_path: Path) -> None:
    """A link is no blob, even to the right bytes: it is replaced, and what it points to is left."""
    blob = out / "blobs" / image("a").digest().replace(":", "/")
    blob.rename(tmp_path / "elsewhere")
    blob.symlink_to(tmp_path / "elsewhere")
    result = image("a").write(li.OCILayout(out, tag="a"))
    assert result.digest in {one.digest for one in result.uploaded}
    assert not blob.is_symlink()
    assert blob.read_bytes() == (tmp_path / "elsewhere").read_bytes()
