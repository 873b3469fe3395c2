"""Sparse files in layers: each of GNU tar's formats is read as the file that was packed."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

import pytest
from support.layers import file, flattened, merged_of, tar_of
from support.programs import need

from lazyimg.content.extent import Extent
from lazyimg.content.files import Files
from lazyimg.content.inflate import Limits
from lazyimg.content.merged import Merged
from lazyimg.content.shelf import Shelf
from lazyimg.content.sparse import Sparse
from lazyimg.errors import InvalidContent

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = {
    "gnu": ["--format=gnu"],
    "0.0": ["--format=pax", "--sparse-version=0.0"],
    "0.1": ["--format=pax", "--sparse-version=0.1"],
    "1.0": ["--format=pax", "--sparse-version=1.0"],
}


@pytest.fixture
def holes(tmp_path: Path) -> Path:
    """Make a file with many holes, and data at its beginning and not at its end."""
    path = tmp_path / "holes"
    with path.open("wb") as made:
        made.write(b"begin")
        for number in range(1, 40):
            made.seek(number * 100_000)
            made.write(f"part {number}".encode() * 100)
        made.truncate(5_000_000)
    return path


@pytest.fixture
def packed(holes: Path, request: pytest.FixtureRequest) -> bytes:
    """Pack the file as GNU tar does, in one of its formats."""
    command = [
        need("tar", "tar"),
        "--sparse",
        *FORMATS[request.param],
        "-C",
        holes.parent,
        "-cf",
        "-",
        "holes",
    ]
    data = subprocess.run(command, check=True, capture_output=True).stdout
    assert len(data) < 500_000
    return data


@pytest.mark.peer
@pytest.mark.parametrize("packed", FORMATS, indirect=True)
def test_sparse_files_are_read(packed: bytes, holes: Path) -> None:
    """The file has its size and its content, holes are zeros, and any part of it can be read alone."""
    with Files(merged_of([packed])) as files:
        found = files["/holes"]
        assert found.size == 5_000_000
        assert found.read() == holes.read_bytes()
        with found.open() as opened:
            assert opened.seek(-10, os.SEEK_END) == 4_999_990
            assert opened.read() == bytes(10)
            opened.seek(3_899_998)
            assert opened.read(8) == b"\0\0part 3"
            assert opened.seek(2, os.SEEK_CUR) == 3_900_008


@pytest.mark.peer
@pytest.mark.parametrize("packed", FORMATS, indirect=True)
def test_sparse_files_are_flattened_whole(packed: bytes, holes: Path) -> None:
    """In one tar it is a file like others."""
    with Files(merged_of([flattened([packed])])) as files:
        assert files["/holes"].read() == holes.read_bytes()


def sparse_tar(**records: str) -> bytes:
    """Make a tar of one file with GNU's sparse records."""
    info, content = file("f", b"hello")
    info.pax_headers = {f"GNU.sparse.{name.replace('_', '.')}": value for name, value in records.items()}
    return tar_of([(info, content)])


@pytest.mark.parametrize(
    ("records", "words"),
    [
        ({"map": "0,5", "size": "x"}, "b'x' for a number"),
        ({"map": "0,5"}, "b'' for a number"),
        ({"map": "0,5,9", "size": "20"}, "a part of no size"),
        ({"map": "5,2,0,3", "size": "20"}, "not in order"),
        ({"map": "0,5", "size": "4"}, "do not fit"),
        ({"map": "0,4", "size": "20"}, "do not fit"),
        ({"major": "1", "minor": "0", "realsize": "20"}, "list of parts is broken"),
    ],
    ids=["no-number", "no-size", "odd", "order", "short", "less", "no-list"],
)
def test_sparse_files_that_make_no_sense(records: dict[str, str], words: str) -> None:
    """Parts that contradict the file are refused, when it is read at the latest."""
    with pytest.raises(InvalidContent, match=words):
        flattened([sparse_tar(**records)])


def test_names_of_sparse_files() -> None:
    """The real name is the one that counts; the other is made up by the program that packed it."""
    data = sparse_tar(map="0,5", size="7", name="real/name")
    with Files(merged_of([data])) as files:
        assert list(files) == ["/real", "/real/name"]
        assert files["/real/name"].read() == b"hello\0\0"


def test_holes_are_limited() -> None:
    """A file of a tebibyte of holes in a small layer is refused like any other bomb."""
    merged = Merged(limits=Limits(free=1000, ratio=100))
    with pytest.raises(InvalidContent, match=r"'f', which is refused: .* raise Limits"):
        merged.add([sparse_tar(map="0,5", size=str(1 << 40))], "a layer")
    merged.close()


def test_extents() -> None:
    """Reading stops at the edge of a part or hole, and gives nothing at the end."""
    shelf = Shelf()
    shelf.append(b"..abcdef")
    extent = Extent.sparse(Sparse(((2, 3), (8, 3)), 12), 2)
    found = [extent.read(shelf, position, 100) for position in (0, 2, 4, 5, 8, 11, 12, 13)]
    assert found == [b"\0\0", b"abc", b"c", b"\0\0\0", b"def", b"\0", b"", b""]
    assert Extent.whole(0, 0).read(shelf, 0, 10) == b""
