"""What gives an image's manifest and blobs: the base for a source of images of one's own."""

from collections.abc import Iterable, Iterator
from typing import ClassVar

from attrs import frozen

from lazyimg.content.verified import verified
from lazyimg.errors import InvalidMutation
from lazyimg.image.hiding import refuse_hiding
from lazyimg.image.image import Image
from lazyimg.oci.descriptor import Descriptor
from lazyimg.oci.manifest import Manifest, parse_manifest
from lazyimg.runtime import Work
from lazyimg.state.homes import refuse_larger
from lazyimg.state.image_state import ImageState, stored_state
from lazyimg.thunk.run import Run


@frozen
class ImageSource(Image):
    """An image that rests somewhere. The interface to implement for a source of one's own.

    Subclasses are ``attrs.frozen``; their fields say where it rests. The two methods are called on workers,
    when something is forced, and in a write only after the sessions with all targets stand. What they give is
    held against the digests and sizes of the documents.

    >>> @frozen
    ... class FromDict(ImageSource):
    ...     '''Read an image from a dictionary.'''
    ...     blobs: dict
    ...     def read_manifest(self, work):
    ...         return self.blobs["manifest"]
    ...     def read_blob(self, descriptor, work):
    ...         return self.blobs[descriptor.digest]

    The source of a layer is another thing: `lazyimg.Source`.
    """

    effectful: ClassVar[bool] = True

    def __init_subclass__(cls) -> None:
        """Refuse a field that would hide what every image can do.

        Raises:
            TypeError: a field is called like a method of `lazyimg.Image`.
        """
        super().__init_subclass__()
        refuse_hiding(cls, Image)

    def read_manifest(self, work: Work) -> bytes:
        """The manifest's bytes.

        Args:
            work: what reading is done with: registry clients, scratch space, counters of what is read.
        """
        raise NotImplementedError(f"{type(self).__qualname__} does not say how it reads a manifest ({work})")

    def read_blob(self, descriptor: Descriptor, work: Work) -> Iterable[bytes] | bytes:
        """The bytes of a config or layer that the manifest names, in pieces or in one, from the beginning.

        May be asked again after a fault, and by several threads at once.

        Args:
            descriptor: its media type, digest and size.
            work: as for `read_manifest`.
        """
        raise NotImplementedError(
            f"{type(self).__qualname__} does not say how it reads {descriptor} ({work})"
        )

    def evaluate(self, run: Run) -> ImageState:
        """Read the manifest.

        Raises:
            InvalidDocument: it is none.
            InvalidMutation: it is an index.
        """
        document = parse_manifest(self.read_manifest(run.runtime))
        if not isinstance(document, Manifest):
            raise InvalidMutation(f"{self!r} gave an index: a source gives the manifest of one image")
        return stored_state(document, SourceHome(self), self.origin)


@frozen
class SourceHome:
    """Where the blobs of a source of one's own rest."""

    source: ImageSource

    def __str__(self) -> str:
        return repr(self.source)

    def chunks(self, descriptor: Descriptor, offset: int, work: Work) -> Iterator[bytes]:
        """Read a blob, verified on its way.

        Raises:
            ContentMismatch: it is not what the descriptor names.
        """
        blob = self.source.read_blob(descriptor, work)
        pieces = [blob] if isinstance(blob, bytes) else blob
        return verified(pieces, descriptor, offset, f"{descriptor.digest} of {self}")

    def fetch(self, descriptor: Descriptor, limit: int, work: Work) -> bytes:
        """Read a small blob."""
        refuse_larger(descriptor, limit, str(self))
        return b"".join(self.chunks(descriptor, 0, work))
