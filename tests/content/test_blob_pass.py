"""Blobs kept as they are: every byte kept, hashed, and looked into in the same pass."""

import gzip
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from lazyimg.content.blob_file import BlobFile
from lazyimg.content.blob_pass import BlobPass, Expected
from lazyimg.content.block import BLOCK
from lazyimg.content.counters import Counters
from lazyimg.content.decompress import DECOMPRESSORS
from lazyimg.content.inflate import Inflater, Limits
from lazyimg.content.pipeline import identity_of
from lazyimg.content.source import Bytes
from lazyimg.errors import ContentMismatch, InvalidContent, MissingExtra
from lazyimg.oci.digest import Digest

CONTENT = hashlib.shake_128(b"blob").digest(5 * BLOCK + 9)
TEXT = b"".join(b"line %d of a file\n" % number for number in range(400_000))


def zstd(data: bytes) -> Any:
    """Compress as the zstd program does, with a checksum."""
    return zstandard.ZstdCompressor(1, write_checksum=True).compress(data)


@pytest.mark.parametrize(
    ("blob", "inside", "suffix"),
    [
        (gzip.compress(CONTENT, 1), CONTENT, "+gzip"),
        (gzip.compress(TEXT), TEXT, "+gzip"),
        (gzip.compress(CONTENT, 1) + gzip.compress(TEXT), CONTENT + TEXT, "+gzip"),
        (gzip.compress(b"") + gzip.compress(TEXT) + bytes(512), TEXT, "+gzip"),
        (zstd(CONTENT), CONTENT, "+zstd"),
        (zstd(TEXT) + zstd(b"") + zstd(CONTENT), TEXT + CONTENT, "+zstd"),
        (CONTENT, CONTENT, ""),
        (b"", b"", ""),
    ],
    ids=["gzip", "gzip-text", "two-members", "padded", "zstd", "frames", "tar", "empty"],
)
def test_a_blob_is_kept_and_looked_into(blob: bytes, inside: bytes, suffix: str) -> None:
    """The bytes come out as they are; digest and size are theirs, diff_id that of the tar inside."""
    with BlobPass(Bytes(blob)) as one:
        assert b"".join(one) == blob
    assert one.identity.digest == Digest.of(blob)
    assert one.identity.size == len(blob)
    assert one.identity.diff_id == Digest.of(inside)
    assert one.identity.media_type == f"application/vnd.oci.image.layer.v1.tar{suffix}"


