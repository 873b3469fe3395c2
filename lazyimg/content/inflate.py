"""Looking inside a blob that is kept as it is: the digest of the tar in it, in bounded memory.

Pieces of the blob are pushed in as they pass by. A blob that blows up out of all proportion is refused.
"""

from lazyimg.content.decompress import DECOMPRESSORS
from lazyimg.content.limits import Limits
from lazyimg.content.magic import compression_of
from lazyimg.errors import InvalidContent
from lazyimg.oci.digest import Digest, new_hash


class Inflater:
    """Hashes the tar in a blob whose pieces are pushed in.

    Args:
        beginning: how the blob begins, which tells its compression.
        limits: how far it may blow up.

    Raises:
        InvalidContent: a compression that no layer has.
        MissingExtra: zstd, and the ``zstandard`` library is not installed.
    """

    def __init__(self, beginning: bytes, limits: Limits) -> None:
        self.compression = compression_of(beginning)
        if self.compression not in DECOMPRESSORS:
            raise InvalidContent(f"it is {self.compression}, which no layer can be: use gzip, zstd or a tar")
        self._decompressor = DECOMPRESSORS[self.compression]()
        self._limits = limits
        self._hash = new_hash()
        self._taken = 0
        self._given = 0

    def feed(self, data: bytes) -> None:
        """Decompress and hash the next piece.

        Raises:
            InvalidContent: it is broken, or blows up beyond the limits.
        """
        self._taken += len(data)
        try:
            for piece in self._decompressor.feed(data):
                self._given += len(piece)
                self._limits.check(self._taken, self._given)
                self._hash.update(piece)
        except self._decompressor.error as error:
            raise InvalidContent(f"it is broken {self.compression}: {error}") from error

    def diff_id(self) -> Digest:
        """Return the digest of the tar, at the end of the blob.

        Raises:
            InvalidContent: the blob ended too early.
        """
        if not self._decompressor.is_complete:
            raise InvalidContent(f"it is broken {self.compression}: it ends after {self._taken} bytes")
        return Digest.from_hash(self._hash)
