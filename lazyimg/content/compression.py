"""How a layer is compressed on its way out: values only, the compressors are loaded when bytes flow.

>>> Gzip().name, Zstd(level=5).name, Uncompressed().name
('gzip', 'zstd', 'none')
"""

from typing import TYPE_CHECKING, ClassVar

from attrs import Attribute, field, frozen

from lazyimg.errors import MissingExtra

if TYPE_CHECKING:
    from lazyimg.content.codec import Codec

GZIP_LEVELS = (0, 1, 2)
ZSTD_LEVELS = range(1, 23)


def _gzip_level(_: "Gzip", __: "Attribute[int]", level: int) -> None:
    if level not in GZIP_LEVELS:
        raise ValueError(
            f"gzip level {level!r} is not offered, only 0, 1 and 2: layers are compressed by isal, whose "
            "levels 0 to 2 give the same bytes on every x86-64 CPU and whose level 3 does not, "
            "so a digest would depend on the machine. For smaller layers use Zstd(level=...)"
        )


def _zstd_level(_: "Zstd", __: "Attribute[int]", level: int) -> None:
    if level not in ZSTD_LEVELS:
        raise ValueError(f"zstd level {level!r} does not exist: use 1 (fastest) to 22 (smallest)")


@frozen
class Gzip:
    """One gzip member (RFC 1952), deflated by isal in blocks of 2 MiB, each of which stands alone.

    Args:
        level: 0, 1 or 2; part of the layer's digest.

    Raises:
        ValueError: the level is not one whose bytes are the same on every machine.
    """

    level: int = field(default=1, validator=_gzip_level)
    name: ClassVar[str] = "gzip"

    def codec(self) -> "Codec":
        """Load the compressor. Reads nothing, starts nothing."""
        from lazyimg.content.deflate import GzipCodec  # noqa: PLC0415 - isal is loaded on use

        return GzipCodec(self.level)

    def version(self) -> str:
        """Say which compressor this is, for facts that hold as long as it stays the same."""
        return self.codec().version


@frozen
class Zstd:
    """One zstd frame (RFC 8878), compressed by a single thread. Needs the ``zstd`` extra.

    The bytes are the same as long as the zstd in the ``zstandard`` library is: its 1.5.7 (zstandard 0.24)
    changed what level 3 makes of text.

    Args:
        level: 1 to 22; part of the layer's digest.
    """

    level: int = field(default=3, validator=_zstd_level)
    name: ClassVar[str] = "zstd"

    def codec(self) -> "Codec":
        """Load the compressor.

        Raises:
            MissingExtra: the ``zstandard`` library is not installed.
        """
        try:
            from lazyimg.content.zstd import ZstdCodec  # noqa: PLC0415 - an extra, loaded on use
        except ImportError as error:
            raise MissingExtra(
                "zstd layers need the zstandard library, which is not installed: pip install 'lazyimg[zstd]'"
            ) from error
        return ZstdCodec(self.level)

    def version(self) -> str:
        """Say which compressor this is, for facts that hold as long as it stays the same."""
        return self.codec().version


@frozen
class Uncompressed:
    """The tar as it is."""

    name: ClassVar[str] = "none"

    def codec(self) -> "Codec":
        """Load what stands in for a compressor."""
        from lazyimg.content.codec import PlainCodec  # noqa: PLC0415 - symmetrical with the others

        return PlainCodec()

    def version(self) -> str:
        """Say which compressor this is."""
        return self.codec().version


Compression = Gzip | Zstd | Uncompressed
"""Any of the three; the default everywhere is `GZIP`."""

GZIP = Gzip()
"""``Gzip(level=1)``."""
