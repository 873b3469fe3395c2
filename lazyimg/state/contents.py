"""What a layer comes to: local bytes that are still to be read, or a blob that rests somewhere whole."""

from collections.abc import Iterator
from typing import Protocol

from attrs import frozen

from lazyimg.content.compression import Compression
from lazyimg.content.identity import Identity
from lazyimg.content.source import Source
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest
from lazyimg.runtime import Work


@frozen
class Local:
    """Bytes of this machine, to be read in one pass.

    Attributes:
        source: where the bytes come from; opened when they are consumed.
        compression: how they travel; None keeps them as they are, because they are a blob already.
        given: the identity, where the user vouches for it: the source is then opened only to be uploaded.
        spool: whether a one-shot source is copied to scratch space as it is sent, in case of a cut.
        diff_id: what a document says that the tar's digest is; held against the bytes when they are read.
    """

    source: Source
    compression: Compression | None
    given: Identity | None = None
    spool: bool = True
    diff_id: Digest | None = None


def counts_itself(source: Source) -> bool:
    """Whether what is read of a source is counted by itself: of one that is made of layers, or a copy."""
    return getattr(source, "counts_itself", False) is True


class Home(Protocol):
    """Where blobs and manifests rest: a repository, a layout, an archive. A frozen value."""

    def chunks(self, descriptor: Descriptor, offset: int, work: Work) -> Iterator[bytes | memoryview]:
        """The bytes of what the descriptor names, from ``offset``; verified by the time they end.

        Raises:
            ContentMismatch: they are not those of the descriptor.
        """
        ...

    def fetch(self, descriptor: Descriptor, limit: int, work: Work) -> bytes:
        """All the bytes of a small blob, verified.

        Raises:
            ContentMismatch: they are not those of the descriptor, or more than ``limit``.
        """
        ...


@frozen
class Stored:
    """A blob that rests somewhere whole.

    Attributes:
        home: where.
        descriptor: its media type, digest and size.
    """

    home: Home
    descriptor: Descriptor


@frozen
class Named(Stored):
    """A blob that a user named, and no manifest declares: whoever seals an image with it asks what it is.

    Attributes:
        diff_id: of the tar in it; None is learned from its bytes.
        is_told: whether the descriptor's media type is known; else its bytes tell it.
    """

    diff_id: Digest | None = None
    is_told: bool = False

    @property
    def identity(self) -> Identity | None:
        """What it is, if that is known without its bytes."""
        if self.diff_id is None or not self.is_told:
            return None
        blob = self.descriptor
        return Identity(digest=blob.digest, size=blob.size, diff_id=self.diff_id, media_type=blob.media_type)


Contents = Local | Stored
"""What the evaluation of a layer gives."""
