"""Looking inside a blob that is kept as it is: the digest of the tar in it, in bounded memory.

Pieces of the blob are pushed in as they pass by. A blob that blows up out of all proportion is refused.
"""

from lazyimg.content.decompress import DECOMPRESSORS, Decompressor
from lazyimg.content.limits import Limits
from lazyimg.content.magic import LENGTH, compression_of
from lazyimg.errors import InvalidContent
from lazyimg.oci.digest import Digest, new_hash


class Inflater:
    """Hashes the tar in a blob whose pieces are pushed in.

    Args:
        limits: how far it may blow up.

    Attributes:
        compression: told by how the blob begins, once that much of it is there.
    """

    def __init__(self, limits: Limits) -> None:
        self.compression = "none"
        self._decompressor: Decompressor | None = None
        self._held = b""
        self._limits = limits
        self._hash = new_hash()
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> None:
        """Decompress and hash the next piece, of any size.

        Raises:
            InvalidContent: it is broken, blows up beyond the limits, or has a compression that no layer has.
            MissingExtra: it is zstd, and the ``zstandard`` library is not installed.
        """
        self._taken += len(data)
        if self._decompressor is None:
            self._held += data
            if len(self._held) < LENGTH:
                return
            data, self._held = self._held, b""
        self._inflate(data)

    def _inflate(self, data: bytes) -> None:
        decompressor = self._decompressor = self._decompressor or self._begin(data)
        try:
            for piece in decompressor.feed(data):
                self._given += len(piece)
                self._limits.check(self._taken, self._given)
                self._hash.update(piece)
        except decompressor.error as error:
            raise InvalidContent(f"it is broken {self.compression}: {error}") from error

    def _begin(self, beginning: bytes) -> Decompressor:
        self.compression = compression_of(beginning)
        if self.compression not in DECOMPRESSORS:
            raise InvalidContent(f"it is {self.compression}, which no layer can be: use gzip, zstd or a tar")
        return DECOMPRESSORS[self.compression]()

    def diff_id(self) -> Digest:
        """Return the digest of the tar, at the end of the blob.

        Raises:
            InvalidContent: the blob ended too early.
        """
        if self._decompressor is None:
            self._inflate(self._held)
        if self._decompressor is not None and not self._decompressor.is_complete:
            raise InvalidContent(f"it is broken {self.compression}: it ends after {self._taken} bytes")
        return Digest.from_hash(self._hash)
