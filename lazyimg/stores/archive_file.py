"""An archive in a file; one that is compressed, or a FIFO, is copied to scratch space first."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

from attrs import field, frozen

from lazyimg.content.block import BLOCK
from lazyimg.content.local import OffsetFile, absolute, shown
from lazyimg.content.magic import begun, compression_of
from lazyimg.content.scratch import Scratch
from lazyimg.errors import ArchiveError, InvalidContent
from lazyimg.stores.archive import Archive
from lazyimg.stores.tar_table import ReadsAt


@frozen
class ArchiveFile:
    """A tar in a file. Making the value touches nothing.

    >>> print(ArchiveFile("/srv/app.tar"))
    /srv/app.tar
    """

    path: Path = field(converter=absolute)

    def __str__(self) -> str:
        return shown(self.path)

    def open(self, scratch: Path | None, check: Callable[[], None]) -> Archive:
        """Open the file, once; where it cannot be read by offset, copy it to scratch space.

        Raises:
            SourceError: it cannot be opened or read, or scratch space is full.
            ArchiveError: it is no tar.
        """
        file = self._by_offset(OffsetFile(self.path), scratch, check)
        try:
            return Archive(file, str(self))
        except BaseException:
            file.close()
            raise

    def _by_offset(self, file: OffsetFile, scratch: Path | None, check: Callable[[], None]) -> ReadsAt:
        try:
            if not file.one_shot and compression_of(file.read_at(0, 8)) == "none":
                return file
            copied = _copied(_blocks(file, check), scratch, str(self))
        except BaseException:
            file.close()
            raise
        file.close()
        return copied


def _blocks(file: OffsetFile, check: Callable[[], None]) -> Iterator[bytes]:
    buffer = memoryview(bytearray(BLOCK))
    while size := file.readinto(buffer):
        check()
        yield buffer[:size].tobytes()


def _copied(blocks: Iterator[bytes], directory: Path | None, what: str) -> Scratch:
    """The archive in scratch space, decompressed.

    Raises:
        ArchiveError: it is compressed in another way than gzip and zstd, or broken.
    """
    scratch = Scratch(directory, what)
    try:
        _fill(scratch, blocks, what)
    except BaseException:
        scratch.close()
        raise
    return scratch


def _fill(scratch: Scratch, blocks: Iterator[bytes], what: str) -> None:
    from lazyimg.content.decompress import DECOMPRESSORS  # noqa: PLC0415 - isal on use
    from lazyimg.content.limits import Limits  # noqa: PLC0415 - with it

    first = begun(blocks)
    name = compression_of(first)
    if name not in DECOMPRESSORS:
        raise ArchiveError(
            f"{what} is compressed with {name}: decompress it, or compress it with gzip or zstd"
        )
    decompressor, limits, taken = DECOMPRESSORS[name](), Limits(), 0
    try:
        for block in itertools.chain([first], blocks):
            taken += len(block)
            for piece in decompressor.feed(block):
                scratch.append(piece)
                limits.check(taken, scratch.size)
    except decompressor.error as error:
        raise ArchiveError(f"{what} is broken {name}: {error}") from error
    except InvalidContent as error:
        raise ArchiveError(f"{what}: {error}") from error
    if not decompressor.is_complete:
        raise ArchiveError(f"{what} is broken {name}: it ends after {taken} bytes")
