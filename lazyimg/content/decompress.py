"""Decompression by pushing: pieces go in as they pass by, bounded pieces of what they hold come out.

gzip may have several members, zstd several frames; both are read to the last.
"""

from collections.abc import Callable, Iterator
from typing import Protocol, cast

from isal import igzip_lib

from lazyimg.errors import MissingExtra

_GZIP_IN = 64 << 10  # bytes that gzip is given at a time: what follows a member, however short, is copied
_HEADER = 1 << 20  # bytes of a member's header, at most
_FIXED = 10  # bytes of it that are always there
_CHECKED, _EXTRA, _NAME, _COMMENT = 2, 4, 8, 16  # its flags
_OUT = 1 << 20  # bytes that gzip gives at a time, at most
_ZSTD_IN = 2 << 10  # bytes that zstd is given at a time: at most 64 MiB come out, however hostile they are
_ZSTD_HEAD = 18  # bytes that a frame's header has at most
_ZSTD_WINDOW = 128 << 20  # bytes of history that a zstd frame may ask for


class Decompressor(Protocol):
    """Decompression by pushing."""

    error: type[Exception]  # what the library raises for bytes that are broken

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` decompresses to, in bounded pieces."""
        ...

    @property
    def is_complete(self) -> bool:
        """Whether the blob may end here."""
        ...


class Plain:
    """Content that is not compressed."""

    error: type[Exception] = ValueError
    is_complete = True

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield ``data``."""
        yield data


class GzipMembers:
    """gzip, one member after another; zeros may follow the last, as some tools pad.

    The header of a member is given to the library whole: it misreads some that come in parts.
    """

    error = cast("type[Exception]", igzip_lib.error)  # the stubs call the class an instance

    def __init__(self) -> None:
        self._member = _member()
        self._is_fresh = True
        self._held = b""
        self._count = 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` decompresses to."""
        for start in range(0, len(data), _GZIP_IN):
            yield from self._feed(data[start : start + _GZIP_IN])

    def _feed(self, data: bytes) -> Iterator[bytes]:
        while data := self._begun(data) if self._is_fresh else data:
            self._is_fresh = False
            yield from self._drain(data)
            if not self._member.eof:
                return
            data = self._member.unused_data
            self._member, self._is_fresh, self._count = _member(), True, self._count + 1

    def _begun(self, data: bytes) -> bytes:
        """The beginning of a member, once its header is whole; nothing before."""
        data, self._held = self._held + data, b""
        if self._count:
            data = data.lstrip(b"\0")
        if not data or _has_header(data):
            return data
        if len(data) > _HEADER:
            raise self.error(f"a header of over {_HEADER} bytes")
        self._held = data
        return b""

    def _drain(self, data: bytes) -> Iterator[bytes]:
        yield self._member.decompress(data, _OUT)
        while not (self._member.needs_input or self._member.eof):
            yield self._member.decompress(b"", _OUT)

    @property
    def is_complete(self) -> bool:
        """Whether the last member ended."""
        return self._is_fresh and self._count > 0 and not self._held


def _has_header(data: bytes) -> bool:
    """Whether a member's header is whole, or is none (RFC 1952, 2.3)."""
    if data[:2] != b"\x1f\x8b"[: len(data)]:
        return True
    if len(data) < _FIXED:
        return False
    flags, at = data[3], _FIXED
    if flags & _EXTRA:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for flag in (_NAME, _COMMENT):
        if flags & flag:
            end = data.find(b"\0", at)
            if end < 0:
                return False
            at = end + 1
    return at + (2 if flags & _CHECKED else 0) <= len(data)


def _member() -> igzip_lib.IgzipDecompressor:
    return igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)


class ZstdFrames:
    """zstd, one frame after another."""

    def __init__(self) -> None:
        try:
            import zstandard  # noqa: PLC0415 - an extra, loaded on use
        except ImportError as error:
            raise MissingExtra(
                "a zstd layer is kept as it is, but its diff_id needs the zstandard library, which is not "
                "installed: pip install 'lazyimg[zstd]'"
            ) from error
        self.error: type[Exception] = zstandard.ZstdError
        self._size_of = zstandard.frame_content_size
        self._frames = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW)
        self._frame = self._frames.decompressobj()
        self._is_fresh = True
        self._head, self._given = b"", 0

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what ``data`` decompresses to."""
        for start in range(0, len(data), _ZSTD_IN):
            yield from self._feed(data[start : start + _ZSTD_IN])

    def _feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._is_fresh:  # alone, for the library reads a frame by other rules that comes whole
                self._is_fresh, self._head = False, data[:1]
                self._frame.decompress(data[:1])
                data = data[1:]
                continue
            self._head = (self._head + data[:_ZSTD_HEAD])[:_ZSTD_HEAD]
            piece = self._frame.decompress(data)
            self._given += len(piece)
            yield piece
            if not self._frame.eof:
                return
            self._check_size()
            data = self._frame.unused_data
            self._frame, self._is_fresh = self._frames.decompressobj(), True
            self._head, self._given = b"", 0

    def _check_size(self) -> None:
        """Hold a frame against the size that it says: of frames in pieces, the library does not always."""
        said = self._size_of(self._head)
        if said not in {-1, self._given}:
            raise self.error(f"a frame of {self._given} bytes says that it has {said}")

    @property
    def is_complete(self) -> bool:
        """Whether the last frame ended."""
        return self._is_fresh


DECOMPRESSORS: dict[str, Callable[[], Decompressor]] = {
    "none": Plain,
    "gzip": GzipMembers,
    "zstd": ZstdFrames,
}
