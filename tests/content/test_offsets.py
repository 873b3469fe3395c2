"""Files and scratch space that are read at offsets, and bytes held against their descriptors."""

from __future__ import annotations

import resource
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from lazyimg.content.local import OffsetFile
from lazyimg.content.scratch import Scratch
from lazyimg.content.verified import verified
from lazyimg.errors import ContentMismatch, SourceError
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = bytes(range(256)) * 40
BLOB = Descriptor(media_type="text/plain", digest=Digest.of(DATA), size=len(DATA))


def in_pieces(data: bytes = DATA, size: int = 1000) -> Iterator[bytes]:
    yield from (data[start : start + size] for start in range(0, len(data), size))


class TestOffsetFile:
    """A file read by several threads."""

    @pytest.fixture
    def path(self, tmp_path: Path) -> Path:
        path = tmp_path / "file"
        path.write_bytes(DATA)
        return path

    def test_any_offset(self, path: Path) -> None:
        """In any order, and beyond the end nothing."""
        with OffsetFile(path) as file:
            assert (file.size, file.read_at(300, 5)) == (len(DATA), DATA[300:305])
            assert file.read_at(0, 10) == DATA[:10]
            assert file.read_at(len(DATA) - 1, 10) == DATA[-1:]
            assert file.read_at(len(DATA), 10) == b""

    def test_closed_it_is_not_read(self, path: Path) -> None:
        """The number that the system may have given to another file is not used; closing twice is fine."""
        file = OffsetFile(path)
        file.close()
        file.close()
        with pytest.raises(SourceError, match="after the run that opened it has ended"):
            file.read_at(0, 1)

    def test_who_reads_reads_to_the_end(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Closed meanwhile, it stays open until then."""
        reading, closed, found = threading.Event(), threading.Event(), []

        def slow(descriptor: int, size: int, offset: int) -> bytes:
            reading.set()
            closed.wait(10)
            return Path(f"/proc/self/fd/{descriptor}").read_bytes()[offset : offset + size]

        monkeypatch.setattr("os.pread", slow)
        file = OffsetFile(path)
        thread = threading.Thread(target=lambda: found.append(file.read_at(0, 3)))
        thread.start()
        reading.wait(10)
        file.close()
        closed.set()
        thread.join()
        assert found == [DATA[:3]]
        assert file._descriptor == -1

    def test_what_the_system_does_not_let_be_read(self, path: Path) -> None:
        """It is an error that names the file."""
        with OffsetFile(path) as file, pytest.raises(SourceError, match=f"cannot read {path}"):
            file.read_at(-1, 1)


class TestScratch:
    """Scratch space that matters."""

    def test_it_is_gone_when_it_is_closed(self, tmp_path: Path) -> None:
        """And has no name before."""
        scratch = Scratch(tmp_path, "a test")
        scratch.append(b"hello ")
        scratch.append(memoryview(b"world"))
        assert (scratch.size, scratch.read_at(4, 4)) == (11, b"o wo")
        assert not list(tmp_path.iterdir())
        scratch.close()

    def test_a_full_disk_is_told(self, tmp_path: Path) -> None:
        """What was to be kept, where, and what to do."""
        scratch = Scratch(tmp_path, "app.tar")
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
        try:
            with pytest.raises(SourceError, match=r"cannot keep app\.tar in scratch space at") as caught:
                scratch.append(bytes(2 << 20))
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
            scratch.close()
        assert "File too large; make room" in str(caught.value)
        assert caught.value.errno


class TestVerified:
    """Bytes are what their descriptor says."""

    @pytest.mark.parametrize("offset", [0, 1, 999, 1000, 1001, len(DATA) - 1, len(DATA)])
    def test_from_any_offset(self, offset: int) -> None:
        """The whole is hashed, and the rest given."""
        assert b"".join(verified(in_pieces(), BLOB, offset, "it")) == DATA[offset:]

    @pytest.mark.parametrize(
        ("data", "why"),
        [
            (DATA[:-1], "it has 10239 bytes, and not 10240"),
            (DATA + b"x", "it has more than the 10240 bytes"),
            (DATA[:-1] + b"x", "it has the digest sha256:"),
            (b"", "it has 0 bytes"),
        ],
    )
    def test_the_last_piece_is_never_given_of_others(self, data: bytes, why: str) -> None:
        """However they differ."""
        given = []
        with pytest.raises(ContentMismatch, match=why):
            given.extend(verified(in_pieces(data), BLOB, 0, "it"))
        assert len(b"".join(given)) < len(DATA)

    def test_nothing_at_all(self) -> None:
        """An empty blob is one too."""
        empty = Descriptor(media_type="text/plain", digest=Digest.of(b""), size=0)
        assert list(verified([], empty, 0, "it")) == []

    def test_another_algorithm(self) -> None:
        """The descriptor's own."""
        blob = BLOB.replace(digest=Digest.of(DATA, "sha512"))
        assert b"".join(verified(in_pieces(), blob, 0, "it")) == DATA
