"""The passes over a blob that rests somewhere whole: nothing is compressed, its name is known."""

from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING, Self

from lazyimg.content.block import BLOCK
from lazyimg.content.identity import Identity
from lazyimg.errors import ContentMismatch, InvalidContent
from lazyimg.oci.digest import Digest, new_hash
from lazyimg.oci.media_type import layer_media_type
from lazyimg.state.contents import Named, Stored
from lazyimg.thunk.run import Run

if TYPE_CHECKING:
    from lazyimg.oci.descriptor import Descriptor
    from lazyimg.runtime import Work


class StoredPass:
    """A blob read from its home, verified, in blocks (`lazyimg.content.pipeline.OnePass`)."""

    one_shot = False

    def __init__(self, blob: Stored, run: Run) -> None:
        self.identity: Descriptor = blob.descriptor
        self._blob = blob
        self._run = run
        self._hash = new_hash()

    def describe(self) -> str:
        """The digest and the home."""
        return f"{self._blob.descriptor.digest} of {self._blob.home}"

    def prefix_digest(self) -> str:
        """The digest of all bytes yielded so far."""
        return self._hash.hexdigest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held between blocks."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield blocks of one size however the bytes arrive, so that a second reading meets the first."""
        work: Work = self._run.runtime
        block = bytearray()
        for chunk in self._blob.home.chunks(self._blob.descriptor, 0, work):
            self._run.check()
            block += chunk
            while len(block) >= BLOCK:
                yield self._taken(block[:BLOCK])
                del block[:BLOCK]
        if block:
            yield self._taken(block)

    def _taken(self, block: bytearray) -> bytes:
        self._hash.update(block)
        return bytes(block)


class NamedPass:
    """The same, looked into as it passes by: at its end it is known what tar is in it."""

    one_shot = False

    def __init__(self, blob: Named, run: Run) -> None:
        self._blob = blob
        self._pass = StoredPass(blob, run)
        self._limits = run.runtime.limits
        self._identity: Identity | None = None

    @property
    def identity(self) -> Identity:
        """The layer's identity.

        Raises:
            RuntimeError: the pass was not iterated to its end.
        """
        if self._identity is None:
            raise RuntimeError("a pass knows its layer's identity when its last block was taken")
        return self._identity

    def describe(self) -> str:
        """The digest and the home."""
        return self._pass.describe()

    def prefix_digest(self) -> str:
        """The digest of all bytes yielded so far."""
        return self._pass.prefix_digest()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held between blocks."""

    def __iter__(self) -> Iterator[bytes]:
        """Yield the blocks, each once it was looked into.

        Raises:
            InvalidContent: the blob is no layer.
        """
        from lazyimg.content.inflate import Inflater  # noqa: PLC0415 - isal on use

        inflater = Inflater(self._limits)
        try:
            for block in self._pass:
                inflater.feed(block)
                yield block
            diff_id = inflater.diff_id()
            self._identity = self._identified(diff_id, inflater.compression)
        except InvalidContent as error:
            raise InvalidContent(f"{self.describe()} is no layer: {error}") from error

    def _identified(self, diff_id: Digest, compression: str) -> Identity:
        """What the blob turned out to be.

        Raises:
            ContentMismatch: it has another diff_id than the user gave.
        """
        if self._blob.diff_id not in {None, diff_id}:
            raise ContentMismatch(
                f"{self.describe()} has the diff_id {diff_id}, and {self._blob.diff_id} was given"
            )
        blob = self._blob.descriptor
        media_type = blob.media_type if self._blob.is_told else layer_media_type(compression)
        return Identity(digest=blob.digest, size=blob.size, diff_id=diff_id, media_type=media_type)
