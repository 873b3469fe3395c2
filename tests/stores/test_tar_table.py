"""Tables of tars: what is found in them is what extracting them would give, and never anything outside."""

from __future__ import annotations

import contextlib
import io
import json
import tarfile
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.layouts import Laying, Saving, tar_of

import lazyimg as li
from lazyimg.errors import ArchiveError, LazyImgError
from lazyimg.stores.archive import Archive
from lazyimg.stores.saved import SavedImage, saved_images
from lazyimg.stores.tar_table import TarTable, read_table

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.lists(st.sampled_from(["a", "b", "..", ".", "c.json"]), min_size=1, max_size=4).map("/".join)
CONTENTS = st.one_of(
    st.binary(max_size=600),
    st.tuples(st.sampled_from(["symlink", "hardlink"]), NAMES | NAMES.map("/".__add__)),
)


class InMemory:
    """A file in memory, read by offset."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.size = len(data)

    def read_at(self, offset: int, size: int) -> bytes:
        return self._data[offset : offset + size]

    def close(self) -> None:
        pass


def table_of(data: bytes) -> TarTable:
    return read_table(InMemory(data), "a tar")


@given(entries=st.lists(st.tuples(NAMES, CONTENTS), max_size=8))
def test_it_finds_what_was_put_in(entries: list[tuple[str, Any]]) -> None:
    """Each name gives the bytes of its last file, through links of the archive alone; or it is refused."""
    archive = Archive(InMemory(_one("first", b"") + _tar(entries)), "a tar")
    contents = {content for _, content in entries if isinstance(content, bytes)}
    for name, _ in entries:
        with contextlib.suppress(ArchiveError):
            member = archive.find(name)
            assert member is None or archive.read(member, 1 << 20) in contents


def _tar(entries: list[tuple[str, Any]]) -> bytes:
    """A tar that may have a name several times."""
    return b"".join(_one(name, content) for name, content in entries) + bytes(1024)


def _one(name: str, content: Any) -> bytes:
    whole = tar_of({name: content})
    size = len(content) if isinstance(content, bytes) else 0
    return whole[: 512 + size + -size % 512]


@given(
    files=st.dictionaries(
        st.lists(st.sampled_from(["a", "b", "ü" * 60, "x" * 90]), min_size=1, max_size=3).map("/".join),
        st.binary(max_size=1500),
        max_size=6,
    )
)
def test_it_agrees_with_the_standard_library(files: dict[str, bytes]) -> None:
    """Long and foreign names included."""
    data = tar_of(files)
    archive = Archive(InMemory(data), "a tar")
    with tarfile.open(fileobj=io.BytesIO(data)) as other:
        for name, content in files.items():
            member, file = archive.find(name), other.extractfile(name)
            assert member is not None
            assert file is not None
            assert archive.read(member, 1 << 20) == file.read() == content


@pytest.mark.parametrize(
    ("files", "name", "found"),
    [
        ({"a/b": b"1", "a/l": ("symlink", "b")}, "a/l", b"1"),
        ({"a/b": b"1", "l": ("symlink", "a/../a/b")}, "l", b"1"),
        ({"a/b": b"1", "a/l": ("symlink", "../a/b")}, "./a//l", b"1"),
        ({"a/b": b"1", "l": ("hardlink", "./a/b")}, "/l", b"1"),
        ({"b": b"1", "m": ("symlink", "b"), "l": ("symlink", "m")}, "l", b"1"),
        ({"b": b"1"}, "../b", None),
        ({"b": b"1"}, "b/../../b", None),
        ({"b": b"1"}, "c", None),
    ],
)
def test_links(files: dict[str, Any], name: str, found: bytes | None) -> None:
    """They are relative to where they stand, hard ones to the archive."""
    archive = Archive(InMemory(tar_of(files)), "a tar")
    member = archive.find(name)
    assert (None if member is None else archive.read(member, 10)) == found


@pytest.mark.parametrize(
    "files",
    [
        {"l": ("symlink", "/b"), "b": b"1"},
        {"a/l": ("symlink", "../../b"), "b": b"1"},
        {"l": ("symlink", "c")},
        {"l": ("symlink", "l")},
        {"l": ("symlink", "m"), "m": ("symlink", "l")},
        {"l": ("hardlink", "../b"), "b": b"1"},
    ],
)
def test_links_that_lead_nowhere(files: dict[str, Any]) -> None:
    """They are refused, and named."""
    name = next(iter(files))
    with pytest.raises(ArchiveError, match=r"a tar: [alm/]+ is a link"):
        table_of(tar_of(files)).find(name)


@pytest.mark.parametrize("made", [Laying, Saving])
@given(data=st.data())
def test_broken_archives_are_refused_or_right(
    tmp_path_factory: pytest.TempPathFactory, made: Any, data: st.DataObject
) -> None:
    """Whatever is changed in one, or cut off: an error of ours, or the image as it was."""
    making = made()
    making.image("1", label="right")
    whole = bytearray(making.tar())
    if data.draw(st.booleans()):
        del whole[data.draw(st.integers(0, len(whole))) :]
    for _ in range(data.draw(st.integers(0, 3))):
        if whole:
            whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.getbasetemp() / f"{made.__name__}.tar"
    path.write_bytes(whole)
    with contextlib.suppress(LazyImgError):
        config = li.Image.from_archive(path).config()
        assert len(config.diff_ids) == 1


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["Config", "Layers", "RepoTags", "LayerSources", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(said=JSON)
def test_any_manifest_is_read_or_refused(said: Any) -> None:
    """By our error, and nothing else."""
    with contextlib.suppress(ArchiveError):
        for image in saved_images(json.dumps(said).encode(), "a tar"):
            assert isinstance(image, SavedImage)
            assert isinstance(image.config, str)


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        (f"{'0' * 64}.json", True),
        (f"sha256:{'0' * 64}", True),
        (f"blobs/sha256/{'0' * 64}", True),
        ("config.json", False),
        (f"{'0' * 63}.json", False),
        (f"{'0' * 64}.txt", False),
    ],
)
def test_what_a_configs_name_promises(name: str, promised: bool) -> None:  # noqa: FBT001 - a parameter
    """A digest, however the program that wrote it spells it."""
    assert SavedImage(name).digest == ("sha256:" + "0" * 64 if promised else None)


def test_documents_are_not_read_beyond_their_limits(tmp_path: Path) -> None:
    """Neither in a layout nor in an archive."""
    laying = Laying()
    laying.image("1")
    laying.entries[0]["annotations"]["x"] = "x" * (5 << 20)
    layout = laying.write(tmp_path / "layout")
    (tmp_path / "oci.tar").write_bytes(laying.tar())
    for image in (li.Image.from_layout(layout), li.Image.from_archive(tmp_path / "oci.tar")):
        with pytest.raises(LazyImgError, match=r"limit|over|4194304|4 MiB"):
            image.digest()
