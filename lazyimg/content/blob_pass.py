"""The one pass over a blob that is kept byte for byte: it is looked into as it passes by."""

import functools
from collections.abc import Callable

from attrs import field, frozen

from lazyimg.content.codec import Job
from lazyimg.content.counters import Counters
from lazyimg.content.identity import Identity
from lazyimg.content.inflate import Inflater
from lazyimg.content.limits import Limits
from lazyimg.content.pipeline import Pass, proceed
from lazyimg.content.source import Source
from lazyimg.errors import ContentMismatch, InvalidContent
from lazyimg.oci.digest import Digest


@frozen
class Expected:
    """What was said of a blob before it was read; None is not checked."""

    digest: Digest | None = None
    diff_id: Digest | None = None
    size: int | None = None

    def verify(self, identity: Identity, what: str) -> None:
        """Compare what was said with what was read.

        Raises:
            ContentMismatch: they differ.
        """
        for name in ("digest", "diff_id", "size"):
            said, found = getattr(self, name), getattr(identity, name)
            if said is not None and said != found:
                raise ContentMismatch(
                    f"{what} has {name} {found}, but {name}={said} was given: correct that, or leave it out"
                )


@frozen
class Kept:
    """The packing of a blob that stays as it is.

    Args:
        what: what the blob is called in messages.
        limits: how far it may blow up when it is looked into.
    """

    what: str
    limits: Limits = field(factory=Limits)
    workers: int = 1
    wants_tar: bool = False
    version: str = "kept"

    def codec(self) -> "Kept":
        """Return itself: there is nothing to load yet."""
        return self

    def encoder(self) -> "Keeper":
        """Begin a blob."""
        return Keeper(self)


class Keeper:
    """One blob on its way, and the look inside it."""

    def __init__(self, kept: Kept) -> None:
        self._kept = kept
        self._inflater: Inflater | None = None

    def job(self, block: memoryview, *, last: bool) -> Job:
        """Return the work of looking into ``block``, which gives the block itself."""
        return functools.partial(self._look, block, last=last)

    def _look(self, block: memoryview, *, last: bool) -> bytes:
        data = block.tobytes()
        try:
            if self._inflater is None:
                self._inflater = Inflater(self._kept.limits)
            self._inflater.feed(data)
            if last:
                self._inflater.diff_id()
        except InvalidContent as error:
            raise InvalidContent(f"{self._kept.what} is no layer: {error}") from error
        return data

    def diff_id(self) -> Digest | None:
        """Return the digest of the tar in the blob."""
        return None if self._inflater is None else self._inflater.diff_id()

    @property
    def compression(self) -> str:
        """How the blob is compressed, told by its content."""
        return "none" if self._inflater is None else self._inflater.compression


class BlobPass(Pass):
    """A blob, read once to its end: yielded as it is, hashed, decompressed and hashed again.

    Args:
        source: where the blob comes from.
        check: called at least every tenth of a second while waiting; what it raises ends the pass.
        counters: where opening and reading are counted.
        expected: what was said of the blob; compared at its end.
        limits: how far it may blow up.
    """

    def __init__(
        self,
        source: Source,
        check: Callable[[], None] = proceed,
        counters: Counters | None = None,
        *,
        expected: Expected | None = None,
        limits: Limits | None = None,
    ) -> None:
        super().__init__(source, Kept(source.describe(), limits or Limits()), check, counters)
        self._expected = expected or Expected()
        self._what = source.describe()

    def _identify(self) -> Identity:
        identity = super()._identify()
        self._expected.verify(identity, self._what)
        return identity
