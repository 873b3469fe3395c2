"""What a layer comes to: local bytes that are still to be read, or a blob that a registry has."""

from attrs import frozen

from lazyimg.content.compression import Compression
from lazyimg.content.identity import Identity
from lazyimg.content.source import Source
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.reference import Reference


@frozen
class Local:
    """Bytes of this machine, to be read in one pass.

    Attributes:
        source: where the bytes come from; opened when they are consumed.
        compression: how they travel; None keeps them as they are, because they are a blob already.
        given: the identity, where the user vouches for it: the source is then opened only to be uploaded.
        spool: whether a one-shot source is copied to scratch space as it is sent, in case of a cut.
    """

    source: Source
    compression: Compression | None
    given: Identity | None = None
    spool: bool = True


@frozen
class Remote:
    """A blob in a registry's repository.

    Attributes:
        repository: the registry and repository it was named in; its tag and digest mean nothing.
        descriptor: its media type, digest and size.
    """

    repository: Reference
    descriptor: Descriptor


Contents = Local | Remote
"""What the evaluation of a layer gives."""
