"""Layouts from strangers: read without leaving them, and written into without leaving them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest
from support.layouts import Laying

import lazyimg as li
from lazyimg.errors import InvalidDocument, LayoutError, LayoutUnwritable, LazyImgError

if TYPE_CHECKING:
    from pathlib import Path

MINE = b"mine: not the layout's"


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Give a layout with one image, ``1``, beside a file that is nobody's business."""
    (tmp_path / "mine").write_bytes(MINE)
    laying = Laying()
    laying.image("1")
    return laying.write(tmp_path / "layout")


def change() -> li.Image:
    """Compose something to write."""
    return li.Image.empty().append(li.Layer.from_files({"/a": b"b"}))


@pytest.mark.parametrize("name", ["oci-layout", "index.json"])
def test_no_document_is_written_through_a_link(layout: Path, tmp_path: Path, name: str) -> None:
    """A layout with a link in the place of a document is refused, and where that leads stays as it is."""
    path, elsewhere = layout / name, tmp_path / "elsewhere"
    path.rename(elsewhere)
    path.symlink_to(elsewhere)
    before = said(elsewhere)
    with pytest.raises((LayoutError, LayoutUnwritable)):
        change().write(li.OCILayout(layout, tag="2"))
    assert said(elsewhere) == before


def said(path: Path) -> list[tuple[str, int]]:
    """Say what is at a path and below, and when it was changed."""
    return sorted((str(one), one.stat().st_mtime_ns) for one in (path, *path.rglob("*")))


@pytest.mark.parametrize("name", [".lazyimg-lock", ".lazyimg-writers"])
def test_a_lock_that_leads_elsewhere_empties_nothing(layout: Path, tmp_path: Path, name: str) -> None:
    """What a layout calls its locks may be links to a user's own files: those stay as they are."""
    (layout / name).symlink_to(tmp_path / "mine")
    with pytest.raises(LayoutUnwritable):
        change().write(li.OCILayout(layout, tag="2"))
    assert (tmp_path / "mine").read_bytes() == MINE


@pytest.mark.parametrize("name", ["index.json", "oci-layout"])
def test_a_document_without_end_is_not_read_to_it(layout: Path, name: str) -> None:
    """What should be small is read to its limit, by readers and writers; nobody waits for a FIFO."""
    path = layout / name
    path.unlink()
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(InvalidDocument):
        li.Image.from_layout(layout).digest()
    with pytest.raises(InvalidDocument):
        change().write(li.OCILayout(layout, tag="2"))
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(LayoutError, match="no regular file"):
        li.Image.from_layout(layout).digest()
    with pytest.raises(LayoutError, match="no regular file"):
        change().write(li.OCILayout(layout, tag="2"))


@pytest.mark.parametrize(
    "digest",
    [
        "../../mine",
        "sha256:../../../mine",
        "../..:mine",
        "blobs/../..:mine",
        "sha256:/etc/passwd",
        "md5:0",
        "sha384:0",
    ],
)
def test_a_digest_that_is_a_path_names_no_blob(layout: Path, digest: str) -> None:
    """An algorithm or a name that leads elsewhere is no digest, and nothing is opened."""
    index = json.loads((layout / "index.json").read_text())
    index["manifests"][0]["digest"] = digest
    (layout / "index.json").write_text(json.dumps(index))
    with pytest.raises(LazyImgError, match="is no digest"):
        li.Image.from_layout(layout).digest()


def test_a_reference_name_is_no_path(layout: Path, tmp_path: Path) -> None:
    """The name of an image is a text to compare with: nothing is looked up on the disk by it."""
    with pytest.raises(LazyImgError):
        li.Image.from_layout(layout, "../mine").digest()
    change().write(li.OCILayout(layout, tag="../../mine"))
    assert (tmp_path / "mine").read_bytes() == MINE
