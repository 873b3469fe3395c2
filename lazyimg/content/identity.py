"""What is known of a layer once its bytes were read to the end."""

from attrs import frozen

from lazyimg.oci.digest import Digest


@frozen(kw_only=True)
class Identity:
    """A layer's names: of the blob as it travels, and of the tar inside it.

    Attributes:
        digest: of the blob, compressed or not (image-spec descriptor.md, "Digests").
        size: of the blob, in bytes.
        diff_id: of the uncompressed tar (image-spec config.md, "Layer DiffID").
        media_type: the OCI media type of the blob; an image of Docker media types translates it.
    """

    digest: Digest
    size: int
    diff_id: Digest
    media_type: str
