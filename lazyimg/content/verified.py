"""Bytes held against the descriptor that names them, while they pass by."""

from collections.abc import Iterable, Iterator

from lazyimg.errors import ContentMismatch
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.digest import Digest, new_hash


def verified(chunks: Iterable[bytes], blob: Descriptor, offset: int, what: str) -> Iterator[bytes]:
    """Yield what is whole and right: the last piece is held back until all were hashed.

    >>> blob = Descriptor(media_type="text/plain", digest=Digest.of(b"hello"), size=5)
    >>> b"".join(verified([b"he", b"llo"], blob, 1, "a greeting"))
    b'ello'

    Args:
        chunks: all the bytes, from the beginning.
        blob: what they must be.
        offset: how many of them are left out from the beginning.
        what: what is read, for messages.

    Raises:
        ContentMismatch: they are not those of ``blob``.
    """
    hasher, position, held = new_hash(blob.digest.algorithm), 0, b""
    for chunk in chunks:
        hasher.update(chunk)
        start, position = position, position + len(chunk)
        if position > blob.size:
            raise ContentMismatch(f"{what} has more than the {blob.size} bytes that its descriptor says")
        if position > offset:
            if held:
                yield held
            held = chunk[max(0, offset - start) :]
    if position != blob.size:
        raise ContentMismatch(f"{what} has {position} bytes, and not {blob.size}, as its descriptor says")
    found = Digest.from_hash(hasher)
    if found != blob.digest:
        raise ContentMismatch(f"{what} has the digest {found}, and not {blob.digest}: it is damaged")
    if held:
        yield held
