"""OCI layouts: how they are made, written to and named in (image-spec image-layout.md)."""

from __future__ import annotations

import errno
import json
import os
import resource
import subprocess
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from lazyimg.errors import InvalidDocument, LayoutError, LayoutUnwritable, LazyImgError
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.oci.media_type import OCI_MANIFEST
from lazyimg.stores.layout import Layout
from lazyimg.stores.naming import REF_NAME, Naming
from lazyimg.stores.naming import named as naming

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DATA = b"a blob"
DIGEST = Digest.of(DATA)


def manifest(text: str) -> Descriptor:
    data = text.encode()
    return Descriptor(media_type=OCI_MANIFEST, digest=Digest.of(data), size=len(data))


def names(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()}


def named(layout: Layout) -> dict[str | None, str]:
    """Give what ``index.json`` names, as another program reads it."""
    found = json.loads((layout.path / "index.json").read_bytes())
    return {entry.get("annotations", {}).get(REF_NAME): entry["digest"] for entry in found["manifests"]}


def add(layout: Layout, descriptor: Descriptor, tags: list[str]) -> None:
    """Let the layout's index name a manifest."""
    layout.rename(lambda index: naming(index, [Naming(descriptor, tuple(tags))]))


class TestCreate:
    """A directory becomes a layout."""

    def test_a_new_directory_is_made_with_its_parents(self, tmp_path: Path) -> None:
        """The marker, and the directory of blobs, are what a layout begins with."""
        layout = Layout(tmp_path / "a" / "b")
        layout.create()
        assert json.loads((layout.path / "oci-layout").read_bytes()) == {"imageLayoutVersion": "1.0.0"}
        assert names(layout.path) == {"oci-layout", "blobs"}
        assert names(layout.path / "blobs") == {"sha256"}

    def test_making_the_value_touches_nothing(self, tmp_path: Path) -> None:
        """It may be of a directory that is not there."""
        Layout(tmp_path / "a")
        assert not names(tmp_path)

    def test_again_changes_nothing(self, layout: Layout) -> None:
        """A layout is left as it is, text of the marker included."""
        (layout.path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0", "more": 1}')
        (layout.path / "README").write_text("kept")
        layout.create()
        assert (layout.path / "oci-layout").read_text() == '{"imageLayoutVersion": "1.0.0", "more": 1}'
        assert "README" in names(layout.path)

    def test_an_empty_directory_is_taken(self, tmp_path: Path) -> None:
        """It need not be new."""
        Layout(tmp_path).create()
        assert "oci-layout" in names(tmp_path)

    def test_what_a_killed_writer_left_is_no_obstacle(self, tmp_path: Path) -> None:
        """Neither its temporary file in an empty directory, nor a marker without blobs."""
        (tmp_path / ".lazyimg-0123").touch()
        Layout(tmp_path).create()
        (tmp_path / "blobs" / "sha256").rmdir()
        (tmp_path / "blobs").rmdir()
        Layout(tmp_path).create()
        assert (tmp_path / "blobs" / "sha256").is_dir()

    def test_another_directory_is_refused(self, tmp_path: Path) -> None:
        """Somebody's files are not mixed with blobs; nothing is left there."""
        (tmp_path / "precious").touch()
        with pytest.raises(LayoutError, match="no OCI layout and not empty"):
            Layout(tmp_path).create()
        assert names(tmp_path) == {"precious"}

    @pytest.mark.parametrize("marker", ['{"imageLayoutVersion": "2.0.0"}', "{}", "[]"])
    def test_another_version_is_refused(self, tmp_path: Path, marker: str) -> None:
        """The message names the file and the version that is known."""
        (tmp_path / "oci-layout").write_text(marker)
        with pytest.raises(
            LayoutError, match=r"oci-layout names the layout version .* only 1\.0\.0 is known"
        ):
            Layout(tmp_path).create()
        assert names(tmp_path) == {"oci-layout"}

    def test_a_broken_marker_is_refused(self, tmp_path: Path) -> None:
        """It is named."""
        (tmp_path / "oci-layout").write_text("nonsense")
        with pytest.raises(InvalidDocument, match="oci-layout"):
            Layout(tmp_path).create()

    def test_a_file_is_no_directory(self, tmp_path: Path) -> None:
        """What the system refuses is our error, and an OSError with its number."""
        (tmp_path / "file").touch()
        with pytest.raises(LayoutUnwritable, match="file: File exists") as caught:
            Layout(tmp_path / "file").create()
        assert isinstance(caught.value, LazyImgError)
        assert caught.value.errno == errno.EEXIST

    def test_many_writers_may_make_it_at_once(self, tmp_path: Path) -> None:
        """Processes that begin together all find, or make, the one layout."""
        text = (
            "import sys\nfrom pathlib import Path\nfrom lazyimg.stores.layout import Layout\n"
            "sys.stdin.readline()\n"
            "for number in range(200):\n    Layout(Path(sys.argv[1], str(number))).create()\n"
        )
        command = [sys.executable, "-c", text, str(tmp_path)]
        started = [subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(3)]
        for process in started:
            assert process.stdin is not None
            process.stdin.write(b"\n")
            process.stdin.flush()
        ended = [(process.communicate(timeout=60)[1], process.returncode) for process in started]
        assert ended == [(b"", 0)] * 3
        assert {frozenset(names(tmp_path / str(n))) for n in range(200)} == {
            frozenset({"oci-layout", "blobs"})
        }


class TestBlobs:
    """A blob under its digest is whole."""

    def test_a_blob_is_written_and_found(self, layout: Layout) -> None:
        """Its size comes back, and nothing else is left."""
        assert layout.write_blob([b"a ", memoryview(b"blob")], lambda: DIGEST) == len(DATA)
        assert layout.blob(DIGEST).read_bytes() == DATA
        assert names(layout.path / "blobs") == {"sha256"}
        assert layout.has(DIGEST, len(DATA))

    def test_another_algorithm_has_its_own_directory(self, layout: Layout) -> None:
        """A sha512 blob lies beside those of sha256."""
        digest = Digest.of(DATA, "sha512")
        layout.write_blob([DATA], lambda: digest)
        assert (layout.path / "blobs" / "sha512" / digest.encoded).read_bytes() == DATA
        assert layout.has(digest, len(DATA))

    def test_what_is_not_there_is_not_found(self, layout: Layout) -> None:
        """Neither an absent blob, nor one of another size, is there."""
        assert not layout.has(DIGEST, len(DATA))
        layout.write_blob([DATA[:-1]], lambda: DIGEST)
        assert not layout.has(DIGEST, len(DATA))

    def test_a_link_is_no_blob(self, layout: Layout, tmp_path: Path) -> None:
        """A symbolic link, even to the right bytes, does not count; writing replaces it, not its target."""
        outside = tmp_path / "outside"
        outside.write_bytes(DATA)
        layout.blob(DIGEST).symlink_to(outside)
        assert not layout.has(DIGEST, len(DATA))
        assert not layout.has(DIGEST, os.lstat(layout.blob(DIGEST)).st_size)
        layout.write_blob([DATA], lambda: DIGEST)
        assert layout.has(DIGEST, len(DATA))
        assert not layout.blob(DIGEST).is_symlink()
        assert outside.read_bytes() == DATA

    def test_a_directory_is_no_blob(self, layout: Layout) -> None:
        """Whatever size the file system gives it."""
        layout.blob(DIGEST).mkdir()
        assert not layout.has(DIGEST, layout.blob(DIGEST).stat().st_size)
        with pytest.raises(LayoutUnwritable):
            layout.write_blob([DATA], lambda: DIGEST)

    def test_a_source_that_fails_leaves_nothing(self, layout: Layout) -> None:
        """The very error comes out, also where it is one of the system."""
        error = ConnectionResetError("the user's own")

        def chunks() -> Iterator[bytes]:
            yield b"half"
            raise error

        with pytest.raises(ConnectionResetError) as caught:
            layout.write_blob(chunks(), lambda: DIGEST)
        assert caught.value is error
        assert names(layout.path / "blobs") == {"sha256"}
        assert not names(layout.path / "blobs" / "sha256")

    def test_a_digest_that_is_never_known_leaves_nothing(self, layout: Layout) -> None:
        """The bytes are there, their name is not: they go."""

        def unknown() -> Digest:
            raise TimeoutError

        with pytest.raises(TimeoutError):
            layout.write_blob([DATA], unknown)
        assert names(layout.path / "blobs") == {"sha256"}

    def test_a_full_disk_is_told(self, layout: Layout) -> None:
        """The message names the layout, and half a blob is not left."""
        with file_size_limit(1 << 20), pytest.raises(LayoutUnwritable, match="File too large") as caught:
            layout.write_blob([bytes(1 << 19) for _ in range(8)], lambda: DIGEST)
        assert str(layout.path) in str(caught.value)
        assert caught.value.errno == errno.EFBIG
        assert names(layout.path / "blobs") == {"sha256"}

    def test_a_layout_that_went_away_is_told(self, layout: Layout) -> None:
        """Nothing is made anew in the middle of a write."""
        (layout.path / "blobs" / "sha256").rmdir()
        (layout.path / "blobs").rmdir()
        with pytest.raises(LayoutUnwritable, match="No such file or directory"):
            layout.write_blob([DATA], lambda: DIGEST)


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes, as a full disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class TestIndex:
    """``index.json`` names manifests."""

    def test_a_new_layout_names_nothing(self, layout: Layout) -> None:
        """An absent index is an empty one."""
        assert layout.index().manifests == ()

    def test_tags_are_annotations(self, layout: Layout) -> None:
        """One entry a tag; without a tag, one for the digest alone."""
        a, b = manifest("a"), manifest("b")
        add(layout, a, ["v1", "latest"])
        add(layout, b, [])
        assert named(layout) == {"v1": a.digest, "latest": a.digest, None: b.digest}
        assert json.loads((layout.path / "index.json").read_bytes())["schemaVersion"] == 2

    def test_a_tag_moves(self, layout: Layout) -> None:
        """The entry that had it goes; the other tags of that manifest stay, and so does their order."""
        a, b = manifest("a"), manifest("b")
        add(layout, a, ["v1", "latest"])
        add(layout, b, ["latest"])
        assert named(layout) == {"v1": a.digest, "latest": b.digest}

    def test_the_same_manifest_is_named_once_without_a_tag(self, layout: Layout) -> None:
        """Writing again by digest adds no second entry, and a tag takes the nameless entry's place."""
        a = manifest("a")
        add(layout, a, [])
        add(layout, a, [])
        assert len(layout.index().manifests) == 1
        add(layout, a, ["v1"])
        assert named(layout) == {"v1": a.digest}

    def test_an_entry_keeps_its_annotations(self, layout: Layout) -> None:
        """The tag is added to them."""
        add(layout, manifest("a").replace(annotations={"org.example": "x"}), ["v1"])
        [entry] = layout.index().manifests
        assert entry.annotations == {"org.example": "x", REF_NAME: "v1"}

    def test_what_others_wrote_is_kept(self, layout: Layout) -> None:
        """Unknown fields, and entries of other programs, survive."""
        path = layout.path / "index.json"
        other = {"mediaType": OCI_MANIFEST, "digest": DIGEST, "size": 6, "x-unknown": [1.50, "é"]}
        path.write_text(json.dumps({"schemaVersion": 2, "manifests": [other], "x-top": {"a": None}}))
        add(layout, manifest("a"), ["v1"])
        found = json.loads(path.read_bytes())
        assert found["x-top"] == {"a": None}
        assert found["manifests"][0] == other
        assert len(found["manifests"]) == 2

    @pytest.mark.parametrize("text", ["nonsense", '{"schemaVersion": 2, "manifests": [], "layers": []}'])
    def test_a_broken_index_is_refused_and_left(self, layout: Layout, text: str) -> None:
        """The error's note says which file."""
        (layout.path / "index.json").write_text(text)
        with pytest.raises(InvalidDocument) as caught:
            add(layout, manifest("a"), ["v1"])
        assert f"in {layout.path / 'index.json'}" in caught.value.__notes__
        assert (layout.path / "index.json").read_text() == text

    def test_a_directory_that_cannot_be_written_is_told(self, layout: Layout) -> None:
        """What the index said it says still."""
        add(layout, manifest("a"), ["v1"])
        with file_size_limit(16), pytest.raises(LayoutUnwritable):
            add(layout, manifest("b"), ["v1"])
        assert named(layout) == {"v1": manifest("a").digest}
        assert names(layout.path) == {"oci-layout", "blobs", "index.json", ".lazyimg-lock"}

    def test_no_entry_of_concurrent_writers_is_lost(self, layout: Layout) -> None:
        """Threads that add at once, and readers in between, see whole indexes."""
        errors: list[BaseException] = []

        def work(call: Any) -> threading.Thread:
            def guarded() -> None:
                try:
                    for number in range(10):
                        call(number)
                except BaseException as error:  # noqa: BLE001 - told by the test's own thread
                    errors.append(error)

            thread = threading.Thread(target=guarded)
            thread.start()
            return thread

        writers = [
            work(lambda n, w=w: add(layout, manifest(f"{w}.{n}"), [f"w{w}-{n}"]))  # type: ignore[misc]
            for w in range(4)
        ]
        readers = [work(lambda _: layout.index()) for _ in range(2)]
        for thread in (*writers, *readers):
            thread.join()
        assert not errors
        assert set(named(layout)) == {f"w{w}-{n}" for w in range(4) for n in range(10)}
