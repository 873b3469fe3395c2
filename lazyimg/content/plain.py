"""The tar in a blob, whatever its compression: decompressed as it passes by, in bounded pieces."""

from collections.abc import Iterable, Iterator

from lazyimg.content.decompress import DECOMPRESSORS, Decompressor
from lazyimg.content.limits import Limits
from lazyimg.content.magic import begun, compression_of
from lazyimg.errors import InvalidContent


def uncompressed(chunks: Iterable[bytes | memoryview], what: str, limits: Limits) -> Iterator[bytes]:
    """Yield what a blob holds: gzip, zstd or a plain tar, told by its beginning.

    Args:
        chunks: the blob. All of them are taken, so that whoever gives them can verify them at their end.
        what: what it is called in messages.
        limits: how far it may blow up.

    Raises:
        InvalidContent: it is broken, no layer's compression, or blows up beyond the limits.
        MissingExtra: zstd, and the ``zstandard`` library is not installed.
    """
    pieces = iter(chunks)
    beginning = begun(pieces)
    name = compression_of(beginning)
    if name not in DECOMPRESSORS:
        raise InvalidContent(f"{what} is {name}, which no layer can be: use gzip, zstd or a tar")
    try:
        yield from _fed(DECOMPRESSORS[name](), beginning, pieces, limits)
    except InvalidContent as error:
        raise InvalidContent(f"{what} is no layer: {error}") from error


def _fed(
    decompressor: Decompressor, beginning: bytes, pieces: Iterator[bytes | memoryview], limits: Limits
) -> Iterator[bytes]:
    taken = given = 0
    piece: bytes | memoryview | None = beginning
    while piece is not None:
        taken += len(piece)
        for plain in _decompressed(decompressor, bytes(piece)):
            given += len(plain)
            limits.check(taken, given)
            yield plain
        piece = next(pieces, None)
    if taken and not decompressor.is_complete:
        raise InvalidContent(f"it is broken: its compression ends after {taken} bytes, in the middle")


def _decompressed(decompressor: Decompressor, piece: bytes) -> Iterator[bytes]:
    plain = decompressor.feed(piece)
    while True:
        try:
            data = next(plain, None)
        except decompressor.error as error:
            raise InvalidContent(f"it is broken: {error}") from error
        if data is None:
            return
        yield data
