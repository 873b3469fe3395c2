"""Shelves: what is put down is read again, in memory first and then on disk, which may be full."""

from __future__ import annotations

import errno
import gc
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.content.shelf import Shelf
from lazyimg.content.tree import Node, Tree
from lazyimg.errors import SourceError


@given(
    st.lists(st.binary(max_size=50), max_size=20),
    st.integers(1, 100),
    st.integers(0, 300),
    st.integers(0, 300),
)
def test_what_is_put_down_is_read(pieces: list[bytes], in_memory: int, offset: int, size: int) -> None:
    """Any part can be read, wherever it lies: on disk, in memory, or some of it here and there."""
    shelf, whole = Shelf(in_memory=in_memory), b""
    for piece in pieces:
        assert shelf.append(piece) == len(whole)
        whole += piece
    assert shelf.length == len(whole)
    assert shelf.read(offset, size) == whole[offset : offset + size]
    shelf.close()


def test_little_needs_no_disk(tmp_path: Path) -> None:
    """Up to the bound nothing is asked of the disk: the directory need not even be there."""
    shelf = Shelf(tmp_path / "missing", in_memory=100)
    shelf.append(b"x" * 99)
    assert shelf.read(0, 200) == b"x" * 99
    with pytest.raises(SourceError, match=r"cannot write scratch space in .*missing: No such file.*scratch="):
        shelf.append(b"x")


def test_the_file_has_no_name(tmp_path: Path) -> None:
    """On disk it is an unnamed file, which goes with its last user."""
    shelf = Shelf(tmp_path, in_memory=1)
    shelf.append(b"hello")
    assert list(tmp_path.iterdir()) == []
    before = len(list(Path("/proc/self/fd").iterdir()))
    del shelf
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) < before


def test_closed() -> None:
    """What was given back cannot be read."""
    shelf = Shelf(in_memory=1)
    shelf.append(b"hello")
    shelf.close()
    shelf.close()
    with pytest.raises(SourceError, match="cannot read scratch space"):
        shelf.read(0, 5)


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk is named, with what to do."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(SourceError, match="No space left on device; give it room") as caught:
        Shelf(in_memory=1).append(b"hello")
    assert caught.value.errno == errno.ENOSPC


def test_an_index_spills(tmp_path: Path) -> None:
    """The index of a merge lies in an unnamed file, too, and says what is wrong with its directory."""
    tree = Tree(tmp_path)
    assert list(tmp_path.iterdir()) == []
    tree.put(b"a", Node("file", 1))
    assert tree.get(b"a") == Node("file", 1)
    tree.close()
    with pytest.raises(SourceError, match=r"cannot be kept in scratch space.*scratch="):
        tree.get(b"a")
    with pytest.raises(SourceError, match=r"cannot be kept in scratch space"):
        tree.note(1, [])
    with pytest.raises(SourceError, match="cannot make a file in scratch space"):
        Tree(tmp_path / "missing")
