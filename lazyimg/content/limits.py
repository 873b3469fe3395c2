"""How far what is read may blow up."""

from attrs import frozen

from lazyimg.errors import InvalidContent


@frozen
class Limits:
    """How far a blob may blow up when it is decompressed.

    Attributes:
        ratio: uncompressed to compressed size, at most; not looked at below ``free`` bytes.
        total: uncompressed bytes, at most.
        free: uncompressed bytes, up to which any ratio will do.
    """

    ratio: float = 500.0
    total: int = 1 << 40
    free: int = 256 << 20

    def check(self, taken: int, given: int) -> None:
        """Refuse a blob that gave ``given`` bytes for ``taken``.

        Raises:
            InvalidContent: that is over a limit.
        """
        if given > self.total:
            raise InvalidContent(
                f"it holds over {self.total} bytes: raise Limits(total=...) of the engine if it should"
            )
        if given > self.free and given > self.ratio * taken:
            raise InvalidContent(
                f"{taken} bytes of it hold {given}, more than {self.ratio:g} times as much: "
                "raise Limits(ratio=...) of the engine if that is no bomb"
            )