def test_a_blob_file_is_read_once(tmp_path: Path) -> None:
    """One opening, one reading, as with any source."""
    path, counters = tmp_path / "layer.tar.gz", Counters()
    path.write_bytes(gzip.compress(TEXT))
    assert BlobFile(path).describe() == str(path)
    assert identity_of(BlobPass(BlobFile(path), counters=counters)).diff_id == Digest.of(TEXT)
    assert (counters.attempts, counters.opened, counters.bytes_read) == (1, 1, path.stat().st_size)


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
@pytest.mark.parametrize("cut", [5, 20, -1, -9])
def test_a_blob_that_ends_early_is_refused(compress: Any, cut: int) -> None:
    """A truncated blob is no layer, and is named."""
    with pytest.raises(InvalidContent, match=r"\d+ bytes is no layer: it is broken (gzip|zstd)"):
        identity_of(BlobPass(Bytes(compress(CONTENT)[:cut])))


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
def test_a_broken_blob_is_refused(compress: Any) -> None:
    """A flipped bit is found, in one way or another."""
    blob = bytearray(compress(TEXT))
    blob[len(blob) // 2] ^= 0x55
    blob[len(blob) // 2 + 1] ^= 0xAA
    with pytest.raises(InvalidContent, match="broken"):
        identity_of(BlobPass(Bytes(bytes(blob))))


def test_a_wrong_checksum_is_refused() -> None:
    """gzip's own check of its content is checked."""
    blob = bytearray(gzip.compress(TEXT))
    blob[-5] ^= 1
    with pytest.raises(InvalidContent, match="broken gzip"):
        identity_of(BlobPass(Bytes(bytes(blob))))


@pytest.mark.parametrize("junk", [b"junk after the end", b"\0\0\0junk"])
def test_junk_after_gzip_is_refused(junk: bytes) -> None:
    """What follows the last member is another member, or zeros."""
    with pytest.raises(InvalidContent, match="broken gzip"):
        identity_of(BlobPass(Bytes(gzip.compress(TEXT) + junk)))


@pytest.mark.parametrize(("magic", "name"), [(b"BZh91AY", "bzip2"), (b"\xfd7zXZ\x00", "xz")])
def test_compressions_that_no_layer_has_are_refused(magic: bytes, name: str) -> None:
    """bzip2 and xz have no media type."""
    with pytest.raises(InvalidContent, match=f"it is {name}, which no layer can be"):
        identity_of(BlobPass(Bytes(magic + b"x" * 100)))


@pytest.mark.parametrize(
    "expected",
    [
        Expected(digest=Digest.of(b"other")),
        Expected(diff_id=Digest.of(b"other")),
        Expected(size=7),
    ],
    ids=["digest", "diff_id", "size"],
)
def test_what_was_said_is_compared(expected: Any, tmp_path: Path) -> None:
    """A wrong digest, diff_id or size is found when the blob is read, and the file named."""
    path = tmp_path / "layer"
    path.write_bytes(gzip.compress(TEXT))
    with pytest.raises(ContentMismatch, match=f"{path} has .* was given"):
        identity_of(BlobPass(BlobFile(path), expected=expected))


def test_what_was_said_rightly_is_fine() -> None:
    """Right claims change nothing."""
    blob = gzip.compress(TEXT)
    expected = Expected(digest=Digest.of(blob), diff_id=Digest.of(TEXT), size=len(blob))
    assert identity_of(BlobPass(Bytes(blob), expected=expected)).size == len(blob)


@pytest.mark.parametrize("compress", [gzip.compress, zstd])
@pytest.mark.parametrize(
    "limits", [Limits(ratio=50, free=1 << 20), Limits(total=1 << 20)], ids=["ratio", "total"]
)
def test_bombs_are_refused(compress: Any, limits: Limits) -> None:
    """A blob that blows up beyond a limit is refused, and the limit named; a higher one lets it pass."""
    bomb = compress(bytes(64 << 20))
    with pytest.raises(InvalidContent, match=r"raise Limits\((ratio|total)="):
        identity_of(BlobPass(Bytes(bomb), limits=limits))
    assert identity_of(BlobPass(Bytes(bomb))).size == len(bomb)


def test_a_zstd_frame_that_wants_too_much_memory_is_refused() -> None:
    """A window of a gigabyte is not given."""
    parameters = zstandard.ZstdCompressionParameters.from_level(3, window_log=30)
    frame = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    blob = frame.compress(TEXT) + frame.flush()
    with pytest.raises(InvalidContent, match="broken zstd"):
        identity_of(BlobPass(Bytes(blob)))


@pytest.mark.parametrize(("name", "compress"), [("gzip", gzip.compress), ("zstd", zstd)])
def test_a_bomb_comes_out_in_bounded_pieces(name: str, compress: Any) -> None:
    """However much a piece holds, it is given out a little at a time."""
    decompressor = DECOMPRESSORS[name]()
    sizes = [len(piece) for piece in decompressor.feed(compress(bytes(200 << 20)))]
    assert sum(sizes) == 200 << 20
    assert max(sizes) <= 64 << 20


@pytest.mark.parametrize("step", [1, 7, 1000])
@pytest.mark.parametrize(
    "blob", [gzip.compress(b"a" * 500) + gzip.compress(b"b"), zstd(b"a" * 500) + zstd(b"b")]
)
def test_blobs_may_come_in_any_pieces(step: int, blob: bytes) -> None:
    """Members and frames are found wherever a piece ends."""
    inflater = Inflater(Limits())
    for start in range(0, len(blob), step):
        inflater.feed(blob[start : start + step])
    assert inflater.diff_id() == Digest.of(b"a" * 500 + b"b")


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from([gzip.compress(TEXT[:3000]), zstd(TEXT[:3000]), b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd"]),
    st.lists(st.tuples(st.integers(3, 3000), st.integers(0, 255)), max_size=5),
    st.binary(max_size=40),
)
def test_any_bytes_give_a_digest_or_a_clear_error(blob: bytes, flips: Any, more: bytes) -> None:
    """Whatever follows a magic number, it is looked into or refused, and nothing else happens."""
    broken = bytearray(blob + more)
    for place, value in flips:
        if place < len(broken):
            broken[place] = value
    try:
        inflater = Inflater(Limits())
        inflater.feed(bytes(broken))
        assert inflater.diff_id()
    except InvalidContent as error:
        assert "broken" in str(error)  # noqa: PT017 - either is fine


@pytest.mark.parametrize("step", [1, 4, 8, 100])
def test_a_zstd_frame_that_lies_about_its_size(step: int) -> None:
    """It is refused however its pieces fall, where the library looks only at whole ones."""

    def look(blob: bytes) -> Digest:
        inflater = Inflater(Limits())
        for start in range(0, len(blob), step):
            inflater.feed(blob[start : start + step])
        return inflater.diff_id()

    with pytest.raises(InvalidContent, match="broken zstd"):
        look(bytes.fromhex("28b52ffd2010010000"))
    empty = bytes.fromhex("28b52ffd2000050000")  # its block is compressed, and of no bytes
    assert look(empty) == Digest.of(b"")
    skippable = b"\x50\x2a\x4d\x18\x03\0\0\0abc"
    assert look(zstd(b"a" * 500) + skippable + zstd(b"")) == Digest.of(b"a" * 500)


def test_zstd_needs_its_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without zstandard the error names the extra."""
    monkeypatch.setitem(sys.modules, "zstandard", None)
    with pytest.raises(MissingExtra, match=r"lazyimg\[zstd\]"):
        identity_of(BlobPass(Bytes(zstd(b"abc"))))


def test_what_programs_compressed_is_read(tmp_path: Path) -> None:
    """The gzip program's output is read, header fields and all."""
    path = tmp_path / "named.tar"
    path.write_bytes(TEXT)
    subprocess.run(["gzip", "-9", path], check=True, env={"PATH": os.environ["PATH"]})
    assert identity_of(BlobPass(BlobFile(path.with_name("named.tar.gz")))).diff_id == Digest.of(TEXT)
