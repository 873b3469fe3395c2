"""A tar read as a stream: member after member, each content taken in pieces or skipped."""

from collections.abc import Iterator

from lazyimg.content.entry import decoded
from lazyimg.content.pull import Pull
from lazyimg.content.tar_header import BLOCK, Member, is_checked, number
from lazyimg.errors import InvalidContent

_ZEROS = bytes(BLOCK)
_GLOBAL = b"g"
_EXTENSIONS = (b"x", b"X", b"L", b"K")
_EXTENSION_LIMIT = 1 << 20  # bytes of an extension header: what Go's reader takes, too
_EXTENSIONS_LIMIT = 8  # of one member
_CONTINUES = 482  # in a sparse header of GNU's old format, whether blocks follow that continue it
_CONTINUES_MORE = 504  # in such a block
_MORE_LIMIT = 1 << 14  # such blocks


class TarReader:
    """Reads a tar once, from its beginning to its end.

    Args:
        chunks: the tar, uncompressed. They are read to their very end, whatever follows the tar in them.
        what: what it is called in messages.
    """

    def __init__(self, chunks: Iterator[bytes], what: str) -> None:
        self._pull = Pull(chunks)
        self._what = what
        self._left = 0
        self._padding = 0

    def __iter__(self) -> Iterator[Member]:
        """Yield the members; what was not taken of one's content is skipped.

        A global pax header is a member of type ``g``: whoever merges layers ignores it, as runtimes do.

        Raises:
            InvalidContent: it is no tar, or ends too early.
        """
        while (member := self._next()) is not None:
            yield member
            self._skip(self._left)
            self._pull.skip(self._padding)  # which some tars lack at their end
        self._pull.drain()

    def data(self) -> Iterator[memoryview]:
        """Yield the content of the member that came last, in pieces of any size.

        Raises:
            InvalidContent: the tar ends in it.
        """
        for piece in self._pull.pieces(self._left):
            self._left -= len(piece)
            yield piece
        if self._left:
            raise self._truncated()

    def _next(self) -> Member | None:
        offset = self._pull.offset
        extensions: list[tuple[bytes, bytes]] = []
        while (block := self._header()) is not None and block[156:157] in _EXTENSIONS:
            if len(extensions) == _EXTENSIONS_LIMIT:
                raise self._broken("has too many extension headers in a row")
            extensions.append((block, self._extension(block)))
        if block is None:
            return None
        is_global = block[156:157] == _GLOBAL
        if is_global:
            extensions.append((block, self._extension(block)))
        more = b"".join(self._continued(block)) if block[156:157] == b"S" else b""
        try:
            member = Member(offset, extensions, block, more, self._pull.offset)
            self._left = 0 if is_global else member.size
        except InvalidContent as error:
            raise self._broken(f"has a member that is broken: {error}", offset) from error
        self._padding = -self._left % BLOCK
        return member

    def _header(self) -> bytes | None:
        """The next header block; None at the end, which is a block of zeros or the end of the bytes."""
        offset = self._pull.offset
        block = self._pull.take(BLOCK)
        if block in (b"", _ZEROS):
            return None
        if len(block) < BLOCK:
            raise self._truncated()
        if not is_checked(block):
            raise self._broken("is no tar" if not offset else "is a broken tar: a header is damaged", offset)
        return block

    def _extension(self, header: bytes) -> bytes:
        size = number(header[124:136])
        if not 0 <= size <= _EXTENSION_LIMIT:
            raise self._broken(
                f"has an extension header of {size} bytes, over the limit of {_EXTENSION_LIMIT}"
            )
        content = self._pull.take(size)
        if len(content) < size:
            raise self._truncated()
        self._pull.skip(-size % BLOCK)
        return content

    def _continued(self, block: bytes) -> Iterator[bytes]:
        """The blocks that continue a sparse header of GNU's old format."""
        goes_on = block[_CONTINUES]
        for _ in range(_MORE_LIMIT):
            if not goes_on:
                return
            block = self._pull.take(BLOCK)
            if len(block) < BLOCK:
                raise self._truncated()
            goes_on = block[_CONTINUES_MORE]
            yield block
        raise self._broken("has a sparse file of too many parts")

    def _skip(self, size: int) -> None:
        if size and not self._pull.skip(size):
            raise self._truncated()

    def _truncated(self) -> InvalidContent:
        return self._broken(
            f"is no whole tar: it ends after {self._pull.offset} bytes, in the middle of a member"
        )

    def _broken(self, how: str, offset: int | None = None) -> InvalidContent:
        where = f" (at byte {offset})" if offset is not None else ""
        return InvalidContent(f"{self._what} {how}{where}")


def member_of(header: bytes) -> Member:
    """The member that has these headers, its own and those before it."""
    member = next(iter(TarReader(iter([header]), "a header")), None)
    assert member is not None  # noqa: S101 - it was read before
    return member


def shown(name: bytes) -> str:
    """A name of a member as messages show it."""
    return repr(decoded(name))
