"""The tar in a blob, whatever its compression."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from lazyimg.content.inflate import Limits
from lazyimg.content.plain import uncompressed
from lazyimg.errors import InvalidContent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COMPRESSIONS: dict[str, Callable[[bytes], bytes]] = {
    "none": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "members": lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:]) + bytes(3),
}


def plain(*chunks: bytes, limits: Limits | None = None) -> bytes:
    """Give what is in a blob."""
    return b"".join(uncompressed(chunks, "a blob", limits or Limits()))


@given(st.sampled_from(sorted(COMPRESSIONS)), st.binary(max_size=3000), st.integers(1, 50))
def test_any_compression(name: str, data: bytes, size: int) -> None:
    """What was compressed comes out, however the blob is cut; members of gzip follow each other."""
    data = b"tar " + data
    blob = COMPRESSIONS[name](data)
    assert plain(*(blob[at : at + size] for at in range(0, len(blob), size))) == data


def test_nothing() -> None:
    """A blob of no bytes holds none."""
    assert plain() == plain(b"") == b""


@pytest.mark.parametrize(
    ("blob", "words"),
    [
        (b"BZh91AY&SY", "a blob is bzip2, which no layer can be: use gzip, zstd or a tar"),
        (gzip.compress(b"hello" * 100)[:-9], "a blob is no layer: it is broken: its compression ends after"),
        (gzip.compress(b"hello" * 100)[:20] + b"\xff" * 30, "a blob is no layer: it is broken"),
        (COMPRESSIONS["zstd"](b"hello" * 100)[:-2], "a blob is no layer: it is broken"),
    ],
    ids=["bzip2", "short", "damaged", "short-zstd"],
)
def test_broken(blob: bytes, words: str) -> None:
    """What is broken, or compressed as no layer is, is refused."""
    with pytest.raises(InvalidContent, match=words):
        plain(blob)


@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_bombs(name: str) -> None:
    """What blows up beyond the limits is refused before it is all there."""
    given = 0

    def count(pieces: Iterable[bytes]) -> None:
        nonlocal given
        for piece in pieces:
            given += len(piece)

    bomb = COMPRESSIONS[name](bytes(64 << 20))
    with pytest.raises(InvalidContent, match=r"a blob is no layer: .* raise Limits\(ratio="):
        count(uncompressed([bomb], "a blob", Limits(free=1 << 20)))
    assert given < 40 << 20
    with pytest.raises(InvalidContent, match=r"raise Limits\(total="):
        plain(bomb, limits=Limits(total=1 << 20))
